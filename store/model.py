"""The nouns: small frozen values that every layer may use.

Times are integers, milliseconds since the Unix epoch in UTC (``Millis``); names end in ``_at``. Lengths of time
are milliseconds too and end in ``_ms``. Everything here goes to JSON and back without loss (see codec.py).

    values  what nouns are made of: content, actors, failures, places
    plan    what an author wrote, understood
    model   what is going on: the state of a run; gives out the nouns of the other two as well
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias, TypeVar

from store.plan import Access as Access
from store.plan import Budget as Budget
from store.plan import Changes as Changes
from store.plan import Choice as Choice
from store.plan import Concurrency as Concurrency
from store.plan import Edge as Edge
from store.plan import Effect as Effect
from store.plan import Ensure as Ensure
from store.plan import Fanout as Fanout
from store.plan import GatePlan as GatePlan
from store.plan import MessageTrigger as MessageTrigger
from store.plan import Plan as Plan
from store.plan import Retry as Retry
from store.plan import Schedule as Schedule
from store.plan import Seats as Seats
from store.plan import Shortcut as Shortcut
from store.plan import StartRate as StartRate
from store.plan import StepPlan as StepPlan
from store.plan import Trigger as Trigger
from store.plan import Webhook as Webhook
from store.plan import Workflow as Workflow
from store.plan import block_of as block_of
from store.values import ENGINE as ENGINE
from store.values import LIMITS as LIMITS
from store.values import Actor as Actor
from store.values import Content as Content
from store.values import Coordinates as Coordinates
from store.values import Failure as Failure
from store.values import Json as Json
from store.values import Limits as Limits
from store.values import Millis as Millis
from store.values import RunId as RunId
from store.values import StepKey as StepKey

Verdict: TypeAlias = Literal["approve", "reject", "changes", "choose", "answer"]


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    ENDING = "ending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        return self in _FINISHED_RUN


_FINISHED_RUN = frozenset({RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.REJECTED, RunStatus.CANCELLED})


class StepStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def finished(self) -> bool:
        return self in _FINISHED_STEP


_FINISHED_STEP = frozenset({StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED})


class GateState(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETURNED = "returned"
    ANSWERED = "answered"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's answer at a gate."""

    actor: Actor
    verdict: Verdict
    at: Millis
    digest: str
    comment: str = ""
    surface: str = ""
    override: str = ""  # the reason, when an operator decided in the approvers' place
    choice: str = ""  # which of the offered answers
    matches: tuple[str, ...] = ()  # the references among the approvers that meant this person then
    edits: Json = None  # {field: [before, after]}, when the decision was about an edited content


@dataclass(frozen=True, slots=True)
class GateTerms:
    """What a gate offers and asks beyond yes and no, as it stood when it opened."""

    seats: tuple[Seats, ...] = ()
    among: tuple[str, ...] = ()
    form: Json = None
    edit: tuple[str, ...] = ()
    shown: Json = None  # what an edited content must look like, as JSON Schema
    choices: tuple[Choice, ...] = ()
    rounds_max: int = 0  # how often changes may be asked for in all, …
    rounds_left: int = 0  # … and how often still
    reminders: tuple[Millis, ...] = ()  # moments, earliest first
    escalate_at: Millis | None = None
    escalate_to: tuple[str, ...] = ()
    digest_ms: int | None = None


NO_TERMS = GateTerms()


@dataclass(frozen=True, slots=True)
class Gate:
    """A place where a run stands still until people decide."""

    id: str  # opaque: all that a button carries
    number: int  # G-41
    version: int
    state: GateState
    question: str
    shown: Content
    card: Json
    digest: str  # sha256 of what was shown, the question and who was asked
    approvers: tuple[str, ...]
    quorum: int
    requester_may_decide: bool
    opened_at: Millis
    due_at: Millis | None
    expires_at: Millis
    overdue: bool = False
    closed_at: Millis | None = None
    decisions: tuple[Decision, ...] = ()
    terms: GateTerms = NO_TERMS
    reminded: int = 0  # how many of the reminders have been given
    escalated: bool = False

    @property
    def name(self) -> str:
        return f"G-{self.number}"

    @property
    def next_timer_at(self) -> Millis:
        """When the clock has something to say about this gate."""
        moments = [self.expires_at, *self.terms.reminders[self.reminded : self.reminded + 1]]
        if self.due_at is not None and not self.overdue:
            moments.append(self.due_at)
        if self.terms.escalate_at is not None and not self.escalated:
            moments.append(self.terms.escalate_at)
        return min(moments)


@dataclass(frozen=True, slots=True)
class Fan:
    """The items of a block as they stand. The list was kept before the first of them began."""

    list: Content  # [[key, element], …] in the order of the list
    count: int
    begun: int = 0  # so many, from the front, have been begun
    ended: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was paid for and that nobody has looked into yet."""

    request: str  # what tells the request that it answers from others
    answer: Content


@dataclass(frozen=True, slots=True)
class Review:
    """Why a step is done again: what people said of its last result."""

    round: int
    comment: str
    previous: Content  # what they were shown
    by: str


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that happened outside and that a run may be waiting for; kept until a step takes it."""

    seq: int  # of its event
    event: str
    data: Content
    at: Millis
    actor: Actor


@dataclass(frozen=True, slots=True)
class Parent:
    """The step that started a run, and how deep it stands below the first of them."""

    run_id: RunId
    place: Coordinates
    depth: int


@dataclass(frozen=True)
class Step:
    """A step of a run as it stands."""

    name: str
    item: str | None = None
    round: int = 1
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0  # number of the latest attempt; never goes back
    failures: int = 0  # attempts that failed, in this round
    crashes: int = 0  # attempts that were interrupted, in this round
    due_at: Millis | None = None  # when it may be claimed, or when its clock next has something to say
    ready_at: Millis | None = None  # from when its time counts in this round; of one that is held, since when it is
    started_at: Millis | None = None
    ended_at: Millis | None = None
    seq: int = 0  # of the event that began or ended its latest attempt: tells what came first, as no clock can
    output: Content | None = None
    receipt: Json = None
    error: Failure | None = None
    reason: str = ""  # why it was skipped or cancelled
    gate: Gate | None = None
    n: int = 0  # its place in the order of the run
    review: Review | None = None
    memo: Json = None  # what a poll needs to go on
    child: RunId | None = None  # the run whose end it waits for
    event: str = ""  # the event it waits for
    fan: Fan | None = None  # of a block done for each element of a list
    kept: Kept | None = None  # what a model said to the latest attempt, until there is a verdict on it

    @property
    def key(self) -> StepKey:
        return self.name if self.item is None else f"{self.name}[{self.item}]"

    @property
    def place(self) -> Coordinates:
        return Coordinates(self.name, self.item, self.round, self.attempt, "undo" if ":" in self.name else "do")


@dataclass(frozen=True)
class Run:
    """One execution of a workflow, from start to end."""

    id: RunId
    name: str  # R-7K2, for people; never reused
    workflow: str
    version: str
    requester: Actor
    origin: Mapping[str, Json]  # where it was started; only the bot reads it
    inputs: Content
    trace_id: str
    created_at: Millis
    duration_ms: int  # how long it may be active
    status: RunStatus = RunStatus.RUNNING
    seq: int = 0  # of the latest event
    dedupe_key: str | None = None
    steps: Mapping[StepKey, Step] = field(default_factory=dict)
    outcome: RunStatus | None = None  # where an ending run is going
    outputs: Content | None = None
    error: Failure | None = None
    reason: str = ""  # why it was cancelled, rejected or paused
    warnings: bool = False  # a step failed and the run went on, as its author wished
    ended_at: Millis | None = None
    active_since: Millis | None = None  # set while something is ready or running
    active_ms: int = 0  # time of activity before that
    parent: Parent | None = None
    previous: Content | None = None  # outputs of the last run that went well, as they were at the start
    signals: tuple[Signal, ...] = ()
    usage: Mapping[str, int] = field(default_factory=dict)  # of model calls: see NO_USAGE
    queue: str = ""  # counted together with the runs of its workflow that stand in the same queue
    queued_at: Millis | None = None  # when it took its place there anew; None: when it was started
    winding_up: bool = False  # taking steps back and the last steps have begun
    erased_at: Millis | None = None  # when what was written in it was erased; only its row says so
    active: int = 0  # steps that are ready or running; follows from `steps`
    large: int = 0  # steps with a value kept outside the rows; follows from `steps`
    busy: Mapping[StepKey, int] = field(default_factory=dict)  # the same as `active`, by item; follows from `steps`
    held: Mapping[StepKey, int] = field(default_factory=dict)  # what waits for room in a list; follows from `steps`

    @property
    def stands_since(self) -> Millis:
        """Since when it has its place among the open runs of its queue."""
        return self.created_at if self.queued_at is None else self.queued_at

    @property
    def deadline_at(self) -> Millis | None:
        """When the run has been active for as long as it may; None while only people are waited for."""
        if self.active_since is None:
            return None
        return self.active_since + self.duration_ms - self.active_ms


N = TypeVar("N", Run, Step)


def changed(noun: N, **changes: Any) -> N:
    """The same noun with other values in some fields.

    Like `dataclasses.replace`, which is ten times slower on nouns of this size; every event makes two of them.
    """
    other = object.__new__(type(noun))
    other.__dict__.update(noun.__dict__)
    other.__dict__.update(changes)
    return other


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack says about somebody at one moment."""

    id: str
    name: str
    member: bool  # of the home organisation: no guest, bot, deleted account or outsider
    matches: tuple[str, ...]  # which of the references asked about (ids, e-mails, @groups) mean this person
    fetched_at: Millis
    why_not: str = ""  # when not a member: guest, bot, deleted, outsider, unknown, unverifiable


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules need to know about the world, gathered outside before they are asked."""

    content: Mapping[str, Json] = field(default_factory=dict)  # hash -> value
    settings: Mapping[str, Json] = field(default_factory=dict)
    person: Person | None = None
    gate_id: str = ""
    gate_number: int = 0
    override_allowed: bool = False
    problems: tuple[str, ...] = ()  # what is wrong with the data of the command, by its schema
    child: Run | None = None  # the run that a step waits for
    newest: Plan | None = None  # the version that a run is to be moved to
    queue: str | None = None  # in which a run that goes on takes its place, …
    queued: bool = False  # … whether it has to wait there for its turn, …
    full: bool = False  # … or whether there is no place for it


NO_FACTS = Facts()
NO_USAGE: Mapping[str, int] = dict.fromkeys(("calls", "tokens_in", "tokens_out", "tokens_cached", "usd_micros"), 0)
"""What model calls use, by the names that people and expressions meet; the cached tokens are among those in."""
