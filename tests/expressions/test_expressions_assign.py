"""Whether a producer's schema fits a consumer's."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.expressions import assignable, enum_of, list_of, map_of, nullable, object_of
from engine.rules.expressions.types import BOOLEAN, INTEGER, NUMBER, STRING, Type

NODE = {
    "$defs": {"N": {"type": "object", "properties": {"v": INTEGER, "n": {"$ref": "#/$defs/N"}}, "required": ["v"]}},
    "$ref": "#/$defs/N",
}
TEXT_NODE = {
    "$defs": {"N": {"type": "object", "properties": {"v": STRING, "n": {"$ref": "#/$defs/N"}}, "required": ["v"]}},
    "$ref": "#/$defs/N",
}
OPEN: dict[str, Any] = {"type": "object"}
POST = object_of({"title": STRING, "body": STRING, "count": INTEGER}, optional=["body"])


@pytest.mark.parametrize(
    ("producer", "consumer"),
    [
        (STRING, STRING),
        (INTEGER, NUMBER),
        ({}, STRING),
        (STRING, {}),
        (STRING, True),
        (STRING, {"type": ["string", "null"]}),
        (nullable(STRING), nullable(STRING)),
        (enum_of(["a", "b"]), STRING),
        (enum_of(["a"]), enum_of(["a", "b"])),
        ({"const": "a"}, {"enum": ["a", 1]}),
        (STRING, enum_of(["a", "b"])),
        (list_of(INTEGER), list_of(NUMBER)),
        ({"type": "array"}, list_of(STRING)),
        (POST, OPEN),
        (POST, {"type": "object", "properties": {"title": STRING}, "required": ["title"]}),
        (OPEN, object_of({"title": STRING})),
        (map_of(STRING), map_of(STRING)),
        (object_of({"a": INTEGER}), map_of(NUMBER)),
        (STRING, {"anyOf": [INTEGER, STRING]}),
        ({"anyOf": [INTEGER, STRING]}, {"type": ["string", "number"]}),
        (NODE, NODE),
        (object_of({"a": STRING}), {"anyOf": [object_of({"b": STRING}), object_of({"a": STRING})]}),
        (STRING, {"type": "string", "minLength": 3, "pattern": "^x", "format": "uri"}),
        (STRING, {"not": {"type": "integer"}}),
        ({"type": "array", "prefixItems": [STRING]}, list_of(INTEGER)),
        (NUMBER, {"$ref": "#/$defs/missing"}),
    ],
)
def test_what_fits_or_cannot_be_told_has_no_reasons(producer: Type, consumer: Any) -> None:
    assert assignable(producer, consumer) == []


@pytest.mark.parametrize(
    ("producer", "consumer", "reasons"),
    [
        (STRING, INTEGER, ["string is not integer"]),
        (NUMBER, INTEGER, ["number is not integer; use round(...) or int(...)"]),
        (BOOLEAN, {"type": ["string", "number"]}, ["boolean is not string or number"]),
        (nullable(STRING), STRING, ["may be null"]),
        (STRING, {"type": "null"}, ["string is not null"]),
        (STRING, False, ["nothing is accepted here"]),
        (enum_of(["a", "b"]), enum_of(["a", "c"]), ["'b' is not one of 'a', 'c'"]),
        (list_of(STRING), STRING, ["list is not string"]),
        (list_of(STRING), list_of(INTEGER), ["[]: string is not integer"]),
        (list_of(list_of(STRING)), list_of(list_of(INTEGER)), ["[][]: string is not integer"]),
        (POST, list_of(OPEN), ["object is not list"]),
        (POST, object_of({"title": INTEGER, "count": STRING, "body": STRING}), [
            "body: is required and may be missing",
            "title: string is not integer",
            "count: integer is not string",
        ]),
        (POST, {"type": "object", "required": ["tilte"]}, ["tilte: is required and missing (has: title, body, count)"]),
        (object_of({"titel": STRING}), object_of({"title": STRING}, optional=["title"]), [
            "titel: is not accepted; did you mean 'title'?"
        ]),
        (object_of({"a": STRING}), map_of(INTEGER), ["a: string is not integer"]),
        (object_of({"a": object_of({"b": STRING})}), object_of({"a": object_of({"b": BOOLEAN})}), [
            "a.b: string is not boolean"
        ]),
        ({"anyOf": [INTEGER, STRING]}, INTEGER, ["string is not integer"]),
        (object_of({"a": STRING}), {"anyOf": [object_of({"a": BOOLEAN}), object_of({"b": STRING})]}, [
            "a: string is not boolean"
        ]),
        (NODE, TEXT_NODE, None),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_where_and_why(producer: Type, consumer: Any, reasons: list[str] | None) -> None:
    found = assignable(producer, consumer)
    if reasons is None:
        assert found[0] == "v: integer is not string"
        assert len(found) <= 20
    else:
        assert found == reasons


SCALARS = [STRING, INTEGER, NUMBER, BOOLEAN, {"type": "null"}, enum_of(["a", "b"]), enum_of([1, 2])]
schemas = st.recursive(
    st.sampled_from([*SCALARS, {}]),
    lambda inner: st.one_of(
        inner.map(list_of),
        inner.map(nullable),
        inner.map(map_of),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).flatmap(
            lambda fields: st.builds(
                lambda optional, open_: object_of(fields, optional=optional, open_=open_),
                st.sets(st.sampled_from("abc")),
                st.booleans(),
            )
        ),
        st.lists(inner, min_size=2, max_size=2).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=6,
)


def edges_of(schema: Any) -> list[Any]:
    """Values of a schema that differ in one part at a time: nothing in lists, optional fields left out, fractions."""
    if "anyOf" in schema:
        return [value for branch in schema["anyOf"] for value in edges_of(branch)]
    if "enum" in schema:
        return list(schema["enum"])
    match schema.get("type"):
        case "array":
            return [[], *([item] for item in edges_of(schema["items"]))]
        case "object" if "properties" in schema:
            return object_edges(schema)
        case "object":
            return [{}, *({"k": value} for value in edges_of(schema["additionalProperties"]))]
    return {"string": ["zz"], "integer": [7], "number": [7, 0.5], "boolean": [True], "null": [None]}.get(
        schema.get("type"), [None, 7, "zz"]
    )


def object_edges(schema: Any) -> list[Any]:
    fields = {name: edges_of(part) for name, part in schema["properties"].items()}
    full = {name: values[0] for name, values in fields.items()}
    varied = [{**full, name: value} for name, values in fields.items() for value in values]
    fewest = {name: value for name, value in full.items() if name in schema["required"]}
    more = [{**full, "zz": 1}] if schema["additionalProperties"] else []
    return [full, fewest, *varied, *more]


@settings(max_examples=300)
@given(schemas)
def test_every_type_fits_itself(schema: Any) -> None:
    assert assignable(schema, schema) == []


@settings(max_examples=600)
@given(schemas, schemas)
def test_a_reason_is_given_only_where_some_value_does_not_fit(producer: Any, consumer: Any) -> None:
    reasons = assignable(producer, consumer)
    validator = jsonschema_rs.validator_for(dict(consumer))
    if reasons:
        assert not all(validator.is_valid(value) for value in edges_of(producer)), reasons
