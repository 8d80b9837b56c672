"""Whether one schema's values fit another, at its edges: each reason names the place and what to do, and only once."""

from __future__ import annotations

from typing import Any

import pytest

from engine.rules.expressions import assignable, enum_of, list_of, map_of, nullable, object_of
from engine.rules.expressions.types import BOOLEAN, INTEGER, NULL, NUMBER, STRING

TREE = {
    "$defs": {"N": {"type": "object", "properties": {"v": INTEGER, "n": {"$ref": "#/$defs/N"}}, "required": ["v"]}},
}


def deep(leaf: Any, levels: int) -> Any:
    """Lists in lists."""
    for _ in range(levels):
        leaf = list_of(leaf)
    return leaf


@pytest.mark.parametrize(
    ("producer", "consumer", "reasons"),
    [
        (NUMBER, INTEGER, ["number is not integer; use round(...) or int(...)"]),
        (NUMBER, STRING, ["number is not string"]),
        (STRING, INTEGER, ["string is not integer"]),
        (STRING, nullable(INTEGER), ["string is not integer"]),
        (STRING, NULL, ["string is not null"]),
        (nullable(STRING), STRING, ["may be null"]),
        (STRING, {"anyOf": [INTEGER, BOOLEAN]}, ["string is not integer or boolean"]),
        (STRING, list_of(STRING), ["string is not list"]),
        (STRING, False, ["nothing is accepted here"]),
        (enum_of(["a", "b"]), enum_of(["a", "c"]), ["'b' is not one of 'a', 'c'"]),
        (enum_of(["a"]), enum_of(["a", "c"]), []),
        (enum_of(["a"]), {"anyOf": [enum_of(["b"]), STRING]}, []),
        (enum_of([1]), {"anyOf": [enum_of([2]), NUMBER]}, []),
        (
            object_of({"b": STRING}),
            object_of({"a": STRING}),
            ["a: is required and missing (has: b)", "b: is not accepted"],
        ),
        (object_of({"x": STRING}), {"type": "object", "required": ["a"]}, ["a: is required and missing (has: x)"]),
        (object_of({"a": STRING}, optional=["a"]), object_of({"a": STRING}), ["a: is required and may be missing"]),
        (
            object_of({"titel": STRING}),
            object_of({"title": STRING, "body": STRING}, optional=["title", "body"]),
            ["titel: is not accepted; did you mean 'title'?"],
        ),
        (
            object_of({"titles": STRING, "title": STRING}),
            object_of({"title": STRING}),
            ["titles: is not accepted"],
        ),
        (object_of({"a": STRING, "x": STRING}), {"type": "object", "properties": {"a": STRING}}, []),
        (
            object_of({"a": STRING, "x1": STRING}),
            {
                "type": "object",
                "properties": {"a": STRING},
                "patternProperties": {"^x": STRING},
                "additionalProperties": False,
            },
            [],
        ),
        (object_of({"a": INTEGER}), map_of(STRING), ["a: integer is not string"]),
        (
            object_of({"a": INTEGER, "b": INTEGER}),
            {"type": "object", "properties": {"a": INTEGER}, "additionalProperties": STRING},
            ["b: integer is not string"],
        ),
        (object_of({"a": STRING}), {"type": "object", "properties": {"a": False}}, ["a: nothing is accepted here"]),
        (object_of({"a": STRING}), {"type": "object", "properties": {"a": True}}, []),
        (map_of(INTEGER), {"type": "object", "properties": {"a": STRING}}, []),
        (object_of({"a": {}}), map_of(STRING), []),
        (object_of({"a": STRING}), {"type": "object", "required": ["a", 7]}, []),
        (object_of({"a": STRING}), {"type": "object", "required": "a"}, []),
        (
            object_of({"a": object_of({"v": STRING})}),
            {"type": "object", "properties": {"a": {"$ref": "#/$defs/N"}}, **TREE},
            ["a.v: string is not integer"],
        ),
        (
            object_of({"a": object_of({"v": STRING})}),
            {"type": "object", "additionalProperties": {"$ref": "#/$defs/N"}, **TREE},
            ["a.v: string is not integer"],
        ),
        (
            object_of({"a": STRING, "b": STRING}),
            {"anyOf": [object_of({"c": STRING, "d": STRING}), object_of({"a": STRING, "b": INTEGER})]},
            ["b: string is not integer"],
        ),
        (
            object_of({"z": STRING}),
            {"anyOf": [object_of({"a": STRING, "b": STRING}), object_of({"z": INTEGER})]},
            ["z: string is not integer"],
        ),
        (object_of({}), object_of({"a": STRING}), ["a: is required and missing"]),
        (list_of(object_of({"p": STRING})), list_of(object_of({"p": NUMBER})), ["[].p: string is not number"]),
        (object_of({"a": list_of(STRING)}), object_of({"a": list_of(NUMBER)}), ["a[]: string is not number"]),
    ],
)
def test_each_reason_says_where_and_what(producer: Any, consumer: Any, reasons: list[str]) -> None:
    assert assignable(producer, consumer) == reasons


def test_nineteen_levels_are_looked_into_and_deeper_ones_wait_for_the_run() -> None:
    assert assignable(deep(STRING, 19), deep(NUMBER, 19)) == ["[]" * 19 + ": string is not number"]
    assert assignable(deep(STRING, 20), deep(NUMBER, 20)) == []
    nested: tuple[Any, Any] = (STRING, NUMBER)
    for _ in range(19):
        nested = object_of({"a": nested[0]}), object_of({"a": nested[1]})
    assert assignable(*nested) == [".".join("a" * 19) + ": string is not number"]
    assert assignable(object_of({"a": nested[0]}), object_of({"a": nested[1]})) == []
    mapped: tuple[Any, Any] = (STRING, NUMBER)
    for _ in range(19):
        mapped = object_of({"a": mapped[0]}), map_of(mapped[1])
    assert assignable(*mapped) == [".".join("a" * 19) + ": string is not number"]
    assert assignable(object_of({"a": mapped[0]}), map_of(mapped[1])) == []
