"""Everything that can happen to a run, in the past tense.

An event is never refused and never changed. Events only ever gain fields with defaults, or get a new kind; the
history keeps every shape that was ever written readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from store.model import (
    NO_TERMS,
    Actor,
    Content,
    Coordinates,
    Failure,
    GateState,
    GateTerms,
    Json,
    Millis,
    Parent,
    Review,
    RunId,
    RunStatus,
    StepKey,
    StepStatus,
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
    parent: Parent | None = None
    previous: Content | None = None
    queue: str = ""
    queued: bool = False


@dataclass(frozen=True, slots=True)
class RunAdmitted:
    """A queued run's turn has come."""

    at: Millis


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
    anew: bool = False  # what had been given away has failed as well: the work begins anew
    counts: bool = True  # as a try; not when the endpoint is down for everybody


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
class StepPolled:
    """The work was given away and goes on elsewhere; the next attempt asks for it at `due_at`."""

    at: Millis
    place: Coordinates
    memo: Json
    due_at: Millis


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
class BlockReopened:
    """A block that had failed goes on, with these of its items."""

    at: Millis
    place: Coordinates
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApprovalKept:
    """What is to be decided on is what was approved before: the approval still holds."""

    at: Millis
    place: Coordinates
    gate: str
    digest: str


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
class RunReopened:
    """A run that had ended goes on."""

    at: Millis
    actor: Actor
    reason: str = ""


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
    terms: GateTerms = NO_TERMS


@dataclass(frozen=True, slots=True)
class GateOverdue:
    at: Millis
    place: Coordinates


@dataclass(frozen=True, slots=True)
class GateReminded:
    """The approvers are to be reminded."""

    at: Millis
    place: Coordinates


@dataclass(frozen=True, slots=True)
class GateEscalated:
    """Others may decide from here on as well."""

    at: Millis
    place: Coordinates
    approvers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyDecided:
    """A policy of the workflow decided in the place of people, and no gate was opened."""

    at: Millis
    place: Coordinates
    verdict: Verdict
    comment: str
    shown: Content
    digest: str


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
    choice: str = ""
    matches: tuple[str, ...] = ()
    edits: Json = None
    edited: Content | None = None  # what is decided on from here on, when the decision changed it
    edited_digest: str = ""


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


Event: TypeAlias = (
    RunStarted
    | RunAdmitted
    | BlockEntered
    | ItemBegun
    | ItemEnded
    | StepPolled
    | ChildAwaited
    | EventAwaited
    | SignalReceived
    | SignalTaken
    | StepsReset
    | BlockReopened
    | ApprovalKept
    | InputsChanged
    | VersionChanged
    | RunReopened
    | GateReminded
    | GateEscalated
    | PolicyDecided
    | EndingBegun
    | StepReady
    | StepHeld
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
