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
ORDER = ROOT / "workflows" / "samples" / "order-0457.txt"


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
    run = mina.start("intake_document file=samples/order-0457.txt")
    run.expect_step("review", "in_progress")
    omar = office.enter("omar", "#intake", thread=run.ts)
    card = omar.card()
    expect(card).to_contain_text("Put order 0457 into the index?")
    for words in ("Harbour Books, Bergen", "2026-11-12", "301.80", "everything adds up", "12 x The Long Field"):
        expect(card).to_contain_text(words)
    press(card, "Approve")
    expect(omar.in_thread(DONE)).to_contain_text("0457")
    for step in ("load", "extract", "validate", "review", "index"):
        run.expect_step(step, "complete")
    [found] = [one for one in demo.indexed() if one["number"] == "0457"]
    assert found["sha256"] == hashlib.sha256(ORDER.read_bytes()).hexdigest()
    assert (found["kind"], found["party"], found["currency"], found["total"], found["file"]) == (
        "order", "Harbour Books, Bergen", "EUR", "301.80", "order-0457.txt",
    )  # fmt: skip
    assert demo.ended(run.name)["outputs"] == {"id": found["id"], "number": "0457"}


def test_a_document_that_cannot_be_read_fails_with_its_reason(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#intake")
    run = mina.start("intake_document file=samples/letter.txt")
    run.expect_step("extract", "error")
    mina.open_thread(run)
    end = mina.in_thread("failed")
    expect(end).to_contain_text(re.compile("this is no invoice or order that we can read", re.IGNORECASE))
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


def test_a_hard_ticket_is_taken_over_by_a_person(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#support")
    run = mina.start('route_ticket subject="Refund" message="You charged me twice"')
    run.expect_step("take_over", "in_progress")
    omar = office.enter("omar", "#support", thread=run.ts)
    expect(omar.card()).to_contain_text('Take over "Refund"?')
    expect(omar.card()).to_contain_text("You charged me twice")
    press(omar.card(), "Approve")
    expect(omar.in_thread(DONE)).to_contain_text("@Omar Aziz")
    run.expect_step("assign", "complete")
    [ticket] = [one for one in demo.shelf("tickets") if one["subject"] == "Refund"]
    assert ticket["state"] == "open"
    assert demo.ended(run.name)["steps"]["answer"]["status"] == "skipped"
