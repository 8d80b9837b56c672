"""Names pinned to ids, and runs that could not be shown, as rows; and an older file that learns of both."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

from engine.rules.commands import Cancel
from store import handles, outbox, unshown
from store.database import Writer, opened
from store.handles import Handle
from store.migrate import newest
from store.model import Actor, RunStatus
from store.unshown import Unshown
from tests.support.engines import ended, plan, running, step

pytestmark = pytest.mark.anyio

QUICK = plan(step("one"))
SLOW = plan(step("wait", "wait", with_={"for": "1h"}))
AT = 1_790_000_000_000


def legal(run_id: str, **changes: object) -> Unshown:
    given = {"channel": "C0LEGAL", "name": "#private-legal", "code": "channel_not_found", "bot": "flow", "since": AT}
    return Unshown(run_id, **(given | changes))  # type: ignore[arg-type]


async def started(service, workflow="sample"):
    return (await service.engine.start(workflow, {}, actor=Actor("operator", "root"))).run


async def told(database, run):
    await database.write(lambda tx: outbox.told(tx, run.id, run.seq))


async def pending(database):
    return [run_id for run_id, _ in await database.read(lambda tx: outbox.pending(tx, 10))]


async def test_a_handle_is_kept_as_it_was_and_those_of_another_workspace_are_forgotten(tmp_path: Path) -> None:
    one = Handle("@legal", "T1", "S1", "S2", "found", AT, "ada", AT + 1)
    other = Handle("@x", "T2", None, None, "absent")
    async with opened(tmp_path / "a.db", now=AT) as database:
        await database.write(lambda tx: handles.keep(tx, one, other))
        assert await database.read(handles.everything) == [one, other]
        assert await database.write(lambda tx: handles.forget_others(tx, "T1")) == 1
        assert await database.read(lambda tx: handles.of(tx, ["@x", "@legal"])) == [one]
    assert (one.moved, one.renamed) == (True, False)
    assert Handle("#a", "T1", "C1", None, "found", AT).renamed


async def test_the_first_run_of_a_workflow_tells_and_the_others_do_not(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", SLOW, drive=False) as service:
        database = service.engine.database
        first, second = await started(service), await started(service)
        noted = [await database.write(lambda tx, run=run: unshown.note(tx, legal(run.id))) for run in (first, second)]
        assert [one.tells for one in noted] == [True, False]
        again = await database.write(lambda tx: unshown.note(tx, legal(first.id, since=AT + 9, code="is_archived")))
        assert (again.tells, again.since, again.code) == (True, AT, "is_archived")
        found = await database.read(lambda tx: unshown.closed(tx, 9))
        assert {(one.code, one.run_id, count) for one, count in found} == {
            ("is_archived", first.id, 1),
            ("channel_not_found", second.id, 1),
        }


async def test_a_channel_that_opens_is_tried_again_by_runs_under_way_and_over_for_the_others(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", SLOW) as service:
        database = service.engine.database
        waiting = await started(service)
        over = await started(service)
        await service.engine.perform(over.id, Cancel(Actor("operator", "root")))
        over = await ended(service, over)
        assert over.status is RunStatus.CANCELLED
        for run in (waiting, over):
            await database.write(lambda tx, run=run: unshown.note(tx, legal(run.id)))
            await told(database, await service.engine.look(run.id))
        assert await pending(database) == []
        assert await database.write(lambda tx: unshown.reopen(tx, ["C0LEGAL", "#private-legal"])) == 1
        assert sorted(await pending(database)) == sorted([waiting.id, over.id])
        [row] = await database.read(lambda tx: unshown.of_run(tx, waiting.id))
        assert row.state == "trying"
        [row] = await database.read(lambda tx: unshown.of_run(tx, over.id))
        assert row.state == "over"


async def test_a_look_that_is_asked_for_while_one_is_under_way_is_not_lost(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", QUICK) as service:
        database = service.engine.database
        run = await ended(service, await started(service))
        [(run_id, seq, seen)] = await database.read(lambda tx: outbox.to_tell(tx, 10))

        def meanwhile(tx: Writer) -> None:
            outbox.again(tx, run.id)
            outbox.told(tx, run_id, seq, seen)

        await database.write(meanwhile)
        assert await pending(database) == [run.id]
        [(run_id, seq, seen)] = await database.read(lambda tx: outbox.to_tell(tx, 10))
        await database.write(lambda tx: outbox.told(tx, run_id, seq, seen))
        assert await pending(database) == []


async def test_a_file_of_the_first_version_is_brought_up_to_date_and_a_copy_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    raw = sqlite3.connect(path)
    raw.executescript((files("store") / "migrations" / "0001_first.sql").read_text())
    raw.execute("PRAGMA user_version = 1")
    raw.commit()
    raw.close()
    async with opened(path, now=AT) as database:
        assert await database.read(handles.everything) == []
        assert await database.read(lambda tx: tx.value("PRAGMA user_version")) == newest()
    assert Path(f"{path}.before-{newest()}").exists()
