"""Everything one may ask of a run, in the imperative, and every reason to say no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

from store.events import Event
from store.model import (
    NO_TERMS,
    Actor,
    Content,
    Coordinates,
    Failure,
    GateTerms,
    Json,
    Millis,
    Parent,
    Run,
    RunId,
    RunStatus,
    StepKey,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class StartRun:
    id: RunId
    name: str
    actor: Actor
    origin: Mapping[str, Json]
    inputs: Content
    trace_id: str
    dedupe_key: str | None = None
    parent: Parent | None = None
    previous: Content | None = None
    queue: str = ""
    queued: bool = False  # as many runs as may be are open already


@dataclass(frozen=True, slots=True)
class Admit:
    """Let a queued run begin."""


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
    anew: bool = False  # the work that had been given away has failed; else only asking for it has
    counts: bool = True  # an endpoint that is down for everybody does not use up a step's tries
    waited_ms: int = 0  # for its turn, before its work began


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
    request: str = ""  # what tells the request that it answers from others


@dataclass(frozen=True, slots=True)
class Policy:
    """What a policy of the workflow says in the place of people."""

    verdict: Verdict
    comment: str = ""


@dataclass(frozen=True, slots=True)
class OpenGate:
    """Ask people. Who, until when, and what else they may answer was worked out from the plan and the data."""

    place: Coordinates
    question: str
    shown: Content
    card: Json
    digest: str
    approvers: tuple[str, ...]
    expires_at: Millis
    due_at: Millis | None = None
    terms: GateTerms = NO_TERMS
    policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class AwaitChild:
    """Wait for the end of the run that this step started."""

    place: Coordinates
    child: RunId


@dataclass(frozen=True, slots=True)
class ReportChild:
    """The run that a step waits for has ended."""

    step: StepKey
    child: RunId
    status: RunStatus
    outputs: Content | None = None
    error: Failure | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class AwaitEvent:
    """Wait for something to happen outside."""

    place: Coordinates
    event: str
    until_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class SignalRun:
    """Something happened outside that the run may be waiting for; `step` names the only one that it is for."""

    actor: Actor
    event: str
    data: Content
    step: StepKey = ""


@dataclass(frozen=True, slots=True)
class ReportPolling:
    """The work goes on elsewhere; ask again at `due_at`."""

    place: Coordinates
    memo: Json
    due_at: Millis


@dataclass(frozen=True, slots=True)
class ReportStop:
    """The workflow says that the run ends here, with this outcome."""

    place: Coordinates
    outcome: RunStatus
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StartWait:
    place: Coordinates
    until_at: Millis


@dataclass(frozen=True, slots=True)
class Decide:
    """One person's answer at a gate. `gate` is the id on the card that was clicked; empty means the open one.

    With `content` the answer is about an edited content (`edits`: field -> [before, after]), or it is what people
    were asked for by a form.
    """

    step: StepKey
    actor: Actor
    verdict: Verdict
    gate: str = ""
    comment: str = ""
    surface: str = ""
    override: str = ""
    choice: str = ""
    content: Content | None = None
    content_digest: str = ""
    edits: Json = None
    confirmed: bool = False  # that steps are repeated whose effect must not be repeated unseen
    digest: str = ""  # of what this person was shown; empty means whatever stands there


@dataclass(frozen=True, slots=True)
class Retry:
    """Let a run that has ended go on: what failed and all that depends on it is done again.

    With `from_step` that step too; with `inputs` all that reads one of the `changed`; with `newest` by the newest
    version of the workflow.
    """

    actor: Actor
    reason: str = ""
    from_step: StepKey = ""
    inputs: Content | None = None
    changed: tuple[str, ...] = ()
    newest: bool = False
    confirmed: bool = False


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
    | Admit
    | Claim
    | ReportSuccess
    | ReportFailure
    | ReportInterrupted
    | KeepAnswer
    | OpenGate
    | StartWait
    | AwaitChild
    | ReportChild
    | AwaitEvent
    | SignalRun
    | ReportPolling
    | ReportStop
    | Decide
    | Retry
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
    ACTOR_NOT_AMONG = "actor_not_among"
    ANSWER_NOT_OFFERED = "answer_not_offered"
    CHOICE_UNKNOWN = "choice_unknown"
    EDIT_NOT_ALLOWED = "edit_not_allowed"
    CONTENT_CHANGED = "content_changed"
    CONTENT_INVALID = "content_invalid"
    ROUNDS_USED_UP = "rounds_used_up"
    ONCE_WOULD_REPEAT = "once_would_repeat"
    RUN_NOT_FINISHED = "run_not_finished"
    RUN_NOT_QUEUED = "run_not_queued"
    RUN_QUEUED = "run_queued"
    NOTHING_TO_RETRY = "nothing_to_retry"
    RUN_ERASED = "run_erased"
    VERSION_DOES_NOT_FIT = "version_does_not_fit"
    TOO_MANY_OPEN = "too_many_open"
    SIGNAL_NOT_EXPECTED = "signal_not_expected"
    TOO_MANY_SIGNALS = "too_many_signals"
    OVERRIDE_NOT_ALLOWED = "override_not_allowed"
    OVERRIDE_NEEDS_REASON = "override_needs_reason"


@dataclass(frozen=True, slots=True)
class Answer:
    """What follows from a command: events in order, and the reason when it was refused.

    A refused click still leaves its event in the history, so both may be set. `run` is the run after the events, and
    `steps` are those that the refusal speaks of.
    """

    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None
    run: Run | None = None
    steps: tuple[StepKey, ...] = ()
