"""What waits for somebody: found through an index, right however much waits for others."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.rules.commands import Cancel, Decide
from engine.service import Service
from store import lookups, migrate
from store.database import opened
from store.model import Actor, Run
from tests.support.engines import MINA, RAVI, ended, gate, person, plan, running, waits
from tests.support.parked import park

pytestmark = pytest.mark.anyio

ASKED_RAVI = plan(gate("review", approvers=("U0RAVI", "@editors"), quorum=2))


async def at_gate(service: Service, actor: Actor = MINA, workflow: str = "sample") -> Run:
    return await waits(service, (await service.engine.start(workflow, {}, actor=actor)).run)


async def found(service: Service, user: str, *references: str, limit: int = 100) -> list[str]:
    """The ids of the runs whose gates wait for somebody."""
    read = service.engine.database.read
    return [run_id for run_id, _ in await read(lambda tx: lookups.gates_for(tx, user, references, limit))]


async def vote(service: Service, run: Run, actor: Actor, *matches: str) -> None:
    who = person(actor, *matches, at=service.engine.clock.now())
    done = await service.engine.perform(run.id, Decide("review", actor, "approve"), person=who)
    assert done.refusal is None


async def test_a_gate_is_found_by_any_of_the_references_that_it_names_and_once(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", ASKED_RAVI) as service:
        run = await at_gate(service)
        assert await found(service, "U0RAVI", "U0RAVI") == [run.id]
        assert await found(service, "U0RAVI", "@editors") == [run.id]
        assert await found(service, "U0RAVI", "@editors", "U0RAVI", "@editors") == [run.id]
        assert await found(service, "U0RAVI", "@Editors", "U0OMAR", "editors") == []
        assert await found(service, "U0RAVI") == []
        assert await service.engine.database.read(lookups.asked) == ["@editors", "U0RAVI"]


async def test_a_gate_waits_for_nobody_who_has_answered_it(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", ASKED_RAVI) as service:
        run = await at_gate(service)
        await vote(service, run, RAVI, "U0RAVI")
        assert await found(service, "U0RAVI", "U0RAVI", "@editors") == []
        assert await found(service, "U0ADA", "@editors") == [run.id]


async def test_a_gate_waits_for_its_requester_only_where_requesters_may_decide(tmp_path: Path) -> None:
    own = plan(gate("review", requester_may_decide=True), workflow="own")
    async with running(tmp_path / "a.db", ASKED_RAVI, own) as service:
        await at_gate(service, RAVI)
        allowed = await at_gate(service, RAVI, "own")
        assert await found(service, "U0RAVI", "@editors", "U0RAVI") == [allowed.id]


async def test_a_gate_that_is_closed_waits_for_nobody(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", ASKED_RAVI) as service:
        approved, cancelled, still_open = [await at_gate(service) for _ in range(3)]
        await vote(service, approved, RAVI, "U0RAVI")
        await vote(service, approved, Actor("person", "U0ADA"), "@editors")
        await ended(service, approved)
        await service.engine.perform(cancelled.id, Cancel(MINA, ""))
        await ended(service, cancelled)
        assert await found(service, "U0IDA", "@editors") == [still_open.id]
        await service.engine.perform(still_open.id, Cancel(MINA, ""))
        await ended(service, still_open)
        assert await service.engine.database.read(lookups.asked) == []


async def test_among_a_hundred_thousand_parked_gates_each_finds_their_own(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", ASKED_RAVI) as service:
        run = await at_gate(service)
        database = service.engine.database
        await database.write(lambda tx: park(tx, run, 99_999, approvers=["@legal", "@all"]))
        assert await database.read(lookups.asked) == ["@all", "@editors", "@legal", "U0RAVI"]
        assert await found(service, "U0RAVI", "U0RAVI", "@editors") == [run.id]
        assert await found(service, "U0NORA", "@all", "@legal", "@nobody", limit=3) == await oldest(service, 3)
        assert len(await found(service, "U0NORA", "@legal", "@all", limit=1_000_000)) == 99_999
        assert await found(service, "U0SOMEBODY", "@legal", limit=5) == [], "who started them all may decide at none"
        first = await service.engine.look((await oldest(service, 1))[0])
        assert first is not None
        await vote(service, first, Actor("person", "U0NORA"), "@legal")
        assert await found(service, "U0NORA", "@all", "@legal", limit=1) == [(await oldest(service, 2))[1]]


async def oldest(service: Service, count: int) -> list[str]:
    sql = "SELECT run_id FROM gates ORDER BY opened_at LIMIT ?"
    return [row[0] for row in await service.engine.database.read(lambda tx: tx.rows(sql, (count,)))]


@pytest.mark.parametrize(
    ("sql", "values"), [(lookups.ASKED, ()), (lookups.GATES_FOR, ("@editors", "U1", "U1", 5))], ids=["asked", "gates"]
)
async def test_what_waits_for_somebody_is_searched_by_index_and_comes_in_order(
    tmp_path: Path, sql: str, values: tuple[object, ...]
) -> None:
    async with running(tmp_path / "a.db", ASKED_RAVI) as service:
        run = await at_gate(service)
        await service.engine.database.write(lambda tx: park(tx, run, 1_000, approvers=["@legal"]))
        await service.engine.database.write(lambda tx: tx.execute("ANALYZE"))
        rows = await service.engine.database.read(lambda tx: tx.rows(f"EXPLAIN QUERY PLAN {sql}", values))
    steps = [row["detail"] for row in rows]
    assert [step for step in steps if "gate_approvers" in step or step.startswith("SEARCH a ")], steps
    assert not [step for step in steps if "SCAN" in step and step != "SCAN asked"], steps
    assert not [step for step in steps if "TEMP B-TREE" in step], steps


async def test_a_file_of_an_older_version_learns_who_is_asked_at_its_open_gates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    async with running(path, ASKED_RAVI) as service:
        still_open, closed = await at_gate(service), await at_gate(service)
        await service.engine.perform(closed.id, Cancel(MINA, ""))
        await ended(service, closed)
    as_before_the_third(path)
    known = [one for one in migrate._migrations() if one[0] <= 3]
    monkeypatch.setattr(migrate, "_migrations", lambda: known)
    async with opened(path, now=0) as database:
        assert await database.read(lookups.asked) == ["@editors", "U0RAVI"]
        waiting = await database.read(lambda tx: lookups.gates_for(tx, "U0IDA", ["@editors"], 10))
        assert waiting == [(still_open.id, "review")]
        sql = "UPDATE gates SET state = 'approved', closed_at = 1 WHERE run_id = ?"
        await database.write(lambda tx: tx.execute(sql, (still_open.id,)))
        assert await database.read(lookups.asked) == []


def as_before_the_third(path: Path) -> None:
    """Take out of a file what the third version of the schema brought."""
    raw = sqlite3.connect(path, isolation_level=None)
    for (name,) in raw.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'gates'"
    ).fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    raw.execute("DROP TABLE gate_approvers")
    raw.execute("PRAGMA user_version = 2")
    raw.close()
