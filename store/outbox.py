"""What has not been shown yet: one row a run, which says how far the run is and how much of it has been told."""

from __future__ import annotations

from store.database import Reader, Writer
from store.model import RunId

LINE_MAX = 50
IN_LINE = """
    SELECT id FROM runs WHERE workflow = ? AND queue = ? AND ended_at IS NULL AND status = 'queued'
     ORDER BY created_at LIMIT ?
    """
KIN = """
    SELECT parent_id FROM runs WHERE id = ? AND parent_id IS NOT NULL
     UNION ALL SELECT id FROM (SELECT id FROM runs WHERE parent_id = ? LIMIT ?)
    """
OPEN = "SELECT id FROM runs WHERE workflow = ? AND ended_at IS NULL ORDER BY created_at DESC LIMIT ?"
FAILED = "SELECT id FROM runs WHERE workflow = ? AND status = 'failed' ORDER BY created_at DESC LIMIT ?"


def tell(tx: Writer, run_id: RunId, seq: int) -> None:
    """Note that the run is now at `seq`."""
    tx.later(
        "INSERT INTO outbox (run_id, seq, told) VALUES (?, ?, 0) ON CONFLICT (run_id) DO UPDATE SET seq = excluded.seq",
        (run_id, seq),
    )


def pending(tx: Reader, limit: int) -> list[tuple[RunId, int]]:
    """Runs of which something is still to be shown, and how far they are."""
    rows = tx.rows("SELECT run_id, seq FROM outbox WHERE told < seq ORDER BY run_id LIMIT ?", (limit,))
    return [(row[0], row[1]) for row in rows]


def to_tell(tx: Reader, limit: int) -> list[tuple[RunId, int, int]]:
    """The same runs, with how much of each was told by then."""
    rows = tx.rows("SELECT run_id, seq, told FROM outbox WHERE told < seq ORDER BY run_id LIMIT ?", (limit,))
    return [(row[0], row[1], row[2]) for row in rows]


def told(tx: Writer, run_id: RunId, seq: int, seen: int | None = None) -> None:
    """Note that everything up to `seq` has been shown; a late word changes nothing.

    With `seen`, only while no more and no less was told than at the look: who asked meanwhile for another look gets it.
    """
    tx.execute(
        "UPDATE outbox SET told = :seq WHERE run_id = :run_id AND told < :seq AND told = coalesce(:seen, told)",
        {"seq": seq, "run_id": run_id, "seen": seen},
    )


def again_in_line(tx: Writer, workflow: str, queue: str) -> None:
    """Have the runs looked at again that wait for their turn: the first of them, as people ask how far they are."""
    tx.execute(f"UPDATE outbox SET told = min(told, seq) - 1 WHERE run_id IN ({IN_LINE})", (workflow, queue, LINE_MAX))  # noqa: S608


def again_around(tx: Writer, run_id: RunId) -> None:
    """Have those runs looked at again that link to this one: its kin, and who waits for its end."""
    for kin in tx.rows(KIN, (run_id, run_id, LINE_MAX)):
        again(tx, kin[0])
    row = tx.row("SELECT workflow, queue FROM runs WHERE id = ? AND status <> 'queued' AND ended_at IS NULL", (run_id,))
    if row is not None:
        again_in_line(tx, row["workflow"], row["queue"])


def again_failed(tx: Writer, workflow: str) -> None:
    """Have the latest failed runs of a workflow looked at again: there is more that may be done about them."""
    tx.execute(f"UPDATE outbox SET told = min(told, seq) - 1 WHERE run_id IN ({FAILED})", (workflow, LINE_MAX))  # noqa: S608


def again_open(tx: Writer, workflow: str) -> None:
    """Have the runs of a workflow looked at again that have not ended: the latest of them."""
    for row in tx.rows(OPEN, (workflow, LINE_MAX)):
        again(tx, row[0])


def again(tx: Writer, run_id: RunId) -> None:
    """Have a run looked at again although nothing happened to it; one that is not shown to anybody stays so."""
    tx.execute("UPDATE outbox SET told = min(told, seq) - 1 WHERE run_id = ?", (run_id,))
