"""Load: how soon a delivery is on disk, and so may be acknowledged, while a thousand runs a minute come in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import perf_counter

import anyio

from benchmarks import limit
from benchmarks.figures import Figure, figure
from benchmarks.place import Place
from benchmarks.plans import INPUTS, MINA, W3, at_work
from engine.api import Engine
from store.receipts import Receipt

RUNS_PER_SECOND = 1_000 / 60
DELIVERIES_PER_SECOND = 20
PAYLOAD = {"type": "block_actions", "user": "U0RAVI", "value": "x" * 400}


def measured(place: Place) -> Iterator[Figure]:
    ours = anyio.run(_deliver, place.fresh("load"), place)
    raw = limit.decision_ms(place.fresh("load-raw"), len(ours), place.synchronous)
    note = "the engine's part: Slack's own way is not in it; limit: one small commit"
    yield figure("receipt_under_load_ms_p99", ours, raw, at=0.99, synchronous=place.synchronous, note=note)


async def _deliver(path: Path, place: Place) -> list[float]:
    taken: list[float] = []
    seconds = place.sizes.load_seconds
    async with at_work(path, W3, synchronous=place.synchronous) as service, anyio.create_task_group() as group:
        group.start_soon(_keep_starting, service.engine, seconds)
        async for n in _beats(DELIVERIES_PER_SECOND, seconds):
            receipt = Receipt(f"click-{n}", "action", PAYLOAD, service.engine.clock.now())
            began = perf_counter()
            await service.engine.receive(receipt)
            taken.append((perf_counter() - began) * 1_000)
    return taken


async def _keep_starting(engine: Engine, seconds: float) -> None:
    async for _ in _beats(RUNS_PER_SECOND, seconds):
        await engine.start("w3", INPUTS, actor=MINA)


async def _beats(per_second: float, seconds: float) -> AsyncIterator[int]:
    """A number at each beat, on time even when what happens between beats takes long."""
    began = anyio.current_time()
    for n in range(max(1, int(seconds * per_second))):
        await anyio.sleep_until(began + n / per_second)
        yield n
