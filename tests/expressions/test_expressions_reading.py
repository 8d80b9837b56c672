"""What can be read, and what is said about what cannot."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.rules.expressions import ExpressionError, Reference, condition, evaluate, free_names, parse, pointed


def complaint(text: str) -> tuple[int, str, str]:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    problem = caught.value.problem
    assert 0 <= problem.offset <= len(text)
    return problem.offset, problem.message, problem.hint


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-3", -3),
        ("--3", 3),
        ("!!true", True),
        ("null", None),
        ('"it\'s"', "it's"),
        ("'''two\nlines'''", "two\nlines"),
        ('"""say "hi\\""""', 'say "hi"'),
        (r"r'\d+'", r"\d+"),
        (r'R"\"', "\\"),
        (r"'\x41\u00e9\U0001F600\101\n\\'", "Aé😀A\n\\"),
        ("[1, 'a', [], {}]", [1, "a", [], {}]),
        ("{'a': 1, 'b': [2],}", {"a": 1, "b": [2]}),
        ("1 + 2 * 3 - 4 / 2", 5),
        ("(1 + 2) * 3", 9),
        ("2 - 1 - 1", 0),
        ("1 < 2 == true", True),
        ("true || false && false", True),
        ("false ? 1 : true ? 2 : 3", 2),
        ("1 // one", 1),
        ("\n  1 +\n  2\n", 3),
        ("18446744073709551616", 2**64),
    ],
)
def test_literals_and_ranks_read_as_in_cel(text: str, value: object) -> None:
    result = evaluate(parse(text), {})
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "offset", "message", "hint"),
    [
        ("", 0, "the expression ends where a value is needed", ""),
        ("a +", 3, "the expression ends where a value is needed", ""),
        ("(a", 0, "'(' is not closed", "')'"),
        ("[1, 2", 0, "'[' is not closed", "']'"),
        ("f(a, b", 1, "'(' is not closed", "')'"),
        ("a ? b", 2, "'?' is not closed", "':'"),
        ("a ? b ? c : d : e", 6, "a choice within a choice", "parentheses"),
        ("a b", 2, "unexpected 'b' where an operator or the end is needed", ""),
        ("a and b", 2, "unexpected 'and'", "'&&'"),
        ("not a", 0, "'not' cannot be a name here", "'!'"),
        ("a or b", 2, "unexpected 'or'", "'||'"),
        ("a = 1", 2, "'=' means nothing here", "'=='"),
        ("a === 1", 2, "'==='", "'=='"),
        ("a <> 1", 2, "'<>'", "'!='"),
        ("a & b", 2, "'&'", "'&&'"),
        ("a ?? b", 2, "'??'", "coalesce(value, default)"),
        ("a?.b", 1, "'?.'", "has(a.b)"),
        ("a.?b", 1, "'.?'", "coalesce"),
        ("2 ** 3", 2, "'**'", "x * x"),
        ("${{ a }}", 0, "'${{'", "already inside"),
        ("$a", 0, "'$'", "without '$'"),
        ("'abc", 0, "this text is not closed", "close it with '"),
        ('a + "abc', 4, "this text is not closed", 'close it with "'),
        ("“a”", 0, "'“'", "straight quotes"),
        (r"'\d'", 1, r"unknown escape '\d'", "raw text"),
        (r"'\ud800'", 1, r"unknown escape '\ud800'", ""),
        ("1u", 0, "'1u' is not a number", "'u'"),
        ("1a", 0, "'1a' is not a number", "digit"),
        ("1e999", 0, "the number is too large", ""),
        ("b'a'", 0, "'b' before a quote", "prefix"),
        ("a.1", 1, "unexpected '.1'", ""),
        ("a.'b'", 2, "a field name is needed after '.'", 'object["key"]'),
        ("a.in", 2, "a field name is needed after '.'", 'object["key"]'),
        ("naïve", 2, "'ï' cannot stand in a name", 'object["key"]'),
        ("if", 0, "'if' cannot be a name here", "test ? value : other"),
        ("!-1", 1, "'!' and '-' side by side", "parentheses"),
        ("a.b()()", 5, "only functions can be called", ""),
        ("has(a)", 0, "has() needs a field", "a != null"),
        ("has(a['b'])", 0, "has() needs a field", '"key" in object'),
        ("has()", 0, "has() needs a field", "has(a.b)"),
        ("coalesce()", 0, "coalesce() needs a value", "default"),
        ("a.all(x)", 2, "all() needs the name of its item", "list.all(item, …)"),
        ("a.all(1, true)", 6, "the first argument of all() is a name", "list.all"),
        ("a.map(x, 1, 2, 3)", 2, "map() needs", "list.map"),
        ("all(a, b)", 0, "all() stands after a list", "list.all"),
        ("{'a' 1}", 5, "unexpected '1' where ':' is needed", ""),
        ("f(1,)", 4, "unexpected ')' where an argument is needed", ""),
    ],
)
def test_what_cannot_be_read_is_pointed_at_with_a_cure(text: str, offset: int, message: str, hint: str) -> None:
    found_offset, found_message, found_hint = complaint(text)
    assert message in found_message
    assert found_offset == offset
    assert hint in found_hint


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("a + 12u", "12u"),
        (r"'ab\dc'", r"\d"),
        ("a and b", "and"),
        ("a ?? b", "??"),
        ("a.b.all(x)", "all"),
        ("has(a)", "has"),
    ],
)
def test_a_problem_covers_what_is_wrong(text: str, marked: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    problem = caught.value.problem
    assert text[problem.offset : problem.offset + problem.length] == marked


def test_a_problem_is_shown_with_its_line_and_a_mark() -> None:
    text = "inputs.a\n  && inputs = 1"
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert pointed(caught.value.problem, text).split("\n") == [
        "2:13: '=' means nothing here",
        "    && inputs = 1",
        "              ^",
        "  to compare, write '=='",
    ]
    assert str(caught.value) == "2:13: '=' means nothing here (to compare, write '==')"


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["1"] * 20_000),
        "&&".join(["a"] * 20_000),
        "(" * 3_000 + "1" + ")" * 3_000,
        "!" * 20_000 + "true",
        "a" + ".a" * 20_000,
    ],
)
def test_text_beyond_4096_characters_is_refused(text: str) -> None:
    _, message, hint = complaint(text)
    assert message == "longer than 4,096 characters"
    assert "python step" in hint


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2_000 + "1" + ")" * 2_000,
        "(" * 3_000,
        "[" * 2_000,
        "{'a':" * 600,
        "!" * 4_000 + "true",
        "-" * 4_000 + "x",
        "a" + ".a" * 2_000,
        "a" + "[0]" * 1_300,
        "true?1:" * 500 + "1",
        "a.map(x," * 400,
        "size(" * 600,
        "1+(" * 1_000,
        "coalesce(" * 400,
    ],
)
def test_nesting_beyond_40_levels_is_refused(text: str) -> None:
    assert complaint(text)[1] == "nested deeper than 40 levels"


def test_the_limits_themselves_are_within() -> None:
    assert evaluate(parse("1" + " " * 4_095), {}) == 1
    assert evaluate(parse("(" * 39 + "1" + ")" * 39), {}) == 1
    assert evaluate(parse("!" * 38 + "true"), {}) is True
    assert complaint("!" * 40 + "true")[1] == complaint("(" * 40 + "1" + ")" * 40)[1] == "nested deeper than 40 levels"


@pytest.mark.parametrize(("operator", "value"), [("+", 1_500), ("*", 1), ("-", -1_498)])
def test_a_long_chain_is_not_a_deep_one(operator: str, value: int) -> None:
    assert evaluate(parse(operator.join(["1"] * 1_500)), {}) == value


def test_long_conditions_are_not_deep_either() -> None:
    assert evaluate(parse("&&".join(["a"] * 1_300)), {"a": True}) is True
    assert evaluate(parse("||".join(["a==1"] * 500)), {"a": 1}) is True


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab.(['\"]){}1+-*/!<>=&|?:,$ \\\n#éxr%"), max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    error: ExpressionError | None = None
    try:
        assert parse(text).text == text
    except ExpressionError as found:
        error = found
    if error is not None:
        assert 0 <= error.problem.offset <= len(text)
        assert error.problem.message in str(error)
        assert error.problem.message in pointed(error.problem, text)


# References


def paths(text: str) -> list[tuple[str, bool]]:
    return [(".".join(reference.path), reference.guarded) for reference in parse(text).references]


def test_references_are_whole_paths_with_their_places() -> None:
    text = 'steps.draft.output.title + inputs["the name"].first'
    assert parse(text).references == (
        Reference(("steps", "draft", "output", "title"), 0, False, 24),
        Reference(("inputs", "the name", "first"), 27, False, 24),
    )
    assert free_names(parse(text)) == {"steps", "inputs"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b.size()", [("a.b", False)]),
        ("a.list.all(x, x.ok && x.n > b.n)", [("a.list", False), ("b.n", False)]),
        ("a.list.all(x, b.list.exists(y, y == x))", [("a.list", False), ("b.list", False)]),
        ("a.map(a, a.b)", [("a", False)]),
        ("a[b.c].d", [("a", False), ("b.c", False)]),
        ("a.b[0].c", [("a.b", False)]),
        ("has(a.b)", [("a.b", True)]),
        ("has(a[b.c].d)", [("a", True), ("b.c", False)]),
        ("coalesce(a.b, a.c, 1)", [("a.b", True), ("a.c", True)]),
        ("coalesce(a.b + 1, 2)", [("a.b", False)]),
        ("a.b == null", [("a.b", True)]),
        ("null != a.b", [("a.b", True)]),
        ("{'k': a.b, a.c: [a.d]}", [("a.b", False), ("a.c", False), ("a.d", False)]),
    ],
)
def test_references_are_what_is_read_from_outside(text: str, expected: list[tuple[str, bool]]) -> None:
    assert paths(text) == expected


@pytest.mark.parametrize(
    ("text", "guarded"),
    [
        ("has(steps.a.output) ? steps.a.output.url : ''", True),
        ("has(steps.a.output) ? '' : steps.a.output.url", False),
        ("!has(steps.a.output) ? '' : steps.a.output.url", True),
        ("has(steps.a.output) && steps.a.output.url == ''", True),
        ("has(steps.a.output) || steps.a.output.url == ''", False),
        ("!has(steps.a.output) || steps.a.output.url == ''", True),
        ("steps.a.output != null && steps.a.output.url == ''", True),
        ("steps.a.output == null || steps.a.output.url == ''", True),
        ("steps.a.output == null && steps.a.output.url == ''", False),
        ("has(steps.a.output.title) && steps.a.output.url == ''", True),
        ("has(steps.a.error) && steps.a.output.url == ''", False),
        ("has(steps.b.output) && steps.a.output.url == ''", False),
        ("steps.a.status == 'succeeded' && steps.a.output.url == ''", True),
        ("steps.a.status != 'succeeded' || steps.a.output.url == ''", True),
        ("steps.a.status == 'failed' && steps.a.output.url == ''", False),
        ("(has(steps.a.output.x) || has(steps.a.output.y)) && steps.a.output.url == ''", True),
        ("(has(steps.a.output) || has(steps.b.output)) && steps.a.output.url == ''", False),
        ("(has(steps.a.output) ? inputs.b : false) && steps.a.output.url == ''", True),
        ("[1].map(x, has(steps.a.output), steps.a.output.url)", True),
    ],
)
def test_a_condition_guards_what_it_proves(text: str, guarded: bool) -> None:
    last = [reference for reference in parse(text).references if reference.path[-1] == "url"][-1]
    assert last.guarded is guarded


# Conditions


@pytest.mark.parametrize("text", ["a.b > 1", "${{ a.b > 1 }}", "  ${{a.b > 1}}\n"])
def test_a_condition_is_read_bare_or_marked_with_places_as_written(text: str) -> None:
    expression = condition(text)
    (reference,) = expression.references
    assert text[reference.offset :].startswith("a.b > 1")
    assert evaluate(expression, {"a": {"b": 2}}) is True


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("${{ a }} && ${{ b }}", 9, "a condition is one expression"),
        ("${{ a", 0, "'${{' is not closed"),
        ("${{ a = 1 }}", 6, "'=' means nothing here"),
        ("a && ${{ b }}", 5, "'${{' means nothing here"),
    ],
)
def test_a_condition_that_is_not_one_expression_is_refused(text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        condition(text)
    assert caught.value.problem.message == message
    assert caught.value.problem.offset == offset
