"""Parts to closures: an expression is compiled once, and then costs little more than its look-ups.

A closure takes the frame of one evaluation and gives a value. What stands outside loops is bounded by the length of the
text and paid for at the start; a turn of a loop pays for its body, and operations pay for the size of what they make.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from engine.rules.expressions.frame import JSON, CostExceeded, Fault, Frame, Run
from engine.rules.expressions.functions import FUNCTIONS, fitted, misuse
from engine.rules.expressions.loops import LOOPS
from engine.rules.expressions.narrowing import compared_with_null
from engine.rules.expressions.nodes import (
    Call,
    Chain,
    Coalesce,
    Conditional,
    Has,
    Index,
    Link,
    ListOf,
    Literal,
    Logic,
    Macro,
    MapOf,
    Name,
    Node,
    Select,
    Unary,
    weight,
)
from engine.rules.expressions.operators import BINARY, kind_of, negated
from engine.rules.expressions.parser import parsed
from engine.rules.expressions.paths import (
    fields_run,
    first_present_run,
    index_run,
    null_test_run,
    presence_run,
    soft_field_run,
    soft_index_run,
)
from engine.rules.expressions.problems import ExpressionError

COST_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression: what to run, how many loop variables it has, and what it costs at least."""

    run: Run
    variables: int
    cost: int


@lru_cache(maxsize=4096)
def program(text: str) -> Program:
    """The compiled form of an expression's text. Raises ExpressionError."""
    node = parsed(text)
    compiler = _Compiler(text)
    run = compiler.compiled(node)
    return Program(run, compiler.variables_max, weight(node))


def run_program(text: str, scope: Mapping[str, JSON], cost_max: int) -> Any:
    compiled = program(text)
    frame = Frame(scope, cost_max - compiled.cost, compiled.variables)
    try:
        if frame.left < 0:
            raise CostExceeded
        return compiled.run(frame)
    except Fault as fault:
        raise fault.error(text) from None


class _Compiler:
    """Holds what is in sight while the parts of one expression are compiled."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._slots: dict[str, int] = {}
        self._level = 0
        self.variables_max = 0

    def compiled(self, node: Node) -> Run:
        match node:
            case Literal(value=value):
                return lambda _: value
            case Name() | Select() | Index():
                return self._path(node)
            case Has(path=path):
                return presence_run(self._soft(path))
            case Coalesce(choices=choices):
                return first_present_run(tuple(self._soft(choice) for choice in choices))
            case Unary():
                return self._unary(node)
            case Logic(operator=operator, operands=operands):
                parts = tuple((self.compiled(part), part) for part in operands)
                return _logic(operator, parts)
            case Chain():
                return self._chain(node)
            case Conditional():
                return self._conditional(node)
            case ListOf(items=items):
                return _list(tuple(self.compiled(item) for item in items))
            case MapOf():
                return self._map(node)
            case Call():
                return self._call(node)
            case Macro():
                return self._macro(node)
            case _:
                raise AssertionError(f"no meaning for {type(node).__name__}")

    # Paths

    def _path(self, node: Node) -> Run:
        """Fields straight after a name become one closure, since nearly every expression is made of such paths."""
        fields: list[Select] = []
        root = node
        while isinstance(root, Select):
            fields.append(root)
            root = root.operand
        fields.reverse()
        if isinstance(root, Name):
            return fields_run(self._root(root), tuple(fields)) if fields else self._root(root)
        if fields:
            return fields_run(self.compiled(root), tuple(fields))
        assert isinstance(root, Index)
        return index_run(self.compiled(root.operand), self.compiled(root.key), root)

    def _root(self, node: Name) -> Run:
        name = node.name
        if name in self._slots:
            slot = self._slots[name]
            return lambda frame: frame.variables[slot]

        def look_up(frame: Frame) -> Any:
            try:
                return frame.scope[name]
            except KeyError:
                raise Fault(f"unknown name '{name}'", wanted=name, names=frame.scope).at(
                    node.offset, len(name)
                ) from None

        return look_up

    def _soft(self, node: Node) -> Run:
        """As compiled, but ABSENT or null where a field or key on the way is missing."""
        match node:
            case Select():
                return soft_field_run(self._soft(node.operand), node)
            case Index():
                return soft_index_run(self._soft(node.operand), self.compiled(node.key), node)
            case _:
                return self.compiled(node)

    # Operators

    def _unary(self, node: Unary) -> Run:
        operand, minus = self.compiled(node.operand), node.operator == "-"

        def run(frame: Frame) -> Any:
            value = operand(frame)
            if minus:
                return _placed(node, negated, value)
            if value is True:
                return False
            if value is False:
                return True
            raise Fault(f"cannot apply '!' to {kind_of(value)}").at(node.offset, node.length)

        return run

    def _chain(self, node: Chain) -> Run:
        if (other := compared_with_null(node)) is not None:
            return null_test_run(self._soft(other), node.links[0].operator == "==")
        first = self.compiled(node.first)
        links = tuple((link, self.compiled(link.operand)) for link in node.links)
        return _binary(first, *links[0]) if len(links) == 1 else _chained(first, links)

    def _conditional(self, node: Conditional) -> Run:
        test, yes, no = self.compiled(node.test), self.compiled(node.yes), self.compiled(node.no)

        def run(frame: Frame) -> Any:
            chosen = test(frame)
            if chosen is True:
                return yes(frame)
            if chosen is False:
                return no(frame)
            raise Fault(f"'?' needs boolean before it, got {kind_of(chosen)}").at(node.test.offset, node.test.length)

        return run

    # Values

    def _map(self, node: MapOf) -> Run:
        entries = tuple((self.compiled(key), self.compiled(value), key) for key, value in node.entries)

        def run(frame: Frame) -> dict[str, Any]:
            made: dict[str, Any] = {}
            for key_run, value_run, place in entries:
                key = key_run(frame)
                if type(key) is not str:
                    raise Fault(f"a key must be string, got {kind_of(key)}").at(place.offset, place.length)
                if key in made:
                    raise Fault("the same key twice").at(place.offset, place.length)
                made[key] = value_run(frame)
            return made

        return run

    def _call(self, node: Call) -> Run:
        if problem := misuse(node):
            raise ExpressionError(problem, self._text)
        function = FUNCTIONS[node.name]
        arguments = tuple((self.compiled(part), function.parameter(at), at) for at, part in enumerate(node.arguments))
        call: Callable[..., Any] = function.run
        name, offset, length = node.name, node.name_offset, len(node.name)

        def run(frame: Frame) -> Any:
            values = [argument(frame) for argument, _, _ in arguments]
            try:
                for _, parameter, at in arguments:
                    values[at] = fitted(name, parameter, at, values[at])
                return call(frame, *values)
            except Fault as fault:
                fault.at(offset, length)
                raise

        return run

    def _macro(self, node: Macro) -> Run:
        target = self.compiled(node.target)
        outer, slot = self._slots, self._level
        self._level += 1
        self.variables_max = max(self.variables_max, self._level)
        self._slots = {**outer, node.variable: slot}
        keep = None if node.keep is None else self.compiled(node.keep)
        body = self.compiled(node.body)
        self._slots, self._level = outer, slot
        cost = weight(node.body) + (weight(node.keep) if node.keep else 0)
        return LOOPS[node.name](node, target, slot, keep, body, cost)


def _placed(node: Node, apply: Callable[[Any], Any], value: Any) -> Any:
    try:
        return apply(value)
    except Fault as fault:
        fault.at(node.offset, node.length)
        raise


def _binary(left: Run, link: Link, right: Run) -> Run:
    apply, offset, length = BINARY[link.operator], link.offset, len(link.operator)

    def run(frame: Frame) -> Any:
        a, b = left(frame), right(frame)
        try:
            return apply(frame, a, b)
        except Fault as fault:
            fault.at(offset, length)
            raise

    return run


def _chained(first: Run, links: tuple[tuple[Link, Run], ...]) -> Run:
    """A loop, not closures in closures: a sum may have more terms than the interpreter's stack has room for."""
    steps = tuple((BINARY[link.operator], operand, link) for link, operand in links)

    def run(frame: Frame) -> Any:
        value = first(frame)
        for apply, operand, link in steps:
            other = operand(frame)
            try:
                value = apply(frame, value, other)
            except Fault as fault:
                fault.at(link.offset, len(link.operator))
                raise
        return value

    return run


def _logic(operator: str, parts: tuple[tuple[Run, Node], ...]) -> Run:
    """`&&` and `||` as CEL has them: an operand that decides makes the faults of the others not matter."""
    decides = operator == "||"

    def run(frame: Frame) -> bool:
        first_fault: Fault | None = None
        for part, place in parts:
            try:
                value: object = part(frame)
            except CostExceeded:
                raise
            except Fault as fault:
                first_fault = first_fault or fault
                continue
            if value is decides:
                return decides
            if type(value) is not bool and first_fault is None:
                first_fault = Fault(f"'{operator}' needs boolean, got {kind_of(value)}").at(place.offset, place.length)
        if first_fault is not None:
            raise first_fault
        return not decides

    return run


def _list(items: tuple[Run, ...]) -> Run:
    return lambda frame: [item(frame) for item in items]
