"""Winding up: when a run is over, finished steps are taken back if it ended badly, and then its last steps are done.

Steps are taken back one after the other, in the reverse order of their completion, as the record tells it and not the
clock; one whose effect is unknown is taken back as well, by when it began. What cannot be taken back is reported, and
the rest goes on. A run is not over while the effect of taking something back is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.rules import graph
from engine.rules.computing import holds
from engine.rules.expressions import ExpressionError
from engine.rules.scope import at
from store.events import Event, StepFailed, StepReady, StepSkipped
from store.model import Facts, Failure, Millis, Plan, Run, RunStatus, Step, StepKey, StepPlan, StepStatus

_DONE = frozenset({StepStatus.SUCCEEDED, StepStatus.UNKNOWN})
_OVER = frozenset(status for status in StepStatus if status.finished)


def belongs(plan: Plan, step: Step) -> bool:
    """Whether this row takes a step back, or is one of the last steps."""
    return ":" in step.name or (plan.knows(step.name) and plan.step(step.name).phase == "finally")


def last_steps(plan: Plan) -> tuple[StepPlan, ...]:
    return tuple(spec for spec in plan.within("") if spec.phase == "finally")


def steps(plan: Plan, run: Run, outcome: RunStatus) -> tuple[StepKey, ...]:
    """What is to be done when the rest is over, in order."""
    last = tuple(spec.name for spec in last_steps(plan))
    if outcome is RunStatus.SUCCEEDED:
        return last
    known = {spec.name for spec in plan.undo}
    done = [step for step in run.steps.values() if left_traces(step) and f"{step.name}:undo" in known]
    latest_first = sorted(done, key=lambda step: (step.seq, step.n), reverse=True)
    return (*(undo_key(step) for step in latest_first), *last)


def left_traces(step: Step) -> bool:
    """Whether the step's effect took place, or may have: also when it was given away and goes on elsewhere."""
    unclear = step.error is not None and step.error.maybe_happened
    return step.status in _DONE or step.memo is not None or unclear


def undo_key(step: Step) -> StepKey:
    """The row that takes this one back."""
    name = f"{step.name}:undo"
    return name if step.item is None else f"{name}[{step.item}]"


def left(plan: Plan, run: Run) -> list[Step]:
    """What of it is not over yet."""
    unfinished = (step for step in run.steps.values() if step.status not in _OVER)
    return [step for step in unfinished if belongs(plan, step)]


def next_events(plan: Plan, run: Run, left: list[Step], facts: Facts, now: Millis) -> Iterator[Event]:
    """What is done next of what is left."""
    undoing = [step for step in left if ":" in step.name and step.status is not StepStatus.UNKNOWN]
    if undoing:
        if all(step.status is StepStatus.PENDING for step in undoing):
            yield StepReady(now, min(undoing, key=lambda step: step.n).place, now)
        return
    for spec in last_steps(plan):
        step = run.steps[spec.name]
        if step.status is StepStatus.PENDING:
            yield from _judge(plan, run, spec, step, facts, now)


def _judge(plan: Plan, run: Run, spec: StepPlan, step: Step, facts: Facts, now: Millis) -> Iterator[Event]:
    readiness = graph.readiness(run, plan, spec)
    if readiness.verdict == "wait":
        return
    if readiness.verdict == "skip":
        yield StepSkipped(now, step.place, readiness.reason)
        return
    try:
        go = spec.when is None or holds(spec.when, plan, run, facts, at(step))
    except ExpressionError as error:
        problem = Failure("when_failed", f"The condition of {spec.name} could not be computed: {error}")
        yield StepFailed(now, step.place, problem, continued=True)
        return
    yield StepReady(now, step.place, now) if go else StepSkipped(now, step.place, "its condition was not met")
