"""Whether what one place gives fits what another takes, as far as their schemas tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from engine.rules.expressions.problems import closest
from engine.rules.expressions.types import ANY, Type, alternatives, field_of, items_of, resolved

Schema: TypeAlias = Type

_DEPTH_MAX: Final = 20  # deeper parts, and so what refers to itself, are looked at during the run
_REASONS_MAX: Final = 20
_VALUES_SHOWN_MAX: Final = 8
_SPOKEN: Final = {"array": "list"}


def assignable(producer: Schema, consumer: Schema) -> list[str]:
    """Reasons why some value of the producer's type is none of the consumer's; none when it fits or cannot be told.

    Each reason begins with the place inside the value: "items[].price: string is not number". What schemas leave open
    (no type, patterns, lengths) is for the check during the run.
    """
    return list(dict.fromkeys(_reasons(producer, consumer, "", _DEPTH_MAX)))[:_REASONS_MAX]


def _reasons(producer: Type, consumer: object, place: str, depth: int) -> list[str]:
    if depth == 0:
        return []
    if consumer is False:
        return [_at(place, "nothing is accepted here")]
    taken = alternatives(resolved(consumer))
    if any(branch.get("type") is None for branch in taken):
        return []
    given = [branch for branch in alternatives(producer) if branch.get("type") is not None]
    return [reason for branch in given for reason in _branch(branch, taken, place, depth)]


def _branch(given: Type, taken: tuple[Type, ...], place: str, depth: int) -> list[str]:
    """One thing that the producer may give, against everything that the consumer takes."""
    kind = given.get("type")
    same = [
        branch for branch in taken if branch.get("type") == kind or (kind == "integer" and branch["type"] == "number")
    ]
    if not same:
        return [_at(place, _other_kind(kind, taken))]
    if kind == "object":
        return _fewest(_object(given, branch, place, depth) for branch in same)
    if kind == "array":
        items = items_of(given)
        return _fewest(_reasons(items, items_of(branch), f"{place}[]", depth - 1) for branch in same)
    return _scalar(given, same, place)


def _other_kind(kind: object, taken: tuple[Type, ...]) -> str:
    if kind == "null":
        return "may be null"
    wanted = list(dict.fromkeys(_spoken(branch.get("type")) for branch in taken if branch.get("type") != "null"))
    reason = f"{_spoken(kind)} is not {' or '.join(wanted) or 'null'}"
    return f"{reason}; use round(...) or int(...)" if kind == "number" and "integer" in wanted else reason


def _fewest(candidates: Any) -> list[str]:
    """Of several alternatives the one that fits best."""
    return min(candidates, key=len)


def _scalar(given: Type, taken: list[Type], place: str) -> list[str]:
    """Values known on both sides. A value of any kind may turn out to be one of an enum, so that waits for the run."""
    own = given.get("enum")
    if not isinstance(own, list) or any("enum" not in branch for branch in taken):
        return []
    accepted: list[object] = []
    for branch in taken:
        listed = branch.get("enum")
        accepted.extend(listed if isinstance(listed, list) else [])
    strange = [value for value in own if value not in accepted]
    if not strange:
        return []
    shown = ", ".join(repr(value) for value in accepted[:_VALUES_SHOWN_MAX])
    return [_at(place, f"{value!r} is not one of {shown}") for value in strange[:_VALUES_SHOWN_MAX]]


def _object(given: Type, taken: Type, place: str, depth: int) -> list[str]:
    reasons: list[str] = []
    named = _properties(taken)
    for name in _required(taken):
        reasons.extend(_needed(given, name, place))
    for name in named:
        field = field_of(given, name)
        if field.type is not None and name in _properties(given):
            reasons.extend(_reasons(field.type, _inner(taken, name), f"{place}.{name}", depth - 1))
    others = taken.get("additionalProperties", True)
    for name in _properties(given):
        if name in named or "patternProperties" in taken:
            continue
        if others is False:
            meant = closest(name, [known for known in named if known not in _properties(given)])
            reasons.append(_at(f"{place}.{name}", "is not accepted" + (f"; did you mean '{meant}'?" if meant else "")))
        elif isinstance(others, Mapping):
            inner = field_of(given, name).type or ANY
            reasons.extend(_reasons(inner, resolved(others, taken), f"{place}.{name}", depth - 1))
    return reasons


def _needed(given: Type, name: str, place: str) -> list[str]:
    """A field that the consumer requires."""
    field = field_of(given, name)
    if field.type is None:
        has = f" (has: {', '.join(field.names[:_VALUES_SHOWN_MAX])})" if field.names else ""
        return [_at(f"{place}.{name}", f"is required and missing{has}")]
    if not field.required:
        return [_at(f"{place}.{name}", "is required and may be missing")]
    return []


def _inner(schema: Type, name: str) -> object:
    inner = _properties(schema)[name]
    return inner if isinstance(inner, bool) else resolved(inner, schema)


def _properties(schema: Type) -> Mapping[str, object]:
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _required(schema: Type) -> list[str]:
    required = schema.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def _spoken(kind: object) -> str:
    return _SPOKEN.get(str(kind), str(kind))


def _at(place: str, reason: str) -> str:
    spoken = place.removeprefix(".")
    return f"{spoken}: {reason}" if spoken else reason
