"""A receipt to its reply, whatever was heard: words, a click, a form, a look at Home."""

from __future__ import annotations

from typing import Any

from bot.desk.awaiting import Awaiting
from bot.desk.bench import Bench, NotYet
from bot.desk.cancelling import Cancelling
from bot.desk.controlling import Controlling
from bot.desk.deciding import OPENS, Deciding
from bot.desk.digesting import Digesting
from bot.desk.gate_answers import FORMS
from bot.desk.looking import Looking
from bot.desk.minding import Minding
from bot.desk.overhearing import Overhearing
from bot.desk.picking import Picking
from bot.desk.place import Asker, Place, Surface, place_of
from bot.desk.retrying import Retrying
from bot.desk.showing import Showing
from bot.desk.speech import Speech
from bot.desk.starting import Starting
from bot.grammar import Status
from bot.intake import Chosen, Clicked, Heard, Invited, OpenedHome, Posted, Said, Submitted
from bot.views import answers, decisions, reply
from bot.views.digest_form import DIGEST_FORM
from bot.views.gate_buttons import APPROVE, APPROVE_ALL, CHOICE, OPENS_FORM
from bot.views.reply import NOTHING, Reply
from bot.views.retry_form import FORMS as RETRY_FORMS
from bot.views.run_again import OPENS_FORM as OPENS_RETRY_FORM
from bot.views.run_again import RETRIES
from bot.views.start_windows import WINDOWS
from store.model import Json
from store.receipts import Receipt


class Clerk:
    """Carries out what is asked. Everything that it changes names the receipt, so that it is done once."""

    def __init__(self, bench: Bench) -> None:
        self.looking = Looking(bench)
        self._bench = bench
        self._starting = Starting(bench, self.looking)
        self._overhearing = Overhearing(bench, self._starting)
        self._awaiting = Awaiting(bench)
        self._picking = Picking(bench, self._starting, self.looking)
        self._deciding = Deciding(bench)
        self._digesting = Digesting(bench)
        self._showing = Showing(bench)
        self._cancelling = Cancelling(bench)
        self._controlling = Controlling(bench)
        self._retrying = Retrying(bench)
        self._minding = Minding(bench)
        self._speech = Speech(
            bench,
            self.looking,
            self._starting,
            self._deciding,
            self._cancelling,
            self._controlling,
            self._retrying,
            self._minding,
        )

    async def say(self, text: str, user: str, place: Place) -> Reply:
        """What would be answered to this line; nothing is started or changed."""
        try:
            return await self._speech.answer(text, Asker(user, place))
        except NotYet as trouble:
            return answers.not_a_member(trouble.person)

    async def carry_out(self, receipt: Receipt, heard: Heard) -> Reply:
        match heard:
            case Said():
                asker = Asker(heard.user, place_of(heard), receipt.key, heard.files)
                return await self._speech.answer(heard.text, asker)
            case Clicked():
                return await self._clicked(heard, Asker(heard.user, _place(heard), receipt.key))
            case Submitted(callback_id=callback) if callback in FORMS:
                return await self._deciding.submitted(heard, Asker(heard.user, Place("form"), receipt.key))
            case Submitted(callback_id=callback) if callback == DIGEST_FORM:
                return await self._digesting.submitted(heard, Asker(heard.user, Place("form"), receipt.key))
            case Submitted(callback_id=callback) if callback in RETRY_FORMS:
                return await self._retrying.submitted(heard, Asker(heard.user, Place("form"), receipt.key))
            case Submitted(callback_id=callback) if callback in WINDOWS:
                return await self._picking.submitted(heard, receipt.key)
            case Chosen():
                return await self._picking.chosen(heard, receipt.key)
            case Posted():
                await self._awaiting.carry_out(heard)
                return await self._overhearing.carry_out(heard, receipt.key)
            case OpenedHome():
                return Reply("", home=True)
            case Invited(channel):
                await self._bench.invited(channel)
                return reply.NOTHING
            case _:
                return answers.unknown_button()

    async def complaint(self, submitted: Submitted) -> Json:
        """What is wrong with a form, as Slack takes it; None when it may close."""
        if submitted.callback_id in WINDOWS:
            return await self._picking.answer(submitted)
        if submitted.callback_id in RETRY_FORMS:
            found = await self._retrying.complaint(submitted)
        elif submitted.callback_id in FORMS:
            found = await self._deciding.complaint(submitted)
        elif submitted.callback_id == DIGEST_FORM:
            errors = self._digesting.complaint(submitted)
            return {"response_action": "errors", "errors": errors} if errors else None
        else:
            return None
        return None if found is None else found.response

    async def onward(self, submitted: Submitted) -> Json:
        """The page that follows a page of a form, for a form that was taken; None when the window may close."""
        return await self._digesting.onward(submitted) if submitted.callback_id == DIGEST_FORM else None

    async def concerns(self, heard: Heard) -> bool:
        """Whether there is anything to do about it; what is said in channels mostly is for others."""
        if not isinstance(heard, Posted):
            return True
        return self._overhearing.concerns(heard) or await self._awaiting.concerns(heard)

    def listens_in(self, channel: str) -> bool:
        """Whether messages in this channel start something."""
        return self._overhearing.listens_in(channel)

    async def options(self, user: str, typed: str, metadata: str) -> list[Json]:
        """What a menu offers to somebody who types into it."""
        return await self._picking.options(user, typed, metadata)

    async def tell_again(self, receipt: Receipt) -> Reply:
        """The answer to what was carried out before a crash: as it was kept, or made again from what is true."""
        kept: Any = receipt.answer
        match kept:
            case {"recipe": "started"}:
                return await self._starting.told_again(kept, str(receipt.payload.get("user") or ""))
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
        decides = action in (APPROVE, APPROVE_ALL) or action.startswith(CHOICE)
        known = self._bench.glance if action in OPENS_FORM | OPENS_RETRY_FORM else self._bench.meet
        met = await known(asker.user)
        if not met.person.member and not decides:  # a decision that does not count is part of the record
            return answers.not_a_member(met.person)
        if action == APPROVE_ALL:
            return await self._digesting.clicked_all(clicked, asker)
        if decides:
            return await self._deciding.clicked(clicked, asker)
        if action in OPENS:
            return await self._deciding.clicked_form(clicked, asker)
        if action in OPENS_RETRY_FORM:
            return await self._retrying.clicked_form(clicked, asker)
        if action in RETRIES:
            return await self._retrying.clicked(clicked, asker)
        match action:
            case "gate_show":
                return await self._showing.clicked(clicked, asker)
            case "digest_decide":
                return await self._digesting.clicked_form(clicked, asker)
            case "digest_open":
                return await self._digesting.clicked_open(clicked, asker)
            case "run_cancel":
                return await self._cancelling.clicked(clicked, asker)
            case "endpoint_try":
                return await self._minding.clicked(clicked, asker)
            case "run_resume":
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
