"""YAML as data with places: the 1.2 core schema, and every character of a value found again in the file."""

import pytest

from engine.definitions.problem import Problem, Spot
from engine.definitions.source import DIGITS_MAX, FAST, FILE_BYTES_MAX, PLAIN, read

BOTH = pytest.mark.parametrize("loader", [FAST, PLAIN], ids=["compiled", "pure"])

SCALARS = {
    "yes": "yes",
    "no": "no",
    "on": "on",
    "off": "off",
    "true": True,
    "False": False,
    "TRUE": True,
    "null": None,
    "~": None,
    "": None,
    "Null": None,
    "none": "none",
    "12": 12,
    "-7": -7,
    "+7": 7,
    "0755": 755,
    "0o17": 15,
    "0x1F": 31,
    "1_000": "1_000",
    "12:30:00": "12:30:00",
    "2026-11-02": "2026-11-02",
    "1.5": 1.5,
    "1.": 1.0,
    ".5": 0.5,
    "1e3": 1000.0,
    "-1.5e-2": -0.015,
    "'12'": "12",
    '"true"': "true",
    "!!str 12": "12",
    "${{ inputs.a }}": "${{ inputs.a }}",
    "1.2.3": "1.2.3",
    "=": "=",
}


@pytest.mark.parametrize("raw", [b"null\n", b"~", b"&a ", b"# only this\n", b""])
def test_a_file_that_says_nothing_is_told_to_be_empty(raw):
    assert [problem.code for problem in read("file.yaml", raw).problems] == ["file_empty"]


@BOTH
@pytest.mark.parametrize("written", SCALARS)
def test_a_scalar_is_what_yaml_1_2_says(written, loader):
    source = read("f.yaml", f"key: {written}\n".encode(), loader)
    assert source.problems == ()
    assert source.data == {"key": SCALARS[written]}
    assert type(source.data["key"]) is type(SCALARS[written])


@BOTH
def test_keys_are_text_whatever_they_look_like(loader):
    source = read("f.yaml", b"on: 1\nyes: 2\n12: 3\ntrue: 4\n1.5: 5\n", loader)
    assert list(source.data) == ["on", "yes", "12", "true", "1.5"]


@BOTH
def test_windows_line_ends_and_a_byte_order_mark_are_fine(loader):
    source = read("f.yaml", b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: x\r\n", loader)
    assert source.problems == ()
    assert source.data == {"a": 1, "b": {"c": "x"}}
    assert source.spot(("b", "c")) == Spot(3, 6)


@BOTH
def test_every_node_and_key_has_its_place(loader):
    source = read("f.yaml", b"steps:\n  draft:\n    needs: [a, bc]\n    with: {x: {y: 1}}\n", loader)
    assert source.spot(("steps", "draft", "needs", 1)) == Spot(3, 16)
    assert source.spot(("steps", "draft", "with", "x", "y")) == Spot(4, 19)
    assert source.spot(("steps", "draft", "with", "x"), key=True) == Spot(4, 12)
    assert source.spot(("steps", "draft")) == Spot(2, 3)
    assert source.spot(("steps", "draft", "nowhere", "deep")) == Spot(2, 3)


TEXTS = r"""
plain: some plain text with #hash and colon-like
multi: a plain text
  that goes on

  after a blank line
single: 'it''s ''quoted'''
double: "tab\t, quote \", backslash \\, \u00e9 and \
   a folded line
   and another"
literal: |
  first
    indented
  last

folded: >-
  first
  second

  third
    more
marked: &anchor !!str after its marks
emoji: 👍 works $${{ here
"""


@BOTH
def test_every_visible_character_of_a_text_is_found_where_it_is_written(loader):
    source = read("f.yaml", TEXTS.encode(), loader)
    assert source.problems == ()
    checked = 0
    for key, text in source.data.items():
        for offset, char in enumerate(text):
            if char in ' \n\t"\\é':
                continue  # written as an escape, or as nothing at all
            line, column = source.inside((key,), offset)
            assert source.lines[line - 1][column - 1] == char, (key, offset)
            checked += 1
    assert checked > 150


@BOTH
def test_an_escape_is_found_at_its_backslash(loader):
    source = read("f.yaml", b'a: "x\\u00e9\\"y"\n', loader)
    assert [source.inside(("a",), offset) for offset in range(4)] == [(1, 5), (1, 6), (1, 12), (1, 14)]


@BOTH
def test_aliases_repeat_small_things(loader):
    source = read("f.yaml", b"a: &x {b: [1, 2]}\nc: *x\nd: [*x]\n", loader)
    assert source.data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": [{"b": [1, 2]}]}


@BOTH
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: 1\na: 2\n", "duplicate_key"),
        ("a: &x [*x]\n", "alias_of_itself"),
        ("a: *nobody\n", "text_needs_quotes"),
        ("a: 1\n---\nb: 2\n", "several_documents"),
        ("a: !!python/object/apply:os.system [ls]\n", "tag_not_allowed"),
        ("a: !!int 3\n", "tag_not_allowed"),
        ("a: {<<: {b: 1}}\n", "no_merge"),
        (f"a: {'9' * (DIGITS_MAX + 1)}\n", "bad_number"),
        (f"a: {2**63}\n", "bad_number"),
        ("a: 1e999\n", "bad_number"),
        ("a: .nan\n", "bad_number"),
        ('a: "\\ud800"\n', "bad_escape"),
        ("? [a, b]\n: 1\n", "bad_key"),
        ("a:\tb\n", "tab"),
    ],
)
def test_what_a_workflow_file_may_not_hold(text, code, loader):
    source = read("f.yaml", text.encode(), loader)
    assert [problem.code for problem in source.problems] == [code]


def test_the_largest_whole_numbers_are_kept():
    assert read("f.yaml", f"a: {2**63 - 1}\nb: {-(2**63)}\n".encode()).data == {"a": 2**63 - 1, "b": -(2**63)}


def test_a_file_that_is_too_large_is_not_even_parsed():
    source = read("f.yaml", b"a: " + b"x" * FILE_BYTES_MAX)
    assert [problem.code for problem in source.problems] == ["file_too_large"]
    assert source.data is None


def test_a_problem_shows_its_line_with_a_caret_under_the_column():
    problem = Problem("w.yaml", 12, 8, "error", "x", "something is wrong", "do this\nor that", 'title: "wide 漢字"')
    assert problem.render().splitlines() == [
        "w.yaml:12:8: error: something is wrong",
        '  12 | title: "wide 漢字"',
        "     |        ^",
        "  hint: do this",
        "        or that",
    ]


def test_wide_characters_before_the_column_move_the_caret():
    problem = Problem("w.yaml", 1, 4, "warning", "x", "m", "", "漢字 a")
    caret = problem.render().splitlines()[-1]
    assert caret.index("^") - caret.index("|") - 2 == 5


def test_a_long_line_is_cut_around_the_column():
    problem = Problem("w.yaml", 1, 400, "error", "x", "m", "", "a" * 399 + "B" + "c" * 300)
    picture, caret = problem.render().splitlines()[1:3]
    assert len(picture) < 140
    assert picture[caret.index("^")] == "B"


def test_a_problem_of_a_whole_file_has_no_line():
    assert Problem("w.yaml", 0, 0, "error", "x", "it is empty").render() == "w.yaml: error: it is empty"
