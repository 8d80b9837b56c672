"""What people type, as Slack writes it down: mentions, channels, links, and the rich text around them."""

import re

from bot.sandbox.refusals import Json
from bot.sandbox.workspace import Workspace

_TYPED = re.compile(
    r"(?P<entity><(?:[@#!]|https?://|mailto:)[^<>\s|]+(?:\|[^<>]*)?>|&(?:amp|lt|gt);)"
    r"|(?P<link>https?://[^\s<>|]+[^\s<>|.,;:!?'\")\]}])"
    r"|(?<![\w@.])@(?P<handle>[A-Za-z0-9][\w.-]*[A-Za-z0-9]|[A-Za-z0-9])"
    r"|(?<![\w#&])#(?P<channel>[a-z0-9][a-z0-9_-]*)"
)
_WRITTEN = re.compile(r"<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>")
_BROADCASTS = frozenset({"here", "channel", "everyone"})


def message_text(workspace: Workspace, typed: str) -> str:
    """A typed message as stored: `@ada` becomes `<@U0ADA>`."""
    return _write(workspace, typed, named=False)


def command_text(workspace: Workspace, typed: str, *, escape: bool) -> str:
    """A command's text as sent to the app; with `escape`, `@ada` becomes `<@U0ADA|ada>`."""
    return _write(workspace, typed, named=True) if escape else typed


def rich_section(written: str) -> Json:
    """Stored text as a rich text section."""
    elements: list[Json] = []
    end = 0
    for found in _WRITTEN.finditer(written):
        if found.start() > end:
            elements.append({"type": "text", "text": unescaped(written[end : found.start()])})
        elements.append(_rich_element(*found.groups()))
        end = found.end()
    if end < len(written):
        elements.append({"type": "text", "text": unescaped(written[end:])})
    return {"type": "rich_text_section", "elements": elements}


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def mentions(written: str, user_id: str) -> bool:
    return f"<@{user_id}>" in written or f"<@{user_id}|" in written


def _write(workspace: Workspace, typed: str, *, named: bool) -> str:
    written: list[str] = []
    end = 0
    for found in _TYPED.finditer(typed):
        written.append(escaped(typed[end : found.start()]))
        written.append(_entity(workspace, found, named))
        end = found.end()
    written.append(escaped(typed[end:]))
    return "".join(written)


def _entity(workspace: Workspace, found: re.Match[str], named: bool) -> str:
    if found["entity"]:
        return found["entity"]
    if found["link"]:
        return f"<{found['link'].replace('&', '&amp;')}>"
    if found["channel"]:
        channel = workspace.find_channel(found["channel"])
        return found.group() if channel is None else _tag("#", channel.id, channel.name, True)
    return _handle(workspace, found["handle"], named) or found.group()


def _handle(workspace: Workspace, handle: str, named: bool) -> str | None:
    if handle in _BROADCASTS:
        return f"<!{handle}>"
    for user in workspace.users.values():
        if user.handle == handle and not user.deleted:
            return _tag("@", user.id, user.handle, named)
    for group in workspace.groups.values():
        if group.handle == handle and not group.disabled:
            return _tag("!subteam^", group.id, f"@{group.handle}", named)
    return None


def _tag(mark: str, entity_id: str, name: str, named: bool) -> str:
    return f"<{mark}{entity_id}|{name}>" if named else f"<{mark}{entity_id}>"


def _rich_element(mark: str, body: str, label: str | None) -> Json:
    if mark == "@":
        return {"type": "user", "user_id": body}
    if mark == "#":
        return {"type": "channel", "channel_id": body}
    if mark == "!" and body.startswith("subteam^"):
        return {"type": "usergroup", "usergroup_id": body.removeprefix("subteam^")}
    if mark == "!" and body in _BROADCASTS:
        return {"type": "broadcast", "range": body}
    link: Json = {"type": "link", "url": unescaped(body)}
    return {**link, "text": unescaped(label)} if label else link
