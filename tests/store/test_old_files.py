"""Files that an older program wrote: brought up to date with everything in them, and carried on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from engine import audit
from engine.clock import HandClock
from engine.rules.commands import Cancel, Decide, Resume, Settle
from engine.rules.evolution import fold
from store import history, lookups, migrate, runs
from store.database import Database, opened
from store.history import Chain
from store.model import Actor, Run, RunStatus, StepStatus
from tests.support.engines import MINA, RAVI, ended, person, running, waits

pytestmark = pytest.mark.anyio

ADA = Actor("person", "U0ADA", "Ada")
LATER = 1_700_000_000_000 + 10_000


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A service of schema 3 died here: gates parked with one vote and with none, attempts and waits under way."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript((Path(__file__).parent / "old_files" / "schema_3.sql").read_text())
    return path


async def all_runs(database: Database) -> dict[str, Run]:
    found = await database.read(lambda tx: [lookups.run(tx, run_id) for run_id in runs.ids(tx)])
    return {run.name: run for run in found if run}


async def test_everything_in_it_is_kept_and_verifies(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as raw:
        tables = ("runs", "steps", "attempts", "gates", "decisions", "gate_approvers", "events", "heads", "dedupes")
        before = {table: raw.execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables}
        gates = raw.execute("SELECT id, digest, approvers, shown, expires_at FROM gates ORDER BY id").fetchall()
    async with opened(old_file, now=LATER) as database:
        assert await database.read(lambda tx: tx.value("PRAGMA user_version")) == migrate.newest()
        after = {
            table: await database.read(lambda tx, table=table: tuple(tx.row(f"SELECT count(*) FROM {table}")))
            for table in tables
        }
        assert after == before
        sql = "SELECT id, digest, approvers, shown, expires_at FROM gates ORDER BY id"
        assert [tuple(row) for row in await database.read(lambda tx: tx.rows(sql))] == gates
        assert await database.read(lambda tx: tx.rows("PRAGMA foreign_key_check")) == []
        assert await database.read(lambda tx: tx.value("PRAGMA integrity_check")) == "ok"
        assert await database.read(lambda tx: list(audit.verify(tx, Chain()))) == []
        for run in (await all_runs(database)).values():
            entries = await database.read(lambda tx, run=run: history.of(tx, run.id))
            assert fold(None, [entry.event for entry in entries if entry.event]) == run
            assert [step.n for step in run.steps.values()] == list(range(len(run.steps))), "in the order of the plan"
    assert old_file.with_name(f"{old_file.name}.before-{migrate.newest()}").exists()


async def test_those_who_were_asked_are_still_asked(old_file: Path) -> None:
    async with opened(old_file, now=LATER) as database:
        by_name = {run.id: name for name, run in (await all_runs(database)).items()}

        async def asked(user: str, *references: str) -> list[str]:
            found = await database.read(lambda tx: lookups.gates_for(tx, user, references, 10))
            return [by_name[run_id] for run_id, _ in found]

        assert await asked("U0ADA", "U0ADA") == ["R-YDH", "R-R3N"]
        assert await asked("U0RAVI", "@editors") == ["R-R3N"], "he has voted at the other"
        assert await asked("U0MINA", "@editors") == [], "both are hers"


async def test_its_runs_are_carried_on_to_their_ends(old_file: Path) -> None:
    clock = HandClock(LATER)
    async with running(old_file, clock=clock) as service:
        engine = service.engine
        found = await all_runs(engine.database)
        parked, paused, going, paying = (found[name] for name in ("R-YDH", "R-R3N", "R-PH6", "R-MYQ"))
        facts = person(ADA, "U0ADA", at=clock.now())
        await engine.perform(parked.id, Decide("review", ADA, "approve"), person=facts)
        parked = await ended(service, parked)
        assert (parked.status, parked.outputs.value) == (RunStatus.SUCCEEDED, {"text": "ink"})
        assert [one.actor.id for one in parked.steps["review"].gate.decisions] == ["U0RAVI", "U0ADA"]

        assert (await engine.perform(paused.id, Resume(MINA))).refusal is None
        for who in (RAVI, ADA):
            facts = person(who, "@editors", at=clock.now())
            await engine.perform(paused.id, Decide("review", who, "approve"), person=facts)
        assert (await ended(service, paused)).status is RunStatus.SUCCEEDED

        with anyio.fail_after(20):
            going = await engine.wait_for(going.id, lambda run: run.steps["long"].attempt == 2)
        assert going.steps["pause"].status is StepStatus.WAITING
        await engine.perform(going.id, Cancel(MINA, "long enough"))
        assert (await ended(service, going)).status is RunStatus.CANCELLED

        paying = await engine.look(paying.id)
        assert paying.steps["pay"].status is StepStatus.UNKNOWN, "nobody knows whether it was paid"
        await engine.perform(paying.id, Settle("pay", MINA, "happened"))
        assert (await ended(service, paying)).status is RunStatus.SUCCEEDED
        assert await engine.database.read(lambda tx: list(audit.verify(tx, engine.chain))) == []


async def test_a_wait_of_before_ends_when_its_time_has_come(old_file: Path) -> None:
    clock = HandClock(LATER)
    async with running(old_file, clock=clock) as service:
        going = (await all_runs(service.engine.database))["R-PH6"]
        clock.advance(24 * 3_600_000)
        with anyio.fail_after(20):
            await service.engine.wait_for(going.id, lambda run: run.steps["pause"].status is StepStatus.SUCCEEDED)
        parked = (await all_runs(service.engine.database))["R-YDH"]
        with anyio.fail_after(20):
            await service.engine.wait_for(parked.id, lambda run: run.steps["review"].gate.overdue)
        await service.engine.perform(going.id, Cancel(MINA, "enough"))
        await ended(service, going)


async def test_a_first_run_of_before_keeps_its_key(old_file: Path) -> None:
    async with running(old_file, clock=HandClock(LATER), drain_seconds=0.1) as service:
        parked = (await all_runs(service.engine.database))["R-YDH"]
        assert parked.dedupe_key == "k1"
        known = await service.engine.database.read(lambda tx: runs.by_dedupe_key(tx, "parked", "k1"))
        assert known == parked.id
        assert (await waits(service, parked)).steps["review"].gate.version == 1
