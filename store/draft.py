"""The draft of a run: how it stands in this batch, and which columns of its rows are to be written for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from store import outbox
from store.database import Writer
from store.model import Json, Run, RunId, RunStatus, Step, StepStatus
from store.statements import insert_later, update_later

Head = bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A run that changed. Its own row and its steps' are written once, however often they changed."""

    in_rows: Run | None  # what the rows say
    run: Run
    head: Head
    tell: bool

    def write(self, tx: Writer) -> None:
        before, after = self.in_rows, self.run
        if before is None:
            insert_later(tx, "runs", _run_row(after, self.head))
            for step in after.steps.values():
                insert_later(tx, "steps", _step_row(after.id, step))
        else:
            where = {"id": after.id, "seq": before.seq}
            update_later(tx, "runs", _run_changes(before, after, self.head), where)
            for key, step in after.steps.items():
                self._write_step(tx, before.steps.get(key), step)
        if self.tell:
            outbox.tell(tx, after.id, after.seq)

    def _write_step(self, tx: Writer, before: Step | None, after: Step) -> None:
        if before is None:
            insert_later(tx, "steps", _step_row(self.run.id, after))
        elif after is not before:
            where = {"run_id": self.run.id, "key": after.key}
            changes = _step_changes(before, after)
            if changes:
                update_later(tx, "steps", changes, where)


def keep(tx: Writer, before: Run | None, after: Run, head: Head, tell: bool) -> None:
    """Let the run stand so until the batch ends, which writes it."""
    draft = tx.drafts.get(after.id)
    in_rows = draft.in_rows if isinstance(draft, Draft) else before
    tx.draft(after.id, Draft(in_rows, after, head, tell))


def standing(tx: Writer, run_id: RunId) -> tuple[Run, Head] | None:
    """A run as it stands in this batch, and its head, when it has changed in it."""
    draft = tx.drafts.get(run_id)
    return (draft.run, draft.head) if isinstance(draft, Draft) else None


def changed_in(tx: Writer) -> dict[RunId, Run]:
    """The runs that changed in this batch: their rows are older than they are."""
    return {draft.run.id: draft.run for draft in tx.drafts.values() if type(draft) is Draft}


def text(value: Json) -> str | None:
    """A value as a column holds it: JSON, or NULL for none."""
    return None if value is None else orjson.dumps(value).decode()


# Which column holds which field, and how -------------------------------------------------------------------------

Columns = Mapping[str, tuple[str, Callable[[Any], Any]]]


def _same(value: Any) -> Any:
    return value


def _unless_empty(value: Json) -> str | None:
    return text(value) if value else None


def _word(value: RunStatus | StepStatus | None) -> str | None:
    return None if value is None else value.value


_RUN: Columns = {
    "status": ("status", _word),
    "outcome": ("outcome", _word),
    "outputs": ("outputs", text),
    "error": ("error", text),
    "reason": ("reason", _same),
    "warnings": ("warnings", int),
    "ended_at": ("ended_at", _same),
    "active_since": ("active_since", _same),
    "active_ms": ("active_ms", _same),
    "version": ("version", _same),
    "queue": ("queue", _same),
    "queued_at": ("queued_at", _same),
    "inputs": ("inputs", text),
    "duration_ms": ("duration_ms", _same),
    "signals": ("signals", _unless_empty),
    "usage": ("usage", _unless_empty),
    "winding_up": ("winding_up", int),
}
_STEP: Columns = {
    **{name: (name, _same) for name in ("round", "attempt", "failures", "crashes", "reason")},
    **{name: (name, _same) for name in ("n", "due_at", "ready_at", "started_at", "ended_at", "seq")},
    **{name: (name, text) for name in ("output", "receipt", "error")},
    "status": ("status", _word),
    "gate": ("gate_id", lambda gate: None if gate is None else gate.id),
    "child": ("child_id", _same),
    "event": ("event", lambda event: event or None),
}
_MORE = ("review", "memo", "fan", "kept")  # what few steps have; together in one column
_DEADLINE = frozenset({"status", "active_since", "active_ms"})  # what the deadline is reckoned from


def _changes(before: Run | Step, after: Run | Step, columns: Columns) -> dict[str, Any]:
    old, new, changes = before.__dict__, after.__dict__, {}
    for name, (column, written) in columns.items():
        value = new[name]
        if value is not old[name]:
            changes[column] = written(value)
    return changes


def _run_changes(before: Run, after: Run, head: Head) -> dict[str, Any]:
    changes = _changes(before, after, _RUN)
    if not _DEADLINE.isdisjoint(changes):
        changes["deadline_at"] = _deadline(after)
    return {**changes, "seq": after.seq, "head": bytearray(head)}


def _run_row(run: Run, head: Head) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "workflow": run.workflow,
        "seq": run.seq,
        "requester_kind": run.requester.kind,
        "requester_id": run.requester.id,
        "requester_name": run.requester.name,
        "origin": text(run.origin),
        "trace_id": run.trace_id,
        "created_at": run.created_at,
        "dedupe_key": run.dedupe_key,
        "parent_id": run.parent.run_id if run.parent else None,
        "parent": text(run.parent),
        "previous": text(run.previous),
        **_columns(run, _RUN),
        "deadline_at": _deadline(run),
        "head": bytearray(head),
    }


def _deadline(run: Run) -> int | None:
    return run.deadline_at if run.status is RunStatus.RUNNING else None


def _step_row(run_id: RunId, step: Step) -> dict[str, Any]:
    place = {"run_id": run_id, "key": step.key, "name": step.name, "item": step.item}
    return {**place, **_columns(step, _STEP), "more": _more(step)}


def _step_changes(before: Step, after: Step) -> dict[str, Any]:
    changes = _changes(before, after, _STEP)
    if any(after.__dict__[name] is not before.__dict__[name] for name in _MORE):
        changes["more"] = _more(after)
    return changes


def _more(step: Step) -> str | None:
    return _unless_empty({name: value for name in _MORE if (value := step.__dict__[name]) is not None})


def _columns(noun: Run | Step, columns: Columns) -> dict[str, Any]:
    values = noun.__dict__
    return {column: written(values[name]) for name, (column, written) in columns.items()}
