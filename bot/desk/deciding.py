"""Decisions: by the card's buttons, by forms, and by the exact words."""

from __future__ import annotations

import anyio
import structlog

from bot.attached import NotTaken
from bot.desk.bench import Bench
from bot.desk.gate_answers import FORMS, Complaint, GateAnswers, Given
from bot.desk.place import Asker
from bot.desk.verdicts import Verdicts
from bot.digests import digests_in
from bot.grammar import Approve, Changes, Reject
from bot.intake import Clicked, Submitted
from bot.people import Acquaintance
from bot.slack import SlackFault
from bot.views import answers, decisions
from bot.views.blocks import Block
from bot.views.fields import fields_of, unfit
from bot.views.gate_buttons import ANSWER, CHANGES, CHOICE, EDIT, REJECT, gate_of, seen_by
from bot.views.gate_forms import ANSWER_FORM, EDIT_FORM, answer_form, changes_form, edit_form, no_form
from bot.views.gate_words import digest_key, gate_key
from bot.views.reject_form import reject_form
from bot.views.reply import NOTHING, Reply
from engine.rules.commands import Refusal
from store import anchors, history
from store.events import DecisionMade, DecisionRefused
from store.model import Gate, GateState, Millis, Run, Step, Verdict
from store.receipts import Receipt

log = structlog.get_logger()

GLANCE_SECONDS = 1.0  # a form must be open within three; who may not decide should not have to fill it in first
OPENS: dict[str, Verdict] = {REJECT: "reject", CHANGES: "changes", EDIT: "approve", ANSWER: "answer"}


class Deciding:
    """Carries decisions to the gates they are meant for."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._answers = GateAnswers(bench)
        self._verdicts = Verdicts(bench)

    # By words -------------------------------------------------------------------------------------------------------

    async def typed(self, ask: Approve | Reject | Changes, asker: Asker) -> Reply:
        found = await self._bench.engine.resolve_gate(ask.gate)
        if found is None or found[1].gate is None:
            return answers.no_such_gate(ask.gate, asker.place.prefix)
        run, step = found
        gate = found[1].gate
        if ask.version is not None and ask.version != gate.version:
            met = await self._bench.meet(asker.user)
            if not met.person.member:
                return answers.not_a_member(met.person)
            return decisions.other_version(gate, ask.version, await self._address(run, gate))
        gate_id = gate.id if ask.gate.upper().startswith("G-") else ask.gate
        return await self._decide(run, step, gate_id, _spoken(ask), asker)

    # By buttons -----------------------------------------------------------------------------------------------------

    async def clicked(self, clicked: Clicked, asker: Asker) -> Reply:
        """Approve, or one of the choices: it counts at once."""
        found = await self._bench.engine.resolve_gate(gate_of(clicked.value))
        wrong = await self._wrong_card(clicked, found)
        if wrong is not None:
            return wrong
        assert found is not None
        gate = found[1].gate
        assert gate is not None
        place = clicked.action_id.removeprefix(CHOICE)
        if place == clicked.action_id:
            given = Given("approve", digest=seen_by(clicked.value, gate))
        else:
            offered = dict(enumerate(gate.terms.choices))
            chosen = offered.get(int(place)) if place.isdigit() else None
            given = Given("choose", choice=chosen.value if chosen else place)
        return await self._decide(found[0], found[1], gate_of(clicked.value), given, asker)

    async def clicked_form(self, clicked: Clicked, asker: Asker) -> Reply:
        """Open a form, at once; or say why this answer would not count."""
        found = await self._bench.engine.resolve_gate(gate_of(clicked.value))
        wrong = await self._wrong_card(clicked, found)
        if wrong is not None:
            return wrong
        assert found is not None
        run, step = found
        gate = step.gate
        assert gate is not None
        with anyio.move_on_after(GLANCE_SECONDS):
            met = await self._bench.glance(asker.user, gate.approvers)
            refusal = self._verdicts.foreseen(run, gate, gate_of(clicked.value), Given(OPENS[clicked.action_id]), met)
            again = refusal is Refusal.ALREADY_DECIDED and gate.state is GateState.OPEN  # now with other words
            if refusal is not None and met.trouble is None and not again:
                return await self._refused(run, gate, refusal, met)
        try:
            await self._bench.open_form(clicked.trigger_id, await self._form(clicked.action_id, run, step, gate))
        except SlackFault as fault:
            log.warning("form.not_opened", gate=gate.name, run=run.name, error=fault.code)
            return decisions.form_missed(gate, OPENS[clicked.action_id])
        return NOTHING

    async def _form(self, action: str, run: Run, step: Step, gate: Gate) -> Block:
        scene = await self._bench.scene(run)
        match action:
            case "gate_changes":
                repeats = self._answers.repeats(scene.plan, run, step)
                titles = [scene.row_title(run.steps[key]) for key in repeats]
                return changes_form(scene, step.key, gate, titles)
            case "gate_edit":
                fields = await self._answers.fields_to_edit(gate)
                why = unfit(fields) or ("" if fields else "what may be edited is not there")
                return no_form(scene, gate, why, EDIT_FORM) if why else edit_form(scene, gate, fields)
            case "gate_answer":
                fields = fields_of(gate.terms.form)
                why = unfit(fields, files=self._bench.takes_files)
                return no_form(scene, gate, why, ANSWER_FORM) if why else answer_form(scene, gate, fields)
            case _:
                return reject_form(scene, step.key, gate)

    # By forms -------------------------------------------------------------------------------------------------------

    async def complaint(self, submitted: Submitted) -> Complaint | None:
        """What is wrong with a form that was sent, so that it stays open."""
        return await self._answers.complaint(submitted)

    async def submitted(self, submitted: Submitted, asker: Asker) -> Reply:
        """A form came back."""
        gate_id = gate_of(submitted.private_metadata)
        found = await self._bench.engine.resolve_gate(gate_id)
        if found is None or found[1].gate is None:
            return decisions.not_the_card(None)
        run, step = found
        gate = found[1].gate
        try:
            given = await self._answers.given(submitted, run, step, gate) if gate.id == gate_id else None
        except NotTaken as trouble:
            return decisions.file_not_taken(gate, trouble)
        if given is None and gate.id == gate_id and gate.state is GateState.OPEN:
            return decisions.form_missed(gate, FORMS[submitted.callback_id])
        return await self._decide(run, step, gate_id, given or Given(FORMS[submitted.callback_id]), asker)

    async def _wrong_card(self, clicked: Clicked, found: tuple[Run, Step] | None) -> Reply | None:
        """A button counts only on the card that we stored for its gate, on Home, and where only the asker sees it."""
        gate = found[1].gate if found else None
        if found is None or gate is None:
            return decisions.not_the_card(None)
        if clicked.container in ("home", "ephemeral") or clicked.channel.startswith("D"):
            return None
        run, key = found[0], gate_key(gate_of(clicked.value))
        here, card, shared = await self._bench.engine.database.read(
            lambda tx: (
                anchors.by_message(tx, clicked.channel, clicked.message_ts),
                anchors.of(tx, key),
                [digest_key(one.id) for one in digests_in(tx, run) if one.of(gate.id) is not None],
            )
        )
        if here is not None and here.key in (key, *shared):
            return None
        if here is None and card is not None and card.channel == clicked.channel and card.state == "sending":
            return None  # it stands in Slack, and where exactly is just being written down
        return decisions.not_the_card(gate, await self._address(run, gate))

    # The decision ---------------------------------------------------------------------------------------------------

    async def _decide(self, run: Run, step: Step, gate_id: str, given: Given, asker: Asker) -> Reply:
        gate = step.gate
        assert gate is not None
        if asker.key is None:
            met = await self._bench.meet(asker.user, gate.approvers)
            return await self._tried(run, gate, gate_id, given, met)
        done = await self._verdicts.give(run, step, gate_id, given, asker, asker.key)
        if done.refusal is not None:
            return await self._refused(done.run, done.gate, done.refusal, done.met)
        return await self._decided(done.run, done.gate, given.verdict, asker.user)

    async def _tried(self, run: Run, gate: Gate, gate_id: str, given: Given, met: Acquaintance) -> Reply:
        refusal = self._verdicts.foreseen(run, gate, gate_id, given, met)
        if refusal is not None:
            return await self._refused(run, gate, refusal, met)
        return decisions.would(f"{decisions.DOING[given.verdict]} {gate.name} v{gate.version}")

    async def _decided(self, run: Run, gate: Gate, verdict: Verdict, user: str) -> Reply:
        scene, address = await self._bench.scene(run), await self._address(run, gate)
        return decisions.decided(scene, gate, verdict, address, user=user)

    async def _refused(self, run: Run, gate: Gate, refusal: Refusal, met: Acquaintance) -> Reply:
        if not met.person.member:
            return answers.not_a_member(met.person)
        scene, address = await self._bench.scene(run), await self._address(run, gate)
        now = self._bench.now()
        return decisions.refused(scene, gate, refusal, met.person, now, address=address, unsure=met.unsure)

    # After a crash --------------------------------------------------------------------------------------------------

    async def told_again(self, run_id: str, user: str, verdict: Verdict, receipt: Receipt) -> Reply:
        """The answer to a decision that was carried out, from what the history says of it."""
        run = await self._bench.engine.look(run_id)
        entry = None if run is None else await self._last_word(run, user, receipt.received_at)
        step = run.steps.get(entry.place.key) if run and entry else None
        if run is None or entry is None or step is None or step.gate is None:
            return decisions.carried_out()
        if isinstance(entry, DecisionMade):
            return await self._decided(run, step.gate, verdict, user)
        met = await self._bench.glance(user, step.gate.approvers)
        return await self._refused(run, step.gate, Refusal(entry.refusal), met)

    async def _last_word(self, run: Run, user: str, since: Millis) -> DecisionMade | DecisionRefused | None:
        entries = await self._bench.engine.database.read(lambda tx: history.of(tx, run.id))
        for entry in reversed(entries):
            event = entry.event
            if isinstance(event, DecisionMade | DecisionRefused) and event.actor.id == user and event.at >= since:
                return event
        return None

    async def _address(self, run: Run, gate: Gate) -> str:
        return await self._bench.card_address(run, gate)


def _spoken(ask: Approve | Reject | Changes) -> Given:
    match ask:
        case Approve(comment=comment):
            return Given("approve", comment)
        case Reject(reason=reason):
            return Given("reject", reason)
        case Changes(comment=comment):
            return Given("changes", comment)
