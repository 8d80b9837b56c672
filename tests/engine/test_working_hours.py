"""The clocks of a gate with `hours:` run in the operator's working hours, from the settings file to the last timer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio
import pytest

from bot.opening import Opening, opening
from bot.service import take
from bot.settings import Settings
from engine.clock import HandClock
from engine.service import Service, serving
from store.model import Run, RunStatus
from tests.support.engines import MINA, ended, waits

pytestmark = pytest.mark.anyio

OFFICE = 'office: {timezone: Europe/Berlin, days: [mon..fri], from: "09:00", to: "17:00", holidays: [2026-11-30]}'
ASKING = """\
workflow: asking
title: Ask somebody
channel: "#general"
owner: "@owners"
steps:
  ask:
    uses: approval
    with:
      question: Go on?
      approvers: ["@editors"]
      hours: office
      due: 4h
      remind_before_due: [2h]
      escalate_after_due: 1h
      escalate_to: ["@owners"]
      expires: 10h
      on_expiry: reject
"""


def at(text: str) -> int:
    """A moment by the clock on the wall in Berlin."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)


def wall(moment: int | None) -> str:
    assert moment is not None
    return datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo("Europe/Berlin")).strftime("%a %d %H:%M")


def setup(folder: Path, calendars: str = OFFICE) -> Opening:
    (folder / "workflows").mkdir(exist_ok=True)
    (folder / "workflows" / "asking.yaml").write_text(ASKING)
    (folder / "settings.yaml").write_text(f"calendars:\n  {calendars}\n" if calendars else "")
    given = Settings(
        POINTSMAN_DB=str(folder / "a.db"),
        POINTSMAN_WORKFLOWS=str(folder / "workflows"),
        POINTSMAN_SETTINGS=str(folder / "settings.yaml"),
    )
    return opening(given)


@asynccontextmanager
async def open_gate(folder: Path, moment: str) -> AsyncIterator[tuple[Service, HandClock, Run]]:
    clock, opened = HandClock(at(moment)), setup(folder)
    async with serving(opened.options(), clock=clock) as service:
        await take(opened, service)
        await service.drive_all()
        yield service, clock, await waits(service, (await service.engine.start("asking", {}, actor=MINA)).run)


async def test_over_a_weekend_and_a_holiday_no_clock_moves(tmp_path: Path) -> None:
    # Friday afternoon; Monday is a holiday
    async with open_gate(tmp_path, "2026-11-27T15:30") as (service, clock, run):
        gate = run.steps["ask"].gate
        assert gate is not None
        assert wall(gate.due_at) == "Tue 01 11:30"
        assert [wall(one) for one in gate.terms.reminders] == ["Tue 01 09:30"]
        assert wall(gate.terms.escalate_at) == "Tue 01 12:30"
        assert wall(gate.expires_at) == "Wed 02 09:30"
        for moment, overdue, reminded, escalated in (
            ("2026-11-30T23:00", False, 0, False),
            ("2026-12-01T09:30", False, 1, False),
            ("2026-12-01T11:30", True, 1, False),
            ("2026-12-01T12:30", True, 1, True),
        ):
            clock.advance(at(moment) - clock.now())
            with anyio.fail_after(20):
                await service.engine.wait_for(run.id, lambda run, at=(overdue, reminded, escalated): _stands(run) == at)
        clock.advance(at("2026-12-02T09:30") - clock.now())
        assert (await ended(service, run)).status is RunStatus.REJECTED


def _stands(run: Run) -> tuple[bool, int, bool]:
    gate = run.steps["ask"].gate
    assert gate is not None
    return gate.overdue, gate.reminded, gate.escalated


async def test_a_reload_brings_other_hours_for_the_gates_that_open_then(tmp_path: Path) -> None:
    async with open_gate(tmp_path, "2026-11-27T15:30") as (service, _, before):
        await take(setup(tmp_path, OFFICE.replace("mon..fri", "mon..sun")), service)
        run = await waits(service, (await service.engine.start("asking", {}, actor=MINA)).run)
        assert run.steps["ask"].gate is not None
        assert wall(run.steps["ask"].gate.due_at) == "Sat 28 11:30"
        again = await service.engine.look(before.id)
        assert again is not None
        assert again.steps["ask"] == before.steps["ask"]


def test_a_calendar_that_is_not_there_is_found_before_anything_runs(tmp_path: Path) -> None:
    opened = setup(tmp_path, OFFICE.replace("office", "offices"))
    problem = next(one for one in opened.folder.read().problems if one.code == "unknown_calendar")
    assert "no calendar `office`" in problem.message
    assert problem.hint == "did you mean `offices`?"


async def test_a_run_of_before_whose_calendar_was_taken_away_says_what_to_do(tmp_path: Path) -> None:
    async with open_gate(tmp_path, "2026-11-27T15:30") as (service, _, _run):
        service.use_calendars({})
        run = await ended(service, (await service.engine.start("asking", {}, actor=MINA)).run)
        assert run.error is not None
        assert (run.error.code, "under `calendars`" in run.error.hint) == ("calendar_missing", True)
