"""Others at the file, and what a commit promises: a whole batch waits its turn, and is on disk when it is answered."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store.database import Writer, opened
from store.faults import StoreFault

pytestmark = pytest.mark.anyio

FULL, NORMAL = 2, 1


def count(tx: Writer) -> int:
    """Read, and write what follows from it."""
    value = tx.value("SELECT coalesce(max(value), 0) FROM counters WHERE name = 'n'") + 1
    tx.execute(
        "INSERT INTO counters (name, value) VALUES ('n', ?) ON CONFLICT (name) DO UPDATE SET value = ?", [value] * 2
    )
    return value


async def test_nobody_else_writes_between_what_a_batch_reads_and_what_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path, now=0) as database:
        assert await database.write(count) == 1

        def disturbed(tx: Writer) -> int:
            assert tx.value("SELECT value FROM counters WHERE name = 'n'") == 1
            with (
                closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other,
                pytest.raises(sqlite3.OperationalError, match="locked"),
            ):
                other.execute("UPDATE counters SET value = 100 WHERE name = 'n'")
            return count(tx)

        assert await database.write(disturbed) == 2


async def test_a_batch_that_finds_the_file_locked_is_refused_as_a_whole_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.db"
    async with opened(path, now=0) as database:
        await database.write(count)
        await database.read(lambda tx: None)
        await database.write(lambda tx: tx.execute("PRAGMA busy_timeout = 10").fetchall())
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            looked: list[str] = []

            def late(tx: Writer) -> int:
                looked.append("before the lock was ours")
                return count(tx)

            with pytest.raises(StoreFault, match="locked") as told:
                await database.write(late)
            assert (looked, told.value.fatal) == ([], False)
            other.execute("UPDATE counters SET value = 41 WHERE name = 'n'")
            other.execute("COMMIT")
        assert await database.write(count) == 42


@pytest.mark.parametrize(("given", "expected"), [({}, FULL), ({"synchronous": "normal"}, NORMAL)])
async def test_commits_reach_the_disk_before_they_are_answered_unless_the_operator_wished_otherwise(
    tmp_path: Path, given: dict[str, str], expected: int
) -> None:
    async with opened(tmp_path / "a.db", now=0, **given) as database:
        found = await database.write(lambda tx: (tx.value("PRAGMA journal_mode"), tx.value("PRAGMA synchronous")))
        assert found == ("wal", expected)
