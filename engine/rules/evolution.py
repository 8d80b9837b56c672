"""What an event does to a run. No judgement: total over all events, used for live changes and for replay alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from store.events import (
    AnswerKept,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    CancelRequested,
    ClockTurned,
    DecisionMade,
    DecisionRefused,
    Event,
    GateClosed,
    GateOpened,
    GateOverdue,
    ReportIgnored,
    RunEnding,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    StepCancelled,
    StepFailed,
    StepReady,
    StepSettled,
    StepSkipped,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
)
from store.model import Decision, Gate, GateState, Run, RunStatus, Step, StepKey, StepStatus, changed

E = TypeVar("E")


def fold(run: Run | None, events: Iterable[Event]) -> Run:
    """The run after these events, in order."""
    for event in events:
        run = evolve(run, event)
    if run is None:
        raise ValueError("a history begins with RunStarted")
    return run


def evolve(run: Run | None, event: Event) -> Run:
    """The run after one event."""
    if type(event) is RunStarted:
        return _started(event)
    if run is None:
        raise ValueError(f"{type(event).__name__} before RunStarted")
    return _EVOLVE[type(event)](run, event)


def _started(event: RunStarted) -> Run:
    return Run(
        id=event.id,
        name=event.name,
        workflow=event.workflow,
        version=event.version,
        requester=event.actor,
        origin=event.origin,
        inputs=event.inputs,
        trace_id=event.trace_id,
        created_at=event.at,
        duration_ms=event.duration_ms,
        seq=1,
        dedupe_key=event.dedupe_key,
        steps={name: Step(name) for name in event.steps},
        active_since=event.at,
    )


def _step(run: Run, key: StepKey, **changes: Any) -> Run:
    steps = dict(run.steps)
    steps[key] = changed(steps[key], **changes)
    return changed(run, seq=run.seq + 1, steps=steps)


def _ready(run: Run, event: StepReady) -> Run:
    step = run.steps[event.place.key]
    first = event.at if step.ready_at is None else step.ready_at
    return _step(
        run, step.key, status=StepStatus.READY, round=event.place.round, due_at=event.due_at, ready_at=first, error=None
    )


def _attempt_started(run: Run, event: AttemptStarted) -> Run:
    return _step(
        run,
        event.place.key,
        status=StepStatus.RUNNING,
        attempt=event.place.attempt,
        due_at=None,
        started_at=event.at,
    )


def _attempt_failed(run: Run, event: AttemptFailed) -> Run:
    step = run.steps[event.place.key]
    return _step(
        run, step.key, status=StepStatus.READY, due_at=event.due_at, failures=step.failures + 1, error=event.error
    )


def _attempt_interrupted(run: Run, event: AttemptInterrupted) -> Run:
    step = run.steps[event.place.key]
    crashes = step.crashes + event.counts
    return _step(run, step.key, status=StepStatus.READY, due_at=event.due_at, crashes=crashes)


def _succeeded(run: Run, event: StepSucceeded) -> Run:
    return _step(
        run,
        event.place.key,
        status=StepStatus.SUCCEEDED,
        due_at=None,
        ended_at=event.at,
        output=event.output,
        receipt=event.receipt,
        error=None,
    )


def _failed(run: Run, event: StepFailed) -> Run:
    step = run.steps[event.place.key]
    after = _step(
        run,
        step.key,
        status=StepStatus.FAILED,
        due_at=None,
        ended_at=event.at,
        failures=step.failures + 1,
        error=event.error,
    )
    return changed(after, warnings=True) if event.continued else after


def _skipped(run: Run, event: StepSkipped) -> Run:
    return _step(run, event.place.key, status=StepStatus.SKIPPED, ended_at=event.at, reason=event.reason)


def _unknown(run: Run, event: StepUnknown) -> Run:
    return _step(run, event.place.key, status=StepStatus.UNKNOWN, due_at=None, error=event.error)


def _waiting(run: Run, event: StepWaiting) -> Run:
    return _step(run, event.place.key, status=StepStatus.WAITING, due_at=event.until_at)


def _cancelled(run: Run, event: StepCancelled) -> Run:
    return _step(run, event.place.key, status=StepStatus.CANCELLED, due_at=None, ended_at=event.at, reason=event.reason)


def _gate_opened(run: Run, event: GateOpened) -> Run:
    gate = Gate(
        id=event.id,
        number=event.number,
        version=event.version,
        state=GateState.OPEN,
        question=event.question,
        shown=event.shown,
        card=event.card,
        digest=event.digest,
        approvers=event.approvers,
        quorum=event.quorum,
        requester_may_decide=event.requester_may_decide,
        opened_at=event.at,
        due_at=event.due_at,
        expires_at=event.expires_at,
    )
    return _step(run, event.place.key, status=StepStatus.WAITING, due_at=gate.next_timer_at, gate=gate)


def _on_gate(run: Run, key: StepKey, **changes: Any) -> Run:
    step = run.steps[key]
    if step.gate is None:
        raise ValueError(f"{key} has no gate")
    gate = replace(step.gate, **changes)
    due_at = gate.next_timer_at if gate.state is GateState.OPEN else step.due_at
    return _step(run, key, gate=gate, due_at=due_at)


def _gate_overdue(run: Run, event: GateOverdue) -> Run:
    return _on_gate(run, event.place.key, overdue=True)


def _gate_closed(run: Run, event: GateClosed) -> Run:
    return _on_gate(run, event.place.key, state=event.state, closed_at=event.at)


def _decided(run: Run, event: DecisionMade) -> Run:
    gate = run.steps[event.place.key].gate
    if gate is None:
        raise ValueError(f"{event.place.key} has no gate")
    decision = Decision(
        event.actor, event.verdict, event.at, event.digest, event.comment, event.surface, event.override
    )
    return _on_gate(run, event.place.key, decisions=(*gate.decisions, decision))


def _noted(run: Run, event: object) -> Run:
    return changed(run, seq=run.seq + 1)


def _ending(run: Run, event: RunEnding) -> Run:
    return changed(
        run,
        seq=run.seq + 1,
        status=RunStatus.ENDING,
        outcome=event.outcome,
        error=event.error,
        reason=event.reason or run.reason,
    )


def _paused(run: Run, event: RunPaused) -> Run:
    return changed(run, seq=run.seq + 1, status=RunStatus.PAUSED, reason=event.reason)


def _resumed(run: Run, event: RunResumed) -> Run:
    fresh = {key: changed(step, crashes=0) if step.crashes else step for key, step in run.steps.items()}
    return changed(run, seq=run.seq + 1, status=RunStatus.RUNNING, reason="", steps=fresh)


def _clock_turned(run: Run, event: ClockTurned) -> Run:
    if event.on:
        return changed(run, seq=run.seq + 1, active_since=event.at)
    return changed(run, seq=run.seq + 1, active_since=None, active_ms=_active(run, event.at))


def _finished(run: Run, event: RunFinished) -> Run:
    return changed(
        run,
        seq=run.seq + 1,
        status=event.status,
        outcome=event.status,
        outputs=event.outputs,
        error=event.error,
        reason=event.reason or run.reason,
        ended_at=event.at,
        active_since=None,
        active_ms=_active(run, event.at),
    )


def _active(run: Run, at: int) -> int:
    return run.active_ms + (at - run.active_since if run.active_since is not None else 0)


def _requested(run: Run, event: CancelRequested) -> Run:
    return changed(run, seq=run.seq + 1, reason=event.reason)


_EVOLVE: dict[type, Callable[[Run, Any], Run]] = {
    StepReady: _ready,
    AttemptStarted: _attempt_started,
    AnswerKept: _noted,
    StepSucceeded: _succeeded,
    AttemptFailed: _attempt_failed,
    AttemptInterrupted: _attempt_interrupted,
    StepFailed: _failed,
    StepSkipped: _skipped,
    StepUnknown: _unknown,
    StepSettled: _noted,
    StepWaiting: _waiting,
    StepCancelled: _cancelled,
    GateOpened: _gate_opened,
    GateOverdue: _gate_overdue,
    DecisionMade: _decided,
    DecisionRefused: _noted,
    GateClosed: _gate_closed,
    ReportIgnored: _noted,
    CancelRequested: _requested,
    RunEnding: _ending,
    RunPaused: _paused,
    RunResumed: _resumed,
    ClockTurned: _clock_turned,
    RunFinished: _finished,
}
