"""W3: runs of three no-op steps with a small JSON object, many at once and one at a time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import anyio

from benchmarks import limit
from benchmarks.figures import Figure, figure
from benchmarks.place import Place
from benchmarks.plans import INPUTS, MINA, W3, at_work
from benchmarks.watch import Watch
from engine.service import Service

TRANSITIONS = limit.STEPS + 1  # a start and a report a step


def measured(place: Place) -> Iterator[Figure]:
    yield from _throughput(place)
    yield from _idle(place)


def _throughput(place: Place) -> Iterator[Figure]:
    runs, groups = place.sizes.w3_runs, []
    ours, raw = _Samples(), _Samples()
    for _ in range(place.sizes.repetitions):
        path, raw_path = place.fresh("w3"), place.fresh("w3-raw")
        done = anyio.run(_together, path, runs, place)
        ours.add(runs, done.seconds, done.cpu_seconds, limit.size(path))
        groups.append(max(1, round(runs * TRANSITIONS / done.commits)))
        cpu = process_time()
        seconds = limit.w3_seconds(raw_path, runs, groups[-1], place.synchronous)
        raw.add(runs, seconds, process_time() - cpu, limit.size(raw_path))
    note = f"{runs:,} runs; about {round(median(groups))} changes to a commit, the limit's too"
    yield figure("w3_steps_per_second", ours.speeds, raw.speeds, synchronous=place.synchronous, note=note)
    yield figure("w3_cpu_us_per_step", ours.cpu_us, raw.cpu_us, synchronous=place.synchronous, note=note)
    yield figure("file_bytes_per_run", ours.sizes, raw.sizes, synchronous=place.synchronous, note=f"{runs:,} runs")


@dataclass(frozen=True, slots=True)
class Together:
    """What it took to carry out many runs at once."""

    seconds: float
    cpu_seconds: float
    commits: int


class _Samples:
    def __init__(self) -> None:
        self.speeds: list[float] = []
        self.cpu_us: list[float] = []
        self.sizes: list[float] = []

    def add(self, runs: int, seconds: float, cpu_seconds: float, size: int) -> None:
        self.speeds.append(runs * limit.STEPS / seconds)
        self.cpu_us.append(cpu_seconds * 1e6 / (runs * limit.STEPS))
        self.sizes.append(size / runs)


async def _together(path: Path, runs: int, place: Place) -> Together:
    async with at_work(path, W3, synchronous=place.synchronous) as service:
        return await together(service, runs)


async def together(service: Service, runs: int) -> Together:
    """Start them all at once, and wait until the last one has ended."""
    watch = Watch(service)
    await _start(service, 1)  # so that connections and caches are warm
    await watch.ended.reach(1)
    gc.collect()
    before, began, cpu = service.engine.database.commits, perf_counter(), process_time()
    await _start(service, runs)
    await watch.ended.reach(runs + 1)
    return Together(perf_counter() - began, process_time() - cpu, max(1, service.engine.database.commits - before))


async def _start(service: Service, runs: int) -> None:
    async def start() -> None:
        await service.engine.start("w3", INPUTS, actor=MINA)

    async with anyio.create_task_group() as group:
        for _ in range(runs):
            group.start_soon(start)


def _idle(place: Place) -> Iterator[Figure]:
    ours = anyio.run(_alone, place.fresh("idle"), place)
    raw = limit.w3_idle_ms(place.fresh("idle-raw"), place.sizes.idle_runs, place.synchronous)
    yield figure("w3_idle_ms_p50", ours, raw, synchronous=place.synchronous)
    yield figure("w3_idle_ms_p99", ours, raw, at=0.99, synchronous=place.synchronous)


async def _alone(path: Path, place: Place) -> list[float]:
    taken = []
    async with at_work(path, W3, synchronous=place.synchronous) as service:
        watch = Watch(service)
        await _start(service, 1)
        await watch.ended.reach(1)
        for n in range(place.sizes.idle_runs):
            began = perf_counter()
            started = await service.engine.start("w3", INPUTS, actor=MINA)
            await watch.ended.reach(n + 2)
            taken.append((watch.ended_at[started.run.id] - began) * 1_000)
    return taken
