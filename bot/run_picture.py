"""A run as its picture shows it: the state of each step, and of a list how far it has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from bot.picture.graph import Standing
from bot.requests import Objection
from store import definitions, lookups
from store.glance import glance
from store.model import Plan, Run, Step, StepStatus

_LOUDEST = (
    StepStatus.FAILED,
    StepStatus.UNKNOWN,
    StepStatus.RUNNING,
    StepStatus.WAITING,
    StepStatus.READY,
    StepStatus.PENDING,
    StepStatus.SUCCEEDED,
    StepStatus.SKIPPED,
    StepStatus.CANCELLED,
)
"""Of many elements, the state that is shown for all of them."""


def look_up(database: Path, ref: str) -> tuple[Run, Plan]:
    """A run and the plan that it follows, from the file alone. Raises Objection, StoreFault."""
    with glance(database) as reader:
        run = lookups.run(reader, ref)
        if run is None:
            raise Objection(
                "unknown_run", f"There is no run {ref} here.", "`pointsman runs` lists the newest.", status=404
            )
        plan = definitions.plan(reader, run.version)
    assert plan is not None, "a run's definition is kept as long as the run"
    return run, plan


def standings(run: Run, plan: Plan) -> Mapping[str, Standing]:
    """How each step of the plan stands."""
    rows: dict[str, list[Step]] = {}
    for step in run.steps.values():
        rows.setdefault(step.name, []).append(step)
    return {name: _standing(name, found, plan) for name, found in rows.items() if plan.knows(name)}


def _standing(name: str, rows: list[Step], plan: Plan) -> Standing:
    if plan.step(name).fanout is not None:
        rows = [row for row in rows if row.fan is not None or row.item is None] or rows
        lists = [row.fan for row in rows if row.fan is not None]
        if lists:
            ended, count, failed = (sum(getattr(one, key) for one in lists) for key in ("ended", "count", "failed"))
            told = f"{ended} of {count} done" + (f", {failed} failed" if failed else "")
            return Standing(_loudest(rows), told)
    if len(rows) == 1:
        return Standing(rows[0].status.value, _note(rows[0]))
    counted = Counter(row.status for row in rows)
    return Standing(_loudest(rows), ", ".join(f"{counted[one]} {one.value}" for one in _LOUDEST if counted[one]))


def _loudest(rows: list[Step]) -> str:
    return next(one.value for one in _LOUDEST if any(row.status is one for row in rows))


def _note(step: Step) -> str:
    if step.status is StepStatus.WAITING and step.gate is not None:
        return f"asks {', '.join(step.gate.approvers)}"
    return f"attempt {step.attempt}" if step.attempt > 1 else ""
