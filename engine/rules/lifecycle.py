"""How a run may change: commands in, events out. All the judgement about a run is made behind this door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.rules import attempts, deciding, reopening, waiting
from engine.rules.attempts import closed
from engine.rules.commands import (
    Admit,
    Answer,
    AwaitChild,
    AwaitEvent,
    Cancel,
    Claim,
    Command,
    Decide,
    KeepAnswer,
    OpenGate,
    Pause,
    Refusal,
    ReportChild,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportStop,
    ReportSuccess,
    Resume,
    Retry,
    Settle,
    SignalRun,
    StartRun,
    StartWait,
    Tick,
)
from engine.rules.consequences import all_touched, consequences, ending
from engine.rules.evolution import fold, folded
from store.events import (
    CancelRequested,
    Event,
    RunAdmitted,
    RunPaused,
    RunResumed,
    RunStarted,
)
from store.model import Facts, Failure, GateState, Millis, Plan, Run, RunStatus, Step, StepStatus


def handle(plan: Plan, run: Run | None, command: Command, facts: Facts, now: Millis) -> Answer:
    """Everything that follows from the command, in order, or the reason why nothing does.

    `facts` holds what the rules need to know about the world. A refusal may come with events: refused clicks and late
    reports are part of the record although they change nothing.
    """
    if run is None:
        if not isinstance(command, StartRun):
            raise ValueError(f"{type(command).__name__} before the run was started")
        answer = Answer(_start(plan, command, now))
    else:
        answer = _ANSWERS[type(command)](plan, run, command, facts, now)
    if not answer.events:
        return Answer((), answer.refusal, run, answer.steps)
    after, touched = folded(run, answer.events)
    if type(command) is Claim:
        return Answer(answer.events, None, after)  # ready or running is the same to all other steps: nothing follows
    if isinstance(command, Retry) and command.newest and facts.newest is not None:
        plan = facts.newest  # from here on the run goes by the newest version
    follow, after = consequences(plan, after, facts, now, all_touched(after, answer.events, touched))
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
            steps=tuple(step.name for step in plan.within("") if step.phase == "main"),
            duration_ms=plan.duration_ms,
            dedupe_key=command.dedupe_key,
            parent=command.parent,
            previous=command.previous,
            queue=command.queue,
            queued=command.queued,
        ),
    )


def _started_already(plan: Plan, run: Run, command: StartRun, facts: Facts, now: Millis) -> Answer:
    raise ValueError(f"{run.id} was started already")


def _admit(plan: Plan, run: Run, command: Admit, facts: Facts, now: Millis) -> Answer:
    if run.status is not RunStatus.QUEUED:
        return Answer(refusal=Refusal.RUN_NOT_QUEUED)
    return Answer((RunAdmitted(now),))


# The clock -------------------------------------------------------------------------------------------------------


def _tick(plan: Plan, run: Run, command: Tick, facts: Facts, now: Millis) -> Answer:
    if run.status.finished or run.status is RunStatus.QUEUED:
        return Answer()
    if run.status is RunStatus.RUNNING and run.deadline_at is not None and now >= run.deadline_at:
        error = Failure("run_timeout", "The run took longer than its workflow allows.", hint="See limits.duration.")
        return Answer(tuple(ending(run, RunStatus.FAILED, now, error=error)))
    events: list[Event] = []
    after = run
    for step in run.steps.values():
        if step.status is StepStatus.WAITING and step.due_at is not None and step.due_at <= now:
            more = _timer(plan, after, step, facts, now)
            events += more
            after = fold(after, more)
            if after.status is not run.status:
                break  # the run is ending: all that still waited was stopped
    return Answer(tuple(events))


def _timer(plan: Plan, run: Run, step: Step, facts: Facts, now: Millis) -> tuple[Event, ...]:
    if step.gate is None or step.gate.state is not GateState.OPEN:
        return (waiting.time_is_up(plan, step, now),)
    return deciding.on_time(plan, run, step, facts, now)


# A run as a whole ------------------------------------------------------------------------------------------------


def _cancel(plan: Plan, run: Run, command: Cancel, facts: Facts, now: Millis) -> Answer:
    if run.status.finished or run.status is RunStatus.ENDING:
        return Answer(refusal=closed(run))
    requested = CancelRequested(now, command.actor, command.reason)
    after = fold(run, (requested,))
    return Answer((requested, *ending(after, RunStatus.CANCELLED, now, reason=command.reason)))


def _pause(plan: Plan, run: Run, command: Pause, facts: Facts, now: Millis) -> Answer:
    if run.status is not RunStatus.RUNNING:
        return Answer(refusal=closed(run))
    return Answer((RunPaused(now, command.actor, command.reason),))


def _resume(plan: Plan, run: Run, command: Resume, facts: Facts, now: Millis) -> Answer:
    if run.status is not RunStatus.PAUSED:
        return Answer(refusal=closed(run) if run.status is not RunStatus.RUNNING else Refusal.RUN_NOT_PAUSED)
    return Answer((RunResumed(now, command.actor),))


_ANSWERS: dict[type, Callable[[Plan, Run, Any, Facts, Millis], Answer]] = {
    StartRun: _started_already,
    Admit: _admit,
    Claim: attempts.claim,
    ReportSuccess: attempts.success,
    ReportFailure: attempts.failure,
    ReportInterrupted: attempts.interrupted,
    ReportPolling: attempts.polling,
    ReportStop: attempts.stop,
    KeepAnswer: attempts.keep,
    OpenGate: deciding.open_gate,
    StartWait: waiting.wait,
    AwaitChild: waiting.await_child,
    ReportChild: waiting.report_child,
    AwaitEvent: waiting.await_event,
    SignalRun: waiting.signal,
    Decide: deciding.decide,
    Tick: _tick,
    Cancel: _cancel,
    Pause: _pause,
    Resume: _resume,
    Retry: reopening.retry,
    Settle: attempts.settle,
}


def timers(run: Run) -> Iterator[Millis]:
    """Every moment at which the clock has something to say about this run."""
    if run.status is RunStatus.RUNNING and run.deadline_at is not None:
        yield run.deadline_at
    for step in run.steps.values():
        if step.due_at is not None:
            yield step.due_at
