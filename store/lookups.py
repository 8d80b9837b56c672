"""Read-only views: one run by any of its names, lists of runs, open gates, attempts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import merge
from typing import Any

import orjson

from store import codec, runs
from store.database import Reader
from store.model import Actor, Content, Failure, Json, Millis, Run, RunId, RunStatus, Step, StepKey


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as a line in a list."""

    id: RunId
    name: str
    workflow: str
    version: str
    number: int
    status: RunStatus
    requester: Actor
    started_at: Millis
    ended_at: Millis | None
    error: Failure | None
    reason: str
    trace_id: str
    seq: int
    inputs: Content
    outputs: Content | None
    origin: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try at a step, as evidence."""

    key: StepKey
    attempt: int
    round: int
    epoch: int
    started_at: Millis
    ended_at: Millis | None
    outcome: str | None
    error: Failure | None
    usage: Json


def run_id(tx: Reader, ref: str) -> RunId | None:
    """The id behind an id or a short name, whatever its case."""
    wanted = ref.strip()
    found: RunId | None = tx.value("SELECT id FROM runs WHERE id = ?", (wanted.lower(),))
    return found or tx.value("SELECT id FROM runs WHERE name = ?", (wanted.upper(),))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that waits for something to happen outside."""

    run_id: RunId
    key: StepKey
    name: str
    version: str  # of the plan that its run follows


def awaiting(tx: Reader, event: str) -> list[Waiting]:
    """The steps of all runs that wait for an event of this name, those of one run in its order."""
    sql = (
        "SELECT s.run_id, s.key, s.name, r.version FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id"
        " WHERE s.status = 'waiting' AND s.event = ? ORDER BY s.run_id, s.n"
    )
    return [Waiting(*row) for row in tx.rows(sql, (event,))]


def run(tx: Reader, ref: str) -> Run | None:
    """A run by its id or its short name."""
    found = run_id(tx, ref)
    loaded = None if found is None else runs.load(tx, found)
    return None if loaded is None else loaded[0]


_LIST = """
    SELECT r.*, d.number FROM runs AS r JOIN definitions AS d ON d.version = r.version
    """


def run_list(
    tx: Reader,
    *,
    status: str | None = None,
    workflow: str | None = None,
    by: str | None = None,
    since: Millis | None = None,
    unfinished: bool = False,
    limit: int = 50,
) -> list[RunRow]:
    """Runs that match all of it, newest first."""
    where: list[str] = ["r.ended_at IS NULL"] if unfinished else []
    values: list[Any] = []
    for clause, value in (
        ("r.status = ?", status),
        ("r.workflow = ?", workflow),
        ("r.requester_id = ?", by),
        ("r.created_at >= ?", since),
    ):
        if value is not None:
            where.append(clause)
            values.append(value)
    condition = f"WHERE {' AND '.join(where)} " if where else ""
    rows = tx.rows(f"{_LIST} {condition}ORDER BY r.created_at DESC, r.id DESC LIMIT ?", (*values, limit))
    return [_row(row) for row in rows]


def latest_run(tx: Reader, requester: str) -> RunId | None:
    """The run that this person started last."""
    found: RunId | None = tx.value(
        "SELECT id FROM runs WHERE requester_id = ? ORDER BY created_at DESC LIMIT 1", (requester,)
    )
    return found


def gate(tx: Reader, ref: str) -> tuple[Run, Step] | None:
    """The run and step of a gate, by its opaque id or by its name (G-41, the newest version)."""
    wanted = ref.strip()
    row = tx.row("SELECT run_id, key FROM gates WHERE id = ?", (wanted,))
    if row is None and wanted[:2].upper() == "G-" and wanted[2:].isdigit():
        number = int(wanted[2:])
        if number < 2**63:
            sql = "SELECT run_id, key FROM gates WHERE number = ? ORDER BY version DESC LIMIT 1"
            row = tx.row(sql, (number,))
    if row is None:
        return None
    loaded = runs.load(tx, row["run_id"])
    return None if loaded is None else (loaded[0], loaded[0].steps[row["key"]])


ASKED = """
    WITH RECURSIVE asked (reference) AS (
        SELECT min(reference) FROM gate_approvers
        UNION ALL
        SELECT (SELECT min(a.reference) FROM gate_approvers AS a WHERE a.reference > asked.reference) FROM asked
         WHERE asked.reference IS NOT NULL)
    SELECT reference FROM asked WHERE reference IS NOT NULL
    """
# CROSS JOIN keeps the order of the tables as written, and so the gates in the order in which they opened.
GATES_FOR = """
    SELECT a.opened_at, a.gate_id, g.run_id, g.key
      FROM gate_approvers AS a CROSS JOIN gates AS g ON g.id = a.gate_id CROSS JOIN runs AS r ON r.id = g.run_id
     WHERE a.reference = ? AND (g.requester_may_decide = 1 OR r.requester_id <> ?)
       AND NOT EXISTS (SELECT 1 FROM decisions AS d WHERE d.gate_id = g.id AND json_extract(d.actor, '$.id') = ?)
     ORDER BY a.opened_at, a.gate_id LIMIT ?
    """


def asked(tx: Reader) -> list[str]:
    """Everyone who is asked at an open gate, each reference once, as it was written."""
    # From one reference to the next in the index: a thousand gates of the same people are one step.
    return [row[0] for row in tx.rows(ASKED)]


def gates_for(tx: Reader, user: str, references: Iterable[str], limit: int) -> list[tuple[RunId, StepKey]]:
    """The open gates at which an answer by this person would count, who is meant by these references.

    The longest waiting come first. Gates of the person's own runs are left out where requesters may not decide, and
    gates that have the person's answer already.
    """
    lists = [tx.rows(GATES_FOR, (reference, user, user, limit)) for reference in dict.fromkeys(references)]
    found = {row["gate_id"]: (row["run_id"], row["key"]) for row in merge(*lists, key=_age)}
    return list(found.values())[:limit]


def _age(row: sqlite3.Row) -> tuple[Millis, str]:
    return row["opened_at"], row["gate_id"]


def attempts(tx: Reader, run_id: RunId) -> list[AttemptRow]:
    """Every try of a run, in the order in which they began: that of the record, not of the clock."""
    rows = tx.rows("SELECT * FROM attempts WHERE run_id = ? ORDER BY seq, key, attempt", (run_id,))
    return [
        AttemptRow(
            row["key"],
            row["attempt"],
            row["round"],
            row["epoch"],
            row["started_at"],
            row["ended_at"],
            row["outcome"],
            None if row["error"] is None else codec.load(Failure, row["error"]),
            None if row["usage"] is None else orjson.loads(row["usage"]),
        )
        for row in rows
    ]


def counts(tx: Reader) -> dict[str, int]:
    """How many unfinished runs there are of each status, and how many gates are open."""
    found = {
        row[0]: row[1] for row in tx.rows("SELECT status, count(*) FROM runs WHERE ended_at IS NULL GROUP BY status")
    }
    return found | {"gates": tx.value("SELECT count(*) FROM gates WHERE state = 'open'")}


def _row(row: sqlite3.Row) -> RunRow:
    return RunRow(
        row["id"],
        row["name"],
        row["workflow"],
        row["version"],
        row["number"],
        RunStatus(row["status"]),
        Actor(row["requester_kind"], row["requester_id"], row["requester_name"]),
        row["created_at"],
        row["ended_at"],
        None if row["error"] is None else codec.load(Failure, row["error"]),
        row["reason"],
        row["trace_id"],
        row["seq"],
        codec.load(Content, row["inputs"]),
        None if row["outputs"] is None else codec.load(Content, row["outputs"]),
        orjson.loads(row["origin"]),
    )


def open_in_queue(tx: Reader, workflow: str, queue: str) -> list[tuple[RunId, str, RunStatus, Millis]]:
    """Runs of a workflow that have not ended and are counted together: id, name, status, and since when they are."""
    rows = tx.rows(OPEN_IN_QUEUE, (workflow, queue))
    return [(row["id"], row["name"], RunStatus(row["status"]), row["since"]) for row in rows]


def queues(tx: Reader) -> list[tuple[str, str]]:
    """Where runs wait for their turn: workflow and queue."""
    return [(row[0], row[1]) for row in tx.rows("SELECT DISTINCT workflow, queue FROM runs WHERE status = 'queued'")]


def started_since(tx: Reader, workflow: str, since: Millis, limit: int) -> dict[RunId, Millis]:
    """The latest runs of a workflow that were started after this moment, and when."""
    return {row["id"]: row["created_at"] for row in tx.rows(STARTED_SINCE, (workflow, since, limit))}


def last_outputs(tx: Reader, workflow: str) -> Content | None:
    """What the last run of a workflow that went well gave."""
    text = tx.value(LAST_OUTPUTS, (workflow,))
    return None if text is None else codec.load(Content, text)


def names(tx: Reader, ids: Iterable[RunId]) -> dict[RunId, str]:
    """The short names of these runs."""
    wanted = orjson.dumps(list(ids)).decode()
    return {row["id"]: row["name"] for row in tx.rows(NAMES, (wanted,))}


@dataclass(frozen=True, slots=True)
class RunInShort:
    """A run as others speak of it."""

    name: str
    workflow: str
    status: RunStatus
    asks: bool = False  # it goes on only after a decision
    unknown: bool = False  # nobody knows whether a step of it took effect


def in_short(tx: Reader, ids: Iterable[RunId]) -> dict[RunId, RunInShort]:
    """The short names of these runs, of which workflow they are, and how they stand."""
    wanted = orjson.dumps(list(ids)).decode()
    return {
        row["id"]: RunInShort(
            row["name"], row["workflow"], RunStatus(row["status"]), bool(row["asks"]), bool(row["unknown"])
        )
        for row in tx.rows(IN_SHORT, (wanted,))
    }


def family(tx: Reader, run_id: RunId) -> frozenset[RunId]:
    """A run and all that its steps started, and theirs."""
    return frozenset(row[0] for row in tx.rows(FAMILY, (run_id,)))


OPEN_IN_QUEUE = """
    SELECT id, name, status, coalesce(queued_at, created_at) AS since FROM runs
     WHERE workflow = ? AND queue = ? AND ended_at IS NULL ORDER BY created_at
    """
STARTED_SINCE = """
    SELECT id, created_at FROM runs WHERE workflow = ? AND created_at > ? ORDER BY created_at DESC LIMIT ?
    """
LAST_OUTPUTS = """
    SELECT outputs FROM runs WHERE workflow = ? AND status = 'succeeded' AND outputs IS NOT NULL AND erased_at IS NULL
     ORDER BY created_at DESC LIMIT 1
    """
NAMES = "SELECT id, name FROM runs WHERE id IN (SELECT value FROM json_each(?))"
IN_SHORT = """
    SELECT id, name, workflow, status,
           status = 'running' AND active_since IS NULL
               AND EXISTS (SELECT 1 FROM gates WHERE run_id = runs.id AND state = 'open') AS asks,
           status = 'running' AND active_since IS NULL
               AND EXISTS (SELECT 1 FROM steps WHERE run_id = runs.id AND status = 'unknown') AS unknown
      FROM runs WHERE id IN (SELECT value FROM json_each(?))
    """
FAMILY = """
    WITH RECURSIVE family (id) AS (
        VALUES (?) UNION SELECT runs.id FROM runs JOIN family ON runs.parent_id = family.id
    )
    SELECT id FROM family
    """
