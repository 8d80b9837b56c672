"""Handles: the ids that stand behind people, groups and channels as authors write them, pinned when first found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from store.database import Reader, Writer
from store.model import Millis, RunId


@dataclass(frozen=True, slots=True)
class Handle:
    """A reference, the id that is in force for it, and what it means by the latest look."""

    reference: str
    team: str
    pinned: str | None = None
    found: str | None = None
    state: Literal["found", "absent", "unseen"] = "absent"  # unseen: this workspace does not let us look
    pinned_at: Millis | None = None
    pinned_by: str = ""
    told_at: Millis | None = None

    @property
    def moved(self) -> bool:
        """Whether it means somebody else than the one who is in force."""
        return self.pinned is not None and self.found is not None and self.found != self.pinned

    @property
    def renamed(self) -> bool:
        """Whether the one who is in force is called differently by now."""
        return self.state == "found" and self.found is None


def keep(tx: Writer, *changed: Handle) -> None:
    for one in changed:
        tx.execute(
            "REPLACE INTO handles (reference, team, pinned, found, state, pinned_at, pinned_by, told_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                one.reference,
                one.team,
                one.pinned,
                one.found,
                one.state,
                one.pinned_at,
                one.pinned_by,
                one.told_at,
            ),
        )


def everything(tx: Reader) -> list[Handle]:
    return [_handle(row) for row in tx.rows("SELECT * FROM handles ORDER BY reference")]


def of(tx: Reader, references: Iterable[str]) -> list[Handle]:
    """The handles of these references, as far as they were ever looked up."""
    rows = (tx.row("SELECT * FROM handles WHERE reference = ?", (one,)) for one in references)
    return [_handle(row) for row in rows if row is not None]


def asking(tx: Reader, reference: str) -> list[RunId]:
    """The runs with an open gate at which this reference is asked."""
    sql = (
        "SELECT DISTINCT gates.run_id FROM gates, json_each(gates.approvers) AS asked "
        "WHERE gates.state = 'open' AND lower(asked.value) = lower(?)"
    )
    return [row[0] for row in tx.rows(sql, (reference,))]


def forget_others(tx: Writer, team: str) -> int:
    """Drop what was pinned in another workspace: its ids mean nothing in this one. Gives how many."""
    return tx.execute("DELETE FROM handles WHERE team <> ?", (team,)).rowcount


def _handle(row: sqlite3.Row) -> Handle:
    return Handle(
        row["reference"],
        row["team"],
        row["pinned"],
        row["found"],
        row["state"],
        row["pinned_at"],
        row["pinned_by"],
        row["told_at"],
    )
