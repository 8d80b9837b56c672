"""An expression: its text, its parts and what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from engine.rules.expressions.checker import checked
from engine.rules.expressions.compiler import COST_MAX, run_program
from engine.rules.expressions.frame import JSON
from engine.rules.expressions.nodes import Node
from engine.rules.expressions.parser import parsed
from engine.rules.expressions.problems import Problem
from engine.rules.expressions.references import Reference, references_of
from engine.rules.expressions.types import Type


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression. Two of the same text are the same expression."""

    text: str
    ast: Node = field(repr=False, compare=False)
    references: tuple[Reference, ...] = field(repr=False, compare=False)


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Reads an expression. Raises ExpressionError at the first thing that cannot be read."""
    node = parsed(text)
    return Expression(text, node, references_of(node))


def check(expression: Expression, scope: Mapping[str, Type]) -> tuple[Type, tuple[Problem, ...]]:
    """The type of what the expression gives, and what is wrong with it, for names of these types."""
    return checked(expression.ast, scope)


def evaluate(expression: Expression, scope: Mapping[str, JSON], cost_max: int = COST_MAX) -> JSON:
    """What the expression gives for this data. Raises ExpressionError with the place and the reason.

    Pure: the data is neither changed nor copied, so parts of it may be in the result.
    """
    value: JSON = run_program(expression.text, scope, cost_max)
    return value


def free_names(expression: Expression) -> frozenset[str]:
    """The names that the expression takes from its scope."""
    return frozenset(reference.path[0] for reference in expression.references)
