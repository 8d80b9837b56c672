"""Retries of parts, story by story: items of lists, blocks, and what was taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.rules.commands import (
    Cancel,
    Refusal,
    Retry,
    Tick,
)
from engine.rules.computing import filled
from engine.rules.scope import at
from store.events import (
    BlockReopened,
    ClockTurned,
    EndingBegun,
    RunReopened,
    StepReady,
    StepsReset,
)
from store.model import Facts, RunStatus
from tests.support.engines import MINA, block, gate, plan, step
from tests.support.story import Story
from tests.support.voting import LENA, answered, opened

AGAIN = Retry(MINA, "the server is back")
HOUR = 3_600_000


# Taken back ----------------------------------------------------------------------------------------------------------


def undoing() -> Story:
    undo = (step("book:undo", "http"),)
    return Story(plan(step("book", "http", effect="once"), step("pay", "http", ["book"]), step("tell"), undo=undo))


def test_what_was_taken_back_is_done_again_without_asking():
    story = undoing().done("book").done("tell").failed("pay").done("book:undo")
    assert story.run.status is RunStatus.FAILED
    story.when(AGAIN).then(RunReopened, StepsReset, StepReady, ClockTurned)
    assert story.statuses() == {"book": "ready", "pay": "pending", "tell": "succeeded", "book:undo": "skipped"}
    assert story.rounds()["book"] == 2


def test_what_could_not_be_taken_back_is_done_again_only_when_confirmed():
    story = undoing().done("book").done("tell").failed("pay").failed("book:undo")
    story.when(AGAIN).then(Refusal.ONCE_WOULD_REPEAT)


def test_what_was_taken_back_once_and_done_again_stands():
    story = undoing().done("book").done("tell").failed("pay").done("book:undo").given(AGAIN)
    story.done("book").done("pay")
    assert story.run.status is RunStatus.SUCCEEDED
    story.when(AGAIN).then(Refusal.NOTHING_TO_RETRY)
    story.given(replace(AGAIN, from_step="tell"))
    assert story.statuses(("book", "pay", "tell")) == {"book": "succeeded", "pay": "succeeded", "tell": "ready"}


def test_what_was_done_again_is_taken_back_again_in_a_round_of_its_own():
    story = undoing().done("book").done("tell").failed("pay").done("book:undo").given(AGAIN)
    story.done("book").failed("pay")
    assert isinstance(story.answer.events[-2], EndingBegun)
    before = story.run.steps["book:undo"].round
    assert before > 1
    story.done("book:undo")
    assert story.run.status is RunStatus.FAILED


def test_the_last_steps_are_done_at_every_end():
    made = plan(step("a", "http"), step("tell", "message", phase="finally"))
    story = Story(made).failed("a").done("tell").given(AGAIN).done("a").done("tell")
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.steps["tell"].round == 2


# Lists ---------------------------------------------------------------------------------------------------------------


def listing(**more: Any) -> Story:
    made = plan(
        block("each", each="${{ inputs.list }}", as_="one", **more),
        step("each.get", "http", with_="${{ one }}"),
        step("each.put", "http", ["each.get"], with_="${{ steps.get.output }}"),
        step("after", "http", ["each"]),
    )
    return Story(made, {"list": ["a", "b", "c"]})


def test_only_the_items_that_failed_are_done_again():
    story = listing(tolerate=3)
    for n in (1, 2, 3):
        story.done(f"each.get[{n}]", n)
    story.done("each.put[1]").failed("each.put[2]").done("each.put[3]")
    story.failed("after").when(AGAIN)
    story.then(RunReopened, BlockReopened, StepsReset, StepReady, ClockTurned)
    ready = {key for key, one in story.run.steps.items() if one.status == "ready"}
    assert ready == {"each.put[2]"}
    story.done("each.put[2]")
    assert story.statuses()["each"] == "succeeded"
    assert (story.run.steps["each"].fan.ended, story.run.steps["each"].fan.failed) == (3, 0)


def test_items_that_had_not_begun_when_the_list_was_given_up_begin_at_the_retry():
    story = listing(concurrency=1).failed("each.get[1]")
    assert story.run.status is RunStatus.FAILED
    story.given(AGAIN)
    for n in (1, 2, 3):
        story.done(f"each.get[{n}]", n).done(f"each.put[{n}]", n)
    story.done("after")
    assert story.run.status is RunStatus.SUCCEEDED
    assert [len(one) for one in story.run.steps["each"].output.value] == [2, 2, 2]


def test_items_that_were_cancelled_with_the_run_know_their_element_at_the_retry():
    story = listing().done("each.get[1]", 1).given(Cancel(MINA)).given(AGAIN)
    row = story.run.steps["each.get[2]"]
    assert filled("${{ one }}", story.plan, story.run, Facts(), at(row)) == "b"


def test_a_retry_from_an_item_does_all_of_that_item_and_nothing_of_the_others():
    story = listing()
    for n in (1, 2, 3):
        story.done(f"each.get[{n}]", n).done(f"each.put[{n}]", n)
    story.failed("after").given(replace(AGAIN, from_step="each[2]"))
    again = {key for key, one in story.run.steps.items() if one.status in ("ready", "pending")}
    assert again == {"each.get[2]", "each.put[2]", "after"}


def test_a_retry_from_a_list_that_failed_does_all_of_it():
    story = listing().done("each.get[1]", 1).failed("each.get[2]")
    for key in ("each.put[1]", "each.get[3]"):
        assert story.statuses()[key] == "cancelled"
    story.given(replace(AGAIN, from_step="each"))
    assert {key for key, one in story.run.steps.items() if one.status == "ready"} == {
        "each.get[1]",
        "each.get[2]",
        "each.get[3]",
    }
    assert story.run.steps["each.get[1]"].round == 2


def test_an_item_that_is_no_longer_in_the_list_is_left_alone_by_a_retry():
    made = plan(
        step("list", "http"),
        block("each", ["list"], each="${{ steps.list.output }}", as_="one", key="${{ one }}"),
        gate("each.ask", expires_ms=HOUR, on_expiry="continue"),
        step("after", "http", ["each"]),
    )
    story = opened(Story(made).done("list", ["a", "b"]), "each.ask[a]")
    opened(story, "each.ask[b]").when(Tick(), after=HOUR).failed("after")
    opened(story.given(replace(AGAIN, from_step="list")).done("list", ["a"]), "each.ask[a]")
    answered(story, "each.ask[a]", LENA)
    story.failed("after").given(AGAIN)
    assert story.statuses()["each.ask[b]"] == "skipped"
    story.done("after")
    assert story.run.status is RunStatus.SUCCEEDED


def test_a_block_that_never_began_in_this_round_begins_from_the_start():
    made = plan(step("a", "http"), block("b", ["a"]), step("b.x", "http"), step("c", "http", ["b"]))
    story = Story(made).done("a").done("b.x").failed("c")
    story.given(replace(AGAIN, from_step="a")).failed("a").given(AGAIN).done("a")
    assert story.statuses() == {"a": "succeeded", "b": "running", "b.x": "ready", "c": "pending"}


def test_items_that_were_given_up_in_a_run_that_went_well_are_taken_up_with_those_that_failed():
    story = listing(on_failure="continue").done("each.get[1]", 1).failed("each.get[2]")
    assert (story.run.status, story.statuses()["each.get[3]"]) == (RunStatus.SUCCEEDED, "cancelled")
    story.given(AGAIN)
    ready = {key for key, one in story.run.steps.items() if one.status == "ready"}
    assert ready == {"each.put[1]", "each.get[2]", "each.get[3]"}
