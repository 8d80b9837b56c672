"""What the record says of attempts: whoever reads a history, or pays for it, must find there all that was reported."""

from __future__ import annotations

import pytest

from engine.rules.commands import (
    Cancel,
    Claim,
    KeepAnswer,
    Pause,
    Refusal,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportStop,
    ReportSuccess,
    Retry,
    Settle,
    StartWait,
)
from store.events import (
    AnswerKept,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    ReportIgnored,
    RunPaused,
    StepCancelled,
    StepFailed,
    StepHeld,
    StepPolled,
    StepReady,
    StepSettled,
    StepSucceeded,
    StepUnknown,
)
from store.model import Content, Failure, RunStatus, StepStatus
from store.model import Retry as Tries
from tests.support.engines import MINA, plan, step
from tests.support.story import START_AT, Story

USAGE = {"input_tokens": 900, "output_tokens": 12}
RECEIPT = {"charge": "ch_1"}
DOWN = Failure("http_status", "503 from the server", retryable=True)
WRONG = Failure("http_status", "400 from the server")
UNCLEAR = Failure("http_timeout", "no answer", retryable=True, maybe_happened=True)
NOTHING = Content(None)


def one(*others, **more) -> Story:
    """A run of one http step under way, and what else the plan has."""
    return Story(plan(step("call", "http", **more), *others)).given(Claim("call"))


def ending(*others, **more) -> Story:
    """The same, cancelled while the step is under way."""
    return one(*others, **more).given(Cancel(MINA, "no longer needed"))


def taking_back(**more) -> Story:
    """A run that failed, in which a step is being taken back."""
    undo = step("pay:undo", "http", **more)
    story = Story(plan(step("pay", "http"), step("ship", after=["pay"]), undo=(undo,)))
    return story.done("pay").failed("ship").given(Claim("pay:undo"))


def crashed(story: Story, reason: str = "it died", **more) -> Story:
    return story.when(ReportInterrupted(story.at("call"), reason, **more))


def cut_off(reason: str) -> Failure:
    return Failure("interrupted", f"The step was cut off: {reason}.", maybe_happened=True)


# Claiming ----------------------------------------------------------------------------------------------------------


def test_a_step_that_waits_for_a_moment_is_not_claimed_although_the_moment_has_come():
    story = Story(plan(step("nap", "wait"))).given(Claim("nap"))
    story.given(StartWait(story.at("nap"), story.now + 50))
    story.when(Claim("nap"), after=50).then(Refusal.STEP_NOT_READY)


def test_a_last_step_of_a_run_that_goes_on_and_is_paused_is_told_that_it_is_paused():
    story = Story(plan(step("call", "http"), step("tell", phase="finally"))).failed("call").done("tell")
    story.given(Retry(MINA, "the server is back"), Pause(MINA, "wait"))
    story.when(Claim("tell")).then(Refusal.RUN_PAUSED)


@pytest.mark.parametrize(("story", "key", "deed"), [(one, "call", "do"), (taking_back, "pay:undo", "undo")])
def test_an_attempt_says_whether_it_does_something_or_takes_it_back(story, key, deed):
    told = story().last(AttemptStarted).place
    assert (told.key, told.deed, told.attempt) == (key, deed, 1)


# Reports -----------------------------------------------------------------------------------------------------------


def test_what_a_success_used_and_its_receipt_are_kept():
    story = one()
    story.given(ReportSuccess(story.at("call"), Content({"id": 7}), RECEIPT, USAGE))
    assert story.last(StepSucceeded) == StepSucceeded(
        story.now, story.place("call"), Content({"id": 7}), RECEIPT, USAGE
    )


def test_what_a_failure_for_good_used_and_its_receipt_are_kept():
    story = one()
    story.given(ReportFailure(story.at("call"), WRONG, USAGE, RECEIPT))
    assert story.last(StepFailed) == StepFailed(story.now, story.place("call"), WRONG, False, USAGE, RECEIPT)


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (lambda place: ReportSuccess(place, NOTHING), ("success", None)),
        (lambda place: ReportFailure(place, DOWN), ("failure", DOWN)),
        (lambda place: ReportInterrupted(place, "late"), ("interrupted", None)),
        (lambda place: ReportPolling(place, {"id": 1}, START_AT), ("polling", None)),
        (lambda place: ReportStop(place, RunStatus.FAILED), ("stop", None)),
    ],
)
def test_a_late_report_says_what_it_reported(report, told):
    story = one(step("other"))
    place = story.at("call")
    story.given(ReportSuccess(place, NOTHING)).when(report(place)).then(ReportIgnored, Refusal.ATTEMPT_STALE)
    assert story.last(ReportIgnored) == ReportIgnored(story.now, place, *told)


def test_a_report_of_a_step_that_a_newer_version_dropped_is_late_and_no_bug():
    """Its row is gone with the block that it stood in."""
    story = one()
    ghost = story.at("call").__class__("ghost", None, 1, 1)
    story.when(ReportSuccess(ghost, NOTHING)).then(ReportIgnored, Refusal.ATTEMPT_STALE)


def test_an_answer_is_kept_with_what_tells_its_request_from_others():
    story = one()
    kept = KeepAnswer(story.at("call"), "draft", Content("text"), "request-7")
    story.when(kept).then(AnswerKept)
    assert story.last(AnswerKept) == AnswerKept(story.now, kept.place, "draft", Content("text"), "request-7")


def test_how_long_a_failed_attempt_only_waited_is_told_with_it():
    story = one(timeout_ms=60_000, retry=Tries(3, 2_000, 2_000))
    story.given(ReportFailure(story.at("call"), DOWN, waited_ms=700))
    assert story.last(AttemptFailed).idle_ms == 700


def test_an_endpoint_that_is_down_for_everybody_takes_the_whole_wait_from_nobody():
    story = one(timeout_ms=60_000)
    down = Failure("endpoint_down", "down", retryable=True, retry_after_ms=5_000)
    story.given(ReportFailure(story.at("call"), down, counts=False, waited_ms=700))
    failed = story.last(AttemptFailed)
    assert (failed.due_at, failed.idle_ms) == (story.now + 5_000, 5_700)


# A run that is ending ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (lambda place: ReportFailure(place, DOWN), "503 from the server"),
        (lambda place: ReportInterrupted(place, "the service stopped"), "the service stopped"),
        (lambda place: ReportPolling(place, {"id": 1}, START_AT + 9), "the run is ending"),
        (lambda place: ReportStop(place, RunStatus.SUCCEEDED), "the run is ending"),
    ],
)
def test_a_step_that_ends_with_its_run_says_why_it_was_given_up(report, reason):
    story = ending()
    story.given(report(story.at("call")))
    assert story.run.steps["call"].status is StepStatus.CANCELLED
    assert story.run.steps["call"].reason == reason
    assert story.last(StepCancelled).place == story.place("call")


def test_what_may_be_repeated_is_not_settled_by_people_after_it_may_have_happened():
    one().when(ReportFailure(one().at("call"), UNCLEAR)).then(AttemptFailed)


def test_taking_something_back_that_fails_lets_the_rest_go_on():
    story = taking_back()
    story.given(ReportFailure(story.at("pay:undo"), WRONG))
    assert story.last(StepFailed).continued
    assert story.run.warnings


def test_a_step_of_the_main_part_that_fails_does_not_let_the_run_go_on():
    story = one()
    story.given(ReportFailure(story.at("call"), WRONG))
    assert not story.last(StepFailed).continued


def test_taking_something_back_that_crashes_again_and_again_is_given_up_and_the_run_ends():
    story = taking_back(retry=Tries(crashes=1))
    story.given(ReportInterrupted(story.at("pay:undo"), "it died"))
    failed = story.last(StepFailed)
    assert failed.continued
    assert (failed.error.code, failed.error.retryable, failed.error.maybe_happened) == ("interrupted", False, False)
    assert story.run.status is RunStatus.FAILED


# Interruptions -----------------------------------------------------------------------------------------------------


def test_after_each_crash_but_the_first_it_waits_twice_as_long_up_to_the_steps_own_bound():
    """Else a step that takes the service down with it takes it down without end."""
    story, waits = one(retry=Tries(crashes=9, backoff_max_ms=10_000)), []
    for _ in range(7):
        crashed(story).then(AttemptInterrupted)
        told = story.last(AttemptInterrupted)
        waits.append(told.due_at - story.now)
        story.now = told.due_at
        story.given(Claim("call"))
    assert waits == [0, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]


def test_the_wait_after_very_many_crashes_has_a_bound_of_its_own():
    story = one(retry=Tries(crashes=40, backoff_max_ms=10**12))
    for _ in range(22):
        crashed(story).then(AttemptInterrupted)
        story.now = story.last(AttemptInterrupted).due_at
        story.given(Claim("call"))
    crashed(story)
    assert story.last(AttemptInterrupted).due_at - story.now == 1_000 * 2**16


def test_an_attempt_that_was_cut_off_says_how_much_was_lost():
    story = one()
    story.now += 300
    crashed(story)
    told = story.last(AttemptInterrupted)
    place = story.place("call")
    assert told == AttemptInterrupted(story.now, place, "it died", story.now, idle_ms=300, error=cut_off("it died"))


def test_a_stop_on_purpose_is_no_crash_and_is_tried_again_at_once():
    story = one(retry=Tries(crashes=1))
    story.now += 300
    crashed(story, "drained", counts=False)
    told = story.last(AttemptInterrupted)
    place, more = story.place("call"), {"counts": False, "idle_ms": 300, "error": cut_off("drained")}
    assert told == AttemptInterrupted(story.now, place, "drained", story.now, **more)
    assert story.run.steps["call"].crashes == 0


def test_a_clock_that_was_set_back_loses_less_than_nothing_of_no_attempt():
    story = one()
    story.now -= 300
    crashed(story)
    assert story.last(AttemptInterrupted).idle_ms == 0


def test_too_many_crashes_of_a_run_that_is_paused_do_not_pause_it_again():
    story = one(retry=Tries(crashes=1)).given(Pause(MINA, "lunch"))
    crashed(story).then(AttemptInterrupted)
    assert story.run.reason == "lunch"


def test_a_run_that_is_paused_by_crashes_says_how_many_and_why():
    story = one(retry=Tries(crashes=1))
    crashed(story).then(AttemptInterrupted, RunPaused)
    assert story.run.reason == "call was interrupted 1 times, the last time because it died"


def test_an_effect_that_was_cut_off_is_told_as_one_that_may_have_happened():
    story = one(effect="once")
    crashed(story)
    error = story.last(StepUnknown).error
    assert (error.code, error.maybe_happened) == ("interrupted", True)
    assert story.run.steps["call"].error == error


# Work that goes on elsewhere ---------------------------------------------------------------------------------------


def test_a_work_that_may_happen_once_and_of_which_nothing_more_is_heard_may_have_happened():
    story = one(effect="once", retry=Tries(attempts=1))
    story.given(ReportPolling(story.at("call"), {"id": 1}, story.now)).given(Claim("call"))
    story.given(ReportFailure(story.at("call"), DOWN))
    assert story.last(StepUnknown).error.maybe_happened


def test_work_elsewhere_is_not_asked_for_at_the_very_moment_at_which_its_time_is_up():
    story = one(timeout_ms=1_000)
    story.given(ReportPolling(story.at("call"), {"id": 1}, story.now + 1_000))
    assert story.last(StepFailed).error == Failure(
        "timeout", "The work goes on elsewhere and took longer than the step may.", maybe_happened=True
    )
    in_time = one(timeout_ms=1_000)
    in_time.when(ReportPolling(in_time.at("call"), {"id": 1}, in_time.now + 999))
    assert type(in_time.answer.events[0]) is StepPolled
    assert in_time.run.steps["call"].status is StepStatus.READY


def test_work_elsewhere_that_takes_too_long_may_be_let_pass():
    story = one(timeout_ms=1_000, on_failure="continue")
    story.given(ReportPolling(story.at("call"), {"id": 1}, story.now + 1_000))
    assert story.last(StepFailed).continued
    assert story.run.status is RunStatus.SUCCEEDED


def test_work_elsewhere_that_may_happen_once_and_takes_too_long_may_have_happened():
    story = one(timeout_ms=1_000, effect="once")
    story.given(ReportPolling(story.at("call"), {"id": 1}, story.now + 1_000))
    assert story.last(StepUnknown).error.maybe_happened


# Stopping ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "told"), [("no stock", "no stock"), ("", "The workflow stopped the run at call.")])
def test_a_run_that_its_workflow_stops_as_failed_says_why(reason, told):
    story = one()
    story.given(ReportStop(story.at("call"), RunStatus.FAILED, reason))
    assert story.run.status is RunStatus.FAILED
    assert story.run.error == Failure("stopped", told)
    assert story.run.reason == reason


# Settling ----------------------------------------------------------------------------------------------------------


def unknown(*others, **more) -> Story:
    story = one(*others, effect="once", **more)
    return crashed(story)


def test_the_record_says_who_settled_an_effect_how_and_why():
    story = unknown().given(Settle("call", MINA, "happened", None, "it stands in the shop"))
    assert story.last(StepSettled) == StepSettled(
        story.now, story.place("call"), MINA, "happened", "it stands in the shop"
    )
    assert story.run.steps["call"].output == Content()


def test_a_step_that_is_settled_as_failed_fails_for_what_left_it_unknown():
    story = unknown()
    error = story.run.steps["call"].error
    story.given(Settle("call", MINA, "fail"))
    assert story.last(StepFailed).error == error
    assert not story.last(StepFailed).continued


def test_a_step_that_is_settled_as_failed_may_be_let_pass():
    story = unknown(step("next", after=["call"]), on_failure="continue").given(Settle("call", MINA, "fail"))
    assert story.last(StepFailed).continued


def test_taking_something_back_again_waits_its_turn_and_a_last_step_does_not():
    undone = taking_back(effect="once")
    undone.given(ReportInterrupted(undone.at("pay:undo"), "it died"))
    undone.when(Settle("pay:undo", MINA, "again"))
    assert [type(event) for event in undone.answer.events[:2]] == [StepSettled, StepHeld]
    told = Story(plan(step("a"), step("tell", phase="finally", effect="once"))).done("a").given(Claim("tell"))
    told.given(ReportInterrupted(told.at("tell"), "it died"))
    told.when(Settle("tell", MINA, "again"))
    assert [type(event) for event in told.answer.events[:2]] == [StepSettled, StepReady]
