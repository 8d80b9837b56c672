"""Names: opaque sortable ids for machines, short names for people. Neither is ever used twice."""

from __future__ import annotations

import os
from dataclasses import dataclass

from store.database import Writer
from store.model import Millis, RunId

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that is mistaken for something else
_LAST = "SELECT value FROM counters WHERE name = ?"
_STRIDE = 0x9E3779B1  # odd, so that multiplying by it shuffles the numbers of one length without collisions


def run_id(now: Millis) -> RunId:
    """An id that sorts by time; the rest is chance."""
    return f"{now:012x}{os.urandom(8).hex()}"


def gate_id() -> str:
    """An id that says nothing and cannot be guessed: all that a button carries."""
    return os.urandom(12).hex()


def counted(tx: Writer, name: str) -> int:
    """The next number of this counter, from 1."""
    known = tx.drafts.get((_Counter, name))
    last: int = known.value if isinstance(known, _Counter) else tx.value(_LAST, (name,)) or 0
    tx.draft((_Counter, name), _Counter(name, last + 1))
    return last + 1


@dataclass(frozen=True, slots=True)
class _Counter:
    """A counter as it stands in this batch."""

    name: str
    value: int

    def write(self, tx: Writer) -> None:
        tx.later("REPLACE INTO counters (name, value) VALUES (?, ?)", (self.name, self.value))


def run_name(number: int) -> str:
    """The number of a run as people say it: R-7K2. Three letters until they are used up, then four, and so on."""
    length, first = 3, 0
    while number - first > 32**length:
        first += 32**length
        length += 1
    mixed = (number - first) * _STRIDE % 32**length
    letters = ""
    for _ in range(length):
        letters = _LETTERS[mixed % 32] + letters
        mixed //= 32
    return f"R-{letters}"
