"""Dropping whole runs that ended long ago. A tombstone stays: in the chain of heads, and for who asks by name.

A run goes together with all that its steps started and theirs, or not at all. Dedupe keys stay taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from store import codec, uses
from store.database import Reader, Writer
from store.draft import changed_in
from store.history import Chain
from store.model import Actor, Millis, RunId

# Roots in the order in which they were started: whatever ended by then was started by then.
_ROOTS = """
    SELECT r.id, r.created_at FROM runs AS r
     WHERE r.ended_at IS NOT NULL AND r.ended_at <= :by AND r.created_at <= :by AND (r.created_at, r.id) > (:at, :after)
       AND (:workflow IS NULL OR r.workflow = :workflow)
       AND NOT EXISTS (SELECT 1 FROM runs AS p WHERE p.id = r.parent_id)
     ORDER BY r.created_at, r.id LIMIT :limit
    """
_FAMILY = """
    WITH RECURSIVE family (id) AS (
        VALUES (:root) UNION SELECT runs.id FROM runs JOIN family ON runs.parent_id = family.id
    )
    SELECT r.id, r.name, r.workflow, r.seq, r.head, r.ended_at FROM runs AS r JOIN family USING (id)
     ORDER BY r.id <> :root, r.id
    """
_OF_RUN = (
    "DELETE FROM decisions WHERE gate_id IN (SELECT id FROM gates WHERE run_id = ?)",
    *(
        f"DELETE FROM {table} WHERE run_id = ?"  # noqa: S608 - names of our own tables
        for table in ("gates", "steps", "attempts", "acts", "events", "outbox", "anchors", "unshown", "mail", "slots")
    ),
    "DELETE FROM endpoint_uses WHERE run_id = ?",
    "DELETE FROM runs WHERE id = ?",
)
Cursor = tuple[Millis, RunId]
START: Cursor = (-1, "")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a run that was dropped."""

    run_id: RunId
    name: str
    workflow: str
    at: Millis
    why: str


def roots(
    tx: Reader, ended_by: Millis, workflow: str | None, after: Cursor, limit: int
) -> tuple[list[list[RunId]], Cursor | None]:
    """The next families that may go as a whole, each with its root first, and where to look on; None at the end."""
    given = {"by": ended_by, "workflow": workflow, "at": after[0], "after": after[1], "limit": limit}
    found = tx.rows(_ROOTS, given)
    families = [tx.rows(_FAMILY, {"root": row["id"]}) for row in found]
    whole = [[one["id"] for one in rows] for rows in families if all(_over(one["ended_at"], ended_by) for one in rows)]
    return whole, (found[-1]["created_at"], found[-1]["id"]) if len(found) == limit else None


def _over(ended_at: Millis | None, ended_by: Millis) -> bool:
    return ended_at is not None and ended_at <= ended_by


def prune(
    tx: Writer, chain: Chain, root: RunId, ended_by: Millis, now: Millis, by: Actor, why: str
) -> tuple[list[str], list[str]]:
    """Drop a run with all below it. Gives their names, and the hashes of large values that are of no more use.

    Nothing is done when one of them goes on after all.
    """
    rows = tx.rows(_FAMILY, {"root": root})
    changed = changed_in(tx)
    if not rows or any(row["id"] in changed or not _over(row["ended_at"], ended_by) for row in rows):
        return [], []
    free: list[str] = []
    for row in rows:
        about = {"at": now, "by": codec.plain(by), "why": why, "name": row["name"], "workflow": row["workflow"]}
        chain.mark(tx, row["id"], "pruned", row["seq"], bytes(row["head"]), orjson.dumps(about).decode())
        tx.execute(
            "INSERT INTO tombstones (run_id, name, workflow, at, why) VALUES (?, ?, ?, ?, ?)",
            (row["id"], row["name"], row["workflow"], now, why),
        )
        free += uses.drop(tx, row["id"])
        for statement in _OF_RUN:
            tx.execute(statement, (row["id"],))
    return [row["name"] for row in rows], uses.unused(tx, dict.fromkeys(free))


def tombstone(tx: Reader, ref: str) -> Tombstone | None:
    """What is left of the run of this id or name."""
    sql = "SELECT run_id, name, workflow, at, why FROM tombstones WHERE run_id = ? OR name = ?"
    row = tx.row(sql, (ref.strip().lower(), ref.strip().upper()))
    return None if row is None else Tombstone(*row)


def names(tx: Reader, ids: Iterable[RunId]) -> list[str]:
    """The short names of these runs."""
    return [tx.value("SELECT name FROM runs WHERE id = ?", (run_id,)) for run_id in ids]
