"""What happened in a run, in words: a line an event, for people who were not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from store.events import (
    AnswerKept,
    ApprovalKept,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    BlockEntered,
    CancelRequested,
    ChildAwaited,
    DecisionMade,
    DecisionRefused,
    Event,
    EventAwaited,
    GateClosed,
    GateEscalated,
    GateOpened,
    InputsChanged,
    ItemEnded,
    PolicyDecided,
    ReportIgnored,
    RunEnding,
    RunFinished,
    RunPaused,
    RunReopened,
    RunStarted,
    SignalReceived,
    StepCancelled,
    StepFailed,
    StepSettled,
    StepSkipped,
    StepsReset,
    StepUnknown,
    StepWaiting,
    VersionChanged,
)
from store.model import Actor

_VERDICTS = {
    "approve": "approved",
    "reject": "rejected",
    "changes": "asked for changes",
    "choose": "chose",
    "answer": "answered",
}
_PLAIN: Mapping[str, str] = {
    "StepReady": "may begin",
    "StepHeld": "held until others of its list are done",
    "StepSucceeded": "succeeded",
    "ItemBegun": "item begun",
    "GateOverdue": "is overdue",
    "GateReminded": "approvers reminded",
    "StepPolled": "goes on elsewhere; asked again later",
    "SignalTaken": "took what had happened",
    "BlockReopened": "goes on",
    "RunAdmitted": "begins: its turn has come",
    "RunResumed": "resumed",
    "ClockTurned": "",
    "EndingBegun": "steps are taken back and the last steps done",
}


def line(event: Event) -> str:
    """The event in words, without saying where or when; empty when it tells people nothing."""
    told = _TOLD.get(type(event))
    return told(event) if told is not None else _PLAIN.get(type(event).__name__, type(event).__name__)


def who(actor: Actor) -> str:
    name = actor.name or actor.id
    return f"operator {name}" if actor.kind == "operator" else name


def _because(text: str) -> str:
    return f": {text}" if text else ""


def _decided(event: DecisionMade) -> str:
    choice = f" “{event.choice}”" if event.choice else ""
    edited = f" after editing {', '.join(event.edits)}" if event.edits else ""
    by_force = f" in the approvers' place, because {event.override}" if event.override else ""
    return f"{who(event.actor)} {_VERDICTS[event.verdict]}{choice}{edited}{by_force}{_because(event.comment)}"


def _asked(event: GateOpened) -> str:
    version = f" v{event.version}" if event.version > 1 else ""
    return f"G-{event.number}{version} asks {', '.join(event.approvers)}: {event.question}"


def _reset(event: StepsReset) -> str:
    return f"done again ({event.reason}): {', '.join((*event.steps, *event.resumed))}"


_TOLD: Mapping[type, Callable[[Any], str]] = {
    RunStarted: lambda e: f"started by {who(e.actor)}",
    AttemptStarted: lambda e: f"attempt {e.place.attempt} begins",
    AnswerKept: lambda e: f"raw answer kept ({e.label})",
    AttemptFailed: lambda e: f"attempt {e.place.attempt} failed: {e.error.message}",
    AttemptInterrupted: lambda e: f"attempt {e.place.attempt} was interrupted: {e.reason}",
    BlockEntered: lambda e: f"begins, with {e.count} items" if e.list is not None else "begins",
    ItemEnded: lambda e: f"item {e.status.value}{_because(e.error.message if e.error else '')}",
    StepFailed: lambda e: f"failed: {e.error.message}",
    StepSkipped: lambda e: f"skipped: {e.reason}",
    StepUnknown: lambda e: f"nobody can say whether it happened: {e.error.message}",
    StepSettled: lambda e: f"{who(e.actor)} settled it as “{e.answer}”{_because(e.reason)}",
    StepWaiting: lambda e: "waits for a moment",
    ChildAwaited: lambda e: f"waits for the run {e.child}",
    EventAwaited: lambda e: f"waits for {e.event}",
    SignalReceived: lambda e: f"{e.event} happened, told by {who(e.actor)}",
    StepCancelled: lambda e: f"cancelled{_because(e.reason)}",
    StepsReset: _reset,
    GateOpened: _asked,
    GateEscalated: lambda e: f"asks {', '.join(e.approvers)} as well",
    GateClosed: lambda e: e.state.value,
    DecisionMade: _decided,
    DecisionRefused: lambda e: f"{who(e.actor)} tried “{e.verdict}” and was refused ({e.refusal})",
    PolicyDecided: lambda e: f"the workflow's own policy says “{e.verdict}”{_because(e.comment)}",
    ApprovalKept: lambda e: "the approval still holds: nothing of what was approved has changed",
    ReportIgnored: lambda e: f"a late report ({e.report}) of attempt {e.place.attempt} changed nothing",
    InputsChanged: lambda e: f"{who(e.actor)} changed {', '.join(e.names)}",
    VersionChanged: lambda e: f"{who(e.actor)} moved it to version {e.version[:12]}",
    RunReopened: lambda e: (
        f"{who(e.actor)} lets it go on{', when its turn has come' if e.queued else ''}{_because(e.reason)}"
    ),
    CancelRequested: lambda e: f"{who(e.actor)} cancelled it{_because(e.reason)}",
    RunEnding: lambda e: f"ends as {e.outcome.value}{_because(e.error.message if e.error else e.reason)}",
    RunPaused: lambda e: f"paused by {who(e.actor)}{_because(e.reason)}",
    RunFinished: lambda e: f"{e.status.value}{_because(e.error.message if e.error else e.reason)}",
}
