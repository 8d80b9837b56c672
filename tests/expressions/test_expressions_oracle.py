"""Google's CEL is the oracle: within the common subset both must give the same value, or both none.

What is left out on purpose is what `docs/expressions.md` lists as deviations: arithmetic on mixed numbers, division
that leaves a fraction, has() and null tests on paths that break before their last field, keys that are no strings, and
the text of numbers with a fraction.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.rules.expressions import ExpressionError, evaluate, parse
from engine.rules.expressions.patterns import PatternError, pattern
from tests.support.expression_strategies import DATA, KINDS

cel_package = pytest.importorskip("cel_expr_python", reason="no wheel of the oracle for this platform")
cel: Any = pytest.importorskip("cel_expr_python.cel")
ext_strings: Any = pytest.importorskip("cel_expr_python.ext.ext_strings")

WRONG = object()
OTHERWISE = object()  # a value that CEL cannot hold
ENVIRONMENT = cel.NewEnv(variables={"d": cel.Type.DYN}, extensions=[ext_strings.ExtStrings()])


def ours(text: str) -> Any:
    try:
        return evaluate(parse(text), DATA)  # type: ignore[arg-type]
    except ExpressionError:
        return WRONG


def theirs(text: str) -> Any:
    compiled = ENVIRONMENT.compile(text, disable_check=True)
    try:
        value = compiled.eval(data=DATA)
    except RuntimeError:
        return WRONG
    if value.type() != cel.Type.ERROR:
        return value.plain_value()
    # Their integers end at 64 bits, ours do not.
    return OTHERWISE if "overflow" in str(value.plain_value()) else WRONG


def same(one: Any, other: Any) -> bool:
    if one is WRONG or other is WRONG:
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        if len(one) == len(other) and all(map(same, one, other)):
            return True
        # CEL does not keep the order of keys, which shows in a loop over an object.
        return sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other


def agree(text: str) -> None:
    mine, oracle = ours(text), theirs(text)
    assert oracle is OTHERWISE or same(mine, oracle), f"{text}\n  ours:  {mine!r}\n  CEL's: {oracle!r}"


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(*KINDS.values()))
def test_every_expression_means_what_it_means_in_cel(text: str) -> None:
    agree(text)


@pytest.mark.parametrize(
    "text",
    [
        "!1",
        "true == 1",
        "d.yes == 1",
        "1 in [true]",
        "-5 % 3",
        "5 % -3",
        "5 % 0",
        "1 in d",
        "1 in 'abc'",
        "1 / 0 == 1 || true",
        "1 / 0 == 1 && false",
        "1 && false",
        "'a' || true",
        "1 && true",
        "d.l.exists(e, e.zz || e == 2)",
        "d.l.all(e, e.zz && e == 3)",
        "d.l.all(e, e.zz)",
        "[true, true].exists_one(e, e)",
        "[1, 1.0, '1'].map(e, e == 1)",
        "{'a': [1]} == {'a': [1.0]}",
        "d.x in [2.5]",
        "{'a': 1, 'a': 2}",
        "[1,]",
        "{'a': 1,}",
        "1 < 2 == true",
        "1 + 2 * 3 - 4 % 3 == 6 && !false || 1 in [2]",
        "true || 1 / 0 == 1 && false",
        "true ? 1 : false ? 2 : 3",
        "-d.i - -3 == 0 ? 'a' : 'b'",
        "!d.l.exists(e, e > 5) && d.m.a < 2",
        "size('é😀x')",
        "'abc'[0]",
        "d.l[1.0]",
        "d.l[1.5]",
        "d.m.exists(e, e == 'c')",
        "d.m.map(e, size(e))",
        "d.l.map(d, d.l.size() == 1)",
        "'a' < 'B'",
        "'\\U0001F600' > '\\uFFFD'",
        "false < true",
        "null < null",
        "[1] < [2]",
        "1 // a comment",
        "'a' + // between\n 'b'",
    ],
)
def test_known_traps_mean_what_they_mean_in_cel(text: str) -> None:
    agree(text)


MARKS = [
    "1",
    "2.5",
    "'a'",
    "x",
    "y",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "?",
    "+",
    "-",
    "*",
    "==",
    "<",
    "&&",
    "||",
    "!",
]


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from([*MARKS, ".", "a", "in", "true", "null", "if", "// x\n", "size"]), min_size=1, max_size=9)
)
def test_what_we_read_is_legal_cel(marks: list[str]) -> None:
    text = " ".join(marks)
    try:
        parse(text)
    except ExpressionError:
        return
    ENVIRONMENT.compile(text, disable_check=True)


PIECES = [
    "a",
    "b",
    "é",
    "\\d",
    "\\w",
    "\\S",
    ".",
    "[a-c]",
    "[^b]",
    "[\\d_]",
    "^",
    "$",
    "\\b",
    "\\B",
    "|",
    "(",
    ")",
    "(?:",
    "*",
    "+",
    "?",
]


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from([*PIECES, "{2}", "{0,1}", "{1,}", "[[:alpha:]]", "\\.", "\n"]), max_size=7).map("".join),
    st.text("ab1é_ .\n", max_size=8),
)
def test_every_pattern_matches_as_re2_does(written: str, text: str) -> None:
    try:
        found = pattern(written).found_in(text)
    except PatternError:
        return
    if "\\B" in written and not text.isascii():
        return  # RE2 looks at bytes, and finds a place that is no edge of a word within a single letter
    value = ENVIRONMENT.compile("d.s.matches(d.p)").eval(data={"d": {"s": text, "p": written}})
    assert value.plain_value() is found, (written, text)
