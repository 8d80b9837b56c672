"""Runs: load one from its rows; save what changed, with its history and its outbox row, in one go."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from store import codec, draft, history
from store.database import Reader, Writer
from store.draft import Head, text
from store.events import (
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    ChildAwaited,
    DecisionMade,
    Event,
    EventAwaited,
    GateClosed,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
    StepCancelled,
    StepFailed,
    StepPolled,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
)
from store.model import (
    NO_TERMS,
    Actor,
    Content,
    Decision,
    Failure,
    Fan,
    Gate,
    GateState,
    GateTerms,
    Json,
    Kept,
    Parent,
    Review,
    Run,
    RunId,
    RunStatus,
    Signal,
    Step,
    StepKey,
    StepStatus,
)
from store.tally import counted

# Loading ---------------------------------------------------------------------------------------------------------


def load(tx: Reader, run_id: RunId) -> tuple[Run, Head] | None:
    """A run with its steps and gates, and the hash of its latest event."""
    row = tx.row("SELECT * FROM runs WHERE id = ?", (run_id,))
    if row is None:
        return None
    known = gates(tx, run_id)
    rows = tx.rows("SELECT * FROM steps WHERE run_id = ? ORDER BY n, key", (run_id,))
    return counted(run_from_row(row, {step["key"]: _step(step, known) for step in rows})), bytes(row["head"])


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
        parent=_maybe(Parent, row["parent"]),
        previous=_maybe(Content, row["previous"]),
        signals=tuple(codec.load(Signal, one) for one in _json(row["signals"]) or ()),
        usage=_json(row["usage"]) or {},
        queue=row["queue"],
        queued_at=row["queued_at"],
        winding_up=bool(row["winding_up"]),
        erased_at=row["erased_at"],
    )


def _json(text: str | None) -> Json:
    return None if text is None else orjson.loads(text)


def _step(row: sqlite3.Row, known: dict[str, Gate]) -> Step:
    more = _json(row["more"]) or {}
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
        seq=row["seq"],
        output=_maybe(Content, row["output"]),
        receipt=_json(row["receipt"]),
        error=_maybe(Failure, row["error"]),
        reason=row["reason"],
        gate=known.get(row["gate_id"]) if row["gate_id"] else None,
        n=row["n"],
        review=codec.load(Review, more["review"]) if "review" in more else None,
        memo=more.get("memo"),
        child=row["child_id"],
        event=row["event"] or "",
        fan=codec.load(Fan, more["fan"]) if "fan" in more else None,
        kept=codec.load(Kept, more["kept"]) if "kept" in more else None,
    )


def gates(tx: Reader, run_id: RunId) -> dict[str, Gate]:
    """Every gate that was ever open in a run, by its id."""
    return {gate.id: gate for _, gate in gates_of_steps(tx, run_id)}


def gates_of_steps(tx: Reader, run_id: RunId) -> list[tuple[StepKey, Gate]]:
    """Every gate that was ever open in a run, each with the step that it stands at."""
    rows = tx.rows("SELECT * FROM gates WHERE run_id = ?", (run_id,))
    return [(row["key"], _gate(row, _decisions(tx, row["id"]))) for row in rows]


def _gate(row: sqlite3.Row, decisions: tuple[Decision, ...]) -> Gate:
    return Gate(
        id=row["id"],
        number=row["number"],
        version=row["version"],
        state=GateState(row["state"]),
        question=row["question"],
        shown=codec.load(Content, row["shown"]),
        card=_json(row["card"]),
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
        terms=NO_TERMS if row["terms"] is None else codec.load(GateTerms, row["terms"]),
        reminded=row["reminded"],
        escalated=bool(row["escalated"]),
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
            row["choice"],
            tuple(orjson.loads(row["matches"])),
            _json(row["edits"]),
        )
        for row in rows
    )


def _maybe(kind: type[Any], text: str | None) -> Any:
    return None if text is None else codec.load(kind, text)


def status(tx: Reader, run_id: RunId) -> RunStatus | None:
    """How a run stands in its row; None when there is none."""
    found = tx.value("SELECT status FROM runs WHERE id = ?", (run_id,))
    return None if found is None else RunStatus(found)


def ids(tx: Reader) -> list[RunId]:
    """Every run there is, oldest first."""
    return [row[0] for row in tx.rows("SELECT id FROM runs ORDER BY id")]


# Saving ----------------------------------------------------------------------------------------------------------

_PUT_GATE = """
    INSERT INTO gates (id, number, version, run_id, key, state, question, shown, card, digest, approvers, quorum,
        requester_may_decide, opened_at, due_at, expires_at, overdue, closed_at, terms, reminded, escalated)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, overdue = excluded.overdue, closed_at = excluded.closed_at,
        shown = excluded.shown, digest = excluded.digest, approvers = excluded.approvers,
        reminded = excluded.reminded, escalated = excluded.escalated
    """
_PUT_DECISION = """
    INSERT OR IGNORE INTO decisions (gate_id, n, actor, verdict, at, digest, comment, surface, override, choice,
        matches, edits)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
        chain.mark(tx, after.id, "started", after.seq, head)
    _save_attempts_and_gates(tx, after, events)
    if after.status.finished and not (before and before.status.finished):
        chain.mark(tx, after.id, "ended", after.seq, head)
    draft.keep(tx, before, after, head, tell)
    return head


def _save_gate(tx: Writer, run_id: RunId, step: Step) -> None:
    gate = step.gate
    assert gate is not None, "an event at a gate"
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
            text(gate.shown),
            text(gate.card),
            gate.digest,
            text(gate.approvers),
            gate.quorum,
            int(gate.requester_may_decide),
            gate.opened_at,
            gate.due_at,
            gate.expires_at,
            int(gate.overdue),
            gate.closed_at,
            None if gate.terms == NO_TERMS else text(gate.terms),
            gate.reminded,
            int(gate.escalated),
        ),
    )
    for n, d in enumerate(gate.decisions):
        said = (d.verdict, d.at, d.digest, d.comment, d.surface, d.override, d.choice, text(d.matches), text(d.edits))
        tx.later(_PUT_DECISION, (gate.id, n, text(d.actor), *said))


_OUTCOMES: dict[type, str] = {
    StepSucceeded: "succeeded",
    AttemptFailed: "failed",
    AttemptInterrupted: "interrupted",
    StepFailed: "failed",
    StepUnknown: "unknown",
    StepCancelled: "cancelled",
    GateOpened: "waiting",
    StepWaiting: "waiting",
    ChildAwaited: "waiting",
    EventAwaited: "waiting",
    StepPolled: "waiting",
}
_AT_GATE = frozenset({GateOpened, GateOverdue, GateReminded, GateEscalated, GateClosed, DecisionMade})


_BEGIN = "INSERT INTO attempts (run_id, key, attempt, round, epoch, started_at, seq) VALUES (?, ?, ?, ?, ?, ?, ?)"
_END = """
    UPDATE attempts SET ended_at = ?, outcome = ?
     WHERE run_id = ? AND key = ? AND attempt = ? AND ended_at IS NULL
    """
_END_WITH_MORE = """
    UPDATE attempts SET ended_at = ?, outcome = ?, error = ?, usage = ?
     WHERE run_id = ? AND key = ? AND attempt = ? AND ended_at IS NULL
    """


def _save_attempts_and_gates(tx: Writer, run: Run, events: Sequence[Event]) -> None:
    for seq, event in enumerate(events, run.seq - len(events) + 1):
        kind = type(event)
        if kind in _AT_GATE:
            _save_gate(tx, run.id, run.steps[event.place.key])  # type: ignore[union-attr]
        if kind is AttemptStarted:
            place = event.place  # type: ignore[union-attr]
            tx.later(_BEGIN, (run.id, place.key, place.attempt, place.round, tx.epoch, event.at, seq))
        elif kind in _OUTCOMES:
            place = event.place  # type: ignore[union-attr]
            error, usage = getattr(event, "error", None), getattr(event, "usage", None)
            attempt = (run.id, place.key, place.attempt)
            if error is None and usage is None:
                tx.later(_END, (event.at, _OUTCOMES[kind], *attempt))
            else:
                tx.later(_END_WITH_MORE, (event.at, _OUTCOMES[kind], text(error), text(usage), *attempt))


def by_dedupe_key(tx: Reader, workflow: str, key: str) -> RunId | None:
    """The run that was started with this key, even if it has been pruned since."""
    found: RunId | None = tx.value("SELECT run_id FROM dedupes WHERE workflow = ? AND key = ?", (workflow, key))
    return found


def keep_dedupe_key(tx: Writer, workflow: str, key: str, run_id: RunId) -> None:
    tx.execute("INSERT INTO dedupes (workflow, key, run_id) VALUES (?, ?, ?)", (workflow, key, run_id))
