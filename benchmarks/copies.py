"""Copies: a large population made from real rows by SQL, much faster than it could be lived through.

Every row that belongs to a run is copied under a new id. The copies' rows are what the engine would have written, save
that their hashes still speak of the original: a copied file is for looking and for weighing, not for an audit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from store.names import run_name

TABLES = ("runs", "steps", "attempts", "gates", "decisions", "events", "heads", "outbox")
IDS = ("runs.id", "steps.run_id", "attempts.run_id", "gates.run_id", "events.run_id", "heads.run_id", "outbox.run_id")
GATE_IDS = ("gates.id", "steps.gate_id", "decisions.gate_id")
COPIES = """
    CREATE TEMP TABLE copies AS
        WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT n FROM c
    """
# The last eight characters of an id give way to the number of the copy; what is before them differs between originals.
NEW_ID = "substr(t.{column}, 1, length(t.{column}) - 8) || printf('%08x', c.n)"


def multiply(path: Path, times: int) -> int:
    """Make so many of each run in a file that nobody has open. Gives how many runs there are then."""
    assert times >= 1
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.create_function("short_name", 1, run_name, deterministic=True)
        for pragma in (
            "synchronous = OFF",
            "foreign_keys = OFF",
            "cache_size = -262144",
            "wal_autocheckpoint = 100000",
        ):
            raw.execute(f"PRAGMA {pragma}")
        runs: int = raw.execute("SELECT count(*) FROM runs").fetchone()[0]
        gates: int = raw.execute("SELECT coalesce(max(number), 0) FROM gates").fetchone()[0]
        raw.execute("CREATE TEMP TABLE originals AS SELECT id, row_number() OVER (ORDER BY id) AS n FROM runs")
        raw.execute(COPIES, (times - 1,))
        changes = _changes(runs, gates)
        if times > 1:
            for table in TABLES:
                raw.execute(_copy(raw, table, changes))
            raw.execute("UPDATE counters SET value = value * ?", (times,))
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return runs * times


def _changes(runs: int, gates: int) -> Mapping[str, str]:
    """What differs in a copy: SQL by table and column. `t` is the original's row, `c.n` the number of the copy."""
    new = {name: NEW_ID.format(column=name.split(".")[1]) for name in (*IDS, *GATE_IDS)}
    return new | {
        "runs.name": f"short_name(c.n * {runs} + o.n)",
        "gates.number": f"t.number + c.n * {gates}",
    }


def _copy(raw: sqlite3.Connection, table: str, changes: Mapping[str, str]) -> str:
    info = raw.execute(f"PRAGMA table_info({table})").fetchall()
    numbered = [row[1] for row in info if row[5] and row[2] == "INTEGER" and sum(bool(r[5]) for r in info) == 1]
    columns = [row[1] for row in info if row[1] not in numbered]  # SQLite numbers those rows by itself
    values = ", ".join(changes.get(f"{table}.{column}", f"t.{column}") for column in columns)
    originals = "JOIN originals AS o ON o.id = t.id " if table == "runs" else ""
    source = f"{table} AS t {originals}CROSS JOIN copies AS c"
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {source}"
