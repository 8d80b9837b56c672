"""Peers: the same work on DBOS with SQLite, when `dbos` is installed; each setting in a process of its own.

As a script: `peers FILE POLL_SECONDS RUNS SINGLES FAN PARKED` answers {figure: value}. DBOS looks for decisions every
second unless it is told otherwise, so that a decision is measured with its default and with 50 ms.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks.children import ChildFailed, answer, say
from benchmarks.figures import quantile
from benchmarks.parked import resident_mb
from benchmarks.place import Place, progress

Values = Mapping[str, float]
POLLS = {"DBOS": 1.0, "DBOS (polls every 50 ms)": 0.05}
MISSING = "DBOS is left out: `dbos` is not installed here (uv run --with dbos poe bench)"


def found(place: Place) -> Mapping[str, Mapping[str, float]]:
    """By figure, the value of each peer. Says on stderr what is left out and why."""
    if find_spec("dbos") is None:
        progress(MISSING)
        return {}
    values: dict[str, dict[str, float]] = {}
    sizes = place.sizes
    for peer, poll in POLLS.items():
        progress(f"peers: {peer}")
        only_decisions = peer != "DBOS"
        counts = (0 if only_decisions else sizes.peer_runs, sizes.peer_singles, sizes.fan)
        parked = 0 if only_decisions else sizes.peer_parked
        try:
            measured = answer("-m", "benchmarks.peers", place.fresh("dbos"), poll, *counts, parked)
        except ChildFailed as failed:
            progress(f"{peer} is left out: {failed}")
            continue
        for name, value in measured.items():
            values.setdefault(name, {})[peer] = value
    return values


# In the child ------------------------------------------------------------------------------------------------------


class Dbos:
    """The workflows that are measured, on DBOS."""

    def __init__(self, path: Path, poll: float) -> None:
        DBOS: Any = import_module("dbos").DBOS
        config: Any = {
            "name": "bench",
            "system_database_url": f"sqlite:///{path}",
            "log_level": "CRITICAL",
            "notification_listener_polling_interval_sec": poll,
        }
        self.dbos = DBOS
        DBOS(config=config)
        self.entered: dict[str, float] = {}

        def compute(name: str) -> Any:
            self.entered[name] = perf_counter()
            return {"text": f"what {name} computed", "n": 42}

        async def compute_soon(name: str) -> Any:
            return compute(name)

        step, step_soon = DBOS.step()(compute), DBOS.step()(compute_soon)

        def w3(inputs: Any) -> Any:
            for name in ("one", "two", "three"):
                step(name)
            return inputs

        async def gated(inputs: Any) -> Any:
            await step_soon("draft")
            decision = await DBOS.recv_async("decision", timeout_seconds=3_600)
            await step_soon(f"publish {inputs['n']}")
            return decision

        async def fan(width: int) -> Any:
            await asyncio.gather(*(step_soon(f"part_{n}") for n in range(width)))
            return await step_soon("join")

        self.w3, self.gated, self.fan = (DBOS.workflow()(one) for one in (w3, gated, fan))

    def w3_steps_per_second(self, runs: int) -> float:
        self.w3({"topic": "warm"})
        began = perf_counter()
        for handle in [self.dbos.start_workflow(self.w3, {"topic": "benchmarks"}) for _ in range(runs)]:
            handle.get_result()
        return 3 * runs / (perf_counter() - began)

    def w3_idle_ms(self, runs: int) -> list[float]:
        taken = []
        for _ in range(runs):
            began = perf_counter()
            self.w3({"topic": "benchmarks"})
            taken.append((perf_counter() - began) * 1_000)
        return taken

    async def decisions_ms(self, count: int) -> list[float]:
        taken = []
        for n in range(count):
            handle = await self.dbos.start_workflow_async(self.gated, {"n": n})
            await asyncio.sleep(0.2)  # it is in its wait by then
            began = perf_counter()
            await self.dbos.send_async(handle.get_workflow_id(), "approve", "decision")
            await handle.get_result()
            taken.append((self.entered[f"publish {n}"] - began) * 1_000)
        return taken

    async def fanout_ms(self, width: int, count: int) -> float:
        taken = []
        for _ in range(count):
            began = perf_counter()
            await self.fan(width)
            taken.append((perf_counter() - began) * 1_000)
        return median(taken)

    async def parked_mb(self, runs: int) -> float:
        before = resident_mb()
        for n in range(runs):
            await self.dbos.start_workflow_async(self.gated, {"n": n})
        await asyncio.sleep(1)
        return resident_mb() - before


async def _soon(dbos: Dbos, singles: int, fan: int, parked: int, everything: bool) -> dict[str, float]:
    decisions = await dbos.decisions_ms(singles)
    values = {"decision_to_step_ms_p50": median(decisions), "decision_to_step_ms_p99": quantile(decisions, 0.99)}
    if everything:
        values["fanout_100_ms"] = await dbos.fanout_ms(fan, 3)
    if parked:
        values["parked_1k_mb"] = await dbos.parked_mb(parked)
    return values


def main(path: str, poll: str, runs: int, singles: int, fan: int, parked: int) -> None:
    dbos = Dbos(Path(path), float(poll))
    dbos.dbos.launch()
    values: dict[str, float] = {}
    if runs:
        values["w3_steps_per_second"] = dbos.w3_steps_per_second(runs)
        idle = dbos.w3_idle_ms(singles)
        values |= {"w3_idle_ms_p50": median(idle), "w3_idle_ms_p99": quantile(idle, 0.99)}
    values |= asyncio.run(_soon(dbos, singles, fan, parked, bool(runs)))
    say(values)
    signal.pause()  # killed from outside: runs that still wait must not delay the end


if __name__ == "__main__":
    path, poll, *counts = sys.argv[1:]
    main(path, poll, *map(int, counts))
