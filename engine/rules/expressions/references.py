"""Which data an expression reads, and whether it minds when that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.rules.expressions.narrowing import (
    NOTHING,
    Facts,
    compared_with_null,
    facts,
    protected,
    running,
    without_root,
)
from engine.rules.expressions.nodes import (
    Chain,
    Coalesce,
    Conditional,
    Has,
    Index,
    Logic,
    Macro,
    Name,
    Node,
    Path,
    Select,
    children,
    path_of,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A path that an expression reads from its scope, as far as it is constant.

    `guarded` when the expression provides for its absence: it stands inside has(), directly in coalesce(), beside null,
    or where a condition has shown that it is there. `offset` and `length` tell its place in the text.
    """

    path: Path
    offset: int
    guarded: bool
    length: int = 1


def references_of(node: Node) -> tuple[Reference, ...]:
    """Every reference, in the order of the text."""
    return tuple(sorted(_read(node, NOTHING, frozenset()), key=lambda reference: reference.offset))


def _read(node: Node, known: Facts, variables: frozenset[str], soft: bool = False) -> Iterator[Reference]:
    match node:
        case Name() | Select() | Index():
            yield from _path(node, known, variables, soft)
        case Has(path=path):
            yield from _read(path, known, variables, soft=True)
        case Coalesce(choices=choices):
            for choice in choices:
                yield from _read(choice, known, variables, soft=True)
        case Logic():
            for operand, by_then in running(node, known):
                yield from _read(operand, by_then, variables)
        case Conditional(test=test, yes=yes, no=no):
            yield from _read(test, known, variables)
            yield from _read(yes, known | facts(test, True), variables)
            yield from _read(no, known | facts(test, False), variables)
        case Macro():
            yield from _macro(node, known, variables)
        case Chain():
            beside_null = compared_with_null(node)
            for part in children(node):
                yield from _read(part, known, variables, soft=part is beside_null)
        case _:
            for part in children(node):
                yield from _read(part, known, variables)


def _path(node: Node, known: Facts, variables: frozenset[str], soft: bool) -> Iterator[Reference]:
    path = path_of(node)
    if path is not None:
        if path[0] not in variables:
            yield Reference(path, node.offset, soft or protected(path, known), node.length)
        return
    for part in children(node):
        inner_soft = soft and isinstance(node, Select | Index) and part is node.operand
        yield from _read(part, known, variables, soft=inner_soft)


def _macro(node: Macro, known: Facts, variables: frozenset[str]) -> Iterator[Reference]:
    yield from _read(node.target, known, variables)
    inside = variables | {node.variable}
    known = without_root(known, node.variable)
    if node.keep is not None:
        yield from _read(node.keep, known, inside)
        known |= facts(node.keep, True)
    yield from _read(node.body, known, inside)
