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


claims, documents, evaluation, knowledge, manuscripts = map(
    module, ("claims", "documents", "evaluation", "knowledge", "manuscripts")
)

BODY = "A page weighs little. In 2019 a study found that 62 percent of readers prefer paper."
CLAIM = {
    "id": "c1",
    "quote": "In 2019 a study found that 62 percent of readers prefer paper.",
    "source": "https://www.study.org/paper",
}


def test_a_claim_that_stands_in_the_text_with_a_source_holds():
    assert claims.check(CLAIM, BODY) == {"ok": True, "problem": ""}


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        ({"quote": "In 2019 nobody knew."}, "it does not stand in the text"),
        ({"source": ""}, "the number 2019, the number 62 percent has no source"),
        ({"source": "http://study.org"}, "its source http://study.org is not an https address"),
        ({"source": "https://example.com/x"}, "example.com is not a source"),
    ],
)
def test_a_claim_that_does_not_hold_says_why(claim, says):
    checked = claims.check(CLAIM | claim, BODY)
    assert (checked["ok"], checked["problem"]) == (False, says)


def test_curly_quotes_and_line_breaks_make_no_difference():
    quote = "the editor’s “last” word"
    assert claims.check(CLAIM | {"quote": quote}, 'It is the\neditor\'s "last" word.')["ok"] is True


def test_a_sentence_whose_number_no_claim_covers_is_a_statement_of_its_own():
    stated = claims.statements("Reading in 2019", BODY + " In 2019 also 17 did not.", [CLAIM])
    assert stated == [CLAIM, {"id": "n1", "quote": "In 2019 also 17 did not.", "source": ""}]


def test_numbers_of_the_title_and_of_claims_need_no_other_source():
    assert claims.statements("In 2019", BODY, [CLAIM]) == [CLAIM]


DOCUMENT = {
    "kind": "order",
    "about": "",
    "number": "0457",
    "party": "Harbour Books, Bergen",
    "date": "2026-11-12",
    "currency": "EUR",
    "total": 301.80,
    "lines": [
        {"row": 1, "text": "The Long Field, hardback", "count": 12, "price": 18.90},
        {"row": 2, "text": "Notes on Tide and Time", "count": 6, "price": 12.50},
    ],
}
FILE = {"name": "order-0457.txt", "sha256": "ab" * 32}


def test_sums_that_add_up_need_no_remark():
    assert documents.validate(DOCUMENT) == {"ok": True, "remarks": "everything adds up"}


def test_sums_and_dates_that_are_odd_become_remarks():
    verdict = documents.validate(DOCUMENT | {"total": 300, "date": "17 November 2026"})
    assert verdict["ok"] is False
    assert "301.80, not 300.00" in verdict["remarks"]
    assert "17 November 2026" in verdict["remarks"]


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ({"text": "Delivery", "price": 38}, ""),
        ({"text": " delivery", "price": 38.0}, ""),
        ({"text": "Delivery", "price": 38.5}, "the price list says 38.00, the document 38.50"),
        ({"text": "Gilt edge", "price": 1}, "“Gilt edge” does not stand on the price list"),
    ],
)
def test_a_line_is_held_against_the_price_list(line, doubt):
    assert documents.compare({"row": 1, "count": 1, **line}) == {"ok": not doubt, "doubt": doubt}


@pytest.mark.parametrize("path", ["../pyproject.toml", "/etc/passwd", "samples/../../README.md"])
def test_nothing_outside_the_folder_can_be_loaded(path):
    with pytest.raises(NonRetryable, match="outside"):
        documents.load(path)


def test_a_file_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(NonRetryable, match=r"samples/order-0457\.txt"):
        documents.load("samples/none.txt")


def rows(database, what):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(what).fetchall()


def test_indexing_twice_keeps_one_document_and_its_lines_once(tmp_path):
    database = tmp_path / "deep" / "documents.db"
    lines = [line | {"good": True} for line in DOCUMENT["lines"]]
    first = documents.index(str(database), "run-1", FILE, DOCUMENT, lines)
    again = documents.index(str(database), "run-2", FILE, DOCUMENT, lines)
    assert first == again == {"id": 1, "documents": 1, "total": "301.80"}
    assert rows(database, "SELECT number, total, run FROM documents") == [("0457", "301.80", "run-1")]
    assert rows(database, "SELECT text, price FROM lines ORDER BY row") == [
        ("The Long Field, hardback", "18.90"),
        ("Notes on Tide and Time", "12.50"),
    ]


def test_a_run_takes_out_what_it_put_in_and_nothing_else(tmp_path):
    database = str(tmp_path / "documents.db")
    documents.index(database, "run-1", FILE, DOCUMENT, [DOCUMENT["lines"][0] | {"good": True}])
    documents.take_out(database, "run-2", FILE["sha256"])
    assert len(rows(database, "SELECT * FROM lines")) == 1
    documents.take_out(database, "run-1", FILE["sha256"])
    documents.take_out(database, "run-1", FILE["sha256"])
    assert rows(database, "SELECT * FROM documents") == rows(database, "SELECT * FROM lines") == []


@pytest.mark.parametrize(
    ("question", "queue", "first"),
    [
        ("Where is my parcel", "orders", "parcels"),
        ("My book came torn", "orders", "damaged-books"),
        ("You charged me twice", "billing", "payments"),
        ("I forgot my password", "other", "accounts"),
    ],
)
def test_the_help_page_with_most_words_in_common_comes_first(question, queue, first):
    assert knowledge.find(question, queue)[0]["page"] == first


def test_a_question_that_no_help_page_speaks_of_finds_none():
    assert knowledge.find("A poem for you", "other") == []


CASE = {"id": "a", "question": "?", "needs": ["new copy", "thirty days"], "never": ["never"]}


def test_an_answer_is_marked_by_what_it_needs_and_by_what_it_must_not_say():
    marked = evaluation.mark(CASE, "You get a NEW COPY.", "Within thirty days you never get a new copy.")
    assert marked == {"id": "a", "current": 0.5, "candidate": 0.0, "missing": []}
    assert evaluation.mark(CASE, "", "Hm.")["missing"] == ["new copy", "thirty days"]


def test_without_marks_there_is_nothing_to_compare():
    with pytest.raises(NonRetryable, match="nothing to compare"):
        evaluation.compare([])


def test_every_question_of_the_samples_can_be_answered_rightly():
    for case in evaluation.load("samples/questions.json"):
        assert evaluation.mark(case, "", ". ".join(case["needs"]))["candidate"] == 1.0


def test_the_pile_is_every_text_of_the_folder_by_name():
    names = [one["name"] for one in manuscripts.pile("samples/manuscripts")]
    assert names == [
        "ferry-timetable", "remedies-of-the-hedge", "salt-and-flour", "the-lamp-room", "untitled", "water-damage",
    ]  # fmt: skip


@pytest.mark.parametrize("folder", ["..", "samples/nothing", "/tmp"])
def test_there_is_no_pile_elsewhere(folder):
    with pytest.raises(NonRetryable, match="no folder"):
        manuscripts.pile(folder)
