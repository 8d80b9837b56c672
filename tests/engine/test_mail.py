"""What runs have to tell each other: delivered in order, once, and not lost when nobody can act on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.rules import lifecycle
from engine.rules.commands import Cancel, ReportChild, Resume, SignalRun
from engine.service import Service
from store import mail
from store.model import Content, RunStatus, StepStatus
from tests.support.engines import MINA, ended, gate, plan, running, step, waits
from tests.support.proofs import kinds, sound

pytestmark = pytest.mark.anyio

CHILD = plan(workflow="child", outputs={"n": 7})
PARENT = plan(step("ask", "workflow", spec={"call": "child"}, with_={}), outputs="${{ steps.ask.output }}")
SLOW_CHILD = plan(step("pause", "wait", with_={"for": "1ms"}), workflow="child", outputs={"n": 7})


async def letters(service: Service) -> int:
    found: int = await service.engine.database.read(lambda tx: tx.value("SELECT count(*) FROM mail"))
    return found


async def post(service: Service, run_id: str, *commands: object) -> None:
    """Write letters as a run would, in one commit."""

    def write(tx: Any) -> None:
        for command in commands:
            mail.send(tx, run_id, command)
        service.engine.mail_waits = True

    await service.engine.database.write(write)


async def test_letters_are_acted_on_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    wait = step("hear", "wait", spec={"event": "news"}, with_={})
    async with running(tmp_path / "a.db", plan(gate("first"), wait)) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        news = [SignalRun(MINA, "news", Content(n)) for n in range(20)]
        await post(service, run.id, *news)
        run = await service.engine.look(run.id)
        assert run.steps["hear"].output.value["data"] == 0
        assert [one.data.value for one in run.signals] == list(range(1, 20))
        assert await letters(service) == 0


async def test_a_letter_for_a_run_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"))) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        await post(service, "0" * 28, Cancel(MINA, "nobody"))
        await post(service, run.id, Cancel(MINA, "somebody"))
        assert (await ended(service, run)).status is RunStatus.CANCELLED
        assert await letters(service) == 0


async def test_a_letter_that_breaks_the_rules_pauses_its_run_and_is_acted_on_when_the_run_is_resumed(
    tmp_path: Path, monkeypatch: Any
) -> None:
    async with running(tmp_path / "a.db", PARENT, SLOW_CHILD, plan(step("only"), workflow="other")) as service:
        engine, report = service.engine, lifecycle._ANSWERS[ReportChild]
        monkeypatch.setitem(lifecycle._ANSWERS, ReportChild, lambda *given: 1 / 0)
        run = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            run = await engine.wait_for(run.id, lambda run: run.status is RunStatus.PAUSED)
        assert "another run" in run.reason
        assert run.steps["ask"].status is StepStatus.WAITING
        assert await letters(service) == 1
        other = await ended(service, (await engine.start("other", {}, actor=MINA)).run)
        assert other.status is RunStatus.SUCCEEDED, "the others go on"
        await engine.perform(run.id, Resume(MINA))
        assert (await engine.look(run.id)).status is RunStatus.PAUSED, "the bug is still there"
        monkeypatch.setitem(lifecycle._ANSWERS, ReportChild, report)
        await engine.perform(run.id, Resume(MINA))
        run = await ended(service, run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, {"n": 7})
        assert await letters(service) == 0
        await sound(service)


async def test_a_letter_that_cannot_be_read_is_kept_and_stops_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with running(path, plan(gate("review"))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        unread = '{"v": 1, "kind": "OfTomorrow", "data": {}}'

        def write(tx: Any) -> None:
            tx.execute("INSERT INTO mail (run_id, command) VALUES (?, ?)", (run.id, unread))
            engine.mail_waits = True

        await engine.database.write(write)
        assert (await engine.look(run.id)).status is RunStatus.PAUSED
    async with running(path, plan(gate("review"))) as service:
        assert (await service.engine.look(run.id)).status is RunStatus.PAUSED
        assert await letters(service) == 1


async def test_a_run_whose_rows_are_damaged_stops_nobody(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"))) as service:
        engine = service.engine
        broken = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        whole = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        sql = "UPDATE gates SET shown = '{\"odd\": 1}' WHERE run_id = ?"
        await engine.database.write(lambda tx: tx.execute(sql, (broken.id,)))
        await post(service, broken.id, Cancel(MINA, "the damaged one"))
        await post(service, whole.id, Cancel(MINA, "the whole one"))
        assert (await ended(service, whole)).status is RunStatus.CANCELLED
        assert await letters(service) == 1


async def test_news_that_is_told_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", PARENT, CHILD) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        before = await kinds(service, run)
        child = run.steps["ask"].child
        report = ReportChild("ask", child, RunStatus.FAILED, None, None, "R-7K2")
        await post(service, run.id, report, report)
        assert await kinds(service, run) == before
        assert await letters(service) == 0


async def test_letters_that_were_never_delivered_are_found_by_the_next_service(tmp_path: Path) -> None:
    path, made = tmp_path / "a.db", plan(gate("review"))
    async with running(path, made) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
    async with running(path, made, drive=False) as service:
        await post(service, run.id, Cancel(MINA, "while nobody was there"))
        assert (await service.engine.look(run.id)).status is RunStatus.RUNNING
    async with running(path, made) as service:
        assert (await ended(service, run)).status is RunStatus.CANCELLED


async def test_headless_leaves_the_letters_of_other_runs_alone(tmp_path: Path) -> None:
    path, made = tmp_path / "a.db", plan(gate("review"))
    async with running(path, made) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
    async with running(path, made, plan(step("only"), workflow="other"), drive=False) as service:
        await post(service, run.id, Cancel(MINA, "not by headless"))
        mine = (await service.engine.start("other", {}, actor=MINA)).run
        await service.drive_only(mine.id)
        assert (await ended(service, mine)).status is RunStatus.SUCCEEDED
        assert (await service.engine.look(run.id)).status is RunStatus.RUNNING
        assert await letters(service) == 1


async def test_more_letters_than_fit_into_one_pass_are_all_delivered(tmp_path: Path, monkeypatch: Any) -> None:
    wait = step("hear", "wait", spec={"event": "never"}, with_={})
    async with running(
        tmp_path / "a.db", plan(wait, step("news", "wait", spec={"event": "news"}, with_={}))
    ) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        monkeypatch.setattr("engine.scheduler.LIMITS", type("L", (), {"claims_per_pass": 3}))
        await post(service, run.id, *(SignalRun(MINA, "news", Content(n)) for n in range(11)))
        assert len((await service.engine.look(run.id)).signals) == 10
        assert await letters(service) == 0
