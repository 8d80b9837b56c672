"""Restart: kill -9 and back, timed from outside, from before the new process starts.

As a script: `restart park PATH COUNT SYNCHRONOUS` parks runs, `restart act PATH RUN SYNCHRONOUS` decides one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import anyio

from benchmarks.children import running, say
from benchmarks.copies import multiply
from benchmarks.figures import Figure, figure
from benchmarks.gates import decide, park
from benchmarks.place import Place, Synchronous
from benchmarks.plans import GATED, at_work
from benchmarks.start_up import raw_seconds
from benchmarks.watch import Watch


def measured(place: Place) -> Iterator[Figure]:
    sizes = place.sizes
    yield _restarts("restart_1k_s", place, sizes.restart_small)
    yield _restarts("restart_100k_s", place, sizes.restart_large)


def _restarts(name: str, place: Place, count: int) -> Figure:
    """Park, kill, and time the next process until a decision has been acted on; several times on the same file."""
    path, ours, raw = place.fresh("restart"), [], []
    real = min(count, place.sizes.originals)
    with running("-m", "benchmarks.restart", "park", path, real, place.synchronous) as child:
        runs: list[str] = child.line()
    if count > real:
        multiply(path, count // real)
    for n in range(place.sizes.restarts):
        with running("-m", "benchmarks.restart", "act", path, runs[n % real], place.synchronous) as child:
            assert child.line() == "acted"
            ours.append(child.seconds)
        raw.append(raw_seconds(place))
    note = f"{count // real * real:,} runs parked; limit: Python, open and commit"
    return figure(name, ours, raw, synchronous=place.synchronous, note=note)


# In the child ------------------------------------------------------------------------------------------------------


async def _park(path: Path, count: int, synchronous: Synchronous) -> None:
    async with at_work(path, GATED, synchronous=synchronous) as service:
        runs: list[str] = []
        await park(service, Watch(service), count, runs.append)
        say(runs)
        await anyio.sleep_forever()


async def _act(path: Path, run_id: str, synchronous: Synchronous) -> None:
    async with at_work(path, GATED, synchronous=synchronous) as service:
        watch = Watch(service, entries=True)
        await decide(service, run_id)
        await watch.ended.reach(1)
        assert (run_id, "publish") in watch.entered
        say("acted")
        await anyio.sleep_forever()


def main(what: str, path: str, more: str, synchronous: Synchronous) -> None:
    match what:
        case "park":
            anyio.run(_park, Path(path), int(more), synchronous)
        case _:
            anyio.run(_act, Path(path), more, synchronous)


if __name__ == "__main__":
    what, path, more, synchronous = sys.argv[1:]
    main(what, path, more, cast(Synchronous, synchronous))
