"""Which run refers to which value in the content folder: what nobody refers to may be removed.

Every reference stands in an event. A large value may name files that were handed in; these are in use as long as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from store.database import Reader, Writer
from store.model import RunId

_NAMED = b'"hash":"'
_HASH = re.compile(rb'"hash":"([0-9a-f]{64})"')
_NOTE = "INSERT OR IGNORE INTO content_uses (hash, run_id) VALUES (?, ?)"
_NOTE_WITHIN = "INSERT OR IGNORE INTO content_within (hash, inner) VALUES (?, ?)"
USED = """
    SELECT EXISTS (SELECT 1 FROM content_uses WHERE hash = :name)
        OR EXISTS (SELECT 1 FROM content_within AS w JOIN content_uses AS u ON u.hash = w.hash WHERE w.inner = :name)
    """
EVERYTHING = """
    SELECT hash FROM content_uses UNION
    SELECT w.inner FROM content_within AS w JOIN content_uses AS u ON u.hash = w.hash ORDER BY 1
    """
OF_RUN = """
    SELECT hash FROM content_uses WHERE run_id = :run_id UNION
    SELECT w.inner FROM content_uses AS u JOIN content_within AS w ON w.hash = u.hash WHERE u.run_id = :run_id
    """

Within = Callable[[str], Iterable[str]]
"""The hashes that a large value names in turn."""


def named_in(data: bytes) -> tuple[str, ...]:
    """The hashes that this JSON refers to. Text that people wrote cannot pass for one: its quotes are escaped."""
    if _NAMED not in data:
        return ()
    return tuple(dict.fromkeys(found.decode() for found in _HASH.findall(data)))


def note(tx: Writer, run_id: RunId, content: bytes, within: Within) -> None:
    """Put down, with the rest of the batch, what an event of this run refers to."""
    for name in named_in(content):
        tx.later(_NOTE, (name, run_id))
        for inner in within(name):
            tx.later(_NOTE_WITHIN, (name, inner))


def drop(tx: Writer, run_id: RunId) -> list[str]:
    """The run refers to nothing any more. Gives those of its values that are of no use to anybody from here on."""
    names = [row[0] for row in tx.rows(OF_RUN, {"run_id": run_id})]
    tx.execute("DELETE FROM content_uses WHERE run_id = ?", (run_id,))
    free = unused(tx, names)
    for name in free:
        tx.execute("DELETE FROM content_within WHERE hash = ?", (name,))
    return free


def unused(tx: Reader, names: Iterable[str]) -> list[str]:
    """Those of these values that no run refers to."""
    return [name for name in names if not tx.value(USED, {"name": name})]


def everything(tx: Reader) -> list[str]:
    """Every value that any run refers to, in order."""
    return [row[0] for row in tx.rows(EVERYTHING)]
