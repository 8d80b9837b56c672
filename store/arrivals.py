"""Files on their way into the content folder: hashed while they are written, and under their hash only when whole.

A crash leaves a half, which nobody refers to; it is removed when it is old.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from store.faults import StoreFault, StoreFull

PIECE_BYTES = 1024 * 1024
NO_SPACE = 28


class FileTooLarge(StoreFault):
    """A file is larger than anything that is kept."""

    hint = "Put it where the workflow can fetch it, and hand in its address."


class FileNotWhole(StoreFault):
    """What arrived is not the file that was announced."""

    hint = "Nothing was kept of it. Send it again."


def too_large(what: str, size: int, bytes_max: int, *, more: bool = False) -> FileTooLarge:
    """Both numbers, and what to do; `more` when nobody has counted to the end."""
    has = f"more than {bytes_max:,}" if more else f"{size:,}"
    return FileTooLarge(f"{what} is too large: it has {has} bytes, and at most {bytes_max:,} are kept of a file.")


class Arrival:
    """One file while it arrives: a context that leaves nothing behind unless it was kept. For one thread at a time.

    `what` names it in messages. Every method raises StoreFault.
    """

    def __init__(self, folder: Path, what: str, bytes_max: int) -> None:
        self.size = 0
        self._folder = folder
        self._what = what
        self._bytes_max = bytes_max
        self._hashed = sha256()
        self._half = folder / f"{os.getpid()}.{os.urandom(4).hex()}.half"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = self._half.open("xb")
        except OSError as error:
            raise self._fault(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._half.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        return self._hashed.hexdigest()

    def write(self, part: bytes) -> None:
        """Take the next bytes."""
        self.size += len(part)
        if self.size > self._bytes_max:
            raise too_large(self._what, self.size, self._bytes_max, more=True)
        self._hashed.update(part)
        try:
            self._file.write(part)
        except OSError as error:
            raise self._fault(error) from error

    def kept(self, *, size: int | None = None, digest: str = "") -> tuple[str, int]:
        """The hash and size of it, once it stands under its hash and is on disk; `size` and `digest` as announced."""
        if size is not None and size != self.size:
            raise FileNotWhole(f"{self._what} did not arrive whole: {self.size:,} of {size:,} bytes.")
        if digest and digest != self.sha256:
            raise FileNotWhole(f"{self._what} did not arrive as it was sent: its SHA-256 is {self.sha256}.")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            put_under(self._folder, self._half, self.sha256)
        except OSError as error:
            raise self._fault(error) from error
        return self.sha256, self.size

    def _fault(self, error: OSError) -> StoreFault:
        if error.errno == NO_SPACE:
            return StoreFull()
        return StoreFault(f"{self._what} could not be kept: {error.strerror}.", "May this user write there?")


def adopted(folder: Path, path: Path, what: str, bytes_max: int) -> tuple[str, int]:
    """The hash and size of a file of ours on the same disk, moved into the folder: no byte of it is copied.

    It is hashed after nobody may write to it any more by its name. Raises StoreFault.
    """
    size = path.stat().st_size
    if size > bytes_max:
        raise too_large(what, size, bytes_max)
    path.chmod(0o400)
    hashed, size = sha256(), 0
    with path.open("rb") as file:
        while part := file.read(PIECE_BYTES):
            size += len(part)
            hashed.update(part)
        os.fsync(file.fileno())
    put_under(folder, path, hashed.hexdigest())
    return hashed.hexdigest(), size


def put_under(folder: Path, path: Path, name: str) -> None:
    """Give a file that is on disk its hash for a name, for reading only. Raises OSError."""
    place = folder / name[:2]
    place.mkdir(exist_ok=True)
    path.chmod(0o400)
    os.utime(path)  # young from here on, however long it took to arrive
    path.rename(place / name)
    settle(folder, name)


def settle(folder: Path, name: str) -> None:
    """Have the name of a file outlast a power cut: its folder, and every folder above it that is ours. Raises OSError.

    Needed also by whoever finds a file there: who put it there may not have come so far yet, or have died before.
    """
    _sync(folder / name[:2])
    _sync(folder)
    about = folder.stat()
    if (about.st_dev, about.st_ino) not in _settled:
        _sync(folder.parent)
        _settled.add((about.st_dev, about.st_ino))


_settled: set[tuple[int, int]] = set()
"""Content folders whose own names are known to be on disk."""


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
