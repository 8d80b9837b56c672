"""summarise_batch, and every turn that it may take: on a real engine, with the demo's recorded answers."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile

import orjson
import pytest

from bot.evidence.bundle import exported
from engine.api import NotStarted
from engine.rules.commands import Refusal
from store.model import RunStatus
from tests.support.meadow import ADA, HOUR, LENA, MINA, MINUTE, OMAR, RAVI, WORKFLOWS, meadow

pytestmark = pytest.mark.anyio

UNTITLED = "manuscripts.review[untitled]"
OTHERS = ("manuscripts.review[ferry-timetable]", "manuscripts.review[remedies-of-the-hedge]")
DOUBTFUL = (*OTHERS, UNTITLED)
MANUSCRIPTS = WORKFLOWS / "samples" / "manuscripts"


async def doubted(house, **more):
    """A run whose doubtful summaries are before the editors."""
    return await house.asks(await house.start("summarise_batch", **more), *DOUBTFUL)


async def doubted_but_for_one(house):
    """A run in which only the untitled one is still open."""
    run = await doubted(house)
    for key in OTHERS:
        assert await house.decide(run, key, RAVI) is None
    return await house.asks(run, UNTITLED)


async def manifest(house, run):
    return house.outputs(await house.ended(run))["manifest"]


async def test_every_summary_can_be_traced_to_file_prompt_model_cost_and_approver(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await doubted_but_for_one(house)
        assert await house.decide(run, UNTITLED, ADA) is None
        made = await manifest(house, run)
        assert {one["manuscript"]: one["decided_by"] for one in made["summaries"]} == {
            "ferry-timetable": "U0RAVI",
            "remedies-of-the-hedge": "U0RAVI",
            "salt-and-flour": "engine",
            "the-lamp-room": "engine",
            "untitled": "U0ADA",
        }
        hashes = {prompt_hash(one["body"]["messages"]) for one in house.answers.asked}
        assert {one["prompt"] for one in made["summaries"]} == hashes
        assert {one["model"] for one in made["summaries"]} == {"recorded-writer"}
        for one in made["summaries"]:
            file = MANUSCRIPTS / f"{one['manuscript']}.txt"
            assert one["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert made["usd_micros"] == sum(one["usd_micros"] for one in made["summaries"]) > 0
        assert (made["run"], made["trace"]) == (run.name, run.trace_id)


async def test_the_page_of_the_evidence_follows_each_summary_back_and_every_bundle_checks_itself(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await doubted_but_for_one(house)
        assert await house.decide(run, UNTITLED, ADA) is None
        made = await manifest(house, run)
        exported(tmp_path / "meadow.db", run.name, tmp_path / "batch.zip")
    with zipfile.ZipFile(tmp_path / "batch.zip") as archive:
        html = archive.read("index.html").decode()
        archive.extractall(tmp_path / "batch")
    for one in made["summaries"]:
        answered = f"<td>manuscripts.summary[{one['manuscript']}]<td>recorded-writer<td>"
        assert answered in html
        row = html.split(answered)[1].split("<tr>")[0]
        assert f"<td>${one['usd_micros'] / 1_000_000:.6f}<td><code>{one['prompt'][:16]}…" in row
        says = WHO_LET_IT_THROUGH[one["decided_by"]]
        assert f"<h3>manuscripts.review[{one['manuscript']}] · {says}" in html
    checked = subprocess.run([sys.executable, "-I", tmp_path / "batch" / "check.py"], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout


WHO_LET_IT_THROUGH = {
    "U0ADA": "Ada approved",
    "U0RAVI": "Ravi approved",
    "engine": "the workflow&#x27;s own policy says “approve”",
}


def prompt_hash(sent):
    """What anybody can compute who has the prompt."""
    system, *messages = sent
    said = {"system": system["content"], "messages": messages}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def test_what_cannot_be_read_is_told_and_the_rest_is_done(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await doubted_but_for_one(house)
        assert await house.decide(run, UNTITLED, RAVI) is None
        (failed,) = (await manifest(house, run))["failed"]
        assert failed["manuscript"] == "water-damage"
        assert "water-damage.txt cannot be read: it is not a text file" in failed["why"]


async def test_a_summary_that_an_editor_turns_down_is_not_in_the_manifest(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await doubted_but_for_one(house)
        assert await house.decide(run, UNTITLED, OMAR) is Refusal.ACTOR_NOT_APPROVER
        assert await house.decide(run, UNTITLED, ADA, "reject", comment="Two books") is None
        made = await manifest(house, run)
        assert (len(made["summaries"]), made["rejected"]) == (4, ["untitled"])
        run = await house.ended(run)
        assert house.output(run, "tell")["text"] == ("Summarised: 4, turned down: 1, could not be read: 1.")


async def test_what_an_editor_wrote_stands_in_the_manifest(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await doubted_but_for_one(house)
        assert await house.edit(run, UNTITLED, ADA, genre="Two fragments") is None
        summaries = (await manifest(house, run))["summaries"]
        assert {one["manuscript"]: one["genre"] for one in summaries}["untitled"] == "Two fragments"


async def test_a_summary_that_nobody_looks_at_counts_as_turned_down(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await doubted_but_for_one(house)
        house.clock.leap(72 * HOUR + 1_000)
        assert (await manifest(house, run))["rejected"] == ["untitled"]


async def test_when_the_budget_is_used_up_no_more_is_asked_and_each_one_says_why(tmp_path, monkeypatch):
    talkative = {"contains": "Summarise this manuscript", "answers": [{"json": answer(summary="word " * 61)}]}
    dear = {"input": 1, "output": 99_000}  # US dollars for a million tokens
    async with meadow(tmp_path, monkeypatch, recordings=[talkative], price=dear) as house:
        run = await house.start("summarise_batch")
        while not (run := await house.until(run, lambda run: True)).status.finished:
            house.clock.leap(MINUTE)
            await house.until(run, lambda now, seen=run: now != seen)
        assert (run.status, run.error.code) == (RunStatus.FAILED, "items_failed")
        assert len(house.asked("Summarise this manuscript")) <= 3
        said = {step.error.code: step.error.message for step in run.steps.values() if step.error}
        assert "US dollars" in said["budget_used_up"]


def answer(**more):
    return {"summary": "A keeper stays.", "genre": "Novel", "doubts": [], **more}


async def test_a_summary_that_is_too_long_is_asked_for_again(tmp_path, monkeypatch):
    answers = [{"json": answer(summary="word " * 61)}, {"json": answer()}]
    recording = {"contains": ["Summarise this manuscript", "the-lamp-room"], "answers": answers}
    async with meadow(tmp_path, monkeypatch, recordings=[recording]) as house:
        run = await house.start("summarise_batch")
        await house.failed_once(run, "manuscripts.summary[the-lamp-room]")
        await house.asks(run, *DOUBTFUL)
        assert "The summary is too long." in house.asked("the-lamp-room")[-1]


async def test_a_third_run_on_the_same_folder_is_refused_with_the_two_that_are_open(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        two = [await doubted(house, who=who) for who in (MINA, LENA)]
        with pytest.raises(NotStarted, match=r"samples/manuscripts.*no more are allowed") as refused:
            await house.start("summarise_batch")
        assert all(run.name in refused.value.hint for run in two)
