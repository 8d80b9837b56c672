"""Proves what can be proved about an expression before any run: names, fields, kinds, and what may be missing.

Only what is certain to fail, or fails whenever optional data is absent, is a problem; what is unknown passes, since the
run looks again. After a problem the part counts as unknown, so that one mistake is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from engine.rules.expressions.functions import FUNCTIONS, Function, bad_constant, misuse, unfit_argument
from engine.rules.expressions.narrowing import (
    NOTHING,
    Facts,
    compared_with_null,
    facts,
    proven,
    running,
    without_root,
)
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
    called,
    path_of,
    written,
)
from engine.rules.expressions.operations import Wrong, combined, compared, looked_up
from engine.rules.expressions.problems import Problem, closest, did_you_mean
from engine.rules.expressions.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    STRING,
    Field,
    Type,
    enum_of,
    field_of,
    is_only,
    items_of,
    kinds,
    list_of,
    map_of,
    may_be_null,
    nullable,
    object_of,
    spoken,
    united,
    with_field,
    without_null,
)

_TYPE_WORDS: Final = {
    "int": "integer",
    "double": "number",
    "float": "number",
    "string": "string",
    "bool": "boolean",
    "list": "array",
    "map": "object",
}


@dataclass(frozen=True, slots=True)
class _Sight:
    """What is known where a part stands: the types of names, and the paths that are there."""

    names: Mapping[str, Type]
    known: Facts = NOTHING

    def learning(self, known: Facts) -> _Sight:
        return replace(self, known=self.known | known)

    def with_variable(self, name: str, type_: Type) -> _Sight:
        return _Sight({**self.names, name: type_}, without_root(self.known, name))


def checked(node: Node, scope: Mapping[str, Type]) -> tuple[Type, tuple[Problem, ...]]:
    """The type of an expression, and its problems in the order of the text."""
    checker = _Checker()
    type_ = checker.type_of(node, _Sight(scope))
    return type_, tuple(sorted(checker.problems, key=lambda problem: problem.offset))


class _Checker:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def _report(self, place: Node, message: str, hint: str = "") -> Type:
        self.problems.append(Problem(place.offset, place.length, message, hint))
        return ANY

    def type_of(self, node: Node, sight: _Sight) -> Type:
        match node:
            case Literal(value=value):
                return NULL if value is None else enum_of((value,))
            case Name() | Select() | Index():
                return self._path(node, sight, soft=False)
            case Has(path=path):
                self._path(path, sight, soft=True)
                return BOOLEAN
            case Coalesce():
                return self._coalesce(node, sight)
            case Unary():
                return self._unary(node, sight)
            case Logic():
                for operand, known in running(node, sight.known):
                    self._need_boolean(operand, replace(sight, known=known), f"'{node.operator}'")
                return BOOLEAN
            case Chain():
                return self._chain(node, sight)
            case Conditional():
                return self._conditional(node, sight)
            case ListOf(items=items):
                return list_of(united([self.type_of(item, sight) for item in items]) if items else ANY)
            case MapOf():
                return self._map(node, sight)
            case Call():
                return self._call(node, sight)
            case Macro():
                return self._macro(node, sight)
            case _:
                raise AssertionError(f"no type for {type(node).__name__}")

    def _present(self, node: Node, sight: _Sight) -> Type:
        """The type of a part that must not be null where it stands."""
        type_ = self.type_of(node, sight)
        if not may_be_null(type_) or is_only(type_, "null"):
            return type_
        self._report(node, f"{called(node)} may be null", _guard_hint(node))
        return without_null(type_)

    def _need_boolean(self, node: Node, sight: _Sight, who: str) -> None:
        type_ = self._present(node, sight)
        found = kinds(type_)
        if found is not None and "boolean" not in found:
            hint = "write a comparison, such as value != ''" if is_only(type_, "string") else ""
            self._report(node, f"{who} needs boolean, got {spoken(type_)}", hint)

    # Paths

    def _path(self, node: Node, sight: _Sight, soft: bool) -> Type:
        """A field, key or name. Where it is `soft`, what may be missing makes it nullable and is no problem."""
        match node:
            case Name():
                type_ = self._name(node, sight)
            case Select():
                type_ = self._select(node, sight, soft)
            case Index():
                type_ = self._index(node, sight, soft)
            case _:
                return self.type_of(node, sight)
        path = path_of(node)
        return without_null(type_) if path is not None and proven(path, sight.known) else type_

    def _name(self, node: Name, sight: _Sight) -> Type:
        if node.name in sight.names:
            return sight.names[node.name]
        if node.name in _TYPE_WORDS:
            hint = f'a type is compared as text: type(value) == "{_TYPE_WORDS[node.name]}"'
            return self._report(node, f"unknown name '{node.name}'", hint)
        hint = f"text stands in quotes: '{node.name}'" if not closest(node.name, sight.names) else ""
        return self._report(node, f"unknown name '{node.name}'{did_you_mean(node.name, sight.names)}", hint)

    def _operand(self, node: Select | Index, sight: _Sight, soft: bool) -> Type:
        """The type of what a field or key is taken from, null ruled out or told of."""
        type_ = self._path(node.operand, sight, soft)
        if not may_be_null(type_):
            return type_
        if not soft:
            self._report(node.operand, f"{called(node.operand)} may be null", _guard_hint(node))
        return without_null(type_)

    def _select(self, node: Select, sight: _Sight, soft: bool) -> Type:
        operand = self._operand(node, sight, soft)
        found = kinds(operand)
        place = Name(offset=node.field_offset, length=len(node.field), name=node.field)
        if found is not None and "object" not in found:
            return self._no_fields(node, operand, place)
        return self._field(node, field_of(operand, node.field), node.field, place, sight, soft)

    def _no_fields(self, node: Select, operand: Type, place: Node) -> Type:
        hint = f"a function is called with brackets: .{node.field}()" if node.field in FUNCTIONS else ""
        if is_only(operand, "list"):
            hint = hint or f"for each item write .map(item, item.{node.field}), for the first one [0].{node.field}"
        return self._report(place, f"{called(node.operand)} is {spoken(operand)}: no field '{node.field}'", hint)

    def _field(self, node: Select | Index, field: Field, name: str, place: Node, sight: _Sight, soft: bool) -> Type:
        if field.type is None:
            meant = did_you_mean(name, field.names)
            hint = (
                f'a name with "-" stands in brackets: ["{close}"]'
                if "-" in (close := closest(name, field.names))
                else ""
            )
            return self._report(place, f"{called(node.operand)} has no field '{name}'{meant}", hint)
        path = path_of(node)
        if path is not None and proven(path, sight.known):
            return field.type
        if field.required:  # of an object with any keys nobody knows which it has
            return nullable(field.type) if soft and name not in field.names else field.type
        if not soft:
            self._report(node, f"{called(node)} may be missing", _guard_hint(node))
            return field.type
        return nullable(field.type)

    def _index(self, node: Index, sight: _Sight, soft: bool) -> Type:
        operand = self._operand(node, sight, soft)
        key = self._present(node.key, sight)
        if isinstance(node.key, Literal) and type(node.key.value) is str and is_only(operand, "object"):
            field = field_of(operand, node.key.value)
            return self._field(node, field, node.key.value, node.key, sight, soft)
        type_ = looked_up(operand, key)
        if isinstance(type_, Wrong):
            return self._report(node.key, type_.message, type_.hint)
        return nullable(type_) if soft else type_

    def _coalesce(self, node: Coalesce, sight: _Sight) -> Type:
        *others, last = [self._path(choice, sight, soft=True) for choice in node.choices]
        return united([*(without_null(type_) for type_ in others if not is_only(type_, "null")), last])

    # Operators

    def _unary(self, node: Unary, sight: _Sight) -> Type:
        if node.operator == "!":
            self._need_boolean(node.operand, sight, "'!'")
            return BOOLEAN
        type_ = self._present(node.operand, sight)
        found = kinds(type_)
        if found is not None and not found & {"integer", "number"}:
            return self._report(node, f"cannot apply '-' to {spoken(type_)}")
        return INTEGER if is_only(type_, "integer") else NUMBER

    def _chain(self, node: Chain, sight: _Sight) -> Type:
        beside_null = compared_with_null(node)
        if beside_null is not None:
            self._path(beside_null, sight, soft=True)
            return BOOLEAN
        first, place = self._chained_operand(node.first, node.links[0], sight), node.first
        type_ = first
        for link in node.links:
            type_ = self._link(type_, place, link, sight)
        return type_

    def _chained_operand(self, node: Node, link: Link, sight: _Sight) -> Type:
        """Only equality takes null for an answer."""
        return self.type_of(node, sight) if link.operator in {"==", "!=", "in"} else self._present(node, sight)

    def _link(self, left: Type, place: Node, link: Link, sight: _Sight) -> Type:
        if link.operator == "in":
            right = self._present(link.operand, sight)
        else:
            right = self._chained_operand(link.operand, link, sight)
        known = compared if link.operator in {"==", "!=", "in"} else combined
        outcome = known(link.operator, left, right)
        if not isinstance(outcome, Wrong):
            return outcome
        self.problems.append(Problem(link.offset, len(link.operator), outcome.message, outcome.hint))
        return BOOLEAN if known is compared else ANY

    def _conditional(self, node: Conditional, sight: _Sight) -> Type:
        self._need_boolean(node.test, sight, "'?'")
        yes = self.type_of(node.yes, sight.learning(facts(node.test, True)))
        no = self.type_of(node.no, sight.learning(facts(node.test, False)))
        return united([yes, no])

    # Values and calls

    def _map(self, node: MapOf, sight: _Sight) -> Type:
        fields: dict[str, Type] = {}
        others: list[Type] = []
        for key, value in node.entries:
            name, type_ = self._key(key, sight), self.type_of(value, sight)
            if name is None:
                others.append(type_)
                continue
            if name in fields:
                self._report(key, f"the key '{name}' stands twice")
            fields[name] = type_
        return map_of(united([*fields.values(), *others])) if others else object_of(fields)

    def _key(self, key: Node, sight: _Sight) -> str | None:
        if isinstance(key, Literal) and type(key.value) is str:
            return key.value
        if isinstance(key, Name) and key.name not in sight.names:
            self._report(key, f"unknown name '{key.name}'", f"the key of an object stands in quotes: '{key.name}'")
            return None
        type_ = self._present(key, sight)
        found = kinds(type_)
        if found is not None and "string" not in found:
            self._report(key, f"a key must be string, got {spoken(type_)}", "use string(...)")
        return None

    def _call(self, node: Call, sight: _Sight) -> Type:
        if problem := misuse(node) or bad_constant(node):
            self.problems.append(problem)
            for argument in node.arguments:
                self.type_of(argument, sight)
            return ANY
        function = FUNCTIONS[node.name]
        types = [self._argument(function, at, part, sight) for at, part in enumerate(node.arguments)]
        return function.result(types)

    def _argument(self, function: Function, at: int, node: Node, sight: _Sight) -> Type:
        parameter = function.parameter(at)
        if parameter.kinds is None:
            return self.type_of(node, sight) if function.name in {"type", "toJson"} else self._present(node, sight)
        type_ = self._present(node, sight)
        found = kinds(type_)
        if found is None:
            return type_
        may_be_whole = "integer" in parameter.kinds and "number" in found  # 2.0 is as whole as 2
        if not found & parameter.kinds and not may_be_whole:
            return self._report(node, *unfit_argument(function.name, parameter, at, spoken(type_)))
        items = kinds(items_of(type_)) if parameter.items else None
        if parameter.items and items is not None and is_only(type_, "list") and not items & parameter.items:
            return self._report(node, f"{function.name}() needs {parameter.spoken}, got {spoken(type_)}")
        return type_

    def _macro(self, node: Macro, sight: _Sight) -> Type:
        target = self._present(node.target, sight)
        found = kinds(target)
        if found is not None and not found & {"list", "object"}:
            self._report(node.target, f"{node.name}() needs a list, got {spoken(target)}")
            target = ANY
        item = self._item(target)
        inside = sight.with_variable(node.variable, item)
        if node.keep is not None:
            self._need_boolean(node.keep, inside, "map()")
            inside = inside.learning(facts(node.keep, True))
        if node.name in {"all", "exists", "exists_one", "filter"}:
            self._need_boolean(node.body, inside, f"{node.name}()")
            return list_of(narrowed(item, node)) if node.name == "filter" else BOOLEAN
        return self._arranged(node, item, inside)

    def _item(self, target: Type) -> Type:
        """What a macro's variable stands for: an item of a list, or a key of an object."""
        if is_only(target, "object"):
            return STRING
        return items_of(target) if is_only(target, "list") else ANY

    def _arranged(self, node: Macro, item: Type, inside: _Sight) -> Type:
        if node.name == "map":
            return list_of(self.type_of(node.body, inside))
        key = self._present(node.body, inside)
        found = kinds(key)
        if node.name == "groupBy":
            if found is not None and "string" not in found:
                self._report(node.body, f"groupBy() needs a string to group by, got {spoken(key)}", "use string(...)")
            return map_of(list_of(item))
        if found is not None and not found & {"string", "integer", "number", "boolean"}:
            self._report(node.body, f"sortBy() cannot order by {spoken(key)}")
        return list_of(item)


def narrowed(item: Type, node: Macro) -> Type:
    """What is known of the items that a filter keeps: fields its condition asked for are there."""
    type_ = item
    for path in sorted(facts(node.body, True)):
        if path[0] == node.variable:
            type_ = with_field(type_, path[1:])
    return type_


def _guard_hint(node: Node) -> str:
    """How to provide for the absence of a path."""
    path = path_of(node)
    if path is None:
        return "give a default: coalesce(value, default)"
    spelt = written(path)
    guard = f"has({spelt})" if isinstance(node, Select) else f"{spelt} != null"
    return f"guard it, {guard} ? … : …, or give a default, coalesce({spelt}, …)"
