"""The borders of what is told about expressions: which name was meant, where the mark stands, what may be spent."""

from __future__ import annotations

import pickle

import pytest

from engine.rules.expressions import (
    ExpressionError,
    check,
    enum_of,
    evaluate,
    list_of,
    map_of,
    nullable,
    object_of,
    parse,
)
from engine.rules.expressions.frame import CostExceeded, Fault, Frame
from engine.rules.expressions.nodes import written
from engine.rules.expressions.operations import Wrong, combined, compared, looked_up
from engine.rules.expressions.problems import Problem, closest, did_you_mean, pointed
from engine.rules.expressions.types import ANY, BOOLEAN, INTEGER, NULL, NUMBER, STRING, Type, items_of

LONG = "n" * 100
ROW = object_of({"sku": STRING, "note": STRING}, optional=["note"])
SCOPE: dict[str, Type] = {
    "s": STRING,
    "x": NUMBER,
    "maybe": nullable(STRING),
    "row": ROW,
    "rows": list_of(ROW),
    "count": nullable(INTEGER),
    "counts": nullable(map_of(INTEGER)),
    "several": {"anyOf": [list_of(INTEGER), STRING]},
}


def told(text: str) -> list[tuple[str, str]]:
    """What is wrong with an expression, and what to do about it."""
    return [(one.message, one.hint) for one in check(parse(text), SCOPE)[1]]


# What is said of a problem -----------------------------------------------------------------------------------------


def test_a_fault_that_was_sent_to_another_process_still_says_where_it_stands() -> None:
    fault = pickle.loads(pickle.dumps(ExpressionError(Problem(2, 1, "no"), "a.b", ("with", 0))))
    assert (fault.text, fault.path, str(fault)) == ("a.b", ("with", 0), "with[0]: 1:3: no")


def test_a_problem_without_advice_ends_with_its_message() -> None:
    assert str(ExpressionError(Problem(0, 1, "no"))) == "1:1: no"
    assert str(ExpressionError(Problem(0, 1, "no", "do this"))) == "1:1: no (do this)"


@pytest.mark.parametrize(
    ("problem", "text", "mark"),
    [
        (Problem(2, 3, "no"), "a.bcd == 1", "    ^^^"),
        (Problem(2, 9, "no"), "a.bcd", "    ^^^"),
        (Problem(5, 4, "no"), "a.bcd", "       ^"),
        (Problem(0, 0, "no"), "", "  ^"),
    ],
    ids=["under a word", "to the end of the line", "behind it", "where there is no text"],
)
def test_the_mark_stands_under_what_is_meant_and_not_beyond_the_line(problem: Problem, text: str, mark: str) -> None:
    assert pointed(problem, text).split("\n")[1:] == [f"  {text}", mark]


def test_names_of_a_hundred_characters_are_compared_and_longer_ones_are_taken_for_data() -> None:
    assert closest(LONG, [LONG.upper()]) == LONG.upper()
    assert closest(f"{LONG}n", [LONG]) == ""
    assert closest(LONG, [f"{LONG}n"]) == ""


def test_two_hundred_names_are_compared_and_more_are_taken_for_data() -> None:
    names = [f"name{n}" for n in range(199)]
    assert closest("titel", [*names, "title"]) == "title"
    assert closest("titel", [*names, "more", "title"]) == ""


def test_eight_names_are_listed_and_nine_are_too_many() -> None:
    assert did_you_mean("zzz", "abcdefgh") == " (has: a, b, c, d, e, f, g, h)"
    assert did_you_mean("zzz", "abcdefghi") == ""


def test_a_field_that_is_no_name_stands_in_brackets_in_the_advice() -> None:
    assert written(("row", "a-b", "c")) == 'row["a-b"].c'


# What stops a run --------------------------------------------------------------------------------------------------


def test_the_place_that_was_said_first_is_kept_also_when_it_is_the_first_of_all() -> None:
    assert [Fault("no").at(first, 2).at(5, 1).offset for first in (0, 1, 3)] == [0, 1, 3]


def test_a_fault_without_a_place_points_at_the_first_character() -> None:
    error = Fault("no").error("a.b")
    assert (error.problem.offset, error.problem.length, error.text) == (0, 1, "a.b")


def test_nothing_is_meant_where_no_name_was_looked_for() -> None:
    assert Fault("no", names=["-x"]).error("a").problem.message == "no"


def test_all_that_may_be_spent_may_be_spent_and_nothing_more() -> None:
    frame = Frame({}, 3, 0)
    frame.spend(3)
    frame.spend_text(99)
    with pytest.raises(CostExceeded):
        frame.spend(1)
    frame = Frame({}, 3, 0)
    frame.spend_text(300)
    with pytest.raises(CostExceeded):
        frame.spend_text(100)


@pytest.mark.parametrize(("value", "hint"), [(5, ""), ("five", "a part of text is text.substring(start, end)")])
def test_advice_about_text_is_given_for_text_alone(value: object, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse("a[0]"), {"a": value})
    assert caught.value.problem.hint == hint


# What operators do with types --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "left", "right", "type_"),
    [
        ("%", NUMBER, INTEGER, INTEGER),
        ("+", ANY, {"type": ["string", "boolean"]}, ANY),
        ("+", ANY, {"type": ["integer", "number"]}, NUMBER),
        ("+", {"type": ["boolean", "integer"]}, ANY, ANY),
    ],
)
def test_what_might_fit_is_left_to_the_run(operator: str, left: Type, right: Type, type_: Type) -> None:
    assert combined(operator, left, right) == type_


def test_a_list_and_a_text_are_not_added() -> None:
    assert isinstance(combined("+", list_of(STRING), STRING), Wrong)
    assert isinstance(combined("+", STRING, list_of(STRING)), Wrong)


@pytest.mark.parametrize(
    ("operator", "left", "right"),
    [
        ("in", STRING, {"anyOf": [list_of(INTEGER), map_of(INTEGER)]}),
        ("in", enum_of(["a", "b"]), {"anyOf": [list_of(enum_of(["z"])), map_of(INTEGER)]}),
        ("in", enum_of(["a", "b"]), list_of(enum_of([1, "a"]))),
        ("in", enum_of(["a"]), list_of(enum_of(["b", "c"]))),
        ("==", NULL, STRING),
        ("!=", STRING, NULL),
        ("==", enum_of(["a", "b"]), enum_of(["c", "d"])),
        ("==", enum_of([1]), enum_of([2, 3])),
    ],
)
def test_a_comparison_that_may_be_meant_is_no_mistake(operator: str, left: Type, right: Type) -> None:
    assert compared(operator, left, right) == BOOLEAN


def test_of_many_values_the_first_eight_are_named() -> None:
    wrong = compared("==", enum_of([f"{n}{n}{n}" for n in range(1, 10)]), enum_of(["other"]))
    assert isinstance(wrong, Wrong)
    assert wrong.hint == "it is one of " + ", ".join(f"'{n}{n}{n}'" for n in range(1, 9))


def test_nothing_is_known_of_a_key_that_may_be_that_of_a_field() -> None:
    mixed = {"type": "object", "properties": {"a": STRING}, "additionalProperties": INTEGER}
    assert looked_up(mixed, STRING) == ANY
    assert looked_up(object_of({}), STRING) == ANY


def test_a_list_that_may_be_null_still_tells_what_it_holds() -> None:
    assert items_of({"type": ["array", "null"], "items": STRING}) == STRING


# What the checker proves -------------------------------------------------------------------------------------------


def test_null_is_null() -> None:
    assert check(parse("null"), {})[0] == NULL


def test_what_is_known_of_a_name_is_not_known_of_a_variable_of_that_name() -> None:
    missing = [("row.note may be missing", "guard it, has(row.note) ? … : …, or give a default, coalesce(row.note, …)")]
    assert told("has(row.note) && row.note == 's'") == []
    assert told("has(row.note) && rows.all(row, row.note == 's')") == missing
    assert told("has(row.note) && rows.all(r, row.note == r.sku)") == []


def test_what_a_filter_asks_of_something_else_is_not_known_of_its_items() -> None:
    assert told("rows.filter(r, has(r.note)).map(r, r.note)") == []
    [(message, _)] = told("rows.filter(r, has(row.note)).map(r, r.note)")
    assert message == "r.note may be missing"


def test_what_may_be_null_may_be_compared() -> None:
    assert told("s == maybe") == []
    assert told("maybe == s") == []


def test_an_object_whose_keys_are_written_has_no_others() -> None:
    assert [message for message, _ in told("{'a': 1}.b")] == ["this value has no field 'b' (has: a)"]


def test_the_smaller_of_something_that_may_be_null_is_not_looked_for() -> None:
    assert [message for message, _ in told("min(count, 1)")] == ["count may be null"]
    assert told("type(count)") == []


def test_a_number_is_no_text() -> None:
    assert [message for message, _ in told("join(['a'], x)")] == ["join() needs string as argument 2, got number"]


def test_what_may_be_a_list_of_other_things_is_left_to_the_run() -> None:
    assert told("join(several, ',')") == []


def test_a_key_that_may_be_missing_is_compared_with_null_and_a_field_is_asked_for() -> None:
    [(_, hint)] = told('counts["a"]')
    assert hint.startswith("guard it, counts.a != null ? ")
    [(_, hint)] = told("row.note")
    assert hint.startswith("guard it, has(row.note) ? ")
