"""What is wrong with a workflow file: where, why, and what to write instead."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from engine.definitions.source import Path, Source

Severity: TypeAlias = Literal["error", "warning"]

EXCERPT_MAX = 120  # characters of a source line that a message shows


class Spot(NamedTuple):
    """A place in a file: line and column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of one file. `line` and `column` count from 1; 0 means the file as a whole."""

    file: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str
    hint: str = ""
    excerpt: str = ""

    def render(self) -> str:
        """The message as a terminal shows it, with the source line and a caret."""
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        parts = [f"{where}: {self.severity}: {self.message}"]
        if self.excerpt and self.line:
            parts += _picture(self.excerpt, self.line, self.column)
        parts += [
            f"  {'hint: ' if index == 0 else '      '}{line}" for index, line in enumerate(self.hint.splitlines())
        ]
        return "\n".join(parts)


class Aside(NamedTuple):
    """A text of the workflow that stands in a file of its own: problems in it are shown there."""

    file: str
    text: str


class Findings:
    """Collects the problems of one file, each one at its place in the source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.asides: dict[Path, Aside] = {}
        self._told = {problem.line for problem in source.problems if problem.severity == "error"}

    @property
    def broken(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)

    def error(
        self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False, offset: int | None = None
    ) -> None:
        """Add an error at a value, at its key, or at a character inside a text."""
        self._add(path, "error", code, message, hint, key, offset)

    def warning(
        self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False, offset: int | None = None
    ) -> None:
        """Add something that loads but is probably not meant."""
        self._add(path, "warning", code, message, hint, key, offset)

    def _add(
        self, path: Path, severity: Severity, code: str, message: str, hint: str, key: bool, offset: int | None
    ) -> None:
        aside = self.asides.get(path) if offset is not None else None
        if aside is not None:
            problem = _in_aside(aside, offset or 0, severity, code, message, hint)
        else:
            spot = self.source.spot(path, key=key) if offset is None else self.source.inside(path, offset)
            problem = self.source.problem(spot, code, message, hint, severity)
        if code == "bad_secret":
            problem = replace(problem, excerpt="")  # the line may hold the secret itself
        # On a line whose YAML is not what it seems, everything else follows from that.
        follows = problem.line in self._told and problem.file == self.source.file
        if problem not in self.problems and not follows:
            self.problems.append(problem)


def _in_aside(aside: Aside, offset: int, severity: Severity, code: str, message: str, hint: str) -> Problem:
    """A problem in a text that stands in a file of its own."""
    before = aside.text[:offset]
    line = before.count("\n") + 1
    column = offset - (before.rfind("\n") + 1) + 1
    excerpt = aside.text.split("\n")[line - 1]
    return Problem(aside.file, line, column, severity, code, message, hint, excerpt)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the nearest known word, or nothing when none is near."""
    known = list(known)
    lowered = {name.lower(): name for name in known}
    plain = word.lower().replace("-", "_").replace(" ", "_")
    if plain in lowered:
        return f"did you mean `{lowered[plain]}`?"
    near = difflib.get_close_matches(plain, lowered, n=1, cutoff=0.6)
    return f"did you mean `{lowered[near[0]]}`?" if near else ""


def listing(names: Iterable[str], most: int = 12) -> str:
    """Names in backticks, as many as a person will read."""
    names = list(names)
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def suggestion(word: str, known: Iterable[str], *, what: str) -> str:
    """The nearest known word, or else what there is to choose from."""
    known = list(known)
    if not known:
        return f"there are no {what} here"
    return did_you_mean(word, known) or f"{what} here: {listing(known)}"


def _picture(excerpt: str, line: int, column: int) -> list[str]:
    """The source line with a caret under the column; long lines are cut around it."""
    text = "".join(" " if char == "\t" or not char.isprintable() else char for char in excerpt)
    start = max(0, column - 1 - EXCERPT_MAX * 2 // 3) if len(text) > EXCERPT_MAX else 0
    lead = "…" if start else ""
    tail = "…" if len(text) - start > EXCERPT_MAX else ""
    shown = lead + text[start : start + EXCERPT_MAX] + tail
    before = lead + text[start : column - 1].ljust(column - 1 - start)
    number = str(line).rjust(4)
    return [f"{number} | {shown.rstrip()}", f"{' ' * len(number)} | {' ' * _width(before)}^"]


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
