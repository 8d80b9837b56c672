"""Which names an expression can see, and what must be loaded so that it can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from engine.rules.expressions import Reference
from engine.rules.gates import rfc3339
from store.model import Content, Facts, Json, Plan, Run, Step, StepStatus

Resolve = Callable[[Content | None], Json]


def scope(plan: Plan, run: Run, references: Iterable[Reference], facts: Facts) -> dict[str, Json]:
    """The data behind exactly the names that are referred to; values pass by reference, nothing is copied."""

    def resolve(content: Content | None) -> Json:
        if content is None or content.hash is None:
            return None if content is None else content.value
        return facts.content[content.hash]

    names: dict[str, Json] = {}
    for reference in references:
        root = reference.path[0]
        if root == "steps":
            _add_step(names.setdefault("steps", {}), run, reference, resolve)
        elif root not in names:
            names[root] = _root(root, plan, run, facts, resolve)
    return names


def _root(root: str, plan: Plan, run: Run, facts: Facts, resolve: Resolve) -> Json:
    match root:
        case "inputs":
            return resolve(run.inputs)
        case "settings":
            return facts.settings
        case "vars":
            return plan.vars
        case "run":
            return _run(run)
        case _:
            return None


def _run(run: Run) -> Mapping[str, Json]:
    return {
        "id": run.id,
        "name": run.name,
        "workflow": run.workflow,
        "requester": run.requester.id,
        "started_at": rfc3339(run.created_at),
        "trace_id": run.trace_id,
        "outcome": run.outcome.value if run.outcome else None,
    }


def _add_step(steps: dict[str, Json], run: Run, reference: Reference, resolve: Resolve) -> None:
    if len(reference.path) < 2:
        for name in run.steps:
            steps.setdefault(name, step_view(run.steps[name], resolve))
        return
    name = reference.path[1]
    if name not in steps and name in run.steps:
        steps[name] = step_view(run.steps[name], resolve)


def step_view(step: Step, resolve: Resolve) -> Mapping[str, Json]:
    """A step as expressions see it: `output` is there only when it succeeded, `error` only when it failed."""
    view: dict[str, Json] = {"status": step.status.value}
    if step.status is StepStatus.SUCCEEDED:
        view["output"] = resolve(step.output)
        view["receipt"] = step.receipt
    if step.error is not None and step.status is StepStatus.FAILED:
        view["error"] = {"code": step.error.code, "message": step.error.message}
    return view


def content_needed(run: Run, references: Iterable[Reference]) -> frozenset[str]:
    """Hashes of the values, kept outside the rows, that these references read."""
    needed: set[str] = set()
    for reference in references:
        if reference.path[0] == "inputs":
            _note(needed, run.inputs)
        elif reference.path[0] == "steps":
            names = (reference.path[1],) if len(reference.path) > 1 else tuple(run.steps)
            for name in names:
                if name in run.steps:
                    _note(needed, run.steps[name].output)
    return frozenset(needed)


def _note(needed: set[str], content: Content | None) -> None:
    if content is not None and content.hash is not None:
        needed.add(content.hash)
