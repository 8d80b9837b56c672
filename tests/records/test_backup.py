"""Backups: made beside a service at work, whole in themselves, and checked before they are put in place."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from engine import audit
from engine.clock import HandClock
from engine.keeping import Keeping
from store import erasure, leavings, lookups, restoring
from store.backup import ABOUT, SNAPSHOT, backed_up
from store.database import Reader, opened
from store.faults import DatabaseInUse, StoreFault
from store.history import Break, Chain
from store.restoring import BackupUnsound, DatabaseThere, restored
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.written import DAY, WORD, aged, holds, telling, told

pytestmark = pytest.mark.anyio
AT = 1_700_000_000_000


def verified(tx: Reader) -> list[Break]:
    return list(audit.verify(tx, Chain()))


async def made(folder: Path) -> Path:
    """A backup of a database with one run."""
    async with running(folder / "a.db", telling()) as service:
        await told(service)
        await anyio.to_thread.run_sync(backed_up, folder / "a.db", folder / "a.backup", AT)
    return folder / "a.backup"


async def test_a_backup_made_under_load_is_whole_and_goes_on_where_it_stood(tmp_path: Path) -> None:
    path, enough = tmp_path / "a.db", anyio.Event()
    large = plan(
        step("one", with_={"text": "${{ inputs.text }}"}),
        step("two", after=["one"], with_={"of": "${{ steps.one.output }}"}),
        inputs={"text": {"type": "string"}},
    )
    async with running(path, large) as service, anyio.create_task_group() as group:
        engine, count = service.engine, 0

        async def load(mine: int) -> None:
            nonlocal count
            while not enough.is_set():
                text = f"{mine} {count} " * 2_000
                run = (await engine.start("sample", {"text": text}, actor=MINA)).run
                await ended(service, run)
                count += 1

        for mine in range(4):
            group.start_soon(load, mine)
        found = []
        for n in range(3):
            with anyio.fail_after(20):
                while count < 5 * (n + 1):
                    await anyio.sleep(0.005)
            target = tmp_path / f"{n}.backup"
            found.append(await anyio.to_thread.run_sync(backed_up, path, target, AT))
        enough.set()
    assert [one.missing for one in found] == [(), (), ()]
    assert found[0].runs < found[1].runs < found[2].runs
    for n, about in enumerate(found):
        done = restored(tmp_path / f"{n}.backup", tmp_path / f"{n}" / "b.db", verified)
        assert (done.about, done.values) == (about, about.values)
        async with running(tmp_path / f"{n}" / "b.db", large) as service:
            rows = await service.engine.database.read(lambda tx: lookups.run_list(tx, limit=1_000))
            assert len(rows) == about.runs
            for row in rows:  # those that were under way are carried on to their end
                run = await service.engine.look(row.id)
                assert run is not None
                over = await ended(service, run)
                assert service.engine.content.value(over.steps["two"].output)["of"]["text"]


async def test_nothing_leaves_the_content_folder_while_a_backup_is_being_made(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    async with running(path, telling(), clock=clock) as service:
        engine, run = service.engine, await told(service)
        aged(path, clock.now() - 2 * DAY)
        files = set(Path(f"{path}.content").rglob("?" * 64))
        keeping = Keeping(engine)
        with leavings.nothing_leaves(engine.content.folder):
            _, free = await engine.database.write(
                lambda tx: erasure.erase(tx, engine.chain, [run.id], clock.now(), MINA, "asked")
            )
            assert {file.name for file in files} == set(free)
            assert await keeping.sweep() == 0
            assert set(Path(f"{path}.content").rglob("?" * 64)) == files
        assert await keeping.sweep() == len(files)


async def test_what_was_erased_is_in_no_free_page_of_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with running(path, telling()) as service:
        engine, run = service.engine, await told(service)
        await engine.database.write(
            lambda tx: erasure.erase(tx, engine.chain, [run.id], engine.clock.now(), MINA, "asked")
        )
        backed_up(path, tmp_path / "a.backup", AT)
    with zipfile.ZipFile(tmp_path / "a.backup") as archive:
        assert [name for name in archive.namelist() if WORD.encode() in archive.read(name)] == []
    restored(tmp_path / "a.backup", tmp_path / "b.db", verified)


async def test_a_missing_and_a_damaged_value_are_named(tmp_path: Path) -> None:
    await made(tmp_path)
    first, second, *_ = sorted(Path(f"{tmp_path / 'a.db'}.content").rglob("?" * 64))
    first.unlink()
    second.write_bytes(b"other")
    about = backed_up(tmp_path / "a.db", tmp_path / "b.backup", AT)
    assert about.missing == (first.name, second.name)


@pytest.mark.parametrize("what", ["value", "value_gone", "database", "row", "newer", "no_backup", "cut"])
async def test_a_backup_that_does_not_hold_together_is_refused_and_nothing_is_changed(
    tmp_path: Path, what: str
) -> None:
    backup = await made(tmp_path)
    with zipfile.ZipFile(backup) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    value = next(name for name in inside if name.startswith("content/"))
    match what:
        case "value":
            inside[value] += b" "
        case "value_gone":
            del inside[value]
        case "database":
            inside[SNAPSHOT] = inside[SNAPSHOT].replace(b"Ravi", b"Mina")
        case "row":
            inside[SNAPSHOT] = changed(tmp_path, inside[SNAPSHOT])
            about = json.loads(inside[ABOUT])
            inside[ABOUT] = json.dumps(about | {"database_sha256": sha(inside[SNAPSHOT])}).encode()
        case "newer":
            inside[ABOUT] = json.dumps(json.loads(inside[ABOUT]) | {"schema": 999}).encode()
        case "no_backup":
            del inside[ABOUT]
    with zipfile.ZipFile(backup, "w") as archive:
        for name, data in inside.items():
            archive.writestr(name, data)
    if what == "cut":
        backup.write_bytes(backup.read_bytes()[:-200])
    target = tmp_path / "there" / "b.db"
    with pytest.raises(BackupUnsound):
        restored(backup, target, verified)
    assert not target.exists()
    assert [file.name for file in target.parent.iterdir()] == ["b.db.lock"]


def sha(data: bytes) -> str:
    from hashlib import sha256

    return sha256(data).hexdigest()


def changed(folder: Path, data: bytes) -> bytes:
    """The database after somebody changed who decided."""
    (folder / "forged.db").write_bytes(data)
    with closing(sqlite3.connect(folder / "forged.db")) as raw:
        raw.execute("UPDATE decisions SET actor = replace(actor, 'Ravi', 'Mina')")
        raw.commit()
    return (folder / "forged.db").read_bytes()


async def test_a_database_that_is_there_is_put_aside_and_only_when_asked(tmp_path: Path) -> None:
    backup = await made(tmp_path)
    async with running(tmp_path / "b.db", plan(step("only"))) as service:
        await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        with pytest.raises(DatabaseInUse):
            restored(backup, tmp_path / "b.db", verified, force=True)
    before = (tmp_path / "b.db").read_bytes()
    with pytest.raises(DatabaseThere):
        restored(backup, tmp_path / "b.db", verified)
    assert (tmp_path / "b.db").read_bytes() == before
    for n in (1, 2):
        done = restored(backup, tmp_path / "b.db", verified, force=True)
        assert done.put_aside == tmp_path / f"b.db.replaced-{n}"
        assert done.put_aside.exists()
    assert (tmp_path / "b.db.replaced-1").read_bytes() == before
    async with opened(tmp_path / "b.db", now=0) as database:
        assert await database.read(verified) == []
        assert [row.workflow for row in await database.read(lookups.run_list)] == ["sample"]
    assert holds(tmp_path / "b.db")
    assert [file.name for file in tmp_path.glob("*restoring*")] == []


async def test_a_log_that_was_left_behind_is_not_taken_for_the_new_databases(tmp_path: Path) -> None:
    backup = await made(tmp_path)
    async with running(tmp_path / "c.db", plan(step("only"))) as service:
        await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        log = Path(f"{tmp_path / 'c.db'}-wal").read_bytes()
    Path(f"{tmp_path / 'b.db'}-wal").write_bytes(log)
    restored(backup, tmp_path / "b.db", verified)
    async with opened(tmp_path / "b.db", now=0) as database:
        assert await database.read(verified) == []
        rows = await database.read(lookups.run_list)
        assert rows[0].requester == MINA
        assert await database.read(lambda tx: tx.value("SELECT count(*) FROM decisions")) == 2


async def test_a_place_that_cannot_be_written_leaves_nothing_half_done(tmp_path: Path) -> None:
    await made(tmp_path)
    with pytest.raises(StoreFault, match="cannot be written"):
        backed_up(tmp_path / "a.db", tmp_path / "nowhere" / "b.backup", AT)
    with pytest.raises(StoreFault, match="no file"):
        restored(tmp_path / "none.backup", tmp_path / "b.db", verified)
    assert restoring.FORMAT == 1
