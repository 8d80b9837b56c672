"""What may become of an expression: the mistakes that are tried, as edits of a tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

Edit = tuple[ast.AST, str, Any]  # a node, its field, and the value there

WORD = re.compile(r"[a-z][a-z0-9_.]*|")  # codes, keys and names; whatever has a space or a capital is told to people
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
BUILT_IN = ("int", "float", "str", "bool", "list", "dict")
TOLD = ("message", "hint")  # keywords whose words are told to people


def removable(one: ast.stmt) -> bool:
    """Whether a function without this statement may still run."""
    if isinstance(one, ast.Expr):
        return not isinstance(one.value, ast.Constant)
    if isinstance(one, ast.Assign):
        return any(isinstance(target, ast.Attribute | ast.Subscript) for target in one.targets)
    return isinstance(one, ast.AugAssign | ast.Raise | ast.Break | ast.Continue | ast.Delete)


def filters(one: ast.comprehension) -> Iterator[tuple[Edit, ...]]:
    """A comprehension that lets everything through, or nothing."""
    for at, test in enumerate(one.ifs):
        for value in (True, False):
            yield ((one, "ifs", _without(one.ifs, at, ast.copy_location(ast.Constant(value), test))),)


def changes(one: ast.expr, parent: ast.AST) -> Iterator[tuple[Edit, ...]]:
    """Each change of one expression, as the edits that make it."""
    match one:
        case ast.Compare():
            for at, operator in enumerate(one.ops):
                yield ((one, "ops", _without(one.ops, at, COMPARED[type(operator)]())),)
        case ast.BoolOp():
            for at in range(len(one.values)):
                rest = _without(one.values, at)
                yield ((one, "values", rest) if len(rest) > 1 else _instead(one, parent, rest[0]),)
        case ast.UnaryOp(op=ast.Not()):
            yield (_instead(one, parent, one.operand),)
        case ast.UnaryOp(op=ast.USub()) if not isinstance(one.operand, ast.Constant):
            yield ((one, "op", ast.UAdd()),)
        case ast.BinOp(op=ast.Add()):
            yield (_instead(one, parent, one.left),)
            yield (_instead(one, parent, one.right),)
        case ast.BinOp() if type(one.op) in COMPUTED and not _is_type(one):
            yield ((one, "op", COMPUTED[type(one.op)]()),)
        case ast.Constant():
            yield from _constants(one)
        case ast.Call():
            yield from _calls(one)
        case ast.Tuple() | ast.List() | ast.Set():
            stored = not isinstance(getattr(one, "ctx", ast.Load()), ast.Load)
            if not stored and not isinstance(parent, ast.Subscript | ast.Assign) and not _is_type(one):
                for at in range(len(one.elts)):
                    yield ((one, "elts", _without(one.elts, at)),)
        case ast.Dict():
            for at in range(len(one.keys)):
                yield (one, "keys", _without(one.keys, at)), (one, "values", _without(one.values, at))


def _constants(one: ast.Constant) -> Iterator[tuple[Edit, ...]]:
    match one.value:
        case bool(flag):
            yield ((one, "value", not flag),)
        case int(number) | float(number):
            yield ((one, "value", number + 1),)
        case str(word) if WORD.fullmatch(word):
            yield ((one, "value", f"{word}_" if word else "x"),)


def _calls(one: ast.Call) -> Iterator[tuple[Edit, ...]]:
    name = one.func.id if isinstance(one.func, ast.Name) else ""
    if name in CALLED:
        yield ((one, "func", ast.copy_location(ast.Name(CALLED[name], ast.Load()), one.func)),)
    for at, keyword in enumerate(one.keywords):
        if keyword.arg not in TOLD:
            yield ((one, "keywords", _without(one.keywords, at)),)
    if len(one.args) > 1 and name not in ("isinstance", "cast"):
        yield ((one, "args", one.args[:-1]),)


def _without(items: list[Any], at: int, *instead: Any) -> list[Any]:
    return [*items[:at], *instead, *items[at + 1 :]]


def _instead(one: ast.expr, parent: ast.AST, other: ast.expr) -> Edit:
    """The edit that puts another expression where this one stands."""
    for field, held in ast.iter_fields(parent):
        if held is one:
            return parent, field, other
        if isinstance(held, list) and any(item is one for item in held):
            return parent, field, [other if item is one else item for item in held]
    raise AssertionError(f"{ast.unparse(one)} does not stand in {ast.dump(parent)}")


def _is_type(one: ast.expr) -> bool:
    """`A | B` and `(A, B)` of classes, as isinstance takes them."""
    match one:
        case ast.BinOp(op=ast.BitOr()):
            return _is_type(one.left) and _is_type(one.right)
        case ast.Tuple():
            return bool(one.elts) and all(_is_type(item) for item in one.elts)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in ("int", "float", "str", "bool", "list", "dict") or (
                name[:1].isupper() and not name.isupper()
            )
    return False
