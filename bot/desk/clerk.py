"""A receipt to its reply, whatever was heard: words, a click, a form, a look at Home."""

from __future__ import annotations

from typing import Any

from bot.desk.bench import Bench, NotYet
from bot.desk.cancelling import Cancelling
from bot.desk.controlling import Controlling
from bot.desk.deciding import OPENS, Deciding
from bot.desk.gate_answers import FORMS
from bot.desk.looking import Looking
from bot.desk.place import Asker, Place, Surface, place_of
from bot.desk.showing import Showing
from bot.desk.speech import Speech
from bot.desk.starting import Starting
from bot.grammar import Status
from bot.intake import Clicked, Heard, Invited, OpenedHome, Said, Submitted
from bot.views import answers, decisions, reply
from bot.views.gate_buttons import APPROVE, CHOICE, OPENS_FORM
from bot.views.reply import NOTHING, Reply
from store.model import Json
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
        self._controlling = Controlling(bench)
        self._speech = Speech(bench, self.looking, self._starting, self._deciding, self._cancelling, self._controlling)

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
            case Submitted(callback_id=callback) if callback in FORMS:
                return await self._deciding.submitted(heard, Asker(heard.user, Place("form"), receipt.key))
            case OpenedHome():
                return Reply("", home=True)
            case Invited(channel):
                await self._bench.invited(channel)
                return reply.NOTHING
            case _:
                return answers.unknown_button()

    async def complaint(self, submitted: Submitted) -> Json:
        """What is wrong with a form, as Slack takes it; None when it may close."""
        if submitted.callback_id not in FORMS:
            return None
        found = await self._deciding.complaint(submitted)
        return None if found is None else found.response

    async def tell_again(self, receipt: Receipt) -> Reply:
        """The answer to what was carried out before a crash: as it was kept, or made again from what is true."""
        kept: Any = receipt.answer
        match kept:
            case {"recipe": "started"}:
                return self._starting.started(kept["workflow"], kept["name"], kept["shown_in"], kept["notes"])
            case {"recipe": "decided"}:
                return await self._deciding.told_again(kept["run"], kept["user"], kept["verdict"], receipt)
            case {"recipe": "retried" | "paused" | "resumed"}:
                return await self._controlling.told_again(kept["recipe"], kept["run"], receipt)
            case {"recipe": "cancelled"}:
                return await self._cancelling.told_again(kept["run"], receipt)
            case {"text": str()}:
                return reply.load(kept)
            case _:
                return decisions.carried_out()

    async def _clicked(self, clicked: Clicked, asker: Asker) -> Reply:
        # A window opens at once or never, so that such a click cannot wait until Slack knows more.
        action = clicked.action_id
        decides = action == APPROVE or action.startswith(CHOICE)
        known = self._bench.glance if action in OPENS_FORM else self._bench.meet
        met = await known(asker.user)
        if not met.person.member and not decides:  # a decision that does not count is part of the record
            return answers.not_a_member(met.person)
        if decides:
            return await self._deciding.clicked(clicked, asker)
        if action in OPENS:
            return await self._deciding.clicked_form(clicked, asker)
        match action:
            case "gate_show":
                return await self._showing.clicked(clicked, asker)
            case "run_cancel":
                return await self._cancelling.clicked(clicked, asker)
            case "run_retry" | "run_retry_anyway" | "run_resume":
                return await self._controlling.clicked(clicked, asker)
            case "run_details":
                return await self.looking.status(Status(clicked.value), asker)
            case "run_open":
                return NOTHING
            case _:
                return answers.unknown_button()


def _place(clicked: Clicked) -> Place:
    surface: Surface = "home" if clicked.container == "home" else "card"
    return Place(surface, clicked.channel, clicked.message_ts, clicked.thread_ts)
