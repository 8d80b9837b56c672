"""The file: one connection that writes, a few that read, and a group commit in between.

Exactly one connection writes and checkpoints (SQLite before 3.51.3 can damage a WAL that two connections reset). A
thread hop and a sync are what costs, not SQL: so everything that waits to be written goes into one transaction, made by
one closure on the writer's thread, each piece of work in a savepoint of its own. While one batch syncs the next one
gathers. Callers are answered after the commit; a caller that is cancelled loses the answer, never the transaction.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from asyncio import Future, get_running_loop
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import aiosqlite
import anyio
import anyio.lowlevel

from store.batches import Work, carry_out
from store.causes import fault_of
from store.connections import closed, on_thread, prepare, prepare_reader, read_only
from store.faults import DatabaseClosed, DatabaseDamaged, Fenced, StoreFault
from store.model import Millis
from store.ownership import locked, private
from store.unwrap import lone_errors

log = logging.getLogger("store")

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]
READERS = 2


def _unreadable() -> StoreFault:
    return DatabaseDamaged("The database is damaged: what should be text in it is none.")


class Reader:
    """May look. Everything it sees is committed, except inside a write of its own."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except UnicodeDecodeError:
            raise _unreadable() from None

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        try:
            found: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        except UnicodeDecodeError:
            raise _unreadable() from None
        return found

    def each(self, sql: str, parameters: Parameters = ()) -> Iterator[sqlite3.Row]:
        """Rows one by one, for who may not want all of them. Change nothing while you look at them."""
        return iter(self._connection.execute(sql, parameters))

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row; None when there is no row."""
        row = self._connection.execute(sql, parameters).fetchone()
        return None if row is None else row[0]


class Draft(Protocol):
    """Something that stands in memory until its batch ends, and has its rows written once, however often it changed."""

    def write(self, tx: Writer) -> None:
        """Put its rows off with `tx.later`."""


class Writer(Reader):
    """May change. What it changes is kept by the batch's commit, or not at all."""

    __slots__ = ("_after", "_last", "_later", "_levels", "_order", "_undo", "drafts", "epoch")

    def __init__(self, connection: sqlite3.Connection, epoch: int) -> None:
        super().__init__(connection)
        self.epoch = epoch
        self.drafts: dict[Hashable, Draft] = {}  # newer than the rows; change it with `draft`
        self._undo: list[tuple[Hashable, Draft | None]] = []
        self._after: list[Callable[[], None]] = []
        self._later: dict[tuple[str, bool], list[Sequence[Any]]] = {}  # rows by statement
        self._last: dict[str, list[Sequence[Any]]] = {}  # the same, for what comes after all else
        self._order: list[list[Sequence[Any]]] = []  # to which of these each row was added
        self._levels: list[bool] = []  # the savepoints we stand in, and whether SQLite knows of each already

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Change something at once, for who needs to see the outcome."""
        if self._levels and not self._levels[-1]:
            self._open_savepoints()
        return self._connection.execute(sql, parameters)

    def later(self, sql: str, parameters: Sequence[Any], *, must_hit: bool = False) -> None:
        """Change something before the batch ends, together with all the other rows of the same statement.

        Nothing in this batch may need to read it before. `must_hit` says that exactly one row has to change.
        """
        rows = self._later.get((sql, must_hit))
        if rows is None:
            rows = self._later[sql, must_hit] = []
        rows.append(parameters)
        self._order.append(rows)

    def last(self, sql: str, parameters: Sequence[Any]) -> None:
        """Change something when all else of this batch has been written, the drafts included."""
        rows = self._last.setdefault(sql, [])
        rows.append(parameters)
        self._order.append(rows)

    def flush(self) -> None:
        """Write drafts and what was put off. Statements keep the order in which each was first used."""
        for draft in self.drafts.values():
            draft.write(self)
        for (sql, must_hit), rows in filter(itemgetter(1), self._later.items()):  # what was rolled back left no rows
            changed = self._connection.executemany(sql, rows).rowcount
            if must_hit and changed != len(rows):
                raise sqlite3.IntegrityError(f"{len(rows) - changed} rows were changed by somebody else")
        for sql, rows in filter(itemgetter(1), self._last.items()):
            self._connection.executemany(sql, rows)

    def apart(self, do: Callable[[Writer], T]) -> T:
        """Do something in a savepoint of its own: when it raises, nothing of it is kept, and the batch goes on."""
        after, undo, order = len(self._after), len(self._undo), len(self._order)
        self._levels.append(False)
        try:
            result = do(self)
        except Exception:
            if self._levels.pop() and self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO work")
                self._connection.execute("RELEASE work")
            del self._after[after:]
            self._forget_since(undo, order)
            raise
        if self._levels.pop():
            self._connection.execute("RELEASE work")
        return result

    def _open_savepoints(self) -> None:
        # Only at the first statement: most work puts all its rows off, and two more statements would be half its cost.
        for level, known in enumerate(self._levels):
            if not known:
                self._connection.execute("SAVEPOINT work")
                self._levels[level] = True

    @property
    def alive(self) -> bool:
        """Whether the transaction still stands; SQLite gives it up by itself when the disk is full."""
        return self._connection.in_transaction

    def draft(self, key: Hashable, draft: Draft) -> None:
        """Let this stand for the key until the batch ends; taken back when this work is rolled back."""
        self._undo.append((key, self.drafts.get(key)))
        self.drafts[key] = draft

    def _forget_since(self, undo: int, order: int) -> None:
        while len(self._order) > order:
            self._order.pop().pop()
        while len(self._undo) > undo:
            key, before = self._undo.pop()
            if before is None:
                del self.drafts[key]
            else:
                self.drafts[key] = before

    def after_commit(self, do: Callable[[], None]) -> None:
        """Have something done in the event loop once this work is on disk; forgotten when it is rolled back."""
        self._after.append(do)


Closing = Callable[[Writer], None]
"""What ends each batch, inside its transaction: the claiming pass."""


class Database:
    """The owner of one database file. Open it with `opened`."""

    def __init__(
        self, path: Path, writer: aiosqlite.Connection, readers: list[aiosqlite.Connection], epoch: int
    ) -> None:
        self.path = path
        self.epoch = epoch
        self.closing: Closing | None = None
        self.rolled_back: Callable[[], None] = lambda: None
        self.fuse: Callable[[str, Writer], None] = lambda where, tx: fuse(where)
        self.commits = 0
        self.fault: StoreFault | None = None  # the reason why nothing can be written any more
        self.failed = anyio.Event()
        self._writer = writer
        self._waiting: list[Work[Any]] = []
        self._bell = anyio.Event()
        self._closed = False
        self._readers = readers
        self._reader_free = anyio.Semaphore(len(readers))

    async def read(self, look: Callable[[Reader], T]) -> T:
        """Run a function that only looks, at one moment of the file, and give what it found."""
        async with self._reader_free:
            connection = self._readers.pop()
            try:
                with anyio.CancelScope(shield=True):
                    found = await on_thread(connection, lambda raw: _looked(raw, look))
                return found
            except sqlite3.Error as error:
                raise fault_of(error, self.path) from error
            finally:
                self._readers.append(connection)

    async def write(self, do: Callable[[Writer], T]) -> T:
        """Run a function that changes something, in a savepoint of its own; returns when it is on disk.

        Raises what the function raised (then nothing of it was kept), or a StoreFault.
        """
        await anyio.lowlevel.checkpoint_if_cancelled()  # who was cancelled before writes nothing
        if self._closed or self.fault is not None:
            raise self.fault or DatabaseClosed()
        future: Future[T] = get_running_loop().create_future()
        self._waiting.append(Work(do, future))
        self._bell.set()
        return await future

    def write_soon(self, do: Callable[[Writer], T], failed: Callable[[BaseException], None]) -> None:
        """Like `write`, for who does not wait for the outcome; `failed` hears of an error."""
        if self._closed or self.fault is not None:
            failed(self.fault or DatabaseClosed())
            return
        self._waiting.append(Work(do, None, failed))
        self._bell.set()

    @property
    def closed(self) -> bool:
        return self._closed or self.fault is not None

    async def nudge(self) -> None:
        """Have a batch made although nobody has anything to write: the claiming pass looks at the clock."""
        await self.write(lambda tx: None)

    async def _write_batches(self) -> None:
        while not self._closed or self._waiting:
            if not self._waiting:
                self._bell = anyio.Event()
                await self._bell.wait()
                continue
            batch = [work for work in self._waiting if not work.forsaken]
            self._waiting = []
            if batch:
                await self._write_batch(batch)

    async def _write_batch(self, batch: list[Work[Any]]) -> None:
        try:
            after = await on_thread(self._writer, lambda raw: self._carry_out(raw, batch))
        except BaseException as error:
            fault = fault_of(error, self.path) if isinstance(error, sqlite3.Error) else error
            self.rolled_back()
            for work in batch:
                work.fail(fault)
            if not isinstance(fault, Exception):
                raise
            if not isinstance(fault, StoreFault) or fault.fatal:
                self.fault = fault if isinstance(fault, StoreFault) else StoreFault(str(fault))
                self.failed.set()
            return
        self.commits += 1
        for work in batch:
            work.answer()
        for do in after:
            try:
                do()
            except Exception:  # it is on disk already: a bug in telling of it must not stop the writer
                log.exception("after_commit.broke")

    def _carry_out(self, connection: sqlite3.Connection, batch: list[Work[Any]]) -> list[Callable[[], None]]:
        """One transaction for all of them, on the writer's thread."""
        try:
            return self._transaction(connection, batch, self.closing)
        except sqlite3.IntegrityError:
            # A row that was put off does not fit: find out whose, and let the others go on.
            log.exception("batch.broke")
            self.rolled_back()
        after: list[Callable[[], None]] = []
        for work in batch:
            try:
                after += self._transaction(connection, [work], None)
            except sqlite3.IntegrityError as error:
                work.error = error
        return after + self._transaction(connection, [], self.closing)

    def _transaction(
        self, connection: sqlite3.Connection, batch: list[Work[Any]], closing: Closing | None
    ) -> list[Callable[[], None]]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            tx = Writer(connection, self.epoch)
            if tx.value("SELECT epoch FROM meta WHERE id = 1") != self.epoch:
                raise Fenced()
            for work in batch:
                carry_out(tx, work)
            if closing is not None:
                closing(tx)
            tx.flush()
            self.fuse("before commit", tx)
            connection.execute("COMMIT")
            self.fuse("after commit", tx)
            return tx._after
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    async def _close(self) -> None:
        self._closed = True
        self._bell.set()
        for work in self._waiting:
            work.fail(DatabaseClosed())
        self._waiting = []


def fuse(where: str) -> None:
    """A crash may happen here. Does nothing; crash tests put a process's end in its place."""


def _looked(connection: sqlite3.Connection, look: Callable[[Reader], T]) -> T:
    connection.execute("BEGIN")  # else each statement would see another moment
    try:
        return look(Reader(connection))
    finally:
        if connection.in_transaction:  # after some errors SQLite has ended it already
            connection.execute("COMMIT")


@asynccontextmanager
async def opened(
    path: Path, *, now: Millis, synchronous: Literal["full", "normal"] = "full"
) -> AsyncIterator[Database]:
    """Own a database file for as long as the block lasts; made when it does not exist, migrated when it is older.

    Raises DatabaseInUse, DatabaseTooNew, DatabaseDamaged or StoreFault.
    """
    async with AsyncExitStack() as stack:
        lock = await locked(path)
        stack.callback(os.close, lock)
        try:
            private(path)
            writer = await aiosqlite.connect(path, isolation_level=None, cached_statements=256)
            stack.push_async_callback(closed, writer)
            epoch = await on_thread(writer, lambda raw: prepare(raw, path, now, synchronous))
            readers = []
            for _ in range(READERS):
                reader = await aiosqlite.connect(read_only(path), uri=True, isolation_level=None)
                stack.push_async_callback(closed, reader)
                await on_thread(reader, prepare_reader)
                readers.append(reader)
        except sqlite3.Error as error:
            raise fault_of(error, path) from error
        database = Database(path, writer, readers, epoch)
        with lone_errors():
            async with anyio.create_task_group() as group:
                group.start_soon(_shielded, database._write_batches)
                try:
                    yield database
                finally:
                    await database._close()


async def _shielded(do: Callable[[], Any]) -> None:
    with anyio.CancelScope(shield=True):
        await do()
