"""The engine as a whole: database, scheduler and runner, opened in order and closed in order.

Start here to see what runs: one database writer, one loop that looks at the clock, and the attempts under way.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import anyio
import structlog

from engine.activities import Tools
from engine.answers import KeptAnswers
from engine.api import Engine
from engine.calendars import Calendar, clocks
from engine.clock import Clock, SystemClock
from engine.endpoints import Endpoints
from engine.http import HttpClient
from engine.keeping import Keeping
from engine.models import Models
from engine.needing import Needing
from engine.outside import WORLD, Outside
from engine.runner import Runner
from engine.scheduler import Scheduler
from engine.secrets import Redactor
from engine.tape import Recorder, Recording
from engine.workers.pool import SIZE, WorkerPool
from engine.workers.process import MEMORY_BYTES, WorkerOptions
from store import definitions, lookups
from store.content import ContentFolder
from store.database import Database, opened
from store.events import (
    AnswerKept,
    AttemptInterrupted,
    AttemptStarted,
    ClockTurned,
    Event,
    StepReady,
    StepSucceeded,
)
from store.history import Chain
from store.model import Json, Run, RunId
from store.mounts import network_kind
from store.unwrap import lone_errors

log = structlog.get_logger("engine")
QUIET = frozenset({StepReady, AttemptStarted, AnswerKept, StepSucceeded, ClockTurned})
"""Of these there are too many to tell: at full speed a line costs more than the step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the operator decided."""

    database: Path
    synchronous: Literal["full", "normal"] = "full"
    settings: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)  # of workflows, by name
    allowed_hosts: tuple[str, ...] = ()
    calendars: Mapping[str, Calendar] | None = None  # of working hours; None: none are known, and every hour counts
    models: Models | None = None
    python_workers: int = SIZE  # so many calls of `python` steps run at once
    python_memory_bytes: int | None = MEMORY_BYTES  # of addresses, each of them; None leaves it open
    audit_key: bytes = b""
    record: Path | None = None  # a file to which every exchange with a model is added
    tell: bool = True
    drain_seconds: float = 10.0
    redactor: Redactor = field(default_factory=Redactor)


@dataclass(slots=True)
class Service:
    """An engine that answers at once and claims nothing until it is told what to drive."""

    engine: Engine
    scheduler: Scheduler
    runner: Runner
    keeping: Keeping
    recovered: int = 0

    def use_calendars(self, calendars: Mapping[str, Calendar] | None) -> None:
        """Let the clocks of gates that open from here on run by these."""
        if calendars is not None:
            self.runner.calendar = clocks(calendars)

    async def drive_all(self) -> None:
        """Carry on every run; attempts that were under way when the last service ended were interrupted."""
        self.runner.warm_up()
        self.scheduler.only = None
        self.engine.mail_waits = True
        self.recovered = await self.scheduler.recover()
        if self.recovered:
            log.warning("attempts.recovered", count=self.recovered)
        await self.scheduler.run_once()
        self.runner.group.start_soon(self.keeping.loop)

    async def drive_only(self, run_id: RunId) -> None:
        """Carry on this run, with the runs that its steps start, and no other: a script's run, in its own process."""
        self.scheduler.only = set(await self.engine.database.read(lambda tx: lookups.family(tx, run_id)))
        self.engine.mail_waits = True
        self.recovered = await self.scheduler.recover()
        await self.scheduler.run_once()


@asynccontextmanager
async def serving(options: Options, *, clock: Clock | None = None, outside: Outside = WORLD) -> AsyncIterator[Service]:
    """An engine on its file. Load workflows, then say `drive_all` or `drive_only`.

    Raises a StoreFault when the database cannot be opened, or when it was lost while running.
    """
    clock = clock or SystemClock()
    models, redact = options.models or Models(), options.redactor.json
    recordings = {file: Recording.load(file) for file in models.files}
    _warn_of_network(options.database)
    async with opened(options.database, now=clock.now(), synchronous=options.synchronous) as database:
        content = ContentFolder(options.database)
        engine = Engine(
            database=database,
            content=content,
            clock=clock,
            chain=Chain(options.audit_key, content.within),
            tell=options.tell,
            settings=options.settings,
            held=await database.read(definitions.all_disabled),
        )
        with lone_errors():
            async with (
                HttpClient(clock, options.allowed_hosts) as http,
                _workers(options, outside) as workers,
                anyio.create_task_group() as group,
            ):
                tools = Tools(
                    http=http,
                    workers=workers,
                    models=models,
                    allowed_hosts=options.allowed_hosts,
                    clock=clock,
                    redact=redact,
                    answers=KeptAnswers(database, engine.content, clock, redact),
                    recorder=None if options.record is None else Recorder(options.record, redact),
                    recordings=recordings,
                )
                for secret in models.secrets():
                    options.redactor.add(secret)
                endpoints = Endpoints(models, Needing(engine), engine.spec_of)
                runner = Runner(engine, tools, group, endpoints, options.redactor, outside=outside)
                service = _assembled(engine, runner)
                service.use_calendars(options.calendars)
                group.start_soon(service.scheduler.loop)
                group.start_soon(_watch, database)
                try:
                    yield service
                finally:
                    with anyio.CancelScope(shield=True):
                        await runner.drain(options.drain_seconds)
                    group.cancel_scope.cancel()


def _warn_of_network(path: Path) -> None:
    kind = network_kind(path)
    if kind is not None:
        hint = "Name a file on a local disk in POINTSMAN_DB: over a network locks do not hold and commits may be lost."
        log.warning("database.on_network", path=str(path), file_system=kind, hint=hint)


def _workers(options: Options, outside: Outside) -> AbstractAsyncContextManager[WorkerPool]:
    if outside.workers is not None:
        return nullcontext(outside.workers)
    return WorkerPool(WorkerOptions(memory_bytes=options.python_memory_bytes), size=options.python_workers)


def _assembled(engine: Engine, runner: Runner) -> Service:
    scheduler = Scheduler(engine, lambda: runner.room, runner.start, runner.endpoints)
    logger = structlog.get_logger("engine").bind()
    telling = logger.is_enabled_for(logging.INFO)  # else not even the facts of a line are gathered

    def committed(run: Run, events: tuple[Event, ...]) -> None:
        scheduler.note(run, events)
        runner.note(run)
        if telling:
            for event in events:
                if type(event) not in QUIET:
                    _log(logger, run, event)

    def rolled_back() -> None:
        engine.forget()
        scheduler.look_again()

    engine.committed = committed
    engine.claim_ready = scheduler.claim_ready
    engine.try_endpoint = runner.endpoints.try_now
    engine.fires_before = scheduler.fires_before
    engine.database.closing = scheduler.close_batch
    engine.database.rolled_back = rolled_back
    return Service(engine, scheduler, runner, Keeping(engine))


def _log(logger: structlog.stdlib.BoundLogger, run: Run, event: Event) -> None:
    """One line for each committed event that people might look for, told from the event itself."""
    place, actor, error = (getattr(event, name, None) for name in ("place", "actor", "error"))
    facts = {
        "run": run.name,
        "workflow": run.workflow,
        "trace": run.trace_id,
        "step": place.key if place is not None else None,
        "attempt": place.attempt if place is not None and place.attempt else None,
        "actor": actor.id if actor is not None else None,
        "error": error.code if error is not None else None,
        "status": run.status.value,
    }
    level = logger.warning if isinstance(event, AttemptInterrupted) else logger.info
    level(_spoken(type(event).__name__), **{key: value for key, value in facts.items() if value is not None})


def _spoken(kind: str) -> str:
    """`GateOpened` as `gate.opened`."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind).split()
    return f"{words[0]}.{'_'.join(words[1:])}"


async def _watch(database: Database) -> None:
    """Stop everything when the file is no longer ours or no longer sound."""
    await database.failed.wait()
    assert database.fault is not None
    raise database.fault
