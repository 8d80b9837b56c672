"""What the operators do with types: the result, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from engine.rules.expressions.operators import no_container, unfit
from engine.rules.expressions.problems import closest
from engine.rules.expressions.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    Type,
    field_of,
    is_only,
    items_of,
    kinds,
    list_of,
    spoken,
    united,
    values_of,
)

_NUMERIC: Final = frozenset({"integer", "number"})
_ORDERED: Final = ({"string"}, {"boolean"}, _NUMERIC)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why an operation cannot come to anything."""

    message: str
    hint: str = ""


def combined(operator: str, left: Type, right: Type) -> Type | Wrong:
    """Arithmetic and order. Kinds that might fit pass, since the run looks at the values."""
    a, b = kinds(left), kinds(right)
    if operator in {"<", "<=", ">", ">="}:
        fits = a is None or b is None or any(a & group and b & group for group in _ORDERED)
        return BOOLEAN if fits else Wrong(*unfit(operator, spoken(left), spoken(right)))
    if operator == "+":
        return _added(left, right)
    if (a is not None and not a & _NUMERIC) or (b is not None and not b & _NUMERIC):
        return Wrong(*unfit(operator, spoken(left), spoken(right)))
    if operator == "%":
        return INTEGER
    return INTEGER if operator != "/" and is_only(left, "integer") and is_only(right, "integer") else NUMBER


def _added(left: Type, right: Type) -> Type | Wrong:
    a, b = kinds(left), kinds(right)
    if a is None or b is None:
        return _added_to_unknown(a or b, left, right)
    results: list[Type] = []
    if a & _NUMERIC and b & _NUMERIC:
        results.append(NUMBER if "number" in a | b else INTEGER)
    if "string" in a & b:
        results.append(STRING)
    if "list" in a & b:
        results.append(list_of(united([items_of(left), items_of(right)])))
    return united(results) if results else Wrong(*unfit("+", spoken(left), spoken(right)))


def _added_to_unknown(known: frozenset[str] | None, left: Type, right: Type) -> Type | Wrong:
    if known is None:
        return ANY
    if known == frozenset(("string",)):
        return STRING
    if not known & {"string", "list", *_NUMERIC}:
        return Wrong(*unfit("+", spoken(left), spoken(right)))
    return NUMBER if known <= _NUMERIC else ANY


def compared(operator: str, left: Type, right: Type) -> Type | Wrong:
    """Equality and membership, where comparing what can never be equal is a mistake."""
    if operator == "in":
        return _membership(left, right)
    always = f"always {'false' if operator == '==' else 'true'}"
    if not _may_be_equal(left, right):
        return Wrong(f"cannot compare {spoken(left)} with {spoken(right)}: {always}")
    if strange := _strange_value(left, right):
        return Wrong(f"{strange}: {always}", _meant(strange, left, right))
    return BOOLEAN


def _membership(left: Type, right: Type) -> Type | Wrong:
    found = kinds(right)
    if found is None:
        return BOOLEAN
    if not found & {"list", "object"}:
        return Wrong(*no_container(spoken(right)))
    if is_only(right, "object"):
        fits = kinds(left) is None or "string" in (kinds(left) or ())
        return BOOLEAN if fits else Wrong(f"the keys of an object are string, not {spoken(left)}: always false")
    if is_only(right, "list") and not _may_be_equal(left, items_of(right)):
        return Wrong(f"cannot compare {spoken(left)} with items that are {spoken(items_of(right))}: always false")
    return _known_values(left, right) if is_only(right, "list") else BOOLEAN


def _known_values(left: Type, right: Type) -> Type | Wrong:
    """`x in ["a", "b"]` where x has a known set of values: each of the list should be one of them."""
    own, listed = values_of(left), values_of(items_of(right))
    if own is None or listed is None:
        return BOOLEAN
    strange = [value for value in listed if type(value) is str and not _holds(own, value)]
    if not strange or len(own) == 1:
        return BOOLEAN
    word = str(strange[0])
    return Wrong(f"this is never '{word}'", _suggestion(word, own))


def _may_be_equal(left: Type, right: Type) -> bool:
    a, b = kinds(left), kinds(right)
    if a is None or b is None or a & b or (a & _NUMERIC and b & _NUMERIC):
        return True
    # Null beside a type that leaves it out is told nowhere: schemas often forget to name it.
    return is_only(left, "null") or is_only(right, "null")


def _strange_value(left: Type, right: Type) -> str:
    """A constant that is none of the values the other side can have."""
    own, other = values_of(left), values_of(right)
    if own is None or other is None or min(len(own), len(other)) != 1 or max(len(own), len(other)) == 1:
        return ""
    constant, values = (own[0], other) if len(own) == 1 else (other[0], own)
    if type(constant) is not str or _holds(values, constant):
        return ""
    return f"this is never '{constant}'"


def _holds(values: Sequence[object], wanted: object) -> bool:
    return any(type(value) is type(wanted) and value == wanted for value in values)


def _meant(strange: str, left: Type, right: Type) -> str:
    word = strange.removeprefix("this is never '").removesuffix("'")
    own, other = values_of(left) or (), values_of(right) or ()
    return _suggestion(word, own if len(own) > 1 else other)


def _suggestion(word: str, values: Sequence[object]) -> str:
    if meant := closest(word, values):
        return f"did you mean '{meant}'?"
    return "it is one of " + ", ".join(f"'{value}'" for value in values[:8])


def looked_up(operand: Type, key: Type) -> Type | Wrong:
    """`operand[key]`."""
    found, index = kinds(operand), kinds(key)
    if found is None:
        return ANY
    if not found & {"list", "object"}:
        hint = "a part of text is text.substring(start, end)" if is_only(operand, "string") else ""
        return Wrong(f"{spoken(operand)} has no items", hint)
    if is_only(operand, "list"):
        fits = index is None or index & _NUMERIC
        return items_of(operand) if fits else Wrong(f"list needs an integer in brackets, got {spoken(key)}")
    if is_only(operand, "object"):
        if index is not None and "string" not in index:
            return Wrong(f"object needs a string in brackets, got {spoken(key)}")
        return ANY if field_of(operand, "").names else field_of(operand, "").type or ANY
    return ANY
