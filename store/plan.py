"""What an author wrote, understood: the nouns of a plan, and how a workflow is called, shown and guarded.

A plan is the behaviour of one version of a workflow. Durations are in milliseconds and end in ``_ms``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

from store.values import Json

Effect: TypeAlias = Literal["pure", "idempotent", "once"]


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
class Seats:
    """People, so many of whom must agree."""

    approvers: tuple[str, ...]  # user ids, e-mail addresses, @handles of groups
    quorum: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers that a gate offers instead of yes and no."""

    value: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is done again when people ask for changes at a gate, and how often they may."""

    rerun: str
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class GatePlan:
    """The policy of a gate, as written."""

    approvers: tuple[str, ...]  # everybody who may decide; empty when they come from data
    quorum: int = 1
    requester_may_decide: bool = False
    due_ms: int | None = None
    expires_ms: int = 7 * 24 * 3_600_000
    on_expiry: Literal["reject", "approve", "fail", "continue"] = "reject"
    on_reject: Literal["end", "continue"] = "end"
    all_of: tuple[Seats, ...] = ()  # when several groups must each agree
    among: tuple[str, ...] = ()  # approvers that come from data must belong to one of these
    form: Json = None  # JSON Schema of what people are asked for
    edit: tuple[str, ...] = ()  # fields of what is shown that an approver may change
    shown: Json = None  # JSON Schema of what is shown, where it may be edited
    choices: tuple[Choice, ...] = ()
    changes: Changes | None = None
    remind_before_due_ms: tuple[int, ...] = ()
    remind_after_due_ms: tuple[int, ...] = ()
    escalate_after_due_ms: int | None = None
    escalate_to: tuple[str, ...] = ()
    hours: str = ""  # a calendar of the operator: the gate's clocks run in its working hours
    digest_ms: int | None = None  # open gates of this step are gathered this long into one card


@dataclass(frozen=True, slots=True)
class Fanout:
    """A block done once for each element of a list."""

    each: str  # the text of an expression that gives the list
    as_: str = "item"
    key: str | None = None  # the text of an expression that names an item across reruns; else its place in the list
    concurrency: int = 8  # items worked on at once; one that waits for people does not count
    tolerate: int = 0  # failed items allowed
    tolerate_percent: bool = False  # … in a hundred


@dataclass(frozen=True, slots=True)
class Ensure:
    """Something that must hold of an output; a model is asked again with the reason, any other step fails."""

    that: str  # the text of a condition over `output`
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One node of a workflow: a step, or a block of steps."""

    name: str  # a path: checks.verify stands in the block checks; publish:undo takes publish back
    uses: str
    title: str = ""
    needs: tuple[Edge, ...] = ()
    when: str | None = None  # the text of an expression
    with_: Json = None  # a template: JSON whose strings may hold ${{ … }}; of a block, what an item amounts to
    spec: Mapping[str, Json] = field(default_factory=dict)  # static keys of the kind: call, parse …
    output: Json = None  # JSON Schema of the output; None means anything
    retry: Retry = Retry()
    attempt_timeout_ms: int | None = None
    timeout_ms: int | None = None
    effect: Effect = "idempotent"
    on_failure: Literal["stop", "continue"] = "stop"
    gate: GatePlan | None = None
    fanout: Fanout | None = None  # of a block
    ensure: tuple[Ensure, ...] = ()
    phase: Literal["main", "finally"] = "main"


@dataclass(frozen=True, slots=True)
class Budget:
    """What the model calls of one run may cost; checked before each call."""

    usd: float | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many runs may be open at once, and what becomes of one more."""

    max: int
    per: str | None = None  # the text of an expression over `inputs`: counted apart for each of its values
    when_full: Literal["queue", "refuse", "cancel_oldest"] = "queue"


@dataclass(frozen=True, slots=True)
class StartRate:
    """How many runs may start in each period."""

    count: int
    period_ms: int


@dataclass(frozen=True)
class Plan:
    """The behaviour of one version of a workflow: what a run is pinned to for life."""

    workflow: str
    inputs: Mapping[str, Json]  # name -> JSON Schema with `default` and `optional`, in the order of the file
    steps: tuple[StepPlan, ...]  # in the order of the file, a block before what stands in it
    outputs: Json = None  # a template
    duration_ms: int = 7 * 24 * 3_600_000  # of time in which something was ready or running
    secrets: Mapping[str, str] = field(default_factory=dict)  # name -> reference such as env:CMS_TOKEN
    settings: Mapping[str, Json] = field(default_factory=dict)  # name -> JSON Schema
    vars: Mapping[str, Json] = field(default_factory=dict)
    version: str = ""  # sha256 of the behaviour
    undo: tuple[StepPlan, ...] = ()  # how steps are taken back, each named after its step: publish:undo
    budget: Budget | None = None
    concurrency: Concurrency | None = None
    dedupe: str | None = None  # the text of an expression over `inputs` that gives a run's dedupe key
    items_max: int | None = None  # elements of one list; over this a block fails before it begins
    rate: StartRate | None = None

    def step(self, name: str) -> StepPlan:
        """The step of this path, an undo included."""
        return self._by_name[name]

    def knows(self, name: str) -> bool:
        return name in self._by_name

    def within(self, block: str) -> tuple[StepPlan, ...]:
        """The steps that stand directly in a block; with "" those of the workflow itself."""
        return self._by_block.get(block, ())

    def dependents(self, name: str) -> tuple[StepPlan, ...]:
        """The steps that need this one."""
        return self._dependents.get(name, ())

    def depth(self, name: str) -> int:
        """How many lists a step is done once for each element of."""
        return self._depths[name]

    @property
    def has_blocks(self) -> bool:
        return self._has_blocks

    @property
    def main(self) -> tuple[str, ...]:
        """The names of the steps that a run ends with: those of the workflow itself that are not its last steps."""
        return self._main

    # What is computed once for all stands under names with an underscore: these do not go to JSON.

    @cached_property
    def _has_blocks(self) -> bool:
        return any(step.uses == "block" for step in self.steps)

    @cached_property
    def _main(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.within("") if step.phase == "main")

    @cached_property
    def _by_name(self) -> Mapping[str, StepPlan]:
        return {step.name: step for step in (*self.steps, *self.undo)}

    @cached_property
    def _by_block(self) -> Mapping[str, tuple[StepPlan, ...]]:
        found: dict[str, list[StepPlan]] = {}
        for step in self.steps:
            found.setdefault(block_of(step.name), []).append(step)
        return {block: tuple(steps) for block, steps in found.items()}

    @cached_property
    def _dependents(self) -> Mapping[str, tuple[StepPlan, ...]]:
        found: dict[str, list[StepPlan]] = {}
        for step in self.steps:
            for edge in step.needs:
                found.setdefault(edge.step, []).append(step)
        return {name: tuple(steps) for name, steps in found.items()}

    @cached_property
    def _depths(self) -> Mapping[str, int]:
        depths = {"": 0}
        for step in self.steps:
            above = depths.get(block_of(step.name), 0)
            block = self._by_name.get(block_of(step.name))
            depths[step.name] = above + (block is not None and block.fanout is not None)
        return depths | {step.name: depths[step.name.removesuffix(":undo")] for step in self.undo}


def block_of(name: str) -> str:
    """The block that a step stands in; "" when it stands in the workflow itself."""
    return name.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Starts a run at the moments of a cron line. Its name is part of the identity of each slot."""

    name: str
    cron: str  # five fields
    timezone: str = "UTC"
    overlap: Literal["skip", "queue", "allow", "cancel"] = "skip"
    catch_up: Literal["none", "latest", "all"] = "latest"
    inputs: Json = field(default_factory=dict)  # a template over `event`
    kind: Literal["schedule"] = "schedule"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Starts a run for each delivery to an address; with a secret, only for deliveries that prove they know it."""

    name: str
    verify: Literal["", "hmac_sha256", "token"] = ""
    secret: str = ""  # a name of the workflow's secrets
    dedupe: str | None = None  # the text of an expression over `event`
    inputs: Json = field(default_factory=dict)  # a template over `event`
    kind: Literal["webhook"] = "webhook"


@dataclass(frozen=True, slots=True)
class MessageTrigger:
    """Starts a run for each message in a channel that matches, for whoever wrote it."""

    channel: str
    matches: str = ""  # a pattern of linear time; empty for every message
    from_: tuple[str, ...] = ()  # only for these people; empty for everyone who may start the workflow
    replies: bool = False  # also for what is said in threads
    inputs: Json = field(default_factory=dict)  # a template over `event`
    kind: Literal["message"] = "message"


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Starts a run from the menu of a message."""

    label: str
    inputs: Json = field(default_factory=dict)  # a template over `event`
    kind: Literal["shortcut"] = "shortcut"


Trigger: TypeAlias = Schedule | Webhook | MessageTrigger | Shortcut


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
    triggers: tuple[Trigger, ...] = ()
    keep_content_ms: int | None = None  # what was written in a run is erased that long after its end
