"""What follows by itself: steps become ready or are skipped, the run ends. Emitted in the same batch as its cause."""

from __future__ import annotations

from collections.abc import Iterator

from engine.rules import graph
from engine.rules.evolution import fold
from engine.rules.expressions import ExpressionError, Problem, Reference, condition, evaluate, parse_template
from engine.rules.scope import content_needed, scope
from store.events import (
    ClockTurned,
    Event,
    GateClosed,
    RunEnding,
    RunFinished,
    StepCancelled,
    StepFailed,
    StepReady,
    StepSkipped,
    StepSucceeded,
)
from store.model import (
    Content,
    Facts,
    Failure,
    GateState,
    Json,
    Millis,
    Plan,
    Run,
    RunStatus,
    Step,
    StepPlan,
    StepStatus,
)

ACTIVE = frozenset({StepStatus.READY, StepStatus.RUNNING})
UNFINISHED = frozenset({StepStatus.PENDING, StepStatus.READY, StepStatus.RUNNING, StepStatus.WAITING})


def consequences(plan: Plan, run: Run, facts: Facts, now: Millis) -> tuple[tuple[Event, ...], Run]:
    """Everything that follows without anybody's doing, and the run after it: no half-way state is ever stored."""
    events: tuple[Event, ...] = ()
    while not run.status.finished:
        more = tuple(_next(plan, run, facts, now))
        if not more:
            break
        events, run = events + more, fold(run, more)
        if all(type(event) is StepReady for event in more):
            break  # nothing ended by that, so nothing more follows from it
    if not run.status.finished:
        active = any(step.status in ACTIVE for step in run.steps.values())
        if active != (run.active_since is not None):
            turned = ClockTurned(now, active)
            events, run = (*events, turned), fold(run, (turned,))
    return events, run


def _next(plan: Plan, run: Run, facts: Facts, now: Millis) -> Iterator[Event]:
    statuses = {step.status for step in run.steps.values()}
    if run.status is RunStatus.ENDING:
        if not statuses & UNFINISHED:
            outcome = run.outcome or RunStatus.FAILED
            yield RunFinished(now, outcome, None, run.error, run.reason)
        return
    failed = _failed(plan, run)
    if failed is not None:
        yield from ending(run, RunStatus.FAILED, now, error=failed)
        return
    if StepStatus.PENDING in statuses:
        for spec in plan.steps:
            step = run.steps[spec.name]
            if step.status is StepStatus.PENDING:
                yield from _judge(plan, run, spec, step, facts, now)
    elif not statuses & UNFINISHED and StepStatus.UNKNOWN not in statuses:
        yield _succeed(plan, run, facts, now)


def _failed(plan: Plan, run: Run) -> Failure | None:
    for spec in plan.steps:
        step = run.steps[spec.name]
        if step.status is StepStatus.FAILED and spec.on_failure == "stop":
            return step.error
    return None


def _judge(plan: Plan, run: Run, spec: StepPlan, step: Step, facts: Facts, now: Millis) -> Iterator[Event]:
    readiness = graph.readiness(run, spec)
    if readiness.verdict == "wait":
        return
    if readiness.verdict == "skip":
        yield StepSkipped(now, step.place, readiness.reason)
        return
    try:
        go = spec.when is None or _holds(spec.when, plan, run, facts)
    except ExpressionError as error:
        problem = Failure("when_failed", f"The condition of {spec.name} could not be computed: {error}")
        yield StepFailed(now, step.place, problem, spec.on_failure == "continue")
        return
    yield StepReady(now, step.place, now) if go else StepSkipped(now, step.place, "its condition was not met")


def _holds(when: str, plan: Plan, run: Run, facts: Facts) -> bool:
    expression = condition(when)
    value = evaluate(expression, scope(plan, run, expression.references, facts))
    if type(value) is not bool:
        raise ExpressionError(Problem(0, len(when), "it gave something other than true or false"), when)
    return value


def _succeed(plan: Plan, run: Run, facts: Facts, now: Millis) -> Event:
    if plan.outputs is None:
        return RunFinished(now, RunStatus.SUCCEEDED)
    template = parse_template(plan.outputs)
    try:
        outputs: Json = template.fill(scope(plan, run, template.references, facts))
    except ExpressionError as error:
        problem = Failure("outputs_failed", f"All steps are done, but the run's outputs could not be computed: {error}")
        return RunFinished(now, RunStatus.FAILED, None, problem)
    return RunFinished(now, RunStatus.SUCCEEDED, Content(outputs))


def ending(
    run: Run, outcome: RunStatus, now: Millis, *, error: Failure | None = None, reason: str = ""
) -> Iterator[Event]:
    """Settle the outcome: stop what waits, and let what runs be stopped."""
    yield RunEnding(now, outcome, error, reason)
    for step in run.steps.values():
        if step.status in UNFINISHED and step.status is not StepStatus.RUNNING:
            if step.gate is not None and step.gate.state is GateState.OPEN:
                yield GateClosed(now, step.place, GateState.WITHDRAWN)
            yield StepCancelled(now, step.place, f"the run {_words(outcome)}")


def _words(outcome: RunStatus) -> str:
    return {RunStatus.FAILED: "failed", RunStatus.REJECTED: "was rejected"}.get(outcome, "was cancelled")


def gate_answered(step: Step, output: Json, now: Millis) -> StepSucceeded:
    """A gate that got its answer is a step that did its work, whatever the answer was."""
    return StepSucceeded(now, step.place, Content(output))


def wants(plan: Plan, run: Run) -> frozenset[str]:
    """Hashes of the values kept outside the rows that `handle` may need for this run."""
    outside = {step.output.hash for step in run.steps.values() if step.output and step.output.hash}
    shown = {step.gate.shown.hash for step in run.steps.values() if step.gate and step.gate.shown.hash}
    if run.inputs.hash is None and not outside and not shown:
        return frozenset()
    references: list[Reference] = []
    for spec in plan.steps:
        if spec.when is not None and run.steps[spec.name].status is StepStatus.PENDING:
            references += condition(spec.when).references
    if plan.outputs is not None:
        references += parse_template(plan.outputs).references
    open_gates = {
        step.gate.shown.hash
        for step in run.steps.values()
        if step.gate and step.gate.state is GateState.OPEN and step.gate.shown.hash
    }
    return content_needed(run, references) | open_gates
