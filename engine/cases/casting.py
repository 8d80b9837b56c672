"""Casting: a case as a world made up for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.calendars import Calendar
from engine.cases.reading import Case
from engine.cases.shape import LEFT_OUT, OutcomeShape
from engine.definitions import Definition
from engine.handed_in import taken_in
from engine.rehearsal import Outcome, fails, gives, interrupted
from engine.rehearsal.setting import prepared
from engine.rehearsal.world import MONDAY_MORNING, World
from engine.workers.pool import WorkerPool
from store.content import ContentFolder
from store.model import Json, Plan


def cast(
    case: Case,
    workflow: str,
    definitions: Mapping[str, Definition],
    folder: Path,
    workers: WorkerPool | None,
    calendars: Mapping[str, Calendar] | None = None,
) -> World:
    """The world of a case, with its file in this folder. The calendars are the operator's; the case may have others."""
    made_up = case.made_up
    return prepared(
        folder,
        definitions,
        workflow,
        fakes={name: [outcome(one) for one in listed] for name, listed in made_up.steps.items()},
        settings=made_up.settings,
        people=made_up.people,
        calendars={**(calendars or {}), **made_up.calendars},
        requester=made_up.requester or "U0REQUESTER",
        at=MONDAY_MORNING if made_up.starts_at is None else made_up.starts_at,
        workers=workers,
    )


def outcome(shape: OutcomeShape) -> Outcome:
    """What comes of an attempt, as the fakes know it."""
    if shape.fails is not None:
        return fails(
            shape.fails.code,
            shape.fails.message,
            times=shape.times,
            retryable=shape.fails.retryable,
            retry_after_ms=shape.fails.retry_after,
            maybe_happened=shape.fails.maybe_happened,
            hint=shape.fails.hint,
            item=shape.item,
        )
    if shape.interrupted:
        return interrupted(times=shape.times, item=shape.item)
    assert shape.output is not LEFT_OUT, "a test with a nameless outcome is not played"
    return gives(shape.output, times=shape.times, receipt=shape.receipt, item=shape.item)


def inputs(case: Case, plan: Plan, database: Path) -> dict[str, Json]:
    """The inputs of a case; of a file its path is written, beginning with @, as seen from the test."""
    given = dict(case.made_up.inputs)
    for name, value in given.items():
        is_file = (plan.inputs.get(name) or {}).get("x-file")
        if is_file and isinstance(value, str) and value.startswith("@"):
            given[name] = taken_in(ContentFolder(database), case.folder / value[1:])
    return given
