"""Runs: load one from its rows; save what changed, with its history and its outbox row, in one go."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from store import codec, history, outbox
from store.database import Reader, Writer
from store.events import (
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    Event,
    GateOpened,
    StepCancelled,
    StepFailed,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
)
from store.model import (
    Actor,
    Content,
    Decision,
    Failure,
    Gate,
    GateState,
    Json,
    Run,
    RunId,
    RunStatus,
    Step,
    StepStatus,
)

Head = bytes


# Loading ---------------------------------------------------------------------------------------------------------


def load(tx: Reader, run_id: RunId) -> tuple[Run, Head] | None:
    """A run with its steps and gates, and the hash of its latest event."""
    row = tx.row("SELECT * FROM runs WHERE id = ?", (run_id,))
    if row is None:
        return None
    gates = _gates(tx, run_id)
    rows = tx.rows("SELECT * FROM steps WHERE run_id = ?", (run_id,))
    found = {step["key"]: _step(step, gates) for step in rows}
    order: list[str] = orjson.loads(
        tx.value("SELECT content FROM events WHERE run_id = ? AND seq = 1", (run_id,)) or b'{"steps":[]}'
    )["steps"]
    steps = {key: found[key] for key in order if key in found} | found
    return run_from_row(row, steps), bytes(row["head"])


def run_from_row(row: sqlite3.Row, steps: dict[str, Step]) -> Run:
    """The noun behind a row of `runs`."""
    return Run(
        id=row["id"],
        name=row["name"],
        workflow=row["workflow"],
        version=row["version"],
        requester=Actor(row["requester_kind"], row["requester_id"], row["requester_name"]),
        origin=orjson.loads(row["origin"]),
        inputs=codec.load(Content, row["inputs"]),
        trace_id=row["trace_id"],
        created_at=row["created_at"],
        duration_ms=row["duration_ms"],
        status=RunStatus(row["status"]),
        seq=row["seq"],
        dedupe_key=row["dedupe_key"],
        steps=steps,
        outcome=RunStatus(row["outcome"]) if row["outcome"] else None,
        outputs=_maybe(Content, row["outputs"]),
        error=_maybe(Failure, row["error"]),
        reason=row["reason"],
        warnings=bool(row["warnings"]),
        ended_at=row["ended_at"],
        active_since=row["active_since"],
        active_ms=row["active_ms"],
    )


def _step(row: sqlite3.Row, gates: dict[str, Gate]) -> Step:
    return Step(
        name=row["name"],
        item=row["item"],
        round=row["round"],
        status=StepStatus(row["status"]),
        attempt=row["attempt"],
        failures=row["failures"],
        crashes=row["crashes"],
        due_at=row["due_at"],
        ready_at=row["ready_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        output=_maybe(Content, row["output"]),
        receipt=None if row["receipt"] is None else orjson.loads(row["receipt"]),
        error=_maybe(Failure, row["error"]),
        reason=row["reason"],
        gate=gates.get(row["gate_id"]) if row["gate_id"] else None,
    )


def _gates(tx: Reader, run_id: RunId) -> dict[str, Gate]:
    rows = tx.rows("SELECT * FROM gates WHERE run_id = ?", (run_id,))
    return {row["id"]: _gate(row, _decisions(tx, row["id"])) for row in rows}


def _gate(row: sqlite3.Row, decisions: tuple[Decision, ...]) -> Gate:
    return Gate(
        id=row["id"],
        number=row["number"],
        version=row["version"],
        state=GateState(row["state"]),
        question=row["question"],
        shown=codec.load(Content, row["shown"]),
        card=None if row["card"] is None else orjson.loads(row["card"]),
        digest=row["digest"],
        approvers=tuple(orjson.loads(row["approvers"])),
        quorum=row["quorum"],
        requester_may_decide=bool(row["requester_may_decide"]),
        opened_at=row["opened_at"],
        due_at=row["due_at"],
        expires_at=row["expires_at"],
        overdue=bool(row["overdue"]),
        closed_at=row["closed_at"],
        decisions=decisions,
    )


def _decisions(tx: Reader, gate_id: str) -> tuple[Decision, ...]:
    rows = tx.rows("SELECT * FROM decisions WHERE gate_id = ? ORDER BY n", (gate_id,))
    return tuple(
        Decision(
            codec.load(Actor, row["actor"]),
            row["verdict"],
            row["at"],
            row["digest"],
            row["comment"],
            row["surface"],
            row["override"],
        )
        for row in rows
    )


def _maybe(kind: type[Any], text: str | None) -> Any:
    return None if text is None else codec.load(kind, text)


def ids(tx: Reader) -> list[RunId]:
    """Every run there is, oldest first."""
    return [row[0] for row in tx.rows("SELECT id FROM runs ORDER BY id")]


# Saving ----------------------------------------------------------------------------------------------------------

_INSERT_RUN = """
    INSERT INTO runs (id, name, workflow, version, status, seq, requester_kind, requester_id, requester_name, origin,
        inputs, trace_id, created_at, duration_ms, dedupe_key, outcome, outputs, error, reason, warnings, ended_at,
        active_since, active_ms, deadline_at, head)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
_UPDATE_RUN = """
    UPDATE runs SET status = ?, seq = ?, outcome = ?, outputs = ?, error = ?, reason = ?, warnings = ?, ended_at = ?,
        active_since = ?, active_ms = ?, deadline_at = ?, head = ?
     WHERE id = ? AND seq = ?
    """
_PUT_STEP = """
    REPLACE INTO steps (run_id, key, name, item, round, status, attempt, failures, crashes, due_at, ready_at,
        started_at, ended_at, output, receipt, error, reason, gate_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    """
_PUT_GATE = """
    INSERT INTO gates (id, number, version, run_id, key, state, question, shown, card, digest, approvers, quorum,
        requester_may_decide, opened_at, due_at, expires_at, overdue, closed_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, overdue = excluded.overdue, closed_at = excluded.closed_at
    """
_PUT_DECISION = """
    INSERT OR IGNORE INTO decisions (gate_id, n, actor, verdict, at, digest, comment, surface, override)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    """


def save(
    tx: Writer, chain: history.Chain, before: Run | None, after: Run, events: Sequence[Event], head: Head, tell: bool
) -> Head:
    """Write the run, its steps, gates and history, and say in the outbox that it changed. Gives the new head.

    `tell` is whether anybody shows runs to people: without one the outbox stays empty.
    """
    old_seq = before.seq if before else 0
    assert after.seq == old_seq + len(events), "a run's seq counts its events"
    head = chain.append(tx, after.id, old_seq, events, head)
    if before is None:
        tx.later(_INSERT_RUN, _run_row(after, head))
        chain.mark(tx, after.id, "started", after.seq, head)
    else:
        tx.later(_UPDATE_RUN, (*_run_changes(after, head), after.id, old_seq), must_hit=True)
    old = before.steps if before else {}
    for key, step in after.steps.items():
        if step is not old.get(key):
            _save_gate(tx, after.id, old.get(key), step)
            tx.later(_PUT_STEP, _step_row(after.id, step))
    _save_attempts(tx, after.id, events)
    if after.status.finished and not (before and before.status.finished):
        chain.mark(tx, after.id, "ended", after.seq, head)
    if tell:
        outbox.tell(tx, after.id, after.seq)
    return head


def _run_row(run: Run, head: Head) -> tuple[Any, ...]:
    status, seq, *rest = _run_changes(run, head)
    who = run.requester
    return (
        run.id,
        run.name,
        run.workflow,
        run.version,
        status,
        seq,
        who.kind,
        who.id,
        who.name,
        _text(run.origin),
        _text(run.inputs),
        run.trace_id,
        run.created_at,
        run.duration_ms,
        run.dedupe_key,
        *rest,
    )


def _run_changes(run: Run, head: Head) -> tuple[Any, ...]:
    return (
        run.status.value,
        run.seq,
        run.outcome.value if run.outcome else None,
        _text(run.outputs),
        _text(run.error),
        run.reason,
        int(run.warnings),
        run.ended_at,
        run.active_since,
        run.active_ms,
        run.deadline_at if run.status is RunStatus.RUNNING else None,
        head,
    )


def _step_row(run_id: RunId, step: Step) -> tuple[Any, ...]:
    return (
        run_id,
        step.key,
        step.name,
        step.item,
        step.round,
        step.status.value,
        step.attempt,
        step.failures,
        step.crashes,
        step.due_at,
        step.ready_at,
        step.started_at,
        step.ended_at,
        _text(step.output),
        _text(step.receipt),
        _text(step.error),
        step.reason,
        step.gate.id if step.gate else None,
    )


def _text(value: Json) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _save_gate(tx: Writer, run_id: RunId, old: Step | None, step: Step) -> None:
    gate = step.gate
    if gate is None or (old is not None and gate is old.gate):
        return
    tx.later(
        _PUT_GATE,
        (
            gate.id,
            gate.number,
            gate.version,
            run_id,
            step.key,
            gate.state.value,
            gate.question,
            _text(gate.shown),
            _text(gate.card),
            gate.digest,
            _text(gate.approvers),
            gate.quorum,
            int(gate.requester_may_decide),
            gate.opened_at,
            gate.due_at,
            gate.expires_at,
            int(gate.overdue),
            gate.closed_at,
        ),
    )
    for n, d in enumerate(gate.decisions):
        row = (gate.id, n, _text(d.actor), d.verdict, d.at, d.digest, d.comment, d.surface, d.override)
        tx.later(_PUT_DECISION, row)


_OUTCOMES: dict[type, str] = {
    StepSucceeded: "succeeded",
    AttemptFailed: "failed",
    AttemptInterrupted: "interrupted",
    StepFailed: "failed",
    StepUnknown: "unknown",
    StepCancelled: "cancelled",
    GateOpened: "waiting",
    StepWaiting: "waiting",
}


def _save_attempts(tx: Writer, run_id: RunId, events: Sequence[Event]) -> None:
    for event in events:
        kind = type(event)
        if kind is AttemptStarted:
            place = event.place  # type: ignore[union-attr]
            tx.later(
                "INSERT INTO attempts (run_id, key, attempt, round, epoch, started_at) VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, place.key, place.attempt, place.round, tx.epoch, event.at),
            )
        elif kind in _OUTCOMES:
            place = event.place  # type: ignore[union-attr]
            tx.later(
                "UPDATE attempts SET ended_at = ?, outcome = ?, error = ?, usage = ? "
                "WHERE run_id = ? AND key = ? AND attempt = ? AND ended_at IS NULL",
                (
                    event.at,
                    _OUTCOMES[kind],
                    _text(getattr(event, "error", None)),
                    _text(getattr(event, "usage", None)),
                    run_id,
                    place.key,
                    place.attempt,
                ),
            )


def by_dedupe_key(tx: Reader, workflow: str, key: str) -> RunId | None:
    """The run that was started with this key, even if it has been pruned since."""
    found: RunId | None = tx.value("SELECT run_id FROM dedupes WHERE workflow = ? AND key = ?", (workflow, key))
    return found


def keep_dedupe_key(tx: Writer, workflow: str, key: str, run_id: RunId) -> None:
    tx.execute("INSERT INTO dedupes (workflow, key, run_id) VALUES (?, ?, ?)", (workflow, key, run_id))
