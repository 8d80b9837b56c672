"""Growth: whether runs and decisions stay as quick beside a large population."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio

from benchmarks import limit
from benchmarks.copies import multiply
from benchmarks.figures import Figure, figure
from benchmarks.gates import decisions_ms, park
from benchmarks.place import Place
from benchmarks.plans import GATED, W3, at_work
from benchmarks.w3 import together
from benchmarks.watch import Watch


def measured(place: Place) -> Iterator[Figure]:
    path = place.fresh("grown")
    real = min(place.sizes.grown_parked, place.sizes.originals)
    anyio.run(_park, path, real, place)
    count = multiply(path, place.sizes.grown_parked // real)
    yield from beside(path, "100k_parked", place, f"{count:,} parked runs")
    shutil.rmtree(path.parent)


def beside(path: Path, population: str, place: Place, note: str) -> Iterator[Figure]:
    """Steps a second and a decision's way on a file that holds this population already."""
    speeds, decisions = anyio.run(_beside, path, place)
    yield figure(f"w3_steps_per_second_{population}", speeds, synchronous=place.synchronous, note=note)
    yield figure(f"decision_to_step_ms_p50_{population}", decisions, synchronous=place.synchronous, note=note)


async def _beside(path: Path, place: Place) -> tuple[list[float], list[float]]:
    runs, speeds = place.sizes.w3_runs, []
    async with at_work(path, W3, GATED, synchronous=place.synchronous) as service:
        for _ in range(place.sizes.repetitions):
            done = await together(service, runs)
            speeds.append(runs * limit.STEPS / done.seconds)
        decisions = await decisions_ms(service, place.sizes.decisions)
    return speeds, decisions


async def _park(path: Path, count: int, place: Place) -> None:
    async with at_work(path, GATED, synchronous=place.synchronous) as service:
        await park(service, Watch(service), count)
