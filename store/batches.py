"""Batches: the pieces of writing that wait for one commit, and how each is carried out without harm to the others."""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from store.database import Writer  # which makes the batches

T = TypeVar("T")


class Work(Generic[T]):
    """A piece of writing that waits for its batch. Its caller waits for the future, or wants to hear of errors only."""

    __slots__ = ("do", "error", "failed", "future", "result")

    def __init__(
        self, do: Callable[[Writer], T], future: Future[T] | None, failed: Callable[[BaseException], None] | None = None
    ) -> None:
        self.do = do
        self.future = future
        self.failed = failed
        self.result: Any = None
        self.error: BaseException | None = None

    @property
    def forsaken(self) -> bool:
        return self.future is not None and self.future.cancelled()

    def answer(self) -> None:
        """Tell the caller what became of it."""
        if self.error is not None:
            self.fail(self.error)
        elif self.future is not None and not self.future.done():
            self.future.set_result(self.result)

    def fail(self, error: BaseException) -> None:
        if self.failed is not None:
            self.failed(error)
        if self.future is not None and not self.future.done():
            self.future.set_exception(error)


def carry_out(tx: Writer, work: Work[Any]) -> None:
    work.error = None
    try:
        work.result = tx.apart(work.do)
    except Exception as error:
        if not tx.alive or _unwritable(error):
            raise  # SQLite gave the whole transaction up
        work.error = error


def _unwritable(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError) and not isinstance(
        error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.DataError
    )
