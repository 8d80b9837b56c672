"""A disk that forgets: what of a database and its content folder is still there after the power went.

Bytes count as written for good only when they were synced: of a file by `fsync` of the file, of its name by `fsync` of
the folder it stands in. Of the WAL everything counts up to the end of a commit that was reported; behind it anything
may stand.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

HEADER, FRAME_HEADER = 32, 24
BLOCK = 512  # bytes that a disk writes whole or not at all


class Disk:
    """Watches what is written, named and synced below a folder, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, below: Path) -> None:
        self._below = str(below)
        self._moment = 0
        self._named: dict[str, int] = {}  # when a file or folder got its name
        self._synced: dict[int, int] = {}  # when an inode was last synced
        for name, watched in (("fsync", self._fsync), ("rename", self._rename), ("mkdir", self._mkdir)):
            monkeypatch.setattr(os, name, watched(getattr(os, name)))

    def _fsync(self, real: Callable[..., None]) -> Callable[..., None]:
        def fsync(handle: int) -> None:
            real(handle)
            self._moment += 1
            self._synced[os.fstat(handle).st_ino] = self._moment

        return fsync

    def _rename(self, real: Callable[..., None]) -> Callable[..., None]:
        def rename(source: Any, target: Any, **more: Any) -> None:
            real(source, target, **more)
            self._name(target)

        return rename

    def _mkdir(self, real: Callable[..., None]) -> Callable[..., None]:
        def mkdir(path: Any, *mode: Any, **more: Any) -> None:
            real(path, *mode, **more)
            self._name(path)

        return mkdir

    def _name(self, path: Any) -> None:
        self._moment += 1
        self._named[os.fspath(path)] = self._moment

    def keeps(self, path: Path) -> bool:
        """Would this file still be there, whole and under its name?"""
        if path.stat().st_ino not in self._synced:
            return False
        return all(self._keeps_name(one) for one in (path, *path.parents) if str(one).startswith(self._below))

    def _keeps_name(self, path: Path) -> bool:
        named = self._named.get(str(path))
        return named is None or self._synced.get(path.parent.stat().st_ino, -1) > named


@dataclass(frozen=True)
class Frame:
    """One page in the WAL."""

    page: int
    end: int  # where it ends in the file
    commits: bool


@dataclass(frozen=True)
class Wal:
    """What SQLite would find valid in a WAL."""

    salts: bytes
    page_bytes: int
    frames: tuple[Frame, ...]

    @property
    def end(self) -> int:
        """The end of the last commit."""
        return max((one.end for one in self.frames if one.commits), default=HEADER)


def read_wal(data: bytes) -> Wal:
    """The frames whose checksums hold, as SQLite's recovery goes through them."""
    if len(data) < HEADER:
        return Wal(b"", 0, ())
    order = ">" if data[3] & 1 else "<"
    page_bytes = struct.unpack_from(">I", data, 8)[0]
    return Wal(data[16:24], page_bytes, tuple(_frames(data, order, page_bytes)))


def _frames(data: bytes, order: str, page_bytes: int) -> Iterator[Frame]:
    sums = _checksum(data[:24], order, (0, 0))
    at, step = HEADER, FRAME_HEADER + page_bytes
    while at + step <= len(data):
        head = data[at : at + FRAME_HEADER]
        sums = _checksum(data[at + FRAME_HEADER : at + step], order, _checksum(head[:8], order, sums))
        if head[8:16] != data[16:24] or struct.unpack_from(">II", head, 16) != sums:
            return
        page, size = struct.unpack_from(">II", head)
        at += step
        yield Frame(page, at, size > 0)


def _checksum(data: bytes, order: str, before: tuple[int, int]) -> tuple[int, int]:
    first, second = before
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


@dataclass(frozen=True)
class Moment:
    """What stood in the files just after a commit, and how much was answered by then."""

    database: bytes
    wal: bytes
    answered: int
    content: tuple[tuple[str, bytes], ...]  # what of the content folder would still be there, by its path


def moment(database: Path, disk: Disk, answered: int) -> Moment:
    folder = Path(f"{database}.content")
    kept = tuple(
        (str(path.relative_to(folder)), path.read_bytes())
        for path in sorted(folder.glob("??/*"))
        if path.suffix != ".half" and disk.keeps(path)
    )
    wal = Path(f"{database}-wal")
    return Moment(database.read_bytes(), wal.read_bytes() if wal.exists() else b"", answered, kept)


def cut_during(before: Moment, then: Moment, folder: Path, luck: Random) -> Path:
    """The files after the power went while the commit between two moments was written. Gives the database."""
    # Nothing was copied back into the database meanwhile: that begins when the commit has been synced.
    old, new = read_wal(before.wal), read_wal(then.wal)
    begun_anew = old.salts != new.salts
    wal = damaged(then.wal, 0 if begun_anew else old.end, luck)
    return _laid_out(folder, before.database, wal, before.content)


def cut_in_checkpoint(then: Moment, folder: Path, luck: Random) -> Path:
    """The files after the power went while pages were copied from the WAL into the database."""
    wal, pages = read_wal(then.wal), bytearray(then.database)
    for frame in wal.frames:
        begin = (frame.page - 1) * wal.page_bytes
        if frame.end <= wal.end and begin < len(pages) and luck.random() < 0.7:
            pages[begin : begin + wal.page_bytes] = luck.randbytes(wal.page_bytes)
    return _laid_out(folder, bytes(pages[: len(then.database)]), then.wal, then.content)


def damaged(data: bytes, synced: int, luck: Random) -> bytes:
    """Anything that may stand in a file of which so many bytes had been synced."""
    head, tail = data[:synced], bytearray(data[synced:])
    match luck.choice(("cut", "cut off", "garbled", "holes", "whole")):
        case "cut":
            return head
        case "cut off":
            return head + bytes(tail[: luck.randrange(len(tail) + 1)])
        case "garbled":
            return head + luck.randbytes(len(tail))
        case "holes":
            for begin in range(0, len(tail), BLOCK):
                if luck.random() < 0.3:
                    tail[begin : begin + BLOCK] = bytes(len(tail[begin : begin + BLOCK]))
    return head + bytes(tail)


def _laid_out(folder: Path, database: bytes, wal: bytes, content: tuple[tuple[str, bytes], ...]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "a.db"
    path.write_bytes(database)
    Path(f"{path}-wal").write_bytes(wal)
    for name, data in content:
        target = Path(f"{path}.content") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path
