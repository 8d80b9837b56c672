"""What was probably meant: a good guess for who mistypes, none for who names data, and never a long wait."""

from __future__ import annotations

import pytest

from engine.rules.expressions import Problem, did_you_mean
from engine.rules.expressions.problems import closest, pointed, position, spoken_place

NAMES = ["title", "total", "my-step", "Tone", "note"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("titel", "title"),
        ("totl", "total"),
        ("TOTAL", "total"),
        ("tone", "Tone"),
        ("my", "my-step"),
        ("mystep", "my-step"),
        ("zzz", ""),
        ("t", ""),
        ("to", ""),
        ("", ""),
    ],
)
def test_the_closest_name_is_meant_or_none(word: str, meant: str) -> None:
    assert closest(word, NAMES) == meant


def test_a_guess_is_offered_else_what_there_is_and_nothing_when_that_is_nothing_or_too_much() -> None:
    assert did_you_mean("titel", NAMES) == "; did you mean 'title'?"
    assert did_you_mean("zzz", ["a", "b"]) == " (has: a, b)"
    assert did_you_mean("zzz", []) == ""
    assert did_you_mean("zzz", [1, None]) == ""
    most = next(n for n in range(1, 100) if did_you_mean("zzz", [f"q{i}" for i in range(n + 1)]) == "")
    assert did_you_mean("zzz", [f"q{i}" for i in range(most)]).startswith(" (has: q0, ")


def test_names_that_are_no_texts_are_left_out() -> None:
    assert closest("titel", [1, None, "title"]) == "title"


def test_where_there_are_very_many_names_or_very_long_ones_they_are_data_and_nothing_is_guessed() -> None:
    long = "x" * 10_000
    assert closest("titel", ["title", long]) == ""
    assert closest(long, ["title"]) == ""
    assert closest("titel", [*(f"n{i}" for i in range(100_000)), "title"]) == ""
    assert closest("titel", ["title", *(f"n{i}" for i in range(100_000))]) == ""


@pytest.mark.parametrize(
    ("path", "words"),
    [(("with", "items", 0, "url"), "with.items[0].url"), ((0, "a"), "[0].a"), ((), ""), (("when",), "when")],
)
def test_a_place_is_spoken_as_people_write_it(path: tuple[str | int, ...], words: str) -> None:
    assert spoken_place(path) == words


def test_a_problem_is_shown_with_its_line_its_mark_and_its_advice() -> None:
    text = "a &&\n  b + c"
    problem = Problem(text.index("b"), 1, "b is wrong", "look at b")
    assert position(problem, text) == (2, 3)
    assert pointed(problem, text).splitlines() == ["2:3: b is wrong", "    b + c", "    ^", "  look at b"]
    long = Problem(text.index("c"), 99, "too long")
    assert pointed(long, text).splitlines() == ["2:7: too long", "    b + c", "        ^"]
    assert pointed(Problem(0, 0, "empty"), "").splitlines()[0] == "1:1: empty"
