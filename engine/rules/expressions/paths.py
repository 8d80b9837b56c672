"""Closures that read data: fields and keys, strictly, or softly where they may be missing."""

from __future__ import annotations

from typing import Any, Final

from engine.rules.expressions.frame import Fault, Frame, Run
from engine.rules.expressions.nodes import Index, Select, called
from engine.rules.expressions.operators import kind_of


class _Absent:
    """Stands for a field that is not there, where that may be asked."""


ABSENT: Final = _Absent()


def fields_run(start: Run, fields: tuple[Select, ...]) -> Run:
    """`start.a.b.c` in one go. Why a field is missing is found out only after it was."""
    names = tuple(field.field for field in fields)

    def run(frame: Frame) -> Any:
        value = origin = start(frame)
        try:
            for name in names:
                if type(value) is not dict:
                    break
                value = value[name]
            else:
                return value
        except KeyError:
            pass
        raise _missing(origin, fields)

    return run


def _missing(value: Any, fields: tuple[Select, ...]) -> Fault:
    """Walks a path again to say where it broke."""
    for field in fields:
        if type(value) is not dict or field.field not in value:
            return _no_field(value, field)
        value = value[field.field]
    raise AssertionError("the path is whole")


def _no_field(value: Any, node: Select) -> Fault:
    length = len(node.field)
    if type(value) is dict:
        hint = "if it may be missing, guard it with has(...) or coalesce(...)"
        message = f"{called(node.operand)} has no field '{node.field}'"
        return Fault(message, hint, wanted=node.field, names=value).at(node.field_offset, length)
    hint = "guard it with has(...) or coalesce(...)" if value is None else ""
    return Fault(f"{called(node.operand)} is {kind_of(value)}: no field '{node.field}'", hint).at(
        node.field_offset, length
    )


def soft_field_run(operand: Run, node: Select) -> Run:
    """`operand.field`, or ABSENT where either is missing or the operand is null."""
    name = node.field

    def run(frame: Frame) -> Any:
        value = operand(frame)
        if type(value) is dict:
            return value.get(name, ABSENT)
        if value is None or value is ABSENT:
            return ABSENT
        raise _no_field(value, node)

    return run


def index_run(operand: Run, key: Run, node: Index) -> Run:
    """`operand[key]`."""

    def run(frame: Frame) -> Any:
        value, at = operand(frame), key(frame)
        if type(value) is dict and type(at) is str:
            if at in value:
                return value[at]
            hint = "if it may be missing, guard it with: key in object"
            raise Fault("no such key", hint).at(node.key.offset, node.key.length)
        position = _position(value, at, node)
        if 0 <= position < len(value):
            return value[position]
        raise Fault(f"no item {position} in a list of {len(value)}").at(node.key.offset, node.key.length)

    return run


def soft_index_run(operand: Run, key: Run, node: Index) -> Run:
    """`operand[key]`, or ABSENT where either is missing or the operand is null."""

    def run(frame: Frame) -> Any:
        value = operand(frame)
        if value is None or value is ABSENT:
            return ABSENT
        at = key(frame)
        if type(value) is dict and type(at) is str:
            return value.get(at, ABSENT)
        position = _position(value, at, node)
        return value[position] if 0 <= position < len(value) else ABSENT

    return run


def _position(value: Any, at: Any, node: Index) -> int:
    """The place in a list that an index means."""
    if type(value) is list and type(at) is int:
        return at
    if type(value) is list and type(at) is float and at.is_integer():
        return int(at)
    if type(value) in {list, dict}:
        wanted = "an integer" if type(value) is list else "a string"
        raise Fault(f"{kind_of(value)} needs {wanted} in brackets, got {kind_of(at)}").at(
            node.key.offset, node.key.length
        )
    hint = "a part of text is text.substring(start, end)" if type(value) is str else ""
    raise Fault(f"{kind_of(value)} has no items", hint).at(node.operand.offset, node.operand.length)


def presence_run(path: Run) -> Run:
    """`has(path)`."""

    def run(frame: Frame) -> bool:
        value = path(frame)
        return value is not None and value is not ABSENT

    return run


def null_test_run(path: Run, wanted: bool) -> Run:
    """`path == null`, where what is missing counts as null, or its opposite."""

    def run(frame: Frame) -> bool:
        value = path(frame)
        return (value is None or value is ABSENT) is wanted

    return run


def first_present_run(choices: tuple[Run, ...]) -> Run:
    """`coalesce(…)`."""

    def run(frame: Frame) -> Any:
        for choice in choices:
            value = choice(frame)
            if value is not None and value is not ABSENT:
                return value
        return None

    return run
