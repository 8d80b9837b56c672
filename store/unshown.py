"""Runs that could not be shown where they should stand in Slack: where, why, and whether it is being tried again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from store import outbox
from store.database import Reader, Writer
from store.model import Millis, RunId

_UNFINISHED = "run_id IN (SELECT id FROM runs WHERE ended_at IS NULL)"


@dataclass(frozen=True, slots=True)
class Unshown:
    """A channel that is closed to us, for one run."""

    run_id: RunId
    channel: str  # an id, a #name that no channel we can see bears, or "" when the workflow names none
    name: str  # what people call it
    code: str  # Slack's word for why, or "no_channel"
    bot: str  # what people call us there
    since: Millis
    tells: bool = False  # the first of its workflow there: its owner is told
    state: Literal["closed", "trying", "over"] = "closed"  # over: the run ended before the channel opened


def note(tx: Writer, one: Unshown) -> Unshown:
    """Remember that a channel is closed to this run, and to all that were about to try it again."""
    known = tx.row("SELECT * FROM unshown WHERE run_id = ? AND channel = ?", (one.run_id, one.channel))
    kept = replace(
        one, since=one.since if known is None else known["since"], tells=_tells(tx, one, known), state="closed"
    )
    tx.execute(
        "REPLACE INTO unshown (run_id, channel, name, code, bot, since, tells, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (kept.run_id, kept.channel, kept.name, kept.code, kept.bot, kept.since, int(kept.tells), kept.state),
    )
    tx.execute("UPDATE unshown SET state = 'closed' WHERE channel = ? AND state = 'trying'", (one.channel,))
    return kept


def of_run(tx: Reader, run_id: RunId) -> list[Unshown]:
    """The channels that are or were closed to this run, the first one first."""
    rows = tx.rows("SELECT * FROM unshown WHERE run_id = ? ORDER BY since, channel", (run_id,))
    return [_unshown(row) for row in rows]


def closed(tx: Reader, limit: int) -> list[tuple[Unshown, int]]:
    """The channels that are closed to runs under way, each with its first run and how many they are."""
    rows = tx.rows(
        f"SELECT *, count(*) AS n, min(since) FROM unshown WHERE state = 'closed' AND {_UNFINISHED} "  # noqa: S608
        "GROUP BY channel, code ORDER BY since LIMIT ?",
        (limit,),
    )
    return [(_unshown(row), row["n"]) for row in rows]


def reached(tx: Writer, run_id: RunId, names: Sequence[str], *, everything: bool = False) -> None:
    """A message of this run stands there: the channel is open. Other runs that it was closed to try it again."""
    rows = tx.rows("SELECT channel FROM unshown WHERE run_id = ?", (run_id,))
    for channel in [row[0] for row in rows]:
        if everything or channel in names:
            tx.execute("DELETE FROM unshown WHERE run_id = ? AND channel = ?", (run_id, channel))
    reopen(tx, names)


def reopen(tx: Writer, names: Sequence[str]) -> int:
    """Have every run under way try these channels again; for those that have ended it is over. Gives how many try."""
    count = 0
    for channel in dict.fromkeys(one for one in names if one):
        sql = f"SELECT run_id, {_UNFINISHED} FROM unshown WHERE channel = ? AND state = 'closed'"  # noqa: S608
        rows = [(row[0], bool(row[1])) for row in tx.rows(sql, (channel,))]
        tx.execute("UPDATE unshown SET state = 'over' WHERE channel = ? AND state = 'closed'", (channel,))
        count += _try(tx, [(run_id, channel) for run_id, unfinished in rows if unfinished])
        for run_id in [run_id for run_id, unfinished in rows if not unfinished]:
            outbox.again(tx, run_id)  # what stood there before it was closed may still say that the run goes on
    return count


def reopen_all(tx: Writer) -> int:
    """Have every run under way try again whatever was closed to it. Gives how many runs."""
    rows = tx.rows(f"SELECT run_id, channel FROM unshown WHERE state = 'closed' AND {_UNFINISHED}")  # noqa: S608
    return _try(tx, [(row[0], row[1]) for row in rows])


def _try(tx: Writer, rows: Sequence[tuple[RunId, str]]) -> int:
    for run_id, channel in rows:
        tx.execute("UPDATE unshown SET state = 'trying' WHERE run_id = ? AND channel = ?", (run_id, channel))
        outbox.again(tx, run_id)
    return len({run_id for run_id, _ in rows})


def _tells(tx: Reader, one: Unshown, known: sqlite3.Row | None) -> bool:
    """Whether nothing of the same workflow is or is to be told of the same channel."""
    if known is not None:
        return bool(known["tells"])
    told: int = tx.value(
        "SELECT count(*) FROM unshown AS u JOIN runs AS r ON r.id = u.run_id "
        "WHERE u.channel = ? AND u.state <> 'over' AND r.workflow = (SELECT workflow FROM runs WHERE id = ?)",
        (one.channel, one.run_id),
    )
    return told == 0


def _unshown(row: sqlite3.Row) -> Unshown:
    return Unshown(
        row["run_id"],
        row["channel"],
        row["name"],
        row["code"],
        row["bot"],
        row["since"],
        bool(row["tells"]),
        row["state"],
    )
