"""Bring a file up to date: numbered SQL files, each applied whole together with its number, or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from store.faults import DatabaseTooNew, StoreFault


def newest() -> int:
    """The version of the schema that this program knows."""
    return max(number for number, _, _ in _migrations())


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Apply what is missing. An older file is copied to `<file>.before-N` first; a newer one is refused."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > newest():
        raise DatabaseTooNew(
            f"{path} was written by a newer Pointsman (schema {version}; this one knows up to {newest()})."
        )
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise StoreFault(f"{path} is a database of another program.", "Name another file in POINTSMAN_DB.")
    if 0 < version < newest():
        connection.execute("VACUUM INTO ?", (f"{path}.before-{newest()}",))
    for number, _, script in _migrations():
        if number > version:
            _apply(connection, number, script)


def _apply(connection: sqlite3.Connection, number: int, script: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _migrations() -> list[tuple[int, str, str]]:
    folder = files("store") / "migrations"
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted((int(file.name[:4]), file.name, file.read_text()) for file in found)


def _statements(script: str) -> Iterator[str]:
    """Cut a script into statements. Not `executescript`: that would commit the transaction it stands in."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if any(line.strip() and not line.strip().startswith("--") for line in statement.splitlines()):
        raise ValueError(f"a migration ends in the middle of a statement: {statement.strip()[:80]}")
