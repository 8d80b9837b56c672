"""One evaluation: its data, the variables of its loops, and what it may still cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from engine.rules.expressions.problems import ExpressionError, Problem, closest

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

CHARACTERS_PER_COST = 100  # reading or writing text is far cheaper than taking a step


class Fault(Exception):
    """Evaluation cannot go on at this place.

    Cheap to raise, because `||` and `exists()` may swallow thousands: its message is finished only for a reader.
    `names` are what was there when the name `wanted`, written in the expression, was looked for.
    """

    def __init__(self, message: str, hint: str = "", *, wanted: str = "", names: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.wanted = wanted
        self.names = names
        self.offset = -1
        self.length = 1

    def at(self, offset: int, length: int) -> Fault:
        """The same fault with its place, unless it has one already."""
        if self.offset < 0:
            self.offset, self.length = offset, length
        return self

    def error(self, text: str) -> ExpressionError:
        meant = closest(self.wanted, self.names) if self.wanted else ""
        message = f"{self.message}; did you mean '{meant}'?" if meant else self.message
        return ExpressionError(Problem(max(self.offset, 0), self.length, message, self.hint), text)


class CostExceeded(Fault):
    """The evaluation has cost what it may. Nothing swallows this one."""

    def __init__(self) -> None:
        super().__init__("cost limit exceeded", "take fewer items or shorter text, or use a python step")


class Frame:
    """What the parts of an expression share while it is evaluated."""

    __slots__ = ("left", "scope", "variables")

    def __init__(self, scope: Mapping[str, JSON], cost_max: int, variables: int) -> None:
        self.scope = scope
        self.left = cost_max
        self.variables: list[Any] = [None] * variables

    def spend(self, cost: int) -> None:
        self.left -= cost
        if self.left < 0:
            raise CostExceeded

    def spend_text(self, characters: int) -> None:
        """Pay for text before it is made, so that what cannot be afforded is never in memory."""
        self.left -= characters // CHARACTERS_PER_COST
        if self.left < 0:
            raise CostExceeded


Run: TypeAlias = Callable[[Frame], Any]
"""A compiled part: JSON values only, typed Any because every operation looks at the exact type itself."""
