"""The one door: every change of a run goes through `Engine.perform`, whoever asks for it.

A change is a synchronous piece of work on the writer's thread: load the run from the cache or its rows, let the rules
handle the command, fold the events, save rows, history and outbox. It becomes visible, and has effects, after the
commit that it shares with whatever else was waiting.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import structlog

from engine.activities.outputs import validate_output
from engine.bell import Bell
from engine.clock import Clock
from engine.rules.commands import (
    Admit,
    AwaitChild,
    Cancel,
    Command,
    Decide,
    OpenGate,
    Pause,
    Refusal,
    ReportChild,
    Retry,
    StartRun,
)
from engine.rules.evolution import fold
from engine.rules.lifecycle import handle
from engine.starting import NotStarted as NotStarted
from engine.starting import berth, next_in_line, previous_outputs, within_rate
from engine.starting import dedupe_key as key_of
from store import definitions, draft, lookups, mail, names, pruning, receipts, runs
from store.content import ContentFolder
from store.database import Database, Writer
from store.events import (
    BlockEntered,
    DecisionMade,
    Event,
    GateOpened,
    InputsChanged,
    ItemEnded,
    PolicyDecided,
    RunFinished,
    RunResumed,
    SignalReceived,
    StepCancelled,
    StepsReset,
    StepSucceeded,
)
from store.faults import StoreFault
from store.history import START, Chain
from store.model import (
    ENGINE,
    LIMITS,
    Actor,
    Content,
    Facts,
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
    StepStatus,
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


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants a run of a workflow, with which inputs, and what for."""

    inputs: Mapping[str, Json]
    kept: Content
    actor: Actor
    origin: Mapping[str, Json]
    dedupe_key: str | None = None
    parent: Parent | None = None


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

        Raises UnknownWorkflow, NotStarted, or a StoreFault.
        """
        definition = self.definitions.get(workflow)
        if definition is None:
            raise UnknownWorkflow(workflow)
        plan = definition.plan
        self._require_files(plan, inputs)
        request = Request(
            inputs, self.content.kept(dict(inputs)), actor, origin or {}, dedupe_key or key_of(plan, inputs), parent
        )
        return await self.database.write(lambda tx: self.start_in(tx, plan, request, receipt, answer))

    def _require_files(self, plan: Plan, inputs: Mapping[str, Json]) -> None:
        for name, schema in plan.inputs.items():
            if schema.get("x-file") and inputs.get(name) is not None:
                try:
                    self.content.held(str(inputs[name]["hash"]))
                except StoreFault as missing:
                    raise NotStarted(f"`{name}` is no file that was handed in: {missing.message}") from None

    def start_in(
        self, tx: Writer, plan: Plan, request: Request, receipt: str | None = None, answer: Json = None
    ) -> Started:
        """The work of `start`, inside a write."""
        key = request.dedupe_key
        existing = None if key is None else runs.by_dedupe_key(tx, plan.workflow, key)
        run = self._begin(tx, plan, request) if existing is None else self._first(tx, existing)
        if receipt is not None:
            receipts.performed(tx, receipt, _named(answer, run))
        return Started(run, existing is not None)

    def _first(self, tx: Writer, run_id: RunId) -> Run:
        """The run that was started with a dedupe key before. Raises NotStarted when it has been dropped."""
        left = pruning.tombstone(tx, run_id)
        if left is not None:
            raise NotStarted(
                f"This was started before, as {left.name}, which has been dropped since: {left.why}.",
                "To do it anew, start it with another dedupe key.",
            )
        return self.run_in(tx, run_id)

    def _begin(self, tx: Writer, plan: Plan, request: Request) -> Run:
        why_off = definitions.disabled(tx, plan.workflow)
        if why_off:
            hint = f"Switch it on again: pointsman enable {plan.workflow}"
            raise NotStarted(f"{plan.workflow} is switched off: {why_off}", hint)
        now = self.clock.now()
        within_rate(tx, plan, now)
        place = berth(tx, plan, request.inputs)
        for oldest in place.makes_way:
            self.change(tx, oldest, Cancel(ENGINE, "a newer run took its place"))
        command = StartRun(
            id=names.run_id(now),
            name=names.run_name(names.counted(tx, "run")),
            actor=request.actor,
            origin=request.origin,
            inputs=request.kept,
            trace_id=os.urandom(16).hex(),
            dedupe_key=request.dedupe_key,
            parent=request.parent,
            previous=previous_outputs(tx, plan),
            queue=place.queue,
            queued=place.queued,
        )
        facts = Facts(content=self.content.values, settings=self._settings(plan))
        answered = handle(plan, None, command, facts, now)
        events = self._kept(answered.events, request.kept)
        run = answered.run if events is answered.events and answered.run else fold(None, events)
        if request.dedupe_key is not None:
            runs.keep_dedupe_key(tx, plan.workflow, request.dedupe_key, run.id)
        run, events = self.claim_ready(tx, plan, run, events, now)
        self._save(tx, None, run, events, START)
        return run

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
        facts = self._facts(tx, plan, run, command, person)
        answered = handle(plan, run, command, facts, now)
        if receipt is not None and answered.refusal is not Refusal.FACTS_TOO_OLD:
            receipts.performed(tx, receipt, answer)
        if not answered.events:
            return Performed(run, answered.refusal, steps=answered.steps)
        events = self._kept(answered.events, getattr(command, "output", None))
        after = answered.run if events is answered.events and answered.run else fold(run, events)
        if after.version != run.version:
            plan = self.plan_in(tx, after.version)
        after, events = self.claim_ready(tx, plan, after, events, now)
        self._save(tx, run, after, events, head)
        return Performed(after, answered.refusal, events)

    async def _quarantine(self, run_id: RunId, command: Command, error: Exception) -> None:
        self._poisoned(run_id, command, error)
        await self.database.write(lambda tx: self.change(tx, run_id, _pause(command, error)))

    def _poisoned(self, run_id: RunId, command: Command, error: Exception) -> None:
        log.error("command.poisoned", run=run_id, command=type(command).__name__, exc_info=error)

    def _save(self, tx: Writer, before: Run | None, after: Run, events: tuple[Event, ...], head: bytes) -> None:
        head = runs.save(tx, self.chain, before, after, events, head, self.tell)
        self._write_letters(tx, before, after, events)
        tx.after_commit(lambda: self._committed(after, head, events))

    def _write_letters(self, tx: Writer, before: Run | None, after: Run, events: tuple[Event, ...]) -> None:
        """Tell other runs what concerns them, in the commit in which it came true."""
        for event in events:
            if type(event) in _FORSAKES and before is not None:
                for child in _forsaken(before, event):
                    self._send(tx, child, Cancel(ENGINE, f"{after.name} no longer waits for it"))
            elif type(event) is RunResumed and mail.taken_up(tx, after.id):
                self.mail_waits = True
        if not after.status.finished or (before is not None and before.status.finished):
            return
        if after.parent is not None:
            report = ReportChild(after.parent.place.key, after.id, after.status, after.outputs, after.error, after.name)
            self._send(tx, after.parent.run_id, report)
        self._admit(tx, after)

    def _admit(self, tx: Writer, ended: Run) -> None:
        """Let those begin that waited for this end; how many is said by the newest version."""
        newest = self.definitions.get(ended.workflow)
        plan = newest.plan if newest else self.plan_in(tx, ended.version)
        if plan.concurrency is not None:  # else nobody waits
            for following in next_in_line(tx, plan, ended.queue):
                self._send(tx, following, Admit())

    def _send(self, tx: Writer, run_id: RunId, command: Command) -> None:
        mail.send(tx, run_id, command)
        self.mail_waits = True

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

        def keep(tx: Writer) -> dict[str, Workflow]:
            cards = {
                name: definitions.keep(tx, d.workflow, d.plan, d.source, now) for name, d in sorted(loaded.items())
            }
            definitions.drop_others(tx, loaded)
            for workflow, queue in lookups.queues(tx):
                if workflow in loaded:
                    for waiting in next_in_line(tx, loaded[workflow].plan, queue):
                        self._send(tx, waiting, Admit())
            if also is not None:
                also(tx, cards)
            return cards

        self._cards = await self.database.write(keep)
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

    def _facts(self, tx: Writer, plan: Plan, run: Run, command: Command, person: Person | None) -> Facts:
        facts = Facts(content=self.content.values, settings=self._settings(plan), person=person)
        if isinstance(command, OpenGate):
            gate = run.steps[command.place.key].gate
            number = gate.number if gate else names.counted(tx, "gate")
            return replace(facts, gate_id=names.gate_id(), gate_number=number)
        if isinstance(command, Decide):
            card = self.workflow_of(run.workflow)
            return replace(
                facts, override_allowed=card is None or card.access.override, problems=_answer_problems(run, command)
            )
        if isinstance(command, AwaitChild):
            child = draft.standing(tx, command.child) or runs.load(tx, command.child)
            return replace(facts, child=child[0] if child else None)
        if isinstance(command, Retry) and command.newest:
            definition = self.definitions.get(run.workflow)
            return replace(facts, newest=definition.plan if definition else None)
        return facts

    def _settings(self, plan: Plan) -> Mapping[str, Json]:
        return self.settings.get(plan.workflow, {})

    def _kept(self, events: tuple[Event, ...], known: Content | None) -> tuple[Event, ...]:
        """The same events with values that grew large while the rules worked moved out to the content folder.

        `known` came with the command, and was looked at when it was made.
        """
        moved = events
        for index, event in enumerate(events):
            grown = None if type(event) not in _LARGE else _moved_out(self.content, event, known)
            if grown is not None:
                moved = (*moved[:index], grown, *moved[index + 1 :])
        return moved


# The events that hold values of any size, and in which field.
_LARGE: Mapping[type, str] = {
    StepSucceeded: "output",
    ItemEnded: "output",
    BlockEntered: "list",
    RunFinished: "outputs",
    GateOpened: "shown",
    DecisionMade: "edited",
    PolicyDecided: "shown",
    SignalReceived: "data",
    InputsChanged: "inputs",
}
_FORSAKES = frozenset({StepCancelled, StepsReset})


def _forsaken(before: Run, event: Event) -> Iterator[RunId]:
    """The runs that nobody waits for any more after this event."""
    keys = (*event.steps, *event.dropped) if isinstance(event, StepsReset) else (event.place.key,)  # type: ignore[union-attr]
    for key in keys:
        old = before.steps.get(key)
        if old is not None and old.child is not None and old.status is StepStatus.WAITING:
            yield old.child


def _answer_problems(run: Run, command: Decide) -> tuple[str, ...]:
    """What is wrong with the data of an answer, by the schema of the gate's form or of what is edited."""
    step = run.steps.get(command.step)
    if step is None or step.gate is None or command.content is None:
        return ()
    terms = step.gate.terms
    if terms.form is not None:
        return tuple(validate_output(terms.form, command.content.value, "answer"))
    return tuple(validate_output(terms.shown, command.content.value, "content")) if command.edits is not None else ()


def _moved_out(folder: ContentFolder, event: Event, known: Content | None) -> Event | None:
    name = _LARGE[type(event)]
    content: Content | None = getattr(event, name)
    grown = None if content is known else _large(folder, content)
    return None if grown is None else replace(event, **{name: grown})  # type: ignore[arg-type]


def _large(folder: ContentFolder, content: Content | None) -> Content | None:
    """The content by its hash, when it is a value too large for a row; None when it may stay as it is."""
    if content is None or content.hash is not None or type(content.value) not in (dict, list, str):
        return None
    if len(orjson.dumps(content.value)) <= LIMITS.inline_bytes_max:
        return None
    kept = folder.kept(content.value)
    return None if kept.hash is None else kept


def _pause(command: Command, error: Exception) -> Pause:
    return Pause(ENGINE, f"{type(command).__name__} could not be carried out: {type(error).__name__}: {error}")


def _named(answer: Json, run: Run) -> Json:
    """The answer with the run it speaks of; the name is only known once the run is."""
    return answer | {"run": run.id, "name": run.name} if isinstance(answer, dict) else answer


def unfinished(run: Run) -> bool:
    return not run.status.finished


def stopped(run: Run) -> bool:
    """Whether the run goes on only when a person does something, or not at all."""
    if run.status.finished or run.status is RunStatus.PAUSED:
        return True
    return run.active_since is None
