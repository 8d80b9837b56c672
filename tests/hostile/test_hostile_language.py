"""Expressions and patterns written to break, to hang or to swell: each ends soon, in a value or in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rules.expressions import ExpressionError, check, evaluate, parse
from engine.rules.expressions.types import any_type
from tests.support.twisting import JSON, TIMES, tries

LETTERS = "a" * 30_000
DATA = {
    "s": LETTERS,
    "l": list(range(3_000)),
    "rows": [{"id": number, "tag": "x" * 50} for number in range(1_000)],
    "deep": {"a": {"a": {"a": {"a": 1}}}},
}
BOMBS = (
    r"s.matches('(a+)+$b')",
    r"s.matches('(a|a)*b')",
    r"s.matches('(a|aa)+$x')",
    r"s.matches('((((a{1,20}){1,20}){1,20}){1,20}){1,20}')",
    r"s.matches('(.*)(.*)(.*)(.*)(.*)[^a]')",
    r"s.matches('^(?:a?){200}a{200}$')",
    r"s.matches('[\\x{0}-\\x{10FFFF}]{200}' + s)",
    "l.map(a, l.map(b, l.map(c, a * b * c)))",
    "l.all(a, l.all(b, l.all(c, a + b + c >= 0)))",
    "l.filter(a, l.exists(b, l.exists(c, a == b + c && false)))",
    "l.map(a, s).map(a, a + s + s).map(a, a + a)",
    "s + s + s + s + s + s + s + s + s",
    "l.map(a, l).map(a, a + a).map(a, a + a)",
    "9999999999 * 9999999999 * 9999999999 * 9999999999 * 9999999999 * 9999999999 * 9999999999 * 9999999999",
    "int('" + "9" * 4_000 + "')",
    "s.split('').map(c, s.split(''))",
    "s.replace('a', s)",
    "s.replace('', s)",
    "rows.map(r, rows.map(q, r.tag + q.tag))",
    "(" * 2_000 + "1" + ")" * 2_000,
    "!" * 4_000 + "true",
    "-" * 4_000 + "1",
    "a" + ".a" * 2_000,
    "l" + "[0]" * 1_300,
    "true ? " * 500 + "1" + " : 2" * 500,
    "[" * 4_000,
    "'" * 4_001,
    "{" + "'a': {" * 500,
    "1 " + "+ 1 " * 1_000,
)
PIECES = (
    "s", "l", "rows", "deep", ".", ".a", "[0]", "[", "]", "(", ")", "{", "}", ",", ":", "?", "+", "-", "*", "/", "%",
    "==", "!=", "<", ">=", "&&", "||", "!", " in ", "'a'", '"', "'", "\\", "r'", "1", "0", "9" * 40, "1e999", "0x",
    ".map(x, ", ".filter(x, ", ".exists(x, ", ".all(x, ", "x", ".size()", ".matches('(a+)+')", ".split('')",
    ".replace('a', 'b')", "has(", "coalesce(", "int(", "string(", "double(", "timestamp(", "null", "true", "\x00",
    "\ud800", "é", "\n", "//", "${{", "}}",
)  # fmt: skip


def outcome(text: str, data: dict[str, Any]) -> str:
    """What comes of an expression, or what is wrong with it: nothing else may come of it."""
    try:
        expression = parse(text)
        check(expression, {name: any_type() for name in data})
        return repr(evaluate(expression, data))
    except ExpressionError as error:
        return str(error)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:40])
def test_a_bomb_ends_in_a_value_or_in_words(text: str) -> None:
    assert len(outcome(text, DATA)) < 5_000_000


@pytest.mark.timeout(60 * TIMES)
@tries(150)
@given(text=st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join))
def test_no_text_breaks_the_parser_the_checker_or_the_evaluator(text: str) -> None:
    assert outcome(text, DATA)


@pytest.mark.timeout(60 * TIMES)
@tries(100)
@given(text=st.sampled_from(("d.map(x, x)", "d == d", "d.a.b", "d[0]", "string(d)", "d + d", "d.size()", "'a' in d",
                             "d.exists(x, x == 1)", "d < d", "int(d)", "coalesce(d.a, 1)", "!d", "d ? 1 : 2")),
       data=JSON)  # fmt: skip
def test_no_data_breaks_the_evaluator(text: str, data: object) -> None:
    assert outcome(text, {"d": data})
