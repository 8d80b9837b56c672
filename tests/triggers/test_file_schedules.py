"""Schedules that stand in workflow files: kept when the files are loaded, changed with them, and gone with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import schedule_book, switching
from engine.clock import HandClock
from engine.schedule_book import Entry, NoSuchSchedule, NotYours, ScheduleBook
from engine.service import Service
from engine.switching import enable
from store import lookups, schedules
from store.model import Actor, Plan, Schedule, Workflow
from store.schedules import Schedule as Kept
from tests.support.engines import OPERATOR, plan, running, step

pytestmark = pytest.mark.anyio
HOUR = 3_600_000
NINE = Schedule("nine", "0 9 * * *", "Europe/Berlin")


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def made(**more: Any) -> Plan:
    return plan(step("a"), **more)


def file_of(plan_: Plan, *triggers: Schedule, owner: str = "@leads") -> dict[str, Any]:
    card = Workflow(plan_.workflow, "Sample", plan_.version, owner=owner, file="sample.yaml", triggers=triggers)
    return {plan_.workflow: SimpleNamespace(workflow=card, plan=plan_, source="", folder=Path())}


async def loads(service: Service, files: dict[str, Any]) -> None:
    now = service.engine.clock.now()
    await service.engine.use(files, also=lambda tx, cards: schedule_book.load(tx, cards, now))
    service.engine.fires_before(now)
    await service.scheduler.run_once()


async def passes(service: Service, clock: HandClock, ms: int) -> None:
    clock.advance(ms)
    await service.scheduler.run_once()
    await service.scheduler.run_once()


async def known(service: Service) -> dict[str, Entry]:
    return {one.schedule.id: one for one in await service.engine.database.read(schedule_book.entries)}


async def count(service: Service) -> int:
    return len(await service.engine.database.read(lambda tx: lookups.run_list(tx)))


async def test_a_schedule_of_a_file_fires_for_the_owner_with_its_inputs_computed(tmp_path: Path) -> None:
    clock = HandClock(moment("2026-06-01T12:00+02:00"))
    given = {"slot": "${{ event.slot }}", "by": "the ${{ event.schedule }} one"}
    workflow = made(inputs={"slot": {"type": "string"}, "by": {"type": "string"}})
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        await loads(service, file_of(workflow, replace(NINE, inputs=given), owner="U0ADA99"))
        await passes(service, clock, 22 * HOUR)
        [row] = await service.engine.database.read(lambda tx: lookups.run_list(tx))
        assert row.requester == Actor("person", "U0ADA99")
        assert row.inputs.value == {"slot": "2026-06-02T07:00:00.000Z", "by": "the nine one"}
        assert row.origin["slot"] == "2026-06-02T07:00:00.000Z"
        assert row.origin["schedule"] == "sample/nine"


async def test_where_a_group_owns_the_workflow_the_schedule_itself_is_the_requester(tmp_path: Path) -> None:
    clock, workflow = HandClock(moment("2026-06-01T12:00+02:00")), made()
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        await loads(service, file_of(workflow, NINE))
        await passes(service, clock, 22 * HOUR)
        [row] = await service.engine.database.read(lambda tx: lookups.run_list(tx))
        assert row.requester == Actor("trigger", "schedule:sample/nine", "schedule nine")


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"n": "many"}, "`n`"),
        ({"n": "${{ event.slot.size() / 0 }}"}, "could not be computed"),
    ],
)
async def test_inputs_that_do_not_fit_are_put_down_with_the_slot(
    tmp_path: Path, inputs: dict[str, Any], why: str
) -> None:
    clock = HandClock(moment("2026-06-01T12:00+02:00"))
    workflow = made(inputs={"n": {"type": "integer"}})
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        await loads(service, file_of(workflow, replace(NINE, inputs=inputs)))
        await passes(service, clock, 22 * HOUR)
        [slot] = (await known(service))["sample/nine"].slots
        assert (slot.outcome, why in slot.why) == ("failed", True), slot
        assert await count(service) == 0


async def test_loading_again_keeps_the_mark_and_a_changed_line_fires_nothing_that_lies_behind(tmp_path: Path) -> None:
    clock, workflow = HandClock(moment("2026-06-01T12:00+02:00")), made()
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        await loads(service, file_of(workflow, NINE))
        await passes(service, clock, 22 * HOUR)
        for _ in range(3):
            await loads(service, file_of(workflow, NINE))
        assert await count(service) == 1
        await loads(service, file_of(workflow, replace(NINE, cron="0 5 * * *")))
        assert await count(service) == 1
        await passes(service, clock, 19 * HOUR)
        assert await count(service) == 2


async def test_a_schedule_that_left_its_file_is_gone_and_what_people_made_stays(tmp_path: Path) -> None:
    clock, workflow = HandClock(moment("2026-06-01T12:00+02:00")), made()
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        book = ScheduleBook(service.engine)
        await loads(service, file_of(workflow, NINE, replace(NINE, name="ten")))
        await book.add(Kept("sample", "mine", "@daily", "UTC", OPERATOR, "person"))
        await loads(service, file_of(workflow, NINE))
        assert set(await known(service)) == {"sample/nine", "sample/mine"}
        await loads(service, {})
        assert set(await known(service)) == {"sample/mine"}


async def test_a_paused_schedule_stays_paused_over_loading_and_restart_and_catches_up_on_nothing(
    tmp_path: Path,
) -> None:
    path, clock, workflow = tmp_path / "a.db", HandClock(moment("2026-06-01T12:00+02:00")), made()
    async with running(path, workflow, clock=clock) as service:
        await loads(service, file_of(workflow, NINE))
        paused = await ScheduleBook(service.engine).pause("nine", OPERATOR, "holidays")
        assert (paused.state, paused.why) == ("paused", "root: holidays")
        await passes(service, clock, 48 * HOUR)
    async with running(path, workflow, clock=clock) as service:
        await loads(service, file_of(workflow, NINE))
        await passes(service, clock, 24 * HOUR)
        assert (await known(service))["sample/nine"].schedule.state == "paused"
        assert await count(service) == 0
        await ScheduleBook(service.engine).resume("sample/nine")
        await passes(service, clock, HOUR)
        assert await count(service) == 0
        await passes(service, clock, 24 * HOUR)
        assert await count(service) == 1


async def test_what_stands_in_a_file_is_not_deleted_here_and_a_name_is_taken_once(tmp_path: Path) -> None:
    workflow = made()
    async with running(tmp_path / "a.db", workflow, clock=HandClock()) as service:
        book, mine = ScheduleBook(service.engine), Kept("sample", "mine", "@daily", "UTC", OPERATOR, "person")
        await loads(service, file_of(workflow, NINE))
        with pytest.raises(NotYours, match=r"stands in sample\.yaml"):
            await book.delete("nine")
        await book.add(mine)
        with pytest.raises(NotYours, match="sample/mine already"):
            await book.add(mine)
        await book.delete("mine")
        with pytest.raises(NoSuchSchedule) as missing:
            await book.delete("mine")
        assert missing.value.known == ("sample/nine",)


async def test_what_a_person_wrote_is_data_and_no_expression(tmp_path: Path) -> None:
    clock = HandClock(moment("2026-06-01T12:00+02:00"))
    workflow = made(inputs={"text": {"type": "string"}})
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        mine = Kept("sample", "mine", "@daily", "UTC", OPERATOR, "person", inputs={"text": "${{ event.slot }}"})
        await ScheduleBook(service.engine).add(mine)
        await passes(service, clock, 24 * HOUR)
        [row] = await service.engine.database.read(lambda tx: lookups.run_list(tx))
        assert row.inputs.value == {"text": "${{ event.slot }}"}


async def test_a_run_is_started_at_once_as_its_own_slot_and_the_times_stay_as_they_are(tmp_path: Path) -> None:
    clock, workflow = HandClock(moment("2026-06-01T12:00+02:00")), made()
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        await loads(service, file_of(workflow, NINE))
        before = (await known(service))["sample/nine"].schedule
        run_id, why = await ScheduleBook(service.engine).run_now("nine", OPERATOR)
        assert (why, run_id is not None) == ("", True)
        after = (await known(service))["sample/nine"]
        assert after.schedule == before
        assert [slot.outcome for slot in after.slots] == ["started"]
        [row] = await service.engine.database.read(lambda tx: lookups.run_list(tx))
        assert row.requester == OPERATOR


async def test_a_workflow_that_is_switched_off_misses_its_slots_and_says_why(tmp_path: Path) -> None:
    clock, workflow = HandClock(moment("2026-06-01T12:00+02:00")), made()
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        await loads(service, file_of(workflow, NINE))
        await switching.disable(service.engine, "sample", OPERATOR, "The CMS is down")
        await passes(service, clock, 22 * HOUR)
        [slot] = (await known(service))["sample/nine"].slots
        assert (slot.outcome, "The CMS is down" in slot.why) == ("failed", True)
        await enable(service.engine, "sample")
        await passes(service, clock, 24 * HOUR)
        assert await count(service) == 1


async def test_a_broken_timetable_is_put_down_and_stops_no_other(tmp_path: Path) -> None:
    clock, workflow = HandClock(moment("2026-06-01T12:00+02:00")), made()
    async with running(tmp_path / "a.db", workflow, clock=clock) as service:
        await loads(service, file_of(workflow, replace(NINE, name="odd", timezone="Mars/Olympus"), NINE))
        odd = (await known(service))["sample/odd"].schedule
        assert (odd.state, "Mars/Olympus" in odd.why) == ("paused", True)
        await service.engine.database.read(schedules.next_at)
        await passes(service, clock, 22 * HOUR)
        assert await count(service) == 1
