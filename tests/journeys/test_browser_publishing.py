"""A post on its way from an idea to the site, as the people of a publishing house see it in their browsers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support.browser import Office, Run, Screen, buttons, press
from tests.support.demo_process import Demo

pytestmark = pytest.mark.browser

DRAFT = "Why a book on good paper outlives its reader"
BODY = "It is the quietest promise in publishing"
REASON = "We wrote about this <!channel> *last week*."
REASON_SHOWN = re.compile(r"We wrote about this <!channel> .last week.\.")  # a sign that would format is a look-alike
STEPS = ("draft", "editorial", "statements", "checks", "unchecked", "publish", "look", "tell")
ANSWERS = 4  # approve, edit, ask for changes, reject


def at_review(office: Office, topic: str) -> tuple[Screen, Run]:
    """Mina has started a post, and its draft waits for the editors."""
    mina = office.enter("mina", "#content")
    run = mina.start(f'publish_post topic="{topic}"')
    run.expect_step("draft", "complete")
    expect(run.step("editorial")).to_contain_text("Waiting for @editors")
    return mina, run


def before_card(office: Office, who: str, run: Run) -> Screen:
    """Somebody has the thread with the card open."""
    screen = office.enter(who, "#content", thread=run.ts)
    expect(buttons(screen.card())).to_have_count(ANSWERS)
    return screen


def decisions(demo: Demo, run: Run) -> list[dict]:
    return demo.status(run.name)["steps"]["editorial"]["gate"]["decisions"]


def test_a_post_goes_from_a_command_to_the_site(office: Office, demo: Demo) -> None:
    mina = office.enter("mina", "#content")
    run = mina.start('publish_post topic="Why paper books last"')
    expect(run.root).to_contain_text("Publish a blog post")
    expect(run.root).to_contain_text("started by @Mina Park")
    expect(run.root).to_contain_text("Topic: Why paper books last")
    run.expect_step("draft", "complete")
    run.expect_step("editorial", "in_progress")
    expect(run.root).to_contain_text("waiting for a decision")
    mina.open_thread(run)
    expect(mina.card()).to_contain_text(f'Review needed: Publish "{DRAFT}"?')

    ada = before_card(office, "ada", run)
    card = ada.card()
    expect(card).to_contain_text("@editors may decide. Asked by @Mina Park, who may not.")
    expect(card).to_contain_text("due")
    expect(card).to_contain_text(BODY)
    expect(card).to_contain_text("Approve goes on with Find what it states")
    card.scroll_into_view_if_needed()
    ada.picture("run")
    ada.picture("gate", of=card)
    press(card, "Approve")

    expect(card).to_contain_text("Approved by @Ada Byron")
    expect(buttons(card)).to_have_count(0)
    expect(card).to_contain_text(BODY)
    end = mina.in_thread(re.compile(r": done( in \d+ s)?\."))
    expect(end).to_contain_text("@Mina Park")
    for step in STEPS:
        run.expect_step(step, "complete")
    expect(run.root).to_contain_text("done")
    expect(buttons(run.root)).to_have_count(0)
    mina.picture("outcome")
    _reads_the_post(mina, end.locator("a[href*='/posts/']").get_attribute("href"))
    _went_step_by_step(run)


def _reads_the_post(screen: Screen, address: str | None) -> None:
    assert address
    page = screen.page.context.new_page()
    page.goto(address)
    expect(page.get_by_role("heading", name=DRAFT)).to_be_visible()
    expect(page.get_by_text(BODY)).to_be_visible()


def _went_step_by_step(run: Run) -> None:
    """Every step was shown before it began, except for the last ones, and they were done one after the other."""
    shown = run.steps_shown()
    assert [step for step, state in shown if state == "complete"] == list(STEPS)
    for step in STEPS[1:]:
        states = [state for name, state in shown if name == step]
        announced = states[1:] if states[0] == "pending" else states
        assert states[0] == "pending" or step == "tell", shown  # last steps exist only when everything else is over
        assert announced in (["in_progress", "complete"], ["complete"]), shown
    assert shown.index(("editorial", "in_progress")) < shown.index(("editorial", "complete"))
    assert {state for _, state in shown} <= {"pending", "in_progress", "complete"}


def test_home_shows_what_waits_and_lets_one_decide(office: Office, demo: Demo) -> None:
    _, paper = at_review(office, "The smell of new paper")
    mina, letters = at_review(office, "Why letters have feet")
    ravi = office.enter("ravi", "dm")
    ravi.open_home()
    for run in (paper, letters):
        expect(ravi.home).to_contain_text(run.name)
    expect(ravi.home).to_contain_text("A typeface is a tone of voice")
    ravi.picture("home")
    press(ravi.home, "Approve", nth=0)
    expect(ravi.page.get_by_test_id("confirm")).to_contain_text("Have you read the card?")
    ravi.page.get_by_test_id("confirm-accept").click()
    expect(ravi.home).not_to_contain_text(paper.name)
    expect(ravi.home).to_contain_text(letters.name)
    assert demo.ended(paper.name)["status"] == "succeeded"
    mina.open_thread(letters)
    expect(buttons(mina.card())).to_have_count(ANSWERS)


def test_the_inspector_shows_what_went_over_the_wire(office: Office) -> None:
    mina = office.enter("mina", "#content")
    mina.page.get_by_test_id("inspector-toggle").click()
    run = mina.start('publish_post topic="Speed-reading"')
    run.expect_step("editorial", "in_progress")
    traffic = mina.page.get_by_test_id("traffic")
    command = traffic.locator("[data-method=slash_commands]").last
    expect(command).to_contain_text("/flow run publish_post")
    mina.picture("inspector")
    call = traffic.locator("[data-method='chat.postMessage'][data-status=ok]").last
    call.locator("button.traffic-row").click()
    expect(call).to_contain_text(run.name)
    expect(call).to_contain_text("gate_approve")
    expect(traffic).not_to_contain_text("xoxb-sandbox")


def test_a_rejection_needs_a_reason_and_its_author_reads_it(office: Office, demo: Demo) -> None:
    mina, run = at_review(office, "Paper that was rejected")
    mina.open_thread(run)
    ada = before_card(office, "ada", run)
    press(ada.card(), "Reject")
    expect(ada.modal).to_contain_text("Why not?")
    expect(ada.modal).to_contain_text("Closing this form decides nothing.")
    ada.page.get_by_test_id("modal-submit").click()
    expect(ada.page.get_by_test_id("field-error")).to_contain_text("Please complete this required field.")
    ada.page.get_by_test_id("modal-close").click()
    expect(ada.modal).to_have_count(0)
    assert decisions(demo, run) == []

    press(ada.card(), "Reject")
    ada.modal.locator("[data-action-id=reason]").fill("We had a post about paper last week. In March, please.")
    ada.picture("modal")
    ada.modal.locator("[data-action-id=reason]").fill(REASON)
    ada.page.get_by_test_id("modal-submit").click()
    expect(ada.modal).to_have_count(0)
    card = ada.card()
    expect(card).to_contain_text("Rejected by @Ada Byron: “")
    expect(card).to_contain_text(REASON_SHOWN)
    expect(card.locator("strong").filter(has_text="last week")).to_have_count(0)
    expect(buttons(card)).to_have_count(0)
    expect(card).to_contain_text(BODY)

    end = mina.in_thread("rejected")
    expect(end).to_contain_text("@Mina Park")
    expect(end).to_contain_text(REASON_SHOWN)
    expect(run.root).to_contain_text("rejected")
    run.expect_step("editorial", "error")
    run.expect_step("publish", "pending")
    assert demo.ended(run.name)["status"] == "rejected"
    lena = office.enter("lena", "#content-alerts")
    expect(lena.page.locator(".channel [data-ts]").filter(has_text=run.name)).to_have_count(0)


def test_who_may_not_decide_is_told_so_in_private_where_they_clicked(office: Office, demo: Demo) -> None:
    mina, run = at_review(office, "Paper for friends")
    mina.type("/invite @otto ")  # the space ends the offer of names
    expect(mina.page.locator(".channel [data-ts]").filter(has_text="@Otto Lund has joined")).to_be_visible()
    refusals = {
        "mina": "You started this run, so you may not decide",
        "gus": "only for members of this organisation; you are a guest here",
        "otto": "only for members of this organisation; you belong to another organisation",
        "omar": "Only @editors may decide",
    }
    for who, words in refusals.items():
        screen = before_card(office, who, run)
        press(screen.card(), "Approve")
        expect(screen.told_privately(words)).to_be_visible()
        expect(buttons(screen.card())).to_have_count(ANSWERS)
    ada = before_card(office, "ada", run)
    expect(ada.thread.locator("[data-ephemeral]")).to_have_count(0)
    assert decisions(demo, run) == []
    refused = [one["actor"]["id"] for one in demo.history(run.name) if one["event"] == "DecisionRefused"]
    assert refused == ["U0MINA", "U0GUS", "U0OTTO", "U0OMAR"]


def test_a_double_click_decides_once(office: Office, demo: Demo) -> None:
    _, run = at_review(office, "Paper, paper")
    ada = before_card(office, "ada", run)
    with demo.fault("chat.update", "delay", times=None, ms=800):
        ada.card().locator("[data-action-id=gate_approve]").dblclick()
        expect(ada.told_privately("You approved")).to_be_visible()
    expect(ada.card()).to_contain_text("Approved by @Ada Byron")
    assert [one["actor"]["id"] for one in decisions(demo, run)] == ["U0ADA"]
    assert demo.ended(run.name)["status"] == "succeeded"
    assert ada.toast.count() == 0


def test_of_two_approvers_the_later_learns_who_was_first(office: Office, demo: Demo) -> None:
    _, run = at_review(office, "Paper for two")
    ada, ravi = before_card(office, "ada", run), before_card(office, "ravi", run)
    with demo.fault("chat.update", "delay", times=None, ms=800):
        press(ada.card(), "Approve")
        press(ravi.card(), "Reject")
        expect(ada.told_privately("You approved")).to_be_visible()
        expect(ravi.told_privately("Already approved by @Ada Byron")).to_be_visible()
    expect(ravi.modal).to_have_count(0)
    expect(ravi.card()).to_contain_text("Approved by @Ada Byron")
    expect(buttons(ravi.card())).to_have_count(0)
    assert [(one["actor"]["id"], one["verdict"]) for one in decisions(demo, run)] == [("U0ADA", "approve")]


def test_a_run_that_is_cancelled_is_asked_about_first(office: Office, demo: Demo) -> None:
    mina, run = at_review(office, "Paper to be pulped")
    ada = before_card(office, "ada", run)
    press(run.root, "Cancel Run")
    mina.page.get_by_test_id("confirm-deny").click()
    expect(buttons(ada.card())).to_have_count(ANSWERS)
    press(run.root, "Cancel Run")
    expect(mina.page.get_by_test_id("confirm")).to_contain_text("What has already happened stays.")
    mina.page.get_by_test_id("confirm-accept").click()
    expect(run.root).to_contain_text("Cancelled by @Mina Park")
    run.expect_step("publish", "pending")
    expect(ada.card()).to_contain_text("Withdrawn")
    expect(buttons(ada.card())).to_have_count(0)
    assert demo.ended(run.name)["status"] == "cancelled"


def test_one_window_serves_two_people_in_turn(office: Office, demo: Demo) -> None:
    mina, run = at_review(office, "Paper in one window")
    mina.open_thread(run)
    press(mina.card(), "Approve")
    expect(mina.told_privately("You started this run")).to_be_visible()
    mina.act_as("ravi")
    expect(mina.thread.locator("[data-ephemeral]")).to_have_count(0)
    press(mina.card(), "Approve")
    expect(mina.card()).to_contain_text("Approved by @Ravi Shah")
    assert demo.ended(run.name)["status"] == "succeeded"
