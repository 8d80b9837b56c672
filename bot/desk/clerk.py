"""A receipt to its reply, whatever was heard: words, a click, a form, a look at Home."""

from __future__ import annotations

from typing import Any

from bot.desk.bench import Bench, NotYet
from bot.desk.cancelling import Cancelling
from bot.desk.deciding import Deciding
from bot.desk.looking import Looking
from bot.desk.place import Asker, Place, Surface, place_of
from bot.desk.showing import Showing
from bot.desk.speech import Speech
from bot.desk.starting import Starting
from bot.grammar import Status
from bot.intake import Clicked, Heard, Invited, OpenedHome, Said, Submitted
from bot.views import answers, decisions, reply
from bot.views.reject_form import CALLBACK
from bot.views.reply import NOTHING, Reply
from store.receipts import Receipt


class Clerk:
    """Carries out what is asked. Everything that it changes names the receipt, so that it is done once."""

    def __init__(self, bench: Bench) -> None:
        self.looking = Looking(bench)
        self._bench = bench
        self._starting = Starting(bench, self.looking)
        self._deciding = Deciding(bench)
        self._showing = Showing(bench)
        self._cancelling = Cancelling(bench)
        self._speech = Speech(bench, self.looking, self._starting, self._deciding, self._cancelling)

    async def say(self, text: str, user: str, place: Place) -> Reply:
        """What would be answered to this line; nothing is started or changed."""
        try:
            return await self._speech.answer(text, Asker(user, place))
        except NotYet as trouble:
            return answers.not_a_member(trouble.person)

    async def carry_out(self, receipt: Receipt, heard: Heard) -> Reply:
        match heard:
            case Said():
                return await self._speech.answer(heard.text, Asker(heard.user, place_of(heard), receipt.key))
            case Clicked():
                return await self._clicked(heard, Asker(heard.user, _place(heard), receipt.key))
            case Submitted(callback_id=callback) if callback == CALLBACK:
                return await self._deciding.submitted(heard, Asker(heard.user, Place("form"), receipt.key))
            case OpenedHome():
                return Reply("", home=True)
            case Invited(channel):
                await self._bench.invited(channel)
                return reply.NOTHING
            case _:
                return answers.unknown_button()

    async def tell_again(self, receipt: Receipt) -> Reply:
        """The answer to what was carried out before a crash: as it was kept, or made again from what is true."""
        kept: Any = receipt.answer
        match kept:
            case {"recipe": "started"}:
                return self._starting.started(kept["workflow"], kept["name"], kept["shown_in"], kept["notes"])
            case {"recipe": "decided"}:
                return await self._deciding.told_again(kept["run"], kept["user"], kept["verdict"], receipt)
            case {"recipe": "cancelled"}:
                return await self._cancelling.told_again(kept["run"], receipt)
            case {"text": str()}:
                return reply.load(kept)
            case _:
                return decisions.carried_out()

    async def _clicked(self, clicked: Clicked, asker: Asker) -> Reply:
        # A window opens at once or never, so that such a click cannot wait until Slack knows more.
        known = self._bench.glance if clicked.action_id in ("gate_reject", "gate_show") else self._bench.meet
        met = await known(asker.user)
        if not met.person.member and clicked.action_id != "gate_approve":
            return answers.not_a_member(met.person)
        match clicked.action_id:
            case "gate_approve":
                return await self._deciding.clicked_approve(clicked, asker)
            case "gate_reject":
                return await self._deciding.clicked_reject(clicked, asker)
            case "gate_show":
                return await self._showing.clicked(clicked, asker)
            case "run_cancel":
                return await self._cancelling.clicked(clicked, asker)
            case "run_details":
                return await self.looking.status(Status(clicked.value), asker)
            case "run_open":
                return NOTHING
            case _:
                return answers.unknown_button()


def _place(clicked: Clicked) -> Place:
    surface: Surface = "home" if clicked.container == "home" else "card"
    return Place(surface, clicked.channel, clicked.message_ts, clicked.thread_ts)
