"""Types are JSON Schemas: how to make, take apart, join and name them.

Two marks need no keyword of their own: `{}` is a value about which nothing is known (`any_type()`), and a field that is
not `required` may be missing. `nullable(t)` is a value that may also be null. A reference (`$ref`) is followed when it
is met, and a schema taken out of another one keeps the `$defs` it may refer to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

Type: TypeAlias = Mapping[str, object]

ANY: Final[Type] = {}
NULL: Final[Type] = {"type": "null"}
BOOLEAN: Final[Type] = {"type": "boolean"}
INTEGER: Final[Type] = {"type": "integer"}
NUMBER: Final[Type] = {"type": "number"}
STRING: Final[Type] = {"type": "string"}

_BRANCHES_MAX: Final = 16  # alternatives told apart; more become any
_VALUES_MAX: Final = 100  # values of an enum told apart
_REFERENCES_MAX: Final = 32
_SPOKEN: Final = {"array": "list"}
_DEFINITIONS: Final = ("$defs", "definitions")


def any_type() -> Type:
    """A value about which nothing is known before the run."""
    return ANY


def list_of(items: Type) -> Type:
    return {"type": "array", "items": items}


def map_of(values: Type) -> Type:
    """An object with any keys, whose values are of one type."""
    return {"type": "object", "additionalProperties": values}


def object_of(properties: Mapping[str, Type], *, optional: Collection[str] = (), open_: bool = False) -> Type:
    """An object with these fields; `optional` ones may be missing, and an `open_` one may have others besides."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": open_}


def enum_of(values: Iterable[object]) -> Type:
    """One of these scalars."""
    known = list(values)
    kinds = sorted({_schema_kind(value) for value in known})
    if not kinds or len(known) > _VALUES_MAX:
        return ANY if not kinds else {"type": kinds if len(kinds) > 1 else kinds[0]}
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": known}


def nullable(type_: Type) -> Type:
    """The type, or null."""
    return type_ if may_be_null(type_) or is_any(type_) else {"anyOf": [type_, NULL]}


def is_any(type_: Type) -> bool:
    return kinds(type_) is None


def may_be_null(type_: Type) -> bool:
    """Whether null is told of as possible; for an unknown type it is not."""
    return "null" in (kinds(type_) or ())


def without_null(type_: Type) -> Type:
    """What is left when null is ruled out."""
    if not may_be_null(type_):
        return type_
    return united(branch for branch in alternatives(type_) if branch.get("type") != "null")


def kinds(type_: Type) -> frozenset[str] | None:
    """The kinds of value possible, as messages name them; None when anything is."""
    found = {branch.get("type") for branch in alternatives(type_)}
    if None in found:
        return None
    return frozenset(_SPOKEN.get(cast(str, kind), cast(str, kind)) for kind in found)


def is_only(type_: Type, *names: str) -> bool:
    """Whether values are of no other kinds than these."""
    return kinds(type_) == frozenset(names)


def spoken(type_: Type) -> str:
    """A type in a few words: "string", "integer or null", "list of string"."""
    words: list[str] = []
    for branch in alternatives(type_):
        kind = branch.get("type")
        if kind is None:
            return "any"
        word = _SPOKEN.get(cast(str, kind), cast(str, kind))
        if kind == "array" and not is_any(items_of(branch)) and len(kinds(items_of(branch)) or ()) == 1:
            word = f"list of {spoken(items_of(branch))}"
        if word not in words:
            words.append(word)
    return " or ".join(words) or "nothing"


# Taking apart


def resolved(type_: object, inside: Type = ANY) -> Type:
    """A schema with its reference followed, able to follow its own; what cannot be followed is any."""
    schema: Type = type_ if isinstance(type_, Mapping) else ANY
    definitions = _definitions(schema) or _definitions(inside)
    for _ in range(_REFERENCES_MAX):
        reference = schema.get("$ref")
        if reference is None:
            return {**schema, "$defs": definitions} if definitions and not _definitions(schema) else schema
        target = definitions.get(_definition_name(reference)) if definitions else None
        schema = target if isinstance(target, Mapping) else ANY
    return ANY


def alternatives(type_: Type) -> tuple[Type, ...]:
    """The type as branches, each with at most one `type`; one without is unknown."""
    branches = _branches(resolved(type_), _REFERENCES_MAX)
    return (ANY,) if len(branches) > _BRANCHES_MAX else tuple(branches)


def items_of(type_: Type) -> Type:
    """What the items of a list are."""
    found = [_items(branch) for branch in alternatives(type_) if branch.get("type") in {"array", None}]
    return united(found) if found else ANY


@dataclass(frozen=True, slots=True)
class Field:
    """What is known of one field: `type` is None when there is no such field, `names` are those there are."""

    type: Type | None
    required: bool = True
    names: tuple[str, ...] = ()


def field_of(type_: Type, name: str) -> Field:
    """What an object's field is, all alternatives taken together."""
    found = [_field(branch, name) for branch in alternatives(type_) if branch.get("type") in {"object", None}]
    names = tuple(dict.fromkeys(known for field in found for known in field.names))
    there = [field for field in found if field.type is not None]
    if not there:
        return Field(None, False, names)
    required = len(there) == len(found) and all(field.required for field in there)
    return Field(united(cast(Type, field.type) for field in there), required, names)


def values_of(type_: Type) -> tuple[object, ...] | None:
    """The only values possible, null left out; None when others are."""
    found: list[object] = []
    for branch in alternatives(type_):
        if branch.get("type") == "null":
            continue
        listed = branch.get("enum")
        if not isinstance(listed, Sequence) or isinstance(listed, str):
            return None
        found.extend(listed)
    return tuple(found) if found and len(found) <= _VALUES_MAX else None


# Joining


def united(types: Iterable[Type]) -> Type:
    """The type of a value that is one of these."""
    branches: list[Type] = []
    for type_ in types:
        for branch in alternatives(type_):
            if branch.get("type") is None:
                return ANY
            if branch not in branches:
                branches.append(branch)
    branches = _simplified(branches)
    if not branches or len(branches) > _BRANCHES_MAX:
        return ANY
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def with_field(type_: Type, fields: Sequence[str]) -> Type:
    """The type, given that a field (or a field of a field) is there and not null."""
    type_ = without_null(type_)
    properties, required = type_.get("properties"), type_.get("required")
    if not fields or not isinstance(properties, Mapping) or fields[0] not in properties:
        return type_
    name, *rest = fields
    inner = field_of(type_, name).type or ANY
    listed = [*required] if isinstance(required, Sequence) else []
    return {
        **type_,
        "properties": {**properties, name: with_field(inner, rest)},
        "required": listed if name in listed else [*listed, name],
    }


def _simplified(branches: list[Type]) -> list[Type]:
    """Scalar branches of one kind put together: enums gather their values, and a whole kind swallows them."""
    kept: list[Type] = []
    scalars: dict[object, list[Type]] = {}
    for branch in branches:
        if branch.get("type") in {"object", "array"}:
            kept.append(branch)
        else:
            scalars.setdefault(branch.get("type"), []).append(branch)
    if "number" in scalars and any("enum" not in branch for branch in scalars["number"]):
        scalars.pop("integer", None)
    for kind, same in scalars.items():
        listed = [branch.get("enum") for branch in same]
        values = [value for values in listed if isinstance(values, list) for value in values]
        whole = None in listed or len(values) > _VALUES_MAX
        if len(same) == 1:
            kept.append(same[0])
        else:
            kept.append({"type": kind} if whole else {"type": kind, "enum": list(dict.fromkeys(values))})
    return kept


def _definitions(schema: Type) -> Mapping[str, object] | None:
    for key in _DEFINITIONS:
        found = schema.get(key)
        if isinstance(found, Mapping):
            return found
    return None


def _definition_name(reference: object) -> str:
    if isinstance(reference, str):
        for key in _DEFINITIONS:
            if reference.startswith(f"#/{key}/"):
                return reference[len(key) + 3 :].replace("~1", "/").replace("~0", "~")
    return ""


def _branches(schema: Type, depth: int) -> list[Type]:
    if depth == 0:
        return [ANY]
    if "const" in schema:
        return _by_value(schema, [schema["const"]])
    listed = schema.get("enum")
    if isinstance(listed, list):
        return _by_value(schema, listed)
    kind = schema.get("type")
    if isinstance(kind, str):
        return [schema]
    if isinstance(kind, list):
        return [{**schema, "type": each} for each in kind]
    for key in ("anyOf", "oneOf"):
        choices = schema.get(key)
        if isinstance(choices, list):
            return [branch for each in choices for branch in _branches(resolved(each, schema), depth - 1)]
    parts = schema.get("allOf")
    if isinstance(parts, list) and len(parts) == 1:
        return _branches(resolved(parts[0], schema), depth - 1)
    if "properties" in schema:
        return [{**schema, "type": "object"}]
    if "items" in schema:
        return [{**schema, "type": "array"}]
    return [ANY]


def _by_value(schema: Type, values: list[object]) -> list[Type]:
    """One branch for each kind among the values of an enum."""
    by_kind: dict[str, list[object]] = {}
    for value in values:
        by_kind.setdefault(_schema_kind(value), []).append(value)
    rest = {key: value for key, value in schema.items() if key not in {"const", "enum", "type"}}
    return [
        {**rest, "type": kind} if kind in {"object", "array", "null"} else {"type": kind, "enum": same}
        for kind, same in by_kind.items()
    ]


def _schema_kind(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    if type(value) is float:
        return "integer" if value.is_integer() else "number"
    return names.get(type(value), "object")


def _items(branch: Type) -> Type:
    if "prefixItems" in branch:
        return ANY
    items = branch.get("items")
    return resolved(items, branch) if isinstance(items, Mapping) else ANY


def _field(branch: Type, name: str) -> Field:
    """One alternative's field. An object that names its fields has no others unless it says so."""
    properties = branch.get("properties")
    named = properties if isinstance(properties, Mapping) else {}
    names = tuple(named)
    if name in named:
        required = branch.get("required")
        return Field(resolved(named[name], branch), isinstance(required, list) and name in required, names)
    others = branch.get("additionalProperties", not named)
    if isinstance(others, Mapping):
        return Field(resolved(others, branch), True, names)
    if others or "patternProperties" in branch:
        return Field(ANY, True, names)
    return Field(None, False, names)
