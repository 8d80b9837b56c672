"""Everything one may ask of a run, in the imperative, and every reason to say no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from store.events import Event
from store.model import Actor, Content, Coordinates, Failure, Json, Millis, Run, RunId, StepKey, Verdict


@dataclass(frozen=True, slots=True)
class StartRun:
    id: RunId
    name: str
    actor: Actor
    origin: Mapping[str, Json]
    inputs: Content
    trace_id: str
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Take a ready step that is due."""

    step: StepKey


@dataclass(frozen=True, slots=True)
class ReportSuccess:
    place: Coordinates
    output: Content
    receipt: Json = None
    usage: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class ReportFailure:
    place: Coordinates
    error: Failure
    usage: Mapping[str, int] | None = None
    receipt: Json = None


@dataclass(frozen=True, slots=True)
class ReportInterrupted:
    """The attempt was cut off: its process died, its worker died, or the service stopped."""

    place: Coordinates
    reason: str
    counts: bool = True  # a stop on purpose does not use up the crash budget


@dataclass(frozen=True, slots=True)
class KeepAnswer:
    place: Coordinates
    label: str
    answer: Content


@dataclass(frozen=True, slots=True)
class OpenGate:
    place: Coordinates
    question: str
    shown: Content
    card: Json
    digest: str


@dataclass(frozen=True, slots=True)
class StartWait:
    place: Coordinates
    until_at: Millis


@dataclass(frozen=True, slots=True)
class Decide:
    """One person's answer at a gate. `gate` is the id on the card that was clicked; empty means the open one."""

    step: StepKey
    actor: Actor
    verdict: Verdict
    gate: str = ""
    comment: str = ""
    surface: str = ""
    override: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Let the clock speak: expire gates, end waits, stop what has run too long."""


@dataclass(frozen=True, slots=True)
class Cancel:
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    actor: Actor


@dataclass(frozen=True, slots=True)
class Settle:
    """Say what became of an unknown effect."""

    step: StepKey
    actor: Actor
    answer: Literal["happened", "again", "fail"]
    output: Content | None = None
    reason: str = ""


Command: TypeAlias = (
    StartRun
    | Claim
    | ReportSuccess
    | ReportFailure
    | ReportInterrupted
    | KeepAnswer
    | OpenGate
    | StartWait
    | Decide
    | Tick
    | Cancel
    | Pause
    | Resume
    | Settle
)

COMMANDS: dict[str, type[Command]] = {kind.__name__: kind for kind in Command.__args__}


class Refusal(StrEnum):
    """A legal no. Each has one sentence in the table of wordings."""

    RUN_FINISHED = "run_finished"
    RUN_NOT_PAUSED = "run_not_paused"
    RUN_PAUSED = "run_paused"
    RUN_ENDING = "run_ending"
    STEP_UNKNOWN_NAME = "step_unknown_name"
    STEP_NOT_READY = "step_not_ready"
    STEP_NOT_UNKNOWN = "step_not_unknown"
    ATTEMPT_STALE = "attempt_stale"
    GATE_NOT_OPEN = "gate_not_open"
    GATE_SUPERSEDED = "gate_superseded"
    GATE_EXPIRED = "gate_expired"
    ALREADY_DECIDED = "already_decided"
    ACTOR_NOT_MEMBER = "actor_not_member"
    ACTOR_NOT_APPROVER = "actor_not_approver"
    ACTOR_IS_REQUESTER = "actor_is_requester"
    ACTOR_UNKNOWN = "actor_unknown"
    FACTS_TOO_OLD = "facts_too_old"
    OVERRIDE_NOT_ALLOWED = "override_not_allowed"
    OVERRIDE_NEEDS_REASON = "override_needs_reason"


@dataclass(frozen=True, slots=True)
class Answer:
    """What follows from a command: events in order, and the reason when it was refused.

    A refused click still leaves its event in the history, so both may be set. `run` is the run after the events.
    """

    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None
    run: Run | None = None
