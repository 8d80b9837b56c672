"""What a decision is about, on its card: the form that suits each value."""

from __future__ import annotations

from typing import Any

import pytest

from bot.views.edits import changed
from bot.views.run_words import in_words
from bot.views.shown_content import on_card

TABLE = "name      now   then\nparcel    100%   80%\ndamaged    50%   50%"
BARS = "parcel ████░░ 70%\ndamaged ██░░░░ 30%"


def kinds(value: Any) -> list[str]:
    """The kinds of blocks, and of the parts of rich text without the headings."""
    found = []
    for block in on_card(value, {}).blocks:
        parts = [part["type"] for part in block.get("elements", ()) if part["type"] != "rich_text_section"]
        found += parts if block["type"] == "rich_text" else [block["type"]]
    return found


@pytest.mark.parametrize("text", [TABLE, BARS, "a\tb\nc\td"], ids=["a table", "bars", "tabs"])
def test_what_stands_in_columns_is_shown_in_fixed_width(text: str) -> None:
    assert kinds({"chart": text}) == ["rich_text_preformatted"]


@pytest.mark.parametrize(
    "text",
    [
        "One sentence.  Another one.\nA third.  And a fourth.",
        "A line\n    another one that begins further in\n  and a third",
        f"Only one line of it is drawn: ████\n{'and then it goes on. ' * 10}",
    ],
    ids=["two spaces after a full stop", "indented lines", "one bar"],
)
def test_prose_stays_prose(text: str) -> None:
    assert kinds({"body": text}) == ["rich_text_quote"]


def test_sentences_are_listed_one_under_the_other_and_words_in_a_row() -> None:
    assert kinds({"doubts": ["Something is missing.", "It may be another book."]}) == ["rich_text_list"]
    assert kinds({"doubts": ["a ending", "a title"]}) == ["section"]
    assert kinds({"files": ["a.b.", "c."]}) == ["section"], "a full stop makes no sentence of a name"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["one", "two"], "one, two"),
        (["It is short.", "It is late."], "It is short. It is late."),
        (["It is short.", "late"], "It is short; late"),
        ([{"name": "a", "path": "b"}, {"name": "c"}], "name: a, path: b; name: c"),
        ({"run": "R-1", "all": [{"a": 1}, {"a": 2}], "left": []}, "run: R-1, all: 2 items, left: none"),
        ({"by": {"name": "Ada", "id": 7}}, "by: (name: Ada, id: 7)"),
        ({"deep": {"a": {"b": 1}, "c": 2}}, "deep: 2 fields"),
        ({"file": {"name": "a.pdf", "size": 3}, "more": [{"name": "b.pdf", "size": 4}]}, "file: a.pdf, more: b.pdf"),
    ],
)
def test_in_a_line_lists_stand_apart_and_what_is_nested_is_counted(value, words):
    assert in_words(value) == words


def test_a_change_far_behind_in_a_long_line_is_shown_with_what_stands_near_it() -> None:
    lead, rest = "They read every word of it aloud. " * 10, " So it went on until the bridge was opened." * 4
    told = list(changed("summary", [f"{lead}The Danish ferry sank.{rest}", f"{lead}The ferry came.{rest}"]))
    assert told[0] == "Summary: +1 −1 lines"
    old, new = told[1:]
    assert "The Danish ferry sank. So it" in old
    assert "The ferry came. So it" in new
    assert old.startswith("-…")
    assert len(old) < 200 > len(new)


def test_an_edited_list_of_records_is_told_record_by_record_and_deeper_ones_in_full() -> None:
    rows = [{"title": "Ink", "pages": 20}, {"title": "Paper", "pages": 90}]
    told = list(changed("lines", [rows, [{"title": "Ink", "pages": 21}, rows[1]]]))
    assert told == ["Lines: +1 −1 lines", "-title: Ink, pages: 20", "+title: Ink, pages: 21"]
    deep = list(changed("lines", [[{"of": {"a": {"b": 1}}}], [{"of": {"a": {"b": 2}}}]]))
    assert any('"b": 2' in line for line in deep)
