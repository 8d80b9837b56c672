"""Parked: what runs that wait for people cost in memory and processor. Each number comes from a process of its own.

As a script: `parked ours|held|raw PATH RUNS SECONDS SYNCHRONOUS` answers {"mb", "cpu_percent"}.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import anyio

from benchmarks import limit
from benchmarks.children import answer, say
from benchmarks.figures import Figure, figure
from benchmarks.gates import park
from benchmarks.place import Place, Synchronous
from benchmarks.plans import GATED, at_work
from benchmarks.watch import Watch

WARM = 20  # runs that are parked before the first look at memory


def measured(place: Place) -> Iterator[Figure]:
    sizes = place.sizes
    small = [_ask(place, "ours", sizes.parked_small) for _ in range(sizes.repetitions)]
    raw_small = [_ask(place, "raw", sizes.parked_small) for _ in range(sizes.repetitions)]
    yield _memory("parked_1k_mb", small, raw_small, sizes.parked_small, place)
    large, held, raw_large = [], [], []
    for _ in range(sizes.repetitions):
        path = place.fresh("parked")
        large.append(_ask(place, "ours", sizes.parked_large, path))
        held.append(_held_mb(place, path))
        raw_large.append(_ask(place, "raw", sizes.parked_large))
    yield _memory("parked_10k_mb", large, raw_large, sizes.parked_large, place)
    note = f"{sizes.parked_large:,} runs; more than with an empty file"
    yield figure("parked_10k_restarted_mb", held, synchronous=place.synchronous, note=note)
    cpu = [one["cpu_percent"] for one in large]
    note = f"{sizes.parked_large:,} runs, watched for {sizes.idle_seconds:g} s"
    yield figure("parked_10k_cpu_percent", cpu, synchronous=place.synchronous, note=note)


def _memory(name: str, ours: list[Any], raw: list[Any], runs: int, place: Place) -> Figure:
    samples, limits = [one["mb"] for one in ours], [one["mb"] for one in raw]
    note = f"{runs:,} runs parked in this process; SQLite's page cache is in it, the limit's too"
    return figure(name, samples, limits, synchronous=place.synchronous, note=note)


def _held_mb(place: Place, path: Path) -> float:
    """How much more memory an engine has that was started on this file than one on an empty file."""
    full, empty = (_ask(place, "held", 0, one) for one in (path, place.fresh("empty")))
    return cast(float, full["mb"] - empty["mb"])


def _ask(place: Place, what: str, runs: int, path: Path | None = None) -> Any:
    path = path or place.fresh(what)
    return answer("-m", "benchmarks.parked", what, path, runs, place.sizes.idle_seconds, place.synchronous)


# In the child ------------------------------------------------------------------------------------------------------


async def _ours(path: Path, runs: int, seconds: float, synchronous: Synchronous) -> None:
    async with at_work(path, GATED, synchronous=synchronous) as service:
        watch = Watch(service)
        await park(service, watch, WARM)
        before = resident_mb()
        await park(service, watch, runs)
        await anyio.sleep(0.2)
        after = resident_mb()
        used, began = time.process_time(), time.perf_counter()
        await anyio.sleep(seconds)
        used, passed = time.process_time() - used, time.perf_counter() - began
        say({"mb": after - before, "cpu_percent": 100 * used / passed})


async def _held(path: Path, synchronous: Synchronous) -> None:
    """Memory of an engine as a whole, on a file that is there already; `mb` is not a difference."""
    async with at_work(path, GATED, synchronous=synchronous):
        await anyio.sleep(0.2)
        say({"mb": resident_mb()})


def _raw(path: Path, runs: int, synchronous: Synchronous) -> None:
    with limit.opened(path, synchronous) as raw:
        raw.execute("PRAGMA cache_size = -32768")
        before = resident_mb()
        limit.park(raw, runs)
        say({"mb": resident_mb() - before})


def resident_mb() -> float:
    """Memory of this process that is really in use, in millions of bytes."""
    gc.collect()
    # Not statm: the kernel brings that one up to date only now and then.
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))
    return kilobytes * 1_024 / 1e6


def main(what: str, path: str, runs: str, seconds: str, synchronous: Synchronous) -> None:
    match what:
        case "ours":
            anyio.run(_ours, Path(path), int(runs), float(seconds), synchronous)
        case "held":
            anyio.run(_held, Path(path), synchronous)
        case _:
            _raw(Path(path), int(runs), synchronous)


if __name__ == "__main__":
    what, path, runs, seconds, synchronous = sys.argv[1:]
    main(what, path, runs, seconds, cast(Synchronous, synchronous))
