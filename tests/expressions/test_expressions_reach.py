"""What an expression reads and what it costs: what is read unknown to all is stale after a retry."""

from __future__ import annotations

from typing import Any

import pytest

from engine.rules.expressions import ExpressionError, evaluate, free_names, parse
from engine.rules.expressions.nodes import children, root_of, weight


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", {"a"}),
        ("a.b[c.d]", {"a", "c"}),
        ("a ? b : c", {"a", "b", "c"}),
        ("a && b || !c", {"a", "b", "c"}),
        ("a == b in c", {"a", "b", "c"}),
        ("coalesce(a, b)", {"a", "b"}),
        ("has(a.b)", {"a"}),
        ("[a, {b: c}]", {"a", "b", "c"}),
        ("{'k': c}", {"c"}),
        ("size(a)", {"a"}),
        ("-a", {"a"}),
        ("a.map(i, i + b)", {"a", "b"}),
        ("a.map(i, i > inputs.least, i)", {"a", "inputs"}),
        ("a.filter(i, i == b)", {"a", "b"}),
        ("a.map(i, i) == i", {"a", "i"}),
        ("a.map(a, a)", {"a"}),
    ],
)
def test_every_name_that_is_read_is_known(text: str, names: set[str]) -> None:
    assert free_names(parse(text)) == names


def test_a_condition_is_read_as_well_as_what_it_guards() -> None:
    paths = {".".join(one.path) for one in parse("has(steps.a.output.x) ? steps.a.output.y : inputs.z").references}
    assert {"steps.a.output.x", "steps.a.output.y", "inputs.z"} <= paths


@pytest.mark.parametrize(
    ("text", "parts", "heavy"),
    [
        ("a", 0, 1),
        ("a.b", 1, 2),
        ("a[b]", 2, 3),
        ("a ? b : c", 3, 4),
        ("a.map(i, b)", 2, 3),
        ("a.map(i, b, c)", 3, 4),
        ("[a, b]", 2, 3),
        ("{a: b}", 2, 3),
        ("size(a)", 1, 2),
        ("a && b && c", 3, 4),
    ],
)
def test_every_part_of_an_expression_is_counted(text: str, parts: int, heavy: int) -> None:
    node = parse(text).ast
    assert len(list(children(node))) == parts
    assert weight(node) == heavy


def test_the_name_that_a_path_begins_with_is_found_however_long_it_is() -> None:
    root = root_of(parse("a.b[0].c").ast)
    assert root is not None
    assert getattr(root, "name", root) == "a"


def within(text: str, data: Any, budget: int) -> bool:
    """Whether the expression comes to its end with this budget."""
    try:
        evaluate(parse(text), data, budget)
    except ExpressionError as error:
        if error.problem.message != "cost limit exceeded":
            raise
        return False
    return True


def least_cost(text: str, data: Any) -> int:
    """The smallest budget that is enough."""
    return next(budget for budget in range(5_000) if within(text, data, budget))


def test_who_runs_out_of_budget_is_told_what_to_do() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse("a.map(i, i + 1)"), {"a": [1, 2, 3]}, 1)
    assert caught.value.problem.hint == "take fewer items or shorter text, or use a python step"


def test_a_budget_that_is_just_enough_is_enough_and_more_items_cost_more() -> None:
    few, more = ({"a": list(range(n))} for n in (3, 30))
    assert 0 < least_cost("a.map(i, i + 1)", few) < least_cost("a.map(i, i + 1)", more)


def test_a_longer_text_costs_more_and_a_short_one_next_to_nothing() -> None:
    text = "s + s + s"
    short, long = least_cost(text, {"s": "x"}), least_cost(text, {"s": "x" * 20_000})
    assert short < 10
    assert short < long < 2_000


# Where it may be missing ---------------------------------------------------------------------------------------------

DATA: dict[str, Any] = {"o": {"k": 1, "n": None}, "l": [1, 2], "t": "text", "z": None, "f": 1.0, "h": 1.5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("coalesce(o.k, 9)", 1),
        ("coalesce(o.x, 9)", 9),
        ("coalesce(o.n, 9)", 9),
        ("coalesce(z.x, 9)", 9),
        ("coalesce(z.x.y, 9)", 9),
        ("coalesce(o.x.y, 9)", 9),
        ("coalesce(o['k'], 9)", 1),
        ("coalesce(o['x'], 9)", 9),
        ("coalesce(z['x'], 9)", 9),
        ("coalesce(o.x['y'], 9)", 9),
        ("coalesce(z[0], 9)", 9),
        ("coalesce(l[0], 9)", 1),
        ("coalesce(l[1], 9)", 2),
        ("coalesce(l[2], 9)", 9),
        ("coalesce(l[f], 9)", 2),
        ("has(o.k)", True),
        ("has(o.n)", False),
        ("has(o.x)", False),
        ("l[f]", 2),
    ],
)
def test_what_may_be_missing_is_missing_and_no_mistake(text: str, value: Any) -> None:
    assert evaluate(parse(text), DATA) == value


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("coalesce(t.x, 9)", ""),
        ("coalesce(t[0], 9)", "a part of text is text.substring(start, end)"),
        ("coalesce(o[0], 9)", ""),
        ("coalesce(l['a'], 9)", ""),
        ("z.x", "guard it with has(...) or coalesce(...)"),
        ("t.x", ""),
        ("l[h]", ""),
        ("o[f]", ""),
    ],
)
def test_what_cannot_have_the_field_or_item_is_a_mistake_also_there(text: str, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse(text), DATA)
    assert caught.value.problem.message
    assert caught.value.problem.hint == hint
