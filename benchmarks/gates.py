"""Gates: a decision handed in, until the step after it is entered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

import anyio

from benchmarks import limit
from benchmarks.figures import Figure, figure
from benchmarks.place import Place
from benchmarks.plans import GATED, INPUTS, MINA, RAVI, approver, at_work
from benchmarks.watch import Watch
from engine.rules.commands import Decide
from engine.service import Service
from store.model import RunId

WAVE = 200  # runs started at the same time


def measured(place: Place) -> Iterator[Figure]:
    ours = anyio.run(_on_a_fresh_file, place.fresh("gates"), place)
    raw = limit.decision_ms(place.fresh("gates-raw"), place.sizes.decisions, place.synchronous)
    yield figure("decision_to_step_ms_p50", ours, raw, synchronous=place.synchronous)
    yield figure("decision_to_step_ms_p99", ours, raw, at=0.99, synchronous=place.synchronous)


async def _on_a_fresh_file(path: Path, place: Place) -> list[float]:
    async with at_work(path, GATED, synchronous=place.synchronous) as service:
        return await decisions_ms(service, place.sizes.decisions)


async def decisions_ms(service: Service, count: int) -> list[float]:
    """Park runs, then decide one after the other, each when the one before has ended."""
    watch, taken = Watch(service, entries=True), []
    runs: list[RunId] = []
    await park(service, watch, count + 1, runs.append)
    for n, run_id in enumerate(runs, start=1):
        began = perf_counter()
        await decide(service, run_id)
        await watch.ended.reach(n)
        taken.append((watch.entered[run_id, "publish"] - began) * 1_000)
    return taken[1:]  # the first one warms up


async def decide(service: Service, run_id: RunId) -> None:
    """Approve, as somebody who may."""
    facts = approver(service.engine.clock.now())
    performed = await service.engine.perform(run_id, Decide("review", RAVI, "approve"), person=facts)
    assert performed.refusal is None, performed.refusal


async def park(
    service: Service, watch: Watch, count: int, note: Callable[[RunId], object] = lambda run_id: None
) -> None:
    """Start runs that stand at their gates in the end. Keeps nothing in memory itself, so that memory can be judged."""
    before = watch.parked.count

    async def start() -> None:
        note((await service.engine.start("gated", INPUTS, actor=MINA)).run.id)

    for first in range(0, count, WAVE):
        async with anyio.create_task_group() as group:
            for _ in range(min(WAVE, count - first)):
                group.start_soon(start)
        await watch.parked.reach(before + min(first + WAVE, count))
