"""World: what goes on while the engine is down. A crash takes nothing of it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.calendars import Calendar
from engine.clock import HandClock
from engine.definitions import Definition
from engine.rehearsal.company import Company
from engine.rehearsal.fakes import Fakes
from engine.workers.pool import WorkerPool
from store.database import Writer
from store.model import Json, Millis, RunId

MONDAY_MORNING = 1_767_603_600_000  # 2026-01-05T09:00:00Z


@dataclass(slots=True)
class World:
    """Everything outside of the engine, and its file."""

    database: Path
    workflow: str
    definitions: Mapping[str, Definition]
    fakes: Fakes
    company: Company
    settings: Mapping[str, Json]
    clock: HandClock
    calendars: Mapping[str, Calendar] = field(default_factory=dict)  # of working hours; none: every hour counts
    workers: WorkerPool | None = None  # for `python` steps; each life of the engine starts its own when there are none
    fuse: Callable[[str, Writer], None] | None = None  # called before and after every commit
    runs: list[RunId] = field(default_factory=list)  # that were started, in order
    answers: list[Any] = field(default_factory=list)  # what was done so far, each with what came of it
    targets: dict[int, Millis] = field(default_factory=dict)  # to which moment the clock is being moved

    @property
    def definition(self) -> Definition:
        return self.definitions[self.workflow]
