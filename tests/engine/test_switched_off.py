"""Workflows that are switched off: nothing of them starts, and no step of their runs begins until they are on again."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine import switching
from engine.api import NotStarted, UnknownWorkflow
from engine.clock import HandClock
from engine.rules.commands import Decide
from engine.service import Service
from store import due
from store.model import Retry, Run, RunStatus
from tests.support.engines import MINA, OPERATOR, RAVI, definition, ended, gate, person, plan, running, step, waits
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio


async def approved(service: Service, run: Run) -> None:
    facts = person(RAVI, "@editors", at=service.engine.clock.now())
    performed = await service.engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)
    assert performed.refusal is None


async def test_no_step_begins_until_it_is_on_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    made, other = plan(gate("review"), step("after", after=["review"])), plan(step("a"), workflow="other")
    async with running(path, made, other) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        await switching.disable(service.engine, "sample", OPERATOR, "It is wrong")
        await approved(service, run)
        await ended(service, (await service.engine.start("other", {}, actor=MINA)).run)
        run = await service.engine.look(run.id)
        assert (run.status, run.steps["after"].status) == (RunStatus.RUNNING, "ready")
        with pytest.raises(NotStarted, match=r"sample is switched off: root, .* UTC: It is wrong") as refused:
            await service.engine.start("sample", {}, actor=MINA)
        assert "pointsman enable sample" in refused.value.hint
    async with running(path, made, other) as service:  # also after a restart
        await service.scheduler.run_once()
        assert (await service.engine.look(run.id)).steps["after"].status == "ready"
        assert await switching.enable(service.engine, "sample")
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        await sound(service)


async def test_what_is_under_way_is_finished_and_what_comes_after_it_waits(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(
        step("failing", "command", with_={"argv": ["false"]}, retry=Retry(2, 60_000, 60_000)),
        step("pause", "wait", with_={"for": "1h"}),
        step("after", after=["pause"]),
    )
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            run = await service.engine.wait_for(
                run.id, lambda run: run.steps["failing"].failures == 1 and run.steps["pause"].status == "waiting"
            )
        await switching.disable(service.engine, "sample", OPERATOR, "")
        clock.advance(3_600_000)
        await service.scheduler.run_once()
        await service.scheduler.run_once()
        run = await service.engine.look(run.id)
        assert [run.steps[name].status for name in ("failing", "pause", "after")] == ["ready", "succeeded", "ready"]
        assert run.steps["failing"].attempt == 1


async def test_a_workflow_stays_off_when_its_file_goes_and_comes_back(tmp_path: Path) -> None:
    made = plan(step("a"))
    async with running(tmp_path / "a.db", made) as service:
        await switching.disable(service.engine, "sample", OPERATOR, "")
        await service.engine.use({})
        await service.engine.use({"sample": definition(made)})
        with pytest.raises(NotStarted):
            await service.engine.start("sample", {}, actor=MINA)
        with pytest.raises(UnknownWorkflow):
            await switching.disable(service.engine, "nothing", OPERATOR, "")


async def test_runs_that_are_held_are_passed_over_by_index(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(step("a"))) as service:
        rows = await service.engine.database.read(
            lambda tx: [
                row["detail"] for row in tx.rows(f"EXPLAIN QUERY PLAN {due.READY_BUT_HELD}", (0, '["sample"]', 10))
            ]
        )
        walks = [one for one in rows if one.startswith("SCAN") and "USING" not in one and "json_each" not in one]
        assert not walks, rows
        assert not [one for one in rows if "TEMP B-TREE" in one], rows
        assert any("steps_ready" in one for one in rows), rows
