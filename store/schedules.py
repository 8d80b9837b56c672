"""Schedules and their slots: which runs start by themselves, when, and what became of each time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

import orjson

from store import codec
from store.database import Reader, Writer
from store.model import Actor, Json, Millis, RunId

Overlap = Literal["skip", "queue", "allow", "cancel"]
CatchUp = Literal["none", "latest", "all"]
Outcome = Literal["waiting", "started", "skipped", "missed", "failed"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When runs of a workflow start by themselves."""

    workflow: str
    name: str
    cron: str
    timezone: str
    creator: Actor
    source: Literal["file", "person"] = "file"
    overlap: Overlap = "skip"
    catch_up: CatchUp = "latest"
    inputs: Mapping[str, Json] = field(default_factory=dict)
    origin: Mapping[str, Json] = field(default_factory=dict)
    state: Literal["active", "paused"] = "active"
    why: str = ""
    mark: Millis = 0
    next_at: Millis | None = None

    @property
    def id(self) -> str:
        return f"{self.workflow}/{self.name}"


@dataclass(frozen=True, slots=True)
class Slot:
    """What became of one time of a schedule."""

    schedule: str
    at: Millis
    outcome: Outcome
    run_id: RunId | None = None
    why: str = ""


def keep(tx: Writer, schedule: Schedule) -> None:
    tx.execute(
        "REPLACE INTO schedules (id, workflow, name, source, cron, timezone, overlap, catch_up, inputs, creator,"
        " origin, state, why, mark, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            schedule.id,
            schedule.workflow,
            schedule.name,
            schedule.source,
            schedule.cron,
            schedule.timezone,
            schedule.overlap,
            schedule.catch_up,
            orjson.dumps(schedule.inputs).decode(),
            codec.dump(schedule.creator).decode(),
            orjson.dumps(schedule.origin).decode(),
            schedule.state,
            schedule.why,
            schedule.mark,
            schedule.next_at if schedule.state == "active" else None,
        ),
    )


def of(tx: Reader, schedule_id: str) -> Schedule | None:
    row = tx.row("SELECT * FROM schedules WHERE id = ?", (schedule_id,))
    return None if row is None else _schedule(row)


def every(tx: Reader) -> list[Schedule]:
    """All of them, by workflow and name."""
    return [_schedule(row) for row in tx.rows("SELECT * FROM schedules ORDER BY workflow, name")]


def due(tx: Reader, now: Millis, limit: int) -> list[Schedule]:
    """Those with a slot whose time has come, the longest overdue first."""
    rows = tx.rows("SELECT * FROM schedules WHERE next_at <= ? ORDER BY next_at LIMIT ?", (now, limit))
    return [_schedule(row) for row in rows]


def next_at(tx: Reader) -> Millis | None:
    """When the first of them fires next."""
    at: Millis | None = tx.value("SELECT min(next_at) FROM schedules WHERE next_at IS NOT NULL")
    return at


def drop(tx: Writer, schedule_id: str) -> bool:
    """Forget a schedule; what became of its slots stays known."""
    return tx.execute("DELETE FROM schedules WHERE id = ?", (schedule_id,)).rowcount == 1


def drop_of_files(tx: Writer, but: Collection[str]) -> None:
    """Forget the schedules of files in which they no longer stand."""
    for row in tx.rows("SELECT id FROM schedules WHERE source = 'file'"):
        if row["id"] not in but:
            drop(tx, row["id"])


def note(tx: Writer, slot: Slot) -> None:
    """Put down what became of a slot; only one that waited may become something else."""
    tx.execute(
        "INSERT INTO slots (schedule, at, outcome, run_id, why) VALUES (?, ?, ?, ?, ?) ON CONFLICT (schedule, at)"
        " DO UPDATE SET outcome = excluded.outcome, run_id = excluded.run_id, why = excluded.why"
        " WHERE slots.outcome = 'waiting'",
        (slot.schedule, slot.at, slot.outcome, slot.run_id, slot.why),
    )


def waiting(tx: Reader, schedule_id: str) -> Millis | None:
    """The slot that has waited longest for its run to begin."""
    at: Millis | None = tx.value("SELECT min(at) FROM slots WHERE schedule = ? AND outcome = 'waiting'", (schedule_id,))
    return at


def known(tx: Reader, schedule_id: str, at: Millis) -> bool:
    """Whether this slot has been dealt with."""
    return tx.value("SELECT 1 FROM slots WHERE schedule = ? AND at = ?", (schedule_id, at)) is not None


def slots(tx: Reader, schedule_id: str, limit: int = 20) -> list[Slot]:
    """What became of the latest slots, newest first."""
    rows = tx.rows("SELECT * FROM slots WHERE schedule = ? ORDER BY at DESC LIMIT ?", (schedule_id, limit))
    return [Slot(row["schedule"], row["at"], row["outcome"], row["run_id"], row["why"]) for row in rows]


def _schedule(row: sqlite3.Row) -> Schedule:
    return Schedule(
        workflow=row["workflow"],
        name=row["name"],
        cron=row["cron"],
        timezone=row["timezone"],
        creator=codec.load(Actor, row["creator"]),
        source=row["source"],
        overlap=row["overlap"],
        catch_up=row["catch_up"],
        inputs=orjson.loads(row["inputs"]),
        origin=orjson.loads(row["origin"]),
        state=row["state"],
        why=row["why"],
        mark=row["mark"],
        next_at=row["next_at"],
    )
