"""What a condition proves: the paths that are there, and not null, wherever it holds (or does not)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Final, TypeAlias

from engine.rules.expressions.nodes import (
    Chain,
    Conditional,
    Has,
    Literal,
    Logic,
    Node,
    Path,
    Unary,
    path_of,
)

Facts: TypeAlias = frozenset[Path]

NOTHING: Final[Facts] = frozenset()


def facts(node: Node, holds: bool) -> Facts:
    """Paths that are there and not null when the condition is `holds`. What a path stands in is there with it."""
    match node:
        case Has(path=path):
            return _only(path_of(path)) if holds else NOTHING
        case Unary(operator="!", operand=operand):
            return facts(operand, not holds)
        case Logic(operator=operator, operands=operands):
            each = [facts(operand, holds) for operand in operands]
            return NOTHING.union(*each) if (operator == "&&") == holds else reduce(_in_both, each)
        case Conditional(test=test, yes=yes, no=no):
            return _chosen(test, yes, no, holds)
        case Chain():
            return _compared(node, holds)
        case _:
            return NOTHING


def running(node: Logic, known: Facts) -> Iterator[tuple[Node, Facts]]:
    """Each operand of `&&` or `||` with what is known by the time it counts."""
    for operand in node.operands:
        yield operand, known
        known |= facts(operand, node.operator == "&&")


def proven(path: Path, known: Facts) -> bool:
    """Whether a path is known to be there and not null."""
    return any(fact[: len(path)] == path for fact in known)


def protected(path: Path, known: Facts) -> bool:
    """Whether a path is guarded: it, something it stands in, or something inside it is known to be there.

    `steps.NAME` always is, so below `steps` what counts is the third name: `has(steps.a.output.x)` proves
    `steps.a.output` and thereby guards `steps.a.output.y`, but says nothing about `steps.a.error`.
    """
    return any(_guards(fact, path) for fact in known)


def _guards(fact: Path, path: Path) -> bool:
    shorter = min(len(fact), len(path))
    if path[0] == "steps":
        return shorter > 2 and fact[:3] == path[:3]
    return fact[:shorter] == path[:shorter]


def without_root(known: Facts, root: str) -> Facts:
    """Facts that still mean the same where a loop's variable takes over a name."""
    return frozenset(fact for fact in known if fact[0] != root) if known else known


def compared_with_null(node: Chain) -> Node | None:
    """The other side of `x == null`, `x != null` and their mirror images; None for any other chain."""
    if len(node.links) != 1 or node.links[0].operator not in {"==", "!="}:
        return None
    left, right = node.first, node.links[0].operand
    if isinstance(right, Literal) and right.value is None:
        return left
    if isinstance(left, Literal) and left.value is None:
        return right
    return None


def _only(path: Path | None) -> Facts:
    return NOTHING if path is None else frozenset((path,))


def _in_both(one: Facts, other: Facts) -> Facts:
    """What either of two sets of facts proves: `has(a.b.c) || has(a.b.d)` proves `a.b`."""
    shared = _with_prefixes(one) & _with_prefixes(other)
    return frozenset(path for path in shared if len(path) > 1 or path in one & other)


def _with_prefixes(known: Facts) -> Facts:
    return frozenset(path[:length] for path in known for length in range(1, len(path) + 1))


def _compared(node: Chain, holds: bool) -> Facts:
    if len(node.links) != 1:
        return NOTHING
    operator, left, right = node.links[0].operator, node.first, node.links[0].operand
    if (other := compared_with_null(node)) is not None:
        return _only(path_of(other)) if (operator == "!=") == holds else NOTHING
    if operator not in {"==", "!="} or (operator == "==") != holds:
        return NOTHING
    return _equals_constant(left, right) | _equals_constant(right, left)


def _equals_constant(side: Node, constant: Node) -> Facts:
    """`x == "a"` proves x; `steps.a.status == "succeeded"` proves that step's output as well."""
    path = path_of(side)
    if path is None or not isinstance(constant, Literal):
        return NOTHING
    proved = _only(path)
    if constant.value == "succeeded" and len(path) == 3 and path[::2] == ("steps", "status"):
        proved |= {(*path[:2], "output")}
    return proved


def _chosen(test: Node, yes: Node, no: Node, holds: bool) -> Facts:
    """`a ? b : false` is `a && b`; the other constant branches are alike."""
    if isinstance(no, Literal) and no.value is (not holds):
        return facts(test, True) | facts(yes, holds)
    if isinstance(yes, Literal) and yes.value is (not holds):
        return facts(test, False) | facts(no, holds)
    return _in_both(facts(test, True) | facts(yes, holds), facts(test, False) | facts(no, holds))
