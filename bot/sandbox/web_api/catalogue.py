"""Every method of the Web API that the sandbox speaks, by name."""

from bot.sandbox.web_api import chat, conversations, people, reactions, screens, sessions, uploads
from bot.sandbox.web_api.call import Method

CATALOGUE: dict[str, Method] = {
    **sessions.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **people.METHODS,
    **screens.METHODS,
    **reactions.METHODS,
    **uploads.METHODS,
}
