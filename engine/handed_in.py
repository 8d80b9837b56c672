"""Files that people hand in with a run, or that steps make: a run knows name, type, size and hash; the bytes stand in
the content folder.

A file is kept once, as it is. No step gets a copy: a function or a program is given its path, a request streams it
from disk.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import anyio.to_thread

from engine.faults import ActivityFault
from store.content import ContentFolder
from store.faults import StoreFault
from store.model import Json

KEYS = frozenset(("name", "media_type", "size", "hash"))
UNKNOWN_TYPE = "application/octet-stream"
NAME_CHARS = 200
WRITE_BYTES = 1024 * 1024  # is gathered before it is written, on a thread of its own
_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f/\\\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def taken_in(folder: ContentFolder, path: Path) -> dict[str, Json]:
    """Keep a file, and give what an input says of it. Raises StoreFault when it cannot be read or is too large."""
    name, size = folder.kept_file(path)
    return described(path.name, "", size, name)


async def received(
    folder: ContentFolder,
    parts: AsyncIterator[bytes],
    name: str,
    media_type: str = "",
    *,
    size: int | None = None,
    digest: str = "",
) -> dict[str, Json]:
    """Keep a file that comes piece by piece, never whole in memory; `size` and `digest` (SHA-256) as announced.

    Raises StoreFault: FileTooLarge, FileNotWhole, or what the disk says. Cancelled, it leaves nothing behind.
    """
    name = plain_name(name)
    arriving = await anyio.to_thread.run_sync(lambda: folder.arrival(name, announced=size))
    try:
        gathered = bytearray()
        async for part in parts:
            gathered += part
            if len(gathered) >= WRITE_BYTES:
                await anyio.to_thread.run_sync(arriving.write, bytes(gathered))
                gathered.clear()
        await anyio.to_thread.run_sync(arriving.write, bytes(gathered))
        hashed, kept = await anyio.to_thread.run_sync(lambda: arriving.kept(size=size, digest=digest))
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(arriving.__exit__, None, None, None)
    return described(name, media_type, kept, hashed)


def described(name: str, media_type: str, size: int, digest: str) -> dict[str, Json]:
    """What a run says of a file; of a type that nobody told, what its name says."""
    name = plain_name(name)
    known = media_type.split(";")[0].strip().lower() or mimetypes.guess_type(name)[0] or UNKNOWN_TYPE
    return {"name": name, "media_type": known, "size": size, "hash": digest}


def plain_name(name: str) -> str:
    """A name for a file: never a path, nothing that cannot be seen, and not too long; its ending stays."""
    plain = _NOT_IN_NAMES.sub("_", name.replace("\\", "/").rpartition("/")[2]).strip(" .") or "file"
    if len(plain) <= NAME_CHARS:
        return plain
    stem, dot, ending = plain.rpartition(".")
    return f"{stem[: NAME_CHARS - len(ending) - 1]}.{ending}" if dot and len(ending) < 20 else plain[:NAME_CHARS]


def is_file(value: Json) -> bool:
    """Whether a value stands for a file."""
    return isinstance(value, Mapping) and value.keys() == KEYS


def files_of(schema: Mapping[str, Json], value: Json) -> list[dict[str, Json]]:
    """The files that an input holds by its schema: one, or those of a list."""
    if schema.get("x-file"):
        return [] if value is None else [value]
    items = schema.get("items")
    many = isinstance(items, Mapping) and items.get("x-file") and isinstance(value, list | tuple)
    return list(value) if many else []


def path_of(file: Mapping[str, Json], paths: Callable[[str], Path]) -> Path:
    """Where the bytes of a file stand. Raises ActivityFault when they are not there."""
    try:
        return paths(str(file["hash"])).absolute()  # who reads it may stand in another folder
    except StoreFault as missing:
        message = f"The file {file['name']} is not there: {missing.message}"
        raise ActivityFault("input_invalid", message, retryable=False, hint=missing.hint) from None


def with_paths(value: Json, paths: Callable[[str], Path]) -> Json:
    """The value with a `path` beside the hash of every file in it."""
    if is_file(value):
        return {**value, "path": str(path_of(value, paths))}
    if isinstance(value, Mapping):
        return {key: with_paths(part, paths) for key, part in value.items()}
    if isinstance(value, list):
        return [with_paths(part, paths) for part in value]
    return value
