"""What is proved before a run: names, fields, kinds, and what may be missing."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.rules.expressions import (
    ExpressionError,
    Problem,
    any_type,
    check,
    enum_of,
    evaluate,
    kinds,
    list_of,
    map_of,
    nullable,
    object_of,
    parse,
    spoken,
)
from engine.rules.expressions.types import BOOLEAN, INTEGER, NUMBER, STRING, Type
from tests.support.expression_strategies import DATA, KINDS

ROW = object_of({"sku": STRING, "qty": INTEGER, "note": STRING}, optional=["note"])
POST = object_of({"title": STRING, "total": NUMBER, "items": list_of(ROW), "tags": list_of(STRING)})
STATUS = enum_of(["succeeded", "failed", "skipped"])
PYDANTIC = {
    "$defs": {
        "Tone": {"enum": ["plain", "playful"], "title": "Tone", "type": "string"},
        "Node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "child": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            },
            "required": ["name"],
        },
    },
    "type": "object",
    "properties": {
        "tone": {"$ref": "#/$defs/Tone"},
        "tree": {"$ref": "#/$defs/Node"},
        "trees": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
    },
    "required": ["tone", "tree", "trees"],
}
SCOPE: dict[str, Type] = {
    "steps": object_of(
        {
            "extract": object_of({"output": POST, "status": STATUS}),
            "publish": object_of({"output": nullable(object_of({"url": STRING})), "status": STATUS}),
            "free": object_of({"output": any_type()}),
            "typed": object_of({"output": PYDANTIC}),
            "my-step": object_of({"output": POST}),
        }
    ),
    "inputs": object_of(
        {
            "name": STRING,
            "n": INTEGER,
            "x": NUMBER,
            "flag": BOOLEAN,
            "tone": enum_of(["plain", "playful"]),
            "brief": STRING,
            "maybe": nullable(STRING),
            "either": {"type": ["string", "integer"]},
            "counts": map_of(INTEGER),
            "anything": any_type(),
            "open": {"type": "object", "properties": {"a": STRING}, "required": ["a"], "additionalProperties": True},
            "shape": {"anyOf": [object_of({"kind": STRING, "r": NUMBER}), object_of({"kind": STRING, "side": NUMBER})]},
        },
        optional=["brief"],
    ),
    "item": nullable(ROW),
}


def problems(text: str) -> tuple[Problem, ...]:
    return check(parse(text), SCOPE)[1]


def type_of(text: str) -> Type:
    type_, found = check(parse(text), SCOPE)
    assert found == ()
    return type_


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("steps.extract.output.totl > 3", "totl", "output of 'extract' has no field 'totl'; did you mean 'total'?", ""),
        ("steps.extrct.output", "extrct", "steps has no field 'extrct'; did you mean 'extract'?", ""),
        ("steps.extract.outptu", "outptu", "step 'extract' has no field 'outptu'; did you mean 'output'?", ""),
        ("inptus.name", "inptus", "unknown name 'inptus'; did you mean 'inputs'?", ""),
        ("inputs.tone == playful", "playful", "unknown name 'playful' (has: steps, inputs, item)", "'playful'"),
        ("steps.extract.output.items.filter(i, i.prize > 2)", "prize", "i has no field 'prize' (has: sku, qty", ""),
        ("steps.extract.output.items.title", "title", "steps.extract.output.items is list of object: no", ".map("),
        ("inputs.name.size", "size", "inputs.name is string: no field 'size'", ".size()"),
        ("steps.typed.output.tree.nam", "nam", "steps.typed.output.tree has no field 'nam'; did you mean 'name'?", ""),
        ("steps.extract['ouput']", "'ouput'", "step 'extract' has no field 'ouput'; did you mean 'output'?", ""),
        ("has(steps.extract.output.zzz)", "zzz", "output of 'extract' has no field 'zzz'", ""),
        ("inputs.name + inputs.n", "+", "cannot apply '+' to string and integer; use string(...)", ""),
        ("inputs.flag * 2", "*", "cannot apply '*' to boolean and integer", ""),
        ("inputs.n > inputs.name", ">", "cannot apply '>' to integer and string", ""),
        ("inputs.name == inputs.n", "==", "cannot compare string with integer: always false", ""),
        ("inputs.name != 3", "!=", "cannot compare string with integer: always true", ""),
        ("inputs.tone == 'plyful'", "==", "this is never 'plyful': always false", "did you mean 'playful'?"),
        ("'done' == steps.extract.status", "==", "this is never 'done': always false", "'succeeded', 'failed'"),
        ("steps.typed.output.tone == 'x'", "==", "this is never 'x': always false", "'plain', 'playful'"),
        ("inputs.tone in ['plain', 'plyful']", "in", "this is never 'plyful'", "did you mean 'playful'?"),
        ("inputs.n in ['a']", "in", "cannot compare integer with items that are string: always false", ""),
        ("inputs.n in inputs.counts", "in", "the keys of an object are string, not integer: always false", ""),
        ("'a' in inputs.name", "in", "'in' needs a list or object on its right, got string", "text.contains(part)"),
        ("inputs.flag && inputs.name", "inputs.name", "'&&' needs boolean, got string", "value != ''"),
        ("!inputs.n", "inputs.n", "'!' needs boolean, got integer", ""),
        ("inputs.n ? 1 : 2", "inputs.n", "'?' needs boolean, got integer", ""),
        ("-inputs.name", "-inputs.name", "cannot apply '-' to string", ""),
        ("siz(inputs.name)", "siz", "unknown function 'siz'; did you mean 'size'?", ""),
        ("inputs.name.length()", "length", "unknown function 'length'; did you mean 'size'?", ""),
        ("inputs.name.size(1)", "size", "size() takes 0 arguments, got 1", ""),
        ("size(inputs.n)", "inputs.n", "size() needs string or list or object, got integer", ""),
        ("inputs.n.contains('a')", "inputs.n", "contains() needs string, got integer", "string(...)"),
        ("['a'].contains('a')", "['a']", "contains() needs string, got list of string", "item in list"),
        ("sum(['a'])", "['a']", "sum() needs list of numbers, got list of string", ""),
        ("string({'a': 1})", "{'a': 1}", "string() needs string, number or boolean, got object", "toJson(...)"),
        ("inputs.n.all(x, true)", "inputs.n", "all() needs a list, got integer", ""),
        ("steps.extract.output.items.exists(i, i.qty)", "i.qty", "exists() needs boolean, got integer", ""),
        ("steps.extract.output.items.groupBy(i, i.qty)", "i.qty", "groupBy() needs a string", "string(...)"),
        ("steps.extract.output.items.sortBy(i, i)", "i", "sortBy() cannot order by object", ""),
        ("inputs.name.matches('(a')", "'(a'", "unusable pattern: a '(' that is not closed", ""),
        ("formatDate(inputs.n, 'YYYY')", "'YYYY'", "'YYYY' means nothing in a date pattern; yyyy is the year", ""),
        ("formatDate(inputs.n, 'yyyy', 'Berlin')", "'Berlin'", "unknown time zone", ""),
        ("inputs.name[0]", "0", "string has no items", "substring"),
        ("steps.extract.output.items['a']", "'a'", "list needs an integer in brackets, got string", ""),
        ("inputs.counts[1]", "1", "object needs a string in brackets, got integer", ""),
        ("{a: 1}", "a", "unknown name 'a'", "quotes: 'a'"),
        ("{inputs.n: 1}", "inputs.n", "a key must be string, got integer", "string(...)"),
        ("{'a': 1, 'a': 2}", "'a'", "the key 'a' stands twice", ""),
        ("type(inputs.n) == int", "int", "unknown name 'int'", 'type(value) == "integer"'),
        # what may be missing
        ("inputs.brief", "inputs.brief", "inputs.brief may be missing", "has(inputs.brief) ? … : …"),
        ("inputs.brief == 'x'", "inputs.brief", "inputs.brief may be missing", "coalesce(inputs.brief, …)"),
        ("steps.publish.output.url", "steps.publish.output", "output of 'publish' may be null", "coalesce(steps."),
        ("inputs.maybe + 'a'", "inputs.maybe", "inputs.maybe may be null", "has(inputs.maybe)"),
        ("inputs.maybe.size()", "inputs.maybe", "inputs.maybe may be null", ""),
        ("inputs.maybe < 'a'", "inputs.maybe", "inputs.maybe may be null", ""),
        ("item.qty", "item", "item may be null", "item.qty"),
        ("steps.extract.output.items.map(i, i.note)", "i.note", "i.note may be missing", "has(i.note)"),
        ("inputs.shape.side", "inputs.shape.side", "inputs.shape.side may be missing", ""),
        ("steps.typed.output.tree.child", "steps.typed.output.tree.child", "steps.typed.output.tree.child may be", ""),
        ("has(inputs.brief) || inputs.brief == ''", "inputs.brief", "inputs.brief may be missing", ""),
        ("has(inputs.brief) ? 1 : inputs.brief.size()", "inputs.brief", "inputs.brief may be missing", ""),
        ("string(coalesce(inputs.maybe))", "coalesce(inputs.maybe)", "this value may be null", "coalesce(value"),
    ],
)  # fmt: skip
def test_problems_say_what_where_and_what_to_do(text: str, place: str, message: str, hint: str) -> None:
    problem = problems(text)[-1]
    assert text[problem.offset : problem.offset + problem.length] == place
    assert problem.message.startswith(message)
    assert hint in problem.hint


@pytest.mark.parametrize(
    "text",
    [
        "has(inputs.brief) && inputs.brief.size() > 3",
        "has(inputs.brief) ? inputs.brief : ''",
        "!has(inputs.brief) || inputs.brief.size() > 3",
        "inputs.brief != null && inputs.brief.size() > 3",
        "inputs.brief == null ? '' : inputs.brief.trim()",
        "coalesce(inputs.brief, inputs.maybe, 'x').size()",
        "inputs.maybe == 'x' && inputs.maybe.size() > 0",
        "has(steps.publish.output) ? steps.publish.output.url : ''",
        "has(steps.publish.output.url) && steps.publish.output.url.size() > 0",
        "coalesce(steps.publish.output.url, '') == ''",
        "steps.publish.status == 'succeeded' ? steps.publish.output.url : ''",
        "item != null && item.qty > 1 && item.sku != ''",
        "has(item.note) && item.note != '' && item.qty > 1",
        "steps.extract.output.items.filter(i, has(i.note)).map(i, i.note.size())",
        "steps.extract.output.items.map(i, has(i.note), i.note)",
        "steps.extract.output.items.exists(i, has(i.note) && i.note == '')",
        "steps.typed.output.tree.child != null && steps.typed.output.tree.child.name == 'x'",
        "steps.typed.output.trees.all(t, has(t.child) ? t.child.name != '' : true)",
        "has(inputs.shape.side) ? inputs.shape.side : 0",
        "inputs.shape.kind == 'x'",
        "inputs.anything.what.ever[3].x + 1 > 2 && inputs.anything",
        "steps.free.output.x.map(y, y.z)",
        "inputs.open.other == 3",
        "inputs.counts.apples + 1",
        "inputs.either + 'a'",
        "inputs.either == 3 || inputs.either == 'a'",
        "inputs.n == inputs.x",
        "inputs.name in ['a', 'b']",
        "inputs.name == null",
        "inputs.maybe == null || inputs.maybe == 'a'",
        "toJson(steps.publish.output)",
        "type(inputs.maybe) == 'null'",
        "round(inputs.x) == inputs.n",
        "steps['my-step'].output.title",
        "steps.extract.output.items[0].sku",
        "steps.extract.output.items.map(inputs, inputs.qty)",
    ],
)
def test_what_is_right_or_cannot_be_known_passes(text: str) -> None:
    assert problems(text) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", {"integer"}),
        ("1 + 1.5", {"number"}),
        ("inputs.n / 2", {"number"}),
        ("div(inputs.n, 2) + inputs.n % 2", {"integer"}),
        ("inputs.n + inputs.x", {"number"}),
        ("inputs.name + 'a'", {"string"}),
        ("inputs.anything + 'a'", {"string"}),
        ("inputs.anything + inputs.anything", None),
        ("inputs.n > 1", {"boolean"}),
        ("inputs.flag ? 1 : 'a'", {"integer", "string"}),
        ("inputs.flag ? null : 'a'", {"null", "string"}),
        ("coalesce(inputs.brief, 1)", {"string", "integer"}),
        ("coalesce(inputs.brief)", {"string", "null"}),
        ("steps.publish.output", {"object", "null"}),
        ("has(steps.publish.output) ? steps.publish.output : {}", {"object"}),
        ("sum(steps.extract.output.items.map(i, i.qty))", {"integer"}),
        ("avg([1, 2])", {"number"}),
        ("max(steps.extract.output.items.map(i, i.qty))", {"integer"}),
        ("max(inputs.n, 2.5)", {"integer", "number"}),
        ("round(inputs.x)", {"integer"}),
        ("round(inputs.x, 2)", {"number"}),
        ("steps.extract.output.items.map(i, i.sku)[0]", {"string"}),
        ("[[1], [2]].flatten()[0]", {"integer"}),
        ("keys(inputs.counts)[0]", {"string"}),
        ("values(inputs.counts)[0]", {"integer"}),
        ("steps.extract.output.items.groupBy(i, i.sku).x[0].qty", {"integer"}),
        ("inputs.counts.map(k, k)[0]", {"string"}),
        ("{'a': [1]}.a[0]", {"integer"}),
        ("steps.typed.output.trees[0].name", {"string"}),
        ("steps.typed.output.trees.map(t, t)[0].name", {"string"}),
        ("inputs.counts.x", {"integer"}),
        ("abs(-1)", {"integer"}),
        ("max(inputs.n)", {"integer"}),
        ("max(inputs.anything)", None),
    ],
)
def test_the_type_of_an_expression_is_known(text: str, expected: set[str] | None) -> None:
    assert kinds(type_of(text)) == expected


def test_types_are_spoken_in_a_few_words() -> None:
    words = {
        "inputs.maybe": "string or null",
        "steps.extract.output.tags": "list of string",
        "steps.extract.output.items": "list of object",
        "inputs.anything": "any",
        "inputs.flag ? 1 : 2": "integer",
    }
    assert {text: spoken(type_of(text)) for text in words} == words


def test_one_mistake_is_told_once() -> None:
    assert len(problems("steps.extrct.output.a.b + 1 > 2 && steps.extract.output.total > 1")) == 1


def test_problems_come_in_the_order_of_the_text() -> None:
    offsets = [problem.offset for problem in problems("inptus.a + steps.x + inputs.nme")]
    assert offsets == sorted(offsets)
    assert len(offsets) == 3


def test_a_schema_that_refers_to_itself_ends() -> None:
    path = "steps.typed.output.tree" + ".child" * 20
    assert kinds(type_of(f"coalesce({path}.name, '')")) == {"string"}


# Soundness: what passes does not fail for its kinds, and has the type that was promised.


def schema_of(value: Any) -> Type:
    """The narrowest schema that the data tells."""
    if isinstance(value, dict):
        return object_of({key: schema_of(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return list_of({"anyOf": [schema_of(item) for item in value]} if value else {})
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    return {"type": names[type(value)]}


TYPED = {name: schema_of(value) for name, value in DATA.items()}
DEPENDS_ON_VALUES = (
    "divide by zero",
    "no item",
    "no such key",
    "has no field",
    "the same key twice",
    "reaches outside",
    "begins outside",
    "cannot read",
    "unusable pattern",
    "empty list",
    "the number is too large",
)


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.one_of(*KINDS.values()))
def test_what_passes_gives_a_value_of_its_type(text: str) -> None:
    expression = parse(text)
    type_, found = check(expression, TYPED)
    if found:
        return
    try:
        result = evaluate(expression, DATA)  # type: ignore[arg-type]
    except ExpressionError as error:
        # What may be of several kinds passes, and here that comes from choices and from lists.
        several = any(mark in text for mark in ("?", "[", "mixed"))
        if not several and not any(reason in error.problem.message for reason in DEPENDS_ON_VALUES):
            raise AssertionError(f"{text}: {error}") from error
    else:
        assert jsonschema_rs.is_valid(dict(type_), result), f"{text} gives {result!r}, not {type_}"
