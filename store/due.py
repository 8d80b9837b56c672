"""What is due: steps that may be claimed, clocks that have something to say, and when the next one has."""

from __future__ import annotations

from store.database import Reader
from store.model import Millis, RunId, StepKey

# A paused or ending run keeps its ready steps; they are passed over here and come back with the run. CROSS JOIN keeps
# SQLite from beginning with the runs, of which thousands may be parked.
READY = """
    SELECT s.run_id, s.key FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.due_at <= ? AND r.status = 'running'
     ORDER BY s.due_at LIMIT ?
    """
READY_OF_RUN = """
    SELECT s.run_id, s.key FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.due_at <= ? AND r.status = 'running' AND s.run_id = ?
     ORDER BY s.due_at LIMIT ?
    """
WAITING = "SELECT run_id FROM steps WHERE status = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT ?"
DEADLINES = "SELECT id FROM runs WHERE deadline_at IS NOT NULL AND deadline_at <= ? ORDER BY deadline_at LIMIT ?"
RUNNING = "SELECT run_id, key FROM steps WHERE status = 'running' ORDER BY run_id"
NEXT_READY = """
    SELECT s.due_at FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.due_at > ? AND r.status = 'running'
     ORDER BY s.due_at LIMIT 1
    """
NEXT_WAITING = "SELECT min(due_at) FROM steps WHERE status = 'waiting' AND due_at > ?"
NEXT_DEADLINE = "SELECT min(deadline_at) FROM runs WHERE deadline_at IS NOT NULL AND deadline_at > ?"


def ready(tx: Reader, now: Millis, limit: int, only: RunId | None = None) -> list[tuple[RunId, StepKey]]:
    """Ready steps that may be claimed, longest overdue first."""
    rows = tx.rows(READY, (now, limit)) if only is None else tx.rows(READY_OF_RUN, (now, only, limit))
    return [(row[0], row[1]) for row in rows]


def clocks(tx: Reader, now: Millis, limit: int) -> list[RunId]:
    """Runs of which a gate, a wait or the time allowed has run out."""
    rows = [*tx.rows(WAITING, (now, limit)), *tx.rows(DEADLINES, (now, limit))]
    return list(dict.fromkeys(row[0] for row in rows))


def running(tx: Reader) -> list[tuple[RunId, StepKey]]:
    """Steps whose attempt is under way, or was when the last service died."""
    return [(row[0], row[1]) for row in tx.rows(RUNNING)]


def next_at(tx: Reader, now: Millis) -> Millis | None:
    """When the clock has something to say next, after this moment."""
    times = [tx.value(sql, (now,)) for sql in (NEXT_READY, NEXT_WAITING, NEXT_DEADLINE)]
    return min((at for at in times if at is not None), default=None)
