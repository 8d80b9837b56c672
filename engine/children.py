"""Runs that steps start: a run of their own, under the coordinates of the step, so that it starts only once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from engine.api import Engine, NotStarted, Request, UnknownRun
from engine.faults import ActivityFault
from engine.inputs import read_inputs
from engine.rules.attempts import may_go_on, stale
from engine.rules.commands import AwaitChild, Command, ReportFailure
from engine.starting import open_runs
from store.database import Writer
from store.model import LIMITS, Coordinates, Failure, Json, Parent, Plan, Run, RunId, RunStatus, StepPlan


async def start_child(engine: Engine, spec: StepPlan, run: Run, place: Coordinates, given: Mapping[str, Json]) -> None:
    """Start the run of a step, or find the one that it started before, and have the step wait for its end.

    All in one commit: there is never a child that nobody waits for, nor a step that waits for none. Raises
    ActivityFault when there is no such workflow, or when it does not take these inputs.
    """
    plan = _called(engine, spec)
    depth, most = run.parent.depth + 1 if run.parent else 1, LIMITS.children_depth_max
    if depth > most:
        raise ActivityFault(
            "too_deep",
            f"{plan.workflow} would stand {depth} runs below the first of them; {most} are allowed.",
            retryable=False,
            hint="Does a workflow start itself?",
        )
    inputs = _inputs(plan, given)
    key, parent = f"{run.id}:{place.key}:{place.round}", Parent(run.id, place, depth)
    request = Request(inputs, engine.content.kept(inputs), run.requester, _origin(run), key, parent)
    try:
        await engine.database.write(lambda tx: _start(engine, tx, plan, request, place))
    except NotStarted as refused:
        raise ActivityFault("not_started", refused.message, hint=refused.hint) from None


def _called(engine: Engine, spec: StepPlan) -> Plan:
    name = str(spec.spec.get("call"))
    definition = engine.definitions.get(name)
    if definition is None:
        hint = "Load its file, then retry the run."
        raise ActivityFault("workflow_unknown", f"There is no workflow {name}.", retryable=False, hint=hint)
    return definition.plan


def _inputs(plan: Plan, given: Mapping[str, Json]) -> dict[str, Json]:
    read = read_inputs(plan, given, typed=True)
    if read.problems:
        said = "; ".join(one.message for one in read.problems)
        raise ActivityFault("input_invalid", f"{plan.workflow} cannot be started: {said}.", retryable=False)
    return read.values


def _start(engine: Engine, tx: Writer, plan: Plan, request: Request, place: Coordinates) -> None:
    parent = engine.run_in(tx, request.parent.run_id) if request.parent else None
    assert parent is not None, "a child has a parent"
    command: Command = ReportFailure(place, Failure("run_ended", "the run was ended"))  # nothing has begun
    own_plan = engine.plan_in(tx, parent.version)
    if not stale(parent, place) and may_go_on(own_plan, parent, parent.steps[place.key]):
        child = engine.start_in(tx, plan, request).run
        if child.status is RunStatus.QUEUED:
            _require_turn(engine, tx, child, parent)
        command = AwaitChild(place, child.id)
    engine.change(tx, parent.id, command)


def _require_turn(engine: Engine, tx: Writer, child: Run, parent: Run) -> None:
    """Raise ActivityFault when the turn of a queued child never comes: all that it waits for wait for it."""
    waiting = _and_above(engine, tx, parent)
    if all(one.id in waiting for one in open_runs(tx, child.workflow, child.queue) if one.status != child.status):
        raise ActivityFault(
            "waits_for_itself",
            f"{parent.name} would wait for a run of {child.workflow} that waits for {parent.name} to end.",
            retryable=False,
            hint="Raise limits.concurrency of the workflow, or let it not start itself.",
        )


def _and_above(engine: Engine, tx: Writer, run: Run) -> set[RunId]:
    """A run, the run that started it, and so on."""
    found = {run.id}
    with suppress(UnknownRun):
        while run.parent is not None:
            run = engine.run_in(tx, run.parent.run_id)
            found.add(run.id)
    return found


def _origin(run: Run) -> dict[str, Json]:
    """It shows itself where the run shows itself that started it."""
    return {"surface": "workflow", **{key: run.origin[key] for key in ("channel", "user") if key in run.origin}}
