"""What has not been shown yet: one row a run, which says how far the run is and how much of it has been told."""

from __future__ import annotations

from store.database import Reader, Writer
from store.model import RunId


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


def again(tx: Writer, run_id: RunId) -> None:
    """Have a run looked at again although nothing happened to it; one that is not shown to anybody stays so."""
    tx.execute("UPDATE outbox SET told = min(told, seq) - 1 WHERE run_id = ?", (run_id,))
