"""The graph: where steps stand, when one is ready, when it is skipped, and when it still has to wait for others.

A step's row is found by its path and its item. The item of a step in nested lists names one element of each list,
from the outside in, joined by `/`; a step further out stands at the front part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.model import Plan, Run, Step, StepKey, StepPlan, StepStatus, block_of


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is to be done with a pending step."""

    verdict: Literal["wait", "go", "skip"]
    reason: str = ""


WAIT, GO = Readiness("wait"), Readiness("go")


def readiness(run: Run, plan: Plan, spec: StepPlan, item: str | None = None) -> Readiness:
    """Whether everything a pending step needs is there. Its own condition is not looked at here."""
    skip: Readiness | None = None
    for edge in spec.needs:
        needed = run.steps[key_at(plan, edge.step, item)]
        if not needed.status.finished and not (needed.status is StepStatus.UNKNOWN and _is_given_up(plan, run, needed)):
            return WAIT
        if edge.accepts == "end" or edge.guarded or needed.status is StepStatus.SUCCEEDED:
            continue
        word = "failed" if needed.status is StepStatus.FAILED else needed.status.value
        skip = skip or Readiness("skip", f"{edge.step} was {word}" if word != "failed" else f"{edge.step} failed")
    return skip or GO


def _is_given_up(plan: Plan, run: Run, step: Step) -> bool:
    """Whether nothing is done for this step any more: the rest of the run is over, and its last steps are done."""
    return run.winding_up and plan.step(step.name).phase == "main"


def key_at(plan: Plan, name: str, item: str | None) -> StepKey:
    """The row of the step of this name as it is seen from a step of this item."""
    depth = plan.depth(name)
    if not depth or item is None:
        return name
    front = "/".join(item.split("/")[:depth])
    return f"{name}[{front}]"


def depth_of(item: str | None) -> int:
    """How many lists an item belongs to."""
    return 0 if item is None else item.count("/") + 1


def stands_for_item(plan: Plan, step: Step) -> bool:
    """Whether this row stands for one item of a block, and not for a step or the block itself."""
    return depth_of(step.item) > plan.depth(step.name)


def above(plan: Plan, step: Step) -> StepKey | None:
    """The row that a row stands in: a block, or the item of a block; None for the steps of the workflow itself."""
    if stands_for_item(plan, step):
        return key_at(plan, step.name, step.item)
    block = block_of(step.name)
    if not block:
        return None
    return block if step.item is None else f"{block}[{step.item}]"


def is_past(plan: Plan, run: Run, step: Step) -> bool:
    """Whether a row belongs to an item of a list that was gone through before, and begun anew since."""
    row: Step | None = step
    while row is not None:
        if stands_for_item(plan, row) and row.memo is None:
            return True
        row = run.steps.get(above(plan, row) or "")
    return False


def nesting(plan: Plan, step: Step) -> int:
    """How far in a row stands."""
    return 2 * step.name.count(".") + stands_for_item(plan, step)


def item_key(value: object) -> str:
    """An element's name as part of a step's key."""
    return str(value).replace("%", "%25").replace("/", "%2F")


def nested(outer: str | None, key: str) -> str:
    """The item within an item."""
    return key if outer is None else f"{outer}/{key}"
