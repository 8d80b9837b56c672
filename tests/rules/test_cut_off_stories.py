"""What was cut off or failed half-way may have had its effect: it is taken back when the run ends badly."""

from __future__ import annotations

import pytest

from engine.rules.commands import (
    Cancel,
    Claim,
    Pause,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    Resume,
)
from store.events import AttemptFailed, AttemptInterrupted, EndingBegun, StepCancelled, StepFailed, StepPolled
from store.model import Failure, RunStatus
from store.model import Retry as Tries
from tests.support.engines import MINA, plan, step
from tests.support.story import Story

UNCLEAR = Failure("http_timeout", "no answer in time", retryable=True, maybe_happened=True)
DOWN = Failure("http_connection", "nobody there", retryable=True)
WRONG = Failure("http_status", "400 from the server")


def booking(effect: str = "idempotent", **more: object) -> Story:
    """A booking under way that can be taken back."""
    more.setdefault("retry", Tries(3, 10, 10, crashes=3))
    made = plan(step("book", "http", effect=effect, **more), undo=(step("book:undo", "http"),))
    return Story(made).given(Claim("book"))


def taken_back(story: Story) -> tuple[str, ...]:
    """What is taken back when the run ends now, if it is not over."""
    if story.run.status is RunStatus.RUNNING:
        story.given(Cancel(MINA))
    begun = [event for event in story.events if isinstance(event, EndingBegun)]
    return begun[-1].steps if begun else ()


def again(story: Story) -> Story:
    """The next attempt begins, when its time has come."""
    story.now = story.run.steps["book"].due_at
    return story.given(Claim("book"))


# While the run is ending -------------------------------------------------------------------------------------------


def test_a_room_that_may_be_booked_is_given_back_when_the_run_is_cancelled_in_the_middle_of_booking_it():
    story = booking().given(Cancel(MINA))
    story.given(ReportInterrupted(story.at("book"), "the run was ended"))
    assert taken_back(story) == ("book:undo",)
    cancelled = next(event for event in story.events if isinstance(event, StepCancelled))
    assert (cancelled.reason, cancelled.error.code) == ("the run was ended", "interrupted")
    assert story.run.steps["book"].status == "cancelled"
    assert story.done("book:undo").run.status is RunStatus.CANCELLED


def test_what_changes_nothing_outside_leaves_nothing_to_take_back_when_it_is_cut_off():
    story = booking("pure").given(Cancel(MINA))
    story.given(ReportInterrupted(story.at("book"), "the run was ended"))
    assert taken_back(story) == ()
    assert story.run.steps["book"].error is None


def test_a_booking_that_nobody_answers_while_the_run_ends_is_given_back_as_well():
    story = booking().given(Cancel(MINA), ReportFailure(booking().at("book"), UNCLEAR))
    assert taken_back(story) == ("book:undo",)
    cancelled = next(event for event in story.events if isinstance(event, StepCancelled))
    assert (cancelled.reason, cancelled.error) == (UNCLEAR.message, UNCLEAR)


def test_a_booking_that_was_refused_while_the_run_ends_is_not_given_back():
    story = booking().given(Cancel(MINA), ReportFailure(booking().at("book"), WRONG))
    assert taken_back(story) == ()
    assert story.run.steps["book"].error == WRONG


def test_work_that_goes_on_elsewhere_is_taken_back_when_asking_for_it_is_cut_off():
    story = booking()
    story.given(ReportPolling(story.at("book"), {"at": "/7"}, story.now), Claim("book"), Cancel(MINA))
    story.given(ReportInterrupted(story.at("book"), "the run was ended"))
    assert taken_back(story) == ("book:undo",)


# Before it ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [True, False], ids=["a crash", "a stop of the service"])
def test_what_was_cut_off_and_waits_for_its_next_attempt_is_taken_back_with_the_run(counts):
    story = booking()
    story.when(ReportInterrupted(story.at("book"), "it died", counts=counts)).then(AttemptInterrupted)
    assert taken_back(story) == ("book:undo",)


def test_what_was_cut_off_and_changes_nothing_outside_is_not_taken_back():
    story = booking("pure")
    story.given(ReportInterrupted(story.at("book"), "it died"))
    assert taken_back(story) == ()


def test_a_crash_after_a_failure_makes_it_unclear_what_happened():
    story = booking()
    again(story.given(ReportFailure(story.at("book"), DOWN)))
    story.given(ReportInterrupted(story.at("book"), "it died", counts=False))
    assert taken_back(story) == ("book:undo",)


@pytest.mark.parametrize("first", ["cut off", "no answer"])
@pytest.mark.parametrize("last", [DOWN, WRONG], ids=["tried in vain", "refused"])
def test_what_an_attempt_may_have_done_is_not_forgotten_when_a_later_one_fails(first, last):
    story = booking()
    place = story.at("book")
    again(story.given(ReportInterrupted(place, "it died") if first == "cut off" else ReportFailure(place, UNCLEAR)))
    while story.run.steps["book"].status == "running":
        story.given(ReportFailure(story.at("book"), last))
        if story.run.steps["book"].status == "ready":
            assert story.last(AttemptFailed).error.maybe_happened
            again(story)
    assert story.last(StepFailed).error.maybe_happened
    assert taken_back(story) == ("book:undo",)


def test_attempts_that_were_all_refused_leave_nothing_to_take_back():
    story = booking()
    again(story.given(ReportFailure(story.at("book"), DOWN)))
    story.given(ReportFailure(story.at("book"), WRONG))
    assert taken_back(story) == ()


def test_work_that_goes_on_elsewhere_and_can_no_longer_be_asked_for_is_taken_back():
    story = booking(retry=Tries(attempts=1))
    story.given(ReportPolling(story.at("book"), {"at": "/7"}, story.now), Claim("book"))
    story.given(ReportFailure(story.at("book"), DOWN))
    assert story.last(StepFailed).error.maybe_happened
    assert taken_back(story) == ("book:undo",)


def test_work_elsewhere_that_is_known_to_have_failed_is_not_taken_back():
    story = booking(retry=Tries(attempts=1))
    story.given(ReportPolling(story.at("book"), {"at": "/7"}, story.now), Claim("book"))
    story.given(ReportFailure(story.at("book"), WRONG, anew=True))
    assert taken_back(story) == ()


@pytest.mark.parametrize(("effect", "back"), [("idempotent", ("book:undo",)), ("pure", ())])
def test_work_elsewhere_that_takes_too_long_is_taken_back_if_it_changes_anything(effect, back):
    story = booking(effect, timeout_ms=1_000)
    story.when(ReportPolling(story.at("book"), {"at": "/7"}, story.now + 1_000))
    assert [type(event) for event in story.answer.events[:2]] == [StepPolled, StepFailed]
    assert taken_back(story) == back


def test_what_changes_nothing_outside_is_not_taken_back_when_it_is_no_longer_heard_of():
    story = booking("pure", retry=Tries(attempts=1))
    story.given(ReportPolling(story.at("book"), {"at": "/7"}, story.now), Claim("book"))
    story.given(ReportFailure(story.at("book"), DOWN))
    assert story.last(StepFailed).error == DOWN


def test_what_changes_nothing_outside_has_nothing_to_remember():
    story = booking("pure")
    again(story.given(ReportFailure(story.at("book"), UNCLEAR)))
    story.given(ReportFailure(story.at("book"), WRONG))
    assert story.last(StepFailed).error == WRONG


def test_what_was_cut_off_once_and_then_succeeded_has_no_error():
    story = booking()
    again(story.given(ReportInterrupted(story.at("book"), "it died")))
    assert story.run.steps["book"].error.message == "The step was cut off: it died."
    story.given(Pause(MINA, "lunch"), Resume(MINA))
    story.given(ReportPolling(story.at("book"), {"at": "/7"}, story.now))
    assert story.run.steps["book"].error is None, "what goes on elsewhere went well so far"
