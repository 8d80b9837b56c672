"""An answer at one gate, from whoever gave it to the engine: with fresh facts about them, under the rules."""

from __future__ import annotations

from dataclasses import dataclass

from bot.desk.bench import Bench, NotYet, recipe
from bot.desk.gate_answers import Given
from bot.desk.place import Asker
from bot.people import Acquaintance
from engine.rules import gates
from engine.rules.commands import Decide, Refusal
from store.model import LIMITS, Actor, Facts, Gate, Run, Step


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an answer: the run and its gate as they stand since, and why it did not count."""

    run: Run
    gate: Gate
    met: Acquaintance
    refusal: Refusal | None = None


class Verdicts:
    """Gives answers. There is no other way from people to a gate."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def give(
        self, run: Run, step: Step, gate_id: str, given: Given, asker: Asker, receipt: str | None
    ) -> Outcome:
        """Have an answer counted or refused, on record either way. Raises NotYet when Slack cannot say who they are.

        `receipt` is noted as carried out in the same commit; None when more is to be done for it.
        """
        gate = step.gate
        assert gate is not None
        for anew in (False, True):
            met = await self._met(run, gate, gate_id, given, asker.user, anew=anew)
            command = Decide(
                step.key,
                Actor("person", asker.user, met.person.name),
                given.verdict,
                gate_id,
                given.comment[: LIMITS.comment_max],
                asker.place.surface,
                choice=given.choice,
                content=given.content,
                content_digest=given.content_digest,
                edits=given.edits,
                confirmed=given.confirmed,
                digest=given.digest,
            )
            facts = recipe("decided", run=run.id, user=asker.user, verdict=given.verdict)
            done = await self._bench.engine.perform(run.id, command, person=met.person, receipt=receipt, answer=facts)
            if done.refusal is not Refusal.FACTS_TOO_OLD:
                break
        return Outcome(done.run, done.run.steps[step.key].gate or gate, met, done.refusal)

    def foreseen(self, run: Run, gate: Gate, gate_id: str, given: Given, met: Acquaintance) -> Refusal | None:
        """What the rules would say to this answer by this person now; what is filled in is not looked at."""
        actor = Actor("person", met.person.id, met.person.name)
        command = Decide("", actor, given.verdict, gate_id, choice=given.choice)
        refusal = gates.refusal(run, gate, command, Facts(person=met.person), self._bench.now())
        return None if refusal is Refusal.CONTENT_INVALID else refusal  # it is not there before a form is filled in

    async def _met(self, run: Run, gate: Gate, gate_id: str, given: Given, user: str, *, anew: bool) -> Acquaintance:
        """Who decides. Raises NotYet when it hangs on a group of which Slack cannot say at the moment who is in it."""
        met = await self._bench.meet(user, (*gate.approvers, *gate.terms.among), anew=anew)
        unclear = (Refusal.ACTOR_NOT_APPROVER, Refusal.ACTOR_NOT_AMONG)
        if met.trouble is not None and self.foreseen(run, gate, gate_id, given, met) in unclear:
            raise NotYet(met.trouble, met.person)
        return met
