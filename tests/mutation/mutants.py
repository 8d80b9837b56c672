"""Mutants: one small change of a function each, such as people make by mistake.

A mutant is named by what it changes and not by its line, so that its name outlives edits elsewhere in the file. Left
alone are annotations, defaults, decorators, docstrings, assertions, and the words of messages.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.mutation.changes import Edit, changes, filters, removable

LONG_ENOUGH = 28  # characters of an expression that say where it stands
UNTOUCHED = (ast.Assert, ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)
BLOCKS = ("body", "orelse", "finalbody")
WORDS: dict[type[ast.AST], str] = {ast.While: "while", ast.match_case: "case if"}
Place = tuple[ast.AST, ...]  # the way from a statement down to a node


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of a module's tree; a test can only notice it when it reaches one of `lines`."""

    module: str
    name: str
    lines: range
    edits: tuple[Edit, ...]

    @property
    def function(self) -> str:
        return self.name.partition(":")[0]

    def apply(self) -> None:
        for node, field, value in self.edits:
            setattr(node, field, value)


def mutants(module: str, tree: ast.Module) -> list[Mutant]:
    """Every mutant of a module's functions, in the order of the text; equal changes of one function are numbered."""
    found = [one for name, function in _functions(tree, "") for one in _Walk(module, name).function(function)]
    seen: Counter[str] = Counter()
    numbered: list[Mutant] = []
    for one in found:
        seen[one.name] += 1
        numbered.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name} #{seen[one.name]}"))
    return numbered


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
    """Every function and method, and the lambdas of a module's tables, by name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.Assign | ast.AnnAssign) and child.value is not None:
            name = ast.unparse(child.targets[0] if isinstance(child, ast.Assign) else child.target)
            inner = [one for one in ast.walk(child.value) if isinstance(one, ast.Lambda)]
            yield from ((prefix + name, one) for one in inner)


@dataclass(slots=True)
class _Walk:
    """Through one function."""

    module: str
    name: str
    lines: range = range(0)

    def function(self, one: ast.AST) -> Iterator[Mutant]:
        if isinstance(one, ast.Lambda):
            self.lines = range(one.lineno, (one.end_lineno or one.lineno) + 1)
            yield from self._expression(one.body, (one,))
        else:
            yield from self._block(one, "body")

    def _block(self, owner: ast.AST, field: str) -> Iterator[Mutant]:
        block: list[ast.stmt] = getattr(owner, field)
        for at, one in enumerate(block):
            if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
                continue  # a docstring
            self.lines = _lines(one)
            if removable(one):
                instead = ast.Break() if isinstance(one, ast.Continue) else ast.Pass()
                rest = [*block[:at], ast.copy_location(instead, one), *block[at + 1 :]]
                yield self._mutant(f"without {_short(ast.unparse(one))}", (owner, field, rest))
            if not isinstance(one, UNTOUCHED):
                yield from self._statement(one)

    def _statement(self, one: ast.stmt) -> Iterator[Mutant]:
        for field, value in ast.iter_fields(one):
            if field in BLOCKS or field in ("annotation", "decorator_list", "targets", "args", "returns"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.expr):
                    yield from self._expression(child, (one,))
                elif isinstance(child, ast.withitem):
                    yield from self._expression(child.context_expr, (one, child))
                elif isinstance(child, ast.match_case):
                    yield from self._case(one, child)
        for owner in [one, *getattr(one, "handlers", ())]:
            for field in BLOCKS:
                if getattr(owner, field, None):
                    yield from self._block(owner, field)

    def _case(self, match: ast.stmt, case: ast.match_case) -> Iterator[Mutant]:
        assert isinstance(match, ast.Match)
        rest = [one for one in match.cases if one is not case]
        self.lines = range(match.lineno, _lines(case.pattern).stop)
        if rest:
            yield self._mutant(f"without case {_short(ast.unparse(case.pattern))}", (match, "cases", rest))
        if case.guard is not None:
            yield from self._expression(case.guard, (match, case))
        yield from self._block(case, "body")

    def _expression(self, one: ast.expr, way: Place) -> Iterator[Mutant]:
        if isinstance(one, UNTOUCHED):
            return
        parent = way[-1]
        if one is getattr(parent, "test", None) or one is getattr(parent, "guard", None):
            yield from self._condition(one, parent)
        for edits in changes(one, parent):
            yield self._told((*way, one), edits)
        for child in ast.iter_child_nodes(one):
            if isinstance(child, ast.expr):
                yield from self._expression(child, (*way, one))
            elif isinstance(child, ast.keyword):
                yield from self._expression(child.value, (*way, one, child))
            elif isinstance(child, ast.comprehension):
                yield from self._comprehension(child, (*way, one, child))

    def _comprehension(self, one: ast.comprehension, way: Place) -> Iterator[Mutant]:
        for edits in filters(one):
            yield self._told(way, edits)
        for child in (one.iter, *one.ifs):
            yield from self._expression(child, way)

    def _condition(self, test: ast.expr, parent: ast.AST) -> Iterator[Mutant]:
        """A condition that always holds, and one that never does; a loop for ever tells nothing."""
        field = "guard" if isinstance(parent, ast.match_case) else "test"
        word = WORDS.get(type(parent), "if")
        for value in (False,) if isinstance(parent, ast.While) else (True, False):
            constant = ast.copy_location(ast.Constant(value), test)
            yield self._mutant(f"{word} {_short(ast.unparse(test))} → {word} {value}", (parent, field, constant))

    def _told(self, way: Place, edits: tuple[Edit, ...]) -> Mutant:
        """A change, told by the smallest expression around it that says where it stands."""
        last, (node, field, value) = way[-1], edits[0]
        if isinstance(last, ast.Call) and field == "keywords":
            (gone,) = [one for one in last.keywords if one not in value]
            return self._mutant(
                f"{ast.unparse(last.func)}(… {ast.unparse(gone)} …) → without {gone.arg or '**'}", *edits
            )
        around = [one for one in way if isinstance(one, ast.expr)]
        if node is not last or isinstance(node, ast.comprehension):
            around = around[:-1] or [way[0]]  # the change is in what holds the expression
        shown = next((one for one in reversed(around) if len(ast.unparse(one)) >= LONG_ENOUGH), around[0])
        before, kept = ast.unparse(shown), [(node, field, getattr(node, field)) for node, field, _ in edits]
        for node, field, value in edits:
            setattr(node, field, value)
        after = ast.unparse(shown)
        for node, field, value in kept:
            setattr(node, field, value)
        return self._mutant(_differing(before, after), *edits)

    def _mutant(self, change: str, *edits: Edit) -> Mutant:
        return Mutant(self.module, f"{self.name}: {change}", self.lines, edits)


def _lines(one: Any) -> range:
    """The lines of a statement's head, or of all of it when it has no block."""
    block = next((getattr(one, field) for field in (*BLOCKS, "cases") if getattr(one, field, None)), None)
    end = one.end_lineno
    if block:
        first = block[0].pattern.lineno if isinstance(block[0], ast.match_case) else block[0].lineno
        end = max(one.lineno, first - 1)
    return range(one.lineno, end + 1)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else f"{text[:99]}…"


def _differing(before: str, after: str) -> str:
    """Both texts, cut around what differs when they are long."""
    before, after = " ".join(before.split()), " ".join(after.split())
    if len(before) <= 90:
        return f"{before} → {after}"
    shorter = min(len(before), len(after))
    start = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    tail = 0
    while tail < shorter - start and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    cut = slice(max(0, start - 24), -max(0, tail - 24) or None)
    return f"… {_short(before[cut])} … → … {_short(after[cut])} …"
