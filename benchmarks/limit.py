"""The limit: the smallest honest SQLite loops for the same work.

One connection on one thread, WAL, the same sync setting. Every promise is kept and nothing else is done: an attempt is
on disk before its step, a result together with the attempt of the step that follows, and each change with its line of
history. What is compared with it makes hashes, checks rules, answers callers and tells people besides.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter

from benchmarks.place import Synchronous

SCHEMA = """
    CREATE TABLE runs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL);
    CREATE TABLE attempts (run INTEGER, step INTEGER, number INTEGER, result TEXT, PRIMARY KEY (run, step, number))
        WITHOUT ROWID;
    CREATE TABLE history (id INTEGER PRIMARY KEY, run INTEGER, seq INTEGER, data BLOB, UNIQUE (run, seq));
    """
RESULT = '{"n":42,"text":"what one computed"}'
LINE = b'{"actor":"engine","at":1700000000000,"kind":"StepSucceeded","step":"one","value":{"n":42,"text":"computed"}}'
STEPS = 3


@contextmanager
def opened(path: Path, synchronous: Synchronous) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute(f"PRAGMA synchronous = {synchronous}")
        raw.executescript(SCHEMA)
        yield raw


def w3_seconds(path: Path, runs: int, group: int, synchronous: Synchronous) -> float:
    """How long runs of three steps take, so many transitions to a commit; first each run's start, then first steps…"""
    transitions = [(run, n) for n in range(STEPS + 1) for run in range(1, runs + 1)]
    with opened(path, synchronous) as raw:
        began = perf_counter()
        for start in range(0, len(transitions), group):
            raw.execute("BEGIN IMMEDIATE")
            for run, n in transitions[start : start + group]:
                _transition(raw, run, n)
            raw.execute("COMMIT")
        return perf_counter() - began


def w3_idle_ms(path: Path, runs: int, synchronous: Synchronous) -> list[float]:
    """How long each run takes when it is alone: four commits."""
    taken = []
    with opened(path, synchronous) as raw:
        for run in range(1, runs + 1):
            began = perf_counter()
            for n in range(STEPS + 1):
                raw.execute("BEGIN IMMEDIATE")
                _transition(raw, run, n)
                raw.execute("COMMIT")
            taken.append((perf_counter() - began) * 1_000)
    return taken


def decision_ms(path: Path, decisions: int, synchronous: Synchronous) -> list[float]:
    """How long one commit takes that holds a decision and the attempt of the step after it."""
    taken = []
    with opened(path, synchronous) as raw:
        raw.execute("BEGIN IMMEDIATE")
        for run in range(1, decisions + 1):
            _transition(raw, run, 0)
        raw.execute("COMMIT")
        for run in range(1, decisions + 1):
            began = perf_counter()
            raw.execute("BEGIN IMMEDIATE")
            _transition(raw, run, 1)
            raw.execute("COMMIT")
            taken.append((perf_counter() - began) * 1_000)
    return taken


def fanout_ms(path: Path, fanouts: int, width: int, synchronous: Synchronous) -> list[float]:
    """Three commits: all attempts, all results with the join's attempt, the end."""
    taken = []
    with opened(path, synchronous) as raw:
        for run in range(1, fanouts + 1):
            began = perf_counter()
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("INSERT INTO runs VALUES (?, ?, 'running')", (run, f"R-{run}"))
            for step in range(width):
                _attempt(raw, run, step, 2 * step)
            raw.execute("COMMIT")
            raw.execute("BEGIN IMMEDIATE")
            for step in range(width):
                _result(raw, run, step, 2 * step + 1)
            _attempt(raw, run, width, 2 * width)
            raw.execute("COMMIT")
            raw.execute("BEGIN IMMEDIATE")
            _result(raw, run, width, 2 * width + 1)
            raw.execute("UPDATE runs SET state = 'succeeded' WHERE id = ?", (run,))
            raw.execute("COMMIT")
            taken.append((perf_counter() - began) * 1_000)
    return taken


def park(raw: sqlite3.Connection, runs: int) -> None:
    """Runs whose first step waits."""
    for start in range(1, runs + 1, 200):
        raw.execute("BEGIN IMMEDIATE")
        for run in range(start, min(start + 200, runs + 1)):
            _transition(raw, run, 0)
        raw.execute("COMMIT")


def decide(raw: sqlite3.Connection, run: int) -> None:
    """A decision, and the attempt of the next step."""
    raw.execute("BEGIN IMMEDIATE")
    _transition(raw, run, 1)
    raw.execute("COMMIT")


def size(path: Path) -> int:
    """Bytes of the file when its log has been folded in."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def _transition(raw: sqlite3.Connection, run: int, n: int) -> None:
    """The n-th change of a run: 0 starts it, each other one ends step n; all but the last begin the next step."""
    if n == 0:
        raw.execute("INSERT INTO runs VALUES (?, ?, 'running')", (run, f"R-{run}"))
    else:
        _result(raw, run, n, 2 * n)
    if n < STEPS:
        _attempt(raw, run, n + 1, 2 * n + 1)
    else:
        raw.execute("UPDATE runs SET state = 'succeeded' WHERE id = ?", (run,))


def _attempt(raw: sqlite3.Connection, run: int, step: int, seq: int) -> None:
    raw.execute("INSERT INTO attempts VALUES (?, ?, 1, NULL)", (run, step))
    raw.execute("INSERT INTO history (run, seq, data) VALUES (?, ?, ?)", (run, seq, LINE))


def _result(raw: sqlite3.Connection, run: int, step: int, seq: int) -> None:
    raw.execute("UPDATE attempts SET result = ? WHERE run = ? AND step = ? AND number = 1", (RESULT, run, step))
    raw.execute("INSERT INTO history (run, seq, data) VALUES (?, ?, ?)", (run, seq, LINE))
