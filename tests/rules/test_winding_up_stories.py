"""How a run ends: steps are taken back, the last steps are done, and a workflow may stop itself."""

from __future__ import annotations

import pytest

from engine.rules.commands import (
    Admit,
    Cancel,
    Claim,
    Decide,
    Pause,
    Refusal,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportStop,
    ReportSuccess,
    Resume,
    Retry,
    Settle,
    SignalRun,
    StartWait,
    Tick,
)
from engine.rules.computing import value_of
from engine.rules.scope import at
from store.events import (
    AttemptFailed,
    CancelRequested,
    ClockTurned,
    EndingBegun,
    ReportIgnored,
    RunAdmitted,
    RunEnding,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepFailed,
    StepHeld,
    StepPolled,
    StepReady,
    StepSettled,
    StepSkipped,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
)
from store.model import NO_FACTS, Content, Edge, Failure, Person, RunStatus, StepPlan
from store.model import Retry as Tries
from store.tally import counted
from tests.support.engines import MINA, RAVI, block, gate, plan, step
from tests.support.story import Story

EDITOR = Person("U0RAVI", "Ravi", True, ("@editors",), 0)
DOWN = Failure("http_status", "503 from the server", retryable=True)
NOTHING = Content(None)


def back(name: str, **more: object) -> StepPlan:
    """How a step is taken back."""
    return step(f"{name}:undo", "http", **more)


def last(name: str, **more: object) -> StepPlan:
    """One of the last steps."""
    return step(name, "message", phase="finally", **more)


def booked(**more: object) -> Story:
    """A flight and a hotel that can be taken back, and a payment behind both."""
    made = plan(
        step("hotel", "http"),
        step("flight", "http"),
        step("pay", "http", after=["flight", "hotel"]),
        last("tell"),
        undo=(back("hotel", **more), back("flight", **more)),
    )
    return Story(made)


def ready(story: Story) -> list[str]:
    return [key for key, one in story.run.steps.items() if one.status == "ready"]


# Taking back -------------------------------------------------------------------------------------------------------


def test_a_run_that_fails_takes_back_what_was_done_latest_first_and_then_does_the_last_steps():
    story = booked().done("hotel")
    story.now += 5
    story.done("flight").given(Claim("pay")).failed_now("pay")
    story.then(StepFailed, RunEnding, EndingBegun, StepReady)
    assert story.last(EndingBegun).steps == ("flight:undo", "hotel:undo", "tell")
    assert ready(story) == ["flight:undo"], "one after the other"
    story.given(Claim("flight:undo"))
    story.when(ReportSuccess(story.at("flight:undo"), NOTHING)).then(StepSucceeded, StepReady)
    story.given(Claim("hotel:undo"))
    story.when(ReportSuccess(story.at("hotel:undo"), NOTHING)).then(StepSucceeded, StepReady)
    assert ready(story) == ["tell"]
    story.given(Claim("tell")).when(ReportSuccess(story.at("tell"), NOTHING)).then(StepSucceeded, RunFinished)
    assert story.run.status is RunStatus.FAILED
    assert story.run.error.message == "400 from the server"


def test_the_order_is_that_of_completion_and_not_of_the_file():
    story = booked().done("flight")
    story.now += 5
    story.done("hotel").failed("pay")
    assert story.last(EndingBegun).steps == ("hotel:undo", "flight:undo", "tell")


def test_what_ends_in_one_millisecond_is_taken_back_before_what_it_needed():
    made = plan(
        step("second", after=["first"]),
        block("third", ["second"]),
        step("third.inner"),
        step("first"),
        step("bad", after=["third"]),
        undo=(back("first"), back("second"), back("third.inner")),
    )
    story = Story(made).done("first").done("second").done("third.inner").failed("bad")
    assert story.last(EndingBegun).steps == ("third.inner:undo", "second:undo", "first:undo")


def test_taking_back_has_a_place_of_its_own():
    story = booked().done("hotel").failed("flight")
    story.given(Claim("hotel:undo"))
    assert story.run.steps["hotel:undo"].attempt == 1
    assert story.events[-1].place.deed == "undo"


def test_what_takes_a_step_back_sees_the_step():
    story = booked().done("hotel", {"id": 7}).failed("flight")
    seen = value_of("${{ steps.hotel.output.id }}", story.plan, story.run, NO_FACTS, at(story.run.steps["hotel:undo"]))
    assert seen == 7


def test_a_step_without_undo_or_without_success_is_not_taken_back():
    story = booked().failed("hotel")
    assert story.last(EndingBegun).steps == ("tell",)


def test_a_run_that_ends_well_takes_nothing_back():
    story = booked().done("hotel").done("flight").done("pay")
    assert story.last(EndingBegun).steps == ("tell",)
    assert story.done("tell").run.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("how", ["cancel", "reject", "deadline"])
def test_every_bad_end_takes_back_what_was_done(how: str):
    made = plan(step("book", "http"), gate("ask"), step("long", "http"), undo=(back("book"),), duration_ms=10_000)
    story = Story(made).done("book").asked("ask").given(Claim("long"))
    if how == "cancel":
        story.given(Cancel(MINA))
    elif how == "reject":
        story.given(Decide("ask", RAVI, "reject"), person=EDITOR)
    else:
        story.when(Tick(), after=10_000)
    assert story.run.status is RunStatus.ENDING
    assert not story.run.winding_up, "what is under way ends first"
    story.when(ReportInterrupted(story.at("long"), "the run was ended")).then(StepCancelled, EndingBegun, StepReady)
    story.done("book:undo")
    assert story.run.status == {"cancel": "cancelled", "reject": "rejected", "deadline": "failed"}[how]


def test_an_effect_that_races_the_end_is_taken_back_as_well():
    story = booked().given(Claim("hotel"), Cancel(MINA))
    story.when(ReportSuccess(story.at("hotel"), NOTHING)).then(StepSucceeded, EndingBegun, StepReady)
    assert ready(story) == ["hotel:undo"]


def test_an_effect_that_may_have_happened_is_taken_back_as_well():
    made = plan(step("pay", "http", effect="once"), undo=(back("pay"),))
    story = Story(made).given(Claim("pay"), Cancel(MINA))
    story.when(ReportInterrupted(story.at("pay"), "cut off")).then(StepUnknown, EndingBegun, StepReady)
    story.done("pay:undo")
    assert story.statuses() == {"pay": "unknown", "pay:undo": "succeeded"}


def test_taking_back_is_tried_again_like_any_step():
    story = booked(retry=Tries(2, 10, 10)).done("hotel").failed("flight").given(Claim("hotel:undo"))
    story.when(ReportFailure(story.at("hotel:undo"), DOWN)).then(AttemptFailed)
    story.when(Claim("hotel:undo"), after=10)
    story.when(ReportSuccess(story.at("hotel:undo"), NOTHING)).then(StepSucceeded, StepReady)


def test_what_cannot_be_taken_back_is_reported_and_the_rest_goes_on():
    story = booked().done("hotel")
    story.now += 5
    story.done("flight").failed("pay").given(Claim("flight:undo")).failed_now("flight:undo")
    story.then(StepFailed, StepReady)
    story.done("hotel:undo").done("tell")
    assert story.statuses(["flight:undo", "hotel:undo", "tell"]) == {
        "flight:undo": "failed",
        "hotel:undo": "succeeded",
        "tell": "succeeded",
    }
    assert story.run.warnings
    assert story.run.status is RunStatus.FAILED


def test_a_crash_while_taking_back_is_survived_and_one_too_many_is_a_failure():
    story = booked(retry=Tries(crashes=2)).done("hotel").failed("flight").given(Claim("hotel:undo"))
    story.given(ReportInterrupted(story.at("hotel:undo"), "crash")).given(Claim("hotel:undo"))
    story.when(ReportInterrupted(story.at("hotel:undo"), "crash")).then(StepFailed, StepReady)
    assert story.run.steps["hotel:undo"].error.code == "interrupted"


def test_a_run_is_not_over_while_nobody_knows_whether_something_was_taken_back():
    story = booked(effect="once").done("hotel").failed("flight").given(Claim("hotel:undo"))
    story.when(ReportInterrupted(story.at("hotel:undo"), "cut off"))
    story.done("tell")
    assert story.run.status is RunStatus.ENDING
    story.when(Settle("hotel:undo", MINA, "again")).then(StepSettled, StepHeld, StepReady, ClockTurned)
    story.done("hotel:undo")
    assert story.run.status is RunStatus.FAILED


def test_what_is_to_be_taken_back_once_more_waits_for_its_turn_and_not_for_room():
    story = booked(effect="once").done("hotel").done("flight").failed("pay").given(Claim("flight:undo"))
    story.when(ReportInterrupted(story.at("flight:undo"), "cut off")).given(Claim("hotel:undo"))
    story.when(Settle("flight:undo", MINA, "again")).then(StepSettled, StepHeld)
    assert story.run.held == {}
    assert counted(story.run) == story.run
    story.when(ReportSuccess(story.at("hotel:undo"), NOTHING)).then(StepSucceeded, StepReady)
    assert ready(story) == ["flight:undo"]


def test_an_unknown_effect_may_be_cleared_up_while_the_run_ends_but_not_repeated():
    made = plan(step("pay", "http", effect="once"), step("b", "http"), last("tell"))
    story = Story(made).given(Claim("pay"), ReportInterrupted(Story(made).given(Claim("pay")).at("pay"), "cut off"))
    story.failed("b")
    story.when(Settle("pay", MINA, "again")).then(Refusal.RUN_ENDING)
    story.when(Settle("pay", MINA, "happened")).then(StepSettled, StepSucceeded)
    assert story.done("tell").run.status is RunStatus.FAILED


def test_the_steps_of_items_are_taken_back_each_by_itself():
    made = plan(
        block("all", each="${{ inputs.list }}", key="${{ item }}"),
        step("all.book", "http"),
        step("bad", after=["all"]),
        undo=(back("all.book"),),
    )
    story = Story(made, {"list": ["x", "y"]}).done("all.book[y]", "room y")
    story.now += 5
    story.done("all.book[x]", "room x").failed("bad")
    assert story.last(EndingBegun).steps == ("all.book:undo[x]", "all.book:undo[y]")
    where = at(story.run.steps["all.book:undo[y]"])
    assert value_of("${{ item + ': ' + steps.book.output }}", story.plan, story.run, NO_FACTS, where) == "y: room y"
    story.done("all.book:undo[x]").failed("all.book:undo[y]")
    assert story.run.status is RunStatus.FAILED


def test_cancel_in_the_middle_of_items_takes_back_those_that_were_done_and_those_that_may_have_been():
    made = plan(block("all", each="${{ [1, 2, 3] }}"), step("all.book", "http"), undo=(back("all.book"),))
    story = Story(made).done("all.book[2]").given(Claim("all.book[1]"), Cancel(MINA))
    story.given(ReportInterrupted(story.at("all.book[1]"), "the run was ended"))
    assert story.last(EndingBegun).steps == ("all.book:undo[1]", "all.book:undo[2]")


def test_a_run_that_fails_again_after_a_retry_takes_back_in_the_order_of_this_time():
    story = booked().done("hotel")
    story.now += 5
    story.done("flight").failed("pay").done("flight:undo").done("hotel:undo").done("tell")
    story.given(Retry(MINA, confirmed=True))
    story.done("flight")
    story.now += 5
    story.done("hotel").failed("pay")
    assert story.last(EndingBegun).steps == ("hotel:undo", "flight:undo", "tell")
    assert ready(story) == ["hotel:undo"]
    assert story.run.steps["hotel:undo"].round > 1
    story.done("hotel:undo")
    assert ready(story) == ["flight:undo"]


# The last steps ----------------------------------------------------------------------------------------------------


def told(**more: object) -> Story:
    return Story(plan(step("a", "http"), last("tell", **more)))


def test_the_last_steps_do_not_exist_before_the_end():
    assert told().statuses() == {"a": "ready"}


@pytest.mark.parametrize("how", ["succeeded", "failed", "cancelled", "rejected"])
def test_the_last_steps_are_done_however_the_run_ends_and_see_how(how: str):
    story = Story(plan(gate("ask"), last("tell"), last("file", after=["tell"]))).asked("ask")
    match how:
        case "succeeded":
            story.given(Decide("ask", RAVI, "approve"), person=EDITOR)
        case "rejected":
            story.given(Decide("ask", RAVI, "reject"), person=EDITOR)
        case "cancelled":
            story.given(Cancel(MINA))
        case "failed":
            story = Story(plan(step("a", "http"), last("tell"), last("file", after=["tell"]))).failed("a")
    assert value_of("${{ run.outcome }}", story.plan, story.run, NO_FACTS) == how
    assert story.statuses(["tell", "file"]) == {"tell": "ready", "file": "pending"}
    assert story.done("tell").done("file").run.status == how


def test_a_last_step_that_fails_changes_no_outcome_and_leaves_a_warning():
    story = told().done("a").given(Claim("tell")).failed_now("tell")
    story.then(StepFailed, RunFinished)
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.warnings
    assert told().failed("a").failed("tell").run.status is RunStatus.FAILED


def test_a_last_step_may_have_a_condition():
    made = plan(step("a", "http"), last("tell", when="${{ run.outcome == 'failed' }}"))
    assert Story(made).done("a").statuses() == {"a": "succeeded", "tell": "skipped"}
    assert Story(made).failed("a").statuses() == {"a": "failed", "tell": "ready"}


def test_a_last_step_whose_condition_cannot_be_computed_fails_alone():
    story = told(when="${{ steps.a.output.n > 3 }}").done("a", {})
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.steps["tell"].error.code == "when_failed"


def test_a_last_step_that_needs_what_did_not_succeed_is_skipped():
    story = told(after=["a"]).given(Claim("a")).failed_now("a")
    story.then(StepFailed, RunEnding, EndingBegun, StepSkipped, RunFinished)


@pytest.mark.parametrize(("accepts", "status"), [("end", "ready"), ("success", "skipped")])
def test_a_last_step_does_not_wait_for_an_unknown_effect(accepts: str, status: str):
    tell = StepPlan("tell", "message", needs=(Edge("pay", accepts),), phase="finally")
    story = Story(plan(step("pay", "http", effect="once"), tell)).given(Claim("pay"), Cancel(MINA))
    story.when(ReportInterrupted(story.at("pay"), "cut off"))
    assert story.statuses(["tell"]) == {"tell": status}


def test_a_last_step_may_wait_for_a_moment():
    story = Story(plan(step("a"), step("rest", "wait", phase="finally"))).done("a").given(Claim("rest"))
    story.when(StartWait(story.at("rest"), story.now + 1_000)).then(StepWaiting, ClockTurned)
    story.when(Tick(), after=1_000).then(StepSucceeded, RunFinished)


def test_outputs_are_computed_before_the_last_steps_and_given_with_the_end():
    story = Story(plan(step("a"), last("tell"), outputs="${{ steps.a.output.n }}")).done("a", {"n": 3}).done("tell")
    assert story.run.outputs == Content(3)


def test_outputs_that_cannot_be_computed_take_back_what_was_done():
    made = plan(step("a"), last("tell"), outputs="${{ steps.a.output.n }}", undo=(back("a"),))
    story = Story(made).given(Claim("a"))
    story.when(ReportSuccess(story.at("a"), Content({}))).then(StepSucceeded, RunEnding, EndingBegun, StepReady)
    story.done("a:undo").done("tell")
    assert story.run.error.code == "outputs_failed"


def test_nothing_of_the_run_itself_begins_while_it_is_wound_up():
    story = booked().done("hotel").failed("flight")
    story.when(Claim("pay")).then(Refusal.RUN_ENDING)
    story.when(Cancel(MINA)).then(Refusal.RUN_ENDING)
    story.when(Pause(MINA, "wait")).then(Refusal.RUN_ENDING)


# Stopping ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [RunStatus.SUCCEEDED, RunStatus.REJECTED, RunStatus.FAILED])
@pytest.mark.parametrize("where", ["outside", "in a block", "in an item"])
def test_a_workflow_may_stop_its_run_with_any_outcome(outcome: RunStatus, where: str):
    name = {"outside": "halt", "in a block": "b.halt", "in an item": "all.halt"}[where]
    around = {
        "outside": (),
        "in a block": (block("b"), step("b.other")),
        "in an item": (block("all", each="${{ [1, 2] }}"), step("all.other")),
    }
    made = plan(*around[where], step(name, "stop"), step("next", "http"), last("tell"))
    story = Story(made)
    key = f"{name}[2]" if where == "in an item" else name
    story.given(Claim(key), ReportStop(Story(made).given(Claim(key)).at(key), outcome, "enough"))
    assert story.run.steps[key].output == Content({"outcome": outcome.value, "reason": "enough"})
    assert story.statuses(["next", "tell"]) == {"next": "cancelled", "tell": "ready"}
    story.done("tell")
    assert (story.run.status, story.run.reason) == (outcome, "enough")
    assert (story.run.error is not None) == (outcome is RunStatus.FAILED)


def test_a_stop_waits_for_what_is_under_way():
    story = Story(plan(step("halt", "stop"), step("a", "http"))).given(Claim("a"), Claim("halt"))
    story.when(ReportStop(story.at("halt"), RunStatus.REJECTED)).then(StepSucceeded, RunEnding)
    story.when(ReportSuccess(story.at("a"), NOTHING)).then(StepSucceeded, RunFinished)


def test_a_stop_that_is_no_success_takes_back_what_was_done():
    made = plan(step("a"), step("halt", "stop", after=["a"]), undo=(back("a"),))
    for outcome, begun in ((RunStatus.SUCCEEDED, []), (RunStatus.REJECTED, ["a:undo"]), (RunStatus.FAILED, ["a:undo"])):
        story = Story(made).done("a").given(Claim("halt"))
        story.given(ReportStop(story.at("halt"), outcome))
        assert ready(story) == begun


def test_a_stop_without_a_reason_says_where_it_stood():
    story = Story(plan(step("halt", "stop"))).given(Claim("halt"))
    story.given(ReportStop(story.at("halt"), RunStatus.FAILED))
    assert story.run.error.message == "The workflow stopped the run at halt."


def test_a_run_that_is_stopped_early_has_the_outputs_that_are_there_or_none():
    made = plan(step("halt", "stop"), step("a", after=["halt"]), outputs="${{ steps.a.output.n }}")
    story = Story(made).given(Claim("halt"))
    story.given(ReportStop(story.at("halt"), RunStatus.SUCCEEDED, "nothing to do"))
    assert (story.run.status, story.run.outputs) == (RunStatus.SUCCEEDED, None)


def test_a_stop_while_the_run_ends_stops_nothing_more():
    story = Story(plan(step("halt", "stop"))).given(Claim("halt"), Cancel(MINA))
    story.when(ReportStop(story.at("halt"), RunStatus.SUCCEEDED)).then(StepCancelled, RunFinished)
    assert story.run.status is RunStatus.CANCELLED


def test_a_late_stop_is_kept_as_evidence_and_changes_nothing():
    story = Story(plan(step("halt", "stop"), step("a"))).given(Claim("halt"))
    place = story.at("halt")
    story.given(ReportInterrupted(place, "crash"))
    story.when(ReportStop(place, RunStatus.FAILED)).then(ReportIgnored, Refusal.ATTEMPT_STALE)
    assert story.run.status is RunStatus.RUNNING


def test_work_that_goes_on_elsewhere_is_not_asked_for_again_when_the_run_ends():
    story = Story(plan(step("a", "http"))).given(Claim("a"), Cancel(MINA))
    story.when(ReportPolling(story.at("a"), {}, story.now + 1)).then(StepPolled, StepCancelled, RunFinished)


# Waiting in a queue ------------------------------------------------------------------------------------------------


def queued(**more: object) -> Story:
    return Story(plan(step("a", "http"), last("tell"), **more), queued=True)


def test_a_queued_run_begins_nothing_until_its_turn_comes():
    story = queued().then(RunStarted)
    assert story.run.status is RunStatus.QUEUED
    story.when(Claim("a")).then(Refusal.RUN_QUEUED)
    story.when(Tick(), after=10**12).then()
    story.when(Admit()).then(RunAdmitted, StepReady)
    assert story.done("a").done("tell").run.status is RunStatus.SUCCEEDED


def test_the_time_in_the_queue_does_not_count_against_the_run():
    story = queued(duration_ms=1_000).when(Admit(), after=10**9)
    assert story.run.deadline_at == story.now + 1_000


def test_a_run_is_admitted_once():
    story = queued().given(Admit())
    story.when(Admit()).then(Refusal.RUN_NOT_QUEUED)


def test_a_queued_run_can_be_cancelled_and_still_tells():
    story = queued().when(Cancel(MINA, "too late"))
    story.then(CancelRequested, RunEnding, StepCancelled, EndingBegun, StepReady, ClockTurned)
    assert story.done("tell").run.status is RunStatus.CANCELLED


def test_a_queued_run_can_be_neither_paused_nor_resumed_nor_retried():
    queued().when(Pause(MINA, "wait")).then(Refusal.RUN_QUEUED)
    queued().when(Resume(MINA)).then(Refusal.RUN_QUEUED)
    queued().when(Retry(MINA)).then(Refusal.RUN_QUEUED)


def test_what_happens_while_a_run_is_queued_is_kept_for_it():
    made = plan(step("hear", "wait", spec={"event": "paid"}))
    story = Story(made, queued=True).given(SignalRun(MINA, "paid", Content(1)))
    assert [one.event for one in story.run.signals] == ["paid"]
