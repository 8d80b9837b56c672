"""The workspace on a telephone: one pane at a time, the channels in a drawer, and everything within reach."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.support.browser import Office, Screen, buttons, press

pytestmark = pytest.mark.browser

TELEPHONE: ViewportSize = {"width": 390, "height": 844}


def on_a_telephone(screen: Screen) -> Screen:
    screen.page.set_viewport_size(TELEPHONE)
    return screen


def fits(element: Locator) -> bool:
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= TELEPHONE["width"]


def test_an_editor_decides_on_a_telephone(office: Office) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start('publish_post topic="Why paper books last"')
    run.expect_step("editorial", "in_progress")
    ada = on_a_telephone(office.enter("ada", "#content"))
    root = ada.find(run.name)
    assert fits(root.root)
    ada.open_thread(root)
    expect(root.root).not_to_be_visible()
    card = ada.card()
    expect(buttons(card)).to_have_count(4)
    assert fits(card)
    press(card, "Reject")
    assert fits(ada.modal)
    ada.modal.locator("[data-action-id=reason]").fill("Too small to read.")
    ada.page.get_by_test_id("modal-submit").click()
    expect(card).to_contain_text("Rejected by @Ada Byron: “Too small to read.”")
    ada.thread.get_by_role("button", name="Close thread").click()
    expect(root.root).to_be_visible()


def test_the_channels_are_in_a_drawer_that_closes_by_itself(office: Office) -> None:
    ada = on_a_telephone(office.enter("ada", "#content"))
    sidebar = ada.page.get_by_test_id("sidebar")
    expect(sidebar).not_to_be_visible()
    ada.page.get_by_test_id("drawer").click()
    expect(sidebar).to_be_in_viewport()
    sidebar.locator("[data-channel=C0GENERAL]").click()
    expect(ada.page.get_by_test_id("channel-title")).to_contain_text("general")
    expect(sidebar).not_to_be_visible()
    ada.page.get_by_test_id("drawer").click()
    expect(sidebar).to_be_in_viewport()
    ada.page.keyboard.press("Escape")
    expect(sidebar).not_to_be_visible()
