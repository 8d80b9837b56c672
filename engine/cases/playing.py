"""One case, from its start to its end.

Whenever nothing moves, what the case says is done: the first decision whose gate is open, the events whose moment has
come. Then the clock goes on to the next moment at which anything is due.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.calendars import Calendar
from engine.cases import casting
from engine.cases.comparing import compare
from engine.cases.reading import Case
from engine.cases.shape import LEFT_OUT, DecisionShape, EventShape
from engine.cases.verdict import Miss, Verdict
from engine.definitions import Definition
from engine.quantities import duration_ms
from engine.rehearsal import Rehearsal
from engine.rehearsal.setting import life
from engine.rehearsal.story import length
from engine.rehearsal.world import World
from engine.workers.pool import WorkerPool
from store.events import GateClosed
from store.faults import StoreFault
from store.model import GateState, Millis
from store.model import Verdict as GateVerdict

HOPS_MAX = 10_000  # of the clock; more is a workflow that waits in a circle
_VERDICTS: Mapping[str, GateVerdict] = {
    "approve": "approve",
    "reject": "reject",
    "changes": "changes",
    "choose": "choose",
    "answer": "answer",
    "edit": "approve",
}


async def play(
    case: Case,
    workflow: str,
    definitions: Mapping[str, Definition],
    workers: WorkerPool | None = None,
    calendars: Mapping[str, Calendar] | None = None,
) -> Verdict:
    """Play a case in a world of its own, and tell what is not as expected. `workers` run its functions."""
    with tempfile.TemporaryDirectory(prefix="pointsman-") as folder:
        world = casting.cast(case, workflow, definitions, Path(folder), workers, calendars)
        async with life(world) as on_stage:
            player = _Player(case, world, on_stage)
            misses = await player.play()
            story = tuple(on_stage.told.splitlines()) if on_stage.begun else ()
    placed = tuple(_placed(case, one) for one in misses)
    return Verdict(case.source.file, case.name, case.source.spot(case.path, key=True), placed, story)


def _placed(case: Case, miss: Miss) -> Miss:
    return Miss(miss.path, miss.message, miss.hint, case.source.spot((*case.path, *miss.path)))


class _Player:
    def __init__(self, case: Case, world: World, on_stage: Rehearsal) -> None:
        self._case = case
        self._world = world
        self._on_stage = on_stage
        self._decisions = list(enumerate(case.shape.decide))
        self._events = sorted(enumerate(case.shape.events), key=lambda one: one[1].at or 0)
        self._misses: list[Miss] = []

    async def play(self) -> list[Miss]:
        if not await self._started():
            return self._misses
        for _ in range(HOPS_MAX):
            if self._on_stage.run.status.finished or self._enough():
                break
            if await self._decided() or await self._signalled():
                continue
            if not await self._on_stage.hop(self._next_own()) and not await self._wait_for_own():
                break
        self._misses += compare(self._case.shape.expect, self._on_stage)
        self._misses += self._undone()
        return self._misses

    async def _started(self) -> bool:
        """Start the run, or look whether it was refused as expected."""
        expected = self._case.shape.expect.refused
        try:
            given = casting.inputs(self._case, self._world.definition.plan, self._world.database)
            await self._on_stage.start(given)
        except (ValueError, StoreFault) as refused:
            if not expected:
                self._misses.append(Miss(("inputs",), f"the run was not started: {refused}"))
            elif expected not in str(refused):
                self._misses.append(Miss(("expect", "refused"), f'expected "{expected}", found "{refused}"'))
            return False
        if expected:
            self._misses.append(Miss(("expect", "refused"), f'expected "{expected}", and the run was started'))
        return not expected

    def _enough(self) -> bool:
        """Whether the case ends here, by its `until`."""
        until = self._case.shape.until
        if not until:
            return False
        if until[:1].isdigit():
            return self._elapsed() >= duration_ms(until)
        left = any(one.step == until for _, one in self._decisions)
        step = self._on_stage.run.steps.get(until)
        return step is not None and step.status.value == "waiting" and not left

    def _elapsed(self) -> Millis:
        return self._on_stage.now - self._on_stage.run.created_at

    async def _decided(self) -> bool:
        """The first decision that can be made now is made."""
        held: set[str] = set()  # decisions about one gate keep their order
        for place, decision in self._decisions:
            key = self._gate_of(decision)
            early = decision.at is not None and decision.at > self._elapsed()
            if key is None or key in held or early:
                held.add(key or decision.step)
                continue
            self._decisions.remove((place, decision))
            await self._decide(key, decision, ("decide", place))
            return True
        return False

    def _gate_of(self, decision: DecisionShape) -> str | None:
        """The open gate that a decision is about; of a list without a name, the first one that is open."""
        names = (decision.step, f"{decision.step}.each")
        for key in self._on_stage.asked:
            step = self._on_stage.run.steps[key]
            if step.name in names and decision.item in ("", step.item):
                return key
        return None

    async def _decide(self, key: str, decision: DecisionShape, path: tuple[str, int]) -> None:
        verb, said = _deed(decision)
        comment = decision.comment or (said if verb in ("approve", "reject", "changes") else "")
        refusal = await self._on_stage.try_to(
            _VERDICTS[verb],
            key,
            decision.by,
            comment=comment,
            choice=said if verb == "choose" else "",
            answer=said if verb == "answer" else None,
            edits=said if verb == "edit" else None,
        )
        if refusal != decision.refused:
            expected = f"expected it to be refused ({decision.refused})" if decision.refused else "expected it to count"
            found = f"it was refused: {refusal}" if refusal else "it counted"
            self._misses.append(Miss((*path, "refused") if decision.refused else path, f"{expected}, and {found}"))

    async def _signalled(self) -> bool:
        if not self._events or (self._events[0][1].at or 0) > self._elapsed():
            return False
        place, event = self._events.pop(0)
        try:
            await self._on_stage.signal(event.signal, event.data)
        except AssertionError as refused:
            self._misses.append(Miss(("events", place), str(refused).splitlines()[0]))
        return True

    def _next_own(self) -> Millis | None:
        """The next moment at which the case itself has something to say."""
        moments = [one.at for _, one in self._decisions] + [one.at for _, one in self._events]
        until = self._case.shape.until
        moments += [duration_ms(until)] if until[:1].isdigit() else []
        later = [at for at in moments if at is not None and at > self._elapsed()]
        return self._on_stage.run.created_at + min(later) if later else None

    async def _wait_for_own(self) -> bool:
        own = self._next_own()
        if own is None:
            return False
        await self._on_stage.advance(own - self._on_stage.now)
        return True

    def _undone(self) -> Iterator[Miss]:
        """What the case says and what never came to pass; what it should have said."""
        for place, decision in self._decisions:
            yield Miss(("decide", place), f"nobody was asked at `{decision.step}` any more")
        for place, event in self._events:
            yield Miss(("events", place), f"the run had ended when `{_called(event)}` was to happen")
        for step in dict.fromkeys(self._on_stage.missed):
            message = f"`{step}` would have reached outside, and nothing says what comes of it"
            yield Miss(("steps",), message, f"add it to `steps:` of the case: {step}: {{output: …}}")
        if self._misses:
            yield from self._forgotten()

    def _forgotten(self) -> Iterator[Miss]:
        """A gate that expired although the case says nothing of it was probably forgotten."""
        said = {one.step for one in self._case.shape.decide}
        expected = self._case.shape.expect.steps
        for event in self._on_stage.events(GateClosed):
            name = event.place.step.removesuffix(".each")
            if event.state is GateState.EXPIRED and name not in said and name not in expected:
                hint = f"add `decide: [{{step: {name}, approve: true}}]`, or end the case there: `until: {name}`"
                yield Miss((), f"nobody decided at `{name}`, so its gate expired", hint)


def _called(event: EventShape) -> str:
    return f"{event.signal}{f' at {length(event.at)}' if event.at else ''}"


def _deed(decision: DecisionShape) -> tuple[str, str]:
    """What is decided, and what is said with it."""
    for verb in _VERDICTS:
        said = getattr(decision, verb)
        if said is not None and said is not LEFT_OUT:
            return verb, said
    raise AssertionError("a test with a wordless decision is not played")
