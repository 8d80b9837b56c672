"""The one writer: batches, savepoints, cancellation, faults."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from store.database import Writer, opened
from store.faults import DatabaseClosed, DatabaseDamaged, DatabaseInUse, DatabaseTooNew, Fenced, StoreFault, StoreFull
from store.migrate import newest

pytestmark = pytest.mark.anyio


def put(key: str, value: int = 1):
    def do(tx: Writer) -> int:
        tx.execute("INSERT INTO counters (name, value) VALUES (?, ?)", (key, value))
        return value

    return do


def keys(tx) -> list[str]:
    return [row[0] for row in tx.rows("SELECT name FROM counters ORDER BY name")]


async def test_what_waits_together_shares_one_commit(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        await database.write(put("first"))
        before = database.commits
        async with anyio.create_task_group() as group:
            for n in range(200):
                group.start_soon(database.write, put(f"k{n}"))
        assert database.commits - before <= 3
        assert len(await database.read(keys)) == 201


async def test_a_piece_of_work_that_fails_is_rolled_back_alone(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        outcomes: dict[str, object] = {}

        async def attempt(name: str, do) -> None:
            try:
                outcomes[name] = await database.write(do)
            except Exception as error:
                outcomes[name] = type(error)

        def poison(tx: Writer) -> None:
            put("half done")(tx)
            raise LookupError

        async with anyio.create_task_group() as group:
            group.start_soon(attempt, "good", put("good"))
            group.start_soon(attempt, "poison", poison)
            group.start_soon(attempt, "twice", put("good"))
            group.start_soon(attempt, "also good", put("also good"))
        assert outcomes == {"good": 1, "poison": LookupError, "twice": sqlite3.IntegrityError, "also good": 1}
        assert await database.read(keys) == ["also good", "good"]


async def test_cancelling_a_caller_at_any_moment_leaves_the_writer_sound(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        for delay in range(40):
            with anyio.move_on_after(delay * 0.0001):
                await database.write(put(f"cancelled {delay}"))
            await database.write(put(f"after {delay}"))
        assert {f"after {delay}" for delay in range(40)} <= set(await database.read(keys))


async def test_a_caller_cancelled_before_its_batch_began_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await database.write(put("never"))
        assert await database.read(keys) == []


async def test_nobody_is_answered_before_the_commit(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        await database.write(put("answered"))
        other = sqlite3.connect(f"file:{tmp_path / 'a.db'}?mode=ro", uri=True)
        try:
            assert other.execute("SELECT count(*) FROM counters").fetchone() == (1,)
        finally:
            other.close()


async def test_who_looks_sees_one_moment_however_often_they_look(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        await database.write(put("before"))
        looked, written = threading.Event(), threading.Event()

        def twice(tx) -> tuple[list[str], list[str]]:
            first = keys(tx)
            looked.set()
            assert written.wait(10)
            return first, keys(tx)

        async def write() -> None:
            await anyio.to_thread.run_sync(looked.wait, 10)
            await database.write(put("meanwhile"))
            written.set()

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            first, second = await database.read(twice)
        assert first == second == ["before"]
        assert await database.read(keys) == ["before", "meanwhile"]


async def test_effects_start_after_the_commit_and_only_for_work_that_was_kept(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        done: list[str] = []

        def good(tx: Writer) -> None:
            tx.after_commit(lambda: done.append("good"))

        def bad(tx: Writer) -> None:
            tx.after_commit(lambda: done.append("bad"))
            raise LookupError

        await database.write(good)
        with pytest.raises(LookupError):
            await database.write(bad)
        assert done == ["good"]


async def test_a_full_disk_refuses_the_batch_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        pages = await database.write(lambda tx: tx.value("PRAGMA page_count"))
        await database.write(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        with pytest.raises(StoreFull) as full:
            await database.write(put("x" * 200_000))
        assert "Free space" in full.value.hint
        await database.write(lambda tx: tx.execute("PRAGMA max_page_count = 1000000").fetchall())
        await database.write(put("y"))
        assert await database.read(keys) == ["y"]


async def test_a_second_owner_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0):
        with pytest.raises(DatabaseInUse, match=str(os.getpid())):
            async with opened(tmp_path / "a.db", now=0):
                pass


async def test_the_lock_falls_with_its_process(tmp_path: Path) -> None:
    code = (
        "import anyio, os, pathlib, sys\n"
        "from store.database import opened\n"
        "async def main():\n"
        "    async with opened(pathlib.Path(sys.argv[1]), now=0): os._exit(9)\n"
        "anyio.run(main)\n"
    )
    path = tmp_path / "a.db"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    async with opened(path, now=0) as database:
        assert database.epoch == 2


async def test_a_service_that_lost_the_file_cannot_commit(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        await database.write(lambda tx: tx.execute("UPDATE meta SET epoch = epoch + 1"))
        with pytest.raises(Fenced):
            await database.write(put("stale"))
        assert await database.read(keys) == []
        await database.failed.wait()


async def test_a_file_from_the_future_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, now=0):
        pass
    raw = sqlite3.connect(path)
    raw.execute(f"PRAGMA user_version = {newest() + 1}")
    raw.close()
    with pytest.raises(DatabaseTooNew, match="newer"):
        async with opened(path, now=0):
            pass


async def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is a letter, not a database" * 200)
    with pytest.raises(DatabaseDamaged):
        async with opened(path, now=0):
            pass
    assert path.read_bytes().startswith(b"this is a letter")


async def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE guests (name TEXT)")
    raw.close()
    with pytest.raises(StoreFault, match="another program"):
        async with opened(path, now=0):
            pass


async def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFault, match="cannot be opened"):
        async with opened(tmp_path / "file" / "a.db", now=0):
            pass


async def test_closing_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    async with opened(tmp_path / "a.db", now=0) as database:
        await database.write(put("a"))
        await database.read(keys)
    with pytest.raises(DatabaseClosed):
        await database.write(put("b"))
    with anyio.fail_after(20):
        while threading.active_count() > before:  # a closed connection's thread ends a moment later
            await anyio.sleep(0.001)


async def test_a_cancelled_scope_around_everything_still_closes_the_file(tmp_path: Path) -> None:
    with anyio.CancelScope() as scope:
        async with opened(tmp_path / "a.db", now=0) as database, anyio.create_task_group() as group:
            for n in range(50):
                group.start_soon(database.write, put(f"k{n}"))
            with anyio.fail_after(20):
                while len(await database.read(keys)) < 50:
                    await anyio.sleep(0.001)
            group.start_soon(database.write, put("late"))
            scope.cancel()
    async with opened(tmp_path / "a.db", now=0) as database:
        assert set(await database.read(keys)) - {"late"} == {f"k{n}" for n in range(50)}


async def test_aiosqlite_still_has_the_two_names_the_writer_uses(tmp_path: Path) -> None:
    import aiosqlite

    async with aiosqlite.connect(tmp_path / "a.db") as connection:
        assert isinstance(connection._conn, sqlite3.Connection)
        assert await connection._execute(lambda: threading.get_ident()) != threading.get_ident()


async def test_the_file_and_what_stands_beside_it_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        async with opened(tmp_path / "a.db", now=0) as database:
            await database.write(put("a"))
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"a.db", "a.db-wal", "a.db.lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}
