"""What was written in a run is erased when its workflow says so; that it was there stays on record."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from bot.evidence.bundle import exported
from bot.looking import Looking
from bot.requests import History, Runs, Status
from engine import audit
from engine.clock import HandClock
from engine.keeping import EVERY_MS, Keeping
from engine.rules.commands import Cancel, Refusal, Retry
from engine.service import Options, Service, serving
from store import erasure, runs
from store.model import Plan, Run, RunStatus
from tests.support.engines import MINA, ended, gate, plan, running, step, waits
from tests.support.written import DAY, WORD, aged, holds, keeping, telling, told

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def kept(path: Path, clock: HandClock, **policies: tuple[Plan, int | None]) -> AsyncIterator[Service]:
    """A service with these workflows, each with how long it keeps what is written."""
    async with serving(Options(database=path), clock=clock) as service:
        loaded = {
            name: SimpleNamespace(workflow=keeping(made, ms), plan=made, source="", folder=path.parent)
            for name, (made, ms) in policies.items()
        }
        await service.engine.use(loaded)
        await service.drive_all()
        yield service


async def erased(service: Service, run: Run) -> Run:
    """The run when the service has erased it by itself."""
    with anyio.fail_after(20):
        while True:
            found = await service.engine.look(run.id)
            if found is not None and found.erased_at is not None:
                return found
            service.engine.clock.advance(EVERY_MS)
            await anyio.sleep(0.01)


def looking(service: Service) -> Looking:
    engine = service.engine
    return Looking(engine.database.read, engine.content, engine.chain, engine.clock.now)


async def test_what_was_written_is_gone_from_every_file_and_the_record_still_verifies(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    made = telling()
    async with kept(path, clock, sample=(made, 90 * DAY)) as service:
        run = await told(service)
        assert run.status is RunStatus.SUCCEEDED
        assert holds(path)
        aged(path, clock.now())
        clock.advance(90 * DAY - 1)
        done = await Keeping(service.engine).erase(limit=10)
        assert done.erased == 0, "it is not time yet"
        now = await erased(service, run)
        assert (now.status, now.requester, now.seq) == (run.status, run.requester, run.seq)
        assert await service.engine.database.read(lambda tx: list(audit.verify(tx, service.engine.chain))) == []
        about = await service.engine.database.read(
            lambda tx: tx.value("SELECT about FROM heads WHERE mark = 'erased' AND run_id = ?", (run.id,))
        )
        assert json.loads(about)["why"] == "keep: content 90d"
        with anyio.fail_after(20):
            while list(Path(f"{path}.content").rglob("?" * 64)):
                await anyio.sleep(0.01)
    assert holds(path) == []


async def test_everybody_who_looks_is_told_that_it_was_erased(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    async with kept(path, clock, sample=(telling(), DAY)) as service:
        run = await told(service)
        clock.advance(DAY)
        await erased(service, run)
        look = looking(service)
        status = await look.status(Status(ref=run.name))
        assert status["inputs"] == {"topic": "(erased)", "text": "(erased)"}
        assert status["outputs"] == {"title": "(erased)", "all": "(erased)"}
        assert status["erased_at"] is not None
        assert status["steps"]["draft"]["output"] == "(erased)"
        assert status["steps"]["broken"]["error"]["code"] == "input_invalid"
        assert status["steps"]["broken"]["error"]["message"] == "(erased)"
        decision = status["steps"]["review"]["gate"]["decisions"][-1]
        assert (decision["actor"]["id"], decision["verdict"], decision["comment"]) == ("U0RAVI", "approve", "(erased)")
        assert [row["inputs"] for row in await look.runs(Runs())] == [status["inputs"]]
        entries = await look.history(History(ref=run.name))
        assert {entry["data"] for entry in entries} == {"(erased)"}
        assert "DecisionMade" in {entry["event"] for entry in entries}
        exported(path, run.name, tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        script = tmp_path / "check.py"
        script.write_bytes(archive.read("check.py"))
        page = archive.read("index.html").decode()
        assert not any(WORD.encode() in archive.read(name) for name in archive.namelist())
    assert "(erased)" in page
    assert "Its content was erased" in page
    assert subprocess.run([sys.executable, "-I", script, tmp_path / "run.zip"], check=False).returncode == 0


async def test_content_that_somebody_took_out_without_a_policy_is_found(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(step("only"))) as service:
        database, chain = service.engine.database, service.engine.chain
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        await database.write(lambda tx: tx.execute("UPDATE events SET content = NULL, salt = NULL WHERE seq > 1"))
        found = await database.read(lambda tx: list(audit.verify(tx, chain)))
        assert [one.seq for one in found] == list(range(2, run.seq + 1))
        assert "nothing on record says why" in found[0].problem


async def test_a_run_that_goes_on_and_one_that_was_erased_are_left_alone(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    async with kept(path, clock, sample=(plan(gate("review")), DAY)) as service:
        engine = service.engine
        going = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        over = (await engine.perform((await engine.start("sample", {}, actor=MINA)).run.id, Cancel(MINA, WORD))).run
        over = await ended(service, over)
        both, now = [going.id, over.id], clock.now()
        for expected in (1, 0):
            count, _ = await engine.database.write(lambda tx: erasure.erase(tx, engine.chain, both, now, MINA, "asked"))
            assert count == expected
        found = await engine.database.read(lambda tx: [runs.load(tx, one) for one in both])
        assert [one and one[0].erased_at for one in found] == [None, now]
        assert found[1][0].reason == "(erased)"
        assert await engine.database.read(lambda tx: list(audit.verify(tx, engine.chain))) == []
        refused = await engine.perform(over.id, Retry(MINA, "once more"))
        assert refused.refusal is Refusal.RUN_ERASED


async def test_what_is_erased_is_not_the_previous_run_of_the_next_one(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    made = plan(
        step("only", with_={"before": "${{ previous.outputs }}"}), outputs={"text": WORD, "was": "${{ previous }}"}
    )
    async with kept(path, clock, sample=(made, DAY)) as service:
        engine = service.engine
        first = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        clock.advance(DAY)
        await erased(service, first)
        second = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        assert second.previous is None
        assert second.steps["only"].output.value == {"before": None}


async def test_a_value_that_another_run_still_refers_to_stays(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    made = telling()
    other = replace(made, workflow="other", version="0" * 64)
    async with kept(path, clock, sample=(made, DAY), other=(other, None)) as service:
        first, second = await told(service), await told(service, "other")
        files = {file.name for file in Path(f"{path}.content").rglob("?" * 64)}
        assert second.steps["draft"].output == first.steps["draft"].output
        aged(path, clock.now())
        clock.advance(3 * DAY)
        await erased(service, first)
        keeping_house = Keeping(service.engine)
        assert await keeping_house.sweep() == 0
        assert {file.name for file in Path(f"{path}.content").rglob("?" * 64)} == files
        status = await looking(service).status(Status(ref=second.name))
        assert WORD in status["steps"]["draft"]["output"]["text"]
        await service.engine.database.write(
            lambda tx: erasure.erase(tx, service.engine.chain, [second.id], clock.now(), MINA, "asked")
        )
        assert await keeping_house.sweep() == len(files)
        assert list(Path(f"{path}.content").rglob("?" * 64)) == []


async def test_a_value_that_was_just_kept_is_not_taken_from_under_whoever_kept_it(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    async with kept(path, clock, sample=(plan(step("only")), None)) as service:
        content, now = service.engine.content, clock.now()
        content.kept(["x" * 9_000])
        aged(path, now - 2 * DAY)
        again = content.kept(["x" * 9_000])  # nobody refers to it yet
        assert await Keeping(service.engine).sweep() == 0
        assert content.value(again) == ["x" * 9_000]
        aged(path, now - 2 * DAY)
        assert await Keeping(service.engine).sweep() == 1
