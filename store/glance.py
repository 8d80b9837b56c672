"""Look at a database that somebody else may own: read-only, without the lock, for as long as one question takes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from store.causes import fault_of
from store.database import Reader
from store.faults import DatabaseDamaged, DatabaseTooNew, StoreFault, StoreFull
from store.migrate import newest


@contextmanager
def glance(path: Path) -> Iterator[Reader]:
    """A reader of one moment's state. Raises StoreFault when there is nothing that this program can read."""
    if not path.is_file():
        raise StoreFault(
            f"There is no database {path} yet.", "Start a run first, or name the database in POINTSMAN_DB."
        )
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as raw:
            raw.row_factory = sqlite3.Row
            for pragma in ("query_only = ON", "busy_timeout = 5000", "temp_store = MEMORY"):
                raw.execute(f"PRAGMA {pragma}")
            raw.execute("BEGIN")
            _check(raw, path)
            yield Reader(raw)
    except sqlite3.DatabaseError as error:
        raise _unreadable(error, path) from error


def schema_version(path: Path) -> int:
    """The number of the schema that the file has; 0 for an empty file. Raises StoreFault."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as raw:
            version: int = raw.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise _unreadable(error, path) from error
    return version


def damage(path: Path) -> str:
    """What SQLite's own check finds wrong with the file; empty when it is sound. StoreFault when it cannot look."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as raw:
            found: str = raw.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        fault = _unreadable(error, path)
        if isinstance(fault, DatabaseDamaged):
            return str(error)
        raise fault from error
    return "" if found == "ok" else found


def _unreadable(error: sqlite3.Error, path: Path) -> StoreFault:
    fault = fault_of(error, path)
    if isinstance(fault, DatabaseDamaged):
        return DatabaseDamaged(f"{path} is not a sound database: {error}.")
    if isinstance(fault, StoreFull):
        return fault
    return StoreFault(f"{path} cannot be read: {error}.", "Check that this user may read it.")


def _check(raw: sqlite3.Connection, path: Path) -> None:
    version: int = raw.execute("PRAGMA user_version").fetchone()[0]
    if version > newest():
        raise DatabaseTooNew(
            f"{path} was written by a newer Pointsman (schema {version}; this one knows up to {newest()})."
        )
    if version == 0:
        raise StoreFault(f"{path} holds no runs.", "Name the database in POINTSMAN_DB.")
    if version < newest():
        raise StoreFault(
            f"{path} was written by an older Pointsman (schema {version}; this one has {newest()}).",
            "Start the service once: it brings the file up to date and keeps a copy.",
        )
