"""Statements that name the columns they need and no others.

Python hands a NULL or a `bytes` to SQLite at three times the cost of a text, an integer or a `bytearray`, because it
looks for an adapter first. So what is not there is left out of a row, and what did not change of an update.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from store.database import Writer


def insert_later(tx: Writer, table: str, row: Mapping[str, Any]) -> None:
    """Put off a new row; its columns without a value take their default, NULL."""
    there = {column: value for column, value in row.items() if value is not None}
    tx.later(_insert(table, tuple(there)), tuple(there.values()))


def update_later(tx: Writer, table: str, changes: Mapping[str, Any], where: Mapping[str, Any]) -> None:
    """Put off a change of exactly one row."""
    tx.later(_update(table, tuple(changes), tuple(where)), (*changes.values(), *where.values()), must_hit=True)


@cache
def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


@cache
def _update(table: str, columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    changes = ", ".join(f"{column} = ?" for column in columns)
    where = " AND ".join(f"{key} = ?" for key in keys)
    return f"UPDATE {table} SET {changes} WHERE {where}"  # noqa: S608
