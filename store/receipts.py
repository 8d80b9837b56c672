"""Receipts: what Slack delivered, on disk before it is acknowledged; carried out and answered, also after a crash."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

import orjson

from store.database import Reader, Writer
from store.model import Json, Millis


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery. `key` is the same for every copy of it."""

    key: str
    kind: str
    payload: Json
    received_at: Millis
    state: Literal["received", "performed", "answered"] = "received"
    answer: Json = None
    tries: int = 0


def put(tx: Writer, receipt: Receipt) -> bool:
    """Keep a delivery; False when a copy of it was kept before."""
    payload, answer = orjson.dumps(receipt.payload).decode(), _text(receipt.answer)
    row = (receipt.key, receipt.kind, payload, receipt.received_at, receipt.state, answer)
    sql = "INSERT OR IGNORE INTO receipts (key, kind, payload, received_at, state, answer, tries)"
    return tx.execute(f"{sql} VALUES (?, ?, ?, ?, ?, ?, 0)", row).rowcount == 1


def of(tx: Reader, key: str) -> Receipt | None:
    row = tx.row("SELECT * FROM receipts WHERE key = ?", (key,))
    return None if row is None else _receipt(row)


def open(tx: Reader, limit: int) -> list[Receipt]:
    """What is still to be carried out or answered, oldest first."""
    rows = tx.rows("SELECT * FROM receipts WHERE state <> 'answered' ORDER BY received_at LIMIT ?", (limit,))
    return [_receipt(row) for row in rows]


def performed(tx: Writer, key: str, answer: Json) -> None:
    """Note, in the commit of what it asked for, that a delivery was carried out and what is to be answered."""
    sql = "UPDATE receipts SET state = 'performed', answer = ? WHERE key = ? AND state = 'received'"
    tx.later(sql, (_text(answer), key))


def tried(tx: Writer, key: str) -> None:
    """Count one more try at answering."""
    tx.execute("UPDATE receipts SET tries = tries + 1 WHERE key = ?", (key,))


def answered(tx: Writer, key: str) -> None:
    tx.execute("UPDATE receipts SET state = 'answered' WHERE key = ?", (key,))


def prune(tx: Writer, before: Millis) -> int:
    """Forget answered deliveries that are too old to come again; gives how many."""
    return tx.execute("DELETE FROM receipts WHERE state = 'answered' AND received_at < ?", (before,)).rowcount


def _text(answer: Json) -> str | None:
    return None if answer is None else orjson.dumps(answer).decode()


def _receipt(row: sqlite3.Row) -> Receipt:
    return Receipt(
        row["key"],
        row["kind"],
        orjson.loads(row["payload"]),
        row["received_at"],
        row["state"],
        None if row["answer"] is None else orjson.loads(row["answer"]),
        row["tries"],
    )
