"""A run's history in words: a line for everything that people would want to know of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from engine.quantities import UNIT_MS
from store import events
from store.events import Event
from store.model import Content, Json, Millis

VALUE_CHARS = 100
_UNITS = ("d", "h", "m", "s")
Values = Mapping[str, Json]


def told(history: Iterable[Event], values: Values) -> Iterator[str]:
    """The lines, each with the time since the start."""
    began: Millis | None = None
    for event in history:
        began = event.at if began is None else began
        words = _WORDS.get(type(event))
        if words is not None:
            place = getattr(event, "place", None)
            who = f"{place.key}: " if place is not None else ""
            yield f"{length(event.at - began):>9}  {who}{words(event, values)}"


def length(ms: int) -> str:
    """A length of time as workflow files write it: 2h30m, 90s as 1m30s, 250ms."""
    parts, left = [], ms
    for unit in _UNITS:
        size = UNIT_MS[unit]
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    if left or not parts:
        parts.append(f"{left}ms" if left else "0s")
    return "".join(parts)


def glimpse(value: Json) -> str:
    """A value in one line, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_CHARS else f"{text[:VALUE_CHARS]}…"


def _value(content: Content | None, values: Values) -> str:
    if content is None:
        return "nothing"
    return glimpse(content.value if content.hash is None else values[content.hash])


def _failed(event: Any, values: Values) -> str:
    return f"{event.error.code}: {event.error.message}"


def _decided(event: events.DecisionMade, values: Values) -> str:
    word = {"approve": "approves", "reject": "rejects", "changes": "asks for changes", "answer": "answers"}
    said = f"chooses {event.choice}" if event.verdict == "choose" else word[event.verdict]
    edited = f", changing {', '.join(event.edits)}" if event.edits else ""
    comment = f": {event.comment}" if event.comment else ""
    return f"{event.actor.name or event.actor.id} {said}{edited}{comment}"


def _ended(event: events.RunFinished, values: Values) -> str:
    why = f": {event.error.message}" if event.error else f": {event.reason}" if event.reason else ""
    gave = f", giving {_value(event.outputs, values)}" if event.outputs else ""
    return f"the run has {event.status.value}{why}{gave}" if event.status != "rejected" else f"the run is rejected{why}"


_WORDS: Mapping[type, Callable[[Any, Values], str]] = {
    events.RunStarted: lambda e, v: f"{e.actor.name or e.actor.id} starts {e.name} with {_value(e.inputs, v)}",
    events.AttemptStarted: lambda e, v: f"attempt {e.place.attempt}" if e.place.attempt > 1 else "begins",
    events.StepSucceeded: lambda e, v: f"gives {_value(e.output, v)}",
    events.AttemptFailed: lambda e, v: f"{_failed(e, v)}; tried again in {length(e.due_at - e.at)}",
    events.AttemptInterrupted: lambda e, v: f"interrupted: {e.reason}",
    events.StepFailed: lambda e, v: f"fails, {_failed(e, v)}{' (the run goes on)' if e.continued else ''}",
    events.StepSkipped: lambda e, v: f"skipped: {e.reason}",
    events.StepCancelled: lambda e, v: f"cancelled{f': {e.reason}' if e.reason else ''}",
    events.StepUnknown: lambda e, v: f"nobody knows whether it happened: {e.error.message}",
    events.StepSettled: lambda e, v: f"{e.actor.name or e.actor.id} settles it: {e.answer}",
    events.StepWaiting: lambda e, v: f"waits for {length(e.until_at - e.at)}",
    events.StepPolled: lambda e, v: f"goes on elsewhere; asked for again in {length(e.due_at - e.at)}",
    events.EventAwaited: lambda e, v: f"waits for {e.event}",
    events.SignalReceived: lambda e, v: f"{e.event} happens, with {_value(e.data, v)}",
    events.ChildAwaited: lambda e, v: "waits for the run that it started",
    events.BlockEntered: lambda e, v: f"begins with {e.count} items" if e.list else "begins",
    events.ItemEnded: lambda e, v: f"the item has {e.status.value}",
    events.GateOpened: lambda e, v: f"asks {', '.join(e.approvers) or 'people'}: {e.question}",
    events.GateOverdue: lambda e, v: "is overdue",
    events.GateReminded: lambda e, v: "the approvers are reminded",
    events.GateEscalated: lambda e, v: f"escalates to {', '.join(e.approvers)}",
    events.PolicyDecided: lambda e, v: f"the workflow decides: {e.verdict}{f', {e.comment}' if e.comment else ''}",
    events.DecisionMade: _decided,
    events.DecisionRefused: lambda e, v: f"{e.actor.name or e.actor.id} may not {e.verdict}: {e.refusal}",
    events.GateClosed: lambda e, v: f"the gate is {e.state.value}",
    events.ApprovalKept: lambda e, v: "the approval still holds",
    events.StepsReset: lambda e, v: f"done again, because {e.reason}: {', '.join(e.steps)}",
    events.CancelRequested: lambda e, v: f"{e.actor.name or e.actor.id} cancels the run: {e.reason or 'no reason'}",
    events.RunPaused: lambda e, v: f"the run is paused: {e.reason}",
    events.RunResumed: lambda e, v: f"{e.actor.name or e.actor.id} lets it go on",
    events.RunReopened: lambda e, v: f"{e.actor.name or e.actor.id} retries the run",
    events.EndingBegun: lambda e, v: f"winding up: {', '.join(e.steps)}",
    events.RunFinished: _ended,
}
