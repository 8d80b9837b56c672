"""What the macros do with each item: `list.all(x, …)`, `list.map(x, …)` and the others.

Over an object they take its keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from engine.rules.expressions.frame import CostExceeded, Fault, Frame, Run
from engine.rules.expressions.lists import grouped, ordered
from engine.rules.expressions.nodes import Macro
from engine.rules.expressions.operators import kind_of

Loop: TypeAlias = Callable[[Macro, Run, int, "Run | None", Run, int], Run]
"""From the macro, its target, the variable's slot, the middle part, the body and the cost of a turn to a closure."""


def _items(node: Macro, target: Run, frame: Frame) -> list[Any]:
    value = target(frame)
    if type(value) is list:
        return value
    if type(value) is dict:
        frame.spend(len(value))
        return list(value)
    place = node.target
    raise Fault(f"{node.name}() needs a list, got {kind_of(value)}").at(place.offset, place.length)


def _verdict(node: Macro, value: Any) -> bool:
    if type(value) is bool:
        return value
    place = node.keep or node.body
    raise Fault(f"{node.name}() needs a condition, got {kind_of(value)}").at(place.offset, place.length)


def _deciding(decides: bool) -> Loop:
    """all() ends at the first false, exists() at the first true; either makes faults of other items not matter."""

    def loop(node: Macro, target: Run, slot: int, _: Run | None, body: Run, cost: int) -> Run:
        def run(frame: Frame) -> bool:
            first_fault: Fault | None = None
            for item in _items(node, target, frame):
                frame.spend(cost)
                frame.variables[slot] = item
                try:
                    if _verdict(node, body(frame)) is decides:
                        return decides
                except CostExceeded:
                    raise
                except Fault as fault:
                    first_fault = first_fault or fault
            if first_fault is not None:
                raise first_fault
            return not decides

        return run

    return loop


def _exists_one(node: Macro, target: Run, slot: int, _: Run | None, body: Run, cost: int) -> Run:
    def run(frame: Frame) -> bool:
        count = 0
        for item in _items(node, target, frame):
            frame.spend(cost)
            frame.variables[slot] = item
            count += _verdict(node, body(frame))
        return count == 1

    return run


def _filter(node: Macro, target: Run, slot: int, _: Run | None, body: Run, cost: int) -> Run:
    def run(frame: Frame) -> list[Any]:
        items = _items(node, target, frame)
        frame.spend(len(items) * cost)
        kept: list[Any] = []
        for item in items:
            frame.variables[slot] = item
            if _verdict(node, body(frame)):
                kept.append(item)
        return kept

    return run


def _map(node: Macro, target: Run, slot: int, keep: Run | None, body: Run, cost: int) -> Run:
    def run(frame: Frame) -> list[Any]:
        items = _items(node, target, frame)
        if keep is None:
            return _bodies(frame, items, slot, body, cost)
        frame.spend(len(items) * cost)
        made: list[Any] = []
        for item in items:
            frame.variables[slot] = item
            if _verdict(node, keep(frame)):
                made.append(body(frame))
        return made

    return run


def _bodies(frame: Frame, items: list[Any], slot: int, body: Run, cost: int) -> list[Any]:
    """The body's value for each item."""
    frame.spend(len(items) * cost)
    made: list[Any] = []
    for item in items:
        frame.variables[slot] = item
        made.append(body(frame))
    return made


def _arranging(arrange: Callable[[Frame, list[Any], list[Any]], Any]) -> Loop:
    """groupBy() and sortBy() compute a key for each item, then arrange the items by their keys."""

    def loop(node: Macro, target: Run, slot: int, _: Run | None, body: Run, cost: int) -> Run:
        def run(frame: Frame) -> Any:
            items = _items(node, target, frame)
            keys = _bodies(frame, items, slot, body, cost)
            try:
                return arrange(frame, items, keys)
            except Fault as fault:
                fault.at(node.name_offset, len(node.name))
                raise

        return run

    return loop


LOOPS: Final[dict[str, Loop]] = {
    "all": _deciding(False),
    "exists": _deciding(True),
    "exists_one": _exists_one,
    "filter": _filter,
    "map": _map,
    "groupBy": _arranging(grouped),
    "sortBy": _arranging(ordered),
}
