"""Removing values from the content folder that no run refers to.

Nothing young is removed: a value is written before the commit that refers to it, and counts as young from whenever
somebody last kept it. Each file is put aside before it is looked at and removed; whoever keeps the same value meanwhile
does not find it and writes it again. While a backup is being made nothing is removed at all.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from store.model import Millis

YOUNG_MS = 24 * 3_600_000  # a form may stand open that long before the run that it starts refers to a file
ASIDE = ".leaving"


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


def swept(folder: Path, shard: int, before: Millis, unused: Callable[[Sequence[str]], Sequence[str]]) -> int:
    """Remove what nobody refers to in one of the 256 parts of the folder, and what a crash left half written."""
    part = folder / f"{shard:02x}"
    for half in (*part.glob("*.half"), *folder.glob("*.half"), *part.glob(f"*{ASIDE}")):
        with suppress(OSError):
            if half.suffix == ASIDE:
                _put_back(half)
            elif _since(half) < before:
                half.unlink()
    old = [file.name for file in part.glob("*") if len(file.name) == 64 and _since(file) < before]
    return removed(folder, unused(old), before) if old else 0


def _removed(path: Path, before: Millis) -> bool:
    aside = path.with_name(f"{path.name}{ASIDE}")
    try:
        path.rename(aside)
    except OSError:
        return False
    if _since(aside) >= before:
        _put_back(aside)
        return False
    aside.unlink()
    return True


def _put_back(aside: Path) -> None:
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
