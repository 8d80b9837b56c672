"""Ownership: the lock beside a database file, which makes one process its owner for as long as that lives."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio

from store.causes import NO_ROOM, full
from store.faults import DatabaseInUse, StoreFault

LINGER_TRIES = 200
LINGER_SECONDS = 0.01  # between two of them


async def locked(path: Path) -> int:
    """Hold the lock, which the operating system takes back when this process dies, however it dies.

    An owner that died in the moment of starting another program leaves the lock to that for an instant, until it has
    become that program. So the lock of a dead owner is waited for; that of a living one is not.
    """
    for _ in range(LINGER_TRIES):
        lock, owner = _tried(path)
        if lock is not None:
            return lock
        if _lives(owner):
            break
        await anyio.sleep(LINGER_SECONDS)
    raise _in_use(path, owner)


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Keep every service from this database for as long as the block lasts. Raises DatabaseInUse or StoreFault."""
    lock, owner = _tried(path)
    for _ in range(LINGER_TRIES):
        if lock is not None or _lives(owner):
            break
        time.sleep(LINGER_SECONDS)
        lock, owner = _tried(path)
    if lock is None:
        raise _in_use(path, owner)
    try:
        yield
    finally:
        os.close(lock)


def private(path: Path) -> None:
    """Make the file for its owner's eyes only; SQLite gives what it puts beside the file the same rights."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _tried(path: Path) -> tuple[int | None, str]:
    """The lock, or None when somebody else has it; and who has it, or had it last."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise full(path) from error
        raise StoreFault(
            f"{path} cannot be opened: {error.strerror}.", "Name a folder that this user may write to in POINTSMAN_DB."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(lock, 32, 0).decode(errors="replace").strip()
        os.close(lock)
        return None, owner
    os.ftruncate(lock, 0)
    try:
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(lock)
        if error.errno in NO_ROOM:
            raise full(path) from error
        raise
    return lock, ""


def _lives(owner: str) -> bool:
    """Whether the process that wrote its number into the lock is there; one that wrote nothing yet counts as dead."""
    if not owner.isdigit():
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return not _is_zombie(owner)


def _is_zombie(owner: str) -> bool:
    """Whether it has ended and only waits for somebody to take notice."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{owner}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] in ("Z", "X")
    return False


def _in_use(path: Path, owner: str) -> DatabaseInUse:
    return DatabaseInUse(f"{path} is in use by another Pointsman (process {owner or 'unknown'}).")
