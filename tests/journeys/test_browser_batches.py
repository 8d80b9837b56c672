"""Many questions and many manuscripts in the browser: charts that people decide by, and summaries with their origin."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser import RUN_NAME, Office, press
from tests.support.demo_process import Demo

pytestmark = pytest.mark.browser


def test_people_decide_on_a_candidate_by_a_chart_that_compares_it_with_the_last_time(
    office: Office, demo: Demo
) -> None:
    mina = office.enter("mina", "#content")
    first = mina.ask("run evaluate_prompts")  # its message is shown when it needs people, and it does not
    found = RUN_NAME.search(first.inner_text())
    assert found is not None
    assert demo.ended(found.group())["outputs"]["decided_by"] == "engine"
    second = mina.start("evaluate_prompts style=brief")
    second.expect_step("let_through", "in_progress")
    lena = office.enter("lena", "#content", thread=second.ts)
    card = lena.card()
    expect(card).to_contain_text("Use the candidate, with 0 of 100 points?")
    expect(card).to_contain_text("Last time: candidate 80% ↓ 0%")
    lena.picture("evaluation", card)
    expect(card.locator("pre")).to_contain_text("parcel")
    press(card, "Reject")
    lena.modal.get_by_role("textbox").fill("Too short to help anybody")
    press(lena.modal, "Reject")
    expect(card).to_contain_text("Too short to help anybody")
    ended = demo.ended(second.name)
    assert (ended["status"], ended["outputs"]["use_candidate"], ended["outputs"]["decided_by"]) == (
        "succeeded", False, "U0LENA",
    )  # fmt: skip
    expect(lena.thread.locator("pre").filter(has_text="Last time: candidate 80% ↓ 0%")).to_have_count(3)
    expect(lena.in_thread("done in")).to_contain_text("Decided by: @lena")
    lena.picture("evaluation-ended")


def test_every_summary_says_where_it_comes_from_and_who_let_it_through(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start("summarise_batch")
    ada = office.enter("ada", "#content", thread=run.ts)
    card = ada.in_thread("0 of 3 decided")
    for name in ("ferry-timetable", "remedies-of-the-hedge", "untitled"):
        expect(card).to_contain_text(name)
    ada.picture("digest", card)

    press(card, "Decide Item by Item…")
    expect(ada.modal).to_contain_text("Sixty plants of the hedgerow")
    ada.picture("digest-form", ada.modal)
    press(ada.modal, "Not Now")

    press(card.locator("[data-block-id^='item:']").filter(has_text="ferry-timetable"), "Open")
    own = ada.told_privately('Is this what "ferry-timetable" is about?')
    expect(own).to_contain_text("Nothing in the text says that the ferry is Danish.")
    ada.picture("doubtful-summary", own)
    own.locator("[data-action-id=gate_edit]").click()
    box = ada.modal.get_by_role("textbox").first
    box.fill(box.input_value().replace("Danish ferry", "ferry"))
    press(ada.modal, "Approve This")
    expect(ada.in_thread("1 of 3 decided")).to_be_visible()

    card = ada.in_thread("1 of 3 decided")
    press(card, "Decide Item by Item…")
    ada.modal.get_by_role("radio", name="Reject").nth(0).check()
    ada.modal.get_by_role("radio", name="Approve").nth(1).check()
    reason = ada.modal.locator("[data-block-id^='reason:']").first.get_by_role("textbox")
    reason.fill("A physician should look at it first.")
    press(ada.modal, "Save")
    expect(ada.modal).to_be_hidden()
    card = ada.in_thread("3 of 3 decided")
    expect(card).to_contain_text("“A physician should look at it first.”")
    ada.picture("digest-done", card)

    manifest = demo.ended(run.name)["outputs"]["manifest"]
    assert manifest["run"] == run.name
    assert manifest["rejected"] == ["remedies-of-the-hedge"]
    by = {one["manuscript"]: one["decided_by"] for one in manifest["summaries"]}
    assert by == {
        "ferry-timetable": "U0ADA", "untitled": "U0ADA", "salt-and-flour": "engine", "the-lamp-room": "engine",
    }  # fmt: skip
    edited = next(one["summary"] for one in manifest["summaries"] if one["manuscript"] == "ferry-timetable")
    assert "Danish" not in edited
    for one in manifest["summaries"]:
        assert len(one["sha256"]) == len(one["prompt"]) == 64
        assert one["model"].startswith("recorded-")
    assert manifest["usd_micros"] >= sum(one["usd_micros"] for one in manifest["summaries"])
    mina.open_thread(run)
    expect(mina.in_thread("Summarised: 4, turned down: 1, could not be read: 1.")).to_be_visible()
    mina.picture("batch-thread")
