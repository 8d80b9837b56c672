"""What happens to attempts, and what they leave behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from store.model import Actor, Content, Coordinates, Failure, Json, Millis


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """`idle_ms`, here and below: for so long the step only waited for its turn; its own clock stood still."""

    at: Millis
    place: Coordinates
    idle_ms: int = 0


@dataclass(frozen=True, slots=True)
class AnswerKept:
    """The raw answer of a model or service, saved before anything was read into it."""

    at: Millis
    place: Coordinates
    label: str
    answer: Content
    request: str = ""


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
    anew: bool = False  # what had been given away has failed as well: the work begins anew
    counts: bool = True  # as a try; not when the endpoint is down for everybody
    idle_ms: int = 0


@dataclass(frozen=True, slots=True)
class AttemptInterrupted:
    """The attempt was cut off through no fault of its own, by a crash or a stop; another follows."""

    at: Millis
    place: Coordinates
    reason: str
    due_at: Millis
    counts: bool = True
    idle_ms: int = 0
    error: Failure | None = None  # says so when its effect may have taken place


@dataclass(frozen=True, slots=True)
class StepPolled:
    """The work was given away and goes on elsewhere; the next attempt asks for it at `due_at`."""

    at: Millis
    place: Coordinates
    memo: Json
    due_at: Millis


@dataclass(frozen=True, slots=True)
class StepFailed:
    at: Millis
    place: Coordinates
    error: Failure
    continued: bool = False
    usage: Mapping[str, int] | None = None
    receipt: Json = None


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
class StepCancelled:
    at: Millis
    place: Coordinates
    reason: str = ""
    error: Failure | None = None  # how the attempt ended that was under way


@dataclass(frozen=True, slots=True)
class ReportIgnored:
    """A report of an attempt that had been given up; kept as evidence, it changes nothing."""

    at: Millis
    place: Coordinates
    report: str
    error: Failure | None = None
