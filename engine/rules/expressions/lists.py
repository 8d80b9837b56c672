"""What the functions on lists and objects do. Order is kept, and nothing given is ever changed."""

from __future__ import annotations

from typing import Any

from engine.rules.expressions.frame import Fault, Frame
from engine.rules.expressions.numbers import need_order
from engine.rules.expressions.operators import SCALARS, equal, kind_of

_SORTING_COST = 2  # a step, beside the key's own cost


def size(_: Frame, value: Any) -> int:
    return len(value)


def keys(frame: Frame, entries: dict[str, Any]) -> list[str]:
    frame.spend(len(entries))
    return list(entries)


def values(frame: Frame, entries: dict[str, Any]) -> list[Any]:
    frame.spend(len(entries))
    return list(entries.values())


def reverse(frame: Frame, value: Any) -> Any:
    if type(value) is str:
        frame.spend_text(len(value))
    else:
        frame.spend(len(value))
    return value[::-1]


def flatten(frame: Frame, items: list[Any]) -> list[Any]:
    """The items of the lists in a list, one level deep; an item that is no list stays itself."""
    flat: list[Any] = []
    for item in items:
        frame.spend(len(item) if type(item) is list else 1)
        if type(item) is list:
            flat.extend(item)
        else:
            flat.append(item)
    return flat


def distinct(frame: Frame, items: list[Any]) -> list[Any]:
    """Each value once, where it first stood."""
    frame.spend(len(items))
    seen: set[Any] = set()
    nested: list[Any] = []
    kept: list[Any] = []
    for item in items:
        if type(item) is list or type(item) is dict:
            frame.spend(len(nested))
            if not any(equal(frame, item, other) for other in nested):
                nested.append(item)
                kept.append(item)
        elif (mark := _mark(item)) not in seen:
            seen.add(mark)
            kept.append(item)
    return kept


def _mark(item: Any) -> tuple[bool, Any]:
    """What tells scalars apart; Python's own comparison takes true for 1."""
    if type(item) not in SCALARS:
        raise Fault(f"distinct() met a {kind_of(item)} in the list")
    return type(item) is bool, item


def grouped(frame: Frame, items: list[Any], names: list[Any]) -> dict[str, list[Any]]:
    """Items under their names, both in the order of first appearance."""
    groups: dict[str, list[Any]] = {}
    for item, name in zip(items, names, strict=True):
        if type(name) is not str:
            raise Fault(f"groupBy() needs a string to group by, got {kind_of(name)}", "use string(...)")
        groups.setdefault(name, []).append(item)
    return groups


def ordered(frame: Frame, items: list[Any], ranks: list[Any]) -> list[Any]:
    """Items by rising rank; equal ones keep their order."""
    if not items:
        return []
    need_order("sortBy()", ranks)
    frame.spend(len(items) * _SORTING_COST)
    order = sorted(range(len(items)), key=ranks.__getitem__)
    return [items[at] for at in order]
