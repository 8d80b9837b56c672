"""Decisions in the browser where more than one person has a say, or where somebody comes too late."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support.browser import Office, Run, Screen, buttons, press
from tests.support.console import until
from tests.support.demo_process import Demo, demo_running

pytestmark = pytest.mark.browser

ARCHIVE = """
workflow: open_archive
title: Open the archive
channel: "#content"
inputs:
  letter: {type: string, maxLength: 12000, default: "Dear archive, please open."}
steps:
  ask:
    uses: transform
    with:
      subject: The letters of 1913
      letter: ${{ inputs.letter }}
      boxes:
        - {shelf: A1, holds: Letters to the printer}
        - {shelf: A2, holds: Letters from the printer}
  keys:
    uses: approval
    title: Two keys
    with:
      question: Open the archive?
      show: ${{ steps.ask.output }}
      card: {fields: [subject], body: letter}
      approvers: ["@editors"]
      quorum: 2
      requester_may_decide: false
"""
OFFER = """
workflow: short_offer
title: Take a short offer
channel: "#content"
steps:
  offer:
    uses: approval
    title: The offer
    with:
      question: Take the offer?
      show: 300 copies for nothing
      approvers: ["@editors"]
      expires: 10s
      on_expiry: reject
"""
DOOR = OFFER.replace("short_offer", "open_door").replace("      expires: 10s\n", "")
CLICK_AT = "([action, at]) => setTimeout(() => document.querySelector(action).click(), at - Date.now())"
SOON_MS = 400


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    workflows = folder / "workflows"
    workflows.mkdir()
    (workflows / "open_archive.yaml").write_text(ARCHIVE)
    (workflows / "short_offer.yaml").write_text(OFFER)
    (workflows / "open_door.yaml").write_text(DOOR)
    with demo_running(folder, workflows) as running:
        yield running


def asked(office: Office, line: str, step: str) -> tuple[Screen, Run]:
    """Mina has started a run, and it waits at its gate."""
    mina = office.enter("mina", "#content")
    run = mina.start(line)
    run.expect_step(step, "in_progress")
    return mina, run


def before_card(office: Office, who: str, run: Run) -> Screen:
    screen = office.enter(who, "#content", thread=run.ts)
    expect(screen.card().locator("[data-action-id=gate_approve]")).to_be_visible()
    return screen


def gate(demo: Demo, run: Run, step: str) -> dict:
    found: dict = demo.status(run.name)["steps"][step]["gate"]
    return found


def said_yes(demo: Demo, run: Run, step: str = "keys") -> list[str]:
    return [one["actor"]["id"] for one in gate(demo, run, step)["decisions"] if one["verdict"] == "approve"]


def test_two_people_must_agree_and_the_card_counts_them(office: Office, demo: Demo) -> None:
    mina, run = asked(office, "open_archive", "keys")
    ada, ravi, omar = (before_card(office, who, run) for who in ("ada", "ravi", "omar"))
    expect(ada.card()).to_contain_text("@editors may decide; 2 approvals are needed.")
    expect(ada.card()).to_contain_text("0 of 2 approvals")
    press(ada.card(), "Approve")
    expect(ada.told_privately("That makes 1 of 2 approvals.")).to_be_visible()
    for screen in (ada, ravi):
        expect(screen.card()).to_contain_text("1 of 2 approvals: @Ada Byron")
        expect(buttons(screen.card())).to_have_count(3)
    run.expect_step("keys", "in_progress")

    press(ada.card(), "Approve")
    expect(ada.told_privately("It counts once.")).to_be_visible()
    mina.open_thread(run)
    press(mina.card(), "Approve")
    expect(mina.told_privately("You started this run, so you may not decide")).to_be_visible()
    press(omar.card(), "Approve")
    expect(omar.told_privately("Only @editors may decide")).to_be_visible()
    expect(ravi.card()).to_contain_text("1 of 2 approvals: @Ada Byron")
    assert said_yes(demo, run) == ["U0ADA"]

    press(ravi.card(), "Approve")
    for screen in (ada, ravi, mina):
        expect(screen.card()).to_contain_text("Approved by @Ada Byron and @Ravi Shah")
        expect(buttons(screen.card())).to_have_count(1)  # all that it is about can still be read
    expect(mina.in_thread(re.compile(r": done( in \d+ s)?\."))).to_contain_text("@Ada Byron, @Ravi Shah")
    assert said_yes(demo, run) == ["U0ADA", "U0RAVI"]
    assert demo.ended(run.name)["status"] == "succeeded"


def test_one_no_is_enough_where_two_must_agree(office: Office, demo: Demo) -> None:
    _, run = asked(office, "open_archive", "keys")
    ada, lena = before_card(office, "ada", run), before_card(office, "lena", run)
    press(ada.card(), "Approve")
    expect(lena.card()).to_contain_text("1 of 2 approvals: @Ada Byron")
    press(lena.card(), "Reject")
    lena.modal.locator("[data-action-id=reason]").fill("Not before the roof is mended.")
    lena.page.get_by_test_id("modal-submit").click()
    expect(ada.card()).to_contain_text("Rejected by @Lena Fox: “Not before the roof is mended.”")
    assert demo.ended(run.name)["status"] == "rejected"


def test_of_two_who_press_at_the_same_moment_both_count_where_two_are_needed(office: Office, demo: Demo) -> None:
    _, run = asked(office, "open_archive", "keys")
    ada, ravi = before_card(office, "ada", run), before_card(office, "ravi", run)
    at_once(ada, ravi)
    expect(ada.card()).to_contain_text(re.compile("Approved by @(Ada Byron and @Ravi Shah|Ravi Shah and @Ada Byron)"))
    assert sorted(said_yes(demo, run)) == ["U0ADA", "U0RAVI"]
    assert demo.ended(run.name)["status"] == "succeeded"


def test_of_two_who_press_at_the_same_moment_one_decides_and_the_other_learns_who(office: Office, demo: Demo) -> None:
    _, run = asked(office, "open_door", "offer")
    ada, ravi = before_card(office, "ada", run), before_card(office, "ravi", run)
    at_once(ada, ravi)
    [first] = until(lambda: said_yes(demo, run, "offer"), "the decision")
    winner, other = (ada, ravi) if first == "U0ADA" else (ravi, ada)
    name = "Ada Byron" if first == "U0ADA" else "Ravi Shah"
    expect(winner.told_privately("You approved")).to_be_visible()
    expect(other.told_privately(f"Already approved by @{name}")).to_be_visible()
    expect(other.card()).to_contain_text(f"Approved by @{name}")
    assert said_yes(demo, run, "offer") == [first]


def at_once(*screens: Screen) -> None:
    """Everybody presses Approve at the same moment."""
    at = screens[0].page.evaluate("Date.now()") + SOON_MS
    for screen in screens:
        screen.page.evaluate(CLICK_AT, [".thread [data-action-id=gate_approve]", at])


def test_a_click_after_the_time_is_over_is_answered_with_a_fact(office: Office, demo: Demo) -> None:
    ada, ravi = office.enter("ada", "#content"), office.enter("ravi", "dm")
    mina, run = asked(office, "short_offer", "offer")
    ada.open_thread(ada.find(run.name))
    expect(buttons(ada.card())).to_have_count(2)
    ravi.open_home()
    expect(ravi.home).to_contain_text("Take the offer?")
    with demo.fault("chat.update", "ratelimited", times=None, retry_after=1):  # so that the card stays as it was
        until(lambda: gate(demo, run, "offer")["state"] == "expired", "the end of the offer")
        press(ada.card(), "Approve")
        expect(
            ada.told_privately(re.compile(r"G-\d+ v1 expired .* without a decision. Nothing was changed."))
        ).to_be_visible()
    press(ravi.home, "Approve")
    ravi.page.get_by_test_id("confirm-accept").click()
    expect(ravi.home).to_contain_text(re.compile(r"G-\d+ v1 expired .* without a decision. Nothing was changed."))
    expect(ravi.home).not_to_contain_text("Take the offer?")
    expect(ada.card()).to_contain_text("nobody decided in time. Rejected, as the workflow says.")
    expect(buttons(ada.card())).to_have_count(0)
    mina.open_thread(run)
    expect(mina.in_thread("was rejected")).to_contain_text("@Mina Park")
    assert gate(demo, run, "offer")["decisions"] == []
    assert demo.ended(run.name)["status"] == "rejected"


def test_what_a_card_has_no_room_for_is_named_and_can_be_read(office: Office, demo: Demo) -> None:
    end = "and that is the last line of it."
    _, run = asked(office, f'open_archive letter="{"Dear archive, open the door. " * 320}{end}"', "keys")
    ada, gus = before_card(office, "ada", run), before_card(office, "gus", run)
    card = ada.card()
    expect(card).to_contain_text("Not shown here: Boxes (2)")
    expect(card).to_contain_text(re.compile(r"Shown in part: Letter \(8,\d\d\d of 9,\d\d\d characters\)"))
    expect(card).not_to_contain_text(end)
    press(card, "Show All")
    expect(ada.modal).to_contain_text("Open the archive?")
    expect(ada.modal).to_contain_text(run.name)
    for words in ("The letters of 1913", end, "Holds: Letters to the printer · Shelf: A1", "Letters from the printer"):
        expect(ada.modal).to_contain_text(words)
    ada.page.get_by_test_id("modal-close").click()
    expect(ada.modal).to_have_count(0)
    press(gus.card(), "Show All")
    expect(gus.told_privately("I work only for members of this organisation")).to_be_visible()
    expect(gus.modal).to_have_count(0)
    assert said_yes(demo, run) == []
