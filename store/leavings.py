"""Removing values from the content folder that no run refers to.

Nothing young is removed: a value is written before the commit that refers to it, and counts as young from whenever
somebody last kept it. Each file is put aside before it is looked at and removed; whoever keeps the same value meanwhile
does not find it and writes it again. While a backup is being made nothing is removed at all.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.model import Millis

YOUNG_MS = 24 * 3_600_000  # a form may stand open that long before the run that it starts refers to a file
ASIDE = ".leaving"
WORKSHOP = "workshop"  # below it attempts make files; each has a folder, which is gone when the attempt is
HASH_CHARS = 64


@contextmanager
def nothing_leaves(folder: Path) -> Iterator[None]:
    """For as long as the block lasts, whatever stands in the folder stays there."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


def removed(folder: Path, names: Iterable[str], before: Millis) -> int:
    """Remove these values, as far as they are older than that. Gives how many; none while a backup is being made."""
    try:
        with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return sum(_removed(folder / name[:2] / name, before) for name in names)
    except BlockingIOError:
        return 0


def old_in(folder: Path, shard: int, before: Millis) -> list[str]:
    """What stands in one of the 256 parts of the folder and is older; what a crash left half written is removed."""
    part = folder / f"{shard:02x}"
    for half in (*folder.glob("*.half"), *part.glob("*.half")):
        if _since(half) < before:
            half.unlink(missing_ok=True)
    for left in (folder / WORKSHOP).glob("*"):
        if _since(left) < before:
            shutil.rmtree(left, ignore_errors=True)
    for aside in part.glob(f"*{ASIDE}"):
        _put_back(aside)
    return [file.name for file in part.glob("*") if len(file.name) == HASH_CHARS and _since(file) < before]


def _removed(path: Path, before: Millis) -> bool:
    aside = path.with_name(f"{path.name}{ASIDE}")
    try:
        path.rename(aside)
    except OSError:
        return False
    if _since(aside) >= before:
        _put_back(aside)
        return False
    aside.unlink(missing_ok=True)
    return True


def _put_back(aside: Path) -> None:
    with suppress(FileNotFoundError):
        aside.rename(aside.with_suffix(""))


def _since(path: Path) -> Millis:
    """When somebody last kept it; what is not there any more counts as young."""
    try:
        return path.stat().st_mtime_ns // 1_000_000
    except OSError:
        return 2**63


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    if not folder.is_dir():
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)
