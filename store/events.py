"""Everything that can happen to a run, in the past tense.

An event is never refused and never changed. Events only ever gain fields with defaults, or get a new kind; the
history keeps every shape that was ever written readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from store.model import (
    Actor,
    Content,
    Coordinates,
    Failure,
    GateState,
    Json,
    Millis,
    RunId,
    RunStatus,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class RunStarted:
    at: Millis
    id: RunId
    name: str
    workflow: str
    version: str
    actor: Actor
    origin: Mapping[str, Json]
    inputs: Content
    trace_id: str
    steps: tuple[str, ...]
    duration_ms: int
    dedupe_key: str | None = None


@dataclass(frozen=True, slots=True)
class StepReady:
    """All that the step needs is there; it may be claimed from `due_at` on."""

    at: Millis
    place: Coordinates
    due_at: Millis


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    at: Millis
    place: Coordinates


@dataclass(frozen=True, slots=True)
class AnswerKept:
    """The raw answer of a model or service, saved before anything was read into it."""

    at: Millis
    place: Coordinates
    label: str
    answer: Content


@dataclass(frozen=True, slots=True)
class StepSucceeded:
    at: Millis
    place: Coordinates
    output: Content
    receipt: Json = None
    usage: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """This attempt failed; another follows at `due_at`."""

    at: Millis
    place: Coordinates
    error: Failure
    due_at: Millis
    usage: Mapping[str, int] | None = None
    receipt: Json = None


@dataclass(frozen=True, slots=True)
class AttemptInterrupted:
    """The attempt was cut off through no fault of its own, by a crash or a stop; another follows."""

    at: Millis
    place: Coordinates
    reason: str
    due_at: Millis
    counts: bool = True


@dataclass(frozen=True, slots=True)
class StepFailed:
    at: Millis
    place: Coordinates
    error: Failure
    continued: bool = False
    usage: Mapping[str, int] | None = None
    receipt: Json = None


@dataclass(frozen=True, slots=True)
class StepSkipped:
    at: Millis
    place: Coordinates
    reason: str


@dataclass(frozen=True, slots=True)
class StepUnknown:
    """Nobody can say whether the step's effect took place; a person must settle it."""

    at: Millis
    place: Coordinates
    error: Failure


@dataclass(frozen=True, slots=True)
class StepSettled:
    at: Millis
    place: Coordinates
    actor: Actor
    answer: Literal["happened", "again", "fail"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """The step stands still until a moment in time."""

    at: Millis
    place: Coordinates
    until_at: Millis


@dataclass(frozen=True, slots=True)
class StepCancelled:
    at: Millis
    place: Coordinates
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GateOpened:
    at: Millis
    place: Coordinates
    id: str
    number: int
    version: int
    question: str
    shown: Content
    card: Json
    digest: str
    approvers: tuple[str, ...]
    quorum: int
    requester_may_decide: bool
    due_at: Millis | None
    expires_at: Millis


@dataclass(frozen=True, slots=True)
class GateOverdue:
    at: Millis
    place: Coordinates


@dataclass(frozen=True, slots=True)
class DecisionMade:
    at: Millis
    place: Coordinates
    actor: Actor
    verdict: Verdict
    digest: str
    comment: str = ""
    surface: str = ""
    override: str = ""


@dataclass(frozen=True, slots=True)
class DecisionRefused:
    """Somebody tried to decide and was told no; the attempt is part of the record."""

    at: Millis
    place: Coordinates
    actor: Actor
    verdict: str
    refusal: str
    surface: str = ""


@dataclass(frozen=True, slots=True)
class GateClosed:
    at: Millis
    place: Coordinates
    state: GateState


@dataclass(frozen=True, slots=True)
class ReportIgnored:
    """A report of an attempt that had been given up; kept as evidence, it changes nothing."""

    at: Millis
    place: Coordinates
    report: str
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class CancelRequested:
    at: Millis
    actor: Actor
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunEnding:
    """The run's outcome is settled; what is still under way is being stopped."""

    at: Millis
    outcome: RunStatus
    error: Failure | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RunPaused:
    at: Millis
    actor: Actor
    reason: str


@dataclass(frozen=True, slots=True)
class RunResumed:
    at: Millis
    actor: Actor


@dataclass(frozen=True, slots=True)
class ClockTurned:
    """The run's own clock starts when something becomes ready and stops while only people are waited for."""

    at: Millis
    on: bool


@dataclass(frozen=True, slots=True)
class RunFinished:
    at: Millis
    status: RunStatus
    outputs: Content | None = None
    error: Failure | None = None
    reason: str = ""


Event: TypeAlias = (
    RunStarted
    | StepReady
    | AttemptStarted
    | AnswerKept
    | StepSucceeded
    | AttemptFailed
    | AttemptInterrupted
    | StepFailed
    | StepSkipped
    | StepUnknown
    | StepSettled
    | StepWaiting
    | StepCancelled
    | GateOpened
    | GateOverdue
    | DecisionMade
    | DecisionRefused
    | GateClosed
    | ReportIgnored
    | CancelRequested
    | RunEnding
    | RunPaused
    | RunResumed
    | ClockTurned
    | RunFinished
)

KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__args__}
