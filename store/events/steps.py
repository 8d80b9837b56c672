"""What happens to steps between their attempts: readiness, waits, blocks and items, doing them again."""

from __future__ import annotations

from dataclasses import dataclass

from store.model import Actor, Content, Coordinates, Failure, Millis, Review, RunId, StepKey, StepStatus


@dataclass(frozen=True, slots=True)
class StepReady:
    """All that the step needs is there; it may be claimed from `due_at` on."""

    at: Millis
    place: Coordinates
    due_at: Millis


@dataclass(frozen=True, slots=True)
class StepHeld:
    """All that the step needs is there, but as much is going on as may; it becomes ready when there is room."""

    at: Millis
    place: Coordinates


@dataclass(frozen=True, slots=True)
class StepSkipped:
    at: Millis
    place: Coordinates
    reason: str


@dataclass(frozen=True, slots=True)
class StepWaiting:
    """The step stands still until a moment in time."""

    at: Millis
    place: Coordinates
    until_at: Millis


@dataclass(frozen=True, slots=True)
class ChildAwaited:
    """The step started a run and waits for its end."""

    at: Millis
    place: Coordinates
    child: RunId


@dataclass(frozen=True, slots=True)
class EventAwaited:
    """The step waits for something to happen outside, at most until `until_at`."""

    at: Millis
    place: Coordinates
    event: str
    until_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """Something happened outside; kept until a step takes it."""

    at: Millis
    actor: Actor
    event: str
    data: Content


@dataclass(frozen=True, slots=True)
class SignalTaken:
    """A step took what had happened."""

    at: Millis
    place: Coordinates
    signal: int


@dataclass(frozen=True, slots=True)
class StepsReset:
    """These steps are to be done again, each in its next round: for a review, a retry, or because of new inputs."""

    at: Millis
    actor: Actor
    steps: tuple[StepKey, ...]
    reason: str
    resumed: tuple[StepKey, ...] = ()  # go on in the round they are in: they had not succeeded, and nothing is new
    dropped: tuple[StepKey, ...] = ()  # what stood in a block among them; begun again when the block is
    review: Review | None = None


@dataclass(frozen=True, slots=True)
class BlockEntered:
    """The steps of a block exist from here on; with a list, item by item as they begin."""

    at: Millis
    place: Coordinates
    steps: tuple[str, ...]  # that stand in it, when there is no list
    list: Content | None = None  # [[key, element], …]
    count: int = 0


@dataclass(frozen=True, slots=True)
class ItemBegun:
    """A block begins with the next element of its list."""

    at: Millis
    place: Coordinates
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """All steps of an item have ended."""

    at: Millis
    place: Coordinates
    status: StepStatus
    output: Content | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class BlockReopened:
    """A block that had failed goes on, with these of its items."""

    at: Millis
    place: Coordinates
    items: tuple[str, ...]
