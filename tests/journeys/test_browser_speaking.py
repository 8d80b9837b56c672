"""Asking and answering in the browser: what people type, right and wrong, and what they read back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import Office, press
from tests.support.demo_process import Demo

pytestmark = pytest.mark.browser

LOUD = "<!channel> & *bold* _sly_ `code` <@U0ADA> :tada:"
LOUD_SHOWN = re.compile(r"“<!channel> & .bold. .sly. .?code.? <@U0ADA> ")  # a sign that would format is a look-alike


def test_an_unknown_workflow_gets_a_suggestion(office: Office) -> None:
    mina = office.enter("mina", "#content")
    answer = mina.ask("run pubish_post topic=Lighthouses")
    expect(answer).to_contain_text("I don't know a workflow “pubish_post”. Nothing was started.")
    expect(answer).to_contain_text("Did you mean publish_post?")


def test_everything_wrong_is_told_at_once_with_a_line_that_works(office: Office) -> None:
    mina = office.enter("mina", "#content")
    answer = mina.ask("run send_to_printer issue=winter copies=many colour=red")
    for words in (
        "I did not start Send an issue to the printer; nothing was changed.",
        "issue",
        "copies",
        "colour is no input of send_to_printer",
    ):
        expect(answer).to_contain_text(words)
    missing = mina.ask("run publish_post tone=silly")
    expect(missing).to_contain_text("topic is missing")
    expect(missing).to_contain_text("tone is one of plain, playful")
    line = missing.locator("pre").inner_text().strip()
    assert line.startswith("/flow run publish_post topic=")
    corrected = line.replace("…", "Lighthouses").removeprefix("/flow run ")
    run = mina.start(corrected)
    expect(run.root).to_contain_text("Topic: Lighthouses")


def test_smart_quotes_hold_a_value_together(office: Office) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start("publish_post topic=“Why ‘old’ paper smells” tone=playful")
    expect(run.root).to_contain_text("Topic: Why ‘old’ paper smells · Tone: playful")


def test_what_looks_like_markup_stays_text(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start(f'publish_post topic="{LOUD}"')
    expect(run.root).to_contain_text(f"Topic: {LOUD}")
    expect(run.root.locator("strong, em, code").filter(has_text=re.compile("bold|sly|code"))).to_have_count(0)
    assert demo.status(run.name)["inputs"]["topic"] == LOUD
    wrong = mina.ask(f'run publish_post topic="{LOUD}" tone=silly')
    expect(wrong).to_contain_text(LOUD_SHOWN)
    expect(wrong.locator("strong, em, code").filter(has_text=re.compile("bold|sly"))).to_have_count(0)


def test_ten_thousand_characters_are_answered(office: Office) -> None:
    mina = office.enter("mina", "dm")
    mina.type(f'run publish_post topic="{"paper " * 1_700}"')
    answer = mina.page.locator(".channel [data-ts]").filter(has_text="I did not start").last
    expect(answer).to_contain_text("topic")
    expect(answer).to_contain_text("100")
    mina.type("/flow run publish_post " + "lighthouse " * 1_000)
    expect(mina.whispers.last).to_contain_text("I did not start Publish a blog post")


def test_status_is_told_in_the_thread_and_in_a_direct_message(office: Office) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start("publish_post topic=Harbours")
    run.expect_step("editorial", "in_progress")
    mina.open_thread(run)
    mina.reply("@flow why is it waiting?")
    why = mina.thread.locator("[data-ts]").filter(has_text="Nothing is broken.")
    expect(why).to_contain_text("@editors may decide")
    mina.reply("@flow status")
    expect(mina.thread.locator("[data-ts]").filter(has_text="Write a draft: done")).to_be_visible()

    direct = office.enter("mina", "dm")
    direct.type(f"status {run.name}")
    expect(direct.page.locator(".channel [data-ts]").filter(has_text="Editorial review: waiting")).to_be_visible()
    ada = office.enter("ada", "dm")
    ada.type("what is waiting for me?")
    expect(ada.page.locator(".channel [data-ts]").filter(has_text="Waiting for you").last).to_contain_text(run.name)


def test_a_reply_that_sounds_like_a_decision_is_answered_with_buttons(office: Office) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start("publish_post topic=Ferries")
    run.expect_step("editorial", "in_progress")
    ada = office.enter("ada", "#content", thread=run.ts)
    ada.reply("@flow looks good to me")
    offer = ada.told_privately("A reply alone does not count.")
    press(offer, "Approve")
    expect(ada.card()).to_contain_text("Approved by @Ada Byron")


def test_help_fits_on_one_screen_and_its_example_works(office: Office) -> None:
    mina = office.enter("mina", "#content")
    answer = mina.ask("help")
    expect(answer).to_contain_text("I run workflows and hold them at gates until people decide.")
    box = answer.bounding_box()
    assert box is not None
    assert box["height"] < 600
    about = mina.ask("help publish_post")
    expect(about).to_contain_text("topic (text, required)")
    example = about.locator("pre").inner_text().strip()
    assert example.startswith("/flow run publish_post topic=")
