"""Slots of schedules against crashes, renamed zones, rules that changed, and runs that begin late."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.clock import HandClock
from engine.schedules import renewed
from engine.service import Service
from store import lookups, schedules
from store.faults import StoreFault
from store.model import Actor, RunStatus
from store.schedules import Schedule
from tests.support.engines import plan, running, step
from tests.support.proofs import Killed, killed_at, sound

pytestmark = pytest.mark.anyio
ADA = Actor("person", "U0ADA", "Ada")
HOUR, MINUTE = 3_600_000, 60_000
POINTS = 40  # more than one slot has


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


EVENING, SLOT = moment("2026-06-01T23:00+02:00"), moment("2026-06-02T02:30+02:00")
NIGHTLY = Schedule("sample", "nightly", "30 2 * * *", "Europe/Berlin", ADA)


async def loaded(service: Service, schedule: Schedule, now: int) -> None:
    """The schedule, as a service reads it from its file when it starts."""
    known = await service.engine.database.read(lambda tx: schedules.of(tx, schedule.id))
    await service.engine.database.write(lambda tx: schedules.keep(tx, renewed(known, schedule, now)))
    service.scheduler.fires_before(0)
    await service.scheduler.run_once()


async def moved(service: Service, clock: HandClock, ms: int) -> None:
    clock.advance(ms)
    await service.scheduler.run_once()
    await service.scheduler.run_once()


async def fired(service: Service) -> tuple[list[tuple[int, str]], list[Mapping[str, Any]]]:
    """What became of the slots, and the inputs of every run that there is."""
    slots = await service.engine.database.read(lambda tx: schedules.slots(tx, NIGHTLY.id))
    rows = await service.engine.database.read(lambda tx: lookups.run_list(tx))
    runs = [await service.engine.look(row.id) for row in rows]
    return [(slot.at, slot.outcome) for slot in slots], [run.inputs.value for run in runs]


async def test_killed_at_any_commit_a_slot_has_one_run(tmp_path: Path) -> None:
    made, died = plan(step("a")), Counter[bool]()
    for point in range(1, POINTS):
        path, clock = tmp_path / f"{point}.db", HandClock(EVENING)
        async with running(path, made, clock=clock, synchronous="normal") as service:
            await loaded(service, NIGHTLY, clock.now())
        clock.advance(SLOT - EVENING)
        with killed_at(point) as left:
            try:
                async with running(path, made, clock=clock, drain_seconds=0.05, synchronous="normal") as service:
                    await loaded(service, NIGHTLY, clock.now())
            except* (StoreFault, Killed):
                assert left[0] <= 0
        reached = left[0] <= 0
        died[reached] += 1
        async with running(path, made, clock=clock, synchronous="normal") as service:
            await loaded(service, NIGHTLY, clock.now())
            slots, runs = await fired(service)
            assert (slots, len(runs)) == ([(SLOT, "started")], 1), f"killed at point {point}"
            await sound(service)
        if not reached:
            break
    assert died[False] == 1, f"it has more than {POINTS} crash points"
    assert died[True] >= 4


async def test_the_same_moment_under_the_name_of_another_zone_is_the_same_slot(tmp_path: Path) -> None:
    clock, made = HandClock(EVENING), plan(step("a"))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        await loaded(service, NIGHTLY, clock.now())
        await moved(service, clock, SLOT - EVENING)
        clock.advance(EVENING - SLOT)  # the machine's clock was ahead and is put right
        await loaded(service, replace(NIGHTLY, timezone="Europe/Paris"), clock.now())
        await moved(service, clock, SLOT - EVENING)
        slots, runs = await fired(service)
        assert (slots, len(runs)) == ([(SLOT, "started")], 1)


async def test_a_slot_that_was_computed_by_other_rules_of_its_zone_is_computed_anew_at_the_start(
    tmp_path: Path,
) -> None:
    clock, path, made = HandClock(EVENING), tmp_path / "a.db", plan(step("a"))
    async with running(path, made, clock=clock) as service:
        await loaded(service, NIGHTLY, clock.now())
        known = await service.engine.database.read(lambda tx: schedules.of(tx, NIGHTLY.id))
        assert known.next_at == SLOT
        late = replace(known, next_at=SLOT + HOUR)  # as it stood there before an update of the rules
        await service.engine.database.write(lambda tx: schedules.keep(tx, late))
    async with running(path, made, clock=clock) as service:
        await loaded(service, NIGHTLY, clock.now())
        await moved(service, clock, SLOT - EVENING)
        slots, _ = await fired(service)
        assert slots == [(SLOT, "started")]


async def test_a_run_that_begins_late_is_given_the_time_of_its_slot(tmp_path: Path) -> None:
    clock, path = HandClock(EVENING), tmp_path / "a.db"
    made = plan(
        step("tell", with_={"slot": "${{ run.slot }}"}),
        inputs={"day": {"type": "string"}},
        outputs="${{ steps.tell.output.slot }}",
    )
    wanted = replace(NIGHTLY, inputs={"day": "${{ event.slot }}"})
    async with running(path, made, clock=clock) as service:
        await loaded(service, wanted, clock.now())
    clock.advance(SLOT - EVENING + 9 * HOUR)
    async with running(path, made, clock=clock) as service:
        await loaded(service, wanted, clock.now())
        [row] = await service.engine.database.read(lambda tx: lookups.run_list(tx))
        with anyio.fail_after(20):
            run = await service.engine.wait_for(row.id, lambda run: run.status.finished)
        assert (run.inputs.value, run.outputs.value) == (
            {"day": "2026-06-02T00:30:00.000Z"},
            "2026-06-02T00:30:00.000Z",
        )
        assert run.created_at == SLOT + 9 * HOUR, "it began when somebody was there"


async def test_a_bug_while_one_schedule_fires_stops_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, made = HandClock(EVENING), plan(step("a"))
    with monkeypatch.context() as patch:
        patch.setattr("engine.schedules.read_inputs", lambda *given, **more: 1 / 0)
        async with running(tmp_path / "a.db", made, clock=clock) as service:
            await loaded(service, NIGHTLY, clock.now())
            await moved(service, clock, SLOT - EVENING)
            run = (await service.engine.start("sample", {}, actor=ADA)).run
            with anyio.fail_after(20):
                run = await service.engine.wait_for(run.id, lambda run: run.status.finished)
            assert run.status is RunStatus.SUCCEEDED
