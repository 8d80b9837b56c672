"""Steps that only compute: what they report as soon as they are claimed.

transform    a mapping: its output is its `with`
approval     opens a gate, as does form
wait         until a moment, or until something happens outside
message      something to be said in Slack; whoever shows the run says it
stop         ends the run here
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.activities.outputs import validate_output
from engine.faults import ActivityFault
from engine.mapping import moment
from engine.opening import After, opening
from engine.quantities import duration_ms
from engine.rules.commands import AwaitEvent, Command, ReportFailure, ReportStop, ReportSuccess, StartWait
from store.content import ContentFolder
from store.model import Coordinates, Failure, Json, Millis, Run, RunStatus, Step, StepPlan

OUTCOMES = {status.value: status for status in RunStatus if status.finished}


@dataclass(frozen=True, slots=True)
class Moment:
    """What a step that only computes may know besides its input."""

    now: Millis
    run: Run
    place: Coordinates
    content: ContentFolder
    calendar: Callable[[str], After]

    @property
    def step(self) -> Step:
        return self.run.steps[self.place.key]


def reported(spec: StepPlan, value: Mapping[str, Json], moment: Moment) -> Command:
    """The report of the step. Raises ActivityFault when what it was given makes no sense."""
    return _KINDS[spec.uses](spec, value, moment)


def _transform(spec: StepPlan, value: Mapping[str, Json], at: Moment) -> Command:
    problems = validate_output(spec.output, value)
    if problems:
        message = f"The output does not have the declared shape: {'; '.join(problems[:5])}"
        return ReportFailure(at.place, Failure("output_invalid", message, "Mend the mapping, or its `output:`."))
    return ReportSuccess(at.place, at.content.kept(value))


def _gate(spec: StepPlan, value: Mapping[str, Json], at: Moment) -> Command:
    assert spec.gate is not None
    return opening(at.place, spec, value, at.step, at.now, at.calendar(spec.gate.hours))


def _wait(spec: StepPlan, value: Mapping[str, Json], at: Moment) -> Command:
    event = spec.spec.get("event")
    if event is None:
        return StartWait(at.place, _until(value, at.now))
    until = _until(value, at.now) if {"for", "until"} & value.keys() else None
    return AwaitEvent(at.place, str(event), until)


def _until(value: Mapping[str, Json], now: Millis) -> Millis:
    """When a wait ends: a length of time from here, or a moment as RFC 3339 text or milliseconds."""
    try:
        return now + duration_ms(value["for"]) if "for" in value else moment(value.get("until"))
    except ValueError as error:
        raise ActivityFault("input_invalid", f"The wait cannot be understood: {error}.", retryable=False) from None


def _message(spec: StepPlan, value: Mapping[str, Json], at: Moment) -> Command:
    text, to = value.get("text"), value.get("to") or "thread"
    if not isinstance(text, str) or not text.strip():
        raise ActivityFault("input_invalid", "The message has no text.", retryable=False, hint="Mend `text:`.")
    if not isinstance(to, str):
        hint = "Write requester, thread, #channel, or a person's id or e-mail address."
        raise ActivityFault("input_invalid", "The message is for nobody.", retryable=False, hint=hint)
    return ReportSuccess(at.place, at.content.kept({"to": to, "text": text}))


def _stop(spec: StepPlan, value: Mapping[str, Json], at: Moment) -> Command:
    outcome = OUTCOMES.get(str(value.get("outcome", "succeeded")))
    if outcome is None:
        hint = f"Write one of {', '.join(OUTCOMES)}."
        message = f"A run cannot end as {value.get('outcome')!r}."
        raise ActivityFault("input_invalid", message, retryable=False, hint=hint)
    return ReportStop(at.place, outcome, str(value.get("reason") or ""))


_KINDS: Mapping[str, Callable[[StepPlan, Mapping[str, Json], Moment], Command]] = {
    "transform": _transform,
    "approval": _gate,
    "form": _gate,
    "wait": _wait,
    "message": _message,
    "stop": _stop,
}
AT_ONCE = frozenset(_KINDS)
