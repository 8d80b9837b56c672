"""Answers from the file alone, for commands that only look while no service is there to ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import anyio

from bot import shapes
from bot.looking import Looking
from bot.requests import History, Request, Runs, Status, Verify, Workflows
from bot.settings import Settings
from engine.clock import SystemClock
from store import definitions
from store.content import ContentFolder
from store.database import Reader
from store.faults import StoreFault
from store.glance import glance
from store.history import Chain

T = TypeVar("T")


def answer(settings: Settings, request: Request) -> Any:
    """The answer as JSON. Raises Objection, StoreFault."""
    if isinstance(request, Workflows):
        return _workflows(settings)
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
        case _:
            raise AssertionError(f"{type(request).__name__} changes something")
    return await found


def _workflows(settings: Settings) -> Any:
    """What stands in the folder. A file with problems is left out; `check` tells them."""
    from bot.opening import opening

    loaded = opening(settings, running=False).folder.read()
    known = [one for _, one in sorted(loaded.definitions.items())]
    numbers = _numbers(settings.db, [one.plan.version for one in known])
    return [
        shapes.workflow(replace(one.workflow, number=numbers.get(one.plan.version, 0)), one.plan.inputs)
        for one in known
    ]


def _numbers(path: Path, versions: Sequence[str]) -> dict[str, int]:
    """The numbers of the versions that the database knows; none when there is no database to ask."""
    try:
        with glance(path) as reader:
            return {version: definitions.number(reader, version) for version in versions}
    except StoreFault:
        return {}
