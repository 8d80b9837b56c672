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
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

import aiosqlite
import anyio
import anyio.lowlevel

from store import migrate
from store.causes import fault_of
from store.faults import DatabaseClosed, Fenced, StoreFault
from store.lock import owned
from store.model import Millis
from store.unwrap import lone_errors

log = logging.getLogger("store")

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]
READERS = 2
CACHE_KB = 8 * 1024  # of the writer; the operating system holds the rest of the file, and shares it with the readers


class Reader:
    """May look. Everything it sees is committed, except inside a write of its own."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
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


class _Work(Generic[T]):
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
        self._waiting: list[_Work[Any]] = []
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
                    found = await _on_thread(connection, lambda raw: _looked(raw, look))
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
        self._waiting.append(_Work(do, future))
        self._bell.set()
        return await future

    def write_soon(self, do: Callable[[Writer], T], failed: Callable[[BaseException], None]) -> None:
        """Like `write`, for who does not wait for the outcome; `failed` hears of an error."""
        if self._closed or self.fault is not None:
            failed(self.fault or DatabaseClosed())
            return
        self._waiting.append(_Work(do, None, failed))
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

    async def _write_batch(self, batch: list[_Work[Any]]) -> None:
        try:
            after = await _on_thread(self._writer, lambda raw: self._carry_out(raw, batch))
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

    def _carry_out(self, connection: sqlite3.Connection, batch: list[_Work[Any]]) -> list[Callable[[], None]]:
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
        self, connection: sqlite3.Connection, batch: list[_Work[Any]], closing: Closing | None
    ) -> list[Callable[[], None]]:
        connection.execute("BEGIN IMMEDIATE")
        try:
            tx = Writer(connection, self.epoch)
            if tx.value("SELECT epoch FROM meta WHERE id = 1") != self.epoch:
                raise Fenced()
            for work in batch:
                _one(tx, work)
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


def _one(tx: Writer, work: _Work[Any]) -> None:
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


def _looked(connection: sqlite3.Connection, look: Callable[[Reader], T]) -> T:
    connection.execute("BEGIN")  # else each statement would see another moment
    try:
        return look(Reader(connection))
    finally:
        if connection.in_transaction:  # after some errors SQLite has ended it already
            connection.execute("COMMIT")


async def _on_thread(connection: aiosqlite.Connection, do: Callable[[sqlite3.Connection], T]) -> T:
    # One hop for a whole closure; aiosqlite's public methods would hop once a statement. A contract test pins the two
    # private names.
    return await connection._execute(lambda: do(connection._conn))  # type: ignore[no-untyped-call, no-any-return]


@asynccontextmanager
async def opened(
    path: Path, *, now: Millis, synchronous: Literal["full", "normal"] = "full"
) -> AsyncIterator[Database]:
    """Own a database file for as long as the block lasts; made when it does not exist, migrated when it is older.

    Raises DatabaseInUse, DatabaseTooNew, DatabaseDamaged or StoreFault.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(owned(path))
        try:
            _private(path)
            writer = await aiosqlite.connect(path, isolation_level=None, cached_statements=256)
            stack.push_async_callback(_closed, writer)
            epoch = await _on_thread(writer, lambda raw: _prepare(raw, path, now, synchronous))
            readers = []
            for _ in range(READERS):
                reader = await aiosqlite.connect(_read_only(path), uri=True, isolation_level=None)
                stack.push_async_callback(_closed, reader)
                await _on_thread(reader, _prepare_reader)
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


def _private(path: Path) -> None:
    """Make the file for its owner's eyes only; SQLite gives what it puts beside the file the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _read_only(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=ro"


async def _shielded(do: Callable[[], Any]) -> None:
    with anyio.CancelScope(shield=True):
        await do()


async def _closed(connection: aiosqlite.Connection) -> None:
    # An unclosed aiosqlite connection keeps the process from ending: its thread is no daemon.
    with anyio.CancelScope(shield=True):
        await connection.close()


def _prepare(connection: sqlite3.Connection, path: Path, now: Millis, synchronous: str) -> int:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    for pragma in ("foreign_keys = ON", "busy_timeout = 5000", "temp_store = MEMORY", f"cache_size = -{CACHE_KB}"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA secure_delete = ON")  # what is erased is to be gone from the file
    connection.execute(f"PRAGMA journal_size_limit = {64 * 1024 * 1024}")
    migrate.bring_up_to_date(connection, path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO meta (id, epoch, created_at) VALUES (1, 1, ?) ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1",
        (now,),
    )
    epoch: int = connection.execute("SELECT epoch FROM meta").fetchone()[0]
    connection.execute("COMMIT")
    return epoch


def _prepare_reader(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row
    for pragma in ("query_only = ON", "busy_timeout = 5000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
