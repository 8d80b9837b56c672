"""Erasing what was written in a run that has ended: its content goes, that it happened stays on record.

Each event keeps its header and the hash of its content, so the chain still verifies; the chain of heads says when it
was erased, by whom and why. What is kept of a person is who acted, when, and what they decided: not what they wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from store import codec, uses
from store.database import Reader, Writer
from store.draft import changed_in
from store.history import Chain
from store.model import Actor, Json, Millis, RunId

ERASED = "(erased)"
_DUE = """
    SELECT r.id FROM runs AS r INDEXED BY runs_to_erase
     WHERE r.workflow = ? AND r.ended_at IS NOT NULL AND r.erased_at IS NULL AND r.ended_at <= ?
       AND NOT EXISTS (SELECT 1 FROM runs AS p WHERE p.id = r.parent_id AND p.ended_at IS NULL)
     ORDER BY r.ended_at LIMIT ?
    """
_NEXT = """
    SELECT min(ended_at) FROM runs INDEXED BY runs_to_erase
     WHERE workflow = ? AND ended_at IS NOT NULL AND erased_at IS NULL AND ended_at > ?
    """


def due(tx: Reader, workflow: str, ended_by: Millis, limit: int) -> list[RunId]:
    """Runs of a workflow that ended by then and still hold what was written in them, the oldest first.

    One whose parent has not ended waits for it: its outputs may still be asked for.
    """
    return [row[0] for row in tx.rows(_DUE, (workflow, ended_by, limit))]


def next_end(tx: Reader, workflow: str, after: Millis) -> Millis | None:
    """When the first of those ended that are not due yet."""
    at: Millis | None = tx.value(_NEXT, (workflow, after))
    return at


def policies(tx: Reader) -> dict[str, int]:
    """For each current workflow that says so: how long after its end a run keeps what was written in it, in ms."""
    sql = "SELECT name, json_extract(card, '$.keep_content_ms') FROM workflows WHERE json_extract(card, ?) IS NOT NULL"
    return {row[0]: row[1] for row in tx.rows(sql, ("$.keep_content_ms",))}


def erase(tx: Writer, chain: Chain, ids: Iterable[RunId], now: Millis, by: Actor, why: str) -> tuple[int, list[str]]:
    """Erase the content of these runs. Gives how many, and the hashes of large values that are of no more use.

    Passed over are runs that go on or go on again, and those that were erased before.
    """
    erased, free = 0, []
    for run_id in ids:
        row = tx.row("SELECT seq, head, created_at, ended_at, erased_at FROM runs WHERE id = ?", (run_id,))
        if row is None or row["ended_at"] is None or row["erased_at"] is not None or run_id in changed_in(tx):
            continue
        about = orjson.dumps({"at": now, "by": codec.plain(by), "why": why}).decode()
        chain.mark(tx, run_id, "erased", row["seq"], bytes(row["head"]), about)
        tx.execute("UPDATE events SET content = NULL, salt = NULL WHERE run_id = ?", (run_id,))
        _run(tx, run_id, now)
        _steps(tx, run_id)
        _gates(tx, run_id)
        # Answers of models are remembered for whoever asks the same; which run asked is not known, but when.
        tx.execute("DELETE FROM model_answers WHERE at BETWEEN ? AND ?", (row["created_at"], row["ended_at"]))
        free += uses.drop(tx, run_id)
        erased += 1
    return erased, uses.unused(tx, dict.fromkeys(free))


def _run(tx: Writer, run_id: RunId, now: Millis) -> None:
    row = tx.row("SELECT version, inputs, outputs, previous, error, reason FROM runs WHERE id = ?", (run_id,))
    assert row is not None, "it was looked at a moment ago"
    plan = orjson.loads(tx.value("SELECT plan FROM definitions WHERE version = ?", (row["version"],)))
    outputs = plan.get("outputs")
    tx.execute(
        "UPDATE runs SET inputs = ?, outputs = ?, previous = ?, error = ?, reason = ?, signals = NULL, erased_at = ?"
        " WHERE id = ?",
        (
            _content(row["inputs"], plan.get("inputs") or {}),
            _content(row["outputs"], outputs if isinstance(outputs, dict) else None),
            _content(row["previous"]),
            _failure(row["error"]),
            _words(row["reason"]),
            now,
            run_id,
        ),
    )


def _steps(tx: Writer, run_id: RunId) -> None:
    for row in tx.rows("SELECT key, output, error, reason, more FROM steps WHERE run_id = ?", (run_id,)):
        tx.execute(
            "UPDATE steps SET output = ?, receipt = NULL, error = ?, reason = ?, more = ? WHERE run_id = ? AND key = ?",
            (
                _content(row["output"]),
                _failure(row["error"]),
                _words(row["reason"]),
                _more(row["more"]),
                run_id,
                row["key"],
            ),
        )
    for row in tx.rows("SELECT key, attempt, error FROM attempts WHERE run_id = ? AND error IS NOT NULL", (run_id,)):
        sql = "UPDATE attempts SET error = ? WHERE run_id = ? AND key = ? AND attempt = ?"
        tx.execute(sql, (_failure(row["error"]), run_id, row["key"], row["attempt"]))


def _gates(tx: Writer, run_id: RunId) -> None:
    for row in tx.rows("SELECT id, question, shown FROM gates WHERE run_id = ?", (run_id,)):
        sql = "UPDATE gates SET question = ?, shown = ?, card = NULL WHERE id = ?"
        tx.execute(sql, (_words(row["question"]), _content(row["shown"]), row["id"]))
    for row in tx.rows(
        "SELECT d.gate_id, d.n, d.comment, d.override, d.edits FROM decisions AS d JOIN gates AS g ON g.id = d.gate_id"
        " WHERE g.run_id = ?",
        (run_id,),
    ):
        tx.execute(
            "UPDATE decisions SET comment = ?, override = ?, edits = ? WHERE gate_id = ? AND n = ?",
            (_words(row["comment"]), _words(row["override"]), _edits(row["edits"]), row["gate_id"], row["n"]),
        )


def _words(text: str) -> str:
    """That something was said, not what."""
    return ERASED if text else ""


def _content(text: str | None, names: Iterable[str] | None = None) -> str | None:
    """A value of which nothing is left but, where its names are the author's, these."""
    if text is None:
        return None
    blank = ERASED if names is None else dict.fromkeys(names, ERASED)
    return orjson.dumps({"value": blank, "hash": None, "size": 0}).decode()


def _failure(text: str | None) -> str | None:
    """Which error it was; its words may quote anything."""
    if text is None:
        return None
    kept: Mapping[str, Any] = orjson.loads(text)
    return orjson.dumps({**kept, "message": ERASED, "hint": "", "detail": None}).decode()


def _edits(text: str | None) -> str | None:
    """Which fields were edited."""
    if text is None:
        return None
    edits: Json = orjson.loads(text)
    return orjson.dumps({name: [ERASED, ERASED] for name in edits}).decode() if isinstance(edits, dict) else None


def _more(text: str | None) -> str | None:
    """A review without its words, a list without its elements; nothing of what a poll needed to go on."""
    if text is None:
        return None
    more: dict[str, Any] = orjson.loads(text)
    kept: dict[str, Any] = {}
    if "review" in more:
        previous = {"value": ERASED, "hash": None, "size": 0}
        kept["review"] = {**more["review"], "comment": _words(more["review"]["comment"]), "previous": previous}
    if "fan" in more:
        kept["fan"] = {**more["fan"], "list": {"value": [], "hash": None, "size": 0}}
    if type(more.get("memo")) is int:  # which element of the list an item is
        kept["memo"] = more["memo"]
    return orjson.dumps(kept).decode() if kept else None
