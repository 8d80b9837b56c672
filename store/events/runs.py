"""What happens to a run as a whole: its start, its ends, its pauses, and when it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from store.model import Actor, Content, Failure, Json, Millis, Parent, RunId, RunStatus, StepKey


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
    parent: Parent | None = None
    previous: Content | None = None
    queue: str = ""
    queued: bool = False


@dataclass(frozen=True, slots=True)
class RunAdmitted:
    """A queued run's turn has come."""

    at: Millis


@dataclass(frozen=True, slots=True)
class RunReopened:
    """A run that had ended goes on, when its turn in its queue has come."""

    at: Millis
    actor: Actor
    reason: str = ""
    queue: str | None = None  # in which it takes its place anew
    queued: bool = False


@dataclass(frozen=True, slots=True)
class InputsChanged:
    at: Millis
    actor: Actor
    inputs: Content
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionChanged:
    """The run goes on with another version of its workflow, which has these steps."""

    at: Millis
    actor: Actor
    version: str
    steps: tuple[str, ...]
    duration_ms: int


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
class EndingBegun:
    """What is done when the rest is over: taking steps back, in this order, then the last steps."""

    at: Millis
    steps: tuple[StepKey, ...]


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
