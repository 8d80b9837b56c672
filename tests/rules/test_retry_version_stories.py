"""Retries by the newest version, story by story: what it does in another way is done again, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.rules.commands import (
    Claim,
    Refusal,
    ReportInterrupted,
    Retry,
    Settle,
)
from store.events import (
    ClockTurned,
    RunReopened,
    StepFailed,
    StepReady,
    StepSettled,
    StepsReset,
    StepSucceeded,
    VersionChanged,
)
from store.model import Content, Plan, RunStatus
from store.model import Retry as Retrying
from tests.support.engines import MINA, block, plan, step
from tests.support.story import Story

AGAIN = Retry(MINA, "the server is back")
HOUR = 3_600_000


# The newest version --------------------------------------------------------------------------------------------------


def moved(story: Story, newest: Plan, **more: Any) -> Story:
    return story.when(replace(AGAIN, newest=True, **more), newest=newest)


def test_the_newest_version_does_again_what_it_does_in_another_way():
    story = Story(plan(step("a"), step("b", after=["a"]), step("c", "http"))).done("a").done("b").failed("c")
    moved(story, plan(step("a"), step("b", after=["a"], with_={"of": "B"}), step("c", "http")))
    story.then(RunReopened, VersionChanged, StepsReset, StepReady, StepReady, ClockTurned)
    assert story.statuses() == {"a": "succeeded", "b": "ready", "c": "ready"}
    assert story.run.version == story.plan.version


def test_the_newest_version_runs_the_steps_that_are_new():
    story = Story(plan(step("a"), step("c", "http"))).done("a").failed("c")
    moved(story, plan(step("a"), step("b", after=["a"]), step("c", "http", ["b"])))
    assert story.statuses() == {"a": "succeeded", "b": "ready", "c": "pending"}
    story.done("b").done("c")
    assert story.run.status is RunStatus.SUCCEEDED


def test_a_step_that_the_newest_version_has_no_more_rests():
    story = Story(plan(step("a"), step("bad", "http"), step("last", after=["a"]))).done("a").failed("bad")
    moved(story, plan(step("a"), step("last", after=["a"]), step("tell", "message", phase="finally")))
    story.done("last").done("tell")
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.statuses()["bad"] == "failed"


def test_a_last_step_that_the_newest_version_does_before_the_end_is_done_again():
    """What was said when the run had failed is not what is to be said now."""
    story = Story(plan(step("bad", "http"), step("tell", phase="finally"))).failed("bad").done("tell")
    moved(story, plan(step("bad", "http"), step("tell")))
    assert story.statuses() == {"bad": "ready", "tell": "ready"}


def unclear_and_gone(answer: str) -> Story:
    """Nobody knows whether something was sent, the newest version sends it no more, and somebody says what happened."""
    story = Story(plan(step("send", "http", effect="once"), step("bad", "http"))).given(Claim("send"))
    story.given(ReportInterrupted(story.at("send"), "cut off")).failed("bad")
    moved(story, plan(step("bad", "http")))
    assert story.statuses()["send"] == "unknown"
    return story.when(Settle("send", MINA, answer))


def test_what_is_unclear_of_a_step_that_is_gone_may_be_settled_but_not_repeated():
    unclear_and_gone("again").then(Refusal.STEP_UNKNOWN_NAME)
    unclear_and_gone("happened").then(StepSettled, StepSucceeded)
    failed = unclear_and_gone("fail").then(StepSettled, StepFailed)
    assert failed.last(StepFailed).continued, "nothing needs it any more"
    assert failed.done("bad").run.status is RunStatus.SUCCEEDED


def test_a_step_that_came_back_is_done_again():
    with_b = plan(step("a", "http"), step("b", "http"))
    story = Story(with_b).given(Claim("a")).failed("b")
    story.given(ReportInterrupted(story.at("a"), "the run was ended"))
    moved(story, plan(step("a", "http"))).failed("a")
    moved(story, with_b)
    assert story.statuses() == {"a": "ready", "b": "ready"}


def test_another_way_to_wait_or_to_try_does_nothing_again():
    story = Story(plan(step("a", "model"), step("b", "http"))).done("a").failed("b")
    patient = step(
        "a", "model", retry=Retrying(9), timeout_ms=5, attempt_timeout_ms=3, title="Write", on_failure="continue"
    )
    moved(story, plan(patient, step("b", "http", timeout_ms=HOUR)))
    assert story.statuses() == {"a": "succeeded", "b": "ready"}
    assert story.rounds() == {"a": 1, "b": 1}


def test_another_constant_does_again_what_uses_it():
    steps = (step("a", with_={"v": "${{ vars.tone }}"}), step("b", with_={"v": "${{ vars.size }}"}), step("c", "http"))
    story = Story(plan(*steps, vars={"tone": 1, "size": 1})).done("a").done("b").failed("c")
    moved(story, plan(*steps, vars={"tone": 2, "size": 1}))
    assert story.statuses() == {"a": "ready", "b": "succeeded", "c": "ready"}


def test_a_version_that_needs_inputs_the_run_was_not_given_does_not_fit():
    story = Story(plan(step("a", "http"), inputs={"x": {"type": "number", "optional": True}})).failed("a")
    needs = plan(step("a", "http"), inputs={"x": {"type": "number"}})
    moved(story, needs).then(Refusal.VERSION_DOES_NOT_FIT)
    moved(story, needs, inputs=Content({"x": 1}), changed=("x",))
    assert story.answer.refusal is None
    assert story.run.version == needs.version


def test_a_version_with_more_inputs_that_may_be_left_out_fits():
    story = Story(plan(step("a", "http"))).failed("a")
    more = {"x": {"type": "number", "optional": True}, "y": {"type": "number", "default": 3}}
    moved(story, plan(step("a", "http"), inputs=more))
    assert story.answer.refusal is None


def test_another_workflow_or_none_does_not_fit():
    story = Story(plan(step("a", "http"))).failed("a")
    moved(story, plan(step("a", "http"), workflow="other")).then(Refusal.VERSION_DOES_NOT_FIT)
    story.when(replace(AGAIN, newest=True)).then(Refusal.VERSION_DOES_NOT_FIT)


def test_a_retry_with_the_newest_version_that_is_the_same_is_a_plain_retry():
    story = Story(plan(step("a", "http"), step("b"))).done("b").failed("a")
    moved(story, plan(step("a", "http"), step("b"))).then(RunReopened, StepsReset, StepReady, ClockTurned)


def test_a_changed_step_whose_effect_took_place_is_done_again_only_when_confirmed():
    story = Story(plan(step("pay", "http", effect="once"), step("c", "http"))).done("pay").failed("c")
    newest = plan(step("pay", "http", effect="once", with_={"of": "more"}), step("c", "http"))
    moved(story, newest).then(Refusal.ONCE_WOULD_REPEAT)
    moved(story, newest, confirmed=True)
    assert story.statuses() == {"pay": "ready", "c": "ready"}


def test_a_block_with_more_steps_in_it_is_done_again():
    def made(*more: Any) -> Plan:
        return plan(block("b"), step("b.x", "http"), *more, step("c", "http"))

    story = Story(made()).done("b.x").failed("c")
    moved(story, made(step("b.y", "http")))
    assert story.statuses() == {"b": "running", "b.x": "ready", "c": "ready", "b.y": "ready"}
