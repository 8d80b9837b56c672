"""The stage: one life of an engine in a rehearsal. What people do to a run, what the clock does, and how it stands.

Every deed is numbered. After a crash a scenario is gone through again from its top: what was done before is passed
over, and what was cut off is done only if it is not in the record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar, cast

import anyio

from engine.activities.outputs import validate_output
from engine.inputs import read_inputs
from engine.opening import bound
from engine.quantities import duration_ms
from engine.rehearsal import moments
from engine.rehearsal.standing import Standing
from engine.rehearsal.world import World
from engine.rules.commands import Cancel, Command, Decide, Refusal, Resume, Retry, Settle, SignalRun
from engine.service import Service
from store import lookups
from store.events import DecisionMade, DecisionRefused, RunReopened, SignalReceived
from store.model import Actor, Json, Millis, Run, RunStatus, Verdict

DEADLINE_SECONDS = 30  # of real time for anything to come to rest; met only when it never will
OPERATOR = Actor("operator", "rehearsal", "rehearsal")

T = TypeVar("T")


class Rehearsal(Standing):
    """A workflow on stage. Deeds return when nothing moves at that moment; the clock stands still between them."""

    def __init__(self, service: Service, world: World) -> None:
        super().__init__(service, world)
        self._turn = 0

    # What is done ----------------------------------------------------------------------------------------------------

    async def start(self, inputs: Mapping[str, Json] | None = None, /, **more: Json) -> Run:
        """Start a run, as the requester, and let it go as far as it goes by itself at this moment."""
        given = read_inputs(self._world.definition.plan, {**(inputs or {}), **more}, typed=True)
        if given.problems:
            raise ValueError("; ".join(f"{one.message}. {one.hint}".strip() for one in given.problems))

        async def start(turn: int) -> Run:
            run = await self._begun(turn)
            if run is None:
                world, origin = self._world, {"surface": "rehearsal", "turn": turn}
                actor = world.company.actor("requester")
                started = await self._engine.start(world.workflow, given.values, actor=actor, origin=origin)
                run = started.run
            if run.id not in self._world.runs:
                self._world.runs.append(run.id)
            await self._drive()
            return await self._rested()

        return await self._once(start)

    async def approve(self, step: str, by: str = "", comment: str = "", *, item: str | None = None) -> Run:
        """Somebody approves what is asked at this step, once it is asked. AssertionError when that does not count."""
        return await self._decided(step, item, "approve", by, comment=comment)

    async def reject(self, step: str, by: str = "", comment: str = "", *, item: str | None = None) -> Run:
        return await self._decided(step, item, "reject", by, comment=comment)

    async def ask_changes(self, step: str, comment: str, by: str = "", *, item: str | None = None) -> Run:
        return await self._decided(step, item, "changes", by, comment=comment)

    async def choose(self, step: str, choice: str, by: str = "", *, item: str | None = None) -> Run:
        return await self._decided(step, item, "choose", by, choice=choice)

    async def answer(self, step: str, answer: Json, by: str = "", *, item: str | None = None) -> Run:
        return await self._decided(step, item, "answer", by, answer=answer)

    async def edit(self, step: str, fields: Mapping[str, Json], by: str = "", *, item: str | None = None) -> Run:
        """Somebody changes fields of what is shown, and so approves the changed content."""
        return await self._decided(step, item, "approve", by, edits=fields)

    async def try_to(self, verdict: Verdict, step: str, by: str = "", *, item: str | None = None, **more: Any) -> str:
        """Somebody decides; the reason when it does not count, empty when it does."""
        key = self._key(step, item)
        await self._until_asked(key)

        async def decide(turn: int) -> str:
            known = self._made(turn)
            if known is not None:
                await self._rested()
                return known
            command, person = self._decision(key, verdict, by, turn, **more)
            performed = await self._engine.perform(self.run.id, command, person=person)
            await self._rested()
            return performed.refusal.value if performed.refusal is not None else ""

        return await self._once(decide)

    async def signal(self, event: str, data: Json = None) -> Run:
        """Something happens outside that the run may wait for."""

        async def signal(turn: int) -> Run:
            actor = Actor("trigger", f"rehearsal {turn}")
            if not any(isinstance(one, SignalReceived) and one.actor == actor for one in self.history):
                await self._perform(SignalRun(actor, event, self._engine.content.kept(data)))
            return await self._rested()

        return await self._once(signal)

    async def cancel(self, reason: str = "") -> Run:
        async def cancel(turn: int) -> Run:
            if not self.run.status.finished and self.run.status is not RunStatus.ENDING:
                await self._perform(Cancel(self._world.company.actor("requester"), reason))
            return await self._rested()

        return await self._once(cancel)

    async def retry(self, from_step: str = "") -> Run:
        """Let a run that has ended go on."""

        async def retry(turn: int) -> Run:
            reason = f"rehearsal {turn}"
            if not any(isinstance(one, RunReopened) and one.reason == reason for one in self.history):
                actor = self._world.company.actor("requester")
                await self._perform(Retry(actor, reason, from_step, confirmed=True))
            return await self._rested()

        return await self._once(retry)

    async def settle(
        self, step: str, answer: Literal["happened", "again", "fail"], output: Json = None, *, item: str | None = None
    ) -> Run:
        """Say what became of an unknown effect: `happened`, `again` or `fail`."""
        key = self._key(step, item)

        async def settle(turn: int) -> Run:
            if self.run.steps[key].status.value == "unknown":
                await self._perform(Settle(key, OPERATOR, answer, self._engine.content.kept(output)))
            return await self._rested()

        return await self._once(settle)

    async def resume(self) -> Run:
        """Let a paused run go on."""

        async def resume(turn: int) -> Run:
            if self.run.status is RunStatus.PAUSED:
                await self._perform(Resume(OPERATOR))
            return await self._rested()

        return await self._once(resume)

    async def advance(self, length: str | int) -> Run:
        """Move the clock on by `2h30m` or so many milliseconds, stopping at every moment that says something."""
        ms = length if isinstance(length, int) else duration_ms(length)

        async def advance(turn: int) -> Run:
            until = self._world.targets.setdefault(turn, self.now + ms)
            await self._advance_to(until)
            return self.run

        return await self._once(advance)

    async def end(self) -> Run:
        """Move the clock on until the run has ended, or nothing more would come by itself."""

        async def end(turn: int) -> Run:
            while not self.run.status.finished and await self.hop():
                pass
            return self.run

        return await self._once(end)

    async def hop(self, until: Millis | None = None) -> bool:
        """Move the clock to the next moment that says something, but no further than this; False when there is none."""
        at = moments.next_at(await self._open_runs())
        if at is None or (until is not None and at > until):
            return False
        self._world.clock.advance(max(0, at - self.now))
        await self._rested()
        return True

    async def settle_now(self, key: str, output: Json, *, happened: bool) -> None:
        """Settle what a crash left unknown; no deed of the scenario."""
        answer: Literal["happened", "again"] = "happened" if happened else "again"
        await self._perform(Settle(key, OPERATOR, answer, self._engine.content.kept(output) if happened else None))
        await self._rested()

    # How it is done --------------------------------------------------------------------------------------------------

    async def _once(self, do: Callable[[int], Awaitable[T]]) -> T:
        """Do it, unless it was done before the engine was opened again; gives what came of it then."""
        turn = self._turn
        self._turn += 1
        answers = self._world.answers
        if turn < len(answers):
            return cast(T, answers[turn])
        answer = await do(turn)
        answers.append(answer)
        return answer

    async def _decided(self, step: str, item: str | None, verdict: Verdict, by: str, **more: Any) -> Run:
        refusal = await self.try_to(verdict, step, by, item=item, **more)
        if refusal:
            wrong = self._wrong(self._key(step, item), more) if refusal == Refusal.CONTENT_INVALID else ""
            raise AssertionError(f"{by or 'somebody'} may not {verdict} at {step}: {refusal}{wrong}\n{self.told}")
        return self.run

    def _wrong(self, key: str, given: Mapping[str, Any]) -> str:
        """What is wrong with an answer or an edit, by the schema that the gate holds it against."""
        gate = self.run.steps[key].gate
        assert gate is not None
        answered = gate.terms.form is not None
        shown = self._engine.content.value(gate.shown)
        edited = {**(shown if isinstance(shown, dict) else {}), **(given.get("edits") or {})}
        schema = gate.terms.form if answered else gate.terms.shown
        wrong = validate_output(
            schema, given.get("answer") if answered else edited, "answer" if answered else "content"
        )
        return f": {'; '.join(wrong)}" if wrong else ""

    def _decision(
        self,
        key: str,
        verdict: Verdict,
        by: str,
        turn: int,
        *,
        comment: str = "",
        choice: str = "",
        answer: Json = None,
        edits: Mapping[str, Json] | None = None,
    ) -> tuple[Decide, Any]:
        step, company, content = self.run.steps[key], self._world.company, self._engine.content
        gate = step.gate
        assert gate is not None
        actor = company.actor(by or company.somebody())
        more: dict[str, Any] = {"content": content.kept(answer)} if verdict == "answer" else {}
        if edits is not None:
            shown = content.value(gate.shown)
            before: Mapping[str, Json] = shown if isinstance(shown, dict) else {}
            edited = {**before, **edits}
            policy = self._engine.known_plan(self.run.version).step(step.name).gate
            assert policy is not None
            more = {
                "content": content.kept(edited),
                "content_digest": bound(policy, gate.question, edited, gate.approvers),
                "edits": {name: [before.get(name), value] for name, value in edits.items()},
            }
        surface = f"rehearsal {turn}"
        decide = Decide(key, actor, verdict, gate.id, comment, surface, choice=choice, digest=gate.digest, **more)
        return decide, company.person(actor.id, gate, self.now)

    def _made(self, turn: int) -> str | None:
        """What came of the decision of this turn, when it is in the record."""
        for event in self.history:
            if isinstance(event, DecisionMade | DecisionRefused) and event.surface == f"rehearsal {turn}":
                return event.refusal if isinstance(event, DecisionRefused) else ""
        return None

    async def _until_asked(self, key: str) -> None:
        """Let the clock go on until people are asked at this step; passes over what was decided in an earlier life."""
        if self._turn < len(self._world.answers) or self._made(self._turn) is not None:
            return
        while key not in self.asked:
            if self.run.status.finished or not await self.hop():
                raise AssertionError(f"Nobody is asked at {key}.\n{self.told}")

    async def _advance_to(self, until: Millis) -> None:
        while await self.hop(until):
            pass
        self._world.clock.advance(max(0, until - self.now))
        await self._rested()

    async def _perform(self, command: Command) -> None:
        performed = await self._engine.perform(self.run.id, command)
        if performed.refusal is not None:
            raise AssertionError(f"{type(command).__name__} was refused: {performed.refusal}\n{self.told}")

    async def _begun(self, turn: int) -> Run | None:
        """The run that was started in this turn, before a crash took the answer away."""
        for row in await self._engine.database.read(lookups.run_list):
            run = await self._engine.look(row.id)
            if run is not None and run.origin.get("turn") == turn:
                return run
        return None

    async def _drive(self) -> None:
        """Carry on every run that was started here."""
        driven: set[str] = set()
        for run_id in self._world.runs:
            await self._service.drive_only(run_id)
            driven |= self._service.scheduler.only or set()
            self._service.scheduler.only = driven

    async def wake(self) -> None:
        """Find what is in the file: the first thing in every life."""
        if self._world.runs:
            await self._drive()
            await self._rested()

    async def _open_runs(self) -> list[Run]:
        rows = await self._engine.database.read(lambda tx: lookups.run_list(tx, unfinished=True, limit=1_000))
        found = [await self._engine.look(row.id) for row in rows]
        return [run for run in found if run is not None]

    async def _rested(self) -> Run:
        """Wait until nothing moves at this moment, and look at the run."""
        try:
            with anyio.fail_after(DEADLINE_SECONDS):
                while True:
                    bell = self._engine.told.event()
                    if not moments.moving(await self._open_runs(), self.now):
                        break
                    await bell.wait()
        except TimeoutError:
            await self._look()
            message = f"It does not come to rest within {DEADLINE_SECONDS} seconds of real time.\n{self.told}"
            raise TimeoutError(message) from None
        return await self._look()
