"""JSON with expressions in it: any string may hold `${{ … }}`, and keys never do.

A string that is exactly one expression becomes its value, whatever its kind. In other text an expression becomes text
itself, so it must be a string, a number or a boolean. `$${{` stands for `${{` as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeAlias

from engine.rules.expressions.compiler import COST_MAX, run_program
from engine.rules.expressions.expression import Expression, check, parse
from engine.rules.expressions.frame import JSON, Fault
from engine.rules.expressions.operators import kind_of, scalar_text
from engine.rules.expressions.problems import ExpressionError, Place, Problem
from engine.rules.expressions.references import Reference
from engine.rules.expressions.tokens import tokens
from engine.rules.expressions.types import (
    STRING,
    Type,
    enum_of,
    kinds,
    list_of,
    may_be_null,
    object_of,
    spoken,
    united,
)

OPEN: Final = "${{"
LITERAL: Final = "$${{"
_DEPTH_MAX: Final = 100

_Filler: TypeAlias = Callable[[Mapping[str, JSON], int], Any]
_Typer: TypeAlias = Callable[[Mapping[str, Type], "list[PlacedProblem]"], Type]


@dataclass(frozen=True, slots=True)
class PlacedProblem:
    """A problem and the place of its string; the problem's offset counts from the start of that string."""

    path: Place
    problem: Problem


@dataclass(frozen=True, slots=True)
class PlacedExpression:
    """An expression of a template: the place of its string, and where in it the body begins, just after `${{`.

    `alone` when the string is nothing else. A problem of it stands at `offset + problem.offset` of the string.
    """

    path: Place
    offset: int
    expression: Expression
    alone: bool


class TemplateError(ExpressionError):
    """Strings of a template cannot be read. `problem` and `path` are the first one's, `placed` has them all."""

    def __init__(self, placed: tuple[PlacedProblem, ...], text: str) -> None:
        super().__init__(placed[0].problem, text, placed[0].path)
        self.placed = placed


@dataclass(frozen=True, slots=True)
class Template:
    """A JSON value whose strings may hold expressions."""

    value: JSON
    expressions: tuple[PlacedExpression, ...]
    _fill: _Filler = field(repr=False, compare=False)
    _type: _Typer = field(repr=False, compare=False)

    @property
    def references(self) -> tuple[Reference, ...]:
        """What all the expressions read. Each offset counts from the start of its own expression."""
        return tuple(reference for placed in self.expressions for reference in placed.expression.references)

    def fill(self, scope: Mapping[str, JSON], cost_max: int = COST_MAX) -> JSON:
        """The value with every expression evaluated; each may cost `cost_max`. Raises ExpressionError with its place.

        Parts without expressions are given back as they are, not copied.
        """
        filled: JSON = self._fill(scope, cost_max)
        return filled

    def check(self, scope: Mapping[str, Type]) -> tuple[Type, tuple[PlacedProblem, ...]]:
        """The type of the filled value, and the problems of all expressions in it."""
        problems: list[PlacedProblem] = []
        return self._type(scope, problems), tuple(problems)


def parse_template(value: JSON) -> Template:
    """Reads every string of a value. Raises TemplateError, which tells of all that cannot be read."""
    reader = _Reader()
    fill, type_ = reader.part(value, ())
    if reader.problems:
        raise TemplateError(tuple(reader.problems), reader.first_text)
    return Template(value, tuple(reader.expressions), fill, type_)


@lru_cache(maxsize=4096)  # looking for the marks costs ten times as much as the answer
def condition(text: str) -> Expression:
    """The expression of a `when:`, written bare or as one `${{ … }}`.

    Offsets count in the text as it is written, so the marks around the expression stay in `.text` as spaces.
    """
    start = len(text) - len(text.lstrip())
    if not text.startswith(OPEN, start):
        return parse(text)
    end = _end_of(text, start + len(OPEN))
    if rest := text[end:].strip():
        at = text.index(rest, end)
        hint = "join conditions with && or || inside one pair of marks"
        raise ExpressionError(Problem(at, len(rest), "a condition is one expression", hint), text)
    return parse(" " * (start + len(OPEN)) + text[start + len(OPEN) : end - 2] + "  ")


class _Reader:
    """One walk over a value, which gathers expressions and problems."""

    def __init__(self) -> None:
        self.expressions: list[PlacedExpression] = []
        self.problems: list[PlacedProblem] = []
        self.first_text = ""

    def part(self, value: Any, path: Place) -> tuple[_Filler, _Typer]:
        if len(path) > _DEPTH_MAX:
            self._broken(Problem(0, 1, f"nested deeper than {_DEPTH_MAX} levels"), path, "")
            return _constant(None)
        if type(value) is dict:
            return self._object(value, path)
        if type(value) is list:
            return self._list(value, path)
        if type(value) is str and OPEN in value:
            return self._text(value, path)
        return _constant(value)

    def _broken(self, problem: Problem, path: Place, text: str) -> None:
        if not self.problems:
            self.first_text = text
        self.problems.append(PlacedProblem(path, problem))

    def _object(self, value: dict[str, Any], path: Place) -> tuple[_Filler, _Typer]:
        before = len(self.expressions)
        parts = {key: self.part(inner, (*path, key)) for key, inner in value.items()}

        def typed(scope: Mapping[str, Type], problems: list[PlacedProblem]) -> Type:
            return object_of({key: typer(scope, problems) for key, (_, typer) in parts.items()})

        if len(self.expressions) == before:
            return (lambda _, __: value), typed
        return (lambda scope, cost: {key: filler(scope, cost) for key, (filler, _) in parts.items()}), typed

    def _list(self, value: list[Any], path: Place) -> tuple[_Filler, _Typer]:
        before = len(self.expressions)
        parts = [self.part(inner, (*path, at)) for at, inner in enumerate(value)]

        def typed(scope: Mapping[str, Type], problems: list[PlacedProblem]) -> Type:
            types = [typer(scope, problems) for _, typer in parts]
            return list_of(united(types)) if types else {"type": "array"}

        if len(self.expressions) == before:
            return (lambda _, __: value), typed
        return (lambda scope, cost: [filler(scope, cost) for filler, _ in parts]), typed

    def _text(self, text: str, path: Place) -> tuple[_Filler, _Typer]:
        pieces: list[str | PlacedExpression] = []
        try:
            for piece in _pieces(text):
                pieces.append(piece if isinstance(piece, str) else self._placed(text, piece, path))
        except ExpressionError as error:
            self._broken(error.problem, path, text)
            return _constant(None)
        first = pieces[0] if pieces else ""
        if len(pieces) == 1 and isinstance(first, str):
            return _constant(first)
        if len(pieces) == 1 and isinstance(first, PlacedExpression):
            return _alone(first, text)
        return _interpolated(tuple(pieces), text)

    def _placed(self, text: str, span: tuple[int, int], path: Place) -> PlacedExpression:
        start, end = span
        try:
            expression = parse(text[start:end])
        except ExpressionError as error:
            raise ExpressionError(_moved(error.problem, start), text) from None
        placed = PlacedExpression(path, start, expression, start == len(OPEN) and end + 2 == len(text))
        self.expressions.append(placed)
        return placed


def _constant(value: Any) -> tuple[_Filler, _Typer]:
    return (lambda _, __: value), (lambda _, __: _constant_type(value))


def _constant_type(value: Any) -> Type:
    return enum_of((value,)) if type(value) in {str, int, float, bool} else ({"type": "null"} if value is None else {})


def _alone(placed: PlacedExpression, text: str) -> tuple[_Filler, _Typer]:
    def fill(scope: Mapping[str, JSON], cost_max: int) -> Any:
        return _evaluated(placed, scope, cost_max, text)

    def typed(scope: Mapping[str, Type], problems: list[PlacedProblem]) -> Type:
        return _checked(placed, scope, problems)

    return fill, typed


def _interpolated(pieces: tuple[str | PlacedExpression, ...], text: str) -> tuple[_Filler, _Typer]:
    def fill(scope: Mapping[str, JSON], cost_max: int) -> str:
        return "".join(
            piece if isinstance(piece, str) else _as_text(piece, _evaluated(piece, scope, cost_max, text), text)
            for piece in pieces
        )

    def typed(scope: Mapping[str, Type], problems: list[PlacedProblem]) -> Type:
        for piece in pieces:
            if not isinstance(piece, str):
                _check_text(piece, _checked(piece, scope, problems), problems)
        return STRING

    return fill, typed


def _evaluated(placed: PlacedExpression, scope: Mapping[str, JSON], cost_max: int, text: str) -> Any:
    try:
        return run_program(placed.expression.text, scope, cost_max)
    except ExpressionError as error:
        raise ExpressionError(_moved(error.problem, placed.offset), text, placed.path) from None


def _as_text(placed: PlacedExpression, value: Any, text: str) -> str:
    try:
        return scalar_text(value)
    except Fault:
        problem = _not_text(placed, kind_of(value))
        raise ExpressionError(problem, text, placed.path) from None


def _checked(placed: PlacedExpression, scope: Mapping[str, Type], problems: list[PlacedProblem]) -> Type:
    type_, found = check(placed.expression, scope)
    problems.extend(PlacedProblem(placed.path, _moved(problem, placed.offset)) for problem in found)
    return type_


def _check_text(placed: PlacedExpression, type_: Type, problems: list[PlacedProblem]) -> None:
    found = kinds(type_)
    if found is None:
        return
    if not found & {"string", "integer", "number", "boolean"}:
        problems.append(PlacedProblem(placed.path, _not_text(placed, spoken(type_))))
    elif may_be_null(type_):
        problems.append(PlacedProblem(placed.path, _not_text(placed, "what may be null")))


def _not_text(placed: PlacedExpression, kind: str) -> Problem:
    hint = (
        "toJson(...) writes it as text; alone in its string an expression keeps its kind, but a line break is text too"
    )
    if "null" in kind:
        hint = "give a default: coalesce(..., '')"
    length = len(placed.expression.text)
    return Problem(placed.offset, length, f"{kind} cannot stand within text", hint)


def _moved(problem: Problem, by: int) -> Problem:
    return Problem(problem.offset + by, problem.length, problem.message, problem.hint)


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str | tuple[int, int], ...]:
    """Plain text, and for each expression where its body begins and ends."""
    pieces: list[str | tuple[int, int]] = []
    plain, at = "", 0
    while (opened := text.find(OPEN, at)) >= 0:
        plain += text[at:opened]
        start = opened + len(OPEN)
        if opened > at and text[opened - 1] == "$":
            plain, at = plain[:-1] + OPEN, start
            continue
        end = _end_of(text, start)
        pieces.extend([plain, (start, end - 2)] if plain else [(start, end - 2)])
        plain, at = "", end
    plain += text[at:]
    return (*pieces, plain) if plain else tuple(pieces)


def _end_of(text: str, start: int) -> int:
    """Where the `}}` ends that closes an expression; braces and quotes inside it are its own."""
    nested = 0
    for token in tokens(text, start) if "}}" in text[start:] else ():
        if token.kind != "mark" or token.text not in "{}":
            continue
        nested += 1 if token.text == "{" else -1
        if nested < 0:
            if text.startswith("}}", token.offset):
                return token.offset + 2
            break
    hint = "close it with '}}', or write '$${{' for the text '${{'"
    if "//" in text[start:]:
        hint = "close it with '}}'; outside quotes '//' begins a comment that reaches to the end of the line"
    raise ExpressionError(Problem(start - len(OPEN), len(OPEN), "'${{' is not closed", hint), text)
