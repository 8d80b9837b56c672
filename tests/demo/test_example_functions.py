"""The Python of the example workflows does what it says."""

import importlib.util
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.kit import NonRetryable

FOLDER = Path(__file__).parents[2] / "workflows"


def module(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


documents, claims = module("documents"), module("claims")

BODY = "A page weighs little. In 2019 a study found that 62 percent of readers prefer paper."
CLAIM = {
    "id": "c1",
    "quote": "In 2019 a study found that 62 percent of readers prefer paper.",
    "source": "https://www.study.org/paper",
}


def test_claims_that_stand_in_the_text_with_a_source_hold():
    assert claims.check("T", BODY, [CLAIM]) == {"checked": 1, "sources": ["study.org"]}


@pytest.mark.parametrize(
    ("body", "claim", "says"),
    [
        (BODY, CLAIM | {"quote": "In 2019 nobody knew 62 percent."}, "does not stand in the text"),
        (BODY, CLAIM | {"source": ""}, "not an https address"),
        (BODY, CLAIM | {"source": "http://study.org"}, "not an https address"),
        (BODY, CLAIM | {"source": "https://example.com/x"}, "is not a source"),
        (BODY + " And 17 did not.", CLAIM, "the number 17 has no source"),
    ],
)
def test_a_claim_that_does_not_hold_fails_for_good_and_says_why(body, claim, says):
    with pytest.raises(NonRetryable, match=says):
        claims.check("T", body, [claim])


def test_curly_quotes_and_line_breaks_make_no_difference():
    quote = "the editor’s “last” word"
    assert claims.check("T", 'It is the\neditor\'s "last" word.', [CLAIM | {"quote": quote}])["checked"] == 1


def test_an_invoice_is_read_field_by_field():
    document = documents.extract(documents.load("samples/invoice-2291.txt")["text"])
    assert (document["kind"], document["number"], document["total"]) == ("invoice", "LP-2291", "219.00")
    assert document["lines"][0] == {"text": "Paper, uncoated 90 g, sheet", "count": 800, "price": "0.11"}
    assert documents.validate(document) == {"ok": True, "remarks": "everything adds up"}


def test_sums_and_dates_that_are_odd_become_remarks():
    verdict = documents.validate(documents.extract(documents.load("samples/invoice-2304.txt")["text"]))
    assert verdict["ok"] is False
    assert "263.00, not 268.00" in verdict["remarks"]
    assert "17 November 2026" in verdict["remarks"]


def test_a_letter_is_no_document():
    with pytest.raises(NonRetryable, match="no heading, no date, no party, no total"):
        documents.extract(documents.load("samples/letter.txt")["text"])


@pytest.mark.parametrize("path", ["../pyproject.toml", "/etc/passwd", "samples/../../README.md"])
def test_nothing_outside_the_folder_can_be_loaded(path):
    with pytest.raises(NonRetryable, match="outside"):
        documents.load(path)


def test_a_file_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(NonRetryable, match=r"samples/order-0457\.txt"):
        documents.load("samples/none.txt")


def test_indexing_twice_keeps_one_row(tmp_path):
    loaded = documents.load("samples/order-0457.txt")
    document = documents.extract(loaded["text"]) | {"file": loaded["name"], "sha256": loaded["sha256"]}
    database = tmp_path / "deep" / "documents.db"
    first = documents.index(str(database), document)
    again = documents.index(str(database), document)
    assert first == again == {"id": 1, "documents": 1}
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT number, total FROM documents").fetchall() == [("0457", "301.80")]
