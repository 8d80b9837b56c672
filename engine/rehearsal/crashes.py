"""Crashes: one scenario, gone through again and again, with the engine lost before and after every commit.

What is lost is all that the engine had in memory; its file, the clock and the world outside stay. It is opened again
at once, and the scenario begins at its top, as people do who were not answered.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from engine.rehearsal.fakes import Call
from engine.rehearsal.setting import life, prepared, sound
from engine.rehearsal.stage import Rehearsal
from engine.rehearsal.world import World
from engine.workers.pool import WorkerPool
from store.database import Writer
from store.draft import changed_in
from store.events import Event
from store.faults import StoreFault
from store.model import Json, Run, StepStatus

POINTS_MAX = 2_000
Scenario: TypeAlias = Callable[[Rehearsal], Awaitable[Any]]


class Lost(StoreFault):
    """The engine was lost here, on purpose."""

    fatal = True


@dataclass(slots=True)
class Fuse:
    """Loses the engine at the first commit at which it has not been lost before.

    A commit is known by how far it takes which runs: what is done in one may be done in two another time.
    """

    tried: set[tuple[Any, ...]]
    where: str = ""

    @property
    def blown(self) -> bool:
        return bool(self.where)

    def __call__(self, where: str, tx: Writer) -> None:
        reached = sorted((run.workflow, run.seq) for run in changed_in(tx).values())
        if self.blown or not reached or (where, *reached) in self.tried:
            return
        self.tried.add((where, *reached))
        self.where = where
        raise Lost(f"lost {where}, at {reached}")


@dataclass(frozen=True, slots=True)
class Crashed:
    """How a scenario ended in which the engine was lost once; the last one of all was not lost at all."""

    where: str  # `before commit`, `after commit`; empty when it was not lost
    run: Run
    outputs: Json
    history: tuple[Event, ...] = ()
    calls: tuple[Call, ...] = ()
    told: str = field(default="", repr=False)

    @property
    def status(self) -> str:
        return self.run.status.value

    def attempts(self, step: str) -> int:
        """How often the world outside was asked for this step."""
        return sum(call.given.step == step for call in self.calls)

    def effects(self, step: str) -> int:
        """How many effects it had: attempts with the same idempotency key count as one."""
        return len({call.given.idempotency_key for call in self.calls if call.given.step == step and call.succeeded})


async def every_crash(workflow: Path | str, scenario: Scenario, **made_up: Any) -> AsyncIterator[Crashed]:
    """Go through the scenario once for each moment at which the engine can be lost, and once without a loss.

    A `once` step of which nobody knows whether it happened is settled by what the fakes saw. AssertionError when a
    record does not hold together. Use fakes that depend on nothing but what they are given: each time they begin anew.
    """
    definitions, name = sound(Path(workflow))
    async with WorkerPool() as workers:  # the functions of authors live in processes of their own; they need not die
        tried: set[tuple[Any, ...]] = set()
        for _ in range(POINTS_MAX):
            fuse = Fuse(tried)
            with tempfile.TemporaryDirectory(prefix="pointsman-") as folder:
                world = prepared(Path(folder), definitions, name, fuse=fuse, workers=workers, **made_up)
                crashed = await _gone_through(world, fuse, scenario)
            yield crashed
            if not fuse.blown:
                return
    raise AssertionError(f"the scenario has more than {POINTS_MAX} commits")


async def _gone_through(world: World, fuse: Fuse, scenario: Scenario) -> Crashed:
    try:
        return await _lived(world, fuse, scenario)
    except Exception as error:
        if not fuse.blown:
            raise
        lost = error
    world.fuse = None
    try:
        return await _lived(world, fuse, scenario)
    except Exception as error:
        error.add_note(f"after the engine was lost {fuse.where}: {lost!r}")
        raise


async def _lived(world: World, fuse: Fuse, scenario: Scenario) -> Crashed:
    async with life(world) as on_stage:
        await _settled(on_stage)
        await scenario(on_stage)
        broken = await on_stage.verified()
        assert not broken, f"the record does not hold together: {broken}\n{on_stage.told}"
        run, outputs = on_stage.run, on_stage.outputs
        return Crashed(fuse.where, run, outputs, on_stage.history, tuple(world.fakes.calls), on_stage.told)


async def _settled(on_stage: Rehearsal) -> None:
    """Look at the world for every effect that nobody is sure of, as an operator would."""
    if not on_stage.begun:
        return
    for key, step in on_stage.run.steps.items():
        if step.status is StepStatus.UNKNOWN:
            key_of_effect = f"{on_stage.run.id}:{key}:{step.round}"
            done = [one for one in on_stage.calls if one.given.idempotency_key == key_of_effect and one.succeeded]
            await on_stage.settle_now(key, done[-1].output if done else None, happened=bool(done))
