"""Connections: how one to the file is set up for who writes and for who reads, used from its thread, and closed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import aiosqlite
import anyio

from store import migrate
from store.model import Millis

T = TypeVar("T")
CACHE_KB = 8 * 1024  # of the writer; the operating system holds the rest of the file, and shares it with the readers


async def on_thread(connection: aiosqlite.Connection, do: Callable[[sqlite3.Connection], T]) -> T:
    # One hop for a whole closure; aiosqlite's public methods would hop once a statement. A contract test pins the two
    # private names.
    return await connection._execute(lambda: do(connection._conn))  # type: ignore[no-untyped-call, no-any-return]


def prepare(connection: sqlite3.Connection, path: Path, now: Millis, synchronous: str) -> int:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    for pragma in ("foreign_keys = ON", "busy_timeout = 5000", "temp_store = MEMORY", f"cache_size = -{CACHE_KB}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA secure_delete = ON")  # what is erased is to be gone from the file
    connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
    migrate.bring_up_to_date(connection, path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO meta (id, epoch, created_at) VALUES (1, 1, ?) ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1",
        (now,),
    )
    epoch: int = connection.execute("SELECT epoch FROM meta").fetchone()[0]
    connection.execute("COMMIT")
    return epoch


def prepare_reader(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    for pragma in ("query_only = ON", "busy_timeout = 5000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def read_only(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro"


async def closed(connection: aiosqlite.Connection) -> None:
    # An unclosed aiosqlite connection keeps the process from ending: its thread is no daemon.
    with anyio.CancelScope(shield=True):
        await connection.close()
