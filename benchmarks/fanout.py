"""Fan-out: many steps side by side in one run, and the step that needs them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import anyio

from benchmarks import limit
from benchmarks.figures import Figure, figure
from benchmarks.place import Place
from benchmarks.plans import INPUTS, MINA, at_work, fan
from benchmarks.watch import Watch


def measured(place: Place) -> Iterator[Figure]:
    ours = anyio.run(_fan_out, place.fresh("fanout"), place)
    raw = limit.fanout_ms(place.fresh("fanout-raw"), place.sizes.fanouts, place.sizes.fan, place.synchronous)
    yield figure("fanout_100_ms", ours, raw, synchronous=place.synchronous, note=f"{place.sizes.fan} steps and a join")


async def _fan_out(path: Path, place: Place) -> list[float]:
    taken = []
    async with at_work(path, fan(place.sizes.fan), synchronous=place.synchronous) as service:
        watch = Watch(service)
        for n in range(place.sizes.fanouts + 1):
            began = perf_counter()
            started = await service.engine.start("fan", INPUTS, actor=MINA)
            await watch.ended.reach(n + 1)
            taken.append((watch.ended_at[started.run.id] - began) * 1_000)
    return taken[1:]  # the first one warms up
