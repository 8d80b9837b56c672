"""evaluate_prompts, and every turn that it may take: on a real engine, with the demo's recorded answers."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
import zipfile
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.evidence.bundle import exported
from engine.rules.commands import Refusal
from engine.timetable import timetable
from store.model import RunStatus, Schedule
from tests.support.meadow import ADA, HOUR, LENA, meadow, read

pytestmark = pytest.mark.anyio


async def test_a_good_candidate_is_let_through_without_anybody(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.ended(await house.start("evaluate_prompts"))
        outputs = house.outputs(run)
        assert outputs["scores"] == {"current": 0.7, "candidate": 0.8}
        assert (outputs["use_candidate"], outputs["decided_by"], outputs["not_asked"]) == (True, "engine", [])
        assert run.steps["let_through"].gate is None or run.steps["let_through"].gate.state != "open"
        assert len(house.asked("Reader's question")) == 10
        assert {one["model"] for one in house.answers.asked} == {"recorded-writer", "recorded-backup"}


async def test_the_chart_shows_each_question_and_there_was_no_last_time(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        chart = house.outputs(await house.ended(await house.start("evaluate_prompts")))["chart"]
        assert chart.splitlines() == [
            "           candidate                   today",
            "parcel     ████████████████████  100%  100%",
            "damaged    ████████████████████  100%   50%",
            "twice      ████████████████████  100%    0%",
            "password   ████████████████████  100%  100%",
            "poems      ░░░░░░░░░░░░░░░░░░░░    0%  100%",
            "",
            "all        ████████████████░░░░   80%   70%",
            "There is no last time to compare with.",
        ]


async def test_people_decide_when_the_threshold_is_missed_and_see_the_change_since_the_last_time(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        await house.ended(await house.start("evaluate_prompts"))
        run = await house.asks(await house.start("evaluate_prompts", style="brief"), "let_through")
        shown = house.value(run.steps["let_through"].gate.shown)
        assert shown["chart"].splitlines()[-1] == "Last time: candidate 80% ↓ 0%, today 70% ↓ 0%."
        assert await house.decide(run, "let_through", ADA) is Refusal.ACTOR_NOT_APPROVER
        assert await house.decide(run, "let_through", LENA, "reject", comment="Too short to help") is None
        outputs = house.outputs(await house.ended(run))
        assert (outputs["use_candidate"], outputs["decided_by"]) == (False, "U0LENA")
        assert house.output(await house.ended(run), "tell")["to"] == "channel"
        third = house.outputs(await house.ended(await house.start("evaluate_prompts")))
        assert "candidate 0% ↑ 80%" in third["chart"]


async def test_the_picture_shows_both_models_at_each_question_and_where_they_stood_the_last_time(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        first = house.output(await house.ended(await house.start("evaluate_prompts")), "compare")["picture"]
        second = house.output(await house.ended(await house.start("evaluate_prompts")), "compare")
        texts = ["".join(one.itertext()) for one in ET.fromstring(first)]
        assert [text for text in texts if text.endswith("%")][-2:] == ["80%", "70%"]
        assert len([text for text in texts if text.endswith("%")]) == 2 * 6
        assert "There is no last time to compare with." in texts
        assert first.count('width="3"') == 0
        assert second["picture"].count('width="3"') == 2
        exported(tmp_path / "meadow.db", "R-YDH", tmp_path / "run.zip")
        page = zipfile.ZipFile(tmp_path / "run.zip").read("index.html").decode()
        assert page.count("<img class=drawn") == 1
        assert f'src="data:image/svg+xml;base64,{b64encode(first.encode()).decode()}"' in page
        shown = Path(__file__).parents[2] / "docs" / "images" / "evaluation.svg"
        if os.environ.get("POINTSMAN_PIN"):
            shown.write_text(second["picture"], "utf-8")
        assert shown.read_text("utf-8") == second["picture"], "draw it again with POINTSMAN_PIN=1"


async def test_nobody_at_the_gate_means_no(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.asks(await house.start("evaluate_prompts", threshold=0.95), "let_through")
        assert house.value(run.steps["let_through"].gate.shown)["worse"] == ["poems"]
        house.clock.leap(24 * HOUR + 1_000)
        outputs = house.outputs(await house.ended(run))
        assert (outputs["use_candidate"], outputs["decided_by"]) == (False, None)


async def test_one_evaluation_at_a_time(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        first = await house.asks(await house.start("evaluate_prompts", threshold=0.95), "let_through")
        second = await house.start("evaluate_prompts")
        assert second.status is RunStatus.QUEUED
        assert await house.decide(first, "let_through", LENA) is None
        assert (await house.ended(second)).status is RunStatus.SUCCEEDED


async def test_a_question_that_no_model_answers_fails_more_than_a_tenth_and_so_the_run(tmp_path, monkeypatch):
    refused = {"contains": "Do you take poems", "answers": [{"refusal": "I cannot help with that"}]}
    async with meadow(tmp_path, monkeypatch, recordings=[refused]) as house:
        run = await house.ended(await house.start("evaluate_prompts"))
        assert (run.status, run.error.code) == (RunStatus.FAILED, "items_failed")
        assert house.output(run, "tell")["text"] == "The evaluation failed."


def test_it_runs_on_weekday_mornings_by_the_clocks_of_berlin():
    (schedule,) = read().definitions["evaluate_prompts"].workflow.triggers
    assert isinstance(schedule, Schedule)
    assert (schedule.overlap, schedule.catch_up) == ("skip", "latest")
    table, berlin = timetable(schedule.cron, schedule.timezone), ZoneInfo("Europe/Berlin")
    friday = int(datetime(2026, 10, 23, 12, tzinfo=berlin).timestamp() * 1000)  # the clocks go back on Sunday
    assert [slot.local for slot in table.preview(friday, 2)] == ["2026-10-26 06:30 CET", "2026-10-27 06:30 CET"]
