"""intake_document, and every turn that it may take: on a real engine, with the demo's recorded answers."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from engine.handed_in import taken_in
from engine.rules.commands import Refusal
from store.model import RunStatus
from tests.support.meadow import HOUR, LENA, MINA, OMAR, RAVI, WORKFLOWS, meadow

pytestmark = pytest.mark.anyio


def indexed(house, what="documents"):
    with closing(sqlite3.connect(house.folder / "documents.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {what} ORDER BY 1, 2")]


async def test_a_document_in_order_is_indexed_without_asking_anybody(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.ended(await house.start("intake_document", file="samples/order-0457.txt"))
        assert house.outputs(run) == {"id": 1, "number": "0457", "total": "301.80", "left_out": [], "open": []}
        (row,) = indexed(house)
        assert (row["kind"], row["party"], row["date"]) == ("order", "Harbour Books, Bergen", "2026-11-12")
        assert [(line["text"], line["count"], line["price"]) for line in indexed(house, "lines")] == [
            ("The Long Field, hardback", 12, "18.90"),
            ("Notes on Tide and Time", 6, "12.50"),
        ]
        assert house.output(run, "tell") == {"to": "requester", "text": "order-0457.txt: it is in the index."}


async def test_a_model_that_forgets_the_lines_is_asked_again(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.failed_once(await house.start("intake_document"), "extract")
        run = await house.asks(run, "lines.review[2]")
        first, second = house.asked("Read this document")
        assert "List every line of goods." not in first
        assert "List every line of goods." in second
        assert run.steps["extract"].receipt["reasked"] is True


async def test_a_doubtful_line_is_corrected_by_a_person_and_only_that_one(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.failed_once(await house.start("intake_document"), "extract")
        run = await house.asks(run, "lines.review[2]")
        assert run.steps["lines.review[1]"].status == "skipped"
        shown = house.value(run.steps["lines.review[2]"].gate.shown)
        assert shown["doubt"] == "the price list says 100.00, the document 95.00"
        assert shown["document"] == "its lines add up to 263.00, not 268.00"
        assert await house.edit(run, "lines.review[2]", OMAR, party="Somebody else") is Refusal.EDIT_NOT_ALLOWED
        assert await house.edit(run, "lines.review[2]", OMAR, price=100.0) is None
        outputs = house.outputs(await house.ended(run))
        assert (outputs["number"], outputs["total"]) == ("LP-2304", "268.00")


async def test_a_line_that_is_turned_down_is_left_out_of_the_index(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.failed_once(await house.start("intake_document"), "extract")
        run = await house.asks(run, "lines.review[2]")
        assert await house.decide(run, "lines.review[2]", RAVI, "reject", comment="We never ordered that") is None
        outputs = house.outputs(await house.ended(run))
        assert (outputs["left_out"], outputs["open"], outputs["total"]) == (["Cutting and folding"], [], "168.00")
        assert [line["text"] for line in indexed(house, "lines")] == ["Cover board, 300 g"]


async def test_one_line_that_nobody_looks_at_stays_open_and_is_told(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.failed_once(await house.start("intake_document"), "extract")
        run = await house.asks(run, "lines.review[2]")
        house.clock.leap(48 * HOUR + 1_000)
        outputs = house.outputs(await house.ended(run))
        assert (outputs["left_out"], outputs["open"], outputs["total"]) == ([], ["2"], "168.00")


async def large(house):
    """A large invoice in the index that waits for its second person."""
    run = await house.asks(await house.start("intake_document", file="samples/invoice-2317.txt"), "lines.review[3]")
    assert "Gilt edge" in house.value(run.steps["lines.review[3]"].gate.shown)["doubt"]
    assert await house.decide(run, "lines.review[3]", MINA) is Refusal.ACTOR_NOT_APPROVER
    assert await house.decide(run, "lines.review[3]", OMAR) is None
    run = await house.asks(run, "second_person")
    assert [row["number"] for row in indexed(house)] == ["LP-2317"]
    return run


async def test_a_large_invoice_needs_a_second_person(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await large(house)
        assert await house.decide(run, "second_person", OMAR) is Refusal.ACTOR_NOT_APPROVER
        assert await house.decide(run, "second_person", LENA) is None
        assert house.outputs(await house.ended(run))["total"] == "1920.00"


async def test_without_the_second_person_the_document_is_taken_out_again(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await large(house)
        assert await house.decide(run, "second_person", LENA, "reject", comment="No gilt this year") is None
        run = await house.ended(run)
        assert (run.status, run.steps["index:undo"].status) == (RunStatus.REJECTED, "succeeded")
        assert indexed(house) == indexed(house, "lines") == []
        assert house.output(run, "tell")["text"] == "invoice-2317.txt: rejected, it is not in the index."


async def test_what_an_earlier_run_put_in_stays_when_a_later_one_ends_badly(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        first = await large(house)
        assert await house.decide(first, "second_person", LENA) is None
        await house.ended(first)
        second = await large(house)
        assert await house.decide(second, "second_person", LENA, "reject", comment="We have that already") is None
        await house.ended(second)
        assert [row["number"] for row in indexed(house)] == ["LP-2317"]


async def test_a_letter_is_turned_away_with_what_it_is(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.ended(await house.start("intake_document", file="samples/letter.txt"))
        assert run.status is RunStatus.REJECTED
        assert run.reason == "letter.txt is no invoice or order: A letter of thanks from a reader."
        assert run.steps["lines"].status == "cancelled"


async def test_a_file_that_is_handed_in_is_read_instead_of_a_sample(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        upload = taken_in(house.service.engine.content, WORKFLOWS / "samples" / "invoice-2291.txt")
        run = await house.ended(await house.start("intake_document", upload=upload))
        assert house.outputs(run)["number"] == "LP-2291"
        assert house.output(run, "load")["name"] == "invoice-2291.txt"
        assert indexed(house)[0]["sha256"] == upload["hash"]
