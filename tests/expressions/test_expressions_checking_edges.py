"""The checker at its edges: what is certain to fail is told in one way, with the right advice, and nothing else is."""

from __future__ import annotations

import pytest

from engine.rules.expressions import any_type, check, enum_of, list_of, map_of, nullable, object_of, parse, spoken
from engine.rules.expressions.types import BOOLEAN, INTEGER, NUMBER, STRING, Type

ROW = object_of({"sku": STRING, "qty": INTEGER, "size": INTEGER, "note": STRING, "ok": BOOLEAN}, optional=["note"])
SCOPE: dict[str, Type] = {
    "s": STRING,
    "n": INTEGER,
    "x": NUMBER,
    "flag": BOOLEAN,
    "maybe": nullable(STRING),
    "count": nullable(INTEGER),
    "any": any_type(),
    "either": {"type": ["string", "integer"]},
    "rows": list_of(ROW),
    "mixed": list_of({"type": ["string", "integer"]}),
    "texts": list_of(STRING),
    "loose": list_of(any_type()),
    "holes": list_of(nullable(STRING)),
    "counts": map_of(INTEGER),
    "lists": nullable(list_of(STRING)),
    "row": object_of({"a-b": STRING, "brief": STRING, "tone": enum_of(["dry", "warm"])}, optional=["brief"]),
    "nothing": {"type": "null"},
    "several": {"anyOf": [list_of(STRING), STRING]},
}


EACH = "for each item write .map(item, item.sku), for the first one [0].sku"
BRACKETS = 'a name with "-" stands in brackets: ["a-b"]'


def told(text: str) -> list[tuple[str, str, str]]:
    """Where each problem is, what it says and what it advises."""
    found = check(parse(text), SCOPE)[1]
    return [(text[one.offset : one.offset + one.length], one.message, one.hint) for one in found]


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("null", "null"),
        ("[]", "list"),
        ("[1]", "list of integer"),
        ("-n", "integer"),
        ("-x", "number"),
        ("-any", "number"),
        ("-either", "number"),
        ("n == null", "boolean"),
        ("1 < 2", "boolean"),
        ("s in texts", "boolean"),
        ("{}", "object"),
        ("{'a': 1}.a", "integer"),
        ("{s: 1}.other", "integer"),
        ("{s: 1, 'a': 'x'}.other", "string or integer"),
        ("{any: 1}.other", "integer"),
        ("{either: 1}.other", "integer"),
        ("coalesce(maybe, 1)", "string or integer"),
        ("coalesce(null, 1)", "integer"),
        ("coalesce(nothing, s)", "string"),
        ("coalesce(maybe, count)", "string or integer or null"),
        ("coalesce(row.brief, 1)", "string or integer"),
        ("coalesce(texts[0], 1)", "string or integer"),
        ("coalesce(texts[0])", "string or null"),
        ("coalesce(counts['a'])", "integer or null"),
        ("coalesce(counts.a, counts.b)", "integer or null"),
        ("coalesce(counts.a, counts.b, 0)", "integer"),
        ("has(counts.a) ? coalesce(counts.a) : 0", "integer"),
        ("coalesce(row.tone)", "string"),
        ("coalesce(row['brief'])", "string or null"),
        ("row['a-b']", "string"),
        ("rows.filter(r, r.ok)", "list of object"),
        ("rows.all(r, r.ok)", "boolean"),
        ("rows.exists(r, r.ok)", "boolean"),
        ("rows.exists_one(r, r.ok)", "boolean"),
        ("rows.map(r, r.qty)", "list of integer"),
        ("rows.map(r, r.ok, r.sku)", "list of string"),
        ("counts.map(k, k)", "list of string"),
        ("any.map(k, k)", "list"),
        ("several.map(k, k)", "list"),
        ("rows.map(s, s.qty)[0] + n", "integer"),
        ("holes.filter(h, h != null).map(h, h.size())", "list of integer"),
        ("rows.filter(r, has(r.note) && flag)[0].note", "string"),
        ("type(maybe)", "string"),
        ("toJson(maybe)", "string"),
        ("flag ? s : maybe", "string or null"),
        ("rows.sortBy(r, r.sku)", "list of object"),
        ("rows.sortBy(r, r.qty)", "list of object"),
        ("rows.sortBy(r, r.qty / 2)", "list of object"),
        ("rows.sortBy(r, r.ok)", "list of object"),
        ("loose.sortBy(r, r)", "list"),
        ("loose.groupBy(r, r)", "object"),
        ("sum(loose)", "number"),
        ("join(loose, ',')", "string"),
        ("['a', 'b'].join(',')", "string"),
        ("several.size()", "integer"),
        ("substring(s, x)", "string"),
        ("n <= 1", "boolean"),
        ("x >= n", "boolean"),
        ("n * x", "number"),
        ("x * n", "number"),
        ("n - n", "integer"),
        ("n / n", "number"),
        ("n % n", "integer"),
        ("any * n", "number"),
        ("any - any", "number"),
        ("any + s", "string"),
        ("s + any", "string"),
        ("any + n", "number"),
        ("any + texts", "any"),
        ("texts + any", "any"),
        ("any + either", "any"),
        ("n + n", "integer"),
        ("n + x", "number"),
        ("texts + rows.map(r, r.qty)", "list"),
        ("(texts + ['x'])[0]", "string"),
        ("(texts + [1])[0]", "string or integer"),
        ("any in counts", "boolean"),
        ("s in counts", "boolean"),
        ("either in counts", "boolean"),
        ("s in any", "boolean"),
        ("row.tone in ['dry', 'warm']", "boolean"),
        ("s in ['dry']", "boolean"),
        ("row.tone in texts", "boolean"),
        ("null == nothing", "boolean"),
        ("row.tone == s", "boolean"),
        ("any[0]", "any"),
        ("texts[any]", "string"),
        ("texts[x]", "string"),
        ("counts[any]", "integer"),
        ("counts[s]", "integer"),
        ("row[s]", "any"),
        ("several[0]", "any"),
    ],
)
def test_what_is_right_has_the_type_it_will_have(text: str, type_: str) -> None:
    assert told(text) == []
    assert spoken(check(parse(text), SCOPE)[0]) == type_


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("flag && n", "n", "'&&' needs boolean, got integer", ""),
        ("flag && s", "s", "'&&' needs boolean, got string", "write a comparison, such as value != ''"),
        ("flag && null", "null", "'&&' needs boolean, got null", ""),
        ("-s", "-s", "cannot apply '-' to string", ""),
        ("-null", "-null", "cannot apply '-' to null", ""),
        ("null + 1", "+", "cannot apply '+' to null and integer", "give a default: coalesce(value, default)"),
        ("rows.sku", "sku", "rows is list of object: no field 'sku'", EACH),
        ("rows.size", "size", "rows is list of object: no field 'size'", "a function is called with brackets: .size()"),
        ("s.sku", "sku", "s is string: no field 'sku'", ""),
        ("row.a", "a", "row has no field 'a'; did you mean 'a-b'?", None),
        ("row.zzz", "zzz", "row has no field 'zzz' (has: a-b, brief, tone)", ""),
        ("row.a_b", "a_b", "row has no field 'a_b'; did you mean 'a-b'?", BRACKETS),
        ("row.ton", "ton", "row has no field 'ton'; did you mean 'tone'?", ""),
        ("mayb", "mayb", "unknown name 'mayb'; did you mean 'maybe'?", ""),
        ("wizard", "wizard", None, "text stands in quotes: 'wizard'"),
        ("lists[0]", "lists", "lists may be null", None),
        ("texts[count]", "count", "count may be null", None),
        ("counts[maybe]", "maybe", "maybe may be null", None),
        ("maybe < s", "maybe", "maybe may be null", None),
        ("s < maybe", "maybe", "maybe may be null", None),
        ("maybe in lists", "lists", "lists may be null", None),
        ("n + s == null", "+", "cannot apply '+' to integer and string; use string(...)", ""),
        ("unknown_thing == null", "unknown_thing", None, None),
        ("rows.map(r, r.sku, r.qty)", "r.sku", "map() needs boolean, got string", None),
        ("rows.all(r, r.sku)", "r.sku", "all() needs boolean, got string", None),
        ("rows.exists_one(r, r.sku)", "r.sku", "exists_one() needs boolean, got string", None),
        ("{n: 1}", "n", "a key must be string, got integer", "use string(...)"),
        ("{1: 1}", "1", "a key must be string, got integer", "use string(...)"),
        ("{wizard: 1}", "wizard", "unknown name 'wizard'", "the key of an object stands in quotes: 'wizard'"),
        ("{'a': 1, 'a': s}", "'a'", "the key 'a' stands twice", ""),
        ("sum(texts)", "texts", "sum() needs list of numbers, got list of string", ""),
        ("size(wizard, s)", None, None, None),
        ("rows.sortBy(r, r)", "r", "sortBy() cannot order by object", None),
        ("rows.groupBy(r, r.qty)", "r.qty", None, "use string(...)"),
        ("any.a.filter(r, 1)", "1", "filter() needs boolean, got integer", ""),
        ("flag.map(r, r)", "flag", "map() needs a list, got boolean", ""),
        ("size(maybe)", "maybe", "maybe may be null", None),
        ("round(s)", "s", None, None),
        ("s - n", "-", "cannot apply '-' to string and integer", None),
        ("any - s", "-", "cannot apply '-' to any and string", None),
        ("s * any", "*", "cannot apply '*' to string and any", None),
        ("any + flag", "+", "cannot apply '+' to any and boolean", None),
        ("flag + any", "+", "cannot apply '+' to boolean and any", None),
        ("flag <= n", "<=", "cannot apply '<=' to boolean and integer", None),
        ("flag >= n", ">=", "cannot apply '>=' to boolean and integer", None),
        ("n in counts", "in", "the keys of an object are string, not integer: always false", None),
        ("flag in texts", "in", "cannot compare boolean with items that are string: always false", None),
        ("s in n", "in", "'in' needs a list or object on its right, got integer", None),
        ("row.tone == 'drx'", "==", "this is never 'drx': always false", "did you mean 'dry'?"),
        ("row.tone == 'loud'", "==", "this is never 'loud': always false", "it is one of 'dry', 'warm'"),
        ("row.tone in ['dry', 'loud']", "in", "this is never 'loud'", None),
        ("texts['a']", "'a'", "list needs an integer in brackets, got string", ""),
        ("counts[n]", "n", "object needs a string in brackets, got integer", None),
        ("s[0]", "0", "string has no items", "a part of text is text.substring(start, end)"),
        ("flag[0]", "0", "boolean has no items", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands_with_what_to_do(
    text: str, place: str | None, message: str | None, hint: str | None
) -> None:
    found = told(text)
    assert found, f"{text} passes"
    at, said, advised = found[-1]
    assert place is None or at == place
    assert message is None or said == message
    assert hint is None or advised == hint


@pytest.mark.parametrize(
    "text",
    [
        "maybe == s",
        "maybe != 'x'",
        "maybe in texts",
        "count == 1",
        "row.brief == null",
        "null != row.brief",
        "has(row.brief) ? row.brief : s",
        "any.x.y + 1 > 2",
        "either + 'a' == 'b'",
        "loose.all(r, r)",
        "mixed.map(m, string(m)) == []",
        "s + s == null",
        "flag == flag == flag",
    ],
)
def test_what_may_be_right_passes(text: str) -> None:
    assert told(text) == []


def test_a_mistake_in_an_argument_is_told_also_when_the_function_is_misused() -> None:
    assert [place for place, _, _ in told("size(wizard, s)")] == ["size", "wizard"]


def test_after_a_mistake_the_part_is_unknown_and_a_comparison_still_a_comparison() -> None:
    assert len(told("(n == s) && flag")) == 1
    assert spoken(check(parse("n == s"), SCOPE)[0]) == "boolean"
    assert spoken(check(parse("n + s"), SCOPE)[0]) == "any"
    assert spoken(check(parse("n < s"), SCOPE)[0]) == "any"
    assert told("(n == s) + 1")[-1][1] == "cannot apply '+' to boolean and integer"
