"""What a condition proves: nobody is told to guard what is guarded, and nobody is let through who is not."""

from __future__ import annotations

import pytest

from engine.rules.expressions import Type, any_type, check, enum_of, nullable, object_of, parse
from engine.rules.expressions.narrowing import facts, protected, proven, without_root
from engine.rules.expressions.types import STRING

INNER = object_of({"c": nullable(STRING), "d": nullable(STRING)}, optional=["c", "d"])
STEP = object_of(
    {"output": nullable(object_of({"x": STRING})), "status": enum_of(["succeeded", "failed"]), "error": STRING},
    optional=["output", "error"],
)
SCOPE: dict[str, Type] = {
    "a": object_of({"b": nullable(INNER), "e": nullable(STRING)}, optional=["b", "e"]),
    "n": nullable(STRING),
    "flag": {"type": "boolean"},
    "other": nullable(STRING),
    "any": any_type(),
    "steps": object_of({"s": STEP, "t": STEP}),
}


def proved(text: str, holds: bool = True) -> set[str]:
    return {".".join(path) for path in facts(parse(text).ast, holds)}


@pytest.mark.parametrize(
    ("text", "when_true", "when_false"),
    [
        ("has(a.b.c)", {"a.b.c"}, set()),
        ("!has(a.b.c)", set(), {"a.b.c"}),
        ("!!has(a.b.c)", {"a.b.c"}, set()),
        ("has(a.b) && n != null", {"a.b", "n"}, set()),
        ("has(a.b) || n != null", set(), set()),
        ("!has(a.b) || n == null", set(), {"a.b", "n"}),
        ("!has(a.b) && n == null", set(), set()),
        ("has(a.b.c) || has(a.b.d)", {"a.b"}, set()),
        ("has(a.b.c) || has(a.b.c)", {"a.b.c", "a.b"}, set()),
        ("has(a.b) || has(a.e)", set(), set()),
        ("n != null || n != null", {"n"}, set()),
        ("has(a.b.c) || has(a.b)", {"a.b"}, set()),
        ("n != null", {"n"}, set()),
        ("null != n", {"n"}, set()),
        ("n == null", set(), {"n"}),
        ("n == 'x'", {"n"}, set()),
        ("'x' == n", {"n"}, set()),
        ("n != 'x'", set(), {"n"}),
        ("n == other", set(), set()),
        ("n < 'x'", set(), set()),
        ("n < null", set(), set()),
        ("flag ? n != null : false", {"n"}, set()),
        ("n != null ? true : false", {"n"}, set()),
        ("n != null ? flag : false", {"n"}, set()),
        ("n != null ? false : true", set(), {"n"}),
        ("n != null ? false : flag", set(), set()),
        ("n == null ? false : flag", {"n"}, set()),
        ("n == null ? true : flag", set(), {"n"}),
        ("flag ? true : n != null", set(), set()),
        ("flag ? false : n != null", {"n"}, set()),
        ("flag ? n != null : n != null", {"n"}, set()),
        ("flag ? has(a.b.c) : has(a.b.d)", {"a.b"}, set()),
        ("n != null ? has(a.b) : has(a.b)", {"a.b"}, set()),
        ("n != null ? has(a.b) : n != null", {"n"}, set()),
        ("n != null ? flag : flag", set(), set()),
        ("n != null ? 'x' : 'y'", set(), set()),
        ("steps.s.status == 'succeeded'", {"steps.s.status", "steps.s.output"}, set()),
        ("'succeeded' == steps.s.status", {"steps.s.status", "steps.s.output"}, set()),
        ("steps.s.status == 'failed'", {"steps.s.status"}, set()),
        ("steps.s.status != 'succeeded'", set(), {"steps.s.status", "steps.s.output"}),
        ("any.s.status == 'succeeded'", {"any.s.status"}, set()),
        ("steps.s.error == 'succeeded'", {"steps.s.error"}, set()),
        ("steps.s.output.x == 'succeeded'", {"steps.s.output.x"}, set()),
        ("flag", set(), set()),
    ],
)
def test_a_condition_proves_what_is_there_where_it_holds_and_where_it_does_not(
    text: str, when_true: set[str], when_false: set[str]
) -> None:
    assert proved(text) == when_true
    assert proved(text, holds=False) == when_false


def test_a_chain_of_comparisons_proves_nothing() -> None:
    assert proved("1 < 2") == set()
    assert check(parse("n == null == true"), SCOPE)[1] == () or proved("n == null == true") == set()
    assert proved("n == null == true") == set()
    assert proved("n == 'x' == true") == set()


def paths(*texts: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(text.split(".")) for text in texts)


@pytest.mark.parametrize(
    ("known", "path", "is_proven", "is_protected"),
    [
        ("a.b", "a.b", True, True),
        ("a.b", "a", True, True),
        ("a.b", "a.b.c", False, True),
        ("a.b", "a.e", False, False),
        ("a.b", "n", False, False),
        ("steps.s.output.x", "steps.s.output", True, True),
        ("steps.s.output.x", "steps.s.output.y", False, True),
        ("steps.s.output.x", "steps.s.error", False, False),
        ("steps.s.output.x", "steps.t.output", False, False),
        ("steps.s.output", "steps.s", True, False),
        ("steps.s", "steps.s.output", False, False),
        ("steps.s", "steps.s", True, False),
        ("steps", "steps.s.output", False, False),
    ],
)
def test_a_path_is_proven_by_what_it_holds_and_protected_by_what_it_stands_in(
    known: str, path: str, is_proven: bool, is_protected: bool
) -> None:
    assert proven(tuple(path.split(".")), paths(known)) is is_proven
    assert protected(tuple(path.split(".")), paths(known)) is is_protected


def test_what_is_known_of_a_name_is_forgotten_where_a_loop_takes_the_name_over() -> None:
    assert without_root(paths("item.a", "n"), "item") == paths("n")
    assert without_root(paths("a.item"), "item") == paths("a.item")
    assert without_root(frozenset(), "item") == frozenset()


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("has(a.b) && has(a.b.c) && a.b.c + 'x' == 'y'", True),
        ("has(a.b.c) && a.b.c + 'x' == 'y'", True),
        ("has(a.b.c) && a.b.d + 'x' == 'y'", False),
        ("has(a.b.c) ? a.b.c + 'x' : ''", True),
        ("has(a.b.c) ? '' : a.b.c + 'x'", False),
        ("!has(a.b.c) ? '' : a.b.c + 'x'", True),
        ("n == null || n + 'x' == 'y'", True),
        ("n != null || n + 'x' == 'y'", False),
        ("n != null && ['a'].exists(n, n == 'x')", True),
        ("n != null && [n].map(x, x + 'y') == []", True),
        ("n != null && [null, 'a'].exists(n, n + 'x' == 'y')", False),
    ],
)
def test_only_what_is_proven_passes(text: str, fine: bool) -> None:
    assert (check(parse(text), SCOPE)[1] == ()) is fine
