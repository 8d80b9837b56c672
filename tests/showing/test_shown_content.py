"""What a decision is about, on its card: the form that suits each value."""

from __future__ import annotations

from typing import Any

import pytest

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
