"""The pulse of a service: how things stand, in a few numbers that indexes hold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import orjson

from store.database import Reader
from store.model import Millis

OPEN_RUNS = "SELECT status, count(*) FROM runs WHERE ended_at IS NULL GROUP BY status"
OPEN_GATES = "SELECT count(*) FROM gates WHERE state = 'open'"
UNTOLD = "SELECT count(*) FROM outbox WHERE told < seq"
LONGEST_DUE = """
    SELECT s.due_at FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.line IS NULL AND s.due_at <= ? AND r.status IN ('running', 'ending')
       AND r.workflow NOT IN (SELECT value FROM json_each(?))
     ORDER BY s.due_at LIMIT 1
    """
EVENTS = "SELECT max(id) FROM events"


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is open, what is not yet shown, and since when something waits that could be done."""

    runs: dict[str, int]
    gates: int
    untold: int
    due_at: Millis | None
    events: int


def pulse(tx: Reader, now: Millis, held: Collection[str]) -> Pulse:
    """How things stand now; steps of workflows that are switched off (`held`) are not late."""
    return Pulse(
        runs={row[0]: row[1] for row in tx.rows(OPEN_RUNS)},
        gates=tx.value(OPEN_GATES),
        untold=tx.value(UNTOLD),
        due_at=tx.value(LONGEST_DUE, (now, orjson.dumps(sorted(held)).decode())),
        events=tx.value(EVENTS) or 0,
    )
