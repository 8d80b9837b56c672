"""The nouns: small frozen values that every layer may use.

Times are integers, milliseconds since the Unix epoch in UTC (``Millis``); names end in ``_at``. Lengths of time
are milliseconds too and end in ``_ms``. Everything here goes to JSON and back without loss (see codec.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias, TypeVar

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list or dict with string keys."""

Millis: TypeAlias = int
RunId: TypeAlias = str
StepKey: TypeAlias = str
"""Where a step stands in its run: its path, with the item's key in brackets when it belongs to an item."""

Verdict: TypeAlias = Literal["approve", "reject"]
Effect: TypeAlias = Literal["pure", "idempotent", "once"]


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
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep every run and every row small enough to be handled whole."""

    steps_max: int = 200  # a plan is loaded, folded and rendered as one value
    output_bytes_max: int = 50_000_000  # over this a step fails for good: passing it on would never work
    inline_bytes_max: int = 8_192  # larger values live once, by hash, in the content folder
    input_text_max: int = 20_000  # what a person may type into one input
    comment_max: int = 3_000  # Slack's own limit for a text field in a modal
    claims_per_pass: int = 512  # one commit's worth; the rest waits for the next, moments later
    attempts_running_max: int = 256  # how many activities may be under way at once in this process


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asked: a person, an operator at the command line, a trigger, or the engine itself."""

    kind: Literal["person", "operator", "trigger", "engine"]
    id: str
    name: str = ""


ENGINE = Actor("engine", "engine", "Pointsman")


@dataclass(frozen=True, slots=True)
class Content:
    """A JSON value: held here when it is small, else by its hash in the content folder."""

    value: Json = None
    hash: str | None = None  # sha256 of the canonical bytes, when the value is kept outside
    size: int = 0  # bytes of the canonical form, when the value is kept outside


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt, a step or a run did not succeed."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    retry_after_ms: int | None = None
    maybe_happened: bool = False  # the effect may have taken place although no answer came back
    detail: Json = None


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Exactly which piece of work an event or a report speaks of."""

    step: str
    item: str | None = None
    round: int = 1
    attempt: int = 0
    deed: Literal["do", "undo"] = "do"

    @property
    def key(self) -> StepKey:
        return self.step if self.item is None else f"{self.step}[{self.item}]"


# What an author wrote, understood: a plan is the behaviour of one version of a workflow. ---------------------------


@dataclass(frozen=True, slots=True)
class Retry:
    """When to try again: how often, and how long to wait in between."""

    attempts: int = 3
    backoff_min_ms: int = 2_000
    backoff_max_ms: int = 60_000
    crashes: int = 3  # interrupted attempts allowed before the run is paused: a budget of its own


@dataclass(frozen=True, slots=True)
class Edge:
    """One step needs another: to have succeeded, or only to have ended."""

    step: str
    accepts: Literal["success", "end"] = "success"
    guarded: bool = False  # every reference is protected by has() or a condition: a skipped step does not skip this one


@dataclass(frozen=True, slots=True)
class GatePlan:
    """The policy of a gate, as written."""

    approvers: tuple[str, ...]  # user ids, e-mail addresses, @handles of groups
    quorum: int = 1
    requester_may_decide: bool = False
    due_ms: int | None = None
    expires_ms: int = 7 * 24 * 3_600_000
    on_expiry: Literal["reject", "approve", "fail", "continue"] = "reject"
    on_reject: Literal["end", "continue"] = "end"


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One node of a workflow."""

    name: str
    uses: str
    title: str = ""
    needs: tuple[Edge, ...] = ()
    when: str | None = None  # the text of an expression
    with_: Json = None  # a template: JSON whose strings may hold ${{ … }}
    spec: Mapping[str, Json] = field(default_factory=dict)  # static keys of the kind: call, parse …
    output: Json = None  # JSON Schema of the output; None means anything
    retry: Retry = Retry()
    attempt_timeout_ms: int | None = None
    timeout_ms: int | None = None
    effect: Effect = "idempotent"
    on_failure: Literal["stop", "continue"] = "stop"
    gate: GatePlan | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The behaviour of one version of a workflow: what a run is pinned to for life."""

    workflow: str
    inputs: Mapping[str, Json]  # name -> JSON Schema with `default` and `optional`, in the order of the file
    steps: tuple[StepPlan, ...]  # in the order of the file
    outputs: Json = None  # a template
    duration_ms: int = 7 * 24 * 3_600_000  # of time in which something was ready or running
    secrets: Mapping[str, str] = field(default_factory=dict)  # name -> reference such as env:CMS_TOKEN
    settings: Mapping[str, Json] = field(default_factory=dict)  # name -> JSON Schema
    vars: Mapping[str, Json] = field(default_factory=dict)
    version: str = ""  # sha256 of the behaviour

    def step(self, name: str) -> StepPlan:
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what with the runs of a workflow; `members` are the people of the home organisation."""

    start: tuple[str, ...] = ("members",)
    see: tuple[str, ...] = ("members",)
    control: tuple[str, ...] = ("members",)
    override: bool = True  # may an operator decide at the command line, with a reason?


@dataclass(frozen=True, slots=True)
class Workflow:
    """What follows the newest file of a workflow: how it is called, shown and guarded. Not part of the behaviour."""

    name: str
    title: str
    version: str
    number: int = 0  # counts the versions of this workflow, for people
    description: str = ""
    owner: str = ""
    channel: str = ""
    access: Access = Access()
    alerts_failed: str = ""
    show: Literal["always", "when_needed", "never"] = "always"
    file: str = ""
    commit: str = ""  # of git, when the file stands in a repository


# What is going on: the state of one run. --------------------------------------------------------------------------


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

    @property
    def name(self) -> str:
        return f"G-{self.number}"

    @property
    def next_timer_at(self) -> Millis:
        """When the clock has something to say about this gate."""
        if self.due_at is not None and not self.overdue:
            return min(self.due_at, self.expires_at)
        return self.expires_at


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
    ready_at: Millis | None = None  # when it first became ready in this round
    started_at: Millis | None = None
    ended_at: Millis | None = None
    output: Content | None = None
    receipt: Json = None
    error: Failure | None = None
    reason: str = ""  # why it was skipped or cancelled
    gate: Gate | None = None

    @property
    def key(self) -> StepKey:
        return self.name if self.item is None else f"{self.name}[{self.item}]"

    @property
    def place(self) -> Coordinates:
        return Coordinates(self.name, self.item, self.round, self.attempt)


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


NO_FACTS = Facts()
