"""Answers of models that stand for the same request for a while: which request, since when, and where the answer is."""

from __future__ import annotations

from store import codec
from store.database import Reader, Writer
from store.model import Content, Millis


def keep(tx: Writer, request: str, endpoint: str, at: Millis, answer: Content) -> None:
    """Let this answer stand for the request, in place of an older one."""
    tx.execute(
        "REPLACE INTO model_answers (request, endpoint, at, answer) VALUES (?, ?, ?, ?)",
        (request, endpoint, at, codec.dump(answer).decode()),
    )


def find(tx: Reader, request: str, since: Millis) -> Content | None:
    """The answer to this request, when it is from `since` or later."""
    found = tx.value("SELECT answer FROM model_answers WHERE request = ? AND at >= ?", (request, since))
    return None if found is None else codec.load(Content, found)


def forget(tx: Writer, before: Millis) -> int:
    """Drop what is older; gives how many there were."""
    return tx.execute("DELETE FROM model_answers WHERE at < ?", (before,)).rowcount
