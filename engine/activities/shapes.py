"""The shape in which a model is asked to answer: an author's schema as the strict modes of endpoints want it.

Strict modes know few keywords, want every property required and nothing else allowed. So optional properties become
nullable, constraints become part of the description, and `restore` undoes it; the author's own schema is then checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from engine.activities.outputs import validate_output
from store.model import Json

WRAPPED = "answer"  # the property that holds an answer which is no object by itself
_KEPT = frozenset(("type", "enum", "const", "description", "$ref"))
# Constraints that strict modes do not know: told in words, checked afterwards.
_TOLD = (
    *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"),
)
_OPEN = frozenset(
    {"allOf", "not", "if", "then", "else", "prefixItems", "contains", "patternProperties", "propertyNames"}
    | {"dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef"}
)
_NULL = {"type": "null"}


class _TooOpen(Exception):
    """The schema allows what no strict mode can describe, as an object with any keys."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is sent to an endpoint, and how to get back from it to what the author asked for."""

    wire: Mapping[str, Json]
    strict: bool
    wrapped: bool
    schema: Mapping[str, Json]

    def restore(self, answer: Json) -> Json:
        """The answer without the wrapping, and without the nulls that stand for properties left out."""
        if self.wrapped:
            answer = answer.get(WRAPPED) if isinstance(answer, dict) and set(answer) == {WRAPPED} else answer
        return _restored(answer, self.schema, self.schema) if self.strict else answer


def shape_of(schema: Mapping[str, Json]) -> Shape:
    """Bring a schema into the form that strict modes accept, or leave it open where that cannot be."""
    wrapped = schema.get("type") != "object"
    try:
        wire, strict = _closed(schema), True
    except _TooOpen:
        wire, strict = dict(schema), False
    if not wrapped:
        return Shape(wire, strict, wrapped, schema)
    lifted: dict[str, Json] = {name: wire.pop(name) for name in ("$defs", "definitions") if name in wire}
    outer: dict[str, Json] = {
        "type": "object",
        "properties": {WRAPPED: wire},
        "required": [WRAPPED],
        "additionalProperties": False,
    }
    return Shape({**outer, **lifted}, strict, wrapped, schema)


def _closed(schema: Json) -> dict[str, Json]:
    if not isinstance(schema, Mapping) or _OPEN & schema.keys():
        raise _TooOpen
    closed: dict[str, Json] = {name: part for name, part in schema.items() if name in _KEPT}
    told = [f"{name} {_shown(schema[name])}" for name in _TOLD if name in schema]
    if told:
        closed["description"] = ". ".join(filter(None, (schema.get("description"), ", ".join(told))))
    for name in ("anyOf", "oneOf"):
        if name in schema:
            closed["anyOf"] = [_closed(part) for part in schema[name]]
    for name in ("$defs", "definitions"):
        if name in schema:
            closed[name] = {key: _closed(part) for key, part in schema[name].items()}
    types = _types(schema)
    if "object" in types or "properties" in schema:
        closed |= _closed_object(schema)
    if "array" in types or "items" in schema:
        closed["items"] = _closed(schema.get("items"))
    if not ({"type", "enum", "const", "$ref", "anyOf", "properties"} & closed.keys()):
        raise _TooOpen
    return closed


def _closed_object(schema: Mapping[str, Json]) -> dict[str, Json]:
    properties = schema.get("properties")
    if not properties or isinstance(schema.get("additionalProperties"), Mapping):
        raise _TooOpen
    required = schema.get("required", ())
    return {
        "type": schema.get("type", "object"),
        "properties": {
            name: _closed(part) if name in required else _nullable(part) for name, part in properties.items()
        },
        "required": list(properties),
        "additionalProperties": False,
    }


def _nullable(schema: Json) -> dict[str, Json]:
    closed = _closed(schema)
    return closed if _allows_null(schema, schema) else {"anyOf": [closed, _NULL]}


def _restored(value: Json, schema: Any, root: Mapping[str, Json]) -> Json:
    schema = _resolved(schema, root)
    if "anyOf" in schema or "oneOf" in schema:
        return _restored_choice(value, schema.get("anyOf") or schema["oneOf"], root)
    if isinstance(value, list):
        return [_restored(part, schema.get("items", {}), root) for part in value]
    if not isinstance(value, dict):
        return value
    properties, required = schema.get("properties", {}), schema.get("required", ())
    return {
        name: _restored(part, properties.get(name, {}), root)
        for name, part in value.items()
        if not (
            part is None and name in properties and name not in required and not _allows_null(properties[name], root)
        )
    }


def _restored_choice(value: Json, choices: list[Json], root: Mapping[str, Json]) -> Json:
    """The first choice that fits once its nulls are gone."""
    definitions = {name: root[name] for name in ("$defs", "definitions") if name in root}
    for choice in choices:
        restored = _restored(value, choice, root)
        if not validate_output({**choice, **definitions}, restored):
            return restored
    return value


def _resolved(schema: Any, root: Mapping[str, Json]) -> Mapping[str, Json]:
    for _ in range(20):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#"):
            break
        found: Any = root
        for part in filter(None, reference[1:].split("/")):
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, Mapping) else {}
        schema = found
    return schema if isinstance(schema, Mapping) else {}


def _allows_null(schema: Any, root: Mapping[str, Json]) -> bool:
    schema = _resolved(schema, root)
    if "enum" in schema:
        return None in schema["enum"]
    if "const" in schema:
        return schema["const"] is None
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return any(_allows_null(choice, root) for choice in choices)
    types = _types(schema)
    return not types or "null" in types


def _types(schema: Mapping[str, Json]) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _shown(value: Json) -> str:
    return orjson.dumps(value).decode()
