"""The other examples in the browser: failures that are told, documents that are taken in, tickets on their way."""

from __future__ import annotations

import hashlib
import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import Office, press
from tests.support.console import ROOT
from tests.support.demo_process import Demo

pytestmark = pytest.mark.browser

DONE = re.compile(r": done( in \d+ s)?\.")
INVOICE = ROOT / "workflows" / "samples" / "invoice-2304.txt"


def test_a_failure_is_told_where_failures_are_told(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start("send_to_printer issue=2026-11 copies=300")
    lena = office.enter("lena", "#content-alerts")
    alert = lena.find(run.name).root
    expect(alert).to_contain_text("Send an issue to the printer failed at Order the print run")
    expect(alert).to_contain_text("503")
    expect(alert).to_contain_text("after 3 attempts")
    expect(alert).to_contain_text("The press is down for maintenance")
    expect(alert).to_contain_text("Owner: @content-leads")
    expect(alert).to_contain_text("Started by @Mina Park")
    expect(alert).to_contain_text("The other end is down; run it again when it answers.")
    expect(alert.locator("pre").last).to_have_text("/flow run send_to_printer issue=2026-11 copies=300")
    assert alert.inner_text().count("The press is down") == 1
    lena.picture("alert")
    press(alert, "Status")
    expect(lena.whispers.last).to_contain_text("Order the print run: failed")
    assert lena.whispers.last.inner_text().count("The press is down") == 1
    run.expect_step("order", "complete")
    run.expect_step("send", "error")
    mina.open_thread(run)
    expect(mina.in_thread("failed")).to_contain_text("@Mina Park")
    assert demo.ended(run.name)["status"] == "failed"
    there = lena.page.locator(f".channel [data-ts='{run.ts}']")
    alert.get_by_role("link", name=run.name).click()
    expect(there).to_be_visible()
    lena.go("#content-alerts")
    press(alert, "Open the Run")
    expect(there).to_be_visible()
    lena.go("#content-alerts")
    expect(lena.whispers).to_have_count(1)


def test_a_document_is_read_looked_at_and_put_into_the_index(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#intake")
    run = mina.start("intake_document file=samples/invoice-2304.txt")
    run.expect_step("extract", "complete")
    omar = office.enter("omar", "#intake", thread=run.ts)
    card = omar.card()
    expect(card).to_contain_text("Is line 2 of invoice LP-2304 right?")
    for words in ("Lund Print ApS, Odense", "Cutting and folding", "the price list says 100.00", "263.00, not 268.00"):
        expect(card).to_contain_text(words)
    press(card, "Approve")
    expect(omar.in_thread(DONE)).to_contain_text("LP-2304")
    for step in ("load", "extract", "validate", "lines", "index"):
        run.expect_step(step, "complete")
    [found] = [one for one in demo.indexed() if one["number"] == "LP-2304"]
    assert found["sha256"] == hashlib.sha256(INVOICE.read_bytes()).hexdigest()
    assert (found["kind"], found["party"], found["currency"], found["total"], found["file"]) == (
        "invoice", "Lund Print ApS, Odense", "EUR", "263.00", "invoice-2304.txt",
    )  # fmt: skip
    outputs = demo.ended(run.name)["outputs"]
    assert outputs == {"id": found["id"], "number": "LP-2304", "total": "263.00", "left_out": [], "open": []}


def test_a_letter_is_turned_away_and_says_what_it_is(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#intake")
    run = mina.start("intake_document file=samples/letter.txt")
    run.expect_step("extract", "complete")
    mina.open_thread(run)
    expect(mina.in_thread("rejected")).to_contain_text("A letter of thanks from a reader.")
    assert demo.ended(run.name)["status"] == "rejected"
    lena = office.enter("lena", "#content-alerts")
    expect(lena.page.locator(".channel [data-ts]").filter(has_text=run.name)).to_have_count(0)


def test_a_document_that_is_not_there_fails_with_its_reason(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#intake")
    run = mina.start("intake_document file=samples/lost.txt")
    run.expect_step("load", "error")
    mina.open_thread(run)
    end = mina.in_thread("failed")
    expect(end).to_contain_text(re.compile(r"there is no file samples/lost\.txt", re.IGNORECASE))
    expect(end).not_to_contain_text("NonRetryable")
    about = mina.page.locator(".channel [data-ts]:not([data-ephemeral])").filter(has_text=run.name)
    expect(about).to_have_count(2)
    expect(about.nth(0)).to_have_attribute("data-ts", run.ts)
    expect(about.nth(0).get_by_test_id("plan")).to_be_visible()  # the run first, then the alert about it
    assert demo.ended(run.name)["status"] == "failed"


def test_an_easy_ticket_is_answered_without_anybody(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#support")
    run = mina.start('route_ticket subject="My parcel" message="Where is my parcel?"')
    for step in ("classify", "answer", "send"):
        run.expect_step(step, "complete")
    mina.open_thread(run)
    expect(mina.in_thread(DONE)).to_be_visible()
    [ticket] = [one for one in demo.shelf("tickets") if one["subject"] == "My parcel"]
    assert (ticket["state"], ticket["queue"]) == ("answered", "orders")


def test_support_chooses_what_becomes_of_a_hard_ticket(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#support")
    run = mina.start('route_ticket subject="Refund" message="You charged me twice"')
    run.expect_step("take_over", "in_progress")
    omar = office.enter("omar", "#support", thread=run.ts)
    card = omar.card()
    expect(card).to_contain_text('What do we answer to "Refund"?')
    expect(card).to_contain_text("five working days")
    press(card, "Send the draft")
    run.expect_step("send", "complete")
    run.expect_step("reply", "in_progress")
    [ticket] = [one for one in demo.shelf("tickets") if one["subject"] == "Refund"]
    assert ticket["state"] == "answered"
    steps = demo.status(run.name)["steps"]
    assert {steps[name]["status"] for name in ("own_words", "escalation")} == {"skipped"}
