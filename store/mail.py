"""Mail: what one run has to tell another.

Written in the commit in which it came true, and gone in the commit that acts on it, which is the same one unless the
process dies in between or the receiver is in trouble.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from store import codec
from store.database import Reader, Writer
from store.model import RunId


@dataclass(frozen=True, slots=True)
class Letter:
    """A command for a run, as it was written down."""

    id: int
    run_id: RunId
    text: str

    def command(self, kinds: Mapping[str, type[Any]]) -> Any:
        """What it says. Raises codec.UnknownShape."""
        return codec.unpack(self.text, kinds)


WAITING = "SELECT id, run_id, command FROM mail WHERE held = 0 ORDER BY id LIMIT ?"
WAITING_FOR = "SELECT id, run_id, command FROM mail WHERE held = 0 AND run_id = ? ORDER BY id LIMIT ?"


def send(tx: Writer, run_id: RunId, command: object) -> None:
    tx.execute("INSERT INTO mail (run_id, command) VALUES (?, ?)", (run_id, codec.pack(command).decode()))


def waiting(tx: Reader, limit: int, only: Collection[RunId] | None = None) -> list[Letter]:
    """The oldest letters, in order; with `only`, those for these runs."""
    if only is None:
        rows = tx.rows(WAITING, (limit,))
    else:
        rows = [row for run_id in only for row in tx.rows(WAITING_FOR, (run_id, limit))]
    return sorted((Letter(row["id"], row["run_id"], row["command"]) for row in rows), key=lambda one: one.id)[:limit]


def delivered(tx: Writer, letter: Letter) -> None:
    tx.execute("DELETE FROM mail WHERE id = ?", (letter.id,))


def hold(tx: Writer, letter: Letter) -> None:
    """Keep a letter that could not be acted on until its run is taken up again."""
    tx.execute("UPDATE mail SET held = 1 WHERE id = ?", (letter.id,))


def taken_up(tx: Writer, run_id: RunId) -> bool:
    """A run goes on: what was held for it is to be delivered. Whether there was anything."""
    if tx.value("SELECT 1 FROM mail WHERE run_id = ? AND held = 1", (run_id,)) is None:
        return False
    tx.execute("UPDATE mail SET held = 0 WHERE run_id = ? AND held = 1", (run_id,))
    return True
