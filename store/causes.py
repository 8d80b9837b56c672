"""What lies behind an error of SQLite, as a fault that says what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from store.faults import DatabaseDamaged, StoreFault, StoreFull

ROOM_BYTES_MIN = 1024 * 1024  # below this SQLite can fail in ways that do not name the disk: even readers need a little
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# Without room SQLite may be unable to make the files beside the database, and says only that it could not.
MAYBE_NO_ROOM = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def fault_of(error: sqlite3.Error, path: Path) -> StoreFault:
    """The fault that an error on this database is."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_FULL or (code in MAYBE_NO_ROOM and not room(path)):
        return full(path)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DatabaseDamaged(f"The database {path} is damaged: {error}.")
    return StoreFault(f"The database {path} could not do it: {error}.")


def full(path: Path) -> StoreFull:
    return StoreFull(f"The disk is full: {path} cannot grow.")


def room(path: Path) -> bool:
    """Whether the volume of the database has blocks and inodes left; True when nobody can say."""
    try:
        volume = os.statvfs(path.absolute().parent)
    except OSError:
        return True
    out_of_files = volume.f_files > 0 and volume.f_favail == 0
    return volume.f_bavail * volume.f_frsize >= ROOM_BYTES_MIN and not out_of_files
