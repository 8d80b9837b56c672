"""Blocks: steps with a condition or a list in common; how one begins, how its items go on, and what it amounts to.

The list is kept before the first item begins, so that "all of them are done" never speaks of a part. Every item goes
its own way. Item and block are rows of their own: running from entry to end, without attempts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.rules.computing import filled, value_of
from engine.rules.expressions import ExpressionError, condition, evaluate
from engine.rules.graph import item_key, key_at, nested, stands_for_item
from engine.rules.room import Room
from engine.rules.scope import Where, at, inside, item_rows, scope
from store.events import BlockEntered, Event, GateClosed, ItemBegun, ItemEnded, StepCancelled, StepFailed, StepSucceeded
from store.model import (
    LIMITS,
    Content,
    Coordinates,
    Facts,
    Failure,
    Fan,
    GateState,
    Json,
    Millis,
    Plan,
    Run,
    Step,
    StepPlan,
    StepStatus,
)

OPEN = frozenset(
    {StepStatus.PENDING, StepStatus.READY, StepStatus.RUNNING, StepStatus.WAITING, StepStatus.UNKNOWN}
)  # what is not over, for whatever it stands in


def entered(plan: Plan, run: Run, spec: StepPlan, step: Step, facts: Facts, now: Millis) -> Event:
    """A block whose turn has come."""
    names = tuple(one.name for one in plan.within(spec.name))
    if spec.fanout is None:
        return BlockEntered(now, step.place, names)
    try:
        pairs = _pairs(plan, run, spec, step, facts)
    except ExpressionError as error:
        problem = Failure("list_failed", f"The list of {spec.name} could not be computed: {error}")
        return StepFailed(now, step.place, problem, spec.on_failure == "continue")
    except _BadList as error:
        problem = Failure("list_invalid", f"{spec.name} has no list to go through: {error}")
        return StepFailed(now, step.place, problem, spec.on_failure == "continue")
    return BlockEntered(now, step.place, (), Content(pairs), len(pairs))


class _BadList(ValueError):
    """What should be gone through is no list of distinct items."""


def _pairs(plan: Plan, run: Run, spec: StepPlan, step: Step, facts: Facts) -> list[list[Json]]:
    fanout, where = spec.fanout, at(step)
    assert fanout is not None
    elements = value_of(fanout.each, plan, run, facts, where)
    if not isinstance(elements, list):
        raise _BadList(f"foreach gave {_kind(elements)}.")
    most = LIMITS.items_max if plan.items_max is None else min(plan.items_max, LIMITS.items_max)
    if len(elements) > most:
        raise _BadList(f"it has {len(elements):,} elements, and at most {most:,} are gone through.")
    keys = _keys(plan, run, spec, elements, facts, where)
    seen: dict[str, int] = {}
    for n, key in enumerate(keys):
        if (first := seen.setdefault(key, n)) != n:
            raise _BadList(f"elements {first + 1} and {n + 1} have the same key {key!r}.")
    return [[key, element] for key, element in zip(keys, elements, strict=True)]


def _keys(plan: Plan, run: Run, spec: StepPlan, elements: list[Json], facts: Facts, where: Where) -> list[str]:
    fanout = spec.fanout
    assert fanout is not None
    if fanout.key is None:
        return [str(n + 1) for n in range(len(elements))]
    expression, keys = condition(fanout.key), []
    names = scope(plan, run, expression.references, facts, where)
    for n, element in enumerate(elements):
        value = evaluate(expression, names | {fanout.as_: element})
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise _BadList(f"the key of element {n + 1} is {_kind(value)}; a text or a whole number is needed.")
        keys.append(item_key(value))
    return keys


def _kind(value: Json) -> str:
    names = {type(None): "null", bool: "true or false", str: "a text", dict: "an object", list: "a list"}
    return "an empty text" if value == "" else names.get(type(value), "a number")


# Going on --------------------------------------------------------------------------------------------------------


def next_of(plan: Plan, run: Run, row: Step, facts: Facts, now: Millis) -> Iterator[Event]:
    """What a running block or item does, now that something in it changed."""
    spec, fan = plan.step(row.name), row.fan
    if fan is None:
        yield from _next_of_steps(plan, run, spec, row, facts, now)
    elif _too_many_failed(spec, fan):
        yield from _given_up(plan, run, spec, row, fan, facts, now)
    elif fan.ended == fan.count:
        yield _joined(plan, run, row, fan, facts, now)


def goes_on(plan: Plan, block: Step) -> bool:
    """Whether more may begin in a block that is done for a list."""
    fan = block.fan
    return block.status is StepStatus.RUNNING and fan is not None and not _too_many_failed(plan.step(block.name), fan)


def begun(plan: Plan, block: Step, room: Room, facts: Facts, now: Millis) -> Iterator[Event]:
    """The next items of a block begin, as many as there is room for."""
    fan, more = block.fan, room.for_new_items(block)
    if fan is None or more <= 0:
        return
    names = tuple(one.name for one in plan.within(block.name))
    for key, _ in _value(fan.list, facts)[fan.begun : fan.begun + more]:
        yield ItemBegun(now, Coordinates(block.name, nested(block.item, key), block.round), names)


def _too_many_failed(spec: StepPlan, fan: Fan) -> bool:
    assert spec.fanout is not None
    if spec.fanout.tolerate_percent:
        return fan.failed * 100 > spec.fanout.tolerate * fan.count
    return fan.failed > spec.fanout.tolerate


def _given_up(
    plan: Plan, run: Run, spec: StepPlan, block: Step, fan: Fan, facts: Facts, now: Millis
) -> Iterator[Event]:
    """More items failed than are tolerated: no more begin, what waits is cancelled, what runs may end."""
    within = list(_within(plan, run, block, facts))
    yield from _cancelled(within, now, "too many items failed")
    if any(step.status in OPEN for step in within):
        return
    rows = item_rows(run, block, fan, lambda content: _value(content, facts))
    failed = {key: row.error for key, row in rows if row is not None and row.status is StepStatus.FAILED}
    first = next(iter(failed.values()))
    why = f": {first.message}" if first else ""
    error = Failure(
        "items_failed",
        f"{fan.failed} of {fan.count} items failed ({', '.join(failed)[:200]}){why}",
        hint=first.hint if first else "",
    )
    yield StepFailed(now, block.place, error, spec.on_failure == "continue")


def _joined(plan: Plan, run: Run, block: Step, fan: Fan, facts: Facts, now: Millis) -> Event:
    rows = item_rows(run, block, fan, lambda content: _value(content, facts))
    outputs = [
        _value(row.output, facts) if row is not None and row.status is StepStatus.SUCCEEDED else None for _, row in rows
    ]
    return StepSucceeded(now, block.place, Content(outputs))


def _next_of_steps(plan: Plan, run: Run, spec: StepPlan, row: Step, facts: Facts, now: Millis) -> Iterator[Event]:
    """A block without a list, or one item of a block with one: over when all steps in it are over."""
    steps = [run.steps[key_at(plan, one.name, row.item)] for one in plan.within(spec.name)]
    failed = next((one for one in steps if _fails_all(plan, one)), None)
    if failed is not None:
        within = list(_within(plan, run, row, facts))
        yield from _cancelled(within, now, f"{failed.key} failed")
        if any(one.status in OPEN for one in within):
            return
        yield _ended(plan, spec, row, StepStatus.FAILED, None, failed.error, now)
        return
    if any(one.status in OPEN for one in steps):
        return
    try:
        output = Content(_amounts_to(plan, run, spec, row, steps, facts))
    except ExpressionError as error:
        problem = Failure("output_failed", f"The output of {spec.name} could not be computed: {error}")
        yield _ended(plan, spec, row, StepStatus.FAILED, None, problem, now)
        return
    yield _ended(plan, spec, row, StepStatus.SUCCEEDED, output, None, now)


def _fails_all(plan: Plan, step: Step) -> bool:
    return step.status is StepStatus.FAILED and plan.step(step.name).on_failure == "stop"


def _amounts_to(plan: Plan, run: Run, spec: StepPlan, row: Step, steps: list[Step], facts: Facts) -> Json:
    if spec.with_ is not None:
        return filled(spec.with_, plan, run, facts, inside(row))
    short = {one.name.rpartition(".")[2]: one for one in steps if one.status is StepStatus.SUCCEEDED}
    return {name: _value(one.output, facts) for name, one in short.items()}


def _value(content: Content | None, facts: Facts) -> Json:
    if content is None or content.hash is None:
        return None if content is None else content.value
    return facts.content[content.hash]


def _ended(
    plan: Plan,
    spec: StepPlan,
    row: Step,
    status: StepStatus,
    output: Content | None,
    error: Failure | None,
    now: Millis,
) -> Event:
    if stands_for_item(plan, row):
        return ItemEnded(now, row.place, status, output, error)
    if status is StepStatus.FAILED:
        assert error is not None
        return StepFailed(now, row.place, error, spec.on_failure == "continue")
    return StepSucceeded(now, row.place, output or Content())


def _within(plan: Plan, run: Run, row: Step, facts: Facts) -> Iterator[Step]:
    """The rows of all that stands in a block or an item and has begun, found by their keys."""
    if row.fan is None:
        rows = [run.steps.get(key_at(plan, spec.name, row.item)) for spec in plan.within(row.name)]
    else:
        rows = [item for _, item in item_rows(run, row, row.fan, lambda content: _value(content, facts))]
    for one in rows:
        if one is not None:
            yield one
            yield from _within(plan, run, one, facts)


def _cancelled(inside: Iterable[Step], now: Millis, reason: str) -> Iterator[Event]:
    """What only waits in a block or an item is cancelled, what stands in it too; attempts report their own end."""
    for step in inside:
        if step.status in (StepStatus.PENDING, StepStatus.READY, StepStatus.WAITING):
            yield from stopped(step, now, reason)
        elif step.status is StepStatus.RUNNING and step.attempt == 0:
            yield StepCancelled(now, step.place, reason)


def rows_within(run: Run, row: Step) -> Iterator[Step]:
    """The rows of the steps that stand in a block or an item, those further in included."""
    front = f"{row.name}."
    for step in run.steps.values():
        if step.name.startswith(front) and _belongs(step.item, row.item):
            yield step


def _belongs(item: str | None, whole: str | None) -> bool:
    return whole is None or item == whole or (item is not None and item.startswith(f"{whole}/"))


def stopped(step: Step, now: Millis, reason: str) -> Iterator[Event]:
    """A step that waits is cancelled, and its gate withdrawn."""
    if step.gate is not None and step.gate.state is GateState.OPEN:
        yield GateClosed(now, step.place, GateState.WITHDRAWN)
    yield StepCancelled(now, step.place, reason)
