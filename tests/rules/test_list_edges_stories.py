"""Lists and blocks at their edges: room that is counted rightly, nested lists, and what is cancelled with them."""

from __future__ import annotations

from typing import Any

from engine.rules.commands import Cancel, Claim, Retry, StartWait, Tick
from engine.rules.computing import value_of
from engine.rules.scope import at
from store.events import GateClosed, StepReady
from store.model import NO_FACTS, Changes, GateState, Review, StepStatus, changed
from tests.support.engines import MINA, RAVI, block, gate, plan, step
from tests.support.story import Story
from tests.support.voting import answered, opened

AGAIN = Retry(MINA, "the server is back")


def each(values: Any, *steps: Any, **fan: Any) -> Story:
    return Story(plan(block("all", each="${{ inputs.list }}", **fan), *steps), {"list": values})


def nested(values: Any, **fan: Any) -> Story:
    """A list of lists, and one step for each of their elements."""
    inner = block("all.in", each="${{ outer }}")
    return each(values, inner, step("all.in.one", "http"), as_="outer", **fan)


def sees(story: Story, key: str, text: str) -> Any:
    return value_of(f"${{{{ {text} }}}}", story.plan, story.run, NO_FACTS, at(story.run.steps[key]))


# Room ----------------------------------------------------------------------------------------------------------------


def test_steps_of_one_item_share_its_place():
    """An item that is busy anyway takes no second place, neither at once nor later."""
    story = each(["x", "y"], step("all.a"), step("all.b", "http"), step("all.c", after=["all.a"]), concurrency=1)
    assert story.statuses() == {
        "all": "running",
        "all[1]": "running",
        "all.a[1]": "ready",
        "all.b[1]": "ready",
        "all.c[1]": "pending",
    }
    story.given(Claim("all.b[1]")).done("all.a[1]")
    assert story.statuses(["all.c[1]"]) == {"all.c[1]": "ready"}
    assert "all[2]" not in story.run.steps


def test_an_item_with_a_list_of_its_own_takes_one_place_however_many_are_busy_in_it():
    story = nested([["a", "b"], ["c", "d"], ["e"]], concurrency=2)
    assert story.statuses(["all.in.one[2/2]", "all.in.one[3/1]"]) == {
        "all.in.one[2/2]": "ready",
        "all.in.one[3/1]": "pending",
    }
    story.done("all.in.one[1/1]").done("all.in.one[1/2]")
    assert story.statuses(["all[1]", "all[3]", "all.in.one[3/1]"]) == {
        "all[1]": "succeeded",
        "all[3]": "running",
        "all.in.one[3/1]": "ready",
    }


def test_what_is_held_in_two_lists_goes_on_where_there_is_room_and_in_the_order_of_the_run():
    steps = (step("all.nap", "wait"), step("all.go", "http", after=["all.nap"]))
    story = each(["x", "y", "z"], *steps, concurrency=1)
    for n in (1, 2, 3):
        key = f"all.nap[{n}]"
        story.given(Claim(key)).given(StartWait(story.at(key), story.now + 10))
    story.when(Tick(), after=10)
    assert story.statuses(["all.go[1]", "all.go[2]", "all.go[3]"]) == {
        "all.go[1]": "ready",
        "all.go[2]": "pending",
        "all.go[3]": "pending",
    }
    story.done("all.go[1]")
    ready = [event.place.key for event in story.answer.events if isinstance(event, StepReady)]
    assert ready == ["all.go[2]"]
    story.done("all.go[2]").done("all.go[3]")
    assert story.run.status.finished


def test_items_that_are_held_go_before_new_ones():
    steps = (step("all.nap", "wait"), step("all.go", "http", after=["all.nap"]))
    story = each(["x", "y", "z"], *steps, concurrency=2)
    for n in (1, 2):
        key = f"all.nap[{n}]"
        story.given(Claim(key)).given(StartWait(story.at(key), story.now + 10 * n))
    # Whoever waits is not busy, so the third has begun; with it and the first there is no room for the second.
    assert story.statuses(["all[3]", "all.nap[3]"]) == {"all[3]": "running", "all.nap[3]": "ready"}
    story.when(Tick(), after=10).when(Tick(), after=10)
    assert story.statuses(["all.go[1]", "all.go[2]"]) == {"all.go[1]": "ready", "all.go[2]": "pending"}
    story.done("all.go[1]")
    assert story.statuses(["all.go[2]"]) == {"all.go[2]": "ready"}


# Nested --------------------------------------------------------------------------------------------------------------


def test_the_keys_of_a_list_within_a_list_may_use_the_element_around_them():
    inner = block("all.in", each="${{ outer.list }}", key="${{ outer.id + item }}")
    story = each([{"id": "p-", "list": ["a"]}], inner, step("all.in.one", "http"), as_="outer")
    assert "all.in.one[1/p-a]" in story.run.steps


def test_an_item_that_is_done_again_takes_with_it_what_stands_in_it_and_no_other_item():
    values = [["a", "b"], ["c"], *([["z"]] * 9)]
    story = nested(values, concurrency=99, tolerate=99)
    for key in [key for key in story.run.steps if key.startswith("all.in.one[")]:
        story.done(key)
    story.given(Retry(MINA, from_step="all[1]"))
    again = {key for key, one in story.run.steps.items() if one.status is StepStatus.READY}
    assert again == {"all.in.one[1/1]", "all.in.one[1/2]"}
    assert story.statuses(["all.in.one[2/1]", "all.in.one[11/1]", "all[11]"]) == {
        "all[11]": "succeeded",
        "all.in.one[2/1]": "succeeded",
        "all.in.one[11/1]": "succeeded",
    }


def test_a_list_that_is_gone_through_again_shows_nothing_of_the_last_time():
    made = plan(
        step("draft"), block("all", ["draft"], each="${{ inputs.list }}", concurrency=1), step("all.one", "http")
    )
    story = Story(made, {"list": ["x", "y"]}).done("draft").done("all.one[1]").done("all.one[2]")
    story.given(Retry(MINA, from_step="draft")).done("draft")
    assert sees(story, "draft", "steps.all.items[1]") == {"key": "2", "status": "pending"}
    assert sees(story, "draft", "steps.all.items[0].status") == "running"


def test_a_step_in_a_plain_block_sees_what_was_said_of_the_block():
    story = Story(plan(block("all"), step("all.one", "http")))
    review = Review(2, "shorter", changed(story.run, name="x").inputs, "U0RAVI")
    run = changed(story.run, steps={**story.run.steps, "all": changed(story.run.steps["all"], review=review)})
    text = "${{ review.comment }}"
    assert value_of(text, story.plan, run, NO_FACTS, at(run.steps["all.one"])) == "shorter"
    assert value_of(text, story.plan, story.run, NO_FACTS, at(story.run.steps["all.one"])) == ""


# Ending --------------------------------------------------------------------------------------------------------------


def test_a_block_within_a_block_that_failed_says_why_it_ended():
    made = plan(block("all"), step("all.a", "http"), block("all.in"), step("all.in.b", "http"))
    story = Story(made).failed("all.a")
    assert story.run.steps["all.in"].reason == "all.a failed"
    assert story.run.steps["all.in.b"].reason == "all.a failed"


def test_an_item_of_a_list_of_which_too_many_failed_says_why_it_ended():
    story = each(["x", "y"], step("all.one", "http"), step("all.two", "http", ["all.one"])).failed("all.one[1]")
    assert story.run.steps["all[2]"].reason == "too many items failed"
    assert story.run.steps["all.one[2]"].reason == "too many items failed"


def test_a_gate_that_was_sent_back_is_not_withdrawn_when_its_run_is_cancelled():
    """It was answered: nobody must be told that the question has fallen away."""
    made = plan(
        step("draft"),
        gate("review", ("draft",), with_={"question": "?", "show": 1}, changes=Changes("draft", rounds=9)),
    )
    story = opened(Story(made).done("draft"), "review")
    answered(story, "review", RAVI, "changes", comment="shorter").given(Cancel(MINA))
    assert story.run.steps["review"].gate.state is GateState.RETURNED
    assert not [event for event in story.answer.events if isinstance(event, GateClosed)]
