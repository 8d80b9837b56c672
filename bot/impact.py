"""The impact of a change: which open runs go on by an older version than the one that stands in the folder.

A run keeps its version for life, so what is mended in a file does not reach those under way. Read from the file alone;
a running service is not disturbed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import shapes
from engine.definitions import Definition
from store import definitions, lookups
from store.database import Reader
from store.glance import glance
from store.model import Plan, Run, StepPlan

RUNS_MAX = 10_000
Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change does to one workflow: `new`, `unchanged`, `changed` or `removed`."""

    workflow: str
    change: str
    before: int  # number of the version that is current in the database; 0 when there is none
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    runs: tuple[Left, ...] = ()

    def as_json(self) -> Shape:
        return {
            "workflow": self.workflow,
            "change": self.change,
            "version_number": self.before or None,
            "steps": {"added": list(self.added), "removed": list(self.removed), "changed": list(self.differs)},
            "runs": [one.as_json() for one in self.runs],
        }


@dataclass(frozen=True, slots=True)
class Left:
    """An open run that the change leaves behind."""

    run: Run
    number: int
    waits_at: tuple[str, ...]
    misses: tuple[str, ...]  # steps that it has not finished, and that are other ones in the folder

    def as_json(self) -> Shape:
        return {
            "run": self.run.id,
            "name": self.run.name,
            "status": self.run.status.value,
            "version_number": self.number,
            "requester": shapes.actor(self.run.requester),
            "waits_at": list(self.waits_at),
            "misses": list(self.misses),
        }


def impact(database: Path, found: Mapping[str, Definition], *, whole: bool) -> list[Impact]:
    """What these definitions change; `whole` says that they are all of the folder. Raises StoreFault."""
    if not database.exists():
        return [Impact(name, "new", 0) for name in sorted(found)]
    with glance(database) as reader:
        current = {one.name: one for one in definitions.workflows(reader)}
        rows = lookups.run_list(reader, unfinished=True, limit=RUNS_MAX)
        runs = [run for row in rows if (run := lookups.run(reader, row.id)) is not None]
        names = sorted({*found, *(current if whole else ())})
        return [_of(reader, name, found.get(name), runs) for name in names]


def _of(reader: Reader, name: str, definition: Definition | None, runs: list[Run]) -> Impact:
    known = definitions.workflow(reader, name)
    before = definitions.plan(reader, known.version) if known is not None else None
    after = None if definition is None else definition.plan
    number = 0 if known is None else known.number
    behind = [run for run in runs if run.workflow == name and (after is None or run.version != after.version)]
    left = tuple(_left(reader, run, after) for run in behind)
    if after is None:
        return Impact(name, "removed", number, runs=left)
    if before is None:
        return Impact(name, "new", 0, runs=left)
    if before.version == after.version:
        return Impact(name, "unchanged", number, runs=left)
    return Impact(name, "changed", number, *_differences(before, after), left)


def _left(reader: Reader, run: Run, after: Plan | None) -> Left:
    own = definitions.plan(reader, run.version)
    assert own is not None, "a run's definition is kept as long as the run"
    _, removed, differs = ((), (), ()) if after is None else _differences(own, after)
    other = {*removed, *differs}
    unfinished = {step.name for step in run.steps.values() if not step.status.finished}
    misses = [spec.name for spec in own.steps if spec.name in other and spec.name in unfinished]
    return Left(run, definitions.number(reader, run.version), tuple(shapes.waiting_for(run)), tuple(misses))


def _differences(before: Plan, after: Plan) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The steps that came, that went, and that are other ones."""
    old, new = {spec.name: spec for spec in before.steps}, {spec.name: spec for spec in after.steps}
    added = tuple(name for name in new if name not in old)
    removed = tuple(name for name in old if name not in new)
    return added, removed, tuple(name for name in new if name in old and _is_other(old[name], new[name], before, after))


def _is_other(old: StepPlan, new: StepPlan, before: Plan, after: Plan) -> bool:
    undo = f"{new.name}:undo"
    undone = [plan.step(undo) if plan.knows(undo) else None for plan in (before, after)]
    return old != new or undone[0] != undone[1]


def told(impacts: list[Impact]) -> str:
    """The impact in words: what changes, and who is left behind."""
    lines = [line for one in impacts if one.change != "unchanged" or one.runs for line in _lines(one)]
    return "\n".join(lines) if lines else "Nothing changes, and no run is left behind."


def _lines(one: Impact) -> list[str]:
    words = (("adds", one.added), ("drops", one.removed), ("changes", one.differs))
    steps = [f"{word} {', '.join(names)}" for word, names in words if names]
    what = f": {'; '.join(steps)}" if steps else ""
    since = f" since v{one.before}" if one.before else ""
    lines = [f"{one.workflow} is {one.change}{since if one.change == 'changed' else ''}{what}."]
    for left in one.runs:
        waits = f", waits at {', '.join(left.waits_at)}" if left.waits_at else ""
        misses = f"; it will not see the change of {', '.join(left.misses)}" if left.misses else ""
        lines.append(f"  {left.run.name} stays with v{left.number} ({left.run.status.value}{waits}){misses}.")
    if one.runs:
        lines.append("  To bring one over: `pointsman cancel RUN`, then `pointsman retry RUN --version latest`.")
    return lines
