"""Many runs that stand at their gates, made by copying the rows of one: so many of them in a moment."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from store.database import Writer
from store.model import Run

NUMBERS = "WITH RECURSIVE copies (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ?) "
NEW_ID = "substr(t.{column}, 1, 12) || printf('%012x', c.n)"


def park(tx: Writer, run: Run, count: int, *, approvers: Iterable[str], requester: str = "U0SOMEBODY") -> None:
    """Copy a run that waits at a gate, as runs that were started by somebody else and wait for others, all longer."""
    runs = {"id": NEW_ID.format(column="id"), "name": "'R-C' || c.n", "requester_id": f"'{requester}'"}
    steps = {"run_id": NEW_ID.format(column="run_id"), "gate_id": NEW_ID.format(column="gate_id")}
    gates = {
        "id": NEW_ID.format(column="id"),
        "run_id": NEW_ID.format(column="run_id"),
        "number": "1000 + c.n",
        "approvers": f"'{orjson.dumps(list(approvers)).decode()}'",
        "opened_at": f"t.opened_at - {count} + c.n - 1",
    }
    for table, own, changes in (("runs", "id", runs), ("steps", "run_id", steps), ("gates", "run_id", gates)):
        columns = [row["name"] for row in tx.rows(f"PRAGMA table_info({table})")]
        values = ", ".join(changes.get(column, f"t.{column}") for column in columns)
        source = f"SELECT {values} FROM {table} AS t CROSS JOIN copies AS c WHERE t.{own} = ?"
        tx.execute(f"{NUMBERS}INSERT INTO {table} ({', '.join(columns)}) {source}", (count, run.id))
