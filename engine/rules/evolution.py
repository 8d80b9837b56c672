"""What events do to a run. No judgement: total over all events, used for live changes and for replay alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.rules import gate_changes as gates
from engine.rules import step_changes as steps
from engine.rules.draft import Draft
from engine.rules.gate_changes import decision_of as decision_of
from store.events import (
    AnswerKept,
    ApprovalKept,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    BlockEntered,
    BlockReopened,
    CancelRequested,
    ChildAwaited,
    ClockTurned,
    DecisionMade,
    DecisionRefused,
    EndingBegun,
    Event,
    EventAwaited,
    GateClosed,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
    InputsChanged,
    ItemBegun,
    ItemEnded,
    PolicyDecided,
    ReportIgnored,
    RunAdmitted,
    RunEnding,
    RunFinished,
    RunPaused,
    RunReopened,
    RunResumed,
    RunStarted,
    SignalReceived,
    SignalTaken,
    StepCancelled,
    StepFailed,
    StepHeld,
    StepPolled,
    StepReady,
    StepSettled,
    StepSkipped,
    StepsReset,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
    VersionChanged,
)
from store.model import (
    Run,
    RunStatus,
    Signal,
    Step,
    StepKey,
    changed,
)


def fold(run: Run | None, events: Iterable[Event]) -> Run:
    """The run after these events, in order."""
    return folded(run, events)[0]


def evolve(run: Run | None, event: Event) -> Run:
    """The run after one event."""
    return folded(run, (event,))[0]


def folded(run: Run | None, events: Iterable[Event]) -> tuple[Run, set[StepKey]]:
    """The run after these events, and the steps that they touched: all others are the same as before."""
    draft = None if run is None else Draft(run)
    for event in events:
        if type(event) is RunStarted:
            draft = _started(event)
            continue
        if draft is None:
            raise ValueError(f"{type(event).__name__} before RunStarted")
        draft.values["seq"] += 1
        _EVOLVE[type(event)](draft, event)
    if draft is None:
        raise ValueError("a history begins with RunStarted")
    return draft.run(), draft.touched


def _started(event: RunStarted) -> Draft:
    return Draft(
        Run(
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
            status=RunStatus.QUEUED if event.queued else RunStatus.RUNNING,
            seq=1,
            dedupe_key=event.dedupe_key,
            steps={name: Step(name, n=n) for n, name in enumerate(event.steps)},
            active_since=None if event.queued else event.at,
            parent=event.parent,
            previous=event.previous,
            queue=event.queue,
        )
    )


# The run as a whole ----------------------------------------------------------------------------------------------


def _noted(draft: Draft, event: object) -> None:
    """Part of the record; changes nothing."""


def _admitted(draft: Draft, event: RunAdmitted) -> None:
    draft.values |= {"status": RunStatus.RUNNING, "active_since": event.at}


def _signal_received(draft: Draft, event: SignalReceived) -> None:
    signal = Signal(draft.values["seq"], event.event, event.data, event.at, event.actor)
    draft.values["signals"] = (*draft.values["signals"], signal)


def _signal_taken(draft: Draft, event: SignalTaken) -> None:
    draft.values["signals"] = tuple(one for one in draft.values["signals"] if one.seq != event.signal)


def _ending(draft: Draft, event: RunEnding) -> None:
    draft.values |= {
        "status": RunStatus.ENDING,
        "outcome": event.outcome,
        "error": event.error,
        "reason": event.reason or draft.values["reason"],
    }


def _ending_begun(draft: Draft, event: EndingBegun) -> None:
    draft.values["winding_up"] = True
    last = max((step.n for step in draft.steps().values()), default=0)
    for n, key in enumerate(event.steps, last + 1):
        name, _, item = key.partition("[")
        old = draft.steps().get(key)
        draft.add(name, item.removesuffix("]") or None, 1 if old is None else old.round + 1)
        draft.change(key, n=n)  # what was taken back in an earlier ending may come in another order


def _paused(draft: Draft, event: RunPaused) -> None:
    draft.values |= {"status": RunStatus.PAUSED, "reason": event.reason}


def _resumed(draft: Draft, event: RunResumed) -> None:
    for key, step in list(draft.values["steps"].items()):
        if step.crashes:
            draft.change(key, crashes=0)
    draft.values |= {"status": RunStatus.RUNNING, "reason": ""}


def _clock_turned(draft: Draft, event: ClockTurned) -> None:
    if event.on:
        draft.values["active_since"] = event.at
        return
    draft.values |= {"active_ms": _active_ms(draft, event.at), "active_since": None}


def _finished(draft: Draft, event: RunFinished) -> None:
    draft.values |= {
        "status": event.status,
        "outcome": event.status,
        "outputs": event.outputs,
        "error": event.error,
        "reason": event.reason or draft.values["reason"],
        "ended_at": event.at,
        "active_ms": _active_ms(draft, event.at),
        "active_since": None,
    }


def _active_ms(draft: Draft, at: int) -> int:
    since, before = draft.values["active_since"], draft.values["active_ms"]
    return int(before + (at - since if since is not None else 0))


def _requested(draft: Draft, event: CancelRequested) -> None:
    draft.values["reason"] = event.reason


def _inputs_changed(draft: Draft, event: InputsChanged) -> None:
    draft.values["inputs"] = event.inputs


def _version_changed(draft: Draft, event: VersionChanged) -> None:
    draft.values |= {"version": event.version, "duration_ms": event.duration_ms}
    steps = draft.steps()
    for n, name in enumerate(event.steps):
        draft.put(changed(steps[name], n=n) if name in steps else Step(name, n=n))


def _reopened(draft: Draft, event: RunReopened) -> None:
    if event.queue is not None:
        draft.values |= {"queue": event.queue, "queued_at": event.at}
    draft.values |= {
        "status": RunStatus.QUEUED if event.queued else RunStatus.RUNNING,
        "outcome": None,
        "error": None,
        "reason": "",
        "outputs": None,
        "ended_at": None,
        "active_ms": 0,
        "winding_up": False,
        "warnings": False,
    }


_EVOLVE: dict[type, Callable[[Draft, Any], None]] = {
    RunAdmitted: _admitted,
    StepReady: steps.ready,
    StepHeld: steps.held,
    AttemptStarted: steps.attempt_started,
    AnswerKept: steps.answer_kept,
    StepSucceeded: steps.succeeded,
    AttemptFailed: steps.attempt_failed,
    AttemptInterrupted: steps.attempt_interrupted,
    StepPolled: steps.polled,
    StepFailed: steps.failed,
    StepSkipped: steps.skipped,
    StepUnknown: steps.unknown,
    StepSettled: _noted,
    StepWaiting: steps.waiting,
    ChildAwaited: steps.child_awaited,
    EventAwaited: steps.event_awaited,
    SignalReceived: _signal_received,
    SignalTaken: _signal_taken,
    StepCancelled: steps.cancelled,
    BlockEntered: steps.block_entered,
    ItemBegun: steps.item_begun,
    ItemEnded: steps.item_ended,
    BlockReopened: steps.block_reopened,
    ApprovalKept: _noted,
    StepsReset: steps.reset,
    InputsChanged: _inputs_changed,
    VersionChanged: _version_changed,
    RunReopened: _reopened,
    GateOpened: gates.gate_opened,
    GateOverdue: gates.gate_overdue,
    GateReminded: gates.gate_reminded,
    GateEscalated: gates.gate_escalated,
    PolicyDecided: _noted,
    DecisionMade: gates.decided,
    DecisionRefused: _noted,
    GateClosed: gates.gate_closed,
    ReportIgnored: _noted,
    CancelRequested: _requested,
    RunEnding: _ending,
    EndingBegun: _ending_begun,
    RunPaused: _paused,
    RunResumed: _resumed,
    ClockTurned: _clock_turned,
    RunFinished: _finished,
}
