"""Anchors: where something is shown in Slack, and what of it was last rendered."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from store.database import Reader, Writer
from store.model import Millis, RunId


@dataclass(frozen=True, slots=True)
class Anchor:
    """One message of ours. `sending` is written before the call to Slack, so that a crash in between shows."""

    key: str
    run_id: RunId
    channel: str
    thread_ts: str | None = None
    ts: str | None = None
    generation: int = 1
    state: Literal["sending", "posted", "gone"] = "sending"
    shown: str = ""  # hash of what was rendered
    seq: int = 0
    sent_at: Millis | None = None


def keep(tx: Writer, anchor: Anchor) -> None:
    tx.execute(
        "REPLACE INTO anchors (key, run_id, channel, thread_ts, ts, generation, state, shown, seq, sent_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            anchor.key,
            anchor.run_id,
            anchor.channel,
            anchor.thread_ts,
            anchor.ts,
            anchor.generation,
            anchor.state,
            anchor.shown,
            anchor.seq,
            anchor.sent_at,
        ),
    )


def forget(tx: Writer, key: str) -> None:
    """Nothing of ours stands under this key, and nothing is on its way."""
    tx.execute("DELETE FROM anchors WHERE key = ?", (key,))


def of(tx: Reader, key: str) -> Anchor | None:
    return _maybe(tx.row("SELECT * FROM anchors WHERE key = ?", (key,)))


def of_run(tx: Reader, run_id: RunId) -> list[Anchor]:
    return [_anchor(row) for row in tx.rows("SELECT * FROM anchors WHERE run_id = ? ORDER BY key", (run_id,))]


def owners(tx: Reader, beginning: str) -> list[str]:
    """Those with messages whose ids begin like this; an id that is not a run's does."""
    sql = "SELECT DISTINCT run_id FROM anchors WHERE run_id >= ? AND run_id < ? ORDER BY run_id"
    return [row[0] for row in tx.rows(sql, (beginning, f"{beginning}\U0010ffff"))]


def by_message(tx: Reader, channel: str, ts: str) -> Anchor | None:
    """What stands at this place, if it is ours."""
    return _maybe(tx.row("SELECT * FROM anchors WHERE channel = ? AND ts = ?", (channel, ts)))


def of_thread(tx: Reader, channel: str, thread_ts: str) -> RunId | None:
    """The run whose thread this is."""
    anchor = by_message(tx, channel, thread_ts)
    return anchor.run_id if anchor else None


def unfinished(tx: Reader, limit: int) -> list[Anchor]:
    """Messages of which it is not known whether Slack has them."""
    return [_anchor(row) for row in tx.rows("SELECT * FROM anchors WHERE state = 'sending' LIMIT ?", (limit,))]


def _maybe(row: sqlite3.Row | None) -> Anchor | None:
    return None if row is None else _anchor(row)


def _anchor(row: sqlite3.Row) -> Anchor:
    return Anchor(
        row["key"],
        row["run_id"],
        row["channel"],
        row["thread_ts"],
        row["ts"],
        row["generation"],
        row["state"],
        row["shown"],
        row["seq"],
        row["sent_at"],
    )
