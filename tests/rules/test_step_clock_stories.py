"""The clock of a step, that of its `timeout`: it runs while the step is tried, and not while it waits for its turn."""

from __future__ import annotations

from typing import Any

from engine.rules.commands import Claim, Pause, ReportFailure, ReportInterrupted, ReportPolling, Resume
from store.events import (
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    ClockTurned,
    RunEnding,
    RunFinished,
    RunPaused,
    RunResumed,
    StepFailed,
    StepPolled,
)
from store.model import Failure, Retry
from tests.support.engines import MINA, plan, step
from tests.support.story import Story

DOWN = Failure("http_status", "503 from the server", retryable=True)
MINUTE = 60_000


def called(**more: Any) -> Story:
    """A step that may take ten seconds in all, and is tried again after one."""
    more.setdefault("retry", Retry(attempts=9, backoff_min_ms=1_000, backoff_max_ms=1_000, crashes=9))
    return Story(plan(step("call", "http", effect="idempotent", timeout_ms=10_000, **more)))


def failed(story: Story, **more: Any) -> Story:
    return story.when(ReportFailure(story.at("call"), DOWN, **more))


def test_standing_in_line_before_the_first_try_takes_nothing_from_it():
    story = called().when(Claim("call"), after=MINUTE).then(AttemptStarted)
    assert story.last(AttemptStarted).idle_ms == MINUTE
    story.now += 5_000
    failed(story).then(AttemptFailed)


def test_standing_in_line_between_two_tries_takes_nothing_from_it():
    story = called().given(Claim("call"))
    failed(story).then(AttemptFailed)
    story.when(Claim("call"), after=1_000 + MINUTE).then(AttemptStarted)
    assert story.last(AttemptStarted).idle_ms == MINUTE, "the wait that it asked for itself counts"
    story.now += 7_000
    failed(story).then(AttemptFailed)


def test_tries_and_the_waits_between_them_count():
    story = called().given(Claim("call"))
    story.now += 4_000
    failed(story).then(AttemptFailed)
    story.when(Claim("call"), after=1_000).then(AttemptStarted)
    story.now += 4_000
    failed(story).then(StepFailed, RunEnding, RunFinished)


def test_a_wait_for_an_endpoint_that_is_down_for_everybody_takes_nothing_from_it():
    story = called().given(Claim("call"))
    story.when(ReportFailure(story.at("call"), Failure("http_status", "503", "", True, MINUTE), counts=False))
    story.then(AttemptFailed)
    story.when(Claim("call"), after=MINUTE).then(AttemptStarted)
    story.now += 5_000
    failed(story).then(AttemptFailed)


def test_waiting_for_a_worker_takes_nothing_from_it():
    story = called().given(Claim("call"))
    story.now += MINUTE
    failed(story, waited_ms=MINUTE).then(AttemptFailed)
    story.when(Claim("call"), after=1_000).then(AttemptStarted)
    story.now += 9_000
    failed(story).then(StepFailed, RunEnding, RunFinished)


def test_a_pause_of_its_run_takes_nothing_from_it():
    story = called().given(Claim("call"))
    failed(story).then(AttemptFailed)
    story.when(Pause(MINA, "one moment")).then(RunPaused)
    story.when(Resume(MINA), after=MINUTE).then(RunResumed)
    story.when(Claim("call")).then(AttemptStarted)
    story.now += 5_000
    failed(story).then(AttemptFailed)


def test_an_attempt_that_was_cut_off_and_the_rest_of_the_service_take_nothing_from_it():
    story = called().given(Claim("call"))
    story.now += MINUTE
    story.when(ReportInterrupted(story.at("call"), "the service stopped")).then(AttemptInterrupted)
    story.when(Claim("call"), after=MINUTE).then(AttemptStarted)
    story.now += 5_000
    failed(story).then(AttemptFailed)


def test_work_that_goes_on_elsewhere_counts_all_the_while():
    story = called().given(Claim("call"))
    story.when(ReportPolling(story.at("call"), {"id": 7}, story.now + 6_000)).then(StepPolled)
    story.when(Claim("call"), after=6_000).then(AttemptStarted)
    story.when(ReportPolling(story.at("call"), {"id": 7}, story.now + 6_000))
    story.then(StepPolled, StepFailed, RunEnding, RunFinished)


def test_a_clock_that_is_set_back_gives_no_time_away_and_takes_none():
    story = called().given(Claim("call"))
    failed(story).then(AttemptFailed)
    story.now += 1_000
    ready_at = story.run.steps["call"].ready_at
    story.given(Claim("call"))
    story.now -= MINUTE
    story.when(ReportInterrupted(story.at("call"), "it died")).then(AttemptInterrupted)
    assert story.run.steps["call"].ready_at == ready_at


def test_the_clock_of_the_run_goes_on_while_a_step_stands_in_line():
    story = called().when(Claim("call"), after=MINUTE)
    assert ClockTurned not in {type(event) for event in story.answer.events}
    assert story.run.active_since is not None
