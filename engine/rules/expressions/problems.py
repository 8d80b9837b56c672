"""What is wrong with an expression, where, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

Place = tuple[str | int, ...]
"""Where a string stands in a JSON value: the keys and indexes that lead to it."""

_NAMES_COMPARED_MAX = 200  # a misspelling is looked for in objects of fields, not in a data set used as a map
_NAMES_LISTED_MAX = 8
_NAME_MAX = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an expression.

    `offset` and `length` count characters from the start of the expression's text. The message never holds data, only
    names and kinds, so it may be shown and stored wherever the expression itself may be.
    """

    offset: int
    length: int
    message: str
    hint: str = ""


class ExpressionError(Exception):
    """An expression cannot be read, or its evaluation came to nothing.

    `path` is the place of the string inside a template, empty for a bare expression.
    """

    def __init__(self, problem: Problem, text: str = "", path: Place = ()) -> None:
        super().__init__(problem, text, path)
        self.problem = problem
        self.text = text
        self.path = path

    def __str__(self) -> str:
        line, column = position(self.problem, self.text)
        place = f"{spoken_place(self.path)}: " if self.path else ""
        hint = f" ({self.problem.hint})" if self.problem.hint else ""
        return f"{place}{line}:{column}: {self.problem.message}{hint}"


def position(problem: Problem, text: str) -> tuple[int, int]:
    """Line and column of a problem in its text, both counted from 1."""
    before = text[: problem.offset]
    line_start = before.rfind("\n") + 1
    return before.count("\n") + 1, problem.offset - line_start + 1


def pointed(problem: Problem, text: str) -> str:
    """The problem as people read it: the message, the line it is about, and a mark under the place."""
    line, column = position(problem, text)
    source = text.split("\n")[line - 1] if text else ""
    mark = "^" * max(1, min(problem.length, len(source) - column + 1))
    lines = [f"{line}:{column}: {problem.message}", f"  {source}", f"  {' ' * (column - 1)}{mark}"]
    if problem.hint:
        lines.append(f"  {problem.hint}")
    return "\n".join(lines)


def spoken_place(path: Place) -> str:
    """`("with", "items", 0, "url")` as people write it: `with.items[0].url`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def closest(word: str, names: Iterable[object]) -> str:
    """The name that was probably meant, or an empty string."""
    known = _comparable_names(names)
    if len(word) > _NAME_MAX:
        return ""
    for name in known:
        if name.casefold() == word.casefold() or name.startswith(word + "-"):
            return name
    return next(iter(get_close_matches(word, known, n=1, cutoff=0.6)), "")


def did_you_mean(word: str, names: Iterable[object]) -> str:
    """The end of a message about an unknown name: the likely meaning, or what there is."""
    known = _comparable_names(names)
    if meant := closest(word, known):
        return f"; did you mean '{meant}'?"
    if not known or len(known) > _NAMES_LISTED_MAX:
        return ""
    return f" (has: {', '.join(known)})"


def _comparable_names(names: Iterable[object]) -> list[str]:
    """The names, if they are few and short enough to be names and not data."""
    known = [name for name in islice(names, _NAMES_COMPARED_MAX + 1) if type(name) is str]
    return [] if len(known) > _NAMES_COMPARED_MAX or any(len(name) > _NAME_MAX for name in known) else known
