"""How a run may change: commands in, events out. All the judgement about a run is made here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.rules import gates, retry
from engine.rules.commands import (
    Answer,
    Cancel,
    Claim,
    Command,
    Decide,
    KeepAnswer,
    OpenGate,
    Pause,
    Refusal,
    ReportFailure,
    ReportInterrupted,
    ReportSuccess,
    Resume,
    Settle,
    StartRun,
    StartWait,
    Tick,
)
from engine.rules.consequences import consequences, ending, gate_answered
from engine.rules.evolution import fold
from store.events import (
    AnswerKept,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    CancelRequested,
    DecisionMade,
    DecisionRefused,
    Event,
    GateClosed,
    GateOpened,
    GateOverdue,
    ReportIgnored,
    RunPaused,
    RunResumed,
    RunStarted,
    StepCancelled,
    StepFailed,
    StepReady,
    StepSettled,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
)
from store.model import (
    ENGINE,
    Content,
    Coordinates,
    Decision,
    Facts,
    Failure,
    Gate,
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


def handle(plan: Plan, run: Run | None, command: Command, facts: Facts, now: Millis) -> Answer:
    """Everything that follows from the command, in order, or the reason why nothing does.

    `facts` must hold what `wants` asked for. A refusal may come with events: refused clicks and late reports are
    part of the record although they change nothing.
    """
    if run is None:
        if not isinstance(command, StartRun):
            raise ValueError(f"{type(command).__name__} before the run was started")
        answer = Answer(_start(plan, command, now))
    else:
        answer = _ANSWERS[type(command)](plan, run, command, facts, now)
    if not answer.events:
        return Answer((), answer.refusal, run)
    after = fold(run, answer.events)
    if type(command) is Claim:
        return Answer(answer.events, None, after)  # ready or running is the same to all other steps: nothing follows
    follow, after = consequences(plan, after, facts, now)
    return Answer(answer.events + follow, answer.refusal, after)


def _start(plan: Plan, command: StartRun, now: Millis) -> tuple[Event, ...]:
    return (
        RunStarted(
            at=now,
            id=command.id,
            name=command.name,
            workflow=plan.workflow,
            version=plan.version,
            actor=command.actor,
            origin=command.origin,
            inputs=command.inputs,
            trace_id=command.trace_id,
            steps=tuple(step.name for step in plan.steps),
            duration_ms=plan.duration_ms,
            dedupe_key=command.dedupe_key,
        ),
    )


def _started_already(plan: Plan, run: Run, command: StartRun, facts: Facts, now: Millis) -> Answer:
    raise ValueError(f"{run.id} was started already")


# Attempts and their reports --------------------------------------------------------------------------------------


def _claim(plan: Plan, run: Run, command: Claim, facts: Facts, now: Millis) -> Answer:
    step = run.steps[command.step]
    if run.status is not RunStatus.RUNNING:
        return Answer(refusal=_closed(run))
    if step.status is not StepStatus.READY or step.due_at is None or step.due_at > now:
        return Answer(refusal=Refusal.STEP_NOT_READY)
    return Answer((AttemptStarted(now, Coordinates(step.name, step.item, step.round, step.attempt + 1)),))


def _success(plan: Plan, run: Run, command: ReportSuccess, facts: Facts, now: Millis) -> Answer:
    if _stale(run, command.place):
        return Answer((ReportIgnored(now, command.place, "success"),), Refusal.ATTEMPT_STALE)
    return Answer((StepSucceeded(now, command.place, command.output, command.receipt, command.usage),))


def _failure(plan: Plan, run: Run, command: ReportFailure, facts: Facts, now: Millis) -> Answer:
    place, error = command.place, command.error
    if _stale(run, place):
        return Answer((ReportIgnored(now, place, "failure", error),), Refusal.ATTEMPT_STALE)
    step, spec = run.steps[place.key], plan.step(place.step)
    if error.maybe_happened and spec.effect == "once":
        return Answer((StepUnknown(now, place, error),))
    if run.status is RunStatus.ENDING:
        return Answer((StepCancelled(now, place, error.message),))
    due_at = retry.next_try_at(run, spec, step, error, now)
    if due_at is not None:
        return Answer((AttemptFailed(now, place, error, due_at, command.usage, command.receipt),))
    return Answer((StepFailed(now, place, error, spec.on_failure == "continue", command.usage, command.receipt),))


def _interrupted(plan: Plan, run: Run, command: ReportInterrupted, facts: Facts, now: Millis) -> Answer:
    place = command.place
    if _stale(run, place):
        return Answer((ReportIgnored(now, place, "interrupted"),), Refusal.ATTEMPT_STALE)
    step, spec = run.steps[place.key], plan.step(place.step)
    if spec.effect == "once":
        return Answer((StepUnknown(now, place, _cut_off(command.reason)),))
    if run.status is RunStatus.ENDING:
        return Answer((StepCancelled(now, place, command.reason),))
    if not command.counts:
        return Answer((AttemptInterrupted(now, place, command.reason, now, counts=False),))
    crashes = step.crashes + 1
    wait_ms = 0 if crashes == 1 else min(spec.retry.backoff_max_ms, 1_000 * 2 ** min(crashes - 2, 16))
    again = AttemptInterrupted(now, place, command.reason, now + wait_ms)
    if crashes < spec.retry.crashes or run.status is RunStatus.PAUSED:
        return Answer((again,))
    reason = f"{step.key} was interrupted {crashes} times, the last time because {command.reason}"
    return Answer((again, RunPaused(now, ENGINE, reason)))


def _cut_off(reason: str) -> Failure:
    return Failure(
        "interrupted",
        f"The step was cut off: {reason}. Its effect may have happened.",
        hint="Look whether it happened, then settle the step.",
        maybe_happened=True,
    )


def _keep(plan: Plan, run: Run, command: KeepAnswer, facts: Facts, now: Millis) -> Answer:
    if _stale(run, command.place):
        return Answer(refusal=Refusal.ATTEMPT_STALE)
    return Answer((AnswerKept(now, command.place, command.label, command.answer),))


def _stale(run: Run, place: Coordinates) -> bool:
    step = run.steps.get(place.key)
    return step is None or step.status is not StepStatus.RUNNING or step.attempt != place.attempt


# Gates and waits -------------------------------------------------------------------------------------------------


def _open(plan: Plan, run: Run, command: OpenGate, facts: Facts, now: Millis) -> Answer:
    place = command.place
    if _stale(run, place):
        return Answer(refusal=Refusal.ATTEMPT_STALE)
    if run.status is RunStatus.ENDING:
        return Answer((StepCancelled(now, place, "the run is ending"),))
    policy, last = plan.step(place.step).gate, run.steps[place.key].gate
    assert policy is not None
    opened = GateOpened(
        at=now,
        place=place,
        id=facts.gate_id,
        number=last.number if last else facts.gate_number,
        version=last.version + 1 if last else 1,
        question=command.question,
        shown=command.shown,
        card=command.card,
        digest=command.digest,
        approvers=policy.approvers,
        quorum=policy.quorum,
        requester_may_decide=policy.requester_may_decide,
        due_at=None if policy.due_ms is None else now + policy.due_ms,
        expires_at=now + policy.expires_ms,
    )
    return Answer((opened,))


def _wait(plan: Plan, run: Run, command: StartWait, facts: Facts, now: Millis) -> Answer:
    if _stale(run, command.place):
        return Answer(refusal=Refusal.ATTEMPT_STALE)
    if run.status is RunStatus.ENDING:
        return Answer((StepCancelled(now, command.place, "the run is ending"),))
    return Answer((StepWaiting(now, command.place, command.until_at),))


def _decide(plan: Plan, run: Run, command: Decide, facts: Facts, now: Millis) -> Answer:
    step = run.steps.get(command.step)
    if step is None:
        return Answer(refusal=Refusal.STEP_UNKNOWN_NAME)
    gate = step.gate
    refusal = gates.refusal(run, gate, command, facts, now)
    if refusal is Refusal.FACTS_TOO_OLD:
        return Answer(refusal=refusal)  # asked again with fresh facts at once: nothing to keep
    if refusal is not None:
        note = DecisionRefused(now, step.place, command.actor, command.verdict, refusal.value, command.surface)
        late = _expire(plan, run, step, facts, now) if refusal is Refusal.GATE_EXPIRED else ()
        return Answer((note, *late), refusal)
    assert gate is not None
    made = DecisionMade(
        now,
        step.place,
        command.actor,
        command.verdict,
        gate.digest,
        command.comment,
        command.surface,
        command.override,
    )
    decision = Decision(made.actor, made.verdict, now, gate.digest, made.comment, made.surface, made.override)
    state = gates.tally(gate, (*gate.decisions, decision))
    if state is GateState.OPEN:
        return Answer((made,))
    return Answer((made, *_close(plan, run, step, state, decision, facts, now)))


def _close(
    plan: Plan, run: Run, step: Step, state: GateState, decision: Decision, facts: Facts, now: Millis
) -> tuple[Event, ...]:
    spec, gate = plan.step(step.name), step.gate
    assert gate is not None
    assert spec.gate is not None
    closed = GateClosed(now, step.place, state)
    verdict: gates.Answered = "approved" if state is GateState.APPROVED else "rejected"
    answered = gate_answered(step, gates.output(verdict, _shown(gate, facts), decision, now), now)
    if state is GateState.APPROVED or spec.gate.on_reject == "continue":
        return closed, answered
    after = fold(run, (closed, answered))
    reason = f"{decision.actor.name or decision.actor.id} rejected {gate.name}" + (
        f": {decision.comment}" if decision.comment else ""
    )
    return closed, answered, *ending(after, RunStatus.REJECTED, now, reason=reason)


def _expire(plan: Plan, run: Run, step: Step, facts: Facts, now: Millis) -> tuple[Event, ...]:
    gate, policy = step.gate, plan.step(step.name).gate
    if gate is None or policy is None or gate.state is not GateState.OPEN or now < gate.expires_at:
        return ()
    closed = GateClosed(now, step.place, GateState.EXPIRED)
    reason = f"Nobody decided {gate.name} in time"
    match policy.on_expiry:
        case "fail":
            error = Failure("gate_expired", f"{reason}.", hint="Run it again and ask the approvers to look in time.")
            return closed, StepFailed(now, step.place, error, plan.step(step.name).on_failure == "continue")
        case "approve":
            return closed, _expired_output(gate, step, "approved", facts, now)
        case "continue":
            return closed, _expired_output(gate, step, "expired", facts, now)
        case "reject":
            answered = _expired_output(gate, step, "expired", facts, now)
            after = fold(run, (closed, answered))
            return closed, answered, *ending(after, RunStatus.REJECTED, now, reason=reason)


def _expired_output(gate: Gate, step: Step, verdict: gates.Answered, facts: Facts, now: Millis) -> Event:
    return gate_answered(step, gates.output(verdict, _shown(gate, facts), None, now), now)


def _shown(gate: Gate, facts: Facts) -> Json:
    return gate.shown.value if gate.shown.hash is None else facts.content[gate.shown.hash]


def _tick(plan: Plan, run: Run, command: Tick, facts: Facts, now: Millis) -> Answer:
    if run.status.finished or run.status is RunStatus.ENDING:
        return Answer()
    if run.status is RunStatus.RUNNING and run.deadline_at is not None and now >= run.deadline_at:
        error = Failure("run_timeout", "The run took longer than its workflow allows.", hint="See limits.duration.")
        return Answer(tuple(ending(run, RunStatus.FAILED, now, error=error)))
    events: list[Event] = []
    for step in run.steps.values():
        if step.status is StepStatus.WAITING and step.due_at is not None and step.due_at <= now:
            events += _timer(plan, fold(run, events), step, facts, now)
            if fold(run, events).status is RunStatus.ENDING:
                break
    return Answer(tuple(events))


def _timer(plan: Plan, run: Run, step: Step, facts: Facts, now: Millis) -> tuple[Event, ...]:
    gate = step.gate
    if gate is None:
        output = Content({"until": gates.rfc3339(step.due_at or now)})
        return (StepSucceeded(now, step.place, output),)
    expired = _expire(plan, run, step, facts, now)
    if expired:
        return expired
    return (GateOverdue(now, step.place),) if not gate.overdue else ()


# A run as a whole ------------------------------------------------------------------------------------------------


def _cancel(plan: Plan, run: Run, command: Cancel, facts: Facts, now: Millis) -> Answer:
    if run.status.finished or run.status is RunStatus.ENDING:
        return Answer(refusal=_closed(run))
    requested = CancelRequested(now, command.actor, command.reason)
    after = fold(run, (requested,))
    return Answer((requested, *ending(after, RunStatus.CANCELLED, now, reason=command.reason)))


def _pause(plan: Plan, run: Run, command: Pause, facts: Facts, now: Millis) -> Answer:
    if run.status is not RunStatus.RUNNING:
        return Answer(refusal=_closed(run))
    return Answer((RunPaused(now, command.actor, command.reason),))


def _resume(plan: Plan, run: Run, command: Resume, facts: Facts, now: Millis) -> Answer:
    if run.status is not RunStatus.PAUSED:
        return Answer(refusal=_closed(run) if run.status is not RunStatus.RUNNING else Refusal.RUN_NOT_PAUSED)
    return Answer((RunResumed(now, command.actor),))


def _settle(plan: Plan, run: Run, command: Settle, facts: Facts, now: Millis) -> Answer:
    step = run.steps.get(command.step)
    if step is None:
        return Answer(refusal=Refusal.STEP_UNKNOWN_NAME)
    if run.status.finished:
        return Answer(refusal=Refusal.RUN_FINISHED)
    if step.status is not StepStatus.UNKNOWN:
        return Answer(refusal=Refusal.STEP_NOT_UNKNOWN)
    settled = StepSettled(now, step.place, command.actor, command.answer, command.reason)
    return Answer((settled, _settled(plan.step(step.name), step, command, now)))


def _settled(spec: StepPlan, step: Step, command: Settle, now: Millis) -> Event:
    match command.answer:
        case "happened":
            return StepSucceeded(now, step.place, command.output or Content())
        case "again":
            return StepReady(now, step.place, now)
        case "fail":
            error = step.error or Failure("unknown_effect", "Nobody could say whether the step's effect happened.")
            return StepFailed(now, step.place, error, spec.on_failure == "continue")


def _closed(run: Run) -> Refusal:
    match run.status:
        case RunStatus.ENDING:
            return Refusal.RUN_ENDING
        case RunStatus.PAUSED:
            return Refusal.RUN_PAUSED
        case _:
            return Refusal.RUN_FINISHED


_ANSWERS: dict[type, Callable[[Plan, Run, Any, Facts, Millis], Answer]] = {
    StartRun: _started_already,
    Claim: _claim,
    ReportSuccess: _success,
    ReportFailure: _failure,
    ReportInterrupted: _interrupted,
    KeepAnswer: _keep,
    OpenGate: _open,
    StartWait: _wait,
    Decide: _decide,
    Tick: _tick,
    Cancel: _cancel,
    Pause: _pause,
    Resume: _resume,
    Settle: _settle,
}


def timers(run: Run) -> Iterator[Millis]:
    """Every moment at which the clock has something to say about this run."""
    if run.status is RunStatus.RUNNING and run.deadline_at is not None:
        yield run.deadline_at
    for step in run.steps.values():
        if step.due_at is not None:
            yield step.due_at
