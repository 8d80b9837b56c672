"""The lock beside a database: one service owns the file, and lets go of it however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.causes import NO_ROOM, full
from store.faults import DatabaseInUse, StoreFault

DYING_SECONDS = 5
PAUSE_SECONDS = 0.02


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Keep every other service from this database for as long as the block lasts. Raises DatabaseInUse, StoreFault."""
    lock = _opened(path)
    try:
        _take(lock, path)
        _sign(lock, path)
        yield
    finally:
        os.close(lock)


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise full(path) from error
        raise StoreFault(
            f"{path} cannot be opened: {error.strerror}.", "Name a folder that this user may write to in POINTSMAN_DB."
        ) from error


def _take(lock: int, path: Path) -> None:
    give_up_at = time.monotonic() + DYING_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(lock, 32, 0).decode(errors="replace").strip()
        else:
            return
        # A process that was killed while it started another one leaves a copy of the lock there, for a moment.
        if not _is_gone(owner) or time.monotonic() > give_up_at:
            raise DatabaseInUse(f"{path} is in use by another Pointsman (process {owner or 'unknown'}).")
        time.sleep(PAUSE_SECONDS)  # nothing else is to be done before the file is ours


def _is_gone(owner: str) -> bool:
    if not owner.isdecimal():
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _sign(lock: int, path: Path) -> None:
    """Write down who we are, for whoever is turned away."""
    os.ftruncate(lock, 0)
    try:
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise full(path) from error
        raise
