"""What follows by itself: steps become ready or are skipped, blocks go on, the run ends.

Emitted in the same batch as its cause. Only what stands around a changed step is looked at, so that one more item of a
long list costs the same as the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from engine.rules import blocks, graph, winding_up
from engine.rules.computing import filled, holds
from engine.rules.evolution import folded
from engine.rules.expressions import ExpressionError
from engine.rules.room import Room
from engine.rules.scope import at
from store.events import (
    ClockTurned,
    EndingBegun,
    Event,
    RunAdmitted,
    RunEnding,
    RunFinished,
    RunReopened,
    RunStarted,
    StepCancelled,
    StepFailed,
    StepHeld,
    StepReady,
    StepSkipped,
    StepSucceeded,
    VersionChanged,
)
from store.model import (
    Content,
    Facts,
    Failure,
    Json,
    Millis,
    Plan,
    Run,
    RunStatus,
    Step,
    StepKey,
    StepPlan,
    StepStatus,
)
from store.tally import is_held

UNFINISHED = frozenset({StepStatus.PENDING, StepStatus.READY, StepStatus.RUNNING, StepStatus.WAITING})
_TOUCH_ALL = frozenset({RunStarted, RunAdmitted, RunReopened, VersionChanged})


def consequences(
    plan: Plan, run: Run, facts: Facts, now: Millis, touched: Iterable[StepKey]
) -> tuple[tuple[Event, ...], Run]:
    """Everything that follows without anybody's doing, and the run after it: no half-way state is ever stored."""
    events: tuple[Event, ...] = ()
    look = Look(set(touched))
    while not run.status.finished and run.status is not RunStatus.QUEUED:
        more = tuple(_next(plan, run, look, facts, now))
        if not more:
            break
        run, now_touched = folded(run, more)
        events += more
        if not look.lists and all(type(event) is StepReady for event in more):
            break  # nothing ended by that, so nothing more follows from it
        look.at(all_touched(run, more, now_touched))
    if not run.status.finished and run.status is not RunStatus.QUEUED:
        active = run.active > 0
        if active != (run.active_since is not None):
            turned = ClockTurned(now, active)
            events, run = (*events, turned), folded(run, (turned,))[0]
    return events, run


def all_touched(run: Run, events: Iterable[Event], touched: set[StepKey]) -> Iterable[StepKey]:
    """The steps to look at after these events: all of them when the run as a whole changed."""
    return touched if _TOUCH_ALL.isdisjoint(map(type, events)) else tuple(run.steps)


class Look:
    """What is still to be looked at: steps that changed, and lists in which something did."""

    def __init__(self, steps: set[StepKey]) -> None:
        self.steps = steps
        self.lists: set[StepKey] = set()
        self.judged = False  # whether what stands next to the steps was judged

    def at(self, touched: Iterable[StepKey]) -> None:
        self.steps = set(touched) if self.judged else self.steps | set(touched)
        self.judged = False


def _next(plan: Plan, run: Run, look: Look, facts: Facts, now: Millis) -> Iterable[Event]:
    """What follows next. Blocks and items end before their neighbours are judged, and new items begin last of all."""
    if run.status is RunStatus.ENDING:
        return _wound_up(plan, run, facts, now)
    changed = _known(plan, run, look.steps)
    failed = next((step.error for step in changed if step.error is not None and _ends_run(plan, step)), None)
    if failed is not None:
        return ending(run, RunStatus.FAILED, now, error=failed)
    if plan.has_blocks:
        around = _around(plan, run, changed)
        look.lists |= {row.key for row in around if row.fan is not None}
        above = _above(plan, run, around, facts, now)
        if above:
            return above
    look.judged = True
    judged = tuple(_judged(plan, run, Room(plan, run), _to_judge(plan, run, changed), facts, now))
    if judged:
        return judged
    if all(run.steps[name].status.finished for name in plan.main):
        return _succeed(plan, run, facts, now)
    return _begun(plan, run, look.lists, facts, now) if look.lists else ()


def _known(plan: Plan, run: Run, keys: Iterable[StepKey]) -> list[Step]:
    """The steps of these keys that the plan still has, in the order of the run."""
    found = [step for key in keys if plan.knows((step := run.steps[key]).name)]
    return found if len(found) < 2 else sorted(found, key=_place)


_place = attrgetter("n")


def _ends_run(plan: Plan, step: Step) -> bool:
    if step.status is not StepStatus.FAILED or "." in step.name or graph.stands_for_item(plan, step):
        return False
    spec = plan.step(step.name)
    return spec.on_failure == "stop" and spec.phase == "main"


# Blocks and items ------------------------------------------------------------------------------------------------


def _around(plan: Plan, run: Run, changed: Iterable[Step]) -> list[Step]:
    """The blocks and items that go on, among the changed steps and around them."""
    seen: dict[StepKey, Step] = {}
    for step in changed:
        if plan.step(step.name).uses == "block":
            seen[step.key] = step
        outer = graph.above(plan, step)
        while outer is not None and outer in run.steps and outer not in seen:
            seen[outer] = run.steps[outer]
            outer = graph.above(plan, run.steps[outer])
    return [row for row in seen.values() if row.status is StepStatus.RUNNING]


def _above(plan: Plan, run: Run, around: Iterable[Step], facts: Facts, now: Millis) -> tuple[Event, ...]:
    """What the innermost of these blocks and items do that have something to do."""

    def depth(row: Step) -> int:
        return -graph.nesting(plan, row)

    for _, level in groupby(sorted(around, key=lambda row: (depth(row), row.n)), depth):
        events = tuple(event for row in level for event in blocks.next_of(plan, run, row, facts, now))
        if events:
            return events
    return ()


def _begun(plan: Plan, run: Run, lists: set[StepKey], facts: Facts, now: Millis) -> Iterator[Event]:
    """What was held goes on where there is room in its list, and new items begin."""
    room = Room(plan, run)
    going_on = [run.steps[key] for key in lists if blocks.goes_on(plan, run.steps[key])]
    held = room.held({block.key for block in going_on})
    yield from _judged(plan, run, room, held, facts, now)
    for block in sorted(going_on, key=lambda step: step.n):
        yield from blocks.begun(plan, block, room, facts, now)


# Steps -----------------------------------------------------------------------------------------------------------


def _to_judge(plan: Plan, run: Run, changed: Iterable[Step]) -> list[Step]:
    """Pending steps that changed, or that need one that ended."""
    found: dict[StepKey, Step] = {}
    for step in changed:
        if graph.stands_for_item(plan, step):
            continue
        if step.status is StepStatus.PENDING:
            found[step.key] = step
        elif step.status.finished and ":" not in step.name:
            for dependent in plan.dependents(step.name):
                other = run.steps.get(graph.key_at(plan, dependent.name, step.item))
                if other is not None and other.status is StepStatus.PENDING:
                    found[other.key] = other
    return sorted((step for step in found.values() if plan.step(step.name).phase == "main"), key=_place)


def _judged(plan: Plan, run: Run, room: Room, pending: Iterable[Step], facts: Facts, now: Millis) -> Iterator[Event]:
    for step in pending:
        yield from _judge(plan, run, room, plan.step(step.name), step, facts, now)


def _judge(plan: Plan, run: Run, room: Room, spec: StepPlan, step: Step, facts: Facts, now: Millis) -> Iterator[Event]:
    readiness = graph.readiness(run, plan, spec, step.item)
    if readiness.verdict == "wait":
        return
    if readiness.verdict == "skip":
        yield StepSkipped(now, step.place, readiness.reason)
        return
    try:
        go = spec.when is None or holds(spec.when, plan, run, facts, at(step))
    except ExpressionError as error:
        problem = Failure("when_failed", f"The condition of {spec.name} could not be computed: {error}")
        yield StepFailed(now, step.place, problem, spec.on_failure == "continue")
        return
    if not go:
        yield StepSkipped(now, step.place, "its condition was not met")
    elif spec.uses == "block":
        yield blocks.entered(plan, run, spec, step, facts, now)
    elif room.take(step):
        yield StepReady(now, step.place, now)
    elif not is_held(step):
        yield StepHeld(now, step.place)


# The end of a run ------------------------------------------------------------------------------------------------


def _succeed(plan: Plan, run: Run, facts: Facts, now: Millis) -> Iterator[Event]:
    outputs, problem = _outputs(plan, run, facts)
    if problem is None and not winding_up.last_steps(plan):
        yield RunFinished(now, RunStatus.SUCCEEDED, outputs)
    elif problem is None:
        yield RunEnding(now, RunStatus.SUCCEEDED)
    elif not winding_up.steps(plan, run, RunStatus.FAILED):
        yield RunFinished(now, RunStatus.FAILED, None, problem)
    else:
        yield RunEnding(now, RunStatus.FAILED, problem)


def _outputs(plan: Plan, run: Run, facts: Facts) -> tuple[Content | None, Failure | None]:
    if plan.outputs is None:
        return None, None
    try:
        outputs: Json = filled(plan.outputs, plan, run, facts)
    except ExpressionError as error:
        message = f"All steps are done, but the run's outputs could not be computed: {error}"
        return None, Failure("outputs_failed", message)
    return Content(outputs), None


def _wound_up(plan: Plan, run: Run, facts: Facts, now: Millis) -> Iterator[Event]:
    """An ending run: first what is under way ends, then steps are taken back, then the last steps, then it is over."""
    if not run.winding_up:
        if run.active:
            return
        wanted = winding_up.steps(plan, run, run.outcome or RunStatus.FAILED)
        if wanted:
            yield EndingBegun(now, wanted)
            return
    left = winding_up.left(plan, run)
    yield from winding_up.next_events(plan, run, left, facts, now)
    if not left:
        outcome = run.outcome or RunStatus.FAILED
        outputs = _outputs(plan, run, facts)[0] if outcome is RunStatus.SUCCEEDED else None
        yield RunFinished(now, outcome, outputs, run.error, run.reason)


def ending(
    run: Run, outcome: RunStatus, now: Millis, *, error: Failure | None = None, reason: str = ""
) -> Iterator[Event]:
    """Settle the outcome: stop what waits, and let what runs be stopped."""
    yield RunEnding(now, outcome, error, reason)
    why = f"the run {_words(outcome)}"
    for step in run.steps.values():
        if step.status is StepStatus.RUNNING and step.attempt == 0:
            yield StepCancelled(now, step.place, why)
        elif step.status in UNFINISHED and step.status is not StepStatus.RUNNING:
            yield from blocks.stopped(step, now, why)


def _words(outcome: RunStatus) -> str:
    words = {RunStatus.FAILED: "failed", RunStatus.REJECTED: "was rejected", RunStatus.SUCCEEDED: "was stopped"}
    return words.get(outcome, "was cancelled")


def gate_answered(step: Step, output: Json, now: Millis) -> StepSucceeded:
    """A gate that got its answer is a step that did its work, whatever the answer was."""
    return StepSucceeded(now, step.place, Content(output))
