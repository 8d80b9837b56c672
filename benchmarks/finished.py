"""Finished: looking at one run, and at the newest, among very many that are over."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter

import anyio

from benchmarks import growth, limit
from benchmarks.copies import multiply
from benchmarks.figures import Figure, figure
from benchmarks.place import Place
from benchmarks.plans import GATED, W3, at_work
from benchmarks.w3 import together
from store import lookups
from store.names import run_name


def measured(place: Place) -> Iterator[Figure]:
    path = place.fresh("finished")
    real = min(place.sizes.finished, place.sizes.originals)
    anyio.run(_carry_out, path, real - 1, place)
    count = multiply(path, place.sizes.finished // real)
    note = f"{count:,} finished runs"
    yield figure("file_bytes_per_run_1m", [limit.size(path) / count], synchronous=place.synchronous, note=note)
    wanted = [run_name(number) for number in random.Random(1).choices(range(1, count + 1), k=place.sizes.looks)]
    ours, lists = anyio.run(_look, path, wanted, place)
    yield figure("status_1m_ms", ours, _raw_looks(path, wanted), synchronous=place.synchronous, note=note)
    yield figure("list_1m_ms", lists, synchronous=place.synchronous, note=note)
    yield from growth.beside(path, "1m_finished", place, note)
    shutil.rmtree(path.parent)


async def _carry_out(path: Path, runs: int, place: Place) -> None:
    async with at_work(path, W3, synchronous=place.synchronous) as service:
        await together(service, runs)


async def _look(path: Path, wanted: list[str], place: Place) -> tuple[list[float], list[float]]:
    taken, lists = [], []
    async with at_work(path, W3, GATED, synchronous=place.synchronous) as service:
        for name in wanted:
            began = perf_counter()
            found = await service.engine.look(name)
            taken.append((perf_counter() - began) * 1_000)
            assert found is not None, name
            assert found.status.finished, name
        for _ in range(min(20, len(wanted))):
            began = perf_counter()
            rows = await service.engine.database.read(lambda tx: lookups.run_list(tx, limit=50))
            lists.append((perf_counter() - began) * 1_000)
            assert rows
    return taken, lists


def _raw_looks(path: Path, wanted: list[str]) -> list[float]:
    """The same rows, fetched and not understood."""
    taken = []
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as raw:
        for name in wanted:
            began = perf_counter()
            row = raw.execute("SELECT * FROM runs WHERE name = ?", (name,)).fetchone()
            raw.execute("SELECT * FROM steps WHERE run_id = ?", (row[0],)).fetchall()
            taken.append((perf_counter() - began) * 1_000)
    return taken
