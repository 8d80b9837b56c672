"""Working hours in tests of workflows: the clock that is moved honours them, as the operator's do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.folder import Folder
from bot.tested import played
from engine.calendars import calendar_from
from engine.cases import play, read_tests
from engine.definitions import load
from engine.kit.testing import rehearsal

pytestmark = pytest.mark.anyio

ASK = """\
workflow: good_or_not
steps:
  review:
    uses: approval
    with: {question: Is it good?, approvers: ["@editors"], due: 1h, expires: 4h, on_expiry: reject, hours: office}
"""
OFFICE = {"timezone": "UTC", "days": ["mon..fri"], "from": "09:00", "to": "17:00"}
FRIDAY_AFTERNOON = "2026-01-09T16:00:00Z"
HOURS = 3_600_000
CASES = """\
workflow: good_or_not
all:
  starts_at: 2026-01-09T16:00:00Z
%s
cases:
  nobody answers before the weekend is over:
    expect: {status: rejected, took: %s}
"""
CALENDAR = '  calendars: {office: {timezone: UTC, days: [mon..fri], from: "09:00", to: "17:00"}}'


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    path = tmp_path / "good_or_not.yaml"
    path.write_text(ASK)
    return path


async def test_a_gates_clock_stands_still_over_the_weekend(workflow: Path) -> None:
    async with rehearsal(workflow, at=FRIDAY_AFTERNOON, calendars={"office": OFFICE}) as r:
        await r.start()
        await r.end()
        assert r.status == "rejected"
        assert r.took_ms == (1 + 64 + 3) * HOURS  # an hour on Friday, nights and days off, three hours on Monday


async def test_where_nobody_says_what_the_hours_are_every_hour_counts(workflow: Path) -> None:
    async with rehearsal(workflow, at=FRIDAY_AFTERNOON) as r:
        await r.start()
        await r.end()
        assert r.took_ms == 4 * HOURS


@pytest.mark.parametrize(("said", "took"), [(CALENDAR, "68h"), ("", "4h")])
async def test_a_test_file_may_say_what_the_working_hours_are(workflow: Path, said: str, took: str) -> None:
    written = workflow.with_name("good_or_not.test.yaml")
    written.write_text(CASES % (said, took))
    definitions = load([workflow.parent]).definitions
    read = read_tests(written, definitions)
    assert read.problems == ()
    verdict = await play(read.cases[0], "good_or_not", definitions)
    assert verdict.passed, verdict.misses


async def test_working_hours_that_are_none_are_explained_where_they_stand(workflow: Path) -> None:
    written = workflow.with_name("good_or_not.test.yaml")
    written.write_text(CASES % ("  calendars: {office: {timezone: UTC, dayz: [mon]}}", "4h"))
    (problem,) = read_tests(written, load([workflow.parent]).definitions).problems
    assert "A calendar has no `dayz`; did you mean `days`?" in problem.message
    assert problem.line == 4


def test_the_operators_calendars_are_there_for_all_test_files(workflow: Path) -> None:
    workflow.with_name("good_or_not.test.yaml").write_text(CASES % ("", "68h"))
    folder = Folder(workflow.parent, None, None)
    assert played(folder, [], lambda one: None, {"office": calendar_from(OFFICE)}).passed
    assert not played(folder, [], lambda one: None).passed
