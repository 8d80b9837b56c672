"""Large values, kept once by their hash in a folder beside the file, synced before the commit that refers to them."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from threading import Lock

import orjson

from store.arrivals import PIECE_BYTES, Arrival, adopted, settle, too_large
from store.canon import canon
from store.faults import StoreFault, StoreFull
from store.leavings import WORKSHOP, nothing_leaves
from store.model import LIMITS, Content, Json
from store.uses import named_in

_HASH = re.compile("[0-9a-f]{64}")
REMEMBERED_MAX = 8  # values; each may be large
SETTLED_MAX = 10_000  # values of which it is remembered that they are on disk; of others it is made sure again
WITHIN_MAX = 10_000  # values that name files, until what refers to them is written


class ContentMissing(StoreFault):
    """A value that a run refers to is not in the content folder."""

    hint = "Restore the content folder from the backup that belongs to this database."


class ContentFolder:
    """`<db>.content/`: one file a value, named by its hash. Safe to use from several threads: files never change."""

    def __init__(self, database: Path) -> None:
        self.folder = Path(f"{database}.content")
        self._values = _Values(self)
        self._within: dict[str, tuple[str, ...]] = {}
        self._settled: set[str] = set()  # of these it is known

    def kept(self, value: Json) -> Content:
        """The value as content: held inline when it is small, else written and synced here."""
        data = canon(value)
        if len(data) <= LIMITS.inline_bytes_max:
            return Content(value)
        name = sha256(data).hexdigest()
        path = self._path(name)
        if _young(path):
            self._make_sure(path)
        else:
            self._write(name, data)
        self._note_within(name, data)
        return Content(None, name, len(data))

    def within(self, name: str) -> tuple[str, ...]:
        """The files that a value kept here a moment ago names in turn."""
        return self._within.get(name, ())

    def _note_within(self, name: str, data: bytes) -> None:
        found = named_in(data)
        if found:
            self._within[name] = found
            while len(self._within) > WITHIN_MAX:
                self._within.pop(next(iter(self._within)), None)

    def kept_file(self, source: Path) -> tuple[str, int]:
        """The hash and size of a file, whose bytes are kept here as they are. Raises StoreFault."""
        try:
            with source.open("rb") as given, self.arrival(str(source)) as arriving:
                while part := given.read(PIECE_BYTES):
                    arriving.write(part)
                return arriving.kept()
        except OSError as error:
            raise StoreFault(f"{source} could not be kept: {error.strerror}.", "Can it be read by this user?") from None

    def arrival(self, what: str, *, announced: int | None = None) -> Arrival:
        """Room for a file that comes piece by piece. Raises StoreFault when so many bytes will never be kept."""
        if announced is not None and announced > LIMITS.file_bytes_max:
            raise too_large(what, announced, LIMITS.file_bytes_max)
        return Arrival(self.folder, what, LIMITS.file_bytes_max)

    def adopted(self, path: Path, what: str) -> tuple[str, int]:
        """The hash and size of a file that was made below `workshop`: it is moved here. Raises StoreFault."""
        try:
            about = path.lstat()
            if not S_ISREG(about.st_mode):
                raise StoreFault(f"{what} could not be kept: it is no plain file.", "Write a file there.")
            if about.st_nlink > 1:  # somebody may write to it by another name
                return self.kept_file(path)
            return adopted(self.folder, path, what, LIMITS.file_bytes_max)
        except OSError as error:
            raise StoreFault(f"{what} could not be kept: {error.strerror}.") from None

    def taken_over(self, path: Path, what: str) -> tuple[str, int]:
        """The hash and size of a file that a step made, kept here: moved from the workshop, else copied.

        A file of the folder itself is there already. Raises StoreFault.
        """
        path = path.absolute()
        if path == self._path(path.name).absolute() and _HASH.fullmatch(path.name):
            return path.name, self.held(path.name)
        if path.is_relative_to(self.workshop.absolute()):
            return self.adopted(path, what)
        return self.kept_file(path)

    @property
    def workshop(self) -> Path:
        """Where attempts make files of their own, on the same disk, so that they need not be copied."""
        return self.folder / WORKSHOP

    def path(self, name: str) -> Path:
        """Where the bytes with this hash stand, to be read only. Raises ContentMissing."""
        path = self._path(name)
        if not _HASH.fullmatch(name) or not path.is_file():
            raise ContentMissing(f"The content {name[:12]}… is not in {self.folder}.")
        return path

    def held(self, name: str) -> int:
        """Have what stands there count as young: somebody is about to refer to it. Its size; raises ContentMissing."""
        with nothing_leaves(self.folder):  # what is put aside to be looked at would seem to be gone
            path = self.path(name)
            _young(path)
            self._make_sure(path)
            return path.stat().st_size

    def load(self, name: str) -> Json:
        """The value with this hash. Raises ContentMissing."""
        try:
            return orjson.loads(self._path(name).read_bytes())
        except FileNotFoundError:
            raise ContentMissing(f"The value {name[:12]}… is not in {self.folder}.") from None

    @property
    def values(self) -> Mapping[str, Json]:
        """Every value by its hash, read when it is asked for: a value never changes, so it does not matter when."""
        return self._values

    def value(self, content: Content | None) -> Json:
        """The value, wherever it is held."""
        if content is None or content.hash is None:
            return None if content is None else content.value
        return self.load(content.hash)

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        half = path.with_name(f"{name}.{os.getpid()}.{os.urandom(4).hex()}.half")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(exist_ok=True)
            with half.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            half.rename(path)
            self._settle(name)
        except OSError as error:
            with suppress(OSError):  # the folder itself may be in trouble
                half.unlink()
            if error.errno == 28:  # ENOSPC
                raise StoreFull() from error
            raise StoreFault(f"{path} could not be written: {error.strerror}.") from error

    def _make_sure(self, path: Path) -> None:
        """Have what was found there outlast a power cut, before anything refers to it. Raises StoreFault."""
        if path.name in self._settled:
            return
        try:
            self._settle(path.name)
        except OSError as error:
            raise StoreFault(f"{path} could not be made sure of: {error.strerror}.") from error

    def _settle(self, name: str) -> None:
        settle(self.folder, name)
        if len(self._settled) >= SETTLED_MAX:
            self._settled.clear()
        self._settled.add(name)


class _Values(Mapping[str, Json]):
    """The folder as a mapping. The values read last are remembered, as the items of one list are asked for in turn."""

    def __init__(self, folder: ContentFolder) -> None:
        self._folder = folder
        self._latest: OrderedDict[str, Json] = OrderedDict()
        self._lock = Lock()

    def __getitem__(self, name: str) -> Json:
        with self._lock:
            if name in self._latest:
                self._latest.move_to_end(name)
                return self._latest[name]
        value = self._folder.load(name)
        with self._lock:
            self._latest[name] = value
            while len(self._latest) > REMEMBERED_MAX:
                self._latest.popitem(last=False)
        return value

    def __iter__(self) -> Iterator[str]:
        return (path.name for path in self._folder.folder.glob("??/*") if path.suffix != ".half")

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _young(path: Path) -> bool:
    """Whether it is there; from here on it counts as young and is not removed, though nobody refers to it yet."""
    try:
        os.utime(path)
    except OSError:  # it is not there, or it is another user's
        return path.exists()
    return True
