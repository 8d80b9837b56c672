"""Schedules on a real file, with a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import anyio
import pytest

from engine.clock import HandClock
from engine.schedules import renewed, resumed
from engine.service import Service
from store import lookups, schedules
from store.model import Actor
from store.schedules import Schedule
from tests.support.engines import plan, running, step

pytestmark = pytest.mark.anyio
OWNER = Actor("person", "U0ADA", "Ada")
HOUR = 3_600_000


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def daily(**more: object) -> Schedule:
    return Schedule("sample", "daily", "30 2 * * *", "Europe/Berlin", OWNER, **more)


async def kept(service: Service, schedule: Schedule, now: int) -> None:
    known = await service.engine.database.read(lambda tx: schedules.of(tx, schedule.id))
    await service.engine.database.write(lambda tx: schedules.keep(tx, renewed(known, schedule, now)))
    service.scheduler.fires_before(0)
    await service.scheduler.run_once()


async def became(service: Service, schedule: Schedule) -> list[tuple[str, str]]:
    """The slots that were dealt with, by what people call them, oldest first."""
    found = await service.engine.database.read(lambda tx: schedules.slots(tx, schedule.id))
    return [(datetime.fromtimestamp(slot.at / 1000).astimezone().isoformat(), slot.outcome) for slot in reversed(found)]


async def outcomes(service: Service, schedule: Schedule) -> list[str]:
    return [outcome for _, outcome in await became(service, schedule)]


async def passes(service: Service, clock: HandClock, ms: int) -> None:
    clock.advance(ms)
    await service.scheduler.run_once()
    await service.scheduler.run_once()


async def count(service: Service) -> int:
    return len(await service.engine.database.read(lambda tx: lookups.run_list(tx)))


async def all_ended(service: Service) -> None:
    with anyio.fail_after(20):
        for row in await service.engine.database.read(lambda tx: lookups.run_list(tx, unfinished=True)):
            await service.engine.wait_for(row.id, lambda run: run.status.finished)


async def test_a_slot_starts_one_run_for_who_made_the_schedule(tmp_path: Path) -> None:
    clock = HandClock(moment("2026-06-01T12:00+02:00"))
    async with running(tmp_path / "a.db", plan(step("a")), clock=clock) as service:
        await kept(service, daily(), clock.now())
        await passes(service, clock, 24 * HOUR)
        await passes(service, clock, HOUR)
        [row] = await service.engine.database.read(lambda tx: lookups.run_list(tx))
        run = await service.engine.look(row.id)
        assert run is not None
        assert run.requester == OWNER
        assert run.origin["slot"] == "2026-06-02T00:30:00.000Z"
        assert run.dedupe_key == f"schedule:sample/daily:{moment('2026-06-02T02:30+02:00')}"


@pytest.mark.parametrize(("day", "slots"), [("2026-03-28T12:00+01:00", 3), ("2026-10-24T12:00+02:00", 3)])
async def test_on_the_days_the_clocks_change_it_fires_once_a_day(tmp_path: Path, day: str, slots: int) -> None:
    clock = HandClock(moment(day))
    async with running(tmp_path / "a.db", plan(step("a")), clock=clock) as service:
        await kept(service, daily(), clock.now())
        for _ in range(3 * 24):
            await passes(service, clock, HOUR)
        assert await outcomes(service, daily()) == ["started"] * slots


async def test_a_clock_set_back_and_a_restart_fire_no_slot_twice(tmp_path: Path) -> None:
    clock = HandClock(moment("2026-06-01T12:00+02:00"))
    made = plan(step("a"))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        await kept(service, daily(), clock.now())
        await passes(service, clock, 15 * HOUR)
        assert await count(service) == 1
    clock.advance(-15 * HOUR)
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        await kept(service, daily(), clock.now())
        for _ in range(16):
            await passes(service, clock, HOUR)
        assert await count(service) == 1


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        ("none", ["missed", "missed", "missed", "started"]),
        ("latest", ["missed", "missed", "started", "started"]),
        ("all", ["started", "started", "started", "started"]),
    ],
)
async def test_slots_that_nobody_was_there_for_are_caught_up_on_as_the_author_wished(
    tmp_path: Path, catch_up: str, expected: list[str]
) -> None:
    clock, made = HandClock(moment("2026-06-01T12:00+02:00")), plan(step("a"))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        await kept(service, daily(catch_up=catch_up), clock.now())
    clock.advance(3 * 24 * HOUR)
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        await kept(service, daily(catch_up=catch_up), clock.now())
        for _ in range(3):  # those that were caught up on begin one after the other
            await all_ended(service)
            await passes(service, clock, 60_000)
        await passes(service, clock, moment("2026-06-05T02:30+02:00") - clock.now())
        assert sorted(await outcomes(service, daily())) == sorted(expected)


@pytest.mark.parametrize(
    ("overlap", "expected", "runs"),
    [
        ("skip", ["started", "skipped"], 1),
        ("allow", ["started", "started"], 2),
        ("cancel", ["started", "started"], 2),
        ("queue", ["started", "waiting"], 1),
    ],
)
async def test_a_slot_whose_run_before_it_has_not_ended_does_as_the_author_wished(
    tmp_path: Path, overlap: str, expected: list[str], runs: int
) -> None:
    clock = HandClock(moment("2026-06-01T12:00+02:00"))
    week = plan(step("a", "wait", with_={"for": "7d"}))
    async with running(tmp_path / "a.db", week, clock=clock) as service:
        await kept(service, daily(overlap=overlap), clock.now())
        await passes(service, clock, 24 * HOUR)
        await passes(service, clock, 24 * HOUR)
        assert await outcomes(service, daily()) == expected
        assert await count(service) == runs
        open_runs = [
            run for run in await service.engine.database.read(lambda tx: lookups.run_list(tx)) if not run.ended_at
        ]
        assert len(open_runs) == (2 if overlap == "allow" else 1)
        if overlap == "queue":
            await passes(service, clock, 6 * 24 * HOUR)
            await passes(service, clock, HOUR)
            assert (await outcomes(service, daily()))[:2] == ["started", "started"], "it came when the other had ended"


async def test_while_it_is_paused_nothing_fires_and_nothing_is_caught_up_on(tmp_path: Path) -> None:
    clock = HandClock(moment("2026-06-01T12:00+02:00"))
    async with running(tmp_path / "a.db", plan(step("a")), clock=clock) as service:
        await kept(service, daily(catch_up="all"), clock.now())
        stopped = replace(renewed(None, daily(catch_up="all"), clock.now()), state="paused", why="Ada: holidays")
        await service.engine.database.write(lambda tx: schedules.keep(tx, stopped))
        await passes(service, clock, 48 * HOUR)
        assert await count(service) == 0
        await service.engine.database.write(lambda tx: schedules.keep(tx, resumed(stopped, clock.now())))
        service.scheduler.fires_before(0)
        await passes(service, clock, 24 * HOUR)
        assert await count(service) == 1


async def test_wrong_inputs_and_a_missing_workflow_are_put_down_with_the_slot(tmp_path: Path) -> None:
    clock = HandClock(moment("2026-06-01T12:00+02:00"))
    needs = plan(step("a"), inputs={"topic": {"type": "string"}})
    async with running(tmp_path / "a.db", needs, clock=clock) as service:
        other = replace(daily(), workflow="other")
        for schedule in (daily(), other):
            await kept(service, schedule, clock.now())
        await passes(service, clock, 24 * HOUR)
        for schedule, said in ((daily(), "topic"), (other, "not loaded")):
            [slot] = await service.engine.database.read(lambda tx, id=schedule.id: schedules.slots(tx, id))
            assert slot.outcome == "failed"
            assert said in slot.why


async def test_the_service_wakes_by_itself_when_a_slot_comes(tmp_path: Path) -> None:
    clock = HandClock(moment("2026-06-01T02:29+02:00"))
    async with running(tmp_path / "a.db", plan(step("a")), clock=clock) as service:
        await kept(service, daily(), clock.now())
        clock.advance(60_000)
        with anyio.fail_after(20):
            while not await count(service):
                await service.engine.told.event().wait()
