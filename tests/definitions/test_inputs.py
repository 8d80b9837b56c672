"""What people type or send for a run, read by the schemas of its inputs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.definitions import load
from engine.inputs import InputProblem, InputRow, describe_inputs, read_inputs, type_in_words
from store.model import LIMITS, Plan

JSON_HINT = 'Texts and names stand in double quotes: ["a", "b"] or {"name": "value"}.'
INPUTS = {
    "topic": {"type": "string", "description": "What is it about?", "minLength": 3, "maxLength": 20},
    "tone": {"type": "string", "enum": ["plain", "playful"], "default": "plain"},
    "count": {"type": "integer", "minimum": 1, "maximum": 9, "optional": True},
    "rate": {"type": "number", "optional": True},
    "sure": {"type": "boolean", "optional": True},
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3, "optional": True},
    "numbers": {"type": "array", "items": {"type": "integer"}, "optional": True},
    "page": {
        "type": "object",
        "properties": {"url": {"type": "string", "format": "uri"}, "size": {"type": "integer"}},
        "required": ["url"],
        "optional": True,
    },
    "day": {"type": "string", "format": "date", "optional": True},
    "mail": {"type": "string", "format": "email", "optional": True},
    "token": {"type": "string", "sensitive": True, "maxLength": 5, "optional": True},
    "pin": {"type": "integer", "sensitive": True, "optional": True},
    "either": {"type": ["integer", "null"], "optional": True},
    "anything": {"optional": True},
}
PLAN = Plan(workflow="w", inputs=INPUTS, steps=())


def read(typed=False, **given_):
    return read_inputs(PLAN, {"topic": "trees", **given_}, typed=typed)


def value(name, text, typed=False):
    result = read(typed, **{name: text})
    assert result.problems == ()
    return result.values[name]


def problem(name, text, typed=False):
    result = read(typed, **{name: text})
    assert len(result.problems) == 1
    assert name not in result.values
    return result.problems[0]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("topic", "  trees ", "  trees "),
        ("topic", "12.50", "12.50"),
        ("tone", "PLAYFUL", "playful"),
        ("tone", " plain ", "plain"),
        ("count", "3", 3),
        ("count", " +3 ", 3),
        ("count", "3.0", 3),
        ("rate", "3", 3),
        ("rate", "-2.50", -2.5),
        ("rate", ".5", 0.5),
        ("rate", "1e3", 1000.0),
        ("sure", "yes", True),
        ("sure", "TRUE", True),
        ("sure", "on", True),
        ("sure", "No", False),
        ("sure", "0", False),
        ("tags", "a, b ,c", ["a", "b", "c"]),
        ("tags", "a\nb\n", ["a", "b"]),
        ("tags", '["a, b", "c"]', ["a, b", "c"]),
        ("tags", "[“a”, “b”]", ["a", "b"]),
        ("numbers", "1, 2,3", [1, 2, 3]),
        ("numbers", ["1", "2"], [1, 2]),
        ("tags", ["a, b", "c"], ["a, b", "c"]),
        ("page", '{"url": "https://e.com", "size": 3}', {"url": "https://e.com", "size": 3}),
        ("page", "{“url”: “https://e.com”}", {"url": "https://e.com"}),
        ("day", "2026-11-02", "2026-11-02"),
        ("day", " 2026-11-02 ", "2026-11-02"),
        ("mail", "ada@example.com", "ada@example.com"),
        ("either", "4", 4),
        ("either", "null", None),
        ("anything", "3", "3"),
    ],
)
def test_text_becomes_what_the_schema_asks_for(name, text, expected):
    got = value(name, text)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("name", "text", "message", "hint"),
    [
        ("count", "many", '`count` needs a whole number, got "many"', "Write it in digits, for instance 3."),
        ("count", "2.5", '`count` needs a whole number, got "2.5"', "Write it in digits, for instance 3."),
        ("count", "1,000", '`count` needs a whole number, got "1,000"', "Write 1000."),
        ("count", "0", "`count` must be at least 1, got 0", ""),
        ("count", "12", "`count` must be at most 9, got 12", ""),
        ("count", "9" * 25, "`count` is too large for a whole number", "Use a smaller one."),
        ("rate", "2,5", '`rate` needs a number, got "2,5"', "Write 2.5."),
        ("rate", "1e999", '`rate` needs a number, got "1e999"', "Write it in digits, for instance 2.5."),
        ("rate", "nan", '`rate` needs a number, got "nan"', "Write it in digits, for instance 2.5."),
        ("sure", "maybe", '`sure` needs yes or no, got "maybe"', "Write yes or no."),
        ("tone", "plian", '`tone` is one of plain, playful, got "plian"', "Did you mean plain?"),
        ("tone", "x" * 50, f'`tone` is one of plain, playful, got "{"x" * 39}…"', ""),
        ("topic", "ab", "`topic` needs at least 3 characters", ""),
        ("topic", "a" * 10_000, "`topic` has 10,000 characters; 20 are allowed", "Shorten it by 9,980 characters."),
        ("tags", "a,b,c,d", "`tags` has more than 3 items", ""),
        ("tags", "[1]", "`tags` at [0] needs text, got 1", ""),
        ("numbers", "1,x", '`numbers` needs a whole number, got "x"', "Write it in digits, for instance 3."),
        ("tags", "[a]", "`tags` needs a list, and this is no JSON at character 2", JSON_HINT),
        ("page", "hello", '`page` needs JSON, got "hello"', 'Write it as {"name": "value"}.'),
        ("page", "{}", "`page` lacks url", ""),
        ("page", '{"url": "x y"}', '`page` at url needs a full web address, got "x y"', "Write it like https://example.com/page."),
        ("page", '{"url": "https://e.com", "size": NaN}', "`page` needs JSON, and this is no JSON", JSON_HINT),
        ("day", "tomorrow", '`day` needs a date, got "tomorrow"', "Write it like 2026-11-02."),
        ("day", "02.11.2026", '`day` needs a date, got "02.11.2026"', "Write it like 2026-11-02."),
        ("mail", "ada", '`mail` needs an e-mail address, got "ada"', "Write it like ada@example.com."),
        ("either", "x", '`either` needs a whole number or nothing, got "x"', ""),
    ],
)  # fmt: skip
def test_text_that_does_not_fit_is_told_in_plain_words(name, text, message, hint):
    assert problem(name, text) == InputProblem(name, message, hint)


@pytest.mark.parametrize(
    ("name", "given_", "message"),
    [
        ("count", "3", '`count` needs a whole number, got "3"'),
        ("count", 2.5, "`count` needs a whole number, got 2.5"),
        ("count", True, "`count` needs a whole number, got true"),
        ("sure", "yes", '`sure` needs yes or no, got "yes"'),
        ("tags", "a,b", '`tags` needs a list, got "a,b"'),
        ("tags", {"a": 1}, "`tags` needs a list, got an object"),
        ("topic", ["a"], "`topic` needs text, got a list"),
        ("anything", 2**70, "`anything` cannot be kept: it is a whole number beyond 64 bits; carry it as text"),
        ("anything", {"a": float("nan")}, "`anything` cannot be kept: a is nan, which JSON does not have"),
        ("anything", "\ud800", "`anything` cannot be kept: it holds a character that is not valid Unicode"),
    ],
)
def test_typed_values_are_not_coerced(name, given_, message):
    assert problem(name, given_, typed=True).message == message


def test_typed_values_that_fit_are_kept_as_they_are():
    values = {
        "count": 3,
        "sure": False,
        "tags": ["a"],
        "page": {"url": "https://e.com"},
        "either": None,
        "anything": [1, {"a": None}],
    }
    result = read(True, **values)
    assert result.problems == ()
    assert {name: result.values[name] for name in values} == values


def test_all_problems_are_told_at_once_and_the_good_values_kept():
    result = read_inputs(PLAN, {"tone": "loud", "count": "x", "rate": "2", "tpoic": "trees", "zzz": "1"}, typed=False)
    assert result.values == {"rate": 2}
    assert [(one.name, one.message, one.hint) for one in result.problems] == [
        ("topic", "`topic` is missing", "What is it about? It is text."),
        ("tone", '`tone` is one of plain, playful, got "loud"', ""),
        ("count", '`count` needs a whole number, got "x"', "Write it in digits, for instance 3."),
        ("tpoic", "`tpoic` is no input of w", "Did you mean `topic`?"),
        ("zzz", "`zzz` is no input of w", "It takes " + ", ".join(f"`{name}`" for name in INPUTS) + "."),
    ]


def test_defaults_are_filled_in_and_optional_ones_left_out():
    assert read().values == {"topic": "trees", "tone": "plain"}


@pytest.mark.parametrize("nothing", ["", "   ", None])
def test_a_field_left_empty_counts_as_not_given(nothing):
    result = read(tone=nothing, count=nothing, day=nothing, sure=nothing, tags=nothing, page=nothing)
    assert result.problems == ()
    assert result.values == {"topic": "trees", "tone": "plain"}


def test_a_required_text_left_empty_is_looked_at_as_text():
    assert problem("topic", "").message == "`topic` needs at least 3 characters"
    plan = Plan(workflow="w", inputs={"note": {"type": "string"}}, steps=())
    assert read_inputs(plan, {"note": ""}, typed=False).values == {"note": ""}


def test_a_hyphen_in_a_name_is_understood_as_a_slip():
    plan = Plan(workflow="w", inputs={"blog_topic": {"type": "string", "optional": True}}, steps=())
    assert read_inputs(plan, {"blog-topic": "x"}, typed=False).problems[0].hint == "Did you mean `blog_topic`?"


def test_a_workflow_without_inputs_says_so():
    plan = Plan(workflow="w", inputs={}, steps=())
    assert read_inputs(plan, {"x": "1"}, typed=False).problems == (
        InputProblem("x", "`x` is no input of w", "It takes no inputs."),
    )


@pytest.mark.parametrize("name", ["token", "pin"])
@pytest.mark.parametrize("typed", [True, False])
def test_a_sensitive_value_is_never_repeated(name, typed):
    found = problem(name, "s3cr3t-value", typed)
    assert "s3cr3t" not in found.message + found.hint


def test_text_without_a_length_of_its_own_is_bounded_by_the_limit():
    assert (
        problem("anything", "x" * (LIMITS.input_text_max + 1)).message
        == "`anything` has 20,001 characters; 20,000 are allowed"
    )
    plan = Plan(workflow="w", inputs={"long": {"type": "string", "maxLength": 30_000}}, steps=())
    assert read_inputs(plan, {"long": "x" * 25_000}, typed=False).problems == ()


def test_a_pattern_that_takes_forever_elsewhere_answers_at_once():
    plan = Plan(workflow="w", inputs={"x": {"type": "string", "pattern": "^(a+)+$"}}, steps=())
    found = read_inputs(plan, {"x": "a" * 5_000 + "!"}, typed=False).problems
    assert [one.name for one in found] == ["x"]


def test_inputs_are_described_for_people():
    rows = {row.name: row for row in describe_inputs(PLAN)}
    assert list(rows) == list(INPUTS)
    assert rows["topic"] == InputRow("topic", "text", True, None, "What is it about?")
    assert rows["tone"] == InputRow("tone", "one of plain, playful", False, "plain", "", ("plain", "playful"))
    assert rows["token"].sensitive
    names = ("count", "rate", "sure", "tags", "numbers", "page", "day", "either", "anything")
    assert [rows[name].type for name in names] == [
        "a whole number",
        "a number",
        "yes or no",
        "a list of texts",
        "a list of whole numbers",
        "JSON",
        "a date",
        "a whole number or nothing",
        "anything",
    ]


def test_the_default_of_a_sensitive_input_is_not_described():
    plan = Plan(workflow="w", inputs={"t": {"type": "string", "sensitive": True, "default": "hunter2"}}, steps=())
    assert describe_inputs(plan)[0].default is None
    assert not describe_inputs(plan)[0].required


def test_alternatives_are_said_with_or():
    assert type_in_words({"anyOf": [{"type": "string"}, {"type": "integer"}]}) == "text or a whole number"
    assert type_in_words({"const": 3}) == "3"


def test_an_alternative_takes_the_strictest_reading():
    plan = Plan(workflow="w", inputs={"x": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}, steps=())
    assert read_inputs(plan, {"x": "3"}, typed=False).values == {"x": 3}
    assert read_inputs(plan, {"x": "three"}, typed=False).values == {"x": "three"}


def test_inputs_of_a_real_file_are_read(tmp_path):
    text = "workflow: w\ninputs:\n  lines: [{sku: string, qty: integer}]\n  note: string?\n"
    text += "steps:\n  a: {uses: transform, with: {x: 1}}\n"
    (tmp_path / "w.yaml").write_text(text)
    plan = load([tmp_path]).definitions["w"].plan
    assert read_inputs(plan, {"lines": '[{"sku": "a", "qty": 2}]'}, typed=False).values == {
        "lines": [{"sku": "a", "qty": 2}]
    }
    assert read_inputs(plan, {"lines": '[{"sku": "a", "qty": "2"}]'}, typed=False).problems[0].message == (
        '`lines` at [0].qty needs a whole number, got "2"'
    )
    assert read_inputs(plan, {"lines": "a, b"}, typed=False).problems[0].hint == "Write it as [{…}, {…}]."


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*INPUTS, "other"]), JSON_LIKE, max_size=6), st.booleans())
def test_whatever_is_given_only_values_that_fit_come_out(given_, typed):
    result = read_inputs(PLAN, given_, typed=typed)
    again = read_inputs(PLAN, result.values, typed=True)
    assert {name: again.values[name] for name in result.values} == result.values
    assert not {one.name for one in result.problems} & result.values.keys()
    assert set(given_) - set(INPUTS) <= {one.name for one in result.problems}
