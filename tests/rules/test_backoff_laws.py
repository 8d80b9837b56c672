"""How long a step waits before its next try: within bounds, spread, and the same when it is computed again."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.rules.commands import Cancel, Claim, Pause, ReportFailure, ReportPolling
from engine.rules.retry import backoff_ms
from store.events import CancelRequested, RunEnding, RunFinished, StepCancelled
from store.model import Failure, Retry, Step, StepPlan
from tests.support.engines import MINA, gate, plan, step
from tests.support.story import Story

CALL = StepPlan("call", "http")
DOWN = Failure("http_connect", "nobody listens", retryable=True)


def waited(run: str, failures: int, retry: Retry) -> int:
    story = Story(plan(CALL))
    made: Step = replace(story.run.steps["call"], failures=failures, attempt=failures + 1)
    return backoff_ms(run, replace(CALL, retry=retry), made)


@given(st.text(min_size=1), st.integers(0, 60), st.integers(0, 600_000), st.integers(0, 3_600_000))
def test_a_wait_lies_within_its_bounds_and_is_the_same_when_computed_again(
    run: str, failures: int, least: int, more: int
) -> None:
    retry = Retry(attempts=99, backoff_min_ms=least, backoff_max_ms=least + more)
    wait = waited(run, failures, retry)
    assert least <= wait <= least + more
    assert wait <= max(least, least * 2**failures), "the bound grows from failure to failure"
    assert wait == waited(run, failures, retry)


def test_runs_that_fail_together_do_not_come_back_together() -> None:
    retry = Retry(attempts=9, backoff_min_ms=1_000, backoff_max_ms=60_000)
    waits = {waited(f"run{n}", 5, retry) for n in range(200)}
    assert len(waits) > 150, "two hundred runs that failed at one moment are spread over half a minute"
    assert max(waits) - min(waits) > 15_000


def test_a_paused_run_is_cancelled_whatever_its_steps_wait_for() -> None:
    made = plan(gate("review"), step("call", "http", retry=Retry(9, 5_000, 5_000)), step("far", "http"), step("later"))
    story = Story(made).asked("review").given(Claim("call"), Claim("far"))
    story.given(ReportFailure(story.at("call"), DOWN))
    story.given(ReportPolling(story.at("far"), {"url": "x"}, story.now + 60_000))
    story.given(Pause(MINA, "look first"))
    story.when(Cancel(MINA, "not needed"))
    assert [type(event) for event in story.answer.events][:2] == [CancelRequested, RunEnding]
    assert type(story.answer.events[-1]) is RunFinished
    assert sum(type(event) is StepCancelled for event in story.answer.events) == 4
    assert set(story.statuses().values()) == {"cancelled"}
