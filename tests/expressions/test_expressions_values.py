"""What expressions give, what stops them, and what they may cost."""

from __future__ import annotations

import copy
import string
from collections import OrderedDict
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.rules.expressions import ExpressionError, evaluate, parse
from tests.support.expression_strategies import DATA, KINDS

SCOPE: dict[str, Any] = {
    "a": {"b": {"c": 1}, "n": None, "list": [3, 1, 2], "text": "héllo 😀", "big": 2**70, "name-x": 5},
    "rows": [{"kind": "b", "n": 2}, {"kind": "a", "n": 1}, {"kind": "b", "n": 3.5}],
    "none": None,
}


def value(text: str, **more: Any) -> Any:
    return evaluate(parse(text), {**SCOPE, **more})


def fault(text: str, **more: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(text, **more)
    assert 0 <= caught.value.problem.offset <= len(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # one kind of number
        ("10 / 4", 2.5),
        ("6 / 3", 2),
        ("-7 / 2", -3.5),
        ("2.5 * 2", 5.0),
        ("1 + 0.5", 1.5),
        ("7 % 2.0", 1),
        ("div(7, 2)", 3),
        ("div(-7, 2)", -4),
        ("div(7.5, 2)", 3),
        ("1 == 1.0", True),
        ("a.big + 1", 2**70 + 1),
        ("string(a.big)", str(2**70)),
        ("'z' in ['a']", False),
        ("'a' in ['a']", True),
        ("1 in [true]", False),
        ("1.0 in [1]", True),
        ("[1] in [[1.0]]", True),
        ("[1] == [1, 2]", False),
        ("[1, [2]] == [1.0, [2]]", True),
        ("[[true]] == [[1]]", False),
        ("{'a': 1} == {'b': 1}", False),
        ("{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", True),
        ("{'a': [null]} != {'a': [0]}", True),
        ("[] == {}", False),
        ("null == false", False),
        ("type(2.0)", "integer"),
        ("type(2.5)", "number"),
        ("string(3.0)", "3"),
        ("string(0.1)", "0.1"),
        ("string(1e20)", "1e+20"),
        # absence
        ("has(a.b.c)", True),
        ("has(a.b.zz)", False),
        ("has(a.zz.c)", False),
        ("has(a.n)", False),
        ("has(a.n.x)", False),
        ("has(a.list[5].x)", False),
        ("'n' in a", True),
        ("a.zz == null", True),
        ("a.zz.y == null", True),
        ("a.n != null", False),
        ("a.b != null", True),
        ("none == null", True),
        ("coalesce(a.zz, a.n, a.b.c)", 1),
        ("coalesce(a.zz.y, 'x')", "x"),
        ("coalesce(a.list[9], 0)", 0),
        ("coalesce(a.list[-1], 0)", 0),
        ("coalesce(a.list[0], 0)", 3),
        ("coalesce(a['name-x'], 0)", 5),
        ("coalesce(a['zz'], 0)", 0),
        ("coalesce(a.zz)", None),
        ("coalesce(false, true)", False),
        # order and keys
        ("keys(a)", ["b", "n", "list", "text", "big", "name-x"]),
        ("a['name-x']", 5),
        ("{'z': 1, 'a': 2}.keys()", ["z", "a"]),
        ("values({'z': 1, 'a': 2})", [1, 2]),
        ("{'z': 1, 'a': 2}.map(k, k)", ["z", "a"]),
        # text by code points
        ("size(a.text)", 7),
        ("a.text.substring(6)", "😀"),
        ("a.text.indexOf('😀')", 6),
        ("'abc'.reverse()", "cba"),
        ("'ÄBc'.lowerAscii()", "Äbc"),
        ("'äbc'.upperAscii()", "äBC"),
        ("'\\u2003 x \\u001f'.trim()", "x \u001f"),
        ("contains('abc', 'b')", True),
        ("'a-b-c'.split('-')", ["a", "b", "c"]),
        ("'a-b-c'.split('-', 2)", ["a", "b-c"]),
        ("'abc'.split('')", ["a", "b", "c"]),
        ("'abc'.split('', 2)", ["a", "bc"]),
        ("['a', 'b'].join()", "ab"),
        ("'aaa'.replace('a', 'b', 2)", "bba"),
        ("int('-12')", -12),
        ("int(2.9)", 2),
        ("int(true)", 1),
        ("number('12')", 12),
        ("number('1.50')", 1.5),
        ("double(2)", 2.0),
        ("bool('true')", True),
        ("toJson({'a': [1, null, 'é']})", '{"a": [1, null, "é"]}'),
        # numbers
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(2.675, 2)", 2.68),
        ("round(1234, -2)", 1200),
        ("round(1e300)", 10**300),
        ("round(7, 3)", 7),
        ("floor(-1.5)", -2),
        ("ceil(1.2)", 2),
        ("abs(-3)", 3),
        ("min(3, 1.5)", 1.5),
        ("max([1, 2, 3])", 3),
        ("max('a', 'b')", "b"),
        ("sum([])", 0),
        ("sum([1, 2.5])", 3.5),
        ("avg([1, 2, 3])", 2),
        ("avg([1, 2])", 1.5),
        # lists
        ("a.list.reverse()", [2, 1, 3]),
        ("a.list[1.0]", 1),
        ("[1, [2, [3]], 'x'].flatten()", [1, 2, [3], "x"]),
        ("distinct([1, 1.0, true, '1', [1], [1.0], null, null])", [1, True, "1", [1], None]),
        ("rows.sortBy(r, r.n).map(r, r.n)", [1, 2, 3.5]),
        ("rows.sortBy(r, r.kind).map(r, r.n)", [1, 2, 3.5]),
        ("[].sortBy(r, r.x)", []),
        ("rows.groupBy(r, r.kind)", {"b": [SCOPE["rows"][0], SCOPE["rows"][2]], "a": [SCOPE["rows"][1]]}),
        ("rows.map(r, r.kind == 'b', r.n)", [2, 3.5]),
        ("rows.filter(r, r.n > 1).size()", 2),
        ("rows.exists_one(r, r.kind == 'a')", True),
        ("a.list.map(x, a.list.map(y, x * y))", [[9, 3, 6], [3, 1, 2], [6, 2, 4]]),
        ("a.list.map(x, [10].map(x, x + 1)[0] + x)", [14, 12, 13]),
        ("a.list.map(x, [1].map(y, [2].map(x, x + y)[0])[0] + x)", [6, 4, 5]),
        # faults that do not matter
        ("1 / 0 == 1 || true", True),
        ("1 / 0 == 1 && false", False),
        ("'a' && false", False),
        ("rows.exists(r, r.zz || r.n == 2)", True),
        ("rows.all(r, r.n == 2 && r.zz)", False),
        # dates
        ("formatDate(0, 'yyyy-MM-dd HH:mm:ss.SSS XXX')", "1970-01-01 00:00:00.000 Z"),
        ("formatDate(1767225600000, 'yyyy-MM-dd HH:mm XXX', 'Europe/Berlin')", "2026-01-01 01:00 +01:00"),
        ("formatDate('2026-07-14T18:05:09.25Z', \"EEEE d MMMM yy 'at' h:mm a\")", "Tuesday 14 July 26 at 6:05 PM"),
        ("formatDate('2026-03-29T01:30:00+00:00', 'HH:mm', 'Europe/Berlin')", "03:30"),
        ("formatDate('2026-05-01', 'EEE dd.M.', 'America/New_York')", "Fri 01.5."),
        ("formatDate('2026-05-01', \"d 'o''clock' ''\")", "1 o'clock '"),
    ],
)
def test_expressions_give_their_value(text: str, expected: object) -> None:
    result = value(text)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("text", "offset", "message", "hint"),
    [
        ("zz.a", 0, "unknown name 'zz'", ""),
        ("row.n", 0, "unknown name 'row'; did you mean 'rows'?", ""),
        ("a.lst", 2, "a has no field 'lst'; did you mean 'list'?", "has(...)"),
        ("a.b.c.d", 6, "a.b.c is integer: no field 'd'", ""),
        ("a.n.x", 4, "a.n is null: no field 'x'", "guard"),
        ("rows.kind", 5, "rows is list: no field 'kind'", ""),
        ("a.list[3]", 7, "no item 3 in a list of 3", ""),
        ("a.list[-1]", 7, "no item -1 in a list of 3", ""),
        ("a.list[0.5]", 7, "list needs an integer in brackets, got number", ""),
        ("a['zz']", 2, "no such key", "key in object"),
        ("a[1]", 2, "object needs a string in brackets, got integer", ""),
        ("a.text[0]", 0, "string has no items", "substring"),
        ("'a' + 1", 4, "cannot apply '+' to string and integer; use string(...)", ""),
        ("a.list + 1", 7, "cannot apply '+' to list and integer", "list + [item]"),
        ("a.b + a.b", 4, "cannot apply '+' to object and object", "field by field"),
        ("1 - 'a'", 2, "cannot apply '-' to integer and string", ""),
        ("a.n + 1", 4, "cannot apply '+' to null and integer", "coalesce"),
        ("1 < 'a'", 2, "cannot apply '<' to integer and string", ""),
        ("true > 0", 5, "cannot apply '>' to boolean and integer", ""),
        ("-'a'", 0, "cannot apply '-' to string", ""),
        ("!1", 0, "cannot apply '!' to integer", ""),
        ("1 && true", 0, "'&&' needs boolean, got integer", ""),
        ("1 ? 2 : 3", 0, "'?' needs boolean before it, got integer", ""),
        ("1 / 0", 2, "divide by zero", ""),
        ("1 + 2 + 3 % 0", 10, "divide by zero", ""),
        ("1 + 'a' + 2", 2, "cannot apply '+' to integer and string; use string(...)", ""),
        ("div(1, 0)", 0, "divide by zero", ""),
        ("7.5 % 2", 4, "'%' needs whole numbers, got a fraction", "floor()"),
        ("1e308 * 10", 6, "the number is too large", ""),
        ("a.big / 1e-300", 6, "the number is too large", ""),
        ("1 in 'abc'", 2, "'in' needs a list or object on its right, got string", "text.contains(part)"),
        ("null in a", 5, "a key is text, not null", ""),
        ("{1: 2}", 1, "a key must be string, got integer", ""),
        ("{'a': 1, 'a': 2}", 9, "the same key twice", ""),
        ("rows.map(r, r.zz)", 14, "r has no field 'zz'", ""),
        ("a.text.map(x, x)", 0, "map() needs a list, got string", ""),
        ("rows.filter(r, r.n)", 15, "filter() needs a condition, got integer", ""),
        ("rows.sortBy(r, r)", 5, "sortBy() cannot compare object with object", ""),
        ("[1, 'a'].sortBy(r, r)", 9, "sortBy() cannot compare integer with string", ""),
        ("rows.groupBy(r, r.n)", 5, "groupBy() needs a string to group by, got integer", "string(...)"),
        ("size(1)", 0, "size() needs string or list or object, got integer", ""),
        ("string(a)", 0, "string() needs string, number or boolean, got object", "toJson(...)"),
        ("'a'.contains(1)", 4, "contains() needs string as argument 2, got integer", "string(...)"),
        ("rows.contains(1)", 5, "contains() needs string, got list", "item in list"),
        ("sum(['a'])", 0, "sum() needs a list of numbers, got string in it", ""),
        ("avg([])", 0, "avg() of an empty list", "size(list) > 0"),
        ("max([])", 0, "max() of an empty list", ""),
        ("min(1, 'a')", 0, "min() cannot compare integer with string", ""),
        ("['a', 1].join()", 9, "join() needs a list of strings", "string(x)"),
        ("'a'.substring(2)", 4, "substring() reaches outside the text", ""),
        ("'a'.indexOf('a', 2)", 4, "indexOf() begins outside the text", ""),
        ("abs('1')", 0, "abs() needs number, got string", "number(...)"),
        ("true.trim()", 5, "trim() needs string, got boolean", "string(...)"),
        ("trim(a.n)", 0, "trim() needs string, got null", "coalesce"),
        ("int('1.5')", 0, "int() cannot read this text as a whole number", ""),
        ("int('" + "1" * 1_001 + "')", 0, "int() cannot read this text as a whole number", ""),
        ("number('1 kg')", 0, "this text is not a number", "units"),
        ("number('1e999')", 0, "the number is too large", ""),
        ("double(a.big * a.big * a.big * a.big * a.big * a.big * a.big * a.big * a.big * a.big * a.big * a.big * a.big "
         "* a.big * a.big)", 0, "the number is too large", ""),
        ("bool('yes')", 0, "bool() cannot read this text", "'true'"),
        ("'a'.matches('(' + 'a')", 4, "unusable pattern: a '(' that is not closed, at character 3 of the pattern", ""),
        ("formatDate('yesterday', 'yyyy')", 0, "formatDate() cannot read this text", "2026-05-31"),
        ("formatDate('2026-02-30', 'yyyy')", 0, "formatDate() was given a date that does not exist", ""),
        ("formatDate(1e18, 'yyyy')", 0, "formatDate() knows the years 1 to 9999", ""),
        ("formatDate(0, 'yyyy', 'Europe/' + 'Atlantis')", 0, "unknown time zone", ""),
        ("formatDate(0, 'yyyy', '../../etc/' + 'passwd')", 0, "unknown time zone", ""),
        ("rows.all(r, r.zz)", 14, "r has no field 'zz'", ""),
        ("siz(1)", 0, "unknown function 'siz'; did you mean 'size'?", ""),
        ("now()", 0, "unknown function 'now'", "pure"),
        ("'a'.int()", 4, "int() does not stand after a value", "int(value)"),
        ("size()", 0, "size() takes 1 argument, got 0", ""),
        ("'a'.split(',', 1, 2)", 4, "split() takes 1 or 2 arguments, got 3", ""),
        ("min()", 0, "min() takes at least one argument, got 0", ""),
    ],
)  # fmt: skip
def test_faults_say_what_where_and_what_to_do(text: str, offset: int, message: str, hint: str) -> None:
    problem = fault(text).problem
    assert problem.message.startswith(message)
    assert problem.offset == offset
    assert hint in problem.hint


def test_messages_never_hold_data() -> None:
    secret = {"a": {"b": {"hunter2-key": "hunter2"}, "list": ["hunter2"]}, "key": "hunter2"}
    for text in ("a.b.zz", "a.b[key]", "a.b + 1", "int(key)", "a.list.join() + 1", "bool(key)", "formatDate(key, key)"):
        with pytest.raises(ExpressionError) as caught:
            evaluate(parse(text), secret)  # type: ignore[arg-type]
        assert "hunter2" not in str(caught.value)


def test_attributes_of_objects_are_out_of_reach() -> None:
    for name in ("__class__", "keys", "items", "get"):
        assert "has no field" in fault(f"a.b.{name}").problem.message
    assert "string: no field '__class__'" in fault("a.text.__class__").problem.message


class Disguised(dict[str, Any]):
    """Looks like an object and answers everything."""

    def __missing__(self, key: str) -> str:
        return "anything"


@pytest.mark.parametrize("strange", [Disguised(), OrderedDict(b=1), object(), (1, 2), {1, 2}, b"x"])
def test_only_exact_json_types_have_a_meaning(strange: object) -> None:
    for text in (
        "strange.b",
        "strange['b']",
        "strange + strange",
        "strange < strange",
        "size(strange)",
        "'b' in strange",
    ):
        fault(text, strange=strange)
    for text in (
        "strange.map(x, x)",
        "toJson(strange)",
        "toJson([strange])",
        "distinct([strange])",
        "[strange] == [strange]",
    ):
        fault(text, strange=strange)
    assert value("has(strange.b) || true", strange=strange) is True


def test_data_is_given_by_reference_and_never_changed() -> None:
    before = copy.deepcopy(SCOPE)
    assert value("rows") is SCOPE["rows"]
    assert value("[a.list][0]") is SCOPE["a"]["list"]
    for text in (
        "a.list + [1]",
        "a.list.reverse()",
        "rows.sortBy(r, r.n)",
        "rows.groupBy(r, r.kind)",
        "[a.list].flatten()",
    ):
        value(text)
    assert before == SCOPE


def test_deep_data_breaks_nothing() -> None:
    deep: Any = []
    other: Any = []
    for _ in range(20_000):
        deep, other = [deep], [other]
    assert value("deep == other", deep=deep, other=other) is True
    assert value("deep in [other]", deep=deep, other=other) is True
    assert "too deep" in fault("toJson(deep)", deep=deep).problem.message


# Cost


@pytest.mark.parametrize(
    "text",
    [
        "items.all(x, items.all(y, x + y >= 0))",
        "items.map(x, items)[0].map(y, items.map(z, z))",
        "items.filter(x, x in items)",
        "items.map(a, items == items)",
        "items.map(x, big).join('')",
        "big + big + big + big + big + big + big + big + big + big + big",
        "big.replace('x', big)",
        "big.split('')",
        "big.matches('(x+x+)+y')",
        "items.map(x, big + 'a')",
        "items.map(x, toJson(items))",
        "distinct(items.map(x, [x]))",
        "items.exists(x, false || items.exists(y, false))",
    ],
)
def test_what_costs_too_much_is_stopped(text: str) -> None:
    error = fault(text, items=list(range(3_000)), big="x" * 1_000_000)
    assert error.problem.message == "cost limit exceeded"


def test_nothing_swallows_the_cost_limit() -> None:
    items = list(range(3_000))
    for text in ("items.all(x, items.all(y, true)) || true", "[1].exists(z, items.all(x, items.all(y, true))) || true"):
        assert fault(text, items=items).problem.message == "cost limit exceeded"


def test_a_large_list_fits_and_the_limit_may_be_moved() -> None:
    items = list(range(9_000))
    expression = parse("items.map(x, x + 1)")
    assert evaluate(expression, {"items": items}) == list(range(1, 9_001))
    with pytest.raises(ExpressionError, match="cost limit exceeded"):
        evaluate(expression, {"items": items}, cost_max=10_000)
    with pytest.raises(ExpressionError, match="cost limit exceeded"):
        evaluate(parse("1 + 1 + 1"), {}, cost_max=2)


def test_the_cost_of_a_pattern_does_not_depend_on_what_it_has_seen() -> None:
    expression, scope = parse("t.matches('^(a|b)*c$')"), {"t": "ab" * 1_000}

    def least() -> int:
        low, high = 0, 100_000
        while low < high:
            middle = (low + high) // 2
            try:
                evaluate(expression, scope, cost_max=middle)  # type: ignore[arg-type]
                high = middle
            except ExpressionError:
                low = middle + 1
        return low

    assert least() == least() > 100


def test_numbers_do_not_grow_without_end() -> None:
    squared = "[3].map(a, a * a)" + ".map(a, a * a)" * 20
    assert fault(squared).problem.message == "the number is too large"


@pytest.mark.parametrize("month", range(1, 13))
def test_months_and_days_have_their_names(month: int) -> None:
    day = date(2026, month, month)
    expected = [day.strftime(f"%{letter}") for letter in "BbAa"]
    assert value(f"formatDate('{day}', 'MMMM,MMM,EEEE,EEE')").split(",") == expected


# Patterns


@pytest.mark.parametrize(
    ("written", "text", "found"),
    [
        ("^[a-z]+(-[a-z]+)*$", "publish-a-post", True),
        ("^[a-z]+(-[a-z]+)*$", "publish--post", False),
        ("(?i)^ünder", "ÜNDER", True),
        ("(?s)^a.b$", "a\nb", True),
        (r"\bcat\b", "a cat.", True),
        (r"\bcat\b", "concat", False),
        (r"^\d{4}-\d{2}$", "2026-05", True),
        (r"^\d{4}-\d{2}$", "2026-5", False),
        ("^(a|b){2,3}$", "abab", False),
        (r"^[\w.+-]+@[\w-]+\.[\w.]+$", "ada@meadow.example", True),
        ("(a*)*b", "a" * 5_000, False),
        ("^(a?){50}a{50}$", "a" * 50, True),
        ("[[:punct:]]", "a!", True),
        (r"[^\d\s]", "1 2", False),
        (r"\x41\x{1F600}", "A😀", True),
    ],
)
def test_patterns_find_what_they_describe(written: str, text: str, found: bool) -> None:
    assert value("subject.matches(written)", subject=text, written=written) is found


@pytest.mark.parametrize(
    ("written", "characters"),
    [
        (r"\d", string.digits),
        (r"\w", string.ascii_letters + string.digits + "_"),
        (r"\s", " \t\n\f\r"),
        ("[[:alnum:]]", string.ascii_letters + string.digits),
        ("[[:alpha:]]", string.ascii_letters),
        ("[[:digit:]]", string.digits),
        ("[[:lower:]]", string.ascii_lowercase),
        ("[[:upper:]]", string.ascii_uppercase),
        ("[[:punct:]]", string.punctuation),
        ("[[:space:]]", " \t\n\v\f\r"),
        ("[[:word:]]", string.ascii_letters + string.digits + "_"),
        ("[[:xdigit:]]", string.hexdigits),
        (r"[\D]", "".join(set(map(chr, range(128))) - set(string.digits))),
        (r"[^\W]", string.ascii_letters + string.digits + "_"),
        (".", "".join(set(map(chr, range(128))) - {"\n"})),
        ("[+--]", "+,-"),
        ("[]^]", "]^"),
        (r"[\]\-\\]", "]-\\"),
    ],
)
def test_classes_hold_exactly_their_characters(written: str, characters: str) -> None:
    expression = parse("all.filter(c, c.matches(pattern))")
    found = evaluate(expression, {"all": [chr(code) for code in range(128)], "pattern": f"^{written}$"})
    assert set(found) == set(characters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (r"(a)\1", "referring back to a group"),
        ("(?=a)", "looking ahead"),
        ("(?<!a)b", "looking ahead"),
        ("(?>a)", "looking ahead"),
        ("a**", "two repetitions"),
        ("*a", "nothing stands before '*'"),
        ("a{201}", "more than 200 repetitions"),
        ("a{3,2}", "a repetition whose end is below its start"),
        ("((a{50}){50}){50}", "too large"),
        ("((((){200}){200}){200}){200}", "too large"),
        ("(" * 30 + ")" * 30, "nested deeper"),
        ("[z-a]", "a range whose end is below"),
        ("[a", "'[' that is not closed"),
        ("a)", "a ')' that closes nothing"),
        (r"\p{L}", "unknown escape"),
        ("(?m)a", "flags"),
        ("x" * 1_001, "longer than 1,000 characters"),
    ],
)
def test_patterns_that_cannot_be_linear_are_refused(written: str, reason: str) -> None:
    assert reason in fault("'a'.matches(written)", written=written).problem.message


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.one_of(*KINDS.values()))
def test_every_outcome_is_a_value_or_a_placed_problem(text: str) -> None:
    try:
        evaluate(parse(text), DATA)  # type: ignore[arg-type]
    except ExpressionError as error:
        problem = error.problem
        if not (0 <= problem.offset <= problem.offset + problem.length <= len(text) + 1 and problem.message):
            raise AssertionError(f"{problem} of {text}") from error
