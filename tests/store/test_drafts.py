"""Runs that change several times in one batch: written once, rolled back with the work that changed them."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.rules.commands import Cancel, Pause, Resume
from engine.rules.evolution import fold
from store import due, history, lookups
from store.database import Writer, opened
from store.model import ENGINE, Run, RunStatus
from tests.support.engines import MINA, ended, gate, plan, running, step, waits

pytestmark = pytest.mark.anyio


async def rows_and_history_agree(service, run: Run) -> Run:
    def look(tx):
        return lookups.run(tx, run.id), [entry.event for entry in history.of(tx, run.id)]

    row, events = await service.engine.database.read(look)
    assert fold(None, events) == row
    assert await service.engine.database.read(lambda tx: list(history.verify(tx, service.engine.chain))) == []
    return row


async def test_a_run_that_changes_three_times_in_a_batch_stands_in_its_rows_as_its_history_says(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"), step("publish", after=["review"]))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        statements: list[str] = []

        def thrice(tx: Writer) -> None:
            tx._connection.set_trace_callback(statements.append)
            for command in (Pause(ENGINE, "look"), Resume(MINA), Cancel(MINA, "enough")):
                engine.change(tx, run.id, command)

        await engine.database.write(thrice)
        after = await rows_and_history_agree(service, run)
        assert after.status is RunStatus.CANCELLED
        assert len([one for one in statements if one.startswith("UPDATE runs ")]) == 1


async def test_a_change_that_is_rolled_back_leaves_the_draft_of_the_change_before_it(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)

        def poisoned(tx: Writer) -> None:
            engine.change(tx, run.id, Cancel(MINA, "half done"))
            raise LookupError

        def both(tx: Writer) -> None:
            engine.change(tx, run.id, Pause(ENGINE, "look"))
            with pytest.raises(LookupError):
                tx.apart(poisoned)
            assert engine.run_in(tx, run.id).status is RunStatus.PAUSED

        await engine.database.write(both)
        after = await rows_and_history_agree(service, run)
        assert (after.status, after.reason) == (RunStatus.PAUSED, "look")


async def test_a_run_whose_only_change_is_rolled_back_is_not_written_at_all(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)

        def poisoned(tx: Writer) -> None:
            engine.change(tx, run.id, Cancel(MINA))
            raise LookupError

        with pytest.raises(LookupError):
            await engine.database.write(poisoned)
        assert (await rows_and_history_agree(service, run)).seq == run.seq


async def test_steps_are_claimed_in_the_commit_that_made_them_ready(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(step("one"), step("two", after=["one"]))) as service:
        engine = service.engine
        changes: list[list[str]] = []
        told = engine.committed
        engine.committed = lambda run, events: (
            changes.append([type(one).__name__ for one in events]),
            told(run, events),
        )
        run = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        assert changes[0] == ["RunStarted", "StepReady", "AttemptStarted"]
        assert changes[1] == ["StepSucceeded", "StepReady", "AttemptStarted"]
        await rows_and_history_agree(service, run)


async def test_a_hundred_runs_at_once_agree_with_their_histories(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(step("one"), step("two", after=["one"]), gate("g", ["two"]))) as service:
        runs: list[Run] = []

        async def start() -> None:
            runs.append((await service.engine.start("sample", {}, actor=MINA)).run)

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(start)
        assert len({run.name for run in runs}) == 100
        for run in runs:
            await waits(service, run)
        for run in runs:
            await rows_and_history_agree(service, run)


async def test_what_is_ready_is_seen_as_it_stands_in_the_batch_and_not_as_its_rows_say(tmp_path: Path) -> None:
    many = plan(step("a"), step("b"))
    async with running(tmp_path / "a.db", many, drive=False) as service:
        engine = service.engine
        first = (await engine.start("sample", {}, actor=MINA)).run
        second = (await engine.start("sample", {}, actor=MINA)).run
        found: list[list[tuple[str, str]]] = []

        def look(tx: Writer) -> None:
            now = engine.clock.now()
            found.append(due.ready(tx, now, 10))
            engine.change(tx, first.id, Cancel(MINA))
            found.append(due.ready(tx, now, 10))
            found.append(due.ready(tx, now, 1))

        await engine.database.write(look)
        assert set(found[0]) == {(run.id, key) for run in (first, second) for key in ("a", "b")}
        assert found[1] == [(second.id, "a"), (second.id, "b")]
        assert len(found[2]) == 1


async def test_rows_that_were_put_off_by_work_that_failed_are_not_written(tmp_path: Path) -> None:
    put = "INSERT INTO counters (name, value) VALUES (?, ?)"

    def both(tx: Writer) -> None:
        tx.later(put, ("kept", 1))
        with pytest.raises(LookupError):
            tx.apart(fails)
        tx.later(put, ("kept too", 1))

    def fails(tx: Writer) -> None:
        tx.later(put, ("dropped", 1))
        tx.later("DELETE FROM counters WHERE name = ?", ("kept",))
        raise LookupError

    async with opened(tmp_path / "a.db", now=0) as database:
        await database.write(both)
        names = await database.read(lambda tx: [row[0] for row in tx.rows("SELECT name FROM counters ORDER BY name")])
    assert names == ["kept", "kept too"]
