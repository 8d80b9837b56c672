"""Answers from the file alone, for commands that only look while no service is there to ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import anyio

from bot import shapes
from bot.looking import Looking
from bot.minding import held_in
from bot.requests import Endpoints, History, Request, Runs, Schedules, Status, Trail, Verify, Workflows
from bot.settings import Settings
from engine.clock import SystemClock
from store import definitions
from store.content import ContentFolder
from store.database import Reader
from store.faults import StoreFault
from store.glance import glance
from store.history import Chain
from store.model import Workflow

T = TypeVar("T")


def answer(settings: Settings, request: Request) -> Any:
    """The answer as JSON. Raises Objection, StoreFault."""
    if isinstance(request, Workflows):
        return _workflows(settings)
    if isinstance(request, Schedules):
        return _schedules(settings, request)
    if isinstance(request, Endpoints):
        with glance(settings.db) as reader:
            return [shapes.endpoint(one, runs) for one, runs in held_in(reader)]
    key = b"" if settings.audit_key is None else settings.audit_key.get_secret_value().encode()
    with glance(settings.db) as reader:

        async def read(look: Callable[[Reader], T]) -> T:
            return look(reader)

        looking = Looking(read, ContentFolder(settings.db), Chain(key), SystemClock().now)
        return anyio.run(_asked, looking, request)


async def _asked(looking: Looking, request: Request) -> Any:
    found: Awaitable[Any]
    match request:
        case Status():
            found = looking.status(request)
        case Runs():
            found = looking.runs(request)
        case History():
            found = looking.history(request)
        case Verify():
            found = looking.verify(request)
        case Trail():
            found = looking.trail(request)
        case _:
            raise AssertionError(f"{type(request).__name__} changes something")
    return await found


def _workflows(settings: Settings) -> Any:
    """What stands in the folder. A file with problems is left out; `check` tells them."""
    from bot.opening import opening

    loaded = opening(settings, running=False).folder.read()
    known = [one for _, one in sorted(loaded.definitions.items())]
    numbers, off = _known(settings.db, [one.plan.version for one in known])
    return [
        shapes.workflow(
            replace(one.workflow, number=numbers.get(one.plan.version, 0)), one.plan.inputs, off.get(one.workflow.name)
        )
        for one in known
    ]


def _known(path: Path, versions: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
    """The numbers of versions, and which workflows are switched off; nothing when there is no database to ask."""
    try:
        with glance(path) as reader:
            numbers = {version: definitions.number(reader, version) for version in versions}
            return numbers, definitions.reasons_disabled(reader)
    except StoreFault:
        return {}, {}


def _schedules(settings: Settings, request: Schedules) -> Any:
    """What a service would fire: as it left them, and those of files that none has loaded yet."""
    from bot.opening import opening
    from bot.timetables import told
    from engine.schedule_book import Entry, entries, of_files

    cards: dict[str, Workflow] = {}
    if settings.workflows.exists():
        loaded = opening(settings, running=False).folder.read()
        cards = {name: one.workflow for name, one in loaded.definitions.items()}
    try:
        with glance(settings.db) as reader:
            known = {one.schedule.id: one for one in entries(reader)}
    except StoreFault:
        known = {}
    found = {one.id: Entry(one) for one in of_files(cards)} | known
    return told([found[key] for key in sorted(found)], request, SystemClock().now())
