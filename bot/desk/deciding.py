"""Approve and reject: by the card's buttons, the form for a reason, and the exact words."""

from __future__ import annotations

import anyio
import structlog

from bot.desk.bench import Bench, NotYet, recipe
from bot.desk.place import Asker
from bot.grammar import Approve, Reject
from bot.intake import Clicked, Submitted
from bot.people import Acquaintance
from bot.slack import SlackFault
from bot.views import answers, decisions
from bot.views.gate_words import gate_key
from bot.views.reject_form import REASON, reject_form
from bot.views.reply import NOTHING, Reply
from engine.rules import gates
from engine.rules.commands import Decide, Refusal
from store import anchors, history
from store.events import DecisionMade, DecisionRefused
from store.model import LIMITS, Actor, Facts, Gate, Millis, Run, Step, Verdict
from store.receipts import Receipt

log = structlog.get_logger()

GLANCE_SECONDS = 1.0  # a form must be open within three; who may not decide should not have to write a reason first


class Deciding:
    """Carries decisions to the gates they are meant for."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    # By words -------------------------------------------------------------------------------------------------------

    async def typed(self, ask: Approve | Reject, asker: Asker) -> Reply:
        found = await self._bench.engine.resolve_gate(ask.gate)
        if found is None or found[1].gate is None:
            return answers.no_such_gate(ask.gate, asker.place.prefix)
        run, step = found
        gate = found[1].gate
        if ask.version is not None and ask.version != gate.version:
            met = await self._bench.meet(asker.user)
            if not met.person.member:
                return answers.not_a_member(met.person)
            return decisions.other_version(gate, ask.version, await self._address(gate))
        gate_id = gate.id if ask.gate.upper().startswith("G-") else ask.gate
        comment = ask.comment if isinstance(ask, Approve) else ask.reason
        return await self._decide(run, step, gate_id, _verdict(ask), comment, asker)

    # By buttons -----------------------------------------------------------------------------------------------------

    async def clicked_approve(self, clicked: Clicked, asker: Asker) -> Reply:
        found = await self._bench.engine.resolve_gate(clicked.value)
        wrong = await self._wrong_card(clicked, found)
        if wrong is not None:
            return wrong
        assert found is not None
        return await self._decide(found[0], found[1], clicked.value, "approve", "", asker)

    async def clicked_reject(self, clicked: Clicked, asker: Asker) -> Reply:
        """Open the form for a reason, at once; or say why this answer would not count."""
        found = await self._bench.engine.resolve_gate(clicked.value)
        wrong = await self._wrong_card(clicked, found)
        if wrong is not None:
            return wrong
        assert found is not None
        run, step = found
        gate = step.gate
        assert gate is not None
        with anyio.move_on_after(GLANCE_SECONDS):
            met = await self._bench.glance(asker.user, gate.approvers)
            refusal = self._foreseen(run, gate, clicked.value, met)
            if refusal is not None and met.trouble is None:
                return await self._refused(run, gate, refusal, met)
        form = reject_form(await self._bench.scene(run), step.key, gate)
        try:
            await self._bench.open_form(clicked.trigger_id, form)
        except SlackFault as fault:
            log.warning("form.not_opened", gate=gate.name, run=run.name, error=fault.code)
            return decisions.form_missed(gate)
        return NOTHING

    async def submitted(self, submitted: Submitted, asker: Asker) -> Reply:
        """The form came back with a reason."""
        found = await self._bench.engine.resolve_gate(submitted.private_metadata)
        if found is None:
            return decisions.not_the_card(None)
        reason = submitted.values.get(REASON, "").strip()
        if not reason:
            return decisions.form_missed(found[1].gate)
        return await self._decide(found[0], found[1], submitted.private_metadata, "reject", reason, asker)

    async def _wrong_card(self, clicked: Clicked, found: tuple[Run, Step] | None) -> Reply | None:
        """A button counts only on the card that we stored for its gate, on Home, and where only the asker sees it."""
        gate = found[1].gate if found else None
        if found is None or gate is None:
            return decisions.not_the_card(None)
        if clicked.container in ("home", "ephemeral") or clicked.channel.startswith("D"):
            return None
        key = gate_key(clicked.value)
        here, card = await self._bench.engine.database.read(
            lambda tx: (anchors.by_message(tx, clicked.channel, clicked.message_ts), anchors.of(tx, key))
        )
        if here is not None and here.key == key:
            return None
        if here is None and card is not None and card.channel == clicked.channel and card.state == "sending":
            return None  # it stands in Slack, and where exactly is just being written down
        return decisions.not_the_card(gate, await self._address(gate))

    def _foreseen(self, run: Run, gate: Gate, gate_id: str, met: Acquaintance) -> Refusal | None:
        """What the rules would say to a rejection by this person now."""
        actor = Actor("person", met.person.id, met.person.name)
        command = Decide("", actor, "reject", gate_id)
        return gates.refusal(run, gate, command, Facts(person=met.person), self._bench.now())

    # The decision ---------------------------------------------------------------------------------------------------

    async def _decide(self, run: Run, step: Step, gate_id: str, verdict: Verdict, comment: str, asker: Asker) -> Reply:
        gate = step.gate
        assert gate is not None
        if asker.key is None:
            met = await self._bench.meet(asker.user, gate.approvers)
            return await self._tried(run, gate, gate_id, verdict, met)
        for anew in (False, True):
            met = await self._met(run, gate, gate_id, asker.user, anew=anew)
            command = Decide(
                step.key,
                Actor("person", asker.user, met.person.name),
                verdict,
                gate_id,
                comment[: LIMITS.comment_max],
                asker.place.surface,
            )
            facts = recipe("decided", run=run.id, user=asker.user, verdict=verdict)
            done = await self._bench.engine.perform(run.id, command, person=met.person, receipt=asker.key, answer=facts)
            if done.refusal is not Refusal.FACTS_TOO_OLD:
                break
        after = done.run.steps[step.key].gate or gate
        if done.refusal is not None:
            return await self._refused(done.run, after, done.refusal, met)
        return await self._decided(done.run, after, verdict)

    async def _met(self, run: Run, gate: Gate, gate_id: str, user: str, *, anew: bool) -> Acquaintance:
        """Who decides. Raises NotYet when it hangs on a group of which Slack cannot say at the moment who is in it."""
        met = await self._bench.meet(user, gate.approvers, anew=anew)
        if met.trouble is not None and self._foreseen(run, gate, gate_id, met) is Refusal.ACTOR_NOT_APPROVER:
            raise NotYet(met.trouble, met.person)
        return met

    async def _tried(self, run: Run, gate: Gate, gate_id: str, verdict: Verdict, met: Acquaintance) -> Reply:
        refusal = self._foreseen(run, gate, gate_id, met)
        if refusal is not None:
            return await self._refused(run, gate, refusal, met)
        return decisions.would(f"{verdict} {gate.name} v{gate.version}")

    async def _decided(self, run: Run, gate: Gate, verdict: Verdict) -> Reply:
        return decisions.decided(await self._bench.scene(run), gate, verdict, await self._address(gate))

    async def _refused(self, run: Run, gate: Gate, refusal: Refusal, met: Acquaintance) -> Reply:
        if not met.person.member:
            return answers.not_a_member(met.person)
        scene, address = await self._bench.scene(run), await self._address(gate)
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
            return await self._decided(run, step.gate, verdict)
        met = await self._bench.glance(user, step.gate.approvers)
        return await self._refused(run, step.gate, Refusal(entry.refusal), met)

    async def _last_word(self, run: Run, user: str, since: Millis) -> DecisionMade | DecisionRefused | None:
        entries = await self._bench.engine.database.read(lambda tx: history.of(tx, run.id))
        for entry in reversed(entries):
            event = entry.event
            if isinstance(event, DecisionMade | DecisionRefused) and event.actor.id == user and event.at >= since:
                return event
        return None

    async def _address(self, gate: Gate) -> str:
        return await self._bench.address(gate_key(gate.id))


def _verdict(ask: Approve | Reject) -> Verdict:
    return "approve" if isinstance(ask, Approve) else "reject"
