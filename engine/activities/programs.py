"""Programs: which file a command runs, and what it was when it did. Part of the receipt, as nothing pins a program."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from store.model import Json

HASHED_BYTES_MAX = 64 * 1024 * 1024  # of one file; a larger one has no fingerprint
FILES_MAX = 20  # of the workflow's own among the arguments
KNOWN_MAX = 512
_known: dict[tuple[str, int, int, int], str] = {}  # what was hashed before, by place, size, date and inode


def told(argv: Sequence[str], folder: Path, environment: Mapping[str, str], home: Path) -> dict[str, Json]:
    """What the receipt says of the program and of files of the workflow's folder, `home`, among its arguments.

    `path` is where the program stands, `fingerprint` the sha256 of it; `files` holds those of the others, by their
    place in the folder. What is not there, cannot be read or is too large has none.
    """
    found = _found(argv[0], folder, environment)
    if found is None:
        return {}
    files = {name: mark for name, mark in (_own(part, folder, home) for part in argv[1:]) if name and mark}
    kept: dict[str, Json] = dict(list(files.items())[:FILES_MAX])
    return {"path": str(found), "fingerprint": fingerprint(found), **({"files": kept} if kept else {})}


def _found(program: str, folder: Path, environment: Mapping[str, str]) -> Path | None:
    if os.sep in program:
        place: str | None = str(folder / program)
    else:
        place = shutil.which(program, path=environment.get("PATH", os.defpath))
    if place is None or not os.path.isfile(place):
        return None
    return Path(os.path.realpath(place))


def _own(part: str, folder: Path, home: Path) -> tuple[str, str]:
    """One argument as a file of the workflow: its place in the folder, and its fingerprint; else nothing."""
    try:
        path = Path(os.path.realpath(folder / part))
        beside = path.relative_to(os.path.realpath(home))
        return (str(beside), fingerprint(path)) if part and path.is_file() else ("", "")
    except (OSError, ValueError):
        return "", ""


def fingerprint(path: Path) -> str:
    """The sha256 of a file; empty when it cannot be read or is too large. What did not change is not read again."""
    try:
        stat = path.stat()
        if stat.st_size > HASHED_BYTES_MAX:
            return ""
        key = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
        mark = _known.get(key)
        if mark is None:
            with path.open("rb") as file:
                mark = hashlib.file_digest(file, "sha256").hexdigest()
            if len(_known) >= KNOWN_MAX:
                _known.clear()
            _known[key] = mark
        return mark
    except OSError:
        return ""
