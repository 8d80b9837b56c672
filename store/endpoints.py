"""Endpoints: what is known of those that are down or limited, their latest uses, and the steps that stand in line."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import orjson

from store.database import Reader, Writer
from store.draft import changed_in
from store.model import Millis, RunId, Step, StepKey, StepStatus


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt uses an endpoint."""

    run_id: RunId
    key: StepKey
    attempt: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an endpoint has behaved lately. One that nothing is known of has always answered."""

    name: str  # "model writer", "host cms.example.com"
    failures: int = 0  # one after the other, up to the latest answer
    held_until: Millis | None = None  # from then on one step may try it
    held_since: Millis | None = None
    holds: int = 0  # how often it was tried in vain since then
    code: str = ""
    message: str = ""
    probe: Attempt | None = None  # the step that tries it
    up_at: Millis | None = None  # when it answered again

    @property
    def held(self) -> bool:
        return self.held_until is not None


@dataclass(frozen=True, slots=True)
class Notice:
    """What people have to be told of an endpoint, once: that it is down, or that it is up again."""

    endpoint: Endpoint
    down: bool
    waiting: int  # steps that stand in line for it


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a limited endpoint; `tokens` is None until it has answered."""

    at: Millis
    tokens: int | None


IN_LINE = """
    SELECT s.run_id, s.key FROM steps AS s CROSS JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.line = ? AND r.status IN ('running', 'ending') ORDER BY s.due_at
    """

PLACES = """
    SELECT s.key, s.line, (SELECT count(*) FROM steps AS o
                            WHERE o.status = 'ready' AND o.line = s.line AND o.due_at < s.due_at) AS before
      FROM steps AS s WHERE s.run_id = ? AND s.status = 'ready' AND s.line IS NOT NULL ORDER BY s.due_at LIMIT ?
    """
WORKFLOWS_WAITING = """
    SELECT DISTINCT r.workflow FROM steps AS s JOIN runs AS r ON r.id = s.run_id
     WHERE s.status = 'ready' AND s.line = ? ORDER BY r.workflow
    """
LINES = "SELECT DISTINCT line FROM steps WHERE status = 'ready' AND line IS NOT NULL"
WAITING = "SELECT count(*) FROM steps WHERE status = 'ready' AND line = ?"
USES = "SELECT at, tokens FROM endpoint_uses WHERE name = ? AND at > ? ORDER BY at DESC"
USES_OF = "SELECT name, at FROM endpoint_uses WHERE run_id = ? AND key = ? AND attempt = ? AND open = 1"
OPEN = "SELECT run_id, key, attempt FROM endpoint_uses WHERE name = ? AND open = 1"


# How it is ---------------------------------------------------------------------------------------------------------


def find(tx: Reader, name: str) -> Endpoint:
    row = tx.row("SELECT * FROM endpoints WHERE name = ?", (name,))
    return Endpoint(name) if row is None else _endpoint(row)


def troubled(tx: Reader) -> dict[str, Endpoint]:
    """Those that failed the last time they were asked."""
    rows = tx.rows("SELECT * FROM endpoints WHERE failures > 0 OR held_until IS NOT NULL ORDER BY name")
    return {row["name"]: _endpoint(row) for row in rows}


def held(tx: Reader) -> list[tuple[Endpoint, int]]:
    """Those that are held, longest first, each with how many steps stand in line for it."""
    rows = tx.rows("SELECT * FROM endpoints WHERE held_until IS NOT NULL ORDER BY held_since, name")
    return [(_endpoint(row), waiting(tx, row["name"])) for row in rows]


def keep(tx: Writer, one: Endpoint) -> None:
    probe = None if one.probe is None else orjson.dumps(one.probe).decode()
    values = (one.failures, one.held_until, one.held_since, one.holds, one.code, one.message, probe, one.up_at)
    tx.execute(
        "INSERT INTO endpoints (name, failures, held_until, held_since, holds, code, message, probe, up_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET failures = excluded.failures,"
        " held_until = excluded.held_until, held_since = excluded.held_since, holds = excluded.holds,"
        " code = excluded.code, message = excluded.message, probe = excluded.probe, up_at = excluded.up_at",
        (one.name, *values),
    )


def _endpoint(row: sqlite3.Row) -> Endpoint:
    names = ("name", "failures", "held_until", "held_since", "holds", "code", "message", "up_at")
    probe = None if row["probe"] is None else Attempt(**orjson.loads(row["probe"]))
    return Endpoint(**{name: row[name] for name in names}, probe=probe)


# What people are told ------------------------------------------------------------------------------------------------


def notices(tx: Reader) -> list[Notice]:
    """What has not been told yet; one that went down and came up again in between is no news."""
    rows = tx.rows("SELECT * FROM endpoints WHERE (held_until IS NOT NULL) <> (told = 'down') ORDER BY name")
    return [Notice(_endpoint(row), row["held_until"] is not None, waiting(tx, row["name"])) for row in rows]


def told_of(tx: Reader) -> set[str]:
    """The endpoints that are held, or of which people were told last that they are."""
    return {row[0] for row in tx.rows("SELECT name FROM endpoints WHERE held_until IS NOT NULL OR told = 'down'")}


def is_told_down(tx: Reader, name: str) -> bool:
    return bool(tx.value("SELECT 1 FROM endpoints WHERE name = ? AND told = 'down'", (name,)))


def told(tx: Writer, notice: Notice) -> None:
    """This has been told."""
    tx.execute("UPDATE endpoints SET told = ? WHERE name = ?", ("down" if notice.down else "up", notice.endpoint.name))


# Its uses ------------------------------------------------------------------------------------------------------------


def use(tx: Writer, name: str, at: Millis, by: Attempt) -> None:
    """An attempt is about to use it."""
    tx.execute(
        "INSERT OR IGNORE INTO endpoint_uses (name, at, run_id, key, attempt, open) VALUES (?, ?, ?, ?, ?, 1)",
        (name, at, by.run_id, by.key, by.attempt),
    )


def used(tx: Writer, by: Attempt, tokens: int, answered: str | None) -> None:
    """The attempt is over; what it took of the endpoint that answered is known, and the others took nothing."""
    for row in tx.rows(USES_OF, (by.run_id, by.key, by.attempt)):
        tx.execute(
            "UPDATE endpoint_uses SET open = 0, tokens = ?"
            " WHERE name = ? AND at = ? AND run_id = ? AND key = ? AND attempt = ?",
            (tokens if row["name"] == answered else 0, row["name"], row["at"], by.run_id, by.key, by.attempt),
        )


def unused(tx: Writer, by: Attempt) -> None:
    """The attempt is over and had no need of any endpoint."""
    tx.execute(
        "DELETE FROM endpoint_uses WHERE run_id = ? AND key = ? AND attempt = ? AND open = 1",
        (by.run_id, by.key, by.attempt),
    )


def uses(tx: Reader, name: str, after: Millis) -> Iterator[Use]:
    """Its uses since then, latest first."""
    return (Use(row["at"], row["tokens"]) for row in tx.each(USES, (name, after)))


def forget_uses(tx: Writer, name: str, before: Millis) -> None:
    """Drop what no limit looks at any more."""
    tx.execute("DELETE FROM endpoint_uses WHERE name = ? AND at <= ? AND open = 0", (name, before))


def under_way(tx: Writer, name: str) -> int:
    """How many attempts use it at this moment: counted from the steps, so that none is counted for ever."""
    rows = tx.rows(OPEN, (name,))
    return sum(1 for row in rows if is_under_way(tx, Attempt(row["run_id"], row["key"], row["attempt"])))


def is_under_way(tx: Writer, by: Attempt) -> bool:
    """Whether an attempt has been claimed and not reported, also within this very piece of work."""
    run = changed_in(tx).get(by.run_id)
    if run is not None:
        step = run.steps.get(by.key)
        status, latest = (step.status, step.attempt) if step else (None, -1)
    else:
        row = tx.row("SELECT status, attempt FROM steps WHERE run_id = ? AND key = ?", (by.run_id, by.key))
        status, latest = (StepStatus(row["status"]), row["attempt"]) if row else (None, -1)
    return latest + 1 == by.attempt or (status is StepStatus.RUNNING and latest == by.attempt)


# The line ------------------------------------------------------------------------------------------------------------


def stand_in_line(tx: Writer, name: str, run_id: RunId, key: StepKey) -> None:
    """A ready step waits for room at an endpoint; it leaves the line with its next change of any kind."""
    tx.last("UPDATE steps SET line = ? WHERE run_id = ? AND key = ? AND status = 'ready'", (name, run_id, key))


def lines(tx: Reader) -> list[str]:
    """The endpoints that somebody stands in line for."""
    return [row[0] for row in tx.rows(LINES)]


def in_line(
    tx: Reader, name: str, limit: int, only: Collection[RunId] | None, without: Collection[tuple[RunId, StepKey]] = ()
) -> list[tuple[RunId, StepKey]]:
    """The first in line whose runs go on."""
    found: list[tuple[RunId, StepKey]] = []
    for row in tx.each(IN_LINE, (name,)):
        if len(found) >= limit:
            break
        if (only is None or row[0] in only) and (row[0], row[1]) not in without:
            found.append((row[0], row[1]))
    return found


def stands_in_line(tx: Reader, run_id: RunId, step: Step) -> bool:
    """Whether a step has stood in line since it became ready as it is."""
    sql = "SELECT 1 FROM steps WHERE run_id = ? AND key = ? AND line IS NOT NULL AND due_at = ?"
    return tx.value(sql, (run_id, step.key, step.due_at)) is not None


def waiting(tx: Reader, name: str) -> int:
    """How many steps stand in line."""
    count: int = tx.value(WAITING, (name,))
    return count


def line_of(tx: Reader, run_id: RunId, key: StepKey) -> str | None:
    """The endpoint that a step stands in line for: why it is ready and does not begin."""
    sql = "SELECT line FROM steps WHERE run_id = ? AND key = ? AND status = 'ready'"
    found: str | None = tx.value(sql, (run_id, key))
    return found


def places(tx: Reader, run_id: RunId, limit: int) -> list[tuple[StepKey, str, int]]:
    """The steps of a run that stand in line: for which endpoint, and at which place; the first is 1."""
    return [(row["key"], row["line"], row["before"] + 1) for row in tx.rows(PLACES, (run_id, limit))]


def runs_waiting(tx: Reader, name: str) -> int:
    """How many runs have a step in line."""
    count: int = tx.value("SELECT count(DISTINCT run_id) FROM steps WHERE status = 'ready' AND line = ?", (name,))
    return count


def workflows_waiting(tx: Reader, name: str) -> list[str]:
    """The workflows of those runs."""
    return [row[0] for row in tx.rows(WORKFLOWS_WAITING, (name,))]


def runs_in_line(tx: Reader, name: str, limit: int) -> list[RunId]:
    """Some of these runs, the first in line first."""
    sql = "SELECT run_id FROM steps WHERE status = 'ready' AND line = ? ORDER BY due_at LIMIT ?"
    return list(dict.fromkeys(row[0] for row in tx.rows(sql, (name, limit))))
