"""In the browser: a workflow is started from the shortcuts, from a message's menu, and by what is said in a channel."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.support.browser import RUN_NAME, Office, Screen

pytestmark = pytest.mark.browser

LETTER = "Where is my parcel?\nIt was sent on Monday, and nothing has come."


def choose(screen: Screen, title: str) -> None:
    """Search for a workflow in the window, and choose it."""
    screen.modal.get_by_role("combobox").click()
    search = screen.page.locator(".popover input")
    search.fill(title[:8])
    screen.page.locator(".picker-option").filter(has_text=title).first.click()
    screen.page.get_by_test_id("modal-submit").click()


def field(screen: Screen, label: str) -> Locator:
    return screen.modal.get_by_label(re.compile(rf"^{label}"))


def send_letter(screen: Screen) -> str:
    """Write it into the channel on two lines; gives where it stands."""
    box = screen.page.get_by_test_id("composer")
    box.fill(LETTER)
    box.press("Enter")
    message = screen.page.locator(".channel [data-ts]:not([data-ephemeral])").filter(has_text="Where is my parcel?")
    expect(message.last).to_be_visible()
    ts = message.last.get_attribute("data-ts")
    assert ts
    return ts


def choose_of_message(screen: Screen, ts: str, label: str) -> None:
    message = screen.page.locator(f".channel [data-ts='{ts}']")
    message.hover()
    message.get_by_role("button", name="More actions").click()
    screen.page.get_by_role("menuitem", name=label).click()
    expect(screen.modal).to_be_visible()


def run_named_in(answer: Locator) -> str:
    found = RUN_NAME.search(answer.inner_text())
    assert found is not None, answer.inner_text()
    return found.group()


def test_a_message_becomes_a_ticket_by_its_menu(office: Office, demo: Any) -> None:
    omar = office.enter("omar", "#support")
    ts = send_letter(omar)
    mina = office.enter("mina", "#support")
    choose_of_message(mina, ts, "Start a workflow on this")
    expect(mina.modal).to_contain_text("Where is my parcel?")
    mina.picture("shortcut-choose")
    choose(mina, "Make a ticket of this message")
    expect(field(mina, "Subject")).to_have_value("Where is my parcel?")
    expect(field(mina, "Message")).to_have_value(LETTER)
    field(mina, "Email").fill("nobody")
    mina.page.get_by_test_id("modal-submit").click()
    expect(mina.page.get_by_test_id("field-error")).to_be_visible()
    field(mina, "Email").fill("inger@example.com")
    mina.picture("shortcut-form")
    mina.page.get_by_test_id("modal-submit").click()
    expect(mina.modal).not_to_be_visible()
    answer = mina.whispers.last
    expect(answer).to_contain_text("Starting Route a support ticket")
    name = run_named_in(answer)
    expect(answer.get_by_role("link", name="Open its thread")).to_be_visible()
    assert mina.find(name).name == name
    given = demo.status(name)["inputs"]
    assert given == {"subject": "Where is my parcel?", "message": LETTER, "email": "inger@example.com"}


def test_the_lightning_bolt_starts_what_one_chooses(office: Office, demo: Any) -> None:
    ada = office.enter("ada", "#content")
    ada.page.get_by_role("button", name="Shortcuts", exact=True).first.click()
    ada.page.get_by_role("menuitem", name="Start a workflow").click()
    expect(ada.modal).to_contain_text("Which workflow?")
    choose(ada, "Publish a blog post")
    field(ada, "Topic").fill("Why paper books last")
    ada.page.get_by_test_id("modal-submit").click()
    expect(ada.modal).not_to_be_visible()
    ada.go("dm")
    answer = ada.page.locator(".channel [data-ts]").filter(has_text="Starting Publish a blog post").last
    expect(answer).to_be_visible()
    ada.picture("shortcut-answer")
    name = run_named_in(answer)
    ada.go("#content")
    ada.find(name).expect_step("editorial", "in_progress")
    assert demo.status(name)["inputs"] == {"topic": "Why paper books last", "tone": "plain"}


def test_what_is_said_in_the_channel_for_ideas_becomes_a_post(office: Office, demo: Any) -> None:
    mina = office.enter("mina", "#intake")
    mina.type("Idea: Why paper books last")
    root = mina.page.locator(".channel [data-ts]").filter(has_text=re.compile(r"Publish a blog post.*R-", re.S)).first
    expect(root).to_be_visible()
    name = run_named_in(root)
    found = demo.status(name)
    assert (found["inputs"]["topic"], found["requester"]["id"]) == ("Why paper books last", "U0MINA")
    assert mina.whispers.count() == 0
