"""Doing again: some steps and all that depends on them go back to where they stood before.

A review that asks for changes and a retry of what failed are both this. What was done outside of it stays, and so does
every approval of something that did not change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from engine.rules import graph
from engine.rules.winding_up import belongs, left_traces, undo_key
from store.events import BlockReopened, Event, GateClosed, StepsReset
from store.model import Actor, GateState, Millis, Plan, Review, Run, Step, StepKey, StepStatus
from store.tally import is_held

_OWN_WORK_ELSEWHERE = frozenset({"block", "approval", "form", "wait", "workflow"})


@dataclass(frozen=True, slots=True)
class Redone:
    """What is done again as a whole, and the blocks and items of which only a part is."""

    whole: frozenset[StepKey]
    partly: frozenset[StepKey]


def spread(plan: Plan, run: Run, whole: Iterable[StepKey], parts: Iterable[StepKey] = ()) -> Redone:
    """These steps, all that depends on them, the blocks they stand in, and all that depends on those."""
    found: set[StepKey] = set()
    partly: set[StepKey] = set()
    open_ = [*((key, False) for key in whole), *((key, True) for key in parts)]
    while open_:
        key, in_part = open_.pop()
        if key in found or (in_part and key in partly):
            continue
        (partly if in_part else found).add(key)
        step = run.steps[key]
        if not graph.stands_for_item(plan, step):
            open_ += [(other, False) for other in _dependents(plan, run, step)]
        outer = graph.above(plan, step)
        if outer is not None and outer in run.steps:
            open_.append((outer, True))
    return Redone(frozenset(found), frozenset(partly - found))


def _dependents(plan: Plan, run: Run, step: Step) -> Iterator[StepKey]:
    """The steps that need this one, as far as they have begun."""
    for spec in plan.dependents(step.name):
        other = run.steps.get(graph.key_at(plan, spec.name, step.item))
        begun = other is not None and (other.status is not StepStatus.PENDING or is_held(other))
        if spec.phase == "main" and other is not None and begun:
            yield other.key


def repeated(plan: Plan, run: Run, redone: Redone) -> tuple[StepKey, ...]:
    """Those among the steps whose effect took place, or may have, and must not happen twice unseen."""
    rows = (run.steps[key] for key in (*sorted(redone.whole), *within(plan, run, redone.whole)))
    return tuple(dict.fromkeys(step.key for step in rows if _must_not_repeat(plan, run, step)))


def _must_not_repeat(plan: Plan, run: Run, step: Step) -> bool:
    if belongs(plan, step) or not plan.knows(step.name):
        return False
    spec, undo = plan.step(step.name), run.steps.get(undo_key(step))
    if spec.effect != "once" or spec.uses in _OWN_WORK_ELSEWHERE:
        return False
    taken_back = undo is not None and undo.status is StepStatus.SUCCEEDED
    return not taken_back and (left_traces(step) or step.status is StepStatus.RUNNING)


def within(plan: Plan, run: Run, whole: Collection[StepKey]) -> list[StepKey]:
    """Everything that stands in one of these."""
    return [key for key, step in run.steps.items() if _stands_in(plan, run, step, whole)]


def _stands_in(plan: Plan, run: Run, step: Step, whole: Collection[StepKey]) -> bool:
    outer = graph.above(plan, step) if plan.knows(step.name) else None
    while outer is not None and outer in run.steps:
        if outer in whole:
            return True
        outer = graph.above(plan, run.steps[outer])
    return False


def back(
    plan: Plan,
    run: Run,
    redone: Redone,
    actor: Actor,
    reason: str,
    now: Millis,
    *,
    resumed: Collection[StepKey] = (),
    review: Review | None = None,
) -> Iterator[Event]:
    """The steps go back; what people are being asked about them is void. Blocks go on with the items concerned.

    Those `resumed` stay in the round they are in: they had not succeeded, and nothing is new to them.
    """
    inside = within(plan, run, redone.whole)
    yield from _blocks_reopened(plan, run, redone.partly.difference(inside), now)
    steps = sorted((run.steps[key] for key in redone.whole.difference(inside)), key=lambda step: (step.n, step.key))
    if not steps:
        return
    undone = (undo_key(run.steps[key]) for key in (*(step.key for step in steps), *inside))
    dropped = tuple(dict.fromkeys((*inside, *(key for key in undone if key in run.steps))))
    for key in (*(step.key for step in steps), *dropped):
        gate = run.steps[key].gate
        if gate is not None and gate.state is GateState.OPEN:
            yield GateClosed(now, run.steps[key].place, GateState.SUPERSEDED)
    fresh = tuple(step.key for step in steps if step.key not in resumed)
    same = tuple(step.key for step in steps if step.key in resumed)
    yield StepsReset(now, actor, fresh, reason, same, dropped, review)


def _blocks_reopened(plan: Plan, run: Run, keys: Collection[StepKey], now: Millis) -> Iterator[Event]:
    rows = sorted((run.steps[key] for key in keys), key=lambda step: (step.n, step.key))
    items: dict[StepKey | None, list[str]] = defaultdict(list)
    for row in rows:
        if graph.stands_for_item(plan, row) and row.status is not StepStatus.RUNNING:
            items[graph.above(plan, row)].append(row.item or "")
    for row in rows:
        ended = items[row.key]
        if not graph.stands_for_item(plan, row) and (ended or row.status is not StepStatus.RUNNING):
            yield BlockReopened(now, row.place, tuple(ended))


# Reviews ---------------------------------------------------------------------------------------------------------


def sent_back(plan: Plan, run: Run, gate: Step) -> Redone:
    """What is done again when people ask for changes at this gate."""
    policy = plan.step(gate.name).gate
    assert policy is not None
    assert policy.changes is not None
    first = graph.key_at(plan, policy.changes.rerun, gate.item)
    return spread(plan, run, (*((first,) if first in run.steps else ()), gate.key))


def next_round(run: Run, redone: Redone) -> int:
    """The number of the round that begins: one more than any of these steps has seen."""
    reviews = (run.steps[key].review for key in (*redone.whole, *redone.partly))
    return 1 + max((review.round for review in reviews if review is not None), default=1)
