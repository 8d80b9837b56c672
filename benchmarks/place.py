"""The place: a folder on the disk to be measured, the sync setting, and a fresh database path for each use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Literal

from benchmarks.sizes import Sizes

Synchronous = Literal["full", "normal"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how much to measure."""

    folder: Path
    sizes: Sizes
    synchronous: Synchronous = "full"
    _numbers: Iterator[int] = field(default_factory=count)

    def fresh(self, name: str) -> Path:
        """A path for a database that does not exist yet, in a folder of its own."""
        folder = self.folder / f"{name}-{next(self._numbers)}"
        folder.mkdir(parents=True)
        return folder / "bench.db"


def sync_ms(folder: Path, repetitions: int = 50) -> list[float]:
    """How long the disk takes to sync 4 kB appended to a file: what every commit waits for."""
    path, taken = folder / "sync", []
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(repetitions):
            os.write(handle, b"\0" * 4_096)
            began = perf_counter()
            os.fsync(handle)
            taken.append((perf_counter() - began) * 1_000)
    finally:
        os.close(handle)
        path.unlink()
    return taken


def progress(text: str) -> None:
    """Tell whoever waits what is being measured."""
    print(f"  … {text}", file=sys.stderr, flush=True)
