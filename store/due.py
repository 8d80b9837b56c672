"""What is due: steps that may be claimed, clocks that have something to say, and when the next one has.

Inside a batch the runs that changed in it are looked at as they stand; their rows are older than they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import TypeAlias

import orjson

from store.database import Reader, Writer
from store.draft import changed_in
from store.model import Millis, Run, RunId, RunStatus, Step, StepKey, StepStatus

InLine: TypeAlias = Callable[[Writer, RunId, Step], bool]
ALL = -1  # as a LIMIT: rows are taken one by one until there are enough

# A paused run keeps its ready steps; they are passed over here and come back with the run. What is ready in an ending
# one takes steps back, or is one of its last. CROSS JOIN keeps SQLite from beginning with the runs, of which thousands
# may be parked.
READY = """
    SELECT s.run_id, s.key, s.due_at FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.line IS NULL AND s.due_at <= ? AND r.status IN ('running', 'ending')
     ORDER BY s.due_at LIMIT ?
    """
READY_BUT_HELD = """
    SELECT s.run_id, s.key, s.due_at FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.line IS NULL AND s.due_at <= ? AND r.status IN ('running', 'ending')
       AND r.workflow NOT IN (SELECT value FROM json_each(?))
     ORDER BY s.due_at LIMIT ?
    """
READY_OF_RUN = """
    SELECT s.run_id, s.key, s.due_at FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.line IS NULL AND s.due_at <= ? AND r.status IN ('running', 'ending')
       AND s.run_id = ?
     ORDER BY s.due_at LIMIT ?
    """
WAITING = "SELECT run_id FROM steps WHERE status = 'waiting' AND due_at <= ? ORDER BY due_at LIMIT ?"
DEADLINES = "SELECT id FROM runs WHERE deadline_at IS NOT NULL AND deadline_at <= ? ORDER BY deadline_at LIMIT ?"
RUNNING = "SELECT run_id, key FROM steps WHERE status = 'running' AND attempt > 0 ORDER BY run_id"
NEXT_READY = """
    SELECT s.due_at FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.line IS NULL AND s.due_at > ? AND r.status IN ('running', 'ending')
     ORDER BY s.due_at LIMIT 1
    """
NEXT_WAITING = "SELECT min(due_at) FROM steps WHERE status = 'waiting' AND due_at > ?"
NEXT_DEADLINE = "SELECT min(deadline_at) FROM runs WHERE deadline_at IS NOT NULL AND deadline_at > ?"


def ready(
    tx: Writer,
    now: Millis,
    limit: int,
    only: Collection[RunId] | None = None,
    held: Collection[str] = (),
    in_line: InLine | None = None,
) -> list[tuple[RunId, StepKey]]:
    """Ready steps that may be claimed, longest overdue first; those of workflows that are `held` may not.

    `in_line` knows which steps of the runs that changed stand in line for an endpoint: they are not looked at here.
    """
    changed = changed_in(tx)
    found = [
        (step.due_at, run.id, key)
        for run in changed.values()
        if run.status in (RunStatus.RUNNING, RunStatus.ENDING)
        and (only is None or run.id in only)
        and run.workflow not in held
        for key, step in run.steps.items()
        if step.status is StepStatus.READY and step.due_at is not None and step.due_at <= now
        if in_line is None or not in_line(tx, run.id, step)
    ]
    if only is not None:
        rows = _of_runs(tx, now, only, held)
    elif held:
        rows = tx.each(READY_BUT_HELD, (now, orjson.dumps(sorted(held)).decode(), ALL))
    else:
        rows = tx.each(READY, (now, ALL))
    found += islice(((row[2], row[0], row[1]) for row in rows if row[0] not in changed), limit)
    found.sort(key=lambda one: one[0])
    return [(run_id, key) for _, run_id, key in found[:limit]]


def _of_runs(tx: Writer, now: Millis, only: Collection[RunId], held: Collection[str]) -> Iterator[sqlite3.Row]:
    for run_id in only:
        if not held or tx.value("SELECT workflow FROM runs WHERE id = ?", (run_id,)) not in held:
            yield from tx.each(READY_OF_RUN, (now, run_id, ALL))


def clocks(tx: Writer, now: Millis, limit: int) -> list[RunId]:
    """Runs of which a gate, a wait or the time allowed has run out."""
    changed = changed_in(tx)
    late = [run.id for run in changed.values() if _late(run, now)]
    for sql in (WAITING, DEADLINES):
        late += islice((row[0] for row in tx.each(sql, (now, ALL)) if row[0] not in changed), limit)
    return list(dict.fromkeys(late))[:limit]


def _late(run: Run, now: Millis) -> bool:
    if run.status is RunStatus.RUNNING and run.deadline_at is not None and run.deadline_at <= now:
        return True
    return any(
        step.status is StepStatus.WAITING and step.due_at is not None and step.due_at <= now
        for step in run.steps.values()
    )


def running(tx: Reader) -> list[tuple[RunId, StepKey]]:
    """Steps whose attempt is under way, or was when the last service died."""
    return [(row[0], row[1]) for row in tx.rows(RUNNING)]


def next_at(tx: Reader, now: Millis) -> Millis | None:
    """When the clock has something to say next, after this moment."""
    times = [tx.value(sql, (now,)) for sql in (NEXT_READY, NEXT_WAITING, NEXT_DEADLINE)]
    return min((at for at in times if at is not None), default=None)
