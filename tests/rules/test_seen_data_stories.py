"""What expressions see, value by value, and what waits, lists and runs inside runs leave for later steps to read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.rules.commands import (
    AwaitChild,
    AwaitEvent,
    Cancel,
    Claim,
    Refusal,
    ReportChild,
    ReportFailure,
    ReportInterrupted,
    ReportSuccess,
    SignalRun,
    StartWait,
    Tick,
)
from engine.rules.computing import value_of
from engine.rules.gates import rfc3339
from engine.rules.lifecycle import handle
from engine.rules.scope import OUTSIDE, at
from store.events import ItemBegun, ItemEnded, StepCancelled, StepFailed, StepSkipped, StepSucceeded
from store.model import NO_USAGE, Changes, Content, Edge, Facts, Failure, Review, Run, RunStatus, StepStatus, changed
from tests.support.engines import MINA, block, gate, plan, step
from tests.support.story import Story
from tests.support.voting import answered, asking, opened, output

HOUR = 3_600_000
WRONG = Failure("http_status", "400 from the server", hint="Ask the shop.")


def sees(story: Story, text: str, key: str = "", **known: Any) -> Any:
    """What an expression gives that stands in this step, or in none."""
    where = at(story.run.steps[key]) if key else OUTSIDE
    return value_of(f"${{{{ {text} }}}}", story.plan, story.run, Facts(**known), where)


def each(values: Any, *steps: Any, **fan: Any) -> Story:
    inside = steps or (step("all.one", "http"),)
    return Story(plan(block("all", each="${{ inputs.list }}", **fan), *inside), {"list": values})


# Names ---------------------------------------------------------------------------------------------------------------


def test_a_run_is_seen_with_all_that_the_guide_promises():
    story = Story(plan(step("a", "http"), vars={"tone": "dry"})).given(Claim("a"))
    story.run = changed(story.run, origin={"slot": "2026-11-23T09:00:00Z"}, usage={"calls": 2, "tokens_in": 7})
    assert sees(story, "run") == {
        "id": "run1",
        "name": "R-7K2",
        "workflow": "sample",
        "requester": "U0MINA",
        "started_at": rfc3339(story.run.created_at),
        "trace_id": "trace",
        "outcome": None,
        "slot": "2026-11-23T09:00:00Z",
        "usage": {**NO_USAGE, "calls": 2, "tokens_in": 7},
    }
    assert sees(story, "vars.tone") == "dry"
    assert sees(story, "settings.shop", settings={"shop": "here"}) == "here"
    assert sees(story, "run.id + run.name") == "run1R-7K2"


def test_values_that_are_kept_outside_are_seen_like_all_others():
    story = Story(plan(step("a", "http"))).given(Claim("a"))
    story.run = changed(story.run, inputs=Content(None, "h1", 9), previous=Content(None, "h2", 9))
    content = {"h1": {"n": 1}, "h2": {"n": 2}}
    assert sees(story, "inputs.n", content=content) == 1
    assert sees(story, "previous.outputs.n", content=content) == 2


def test_without_a_run_before_there_are_no_outputs_of_it():
    story = Story(plan(step("a", "http")))
    assert sees(story, "previous") == {"outputs": None}
    story.run = changed(story.run, previous=Content({"n": 2}))
    assert sees(story, "previous") == {"outputs": {"n": 2}}


def test_before_anybody_has_said_anything_a_review_says_nothing():
    story = Story(plan(step("a", "http")))
    assert sees(story, "review", "a") == {"round": 1, "comment": "", "previous": None}
    assert sees(story, "review") == {"round": 1, "comment": "", "previous": None}


def test_a_step_in_a_block_sees_what_was_said_of_the_block_that_it_stands_in():
    story = each(["x"])
    review = Review(2, "shorter", Content("long"), "U0RAVI")
    for outer in ("all", "all[1]"):
        steps = {**story.run.steps, outer: changed(story.run.steps[outer], review=review)}
        other = replace(story)
        other.run = changed(story.run, steps=steps)
        assert sees(other, "review", "all.one[1]") == {"round": 2, "comment": "shorter", "previous": "long"}


def test_a_step_is_seen_with_what_it_gave_and_its_failure_only_when_it_failed():
    story = Story(plan(step("a", "http"), step("b", "http", on_failure="continue"), step("c", "http")))
    story.given(Claim("a"))
    retryable = replace(WRONG, retryable=True)
    story.given(ReportFailure(story.at("a"), retryable))
    assert sees(story, "steps.a") == {"status": "ready"}, "what is tried again has not failed"
    story.failed("b")
    assert sees(story, "steps.b") == {
        "status": "failed",
        "error": {"code": "http_status", "message": "400 from the server"},
    }


def test_all_steps_are_seen_at_once_by_their_short_names():
    story = each(["x"], step("all.one", "http"), step("all.two", "http")).done("all.one[1]", 5)
    assert sees(story, "steps", "all.two[1]") == {
        "one": {"status": "succeeded", "output": 5, "receipt": None},
        "two": {"status": "ready"},
    }


def test_the_items_of_a_list_are_seen_with_their_keys_also_when_another_part_was_read_first():
    story = each(["x", "y", "z"], concurrency=2).done("all.one[1]", 5)
    expected = [
        {"key": "1", "status": "succeeded", "output": {"one": 5}, "receipt": None},
        {"key": "2", "status": "running"},
        {"key": "3", "status": "running"},
    ]
    assert sees(story, "steps.all.items") == expected
    assert sees(story, "[steps.all.status, steps.all.items]") == ["running", expected]
    assert sees(story, "[steps.all.items, steps.all.status]") == [expected, "running"]
    assert sees(story, "steps.all")["items"] == expected
    assert "items" not in sees(story, "steps")["all"] or sees(story, "steps")["all"]["items"] == expected
    assert sees(story, "steps.all.status") == "running"


def test_items_that_never_began_are_seen_as_waiting_and_in_the_end_as_cancelled():
    story = each(["x", "y"], concurrency=1)
    assert sees(story, "steps.all.items")[1] == {"key": "2", "status": "pending"}
    story.failed("all.one[1]")
    assert sees(story, "steps.all.items")[1] == {"key": "2", "status": "cancelled"}


# Waiting -------------------------------------------------------------------------------------------------------------


def test_a_wait_says_until_when_it_waited_although_the_clock_came_late():
    story = Story(plan(step("nap", "wait"))).given(Claim("nap"))
    until = story.now + 50
    story.given(StartWait(story.at("nap"), until))
    story.when(Tick(), after=900)
    assert story.run.steps["nap"].output == Content({"until": rfc3339(until)})


def listening(**more: Any) -> Story:
    story = Story(plan(step("pay", "wait", spec={"event": "paid", **more}), step("b", after=["pay"]))).given(
        Claim("pay")
    )
    return story.given(AwaitEvent(story.at("pay"), "paid", story.now + HOUR))


def test_what_happened_is_seen_with_who_said_so_and_when():
    story = listening()
    story.when(SignalRun(MINA, "paid", Content(None, "h", 9)), after=5, content={"h": {"sum": 3}})
    assert story.run.steps["pay"].output.value == {
        "event": "paid",
        "data": {"sum": 3},
        "by": "U0MINA",
        "at": rfc3339(story.now),
        "timed_out": False,
    }


def test_what_did_not_happen_in_time_is_seen_as_such():
    story = listening(on_timeout="continue").when(Tick(), after=HOUR)
    assert story.run.steps["pay"].output.value == {
        "event": "paid",
        "data": None,
        "by": None,
        "at": rfc3339(story.now),
        "timed_out": True,
    }


def test_what_did_not_happen_in_time_may_be_let_pass():
    made = plan(step("pay", "wait", spec={"event": "paid"}, on_failure="continue"), step("b"))
    story = Story(made).given(Claim("pay"))
    story.given(AwaitEvent(story.at("pay"), "paid", story.now + HOUR)).when(Tick(), after=HOUR)
    assert story.last(StepFailed).continued
    assert not listening().when(Tick(), after=HOUR).last(StepFailed).continued


def test_a_wait_without_an_end_is_not_ended_by_the_clock():
    story = Story(plan(step("pay", "wait", spec={"event": "paid"}), step("b", "http"))).given(Claim("pay"))
    story.given(AwaitEvent(story.at("pay"), "paid"))
    story.when(Tick(), after=HOUR).then()


def test_only_steps_that_wait_for_something_to_happen_expect_it():
    story = Story(plan(step("nap", "wait"), step("odd", "http", spec={"event": "paid"})))
    story.when(SignalRun(MINA, "paid", Content())).then(Refusal.SIGNAL_NOT_EXPECTED)


def test_a_wait_that_would_begin_while_the_run_ends_says_why_it_does_not():
    story = Story(plan(step("nap", "wait"))).given(Claim("nap"), Cancel(MINA))
    story.given(StartWait(story.at("nap"), story.now + 5))
    assert story.last(StepCancelled).reason == "the run is ending"


def child(status: RunStatus, outputs: Content | None = None, error: Failure | None = None) -> Run:
    return Run(
        "child1", "R-CH1", "other", "v", MINA, {}, Content({}), "t", 0, HOUR, status, outputs=outputs, error=error
    )


def test_a_run_that_gives_nothing_is_seen_as_giving_nothing_and_is_named():
    story = Story(plan(step("call", "workflow"), step("b", after=["call"]))).given(Claim("call"))
    story.given(AwaitChild(story.at("call"), "child1"), child=child(RunStatus.SUCCEEDED))
    told = story.last(StepSucceeded)
    assert (told.output, told.receipt) == (Content({}), {"run": "child1", "name": "R-CH1"})


def test_a_run_that_failed_is_named_with_what_it_failed_of_and_what_to_do():
    story = Story(plan(step("call", "workflow"))).given(Claim("call"))
    story.given(AwaitChild(story.at("call"), "child1"), child=child(RunStatus.FAILED, error=WRONG))
    assert story.last(StepFailed).error == Failure(
        "child_failed", "R-CH1 failed: 400 from the server", hint="Ask the shop.", detail={"run": "child1"}
    )
    story = Story(plan(step("call", "workflow"))).given(Claim("call"))
    story.given(AwaitChild(story.at("call"), "child1"), child=child(RunStatus.RUNNING))
    story.given(ReportChild("call", "child1", RunStatus.CANCELLED))
    assert story.last(StepFailed).error == Failure("child_cancelled", "child1 was cancelled", detail={"run": "child1"})


# Skipping ------------------------------------------------------------------------------------------------------------


def test_a_skipped_step_names_the_first_of_the_steps_that_it_missed():
    def missed(*needs: str) -> Story:
        made = plan(
            step("bad", "http", on_failure="continue"),
            step("off", when="false"),
            step("late", "http"),
            step("c", after=[*needs, "late"]),
        )
        return Story(made).failed("bad").done("late")

    assert missed("bad").last(StepSkipped).reason == "bad failed"
    assert missed("off").last(StepSkipped).reason == "off was skipped"
    assert missed("off", "bad").last(StepSkipped).reason == "off was skipped"
    assert missed("bad", "off").last(StepSkipped).reason == "bad failed"


def test_a_step_that_only_needs_another_to_have_ended_waits_for_the_rest_as_well():
    made = plan(step("bad", "http", on_failure="continue"), step("late", "http"), step("c"))
    c = replace(made.step("c"), needs=(Edge("bad", "end"), Edge("late")))
    story = Story(plan(*made.steps[:2], c)).failed("bad")
    assert story.statuses(["c"]) == {"c": "pending"}
    assert story.done("late").statuses(["c"]) == {"c": "ready"}


def test_a_last_step_waits_for_another_whose_effect_is_unknown_and_not_for_one_of_the_rest():
    pay, tell = step("pay", "http", effect="once"), step("tell", "http", phase="finally", effect="once")
    last = replace(step("log", phase="finally"), needs=(Edge("tell", "end"),))
    story = Story(plan(pay, tell, last)).done("pay").given(Claim("tell"))
    story.given(ReportInterrupted(story.at("tell"), "it died"))
    assert story.statuses(["tell", "log"]) == {"tell": "unknown", "log": "pending"}


# Lists ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", ["text", "${{ inputs.nothing.here }}"])
def test_a_list_that_is_none_fails_its_block_which_may_be_let_pass(values: str):
    def started(**more: Any) -> Story:
        text = values if "$" in values else "${{ inputs.list }}"
        return Story(plan(block("all", each=text, **more), step("all.one"), step("b")), {"list": "text"})

    assert not started().last(StepFailed).continued
    assert started(on_failure="continue").last(StepFailed).continued
    assert started(on_failure="continue").statuses(["b"]) == {"b": "ready"}


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ([], "a list"),
        (None, "null"),
        ({}, "an object"),
        (True, "true or false"),
        ("", "an empty text"),
        (1.5, "a number"),
    ],
)
def test_a_key_that_is_none_is_called_what_it_is(key: Any, word: str):
    story = each([{"id": key}], key="${{ item.id }}")
    assert f"the key of element 1 is {word};" in story.last(StepFailed).error.message


def test_a_list_of_which_too_many_failed_says_which_and_what_to_do_and_may_be_let_pass():
    def broken(**more: Any) -> Story:
        return each(["x", "y"], **more).failed("all.one[1]", WRONG)

    error = broken().last(StepFailed).error
    assert (error.code, error.hint) == ("items_failed", "Ask the shop.")
    assert error.message == "1 of 2 items failed (1): 400 from the server"
    assert not broken().last(StepFailed).continued
    assert broken(on_failure="continue").last(StepFailed).continued


def test_an_item_that_failed_and_was_let_pass_leaves_a_gap_in_the_outputs():
    story = each(["x", "y"], tolerate=1).failed("all.one[1]", WRONG).done("all.one[2]", 5)
    assert story.run.steps["all"].output == Content([None, {"one": 5}])


def test_an_item_begins_in_the_round_of_its_list():
    """Else the effects of a second round would have the keys of the first."""
    made = plan(
        step("draft"),
        block("all", ["draft"], each="${{ inputs.list }}"),
        step("all.one", "http"),
        gate("review", ("all",), with_={"question": "?", "show": 1}, changes=Changes("draft", rounds=2)),
    )
    story = opened(Story(made, {"list": ["x"]}).done("draft").done("all.one[1]"), "review")
    answered(story, "review", verdict="changes")
    story.done("draft")
    assert story.last(ItemBegun).place.round == 2
    assert story.run.steps["all.one[1]"].round == 2
    story.done("all.one[1]")
    assert story.last(ItemEnded).place.round == 2


def test_what_is_cancelled_in_an_item_says_which_step_failed():
    story = each(["x"], step("all.a", "http"), step("all.b", "http"), step("all.c", after=["all.b"]), tolerate=1)
    story.given(Claim("all.a[1]"))
    story.failed("all.b[1]")
    assert story.run.steps["all.c[1]"].reason == "all.b[1] failed"
    assert story.run.steps["all.c[1]"].status is StepStatus.CANCELLED


def test_a_list_that_is_kept_outside_is_gone_through_like_all_others():
    story = each(["x", "y"], concurrency=1, with_="${{ item }}")
    kept = changed(story.run.steps["all"], fan=replace(story.run.steps["all"].fan, list=Content(None, "h", 9)))
    story.run = changed(story.run, steps={**story.run.steps, "all": kept})
    answer = handle_done(story, "all.one[1]", {"h": [["1", "x"], ["2", "y"]]})
    begun = [event for event in answer.events if isinstance(event, ItemBegun)]
    assert [event.place.item for event in begun] == ["2"]


def handle_done(story: Story, key: str, content: dict[str, Any]) -> Any:
    """A step of an item is claimed and done, with values that are kept outside at hand."""
    claimed = handle(story.plan, story.run, Claim(key), Facts(), story.now)
    place = claimed.run.steps[key].place
    return handle(
        story.plan,
        claimed.run,
        ReportSuccess(place, Content(None, "o", 9)),
        Facts(content=content | {"o": 5}),
        story.now,
    )


def test_outputs_of_items_that_are_kept_outside_are_put_together():
    story = each(["x"])
    answer = handle_done(story, "all.one[1]", {})
    joined = next(event for event in answer.events if isinstance(event, StepSucceeded) and event.place.step == "all")
    assert joined.output == Content([{"one": 5}])


def test_a_gate_that_was_answered_is_not_withdrawn_when_its_item_ends():
    story = asking()
    answered(story, "review")
    assert output(story)["verdict"] == "approved"
    story.given(Cancel(MINA))
    assert story.run.steps["review"].gate.state == "approved"
