import pytest

from engine.activities.shapes import shape_of


def obj(properties, required=()):
    return {"type": "object", "properties": properties, "required": list(required)}


def test_optional_properties_become_nullable_and_come_back_as_missing():
    shape = shape_of(obj({"a": {"type": "string"}, "b": {"type": "integer"}}, ["a"]))
    assert shape.strict
    assert shape.wire == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    assert shape.restore({"a": "x", "b": None}) == {"a": "x"}
    assert shape.restore({"a": "x", "b": 1}) == {"a": "x", "b": 1}


def test_a_null_that_the_author_allows_stays():
    schema = obj({"a": {"type": ["string", "null"]}, "b": {"enum": ["x", None]}, "c": {"const": None}})
    shape = shape_of(schema)
    assert shape.restore({"a": None, "b": None, "c": None}) == {"a": None, "b": None, "c": None}
    assert "anyOf" not in str(shape.wire)


def test_a_required_null_stays_and_is_left_to_the_check():
    assert shape_of(obj({"a": {"type": "string"}}, ["a"])).restore({"a": None}) == {"a": None}


def test_nested_lists_references_and_choices_are_restored():
    person = obj({"name": {"type": "string"}, "nick": {"type": "string"}}, ["name"])
    robot = obj({"serial": {"type": "integer"}, "maker": {"type": "string"}}, ["serial"])
    schema = {
        **obj(
            {
                "who": {"$ref": "#/$defs/Person"},
                "all": {"type": "array", "items": {"oneOf": [{"$ref": "#/$defs/Person"}, robot]}},
            }
        ),
        "$defs": {"Person": person},
    }
    shape = shape_of(schema)
    assert shape.strict
    assert shape.wire["$defs"]["Person"]["required"] == ["name", "nick"]
    answer = {"who": {"name": "Ada", "nick": None}, "all": [{"serial": 1, "maker": None}, {"name": "Bo", "nick": "B"}]}
    assert shape.restore(answer) == {"who": {"name": "Ada"}, "all": [{"serial": 1}, {"name": "Bo", "nick": "B"}]}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"anyOf": [obj({"a": {"type": "null"}}), {"type": "integer"}]},
        {"enum": [1, 2]},
    ],
)
def test_what_is_no_object_is_wrapped_in_one(schema):
    shape = shape_of(schema)
    assert shape.wrapped
    assert shape.wire["type"] == "object"
    assert shape.wire["required"] == ["answer"]
    assert shape.restore({"answer": [1]}) == [1]
    assert shape.restore([1]) == [1]


def test_definitions_stay_at_the_root_when_wrapped():
    shape = shape_of({"type": "array", "items": {"$ref": "#/$defs/N"}, "$defs": {"N": {"type": "integer"}}})
    assert shape.wire["$defs"] == {"N": {"type": "integer"}}
    assert "$defs" not in shape.wire["properties"]["answer"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "string"}},
        obj({"a": {}}),
        obj({"a": {"type": "array"}}),
        obj({"a": {"not": {"type": "string"}}}),
        {**obj({"a": {"type": "string"}}), "if": {}},
    ],
)
def test_what_no_strict_mode_can_say_stays_open_and_whole(schema):
    shape = shape_of(schema)
    assert not shape.strict
    assert shape.wire == schema
    assert shape.restore({"a": None}) == {"a": None}


def test_constraints_are_told_in_words():
    shape = shape_of(obj({"a": {"type": "string", "pattern": "^x", "maxLength": 5, "description": "A name"}}, ["a"]))
    assert shape.wire["properties"]["a"] == {"type": "string", "description": 'A name. maxLength 5, pattern "^x"'}
