"""A backup: one archive with a snapshot of the database and every value that it refers to.

Made beside a service that goes on working: the snapshot is one moment of the file, read without its lock, and nothing
leaves the content folder until it is in the archive.

    backup.json      what this is, when it was made, and the hash of the snapshot
    pointsman.db     the snapshot, written anew: nothing that was erased is left in its free pages
    content/…        every value that the snapshot refers to, named by its hash
"""

from __future__ import annotations

import os
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

import orjson

from store import uses
from store.causes import NO_ROOM, fault_of, full
from store.content import ContentFolder
from store.database import Reader
from store.faults import StoreFault
from store.glance import glance, schema_version
from store.leavings import nothing_leaves
from store.model import Millis

FORMAT = 1
ABOUT, SNAPSHOT, CONTENT = "backup.json", "pointsman.db", "content/"
PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class About:
    """What stands in a backup."""

    format: int
    made_at: Millis
    schema: int
    database_sha256: str
    runs: int
    events: int
    values: int
    missing: tuple[str, ...]  # values that the database refers to and that were not in its content folder
    head: str  # where the chain of heads stood


def backed_up(database: Path, target: Path, now: Millis) -> About:
    """Write a backup of this database to one file, all of it or nothing. Raises StoreFault."""
    half, snapshot = (target.with_name(f"{target.name}.{os.getpid()}.{end}") for end in ("half", "snapshot"))
    folder = ContentFolder(database)
    try:
        with nothing_leaves(folder.folder):
            _snapshot(database, snapshot)
            with _archive(half) as archive:
                about = _filled(archive, snapshot, folder, now)
        half.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        for file in (half, snapshot):
            file.unlink(missing_ok=True)
    return about


def _snapshot(database: Path, target: Path) -> None:
    """One moment of the database as a file of its own, for its owner's eyes only."""
    with glance(database) as tx:  # it says in words why a file cannot be read
        assert tx is not None
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as raw:
            raw.execute("PRAGMA busy_timeout = 5000")
            raw.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise fault_of(error, database) from error


@contextmanager
def _archive(half: Path) -> Iterator[zipfile.ZipFile]:
    handle = os.open(half, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            yield archive
        file.flush()
        os.fsync(file.fileno())


def _filled(archive: zipfile.ZipFile, snapshot: Path, folder: ContentFolder, now: Millis) -> About:
    with closing(sqlite3.connect(f"{snapshot.resolve().as_uri()}?mode=ro", uri=True)) as raw:
        raw.row_factory = sqlite3.Row
        tx = Reader(raw)
        names = uses.everything(tx)
        runs, events = tx.value("SELECT count(*) FROM runs"), tx.value("SELECT count(*) FROM events")
        head = tx.value("SELECT hash FROM heads ORDER BY n DESC LIMIT 1")
    hashed = _put(archive, SNAPSHOT, snapshot)
    missing = [name for name in names if not _value(archive, folder, name)]
    about = About(
        format=FORMAT,
        made_at=now,
        schema=schema_version(snapshot),
        database_sha256=hashed,
        runs=runs,
        events=events,
        values=len(names) - len(missing),
        missing=tuple(missing),
        head="" if head is None else bytes(head).hex(),
    )
    archive.writestr(ABOUT, orjson.dumps(asdict(about), option=orjson.OPT_INDENT_2))
    return about


def _value(archive: zipfile.ZipFile, folder: ContentFolder, name: str) -> bool:
    """Put a value into the archive; whether it was there, and was what its name says."""
    try:
        source = folder.path(name)
    except StoreFault:
        return False
    return _put(archive, f"{CONTENT}{name}", source) == name


def _put(archive: zipfile.ZipFile, name: str, source: Path) -> str:
    """Copy a file into the archive piece by piece; its hash."""
    with source.open("rb") as file, archive.open(name, "w", force_zip64=True) as target:
        return copied(file, target)


def copied(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy everything, piece by piece; the hash of it."""
    hashed = sha256()
    while part := source.read(PIECE_BYTES):
        hashed.update(part)
        target.write(part)
    return hashed.hexdigest()


def _unwritable(target: Path, error: OSError) -> StoreFault:
    if error.errno in NO_ROOM:
        return full(target)
    return StoreFault(f"{target} cannot be written: {error.strerror or error}.", "Name a file elsewhere.")


def _sync(folder: Path) -> None:
    handle = os.open(folder or Path(), os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
