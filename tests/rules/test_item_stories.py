"""Blocks done for each element of a list: every item goes its own way, and none is forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.rules.commands import (
    AwaitChild,
    Cancel,
    Claim,
    Decide,
    Pause,
    Refusal,
    ReportChild,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportSuccess,
    Resume,
    Retry,
    Settle,
    StartWait,
    Tick,
)
from engine.rules.computing import filled, value_of
from engine.rules.scope import at
from store.events import (
    AttemptFailed,
    BlockEntered,
    ClockTurned,
    DecisionMade,
    GateClosed,
    ItemBegun,
    ItemEnded,
    RunFinished,
    RunStarted,
    StepFailed,
    StepHeld,
    StepReady,
    StepSettled,
    StepSucceeded,
    StepUnknown,
)
from store.model import NO_FACTS, Content, Failure, Person, RunStatus
from store.model import Retry as Tries
from tests.support.engines import MINA, RAVI, block, gate, plan, step
from tests.support.story import Story

EDITOR = Person("U0RAVI", "Ravi", True, ("@editors",), 0)
DOWN = Failure("http_status", "503 from the server", retryable=True)


def each(values: object, *steps: object, behind: bool = False, **fan: object) -> Story:
    """A run that goes through the values with these steps, or with one http step."""
    inside = steps or (step("all.one", "http"),)
    last = (step("last", after=["all"]),) if behind else ()
    return Story(plan(block("all", each="${{ inputs.list }}", **fan), *inside, *last), {"list": values})


def sees(story: Story, key: str, text: str) -> object:
    """What an expression of this step gives."""
    return value_of(text, story.plan, story.run, NO_FACTS, at(story.run.steps[key]))


# The list ----------------------------------------------------------------------------------------------------------


def test_the_list_is_kept_before_the_first_item_begins():
    story = each(["a", "b"]).then(RunStarted, BlockEntered, ItemBegun, ItemBegun, StepReady, StepReady)
    entered = story.last(BlockEntered)
    assert (entered.list, entered.count) == (Content([["1", "a"], ["2", "b"]]), 2)


def test_an_empty_list_succeeds_with_an_empty_list():
    each([]).then(RunStarted, BlockEntered, StepSucceeded, RunFinished)
    story = each([], behind=True)
    assert story.run.steps["all"].output == Content([])
    assert story.statuses(["last"]) == {"last": "ready"}


def test_outputs_stand_in_the_order_of_the_list_whoever_ends_first():
    story = each(["a", "b", "c"]).done("all.one[3]", 30).done("all.one[1]", 10).done("all.one[2]", 20)
    assert story.run.steps["all"].output == Content([{"one": 10}, {"one": 20}, {"one": 30}])


def test_an_item_amounts_to_what_the_output_of_the_block_says():
    story = each([5, 6], with_="${{ item + steps.one.output }}").done("all.one[1]", 10).done("all.one[2]", 20)
    assert story.run.steps["all"].output == Content([15, 26])


def test_a_list_that_is_computed_from_what_came_before():
    made = plan(step("get"), block("all", ["get"], each="${{ steps.get.output.ids }}", as_="id"), step("all.one"))
    story = Story(made).done("get", {"ids": [7, 8]})
    assert sees(story, "all.one[2]", "${{ id }}") == 8


def test_items_may_have_keys_of_their_own():
    story = each([{"id": "x"}, {"id": 9}], key="${{ item.id }}")
    assert set(story.statuses()) == {"all", "all[x]", "all[9]", "all.one[x]", "all.one[9]"}


def test_a_key_may_use_the_name_of_the_element_and_what_stands_around():
    story = Story(
        plan(
            block("all", each="${{ inputs.list }}", as_="claim", key="${{ inputs.front + claim.id }}"), step("all.one")
        ),
        {"list": [{"id": "x"}], "front": "c-"},
    )
    assert sees(story, "all.one[c-x]", "${{ claim.id }}") == "x"


@pytest.mark.parametrize("key", ["a/b", "50%", "a[1]", "a.b", "[", "]]", "ä ö"])
def test_a_key_may_be_any_text(key: str):
    story = each([{"id": key}], key="${{ item.id }}")
    (name,) = [name for name in story.run.steps if name.startswith("all.one[")]
    assert sees(story, name, "${{ item.id }}") == key
    story.done(name)
    assert story.run.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("values", "key", "what"),
    [
        ("text", None, "foreach gave a text"),
        ({"a": 1}, None, "foreach gave an object"),
        (None, None, "foreach gave null"),
        (3, None, "foreach gave a number"),
        (True, None, "foreach gave true or false"),
        ([{"id": 1}, {"id": 2}, {"id": 1}], "${{ item.id }}", "elements 1 and 3 have the same key '1'"),
        ([{"id": 1}, {"id": "1"}], "${{ item.id }}", "elements 1 and 2 have the same key '1'"),
        ([{"id": None}], "${{ item.id }}", "the key of element 1 is null"),
        ([{"id": 1.5}], "${{ item.id }}", "the key of element 1 is a number"),
        ([{"id": True}], "${{ item.id }}", "the key of element 1 is true or false"),
        ([{"id": ""}], "${{ item.id }}", "the key of element 1 is an empty text"),
        ([0] * 10_001, None, "it has 10,001 elements, and at most 10,000 are gone through"),
    ],
)
def test_what_is_no_list_of_distinct_items_fails_the_block_before_it_begins(values, key, what):
    story = each(values, key=key)
    assert story.run.error.code == "list_invalid"
    assert what in story.run.error.message
    assert story.statuses() == {"all": "failed"}


@pytest.mark.parametrize(
    "fan", [{"each": "${{ inputs.missing }}"}, {"each": "${{ inputs.list }}", "key": "${{ item.id }}"}]
)
def test_a_list_or_a_key_that_cannot_be_computed_fails_the_block(fan):
    story = Story(plan(block("all", **fan), step("all.one")), {"list": [{}]})
    assert story.run.error.code == "list_failed"


def test_a_workflow_may_allow_fewer_items():
    made = plan(block("all", each="${{ inputs.list }}"), step("all.one"), items_max=2)
    story = Story(made, {"list": [1, 2, 3]})
    assert "at most 2 are gone through" in story.run.error.message
    assert Story(made, {"list": [1, 2]}).run.status is RunStatus.RUNNING


def test_a_bad_list_may_be_allowed_to_fail():
    story = Story(plan(block("all", each="${{ inputs.n }}", on_failure="continue"), step("all.one")), {"n": 3})
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.warnings


def test_ten_thousand_items_are_gone_through():
    story = each([0] * 10_000, concurrency=10_000)
    assert story.run.active == 10_000


def test_items_without_steps_end_at_once():
    story = Story(plan(block("all", each="${{ inputs.list }}")), {"list": [1] * 100})
    assert story.run.steps["all"].output == Content([{}] * 100)


def test_items_of_which_every_step_is_skipped_end_at_once():
    story = each([1] * 100, step("all.one", when="${{ item > 1 }}"))
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.steps["all"].output == Content([{}] * 100)


# What an item sees -------------------------------------------------------------------------------------------------


def test_each_item_sees_its_own_steps_and_everything_further_out():
    made = plan(
        step("first"),
        block("all", ["first"], each="${{ inputs.list }}", as_="claim"),
        step("all.one"),
        step("all.two", after=["all.one"]),
    )
    story = Story(made, {"list": ["a", "b"]}).done("first", "f").done("all.one[1]", "mine").done("all.one[2]", "other")
    seen = sees(story, "all.two[1]", "${{ claim + steps.one.output + steps.first.output }}")
    assert seen == "aminef"


def test_a_condition_is_asked_for_each_item():
    story = each([1, 5], step("all.one", when="${{ item > 3 }}"), step("all.two", after=["all.one"]))
    assert story.statuses(["all.one[1]", "all.two[1]", "all.one[2]", "all.two[2]"]) == {
        "all.one[1]": "skipped",
        "all.two[1]": "skipped",
        "all.one[2]": "ready",
        "all.two[2]": "pending",
    }


def test_a_condition_that_cannot_be_computed_fails_its_item_alone():
    story = each([{}, {"n": 5}], step("all.one", when="${{ item.n > 3 }}"), tolerate=1)
    story.done("all.one[2]", "fine")
    assert story.run.steps["all"].output == Content([None, {"one": "fine"}])


def test_the_items_of_a_block_can_be_looked_at():
    story = each(["a", "b", "c"], tolerate=1, concurrency=2, behind=True).done("all.one[1]", 1).failed("all.one[2]")
    items = filled("${{ steps.all.items }}", story.plan, story.run, NO_FACTS)
    error = {"code": "http_status", "message": "400 from the server"}
    assert items == [
        {"key": "1", "status": "succeeded", "output": {"one": 1}, "receipt": None},
        {"key": "2", "status": "failed", "error": error},
        {"key": "3", "status": "running"},
    ]


def test_an_item_that_never_began_is_told_as_cancelled_when_its_block_is_over():
    story = each(["a", "b"], concurrency=1, on_failure="continue", behind=True).failed("all.one[1]")
    items = filled("${{ steps.all.items }}", story.plan, story.run, NO_FACTS)
    assert [item["status"] for item in items] == ["failed", "cancelled"]


# How many at once --------------------------------------------------------------------------------------------------


def test_no_more_items_begin_than_may_be_busy_at_once():
    story = each([1, 2, 3, 4, 5], concurrency=2)
    assert story.run.steps["all"].fan.begun == 2
    story.given(Claim("all.one[1]"))
    story.when(ReportSuccess(story.at("all.one[1]"), Content(1))).then(StepSucceeded, ItemEnded, ItemBegun, StepReady)
    assert story.run.steps["all"].fan.begun == 3


def test_an_item_between_two_steps_is_busy():
    story = each([1, 2], step("all.one"), step("all.two", after=["all.one"]), concurrency=1)
    story.given(Claim("all.one[1]"))
    story.when(ReportSuccess(story.at("all.one[1]"), Content(1))).then(StepSucceeded, StepReady)


def test_an_item_that_waits_for_its_next_try_is_busy():
    story = each([1, 2], concurrency=1).given(Claim("all.one[1]"))
    story.when(ReportFailure(story.at("all.one[1]"), DOWN)).then(AttemptFailed)


def test_an_item_whose_work_goes_on_elsewhere_is_busy():
    story = each([1, 2], concurrency=1).given(Claim("all.one[1]"))
    story.given(ReportPolling(story.at("all.one[1]"), {"id": 7}, story.now + 1_000))
    assert story.run.steps["all"].fan.begun == 1


def gated(**fan: object) -> Story:
    """Two items that ask people before they publish; as many are busy as the story says."""
    steps = (gate("all.ask"), step("all.publish", "http", after=["all.ask"]))
    return each(["a", "b"], *steps, **fan)


def test_an_item_that_waits_for_people_makes_room_for_the_next():
    story = gated(concurrency=1).given(Claim("all.ask[1]"))
    opened = story.opening("all.ask", place=story.at("all.ask[1]"))
    story.given(opened)
    assert story.statuses(["all.ask[1]", "all.ask[2]"]) == {"all.ask[1]": "waiting", "all.ask[2]": "ready"}


def test_an_item_that_waits_for_a_moment_or_for_another_run_makes_room_for_the_next():
    story = each([1, 2, 3], step("all.sleep", "wait"), concurrency=1).given(Claim("all.sleep[1]"))
    story.given(StartWait(story.at("all.sleep[1]"), story.now + 60_000)).given(Claim("all.sleep[2]"))
    story.given(AwaitChild(story.at("all.sleep[2]"), "run9"))
    assert story.statuses(["all.sleep[3]"]) == {"all.sleep[3]": "ready"}
    story.given(ReportChild("all.sleep[2]", "run9", RunStatus.SUCCEEDED)).done("all.sleep[3]")
    story.when(Tick(), after=60_000)
    assert story.run.status is RunStatus.SUCCEEDED


def test_an_item_whose_gate_was_answered_is_held_while_there_is_no_room():
    story = gated(concurrency=1).asked("all.ask[1]")
    story.when(Decide("all.ask[1]", RAVI, "approve"), person=EDITOR)
    story.then(DecisionMade, GateClosed, StepSucceeded, StepHeld)
    story.when(Claim("all.publish[1]")).then(Refusal.STEP_NOT_READY)
    assert story.statuses(["all.publish[1]", "all.ask[2]"]) == {"all.publish[1]": "pending", "all.ask[2]": "ready"}
    story.given(Claim("all.ask[2]"))
    story.when(story.opening("all.ask", place=story.at("all.ask[2]")))
    assert isinstance(story.answer.events[-1], StepReady), "what was held goes on when there is room"
    assert story.run.held == {}


def test_what_was_held_goes_on_before_the_next_item_begins():
    steps = (gate("all.ask"), step("all.publish", "http", after=["all.ask"]))
    story = each(["a", "b", "c"], *steps, concurrency=1).asked("all.ask[1]")
    story.given(Decide("all.ask[1]", RAVI, "approve"), person=EDITOR).asked("all.ask[2]")
    assert story.statuses(["all.publish[1]"]) == {"all.publish[1]": "ready"}
    assert story.run.steps["all"].fan.begun == 2
    story.done("all.publish[1]")
    assert story.run.steps["all"].fan.begun == 3


def test_what_is_to_happen_again_is_held_while_there_is_no_room():
    story = each([1, 2], step("all.pay", "http", effect="once"), concurrency=1).given(Claim("all.pay[1]"))
    story.when(ReportInterrupted(story.at("all.pay[1]"), "the service stopped"))
    story.then(StepUnknown, ItemBegun, StepReady)
    story.when(Settle("all.pay[1]", MINA, "again")).then(StepSettled, StepHeld)
    story.done("all.pay[2]").done("all.pay[1]")
    assert story.run.status is RunStatus.SUCCEEDED


def test_answers_that_come_all_at_once_are_held_one_by_one():
    story = gated(concurrency=1, tolerate=0).asked("all.ask[1]").asked("all.ask[2]")
    made = story.run.steps["all.ask[1]"].gate
    assert made is not None
    policy = replace(story.plan.step("all.ask"), gate=replace(story.plan.step("all.ask").gate, on_expiry="approve"))
    story.plan = plan(story.plan.step("all"), policy, story.plan.step("all.publish"))
    story.when(Tick(), after=made.expires_at)
    assert story.statuses(["all.publish[1]", "all.publish[2]"]) == {
        "all.publish[1]": "ready",
        "all.publish[2]": "pending",
    }
    assert set(story.run.held) == {"all.publish[2]"}


# Failing -----------------------------------------------------------------------------------------------------------


def test_one_failed_item_fails_the_block_at_once_and_stops_the_others():
    story = each([1, 2, 3, 4], concurrency=3, behind=True).given(Claim("all.one[2]")).failed("all.one[1]")
    assert story.statuses(["all", "all[3]", "all.one[2]", "all.one[3]", "last"]) == {
        "all": "running",
        "all[3]": "cancelled",
        "all.one[2]": "running",
        "all.one[3]": "cancelled",
        "last": "pending",
    }
    story.when(ReportSuccess(story.at("all.one[2]"), Content(2)))
    assert story.run.status is RunStatus.FAILED
    assert story.run.error.code == "items_failed"
    assert story.run.error.message == "1 of 4 items failed (1): 400 from the server"
    assert story.statuses(["all.one[2]", "last"]) == {"all.one[2]": "succeeded", "last": "cancelled"}
    assert "all[4]" not in story.run.steps


def test_a_block_that_fails_withdraws_the_gates_of_its_other_items():
    story = each([1, 2], gate("all.ask"), step("all.one", "http")).asked("all.ask[2]").failed("all.one[1]")
    assert story.run.steps["all.ask[2]"].gate.state == "withdrawn"
    assert story.run.status is RunStatus.FAILED


def test_a_block_that_fails_waits_until_people_say_what_became_of_an_unknown_effect_in_it():
    story = each([1, 2], step("all.pay", "http", effect="once"), on_failure="continue").given(Claim("all.pay[1]"))
    story.given(ReportInterrupted(story.at("all.pay[1]"), "the service stopped")).failed("all.pay[2]")
    assert story.statuses(["all"]) == {"all": "running"}
    story.when(Settle("all.pay[1]", MINA, "happened"))
    assert story.statuses(["all", "all.pay[1]"]) == {"all": "failed", "all.pay[1]": "succeeded"}
    assert story.run.status is RunStatus.SUCCEEDED


def test_as_many_items_may_fail_as_are_tolerated():
    story = each([1, 2, 3], tolerate=1, behind=True).failed("all.one[1]").done("all.one[2]", 2)
    story.done("all.one[3]", 3)
    assert story.run.steps["all"].output == Content([None, {"one": 2}, {"one": 3}])
    assert each([1, 2, 3], tolerate=1).failed("all.one[1]").failed("all.one[2]").run.status is RunStatus.FAILED


@pytest.mark.parametrize(
    ("percent", "failing", "status"), [(50, 2, "succeeded"), (49, 2, "failed"), (25, 1, "succeeded")]
)
def test_as_large_a_part_of_the_items_may_fail_as_is_tolerated(percent: int, failing: int, status: str):
    story = each([1, 2, 3, 4], tolerate=percent, tolerate_percent=True)
    for n in range(4, 4 - failing, -1):
        story.failed(f"all.one[{n}]")
    for n in range(1, 5 - failing):
        if not story.run.status.finished:
            story.done(f"all.one[{n}]")
    assert story.run.status == status


def test_all_items_may_fail_when_that_is_tolerated():
    story = each([1, 2], tolerate=100, tolerate_percent=True).failed("all.one[1]").failed("all.one[2]")
    assert story.run.steps["all"].output == Content([None, None])


def test_the_last_item_that_fails_fails_the_block_as_well():
    story = each([1, 2]).done("all.one[1]").given(Claim("all.one[2]")).failed_now("all.one[2]")
    assert [type(event) for event in story.answer.events[:3]] == [StepFailed, ItemEnded, StepFailed]
    assert story.run.status is RunStatus.FAILED


def test_a_step_that_fails_stops_the_rest_of_its_item_and_no_other():
    steps = (step("all.one", "http"), step("all.two", after=["all.one"]))
    story = each([1, 2], *steps, tolerate=1).failed("all.one[1]")
    assert story.statuses(["all[1]", "all.two[1]", "all[2]", "all.one[2]"]) == {
        "all[1]": "failed",
        "all.two[1]": "cancelled",
        "all[2]": "running",
        "all.one[2]": "ready",
    }


def test_a_step_that_may_fail_does_not_fail_its_item():
    story = each([1], step("all.one", "http", on_failure="continue"), step("all.two")).failed("all.one[1]")
    story.done("all.two[1]", 2)
    assert story.run.steps["all"].output == Content([{"two": 2}])


def test_a_try_that_fails_is_tried_again_within_its_item():
    story = each([1], step("all.one", "http", retry=Tries(2, 10, 10))).given(Claim("all.one[1]"))
    story.when(ReportFailure(story.at("all.one[1]"), DOWN)).then(AttemptFailed)
    story.when(Claim("all.one[1]"), after=10)
    story.given(ReportSuccess(story.at("all.one[1]"), Content("at last")))
    assert story.run.steps["all"].output == Content([{"one": "at last"}])


def test_an_output_that_cannot_be_computed_fails_its_item_alone():
    story = (
        each([1, 2], with_="${{ steps.one.output.n }}", tolerate=1).done("all.one[1]", {}).done("all.one[2]", {"n": 2})
    )
    assert story.run.steps["all"].output == Content([None, 2])
    assert story.run.steps["all[1]"].error.code == "output_failed"


def test_an_unknown_effect_holds_up_its_item_and_no_other():
    story = each([1, 2], step("all.pay", "http", effect="once")).given(Claim("all.pay[1]"))
    story.given(ReportInterrupted(story.at("all.pay[1]"), "the service stopped")).done("all.pay[2]", 2)
    assert story.statuses(["all", "all[1]", "all[2]"]) == {"all": "running", "all[1]": "running", "all[2]": "succeeded"}
    story.given(Settle("all.pay[1]", MINA, "happened", Content(1)))
    assert story.run.steps["all"].output == Content([{"pay": 1}, {"pay": 2}])


# People ------------------------------------------------------------------------------------------------------------


def test_every_item_has_a_gate_of_its_own():
    story = gated().asked("all.ask[1]", shown="a").asked("all.ask[2]", shown="b")
    story.given(Decide("all.ask[2]", RAVI, "approve"), person=EDITOR)
    assert story.statuses(["all.ask[1]", "all.publish[1]", "all.publish[2]"]) == {
        "all.ask[1]": "waiting",
        "all.publish[1]": "pending",
        "all.publish[2]": "ready",
    }
    assert story.run.steps["all.ask[1]"].gate.id != story.run.steps["all.ask[2]"].gate.id


def test_a_rejection_in_one_item_ends_the_run_unless_it_may_go_on():
    story = gated().asked("all.ask[1]").given(Decide("all.ask[1]", RAVI, "reject"), person=EDITOR)
    assert story.run.status is RunStatus.REJECTED
    story = each(["a"], gate("all.ask", on_reject="continue")).asked("all.ask[1]")
    story.given(Decide("all.ask[1]", RAVI, "reject"), person=EDITOR)
    assert story.run.steps["all"].output.value[0]["ask"]["verdict"] == "rejected"


# Lists within lists ------------------------------------------------------------------------------------------------


def lists(outer: int = 8, inner: int = 8, values: object = (("a", "b"), ("c",)), **more: object) -> Story:
    made = plan(
        block("all", each="${{ inputs.list }}", as_="row", concurrency=outer),
        block("all.part", each="${{ row }}", as_="cell", concurrency=inner, with_="${{ row[0] + cell }}", **more),
        step("all.part.one", "http"),
        step("all.sum", after=["all.part"]),
    )
    return Story(made, {"list": [list(row) for row in values]})


def test_lists_within_lists_go_their_own_way():
    story = lists()
    assert sees(story, "all.part.one[1/2]", "${{ row[1] + cell }}") == "bb"
    story.done("all.part.one[2/1]").done("all.sum[2]", "c!")
    assert story.statuses(["all[2]", "all[1]", "all.part[1]"]) == {
        "all[2]": "succeeded",
        "all[1]": "running",
        "all.part[1]": "running",
    }
    story.done("all.part.one[1/2]").done("all.part.one[1/1]").done("all.sum[1]", "ab!")
    assert story.run.steps["all"].output == Content(
        [{"part": ["aa", "ab"], "sum": "ab!"}, {"part": ["cc"], "sum": "c!"}]
    )


def test_an_inner_list_may_be_empty():
    story = lists(values=[[], ["c"]])
    assert story.statuses(["all.part[1]", "all.sum[1]"]) == {"all.part[1]": "succeeded", "all.sum[1]": "ready"}


def test_an_inner_element_may_have_the_same_name_as_an_outer_one():
    made = plan(
        block("all", each="${{ inputs.list }}"),
        block("all.part", each="${{ item.cells }}", key="${{ item }}"),
        step("all.part.one"),
        step("all.sum"),
    )
    story = Story(made, {"list": [{"cells": ["x"]}]})
    assert sees(story, "all.part.one[1/x]", "${{ item }}") == "x"
    assert sees(story, "all.sum[1]", "${{ item.cells }}") == ["x"]


def test_every_list_has_a_bound_of_its_own():
    story = lists(outer=1, inner=1)
    assert [key for key, step in story.run.steps.items() if step.status == "ready"] == [
        "all.part.one[1/1]",
        "all.sum[1]",
    ][:1]
    story = lists(outer=2, inner=1)
    assert {key for key, step in story.run.steps.items() if step.status == "ready"} == {
        "all.part.one[1/1]",
        "all.part.one[2/1]",
    }


def test_a_failure_in_an_inner_list_fails_the_outer_item():
    story = lists().failed("all.part.one[1/1]")
    assert story.statuses(["all.part[1]", "all[1]", "all", "all.part[2]", "all.part[2/1]", "all.part.one[2/1]"]) == {
        "all.part[1]": "failed",
        "all[1]": "failed",
        "all": "failed",
        "all.part[2]": "cancelled",
        "all.part[2/1]": "cancelled",
        "all.part.one[2/1]": "cancelled",
    }


def test_a_failure_in_an_inner_list_may_be_tolerated_there():
    story = lists(tolerate=1).failed("all.part.one[1/1]").done("all.part.one[1/2]")
    assert story.run.steps["all.part[1]"].output == Content([None, "ab"])


def test_a_plain_block_within_an_item_is_its_own():
    made = plan(
        block("all", each="${{ inputs.list }}"),
        block("all.both", with_="${{ item + steps.one.output }}"),
        step("all.both.one", "http"),
        step("all.end", after=["all.both"]),
    )
    story = Story(made, {"list": [1, 2]}).done("all.both.one[2]", 20)
    assert story.run.steps["all.both[2]"].output == Content(22)
    assert story.statuses(["all.both[1]", "all.end[1]", "all.end[2]"]) == {
        "all.both[1]": "running",
        "all.end[1]": "pending",
        "all.end[2]": "ready",
    }
    story.failed("all.both.one[1]")
    assert story.statuses(["all.both[1]", "all[1]", "all"]) == {
        "all.both[1]": "failed",
        "all[1]": "failed",
        "all": "failed",
    }


# The run around it -------------------------------------------------------------------------------------------------


def test_cancel_in_the_middle_of_items_ends_each_of_them():
    story = each([1, 2, 3, 4], concurrency=2).done("all.one[1]").given(Claim("all.one[2]")).when(Cancel(MINA))
    story.when(ReportInterrupted(story.at("all.one[2]"), "the run was ended"))
    assert story.run.status is RunStatus.CANCELLED
    assert story.statuses() == {
        "all": "cancelled",
        "all[1]": "succeeded",
        "all.one[1]": "succeeded",
        "all[2]": "cancelled",
        "all.one[2]": "cancelled",
        "all[3]": "cancelled",
        "all.one[3]": "cancelled",
    }


def test_a_deadline_in_the_middle_of_items_fails_the_run():
    story = Story(plan(block("all", each="${{ [1, 2] }}"), step("all.one", "http"), duration_ms=1_000))
    story.done("all.one[1]").given(Claim("all.one[2]")).when(Tick(), after=1_000)
    story.when(ReportInterrupted(story.at("all.one[2]"), "the run was ended"))
    assert story.run.error.code == "run_timeout"


def test_a_gate_that_expires_in_one_item_does_what_its_policy_says():
    story = each([1, 2], gate("all.ask", expires_ms=1_000, on_expiry="fail"), tolerate=1)
    story.asked("all.ask[1]").when(Tick(), after=1_000)
    assert story.statuses(["all[1]", "all[2]"]) == {"all[1]": "failed", "all[2]": "running"}


def test_a_paused_run_begins_nothing_in_its_items_until_it_is_resumed():
    story = each([1, 2, 3], concurrency=2).given(Claim("all.one[1]"), Pause(MINA, "look first"))
    story.given(ReportSuccess(story.at("all.one[1]"), Content(1)))
    story.when(Claim("all.one[3]")).then(Refusal.RUN_PAUSED)
    story.given(Resume(MINA)).done("all.one[3]").done("all.one[2]")
    assert story.run.status is RunStatus.SUCCEEDED


def test_the_clock_of_the_run_stands_still_while_all_items_wait_for_people():
    story = gated().asked("all.ask[1]").given(Claim("all.ask[2]"))
    story.when(story.opening("all.ask", place=story.at("all.ask[2]")))
    assert isinstance(story.answer.events[-1], ClockTurned)
    assert story.run.deadline_at is None


def test_inner_items_do_not_begin_while_those_before_them_are_held():
    story = lists(outer=1, inner=1, values=[["a", "b", "c"], ["x"]]).given(Claim("all.part.one[1/1]"))
    story.given(AwaitChild(story.at("all.part.one[1/1]"), "run9"))
    assert story.statuses(["all.part.one[1/2]", "all.part.one[2/1]"]) == {
        "all.part.one[1/2]": "pending",
        "all.part.one[2/1]": "ready",
    }
    story.given(ReportChild("all.part.one[1/1]", "run9", RunStatus.SUCCEEDED))
    assert story.run.steps["all.part[1]"].fan.begun == 2
    story.done("all.part.one[2/1]").done("all.sum[2]")
    assert story.statuses(["all.part.one[1/2]"]) == {"all.part.one[1/2]": "ready"}


def test_an_item_of_a_list_that_was_gone_through_before_cannot_be_retried():
    story = each(["a"], key="${{ item }}").failed("all.one[a]")
    story.given(Retry(MINA, inputs=Content({"list": ["b"]}), changed=("list",), confirmed=True)).failed("all.one[b]")
    story.when(Retry(MINA, from_step="all[a]", confirmed=True)).then(Refusal.STEP_UNKNOWN_NAME)
    story.when(Retry(MINA, from_step="all.one[a]", confirmed=True)).then(Refusal.STEP_UNKNOWN_NAME)
    story.given(Retry(MINA, from_step="all[b]", confirmed=True)).done("all.one[b]", "fine")
    assert story.run.steps["all"].output == Content([{"one": "fine"}])


def test_a_retried_item_does_not_begin_to_take_itself_back():
    steps = (step("all.one", "http"), step("last", after=["all"]))
    made = plan(block("all", each="${{ [1] }}"), *steps, undo=(step("all.one:undo", "http"),))
    story = Story(made).done("all.one[1]").failed("last").done("all.one:undo[1]")
    story.given(Retry(MINA, from_step="all[1]", confirmed=True))
    assert story.statuses(["all.one[1]", "all.one:undo[1]"])["all.one[1]"] == "ready"
    assert story.statuses(["all.one:undo[1]"])["all.one:undo[1]"] != "ready"
