"""JSON with expressions in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.expressions import (
    ExpressionError,
    PlacedProblem,
    TemplateError,
    list_of,
    nullable,
    object_of,
    parse_template,
)
from engine.rules.expressions.types import BOOLEAN, INTEGER, STRING

SCOPE: dict[str, Any] = {
    "n": 3,
    "x": 2.0,
    "s": "é",
    "yes": True,
    "none": None,
    "list": [1, 2],
    "object": {"a": {"b": 1}},
}


def filled(value: Any) -> Any:
    return parse_template(value).fill(SCOPE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${{ n }}", 3),
        ("${{n}}", 3),
        ("${{ list }}", [1, 2]),
        ("${{ none }}", None),
        ("${{ {'a': {'b': n}} }}", {"a": {"b": 3}}),
        ("${{ '}}' + \"}}\" }}", "}}}}"),
        ("${{ n // a comment with }}\n}}", 3),
        ("${{ n }} of ${{ x }}", "3 of 2"),
        ("${{ s }}${{ yes }}", "étrue"),
        (" ${{ n }}", " 3"),
        ("${{ n }}\n", "3\n"),
        ("a $${{ n }} b ${{ n }}", "a ${{ n }} b 3"),
        ("$${{", "${{"),
        ("$$${{ n }}", "$${{ n }}"),
        ("}} {{ n }} $ {", "}} {{ n }} $ {"),
        ("", ""),
        (5, 5),
        (None, None),
        ({"a": ["${{ n }}", {"b": "x${{ s }}"}], "c": 1}, {"a": [3, {"b": "xé"}], "c": 1}),
        ({"${{ n }}": "${{ n }}"}, {"${{ n }}": 3}),
    ],
)
def test_filling_keeps_kinds_alone_and_writes_text_within_text(value: Any, expected: Any) -> None:
    result = filled(value)
    assert result == expected
    assert type(result) is type(expected)


def test_values_are_given_by_reference_and_constants_are_not_copied() -> None:
    constant = {"a": [1, 2]}
    result = filled({"constant": constant, "list": "${{ list }}"})
    assert result["constant"] is constant
    assert result["list"] is SCOPE["list"]


def test_what_the_result_of_an_expression_contains_is_never_an_expression() -> None:
    assert parse_template("${{ s }} ${{ s }}").fill({"s": "${{ secret }}"}) == "${{ secret }} ${{ secret }}"
    assert parse_template({"a": "${{ s }}"}).fill({"s": "${{ secret }}"}) == {"a": "${{ secret }}"}


def test_expressions_know_their_places() -> None:
    value = {"with": [{"url": "http://${{ n }}/${{ object.a.b }}"}], "when": "${{ yes }}"}
    template = parse_template(value)
    places = [(placed.path, placed.offset, placed.expression.text, placed.alone) for placed in template.expressions]
    assert places == [
        (("with", 0, "url"), 10, " n ", False),
        (("with", 0, "url"), 19, " object.a.b ", False),
        (("when",), 3, " yes ", True),
    ]
    assert [reference.path for reference in template.references] == [("n",), ("object", "a", "b"), ("yes",)]
    for placed in template.expressions:
        text: Any = value
        for step in placed.path:
            text = text[step]
        assert text[placed.offset :].startswith(placed.expression.text + "}}")


@pytest.mark.parametrize(
    ("value", "path", "offset", "message", "hint"),
    [
        ("a ${{ n", (), 2, "'${{' is not closed", "'$${{'"),
        ("a ${{ n, don't", (), 2, "'${{' is not closed", "'}}'"),
        ("${{ n }", (), 0, "'${{' is not closed", "'}}'"),
        ("${{ {'a': 1} }", (), 0, "'${{' is not closed", "'}}'"),
        ({"a": ["x", "${{ n + }}"]}, ("a", 1), 8, "the expression ends where a value is needed", ""),
        ("ab ${{ n = 1 }}", (), 9, "'=' means nothing here", "'=='"),
        ("${{ }}", (), 4, "the expression ends where a value is needed", ""),
        ("${{ 'a }}", (), 4, "this text is not closed", ""),
        ("${{ n // to the end of the line }}", (), 0, "'${{' is not closed", "'//' begins a comment"),
        ("${{ n }} ${{ ${{ n }} }}", (), 13, "'${{' means nothing here", "already inside"),
    ],
)
def test_what_cannot_be_read_is_placed(value: Any, path: Any, offset: int, message: str, hint: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template(value)
    assert caught.value.path == path
    assert caught.value.problem.offset == offset
    assert caught.value.problem.message == message
    assert hint in caught.value.problem.hint


def test_all_unreadable_strings_are_told_at_once() -> None:
    with pytest.raises(TemplateError) as caught:
        parse_template({"a": "${{ 1 + }}", "b": {"c": ["${{"]}, "d": "${{ n }}"})
    assert [placed.path for placed in caught.value.placed] == [("a",), ("b", "c", 0)]
    assert str(caught.value).startswith("a: 1:9: the expression ends")


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("x ${{ none }}", "with[0].t: 1:6: null cannot stand within text", "coalesce(..., '')"),
        ("x ${{ list }}", "with[0].t: 1:6: list cannot stand within text", "toJson(...)"),
        ("${{ object }}\n", "with[0].t: 1:4: object cannot stand within text", "a line break is text too"),
        ("${{ object.zz }}", "with[0].t: 1:12: object has no field 'zz'", "guard"),
        ("a\nb ${{ n / 0 }}", "with[0].t: 2:9: divide by zero", ""),
    ],
)
def test_faults_of_filling_name_the_place(value: str, message: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        filled({"with": [{"t": value}]})
    assert str(caught.value).startswith(message)
    assert hint in caught.value.problem.hint
    assert caught.value.path == ("with", 0, "t")


def test_every_expression_of_a_template_may_cost_the_limit() -> None:
    template = parse_template(["${{ list.map(i, i) }}"] * 3)
    assert template.fill(SCOPE, cost_max=15) == [[1, 2]] * 3
    with pytest.raises(ExpressionError, match="cost limit exceeded"):
        template.fill(SCOPE, cost_max=3)


def test_the_type_of_the_filled_value_is_known() -> None:
    scope = {"n": INTEGER, "rows": list_of(object_of({"a": STRING})), "maybe": nullable(STRING)}
    type_, found = parse_template({"a": "${{ n }}", "b": "n is ${{ n }}", "c": ["${{ rows[0].a }}"], "d": 1}).check(
        scope
    )
    assert found == ()
    assert type_ == object_of({"a": INTEGER, "b": STRING, "c": list_of(STRING), "d": {"type": "integer", "enum": [1]}})


def test_problems_of_expressions_are_placed_in_their_strings() -> None:
    scope = {"n": INTEGER, "rows": list_of(STRING), "maybe": nullable(STRING), "ok": BOOLEAN}
    value = {"a": ["x ${{ rows }}", "x ${{ maybe }}"], "b": "${{ m }}", "c": "${{ maybe }}", "d": "${{ n }}/${{ ok }}"}
    _, found = parse_template(value).check(scope)
    assert [(placed.path, placed.problem.offset, placed.problem.message) for placed in found] == [
        (("a", 0), 5, "list of string cannot stand within text"),
        (("a", 1), 5, "what may be null cannot stand within text"),
        (("b",), 4, "unknown name 'm' (has: n, rows, maybe, ok)"),
    ]
    assert isinstance(found[0], PlacedProblem)


def test_a_template_too_deep_to_walk_is_refused() -> None:
    deep: Any = "${{ n }}"
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(TemplateError, match="nested deeper than 100 levels"):
        parse_template(deep)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text("ab${} ", max_size=12)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text("a${", max_size=4), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_values_without_expressions_stay_as_they_are(value: Any) -> None:
    if "${{" in repr(value):
        return
    template = parse_template(value)
    assert template.fill({}) is value
    assert template.expressions == ()
