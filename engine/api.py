"""The one door: every change of a run goes through `Engine.perform`, whoever asks for it.

A change is a synchronous piece of work on the writer's thread: load the run from the cache or its rows, let the rules
handle the command, fold the events, save rows, history and outbox. It becomes visible, and has effects, after the
commit that it shares with whatever else was waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio.to_thread
import structlog

from engine.adoption import adopted
from engine.beginning import begun, first, has_files, named, require_files, started_by
from engine.bell import Bell
from engine.clock import Clock
from engine.facts import facts_for
from engine.letters import show_others, write_letters
from engine.outgrown import outgrown
from engine.rules.commands import (
    Cancel,
    Command,
    Pause,
    Refusal,
    Retry,
)
from engine.rules.evolution import fold
from engine.rules.lifecycle import handle
from engine.starting import NotStarted as NotStarted
from engine.starting import dedupe_key as key_of
from engine.starting import makes_way
from store import definitions, draft, lookups, receipts, runs
from store.content import ContentFolder
from store.database import Database, Writer
from store.endpoints import Endpoint
from store.events import (
    Event,
)
from store.faults import StoreFault
from store.history import Chain
from store.model import (
    ENGINE,
    Actor,
    Content,
    Json,
    Millis,
    Parent,
    Person,
    Plan,
    Run,
    RunId,
    RunStatus,
    Step,
    StepKey,
    StepPlan,
    Workflow,
)
from store.receipts import Receipt

if TYPE_CHECKING:
    from engine.definitions import Definition  # read from files only where files are read

log = structlog.get_logger("engine")

CACHED_RUNS_MAX = 4_096


class UnknownWorkflow(LookupError):
    """No workflow of this name is loaded."""


class UnknownRun(LookupError):
    """There is no run of this name or id."""


class Poisoned(Exception):
    """The rules failed on this command: a bug of ours. Nothing was changed, and the run was paused with the reason."""


@dataclass(frozen=True, slots=True)
class Started:
    """A run, and whether it was there before: a second start with the same dedupe key gives the first run."""

    run: Run
    existing: bool
    same: bool = False  # it was this very gesture that started the run, carried out once more


@dataclass(frozen=True, slots=True)
class Performed:
    """What became of a command: the run as it stands, and the reason when the command was refused.

    `steps` are those that the refusal speaks of.
    """

    run: Run
    refusal: Refusal | None = None
    events: tuple[Event, ...] = ()
    steps: tuple[StepKey, ...] = ()


AlsoLoaded: TypeAlias = Callable[[Writer, Mapping[str, Workflow]], None]
ClaimReady: TypeAlias = Callable[[Writer, Plan, Run, tuple[Event, ...], Millis], tuple[Run, tuple[Event, ...]]]
"""Claims what a change made ready, within that change: gives the run and all its events, those of the claims too."""


TryEndpoint: TypeAlias = Callable[[Writer, str, Millis], Endpoint]
"""Lets an endpoint that is held be tried at once; gives it as it stood before."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants a run of a workflow, with which inputs, and what for."""

    inputs: Mapping[str, Json]
    kept: Content
    actor: Actor
    origin: Mapping[str, Json]
    dedupe_key: str | None = None
    parent: Parent | None = None
    gesture: str | None = None  # what asks for it, under a key of its own beside that of the workflow


@dataclass(slots=True)
class Engine:
    """Starts runs, changes them and looks at them. Made by `engine.service`."""

    database: Database
    content: ContentFolder
    clock: Clock
    chain: Chain = field(default_factory=Chain)
    tell: bool = True  # is there somebody who shows runs to people?
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # of workflows, by name
    told: Bell = field(default_factory=Bell)  # a run changed
    received: Bell = field(default_factory=Bell)  # a receipt came in
    due: Bell = field(default_factory=Bell)  # something may have become due earlier than was known
    committed: Callable[[Run, tuple[Event, ...]], None] = lambda run, events: None
    claim_ready: ClaimReady = lambda tx, plan, run, events, now: (run, events)
    fires_before: Callable[[Millis], None] = lambda at: None  # a schedule may fire as early as that
    try_endpoint: TryEndpoint = lambda tx, name, now: Endpoint(name)
    held: frozenset[str] = frozenset()  # the workflows that are switched off: no step of theirs begins
    mail_waits: bool = True  # there may be letters that have not been delivered; at first nobody knows
    _cache: dict[RunId, tuple[Run, bytes]] = field(default_factory=dict)
    _plans: dict[str, Plan] = field(default_factory=dict)
    _cards: dict[str, Workflow] = field(default_factory=dict)
    _specs: dict[tuple[str, str], StepPlan] = field(default_factory=dict)

    # Starting ----------------------------------------------------------------------------------------------------

    async def start(
        self,
        workflow: str,
        inputs: Mapping[str, Json],
        *,
        actor: Actor,
        origin: Mapping[str, Json] | None = None,
        dedupe_key: str | None = None,
        receipt: str | None = None,
        answer: Json = None,
        parent: Parent | None = None,
    ) -> Started:
        """Start a run of the current version. `inputs` have been read by `engine.inputs` already.

        A receipt starts one run, however often it is carried out; the dedupe key holds beside that.

        Raises UnknownWorkflow, NotStarted, or a StoreFault.
        """
        definition = self.definitions.get(workflow)
        if definition is None:
            raise UnknownWorkflow(workflow)
        plan = definition.plan
        if has_files(plan, inputs):
            await anyio.to_thread.run_sync(require_files, self.content, plan, inputs)
        key = dedupe_key or key_of(plan, inputs)
        gesture = None if receipt is None else f"receipt:{receipt}"
        request = Request(inputs, self.content.kept(dict(inputs)), actor, origin or {}, key, parent, gesture)
        return await self.database.write(lambda tx: self.start_in(tx, plan, request, receipt, answer))

    def start_in(
        self, tx: Writer, plan: Plan, request: Request, receipt: str | None = None, answer: Json = None
    ) -> Started:
        """The work of `start`, inside a write."""
        same = started_by(tx, plan, request.gesture)
        existing = same or started_by(tx, plan, request.dedupe_key)
        run = begun(self, tx, plan, request) if existing is None else first(self, tx, existing)
        started = Started(run, existing is not None, same is not None)
        if receipt is not None:
            receipts.performed(tx, receipt, named(answer, started))
        return started

    # Changing ----------------------------------------------------------------------------------------------------

    async def perform(
        self,
        run_id: RunId,
        command: Command,
        *,
        person: Person | None = None,
        receipt: str | None = None,
        answer: Json = None,
    ) -> Performed:
        """Change a run: all of it, or nothing; returns when it is on disk.

        Raises UnknownRun, Poisoned, or a StoreFault.
        """
        try:
            return await self.database.write(lambda tx: self.change(tx, run_id, command, person, receipt, answer))
        except (StoreFault, UnknownRun):
            raise
        except Exception as error:
            await self._quarantine(run_id, command, error)
            raise Poisoned(f"{type(command).__name__} on {run_id}: {error}") from error

    def perform_soon(self, run_id: RunId, command: Command, failed: Callable[[BaseException], None]) -> None:
        """Change a run without waiting for it; `failed` hears when the file would not have it.

        A bug pauses the run it touches, with the reason.
        """

        def broke(error: BaseException) -> None:
            if isinstance(error, StoreFault | UnknownRun) or not isinstance(error, Exception):
                failed(error)
            else:
                self._poisoned(run_id, command, error)
                self.database.write_soon(lambda tx: self.change(tx, run_id, _pause(command, error)), failed)

        self.database.write_soon(lambda tx: self.change(tx, run_id, command), broke)

    def change(
        self,
        tx: Writer,
        run_id: RunId,
        command: Command,
        person: Person | None = None,
        receipt: str | None = None,
        answer: Json = None,
    ) -> Performed:
        """The work of `perform`, inside a write."""
        run, head = self._load(tx, run_id)
        plan, now = self.plan_in(tx, run.version), self.clock.now()
        facts = facts_for(self, tx, plan, run, command, person)
        answered = handle(plan, run, command, facts, now)
        if receipt is not None and answered.refusal is not Refusal.FACTS_TOO_OLD:
            receipts.performed(tx, receipt, answer)
        if not answered.events:
            return Performed(run, answered.refusal, steps=answered.steps)
        events = outgrown(self.content, answered.events, getattr(command, "output", None))
        after = answered.run if events is answered.events and answered.run else fold(run, events)
        if after.version != run.version:
            plan = self.plan_in(tx, after.version)
        after, events = self.claim_ready(tx, plan, after, events, now)
        self.save(tx, run, after, events, head)
        if isinstance(command, Retry):
            for oldest in makes_way(tx, self.newest(tx, after), after.queue, after.id):
                self.change(tx, oldest, Cancel(ENGINE, f"{after.name} took its place, as it goes on"))
        return Performed(after, answered.refusal, events)

    async def _quarantine(self, run_id: RunId, command: Command, error: Exception) -> None:
        self._poisoned(run_id, command, error)
        await self.database.write(lambda tx: self.change(tx, run_id, _pause(command, error)))

    def _poisoned(self, run_id: RunId, command: Command, error: Exception) -> None:
        log.error("command.poisoned", run=run_id, command=type(command).__name__, exc_info=error)

    def save(self, tx: Writer, before: Run | None, after: Run, events: tuple[Event, ...], head: bytes) -> None:
        """Write a run that changed, with what others are told of it; what follows from it follows the commit."""
        head = runs.save(tx, self.chain, before, after, events, head, self.tell)
        write_letters(self, tx, before, after, events)
        if self.tell and before is not None:
            show_others(tx, before, after)
        tx.after_commit(lambda: self._committed(after, head, events))

    def _committed(self, run: Run, head: bytes, events: tuple[Event, ...]) -> None:
        if run.active_since is not None:  # something is ready or running
            if len(self._cache) >= CACHED_RUNS_MAX and run.id not in self._cache:
                del self._cache[next(iter(self._cache))]
            self._cache[run.id] = (run, head)
        else:
            self._cache.pop(run.id, None)  # nobody will ask for it soon: parked runs cost no memory
        self.committed(run, events)
        self.told.ring()

    def forget(self) -> None:
        """Drop what is remembered of runs: a commit failed, so only the rows are true."""
        self._cache.clear()

    # Looking -----------------------------------------------------------------------------------------------------

    async def look(self, ref: str) -> Run | None:
        """A run by its id or its short name, as committed."""
        return await self.database.read(lambda tx: lookups.run(tx, ref))

    async def resolve_gate(self, ref: str) -> tuple[Run, Step] | None:
        """The run and step of a gate, by its opaque id or by its name such as G-41."""
        return await self.database.read(lambda tx: lookups.gate(tx, ref))

    async def plan_of(self, version: str) -> Plan:
        """The plan that runs of this version follow."""
        if version not in self._plans:
            await self.database.read(lambda tx: self.plan_in(tx, version))
        return self._plans[version]

    def known_plan(self, version: str) -> Plan:
        """The plan of a run that was changed in this process: it was loaded for the change."""
        return self._plans[version]

    def spec_of(self, plan: Plan, step: str) -> StepPlan:
        """One step of a plan; remembered, as a plan has to look for it."""
        return plan.step(step)

    def workflow_of(self, name: str) -> Workflow | None:
        """How a workflow is called, shown and guarded now; None when its file is gone."""
        return self._cards.get(name)

    def workflows(self) -> list[Workflow]:
        """Every workflow that can be started, by name."""
        return [self._cards[name] for name in sorted(self.definitions) if name in self._cards]

    async def wait_for(self, run_id: RunId, done: Callable[[Run], bool]) -> Run:
        """The run, as soon as it is as wished."""
        while True:
            bell = self.told.event()
            run = await self.look(run_id)
            if run is None:
                raise UnknownRun(run_id)
            if done(run):
                return run
            await bell.wait()

    # Receipts and definitions --------------------------------------------------------------------------------------

    async def receive(self, receipt: Receipt) -> bool:
        """Put a delivery on disk; False when it is a copy of one that was received before."""
        fresh = await self.database.write(lambda tx: receipts.put(tx, receipt))
        self.received.ring()
        return fresh

    async def use(self, loaded: Mapping[str, Definition], *, also: AlsoLoaded | None = None) -> None:
        """Make these definitions current, all of them at once. Runs under way keep their versions.

        `also` is done in the same commit.
        """
        now = self.clock.now()

        self._cards = await self.database.write(lambda tx: adopted(self, tx, loaded, now, also))
        self._plans |= {d.plan.version: d.plan for d in loaded.values()}
        self.definitions = dict(loaded)

    # What the rules need to know -----------------------------------------------------------------------------------

    def _load(self, tx: Writer, run_id: RunId) -> tuple[Run, bytes]:
        found = draft.standing(tx, run_id) or self._cache.get(run_id) or runs.load(tx, run_id)
        if found is None:
            raise UnknownRun(run_id)
        return found

    def run_in(self, tx: Writer, run_id: RunId) -> Run:
        """A run as it stands inside a write."""
        return self._load(tx, run_id)[0]

    def plan_in(self, tx: Any, version: str) -> Plan:
        """The plan of a version, from memory or its row."""
        known = self._plans.get(version)
        if known is not None:
            return known
        plan = definitions.plan(tx, version)
        if plan is None:
            raise StoreFault(f"The definition {version[:12]}… is missing from the database.")
        self._plans[version] = plan
        return plan

    def newest(self, tx: Writer, run: Run) -> Plan:
        """The newest plan of a run's workflow, by which open runs are counted; its own when the file is gone."""
        definition = self.definitions.get(run.workflow)
        return definition.plan if definition else self.plan_in(tx, run.version)

    def settings_of(self, plan: Plan) -> Mapping[str, Json]:
        """The operator's settings of a workflow."""
        return self.settings.get(plan.workflow, {})


def _pause(command: Command, error: Exception) -> Pause:
    return Pause(ENGINE, f"{type(command).__name__} could not be carried out: {type(error).__name__}: {error}")


def unfinished(run: Run) -> bool:
    return not run.status.finished


def stopped(run: Run) -> bool:
    """Whether the run goes on only when a person does something, or not at all."""
    if run.status.finished or run.status is RunStatus.PAUSED:
        return True
    return run.active_since is None
