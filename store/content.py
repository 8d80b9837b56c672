"""Large values, kept once by their hash in a folder beside the file, synced before the commit that refers to them."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock

import orjson

from store.canon import canon
from store.faults import StoreFault, StoreFull
from store.model import LIMITS, Content, Json
from store.uses import named_in

PIECE_BYTES = 1024 * 1024
_HASH = re.compile("[0-9a-f]{64}")
REMEMBERED_MAX = 8  # values; each may be large
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

    def kept(self, value: Json) -> Content:
        """The value as content: held inline when it is small, else written and synced here."""
        data = canon(value)
        if len(data) <= LIMITS.inline_bytes_max:
            return Content(value)
        name = sha256(data).hexdigest()
        if not _young(self._path(name)):
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
        half = self.folder / f"{os.getpid()}.{os.urandom(4).hex()}.half"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            name, size = _copied(source, half)
            path = self._path(name)
            path.parent.mkdir(exist_ok=True)
            half.chmod(0o400)
            half.rename(path)
            for folder in (path.parent, self.folder):
                _sync(folder)
        except OSError as error:
            if error.errno == 28:  # ENOSPC
                raise StoreFull() from error
            raise StoreFault(f"{source} could not be kept: {error.strerror}.", "Can it be read by this user?") from None
        finally:
            half.unlink(missing_ok=True)
        return name, size

    def path(self, name: str) -> Path:
        """Where the bytes with this hash stand, to be read only. Raises ContentMissing."""
        path = self._path(name)
        if not _HASH.fullmatch(name) or not path.is_file():
            raise ContentMissing(f"The content {name[:12]}… is not in {self.folder}.")
        return path

    def held(self, name: str) -> None:
        """Have what stands there count as young: somebody is about to refer to it. Raises ContentMissing."""
        _young(self.path(name))

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
            for folder in (path.parent, self.folder):
                _sync(folder)
        except OSError as error:
            half.unlink(missing_ok=True)
            if error.errno == 28:  # ENOSPC
                raise StoreFull() from error
            raise StoreFault(f"{path} could not be written: {error.strerror}.") from error


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
    except FileNotFoundError:
        return False
    except PermissionError:  # it is another user's
        return path.exists()
    return True


def _copied(source: Path, target: Path) -> tuple[str, int]:
    """Copy a file piece by piece and sync it; its hash and size."""
    hashed, size = sha256(), 0
    with source.open("rb") as given, target.open("xb") as kept:
        while part := given.read(PIECE_BYTES):
            size += len(part)
            if size > LIMITS.file_bytes_max:
                raise StoreFault(
                    f"{source} is too large: at most {LIMITS.file_bytes_max:,} bytes are kept of a file.",
                    "Put it where the workflow can fetch it, and hand in its address.",
                )
            hashed.update(part)
            kept.write(part)
        kept.flush()
        os.fsync(kept.fileno())
    return hashed.hexdigest(), size


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
