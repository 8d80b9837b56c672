"""Types, taken apart and joined: whoever writes a schema by hand is understood as one who lets a tool write it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.rules.expressions.types import (
    ANY,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    STRING,
    Field,
    alternatives,
    enum_of,
    field_of,
    is_any,
    items_of,
    kinds,
    list_of,
    map_of,
    may_be_null,
    nullable,
    object_of,
    resolved,
    spoken,
    united,
    values_of,
    with_field,
    without_null,
)

ROW = object_of({"sku": STRING, "note": STRING}, optional=["note"])


def const(value: Any) -> dict[str, Any]:
    return {"const": value}


# Making --------------------------------------------------------------------------------------------------------------


def test_an_object_says_which_of_its_fields_must_be_there() -> None:
    assert ROW == {
        "type": "object",
        "properties": {"sku": STRING, "note": STRING},
        "required": ["sku"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([], ANY),
        (["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (["a", 1], {"type": ["integer", "string"], "enum": ["a", 1]}),
        ([1.5], {"type": "number", "enum": [1.5]}),
        ([2.0], {"type": "integer", "enum": [2.0]}),
        ([True], {"type": "boolean", "enum": [True]}),
        ([None], {"type": "null", "enum": [None]}),
        ([[1]], {"type": "array", "enum": [[1]]}),
        ([{}], {"type": "object", "enum": [{}]}),
        (list(range(100)), {"type": "integer", "enum": list(range(100))}),
        (list(range(101)), {"type": "integer"}),
        ([*range(100), "a"], {"type": ["integer", "string"]}),
    ],
)
def test_one_of_these_values_has_their_kinds_and_a_very_long_list_only_those(values: list[Any], type_: Any) -> None:
    assert enum_of(values) == type_


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (STRING, {"anyOf": [STRING, NULL]}),
        (ANY, ANY),
        (NULL, NULL),
        ({"anyOf": [STRING, NULL]}, {"anyOf": [STRING, NULL]}),
    ],
)
def test_what_may_be_null_anyway_is_not_made_so_twice(type_: Any, expected: Any) -> None:
    assert nullable(type_) == expected


# Speaking ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (ANY, "any"),
        (STRING, "string"),
        ({"type": ["string", "null"]}, "string or null"),
        (list_of(STRING), "list of string"),
        (list_of(ANY), "list"),
        (list_of({"type": ["string", "integer"]}), "list"),
        (list_of(list_of(INTEGER)), "list of list of integer"),
        ({"anyOf": [object_of({"a": STRING}), object_of({"b": STRING})]}, "object"),
        ({"type": "object", "items": STRING}, "object"),
        ({"enum": []}, "nothing"),
    ],
)
def test_a_type_is_spoken_in_a_few_words_and_each_once(type_: Any, words: str) -> None:
    assert spoken(type_) == words


# Reading what people and tools write ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "known"),
    [
        (const("a"), {"string"}),
        (const(None), {"null"}),
        (const(2.0), {"integer"}),
        (const([1]), {"list"}),
        (const({}), {"object"}),
        (const(True), {"boolean"}),
        ({"enum": ["a", 1, None]}, {"string", "integer", "null"}),
        ({"type": ["string", "integer"]}, {"string", "integer"}),
        ({"oneOf": [STRING, INTEGER]}, {"string", "integer"}),
        ({"anyOf": [STRING, {"oneOf": [INTEGER, NULL]}]}, {"string", "integer", "null"}),
        ({"allOf": [STRING]}, {"string"}),
        ({"allOf": [STRING, {"minLength": 2}]}, None),
        ({"properties": {"a": STRING}}, {"object"}),
        ({"items": STRING}, {"list"}),
        ({"anyOf": "broken"}, None),
        ({"$ref": "#/$defs/T", "$defs": {"T": STRING}}, {"string"}),
        ({"$ref": "#/definitions/T", "definitions": {"T": STRING}}, {"string"}),
        ({"$ref": "#/$defs/a~1b~0c", "$defs": {"a/b~c": STRING}}, {"string"}),
        ({"$ref": "#/elsewhere/T", "$defs": {"T": STRING, "x": STRING}}, None),
        ({"$ref": "#/elsewhere/T", "$defs": {"here/T": STRING, "ere/T": STRING, "/T": STRING}}, None),
        ({"$ref": 7, "$defs": {"T": STRING}}, None),
        ({"$ref": "#/$defs/gone", "$defs": {"T": STRING}}, None),
        ({"$ref": "#/$defs/T", "$defs": "broken"}, None),
        ({"$ref": "#/$defs/T", "$defs": {"T": {"$ref": "#/$defs/T"}}}, None),
        ({"allOf": [{"$ref": "#/$defs/T"}], "$defs": {"T": STRING}}, {"string"}),
        ({"anyOf": [{"$ref": "#/$defs/T"}, NULL], "$defs": {"T": STRING}}, {"string", "null"}),
    ],
)
def test_the_kinds_of_a_schema_are_known_however_it_is_written(schema: Any, known: set[str] | None) -> None:
    assert kinds(schema) == known


def test_a_schema_that_holds_only_itself_ends_as_unknown() -> None:
    assert is_any({"$ref": "#/$defs/T", "$defs": {"T": {"anyOf": [{"$ref": "#/$defs/T"}]}}})
    assert is_any({"$ref": "#/$defs/T", "$defs": {"T": {"allOf": [{"$ref": "#/$defs/T"}]}}})


def test_schemas_may_stand_in_each_other_ten_deep() -> None:
    deep: Any = STRING
    for _ in range(10):
        deep = {"anyOf": [deep]}
    for _ in range(10):
        deep = {"allOf": [deep]}
    assert kinds(deep) == {"string"}


def test_more_alternatives_than_are_told_apart_become_any() -> None:
    objects = [object_of({f"f{n}": STRING}) for n in range(17)]
    assert len(alternatives({"anyOf": objects[:16]})) == 16
    assert alternatives({"anyOf": objects}) == (ANY,)
    assert united(objects[:16]) == {"anyOf": objects[:16]}
    assert united(objects) == ANY


def test_a_constant_object_keeps_what_else_is_said_of_it() -> None:
    schema = {"enum": [{"a": 1}, [2], None, "x"], "type": ["object"], "properties": {"a": INTEGER}, "title": "T"}
    rest = {"properties": {"a": INTEGER}, "title": "T"}
    assert alternatives(schema) == (
        {**rest, "type": "object"},
        {**rest, "type": "array"},
        {**rest, "type": "null"},
        {"type": "string", "enum": ["x"]},
    )
    assert alternatives({**const("x"), **rest}) == ({"type": "string", "enum": ["x"]},)


def test_what_is_taken_out_of_a_schema_still_follows_its_references() -> None:
    tree = {
        "$defs": {"Node": {"properties": {"name": STRING, "child": {"$ref": "#/$defs/Node"}}, "required": ["name"]}},
        "$ref": "#/$defs/Node",
    }
    child = field_of(tree, "child")
    assert child.type is not None
    assert not child.required
    assert field_of(child.type, "name") == Field(resolved({**STRING, "$defs": tree["$defs"]}), True, ("name", "child"))
    own = {"type": "string", "$defs": {"T": INTEGER}}
    assert resolved(own, tree) is own
    listed = {"$defs": tree["$defs"], "items": {"$ref": "#/$defs/Node"}}
    assert kinds(field_of(items_of(listed), "name").type) == {"string"}
    open_ = {"$defs": tree["$defs"], "type": "object", "additionalProperties": {"$ref": "#/$defs/Node"}}
    assert kinds(field_of(open_, "any").type) == {"object"}


# Fields and items ----------------------------------------------------------------------------------------------------


def test_the_field_of_an_object_is_known_with_whether_it_must_be_there() -> None:
    assert field_of(ROW, "sku") == Field(STRING, True, ("sku", "note"))
    assert field_of(ROW, "note") == Field(STRING, False, ("sku", "note"))
    assert field_of(ROW, "x") == Field(None, False, ("sku", "note"))
    assert field_of(STRING, "x") == Field(None, False, ())
    assert field_of(map_of(INTEGER), "x") == Field(INTEGER, True, ())
    assert field_of(ANY, "x") == Field(ANY, True, ())
    assert field_of({"type": "object"}, "x") == Field(ANY, True, ())
    assert field_of({"properties": {"a": STRING}}, "a") == Field(STRING, False, ("a",))
    assert field_of({"properties": {"a": STRING}}, "x") == Field(None, False, ("a",))
    opened = object_of({"a": STRING}, open_=True)
    assert field_of(opened, "x") == Field(ANY, True, ("a",))
    patterned = {"type": "object", "properties": {"a": STRING}, "patternProperties": {"^x": STRING}}
    assert field_of(patterned, "x1") == Field(ANY, True, ("a",))
    others = {"type": "object", "properties": {"a": STRING}, "additionalProperties": INTEGER}
    assert field_of(others, "x") == Field(INTEGER, True, ("a",))


def test_a_field_of_one_of_several_objects_must_be_there_only_when_it_must_in_all() -> None:
    a, b = object_of({"x": STRING, "y": STRING}), object_of({"x": INTEGER, "z": STRING}, optional=["x"])
    assert field_of({"anyOf": [a, a | {"title": "other"}]}, "x").required
    assert not field_of({"anyOf": [a, b]}, "x").required
    assert not field_of({"anyOf": [a, b]}, "y").required
    assert field_of({"anyOf": [a, STRING]}, "x") == Field(STRING, True, ("x", "y"))
    assert field_of({"anyOf": [a, b]}, "x") == Field({"anyOf": [STRING, INTEGER]}, False, ("x", "y", "z"))


def test_the_items_of_a_list_are_known() -> None:
    assert items_of(list_of(STRING)) == STRING
    assert items_of({"type": "array"}) == ANY
    assert items_of({"type": "array", "items": False}) == ANY
    assert items_of({"type": "array", "prefixItems": [STRING], "items": STRING}) == ANY
    assert items_of({"anyOf": [list_of(STRING), list_of(INTEGER), BOOLEAN]}) == {"anyOf": [STRING, INTEGER]}
    assert items_of(STRING) == ANY
    assert items_of(ANY) == ANY
    assert items_of({"anyOf": [list_of(STRING), {"type": "object", "items": INTEGER}]}) == STRING


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        (enum_of(["a", "b"]), ("a", "b")),
        (nullable(enum_of(["a", "b"])), ("a", "b")),
        ({"anyOf": [enum_of(["a"]), enum_of([1])]}, ("a", 1)),
        (STRING, None),
        ({"anyOf": [enum_of(["a"]), INTEGER]}, None),
        (NULL, None),
        ({"type": "string", "enum": "ab"}, None),
        ({"anyOf": [{"enum": [f"{n}-{m}" for m in range(50)]} for n in range(2)]}, ...),
        ({"anyOf": [{"enum": [f"{n}-{m}" for m in range(51)]} for n in range(2)]}, None),
    ],
)
def test_the_only_values_possible_are_known_up_to_a_hundred(type_: Any, values: Any) -> None:
    found = values_of(type_)
    assert len(found or ()) == 100 if values is ... else found == values


# Joining -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("types", "joined"),
    [
        ([], ANY),
        ([STRING], STRING),
        ([STRING, STRING], STRING),
        ([STRING, ANY], ANY),
        ([STRING, INTEGER], {"anyOf": [STRING, INTEGER]}),
        ([INTEGER, NUMBER], NUMBER),
        ([NUMBER, INTEGER, STRING], {"anyOf": [NUMBER, STRING]}),
        ([INTEGER, enum_of([1.5])], {"anyOf": [INTEGER, enum_of([1.5])]}),
        ([INTEGER, NUMBER, enum_of([1.5])], NUMBER),
        ([enum_of(["a"]), enum_of(["b", "a"])], {"type": "string", "enum": ["a", "b"]}),
        ([enum_of(["a"]), STRING], STRING),
        ([enum_of(range(60)), enum_of(range(40, 80))], {"type": "integer", "enum": list(range(80))}),
        ([enum_of(range(60)), enum_of(range(60, 120))], {"type": "integer"}),
        ([enum_of(range(60)), enum_of(range(60, 100))], {"type": "integer", "enum": list(range(100))}),
        ([ROW, list_of(STRING), ROW], {"anyOf": [ROW, list_of(STRING)]}),
        ([list_of(STRING), list_of(INTEGER)], {"anyOf": [list_of(STRING), list_of(INTEGER)]}),
    ],
)
def test_a_value_that_is_one_of_these_has_the_type_of_all_of_them_together(types: list[Any], joined: Any) -> None:
    assert united(types) == joined


def test_null_ruled_out_leaves_the_rest_as_it_is() -> None:
    described = {"type": "object", "properties": {}, "title": "T", "$defs": {"T": STRING}}
    assert without_null(described) is described
    assert without_null({"type": ["string", "null"]}) == STRING
    assert without_null(NULL) == ANY
    assert may_be_null({"type": ["string", "null"]})
    assert not may_be_null(ANY)


def test_a_field_that_was_looked_at_is_there_from_then_on() -> None:
    inner = nullable(object_of({"b": nullable(STRING), "c": STRING}, optional=["b"]))
    type_ = {**object_of({"a": inner, "z": STRING}, optional=["a"]), "title": "T"}
    known = with_field(type_, ["a", "b"])
    assert known == {
        "type": "object",
        "title": "T",
        "properties": {
            "a": {
                "type": "object",
                "properties": {"b": STRING, "c": STRING},
                "required": ["c", "b"],
                "additionalProperties": False,
            },
            "z": STRING,
        },
        "required": ["z", "a"],
        "additionalProperties": False,
    }
    assert with_field(known, ["a"])["required"] == ["z", "a"]
    assert with_field({"type": "object", "properties": {"a": nullable(STRING)}}, ["a"]) == {
        "type": "object",
        "properties": {"a": STRING},
        "required": ["a"],
    }
    assert with_field(nullable(STRING), []) == STRING
    assert with_field(STRING, ["a"]) == STRING
    assert with_field(type_, ["gone"]) == type_
