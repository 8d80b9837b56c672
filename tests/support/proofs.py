"""What must hold of a file at any moment, and how to end a service at any of its commits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio

from engine import audit
from engine.rules.evolution import fold
from engine.service import Service
from store import database, history, runs
from store.database import Reader
from store.faults import StoreFault
from store.model import Plan, Run
from tests.support.engines import running


async def sound(service: Service) -> list[Run]:
    """Every run of the file: its rows say what its history says, and the record verifies."""
    chain = service.engine.chain

    def look(tx: Reader) -> list[Run]:
        found = [runs.load(tx, run_id) for run_id in runs.ids(tx)]
        for run, _ in (one for one in found if one):
            assert fold(None, [entry.event for entry in history.of(tx, run.id) if entry.event]) == run
        assert list(audit.verify(tx, chain)) == []
        return [one[0] for one in found if one]

    return await service.engine.database.read(look)


async def kinds(service: Service, run: Run) -> list[str]:
    """What happened to a run, in order."""
    entries = await service.engine.database.read(lambda tx: history.of(tx, run.id))
    return [entry.kind for entry in entries]


class Killed(RuntimeError):
    """The process ended here."""


@contextmanager
def killed_at(point: int) -> Iterator[list[int]]:
    """End the service at the n-th of its crash points: the writer stops there, and nothing after it is written."""
    known, left = database.fuse, [point]

    def fuse(where: str) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise Killed(where)

    database.fuse = fuse
    try:
        yield left
    finally:
        database.fuse = known


async def survives(
    path: Path, plans: tuple[Plan, ...], live: Callable[[Service], Awaitable[Run]], point: int, **options: Any
) -> tuple[Run, list[Run], bool]:
    """Live until the n-th crash point, then once more to the end.

    Gives the run, every run that there is, and whether the point was reached.
    """
    reached = True
    with killed_at(point) as left:
        try:
            async with running(path, *plans, drain_seconds=0.05, synchronous="normal", **options) as service:
                with anyio.fail_after(20):
                    await live(service)
            reached = left[0] <= 0
        except* (StoreFault, Killed):
            if left[0] > 0:
                raise
    async with running(path, *plans, synchronous="normal", **options) as service:
        await sound(service)
        with anyio.fail_after(20):
            run = await live(service)
        return run, await sound(service), reached
