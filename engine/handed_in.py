"""Files that people hand in with a run: the run knows name, type, size and hash; the bytes stand in the content folder.

A file is kept once, as it is. No step gets a copy: a function is given its path, a request streams it from disk.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.faults import ActivityFault
from store.content import ContentFolder
from store.faults import StoreFault
from store.model import Json

KEYS = frozenset(("name", "media_type", "size", "hash"))
UNKNOWN_TYPE = "application/octet-stream"


def taken_in(folder: ContentFolder, path: Path) -> dict[str, Json]:
    """Keep a file, and give what an input says of it. Raises StoreFault when it cannot be read or is too large."""
    name, size = folder.kept_file(path)
    return {
        "name": path.name,
        "media_type": mimetypes.guess_type(path.name)[0] or UNKNOWN_TYPE,
        "size": size,
        "hash": name,
    }


def is_file(value: Json) -> bool:
    """Whether a value stands for a file."""
    return isinstance(value, Mapping) and value.keys() == KEYS


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
