"""serve: puts the parts together, keeps them running, and takes them apart again without losing anything.

Opened in this order, closed in the other: workflows, database and engine, Slack, the two loops that show runs, the
desk that answers, the ears, the control socket, the network.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from html import unescape
from importlib.metadata import version
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from bot import address, logs, settings
from bot.callers import Caller, Callers, Token
from bot.capabilities import note_scopes, probe
from bot.control import API, Control
from bot.desk.answering import Answering
from bot.desk.bench import Bench
from bot.desk.clerk import Clerk
from bot.desk.place import Place
from bot.desk.worker import Worker
from bot.directory import Directory
from bot.ears import Ears
from bot.fetching import Fetching
from bot.folder import Stamp, broken
from bot.hooks import Hooks
from bot.http_door import HttpDoor
from bot.manifest import SCOPES, SCOPES_OPTIONAL
from bot.metrics import Metrics
from bot.opening import Opening, opening
from bot.operations import Operations
from bot.operators import Operators
from bot.outages import Outages, either
from bot.people import Organisation, SlackPeople
from bot.pins import Pins
from bot.projection import Projector
from bot.registrar import Registrar
from bot.requests import Objection, Reload, Say
from bot.sender import Sender
from bot.settings import Settings
from bot.slack import Slack, SlackFault, connected
from engine import collector, schedule_book
from engine.api import Engine
from engine.clock import Clock, SystemClock
from engine.faults import SettingsFault
from engine.service import Service, serving
from store import handles, lookups, outbox
from store.handles import Handle
from store.model import ENGINE, Actor, Json
from store.unwrap import lone_errors

log = structlog.get_logger("service")

FLUSH_SECONDS = 3.0  # for what should still be shown in Slack before the process ends
FLUSH_LOOK_MS = 50
WATCH_SECONDS = 1.0
RELOAD = Reload()


@dataclass(slots=True)
class Running:
    """A service that serves. `stop` ends it in order."""

    opened: Opening
    service: Service
    slack: Slack
    ears: Ears
    sender: Sender
    clerk: Clerk
    people: SlackPeople
    registrar: Registrar
    operators: Operators
    stop: anyio.Event
    reloading: anyio.Lock

    async def reload(self, request: Reload = RELOAD, by: Actor = ENGINE) -> Json:
        """Read the workflows and the operator's file again, as one set. Raises Objection when it is broken."""
        async with self.reloading:
            fresh = await anyio.to_thread.run_sync(opening, self.opened.settings)
            told = await take(fresh, self.service)
            self.people.use_groups(fresh.operator.people())
            self.operators.become(fresh.operator.in_slack())
            return told | await self.registrar.reloaded(accept=request.accept_handles, by=by)

    async def say(self, request: Say) -> Json:
        """What would be answered to this person in a direct message; nothing is changed."""
        reply = await self.clerk.say(request.text, request.user, Place("cli"))
        return {"text": unescape(reply.text), "blocks": list(reply.blocks)}

    async def health(self) -> Json:
        """How well we are, without anything that is nobody's business."""
        database = self.service.engine.database
        ears = await self.ears.health()
        counts = {} if database.fault is not None else await database.read(lookups.counts)
        return {
            "status": "ok" if database.fault is None and not self.sender.halted else "failing",
            "version": version("pointsman"),
            "slack": {"mode": ears.mode, "connected": ears.connected, "wanted": ears.wanted, "well": ears.well},
            "workflows": len(self.service.engine.definitions),
            "unfinished": counts,
            "waiting_to_be_shown": self.sender.backlog,
        }


async def take(fresh: Opening, service: Service) -> dict[str, Json]:
    """Make what stands in the folder current, all of it or nothing; tells what is new. Raises Objection."""
    loaded = await anyio.to_thread.run_sync(fresh.folder.read)
    for problem in loaded.problems:
        level = log.error if problem.severity == "error" else log.warning
        level("workflow.problem", file=problem.file, line=problem.line, problem=problem.message, hint=problem.hint)
    if loaded.broken:
        raise broken(loaded)
    engine = service.engine
    before = {name: one.plan.version for name, one in engine.definitions.items()}
    engine.settings = fresh.folder.settings(loaded.definitions)
    service.use_calendars(fresh.operator.calendars)
    now = engine.clock.now()
    await engine.use(loaded.definitions, also=lambda tx, cards: schedule_book.load(tx, cards, now))
    engine.fires_before(now)
    after = {name: one.plan.version for name, one in loaded.definitions.items()}
    told: dict[str, Json] = {
        "workflows": sorted(after),
        "added": sorted(after.keys() - before.keys()),
        "changed": sorted(name for name in after.keys() & before.keys() if after[name] != before[name]),
        "removed": sorted(before.keys() - after.keys()),
    }
    log.info(
        "workflows.loaded", count=len(after), added=told["added"], changed=told["changed"], removed=told["removed"]
    )
    return told


def serve(given: Settings, *, watch: bool) -> None:
    """Serve until a signal says stop. Raises SettingsFault, SlackFault, Objection or a StoreFault when it cannot."""
    settings.require_slack(given)
    opened = opening(given)
    logs.configure(given.log, opened.redactor.text)
    for what, cure in settings.warnings(os.environ):
        log.warning("setting.odd", what=what, cure=cure)
    anyio.run(_serve, opened, watch)


async def _serve(opened: Opening, watch: bool) -> None:
    async with running(opened, watch=watch, signals=True) as service:
        collector.settle()
        await service.stop.wait()
        log.info("service.draining")
    log.info("service.stopped")


@asynccontextmanager
async def running(
    opened: Opening, *, watch: bool = False, signals: bool = False, clock: Clock | None = None
) -> AsyncIterator[Running]:
    """The whole service, for as long as the block lasts."""
    clock = clock or SystemClock()
    with lone_errors():
        async with AsyncExitStack() as stack:
            seen = await anyio.to_thread.run_sync(opened.folder.stamp)  # before reading: no change may go unseen
            engine_service = await stack.enter_async_context(serving(opened.options(), clock=clock))
            await _begin(opened, engine_service)
            slack = await stack.enter_async_context(_slack(opened, clock))
            group = await stack.enter_async_context(anyio.create_task_group())
            service = await _assembled(opened, engine_service, slack, group, stack)
            await _opened_doors(service, clock, stack)
            if watch:
                group.start_soon(_watched, service, seen)
            group.start_soon(service.registrar.loop)
            if signals:
                await group.start(_signals, service, group)
            log.info("service.ready", slack=slack.me.team_url, mode=opened.settings.slack_mode)
            try:
                yield service
            finally:
                service.stop.set()


async def _begin(opened: Opening, service: Service) -> None:
    """Load the workflows before anything is claimed: a step that was left ready needs the folder it stands in."""
    await take(opened, service)
    await service.drive_all()


@asynccontextmanager
async def _slack(opened: Opening, clock: Clock) -> AsyncIterator[Slack]:
    """Slack, with a token that may do what we do. Raises SettingsFault with the cure."""
    given = opened.settings
    token = given.slack_bot_token
    assert token is not None, "require_slack was not called"
    async with AsyncExitStack() as stack:
        try:
            connection = connected(
                token.get_secret_value(), api_url=given.slack_api_url, clock=clock, redact=opened.redactor.text
            )
            slack = await stack.enter_async_context(connection)
        except SlackFault as fault:
            raise _start_fault(fault, given.slack_api_url) from None
        _check_scopes(slack.me.scopes)
        note_scopes(slack.capabilities, slack.me.scopes, SCOPES_OPTIONAL)
        yield slack


def _start_fault(fault: SlackFault, api_url: str) -> SettingsFault:
    if fault.code in ("connection", "timeout", "http_status"):
        return SettingsFault(
            f"Slack cannot be reached at {api_url} ({fault.code}).",
            hint="Check the network and SLACK_API_URL, then start again.",
            code="slack_unreachable",
        )
    return SettingsFault(
        f"Slack does not accept SLACK_BOT_TOKEN ({fault.code}).",
        hint="Copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions of your app; install the app if need be.",
        code=fault.code,
    )


def _check_scopes(held: frozenset[str]) -> None:
    missing = sorted(SCOPES.keys() - held)
    if held and missing:
        raise SettingsFault(
            f"The Slack app lacks the scope{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
            hint="Bring the app up to date with manifest.yml (`pointsman manifest`) and install it again.",
            code="missing_scope",
        )


async def _assembled(
    opened: Opening, service: Service, slack: Slack, group: TaskGroup, stack: AsyncExitStack
) -> Running:
    """The parts that show and answer, running."""
    engine, clock = service.engine, service.engine.clock
    home = Organisation(slack.me.team_id, slack.me.enterprise_id)
    people = SlackPeople(slack, clock, home, opened.operator.people(), await _pins(engine, slack))
    operators = opened.operator.in_slack()
    registrar = Registrar(slack, engine, people)
    directory = Directory(people, clock)
    projector = Projector(engine.database, engine.content, clock, engine.told, slack.me, directory)
    outages = Outages(engine.database, clock, engine.told, directory, operators)
    sender = Sender(slack, engine.database, clock, either(outages, projector.compose))
    projector.hand_to(sender)
    outages.hand_to(sender)
    group.start_soon(probe, slack)  # beside the start, which does not wait for what may be missing
    group.start_soon(projector.loop)
    group.start_soon(outages.loop)
    group.start_soon(sender.loop)
    stack.push_async_callback(_flushed, service, group)
    fetching = Fetching(slack, engine.content, clock)
    bench = Bench(
        engine,
        people,
        permalink=slack.me.permalink,
        open_direct=slack.open_dm,
        open_form=slack.open_view,
        update_form=slack.update_view,
        invited=registrar.invited,
        operators=operators,
        fetch=fetching.fetch,
        files_of=fetching.files_of,
        takes_files=not slack.me.scopes or "files:read" in slack.me.scopes,
    )
    clerk = Clerk(bench)
    worker = Worker(engine, clerk, Answering(slack, bench, clerk.looking))
    await stack.enter_async_context(worker.working())
    app_token = opened.settings.slack_app_token
    ears = Ears(engine, slack, worker, app_token=None if app_token is None else app_token.get_secret_value())
    await stack.enter_async_context(ears.listening())
    parts = (opened, service, slack, ears, sender, clerk, people, registrar, operators)
    return Running(*parts, stop=anyio.Event(), reloading=anyio.Lock())


async def _pins(engine: Engine, slack: Slack) -> Pins:
    """What was pinned in this workspace before; what belongs to another one is forgotten."""
    team, database = slack.me.enterprise_id or slack.me.team_id, engine.database
    forgotten = await database.write(lambda tx: handles.forget_others(tx, team))
    if forgotten:
        log.warning("handles.forgotten", count=forgotten, why="They were pinned in another workspace.")

    async def keep(changed: Sequence[Handle]) -> None:
        await database.write(lambda tx: handles.keep(tx, *changed))

    return Pins(engine.clock, team, await database.read(handles.everything), keep)


async def _flushed(service: Service, group: TaskGroup) -> None:
    """Give what is true a moment to be shown; then end the loops. What is left is shown at the next start."""
    database, clock = service.engine.database, service.engine.clock
    with anyio.move_on_after(FLUSH_SECONDS, shield=True):
        while database.fault is None and await database.read(lambda tx: bool(outbox.pending(tx, 1))):
            await clock.wait(anyio.Event(), clock.now() + FLUSH_LOOK_MS)
    group.cancel_scope.cancel()


async def _opened_doors(service: Running, clock: Clock, stack: AsyncExitStack) -> None:
    """The control socket beside the database, and the network when an address is set."""
    given, engine = service.opened.settings, service.service.engine
    operations = Operations(engine, reload=service.reload, say=service.say)
    metrics = Metrics(engine, lambda: service.sender.backlog)
    control = Control(operations, service.health, metrics.text, service.opened.redactor.json)
    await stack.enter_async_context(control.on_socket(address.socket_path(given.db)))
    if given.http is None:
        return
    callers = _callers(service.opened)
    others: list[Any] = Hooks(engine, service.opened.operator.api.rate).routes()
    if given.slack_mode == "http" and given.slack_signing_secret is not None:
        others += HttpDoor(service.ears, given.slack_signing_secret.get_secret_value(), clock).routes()
    try:
        await stack.enter_async_context(control.on_address(given.http, callers, clock.now, others))
    except OSError as error:
        raise SettingsFault(
            f"POINTSMAN_HTTP={given.http} cannot be listened on: {error.strerror or error}.",
            hint="Another program may use this port; name another one.",
        ) from None


def _callers(opened: Opening) -> Callers:
    """Who may ask over the network: the tokens of the operator's file, and POINTSMAN_API_TOKEN for everything."""
    tokens = [one.read() for one in opened.operator.api.tokens]
    for token in tokens:
        opened.redactor.add(token.text)
    if opened.settings.api_token is not None:
        tokens.append(Token(Caller(API), opened.settings.api_token.get_secret_value()))
    return Callers(tokens, opened.operator.api.rate)


async def _watched(service: Running, seen: Stamp) -> None:
    """Read the workflows again whenever a file of theirs changes; a broken set leaves the old one in place."""
    while True:
        await anyio.sleep(WATCH_SECONDS)
        found = await anyio.to_thread.run_sync(service.opened.folder.stamp)
        if found == seen:
            continue
        seen = found
        await _try_reload(service)


async def _try_reload(service: Running) -> None:
    try:
        await service.reload()
    except (Objection, SettingsFault) as objection:
        log.error("workflows.refused", reason=objection.message, hint=objection.hint)


async def _signals(service: Running, group: TaskGroup, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as received:
        task_status.started()
        async for number in received:
            if number == signal.SIGHUP:
                group.start_soon(_try_reload, service)
            elif service.stop.is_set():
                log.warning(
                    "service.cut_off", hint="Nothing is lost: what was under way is taken up at the next start."
                )
                os._exit(1)
            else:
                service.stop.set()
