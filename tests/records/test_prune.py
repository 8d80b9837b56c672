"""Whole runs are dropped by policy; each leaves a tombstone, and whoever else takes a run out is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.looking import Looking
from bot.requests import Objection, Status, Verify
from engine import audit
from engine.clock import HandClock
from engine.keeping import Keeping
from engine.rules.commands import Cancel
from engine.service import Service
from engine.starting import NotStarted
from store import anchors, lookups, pruning, runs
from store.anchors import Anchor
from tests.support.engines import MINA, OPERATOR, ended, gate, plan, running, step, waits
from tests.support.written import DAY, aged, holds, telling, told

pytestmark = pytest.mark.anyio

TABLES = ("runs", "steps", "attempts", "gates", "decisions", "events", "outbox", "anchors", "content_uses")


async def broken(service: Service) -> list[str]:
    chain = service.engine.chain
    return [one.problem for one in await service.engine.database.read(lambda tx: list(audit.verify(tx, chain)))]


async def names(service: Service) -> list[str]:
    found = await service.engine.database.read(lambda tx: lookups.run_list(tx))
    return sorted(row.name for row in found)


async def pruned(service: Service, days: int = 180, **more: object) -> list[str]:
    done = await Keeping(service.engine).prune(days * DAY, by=OPERATOR, **more)  # type: ignore[arg-type]
    return done.pruned


async def test_an_old_run_goes_with_all_its_rows_and_leaves_a_tombstone(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    async with running(path, telling(), clock=clock) as service:
        database = service.engine.database
        run = await told(service)
        await database.write(lambda tx: anchors.keep(tx, Anchor("k", run.id, "C1")))
        aged(path, clock.now())
        clock.advance(181 * DAY)
        young = await told(service)
        aged(path, clock.now() - 2 * DAY)
        before = {
            table: await database.read(lambda tx, t=table: tx.value(f"SELECT count(*) FROM {t}")) for table in TABLES
        }
        assert await pruned(service) == [run.name]
        assert await names(service) == [young.name]
        for table in TABLES:
            left = await database.read(lambda tx, t=table: tx.value(f"SELECT count(*) FROM {t}"))
            assert left == (0 if table == "anchors" else before[table] / 2), table
        assert await broken(service) == []
        assert await database.read(lambda tx: tx.rows("PRAGMA foreign_key_check")) == []
        look = Looking(database.read, service.engine.content, service.engine.chain, clock.now)
        for ask in (look.status(Status(ref=run.name)), look.verify(Verify(ref=run.id))):
            with pytest.raises(Objection, match=f"{run.name} of sample was dropped on .*: it ended more than 180d ago"):
                await ask
        assert holds(path), "the young one is whole"
        clock.advance(200 * DAY)
        assert await pruned(service) == [young.name]
        assert list(Path(f"{path}.content").rglob("?" * 64)) == []
    assert holds(path) == []


async def test_a_run_that_was_stolen_is_not_taken_for_one_that_was_dropped(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", plan(step("only")), clock=clock) as service:
        engine = service.engine
        first = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        second = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        clock.advance(DAY)
        assert sorted(await pruned(service, 1)) == sorted([first.name, second.name])
        third = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        for table, column in (("attempts", "run_id"), ("steps", "run_id"), ("events", "run_id"), ("runs", "id")):
            sql = f"DELETE FROM {table} WHERE {column} = ?"
            await engine.database.write(lambda tx, sql=sql: tx.execute(sql, (third.id,)))
        assert set(await broken(service)) == {"this run was taken out of the file"}


async def test_a_tombstone_cannot_be_forged_or_changed(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", plan(step("only")), clock=clock, audit_key=b"key") as service:
        engine = service.engine
        await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        clock.advance(DAY)
        await pruned(service, 1)
        assert await broken(service) == []
        await engine.database.write(lambda tx: tx.execute("UPDATE heads SET about = replace(about, '1d', '9d')"))
        assert await broken(service) == ["the chain of runs was changed here"]


async def test_a_second_start_with_the_key_of_a_dropped_run_says_so(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", plan(step("only")), clock=clock) as service:
        engine = service.engine
        run = await ended(service, (await engine.start("sample", {}, actor=MINA, dedupe_key="k")).run)
        clock.advance(DAY)
        await pruned(service, 1)
        with pytest.raises(NotStarted, match=f"started before, as {run.name}, which has been dropped since"):
            await engine.start("sample", {}, actor=MINA, dedupe_key="k")
        assert await names(service) == []


async def test_a_family_goes_together_or_not_at_all(tmp_path: Path) -> None:
    clock = HandClock()
    child = plan(step("deed"), workflow="child", outputs={"made": "${{ steps.deed.output }}"})
    parent = plan(
        step("call", "workflow", spec={"call": "child"}, with_={}), gate("review", ["call"]), workflow="parent"
    )
    async with running(tmp_path / "a.db", parent, child, clock=clock) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("parent", {}, actor=MINA)).run)
        while run.steps["review"].gate is None:
            run = await engine.wait_for(run.id, lambda run: run.steps["review"].gate is not None)
        alone = await ended(service, (await engine.start("child", {}, actor=MINA)).run)
        below = run.steps["call"].output.value
        assert below == {"made": {"of": "deed"}}
        clock.advance(2 * DAY)
        assert await pruned(service, 1, workflow="child") == [alone.name], "the other one has a parent"
        assert await pruned(service, 1) == [], "the parent has not ended"
        await engine.perform(run.id, Cancel(MINA))
        await ended(service, run)
        assert await pruned(service, 1) == [], "it has ended just now"
        clock.advance(2 * DAY)
        assert len(await names(service)) == 2
        assert len(await pruned(service, 1, workflow="parent")) == 2
        assert await names(service) == []
        assert await broken(service) == []


async def test_a_look_ahead_drops_nothing_and_batches_go_on_where_they_stopped(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(
        tmp_path / "a.db", plan(step("only")), plan(gate("open"), workflow="gated"), clock=clock
    ) as service:
        engine = service.engine
        await engine.start("gated", {}, actor=MINA)
        made = []
        for _ in range(5):
            clock.advance(1)
            made.append((await ended(service, (await engine.start("sample", {}, actor=MINA)).run)).name)
        clock.advance(2 * DAY)
        keeping = Keeping(engine)
        ahead = await keeping.prune(DAY, by=OPERATOR, dry=True)
        assert (ahead.pruned, ahead.after) == (made, None)
        found, after = [], pruning.START
        for expected in (2, 2, 1):
            done = await keeping.prune(DAY, by=OPERATOR, limit=2, after=after)
            assert len(done.pruned) == expected
            found += done.pruned
            after = done.after or after
        assert (found, done.after) == (made, None)
        assert await engine.database.read(lambda tx: len(runs.ids(tx))) == 1
