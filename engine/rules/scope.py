"""Which names an expression can see.

A name after `steps.` is looked up where the expression stands, then further out: next to it, then next to the block
it stands in. Within a list each step sees the steps of its own item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.rules.expressions import Reference
from engine.rules.gates import rfc3339
from engine.rules.graph import key_at
from store.model import NO_USAGE, Content, Facts, Fan, Json, Plan, Review, Run, Step, StepKey, StepStatus, block_of

Resolve = Callable[[Content | None], Json]


@dataclass(frozen=True, slots=True)
class Where:
    """Where an expression stands: in which block, at which item, and in which step."""

    block: str = ""
    item: str | None = None
    step: Step | None = None


OUTSIDE = Where()


def at(step: Step) -> Where:
    """Where the expressions of a step stand."""
    return Where(block_of(step.name), step.item, step)


def inside(step: Step) -> Where:
    """Where the output of a block or an item is put together: among the steps that stand in it."""
    return Where(step.name, step.item, step)


def scope(
    plan: Plan, run: Run, references: Iterable[Reference], facts: Facts, where: Where = OUTSIDE
) -> dict[str, Json]:
    """The data behind exactly the names that are referred to; values pass by reference, nothing is copied."""

    def resolve(content: Content | None) -> Json:
        if content is None or content.hash is None:
            return None if content is None else content.value
        return facts.content[content.hash]

    names: dict[str, Json] = {}
    for reference in references:
        root = reference.path[0]
        if root == "steps":
            _add_steps(names.setdefault("steps", {}), plan, run, reference, where, resolve)
        elif root not in names:
            names[root] = _root(root, plan, run, facts, where, resolve)
    return names


def _root(root: str, plan: Plan, run: Run, facts: Facts, where: Where, resolve: Resolve) -> Json:
    match root:
        case "inputs":
            return resolve(run.inputs)
        case "settings":
            return facts.settings
        case "vars":
            return plan.vars
        case "run":
            return _run(run)
        case "previous":
            return {"outputs": resolve(run.previous)}
        case "review":
            return _review(plan, run, where, resolve)
        case _:
            return _element(root, plan, run, where, resolve)


def _run(run: Run) -> Mapping[str, Json]:
    return {
        "id": run.id,
        "name": run.name,
        "workflow": run.workflow,
        "requester": run.requester.id,
        "started_at": rfc3339(run.created_at),
        "trace_id": run.trace_id,
        "outcome": run.outcome.value if run.outcome else None,
        "slot": run.origin.get("slot"),
        "usage": {**NO_USAGE, **run.usage},
    }


def _review(plan: Plan, run: Run, where: Where, resolve: Resolve) -> Json:
    review = next((step.review for step in _outwards(plan, run, where) if step.review is not None), None)
    if review is None:
        return {"round": 1, "comment": "", "previous": None}
    return review_view(review, resolve)


def review_view(review: Review, resolve: Resolve) -> Mapping[str, Json]:
    """What the steps of a later round know of what people said about the one before."""
    return {"round": review.round, "comment": review.comment, "previous": resolve(review.previous)}


def _outwards(plan: Plan, run: Run, where: Where) -> Iterator[Step]:
    """The step itself, then the items and blocks it stands in."""
    if where.step is not None:
        yield where.step
    block = where.block
    while block:
        for key in (_own_item(plan, block, where.item), key_at(plan, block, where.item)):
            if key in run.steps:
                yield run.steps[key]
        block = block_of(block)


def _own_item(plan: Plan, block: str, item: str | None) -> StepKey:
    """The row of the block's item that this item is or stands in."""
    front = "/".join((item or "").split("/")[: plan.depth(block) + 1])
    return f"{block}[{front}]"


def _element(root: str, plan: Plan, run: Run, where: Where, resolve: Resolve) -> Json:
    """The element of the innermost list that calls its elements by this name."""
    block = where.block
    while block:
        fanout, row = plan.step(block).fanout, run.steps.get(_own_item(plan, block, where.item))
        if fanout is not None and fanout.as_ == root and row is not None:
            fan = run.steps[key_at(plan, block, where.item)].fan
            return None if fan is None else resolve(fan.list)[row.memo][1]
        block = block_of(block)
    return None


def _add_steps(
    steps: dict[str, Json], plan: Plan, run: Run, reference: Reference, where: Where, resolve: Resolve
) -> None:
    named = reference.path[1:2] or tuple(spec.name.rpartition(".")[2] for spec in plan.within(where.block))
    items = len(reference.path) < 3 or reference.path[2] == "items"
    for name in named:
        row = _row(plan, run, name, where)
        if row is not None and (name not in steps or (items and "items" not in steps[name])):
            steps[name] = step_view(row, resolve, _items(plan, run, row, resolve) if items and row.fan else None)


def _row(plan: Plan, run: Run, name: str, where: Where) -> Step | None:
    block = where.block
    while True:
        path = f"{block}.{name}" if block else name
        if plan.knows(path):
            return run.steps.get(key_at(plan, path, where.item))
        if not block:
            return None
        block = block_of(block)


def step_view(step: Step, resolve: Resolve, items: Json = None) -> Mapping[str, Json]:
    """A step as expressions see it: `output` is there only when it succeeded, `error` only when it failed."""
    view: dict[str, Json] = {"status": step.status.value}
    if step.status is StepStatus.SUCCEEDED:
        view["output"] = resolve(step.output)
        view["receipt"] = step.receipt
    if step.error is not None and step.status is StepStatus.FAILED:
        view["error"] = {"code": step.error.code, "message": step.error.message}
    if items is not None:
        view["items"] = items
    return view


def _items(plan: Plan, run: Run, block: Step, resolve: Resolve) -> list[Json]:
    assert block.fan is not None
    unbegun = "cancelled" if block.status.finished else "pending"
    return [
        {"key": key, **step_view(row, resolve)} if row is not None else {"key": key, "status": unbegun}
        for key, row in item_rows(run, block, block.fan, resolve)
    ]


def item_rows(run: Run, block: Step, fan: Fan, resolve: Resolve) -> Iterator[tuple[str, Step | None]]:
    """Each element's key with the row of its item, in the order of the list; None for one that has not begun."""
    front = "" if block.item is None else f"{block.item}/"
    for n, (key, _) in enumerate(resolve(fan.list)):
        yield key, run.steps.get(f"{block.name}[{front}{key}]") if n < fan.begun else None
