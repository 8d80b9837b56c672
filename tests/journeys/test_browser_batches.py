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
    card = ada.card()
    expect(card).to_contain_text("Is this what")
    ada.picture("doubtful-summary", card)
    press(card, "Approve")
    manifest = demo.ended(run.name)["outputs"]["manifest"]
    assert manifest["run"] == run.name
    by_people = [one for one in manifest["summaries"] if one["decided_by"] == "U0ADA"]
    assert len(by_people) == 1
    for one in manifest["summaries"]:
        assert len(one["sha256"]) == len(one["prompt"]) == 64
        assert one["model"].startswith("recorded-")
    assert manifest["usd_micros"] >= sum(one["usd_micros"] for one in manifest["summaries"])
    mina.open_thread(run)
    expect(mina.in_thread("Summarised: ")).to_be_visible()
