"""Restoring a backup: everything in it is checked before any of it is put in its place.

What stood there before is not written over: it is put aside under another name.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from store import migrate, uses
from store.backup import ABOUT, CONTENT, FORMAT, SNAPSHOT, About, copied
from store.database import Reader
from store.faults import StoreFault
from store.glance import damage, glance
from store.history import Break
from store.lock import owned

Audit = Callable[[Reader], list[Break]]
BESIDE = ("", "-wal", "-shm")


class BackupUnsound(StoreFault):
    """The backup does not hold together."""

    hint = "Nothing was changed. Take another backup; this one is a zip file and can be looked at as such."


class DatabaseThere(StoreFault):
    """A database stands there already."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place."""

    about: About
    database: Path
    put_aside: Path | None  # where the database is that stood there before
    values: int  # that were not in the content folder before
    brought_up_to_date: bool


def restored(backup: Path, database: Path, audit: Audit, *, force: bool = False) -> Restored:
    """Put the database of a backup in its place, with its content. Raises StoreFault; nothing was changed then."""
    if database.exists() and not force:
        raise DatabaseThere(
            f"{database} is there already.",
            "Name another file with --to, or say --force: the database that is there is put aside, not deleted.",
        )
    room = database.with_name(f"{database.name}.{os.getpid()}.restoring")
    with owned(database):  # no service runs on it, and none begins to
        try:
            room.mkdir(mode=0o700, parents=True)
            about, older = _unpacked(backup, room)
            _checked(room, about, audit)
            return _placed(room, database, about, older)
        except OSError as error:
            raise StoreFault(f"{backup} cannot be restored: {error.strerror or error}.") from error
        finally:
            shutil.rmtree(room, ignore_errors=True)


# Unpacking and checking ----------------------------------------------------------------------------------------------


def _unpacked(backup: Path, room: Path) -> tuple[About, bool]:
    """Everything in the backup, each file held against its hash; and whether its schema was an older one."""
    with _opened(backup) as archive:
        about = _about(archive, backup)
        if _out(archive, SNAPSHOT, room / SNAPSHOT) != about.database_sha256:
            raise BackupUnsound(f"The database in {backup} is not the one that was put there.")
        for name in archive.namelist():
            if name in (ABOUT, SNAPSHOT):
                continue
            known = name.removeprefix(CONTENT)
            if len(known) != 64 or _out(archive, name, room / known) != known:
                raise BackupUnsound(f"The value {known[:12]}… in {backup} is not what its name says.")
    if about.schema > migrate.newest():
        raise BackupUnsound(
            f"{backup} was made by a newer Pointsman (schema {about.schema}; this one knows up to {migrate.newest()}).",
            "Install that version or a later one.",
        )
    _brought_up_to_date(room / SNAPSHOT)
    return about, about.schema < migrate.newest()


@contextmanager
def _opened(backup: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(backup) as archive:
            yield archive
    except FileNotFoundError:
        raise StoreFault(f"There is no file {backup}.", "Name the file that `pointsman backup` wrote.") from None
    except (zipfile.BadZipFile, EOFError, zipfile.LargeZipFile) as error:
        raise BackupUnsound(f"{backup} is damaged, or no backup: {error}.") from None


def _about(archive: zipfile.ZipFile, backup: Path) -> About:
    try:
        told: dict[str, Any] = orjson.loads(archive.read(ABOUT))
        about = About(**{**told, "missing": tuple(told["missing"])})
    except (KeyError, TypeError, ValueError):
        raise BackupUnsound(f"{backup} is no backup of Pointsman.") from None
    if about.format != FORMAT:
        raise BackupUnsound(f"{backup} has format {about.format}; this Pointsman reads {FORMAT}.")
    return about


def _out(archive: zipfile.ZipFile, name: str, target: Path) -> str:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        try:
            with archive.open(name) as source:
                hashed = copied(source, file)
        except KeyError:
            raise BackupUnsound(f"There is no {name} in it.") from None
        file.flush()
        os.fsync(file.fileno())
    return hashed


def _brought_up_to_date(snapshot: Path) -> None:
    with closing(sqlite3.connect(snapshot, isolation_level=None)) as raw:
        raw.row_factory = sqlite3.Row
        migrate.bring_up_to_date(raw, snapshot)
        raw.execute("PRAGMA journal_mode = DELETE")  # all of it in one file, which is moved into place


def _checked(room: Path, about: About, audit: Audit) -> None:
    """Raise BackupUnsound unless the database is sound, its record holds together and its values are all there."""
    wrong = damage(room / SNAPSHOT)
    if wrong:
        raise BackupUnsound(f"The database in the backup is damaged: {wrong}.")
    with glance(room / SNAPSHOT) as tx:
        gone = [name for name in uses.everything(tx) if not (room / name).exists() and name not in about.missing]
        breaks = audit(tx)
    if gone:
        raise BackupUnsound(f"{len(gone)} values are missing in the backup, first {gone[0][:12]}….")
    if breaks:
        first = breaks[0]
        raise BackupUnsound(
            f"The record in the backup does not hold together in {len(breaks)} places; first {first.run_id} at "
            f"{first.seq}: {first.problem}.",
            "Was it kept with an audit key? Then set POINTSMAN_AUDIT_KEY. Else somebody changed the record.",
        )


# Putting in place ----------------------------------------------------------------------------------------------------


def _placed(room: Path, database: Path, about: About, older: bool) -> Restored:
    """Values first, then the database: what it refers to is always there."""
    folder, values = Path(f"{database}.content"), 0
    for value in sorted(room.glob("?" * 64)):
        target = folder / value.name[:2] / value.name
        if not target.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            value.rename(target)
            values += 1
    aside = _put_aside(database)
    (room / SNAPSHOT).rename(database)
    for place in {database.parent, *(one for one in (folder, *folder.glob("??")) if one.is_dir())}:
        _sync(place)
    return Restored(about, database, aside, values, older)


def _put_aside(database: Path) -> Path | None:
    """What stands there, under another name; also a log without its database, else it would be the new one's."""
    if not any(Path(f"{database}{end}").exists() for end in BESIDE):
        return None
    n = 1
    while (aside := database.with_name(f"{database.name}.replaced-{n}")).exists():
        n += 1
    for end in BESIDE[::-1]:  # the database itself last: half of it put aside would be a database without its latest
        if Path(f"{database}{end}").exists():
            Path(f"{database}{end}").rename(f"{aside}{end}")
    return aside


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
