"""The parts of a parsed expression. Each knows where it stands in the text and how deep it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]
"""A root name and the fields that follow it: `steps.draft.output` is `("steps", "draft", "output")`."""

Scalar: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of an expression: `length` characters from `offset`, with `depth` levels of parts inside."""

    offset: int
    length: int
    depth: int = 1

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """A name at the root of a path: something in scope, or the variable of a macro around it."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Node):
    """`operand.field`; `field_offset` is where the field's name begins."""

    operand: Node
    field: str
    field_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Node):
    """`operand[key]`."""

    operand: Node
    key: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Has(Node):
    """`has(path)`: is it there, and not null?"""

    path: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Coalesce(Node):
    """`coalesce(a, b, …)`: the first that is there and not null."""

    choices: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One operator and its right side within a chain."""

    operator: str
    offset: int
    operand: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain(Node):
    """Operators of one rank, applied from the left: `a + b - c`. Flat, so that a long sum is not a deep one."""

    first: Node
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logic(Node):
    """`a && b && c` or `a || b || c`."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional(Node):
    """`test ? yes : no`."""

    test: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOf(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOf(Node):
    entries: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """`name(arguments)`, or `first.name(others)` when `method`."""

    name: str
    name_offset: int
    arguments: tuple[Node, ...]
    method: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro(Node):
    """`target.name(variable, body)`: a body for each item. `keep` is the middle part of `map(x, keep, body)`."""

    name: str
    name_offset: int
    target: Node
    variable: str
    body: Node
    keep: Node | None = None


def children(node: Node) -> tuple[Node, ...]:
    """The parts directly inside a part, in the order of the text."""
    match node:
        case Select(operand=inner) | Unary(operand=inner) | Has(path=inner):
            return (inner,)
        case Coalesce(choices=parts) | Call(arguments=parts) | ListOf(items=parts) | Logic(operands=parts):
            return parts
        case Index():
            return (node.operand, node.key)
        case Conditional():
            return (node.test, node.yes, node.no)
        case Chain():
            return (node.first, *(link.operand for link in node.links))
        case MapOf():
            return tuple(part for entry in node.entries for part in entry)
        case Macro():
            return (node.target, *((node.keep,) if node.keep else ()), node.body)
        case _:
            return ()


def weight(node: Node) -> int:
    """How many parts an expression has: what one evaluation of it costs, loops aside."""
    return 1 + sum(weight(child) for child in children(node))


def path_of(node: Node) -> Path | None:
    """The static path that a part spells, `["constant"]` included; None when it is anything else."""
    fields_found: list[str] = []
    while True:
        match node:
            case Select(operand=operand, field=field):
                fields_found.append(field)
                node = operand
            case Index(operand=operand, key=Literal(value=str(field))):
                fields_found.append(field)
                node = operand
            case Name(name=name):
                return (name, *reversed(fields_found))
            case _:
                return None


def root_of(node: Node) -> Node:
    """What a chain of fields and indexes begins with."""
    while isinstance(node, Select | Index):
        node = node.operand
    return node


def called(node: Node) -> str:
    """What a part is called in messages: "output of 'draft'", a path as written, or "this value"."""
    path = path_of(node)
    if path is None:
        return "this value"
    if path[0] == "steps" and len(path) == 2:
        return f"step '{path[1]}'"
    if path[0] == "steps" and len(path) == 3:
        return f"{path[2]} of '{path[1]}'"
    return written(path)


def written(path: Path) -> str:
    """A path as it stands in an expression."""
    root, *rest = path
    return root + "".join(f".{field}" if field.isidentifier() else f'["{field}"]' for field in rest)
