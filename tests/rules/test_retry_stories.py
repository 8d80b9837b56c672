"""Retries, story by story: a run that has ended goes on, and what is done again is exactly what must be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.rules.commands import (
    Admit,
    AwaitChild,
    Cancel,
    Claim,
    Refusal,
    ReportChild,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportStop,
    ReportSuccess,
    Retry,
    Settle,
    Tick,
)
from engine.rules.lifecycle import handle
from store.events import (
    ApprovalKept,
    ClockTurned,
    GateClosed,
    GateOpened,
    InputsChanged,
    RunAdmitted,
    RunFinished,
    RunReopened,
    StepReady,
    StepsReset,
    StepSucceeded,
    VersionChanged,
)
from store.model import Changes, Choice, Content, Facts, Failure, GateState, RunStatus
from store.model import Retry as Retrying
from tests.support.engines import MINA, RAVI, gate, plan, step
from tests.support.story import SEEN_REFUSALS, Story
from tests.support.voting import answered, opened, review

AGAIN = Retry(MINA, "the server is back")
POST = {"title": "WAL"}
HOUR = 3_600_000
UNCLEAR = Failure("http_timeout", "no answer", maybe_happened=True)


def publishing(*more: Any, effect: str = "idempotent", **policy: Any) -> Story:
    """A post that was written and approved, and is about to be published."""
    made = plan(step("draft", "model"), review(**policy), step("publish", "http", ["editorial"], effect=effect), *more)
    story = opened(Story(made).done("draft", POST), "editorial")
    return answered(story, "editorial", RAVI)


# What failed ---------------------------------------------------------------------------------------------------------


def test_a_retry_does_what_failed_again_and_keeps_what_was_done():
    story = publishing().failed("publish")
    assert story.run.status is RunStatus.FAILED
    story.when(AGAIN).then(RunReopened, StepsReset, StepReady, ClockTurned)
    assert story.statuses() == {"draft": "succeeded", "editorial": "succeeded", "publish": "ready"}
    assert (story.run.status, story.run.error, story.run.ended_at) == (RunStatus.RUNNING, None, None)
    story.done("publish").then(StepSucceeded, RunFinished)
    assert story.run.status is RunStatus.SUCCEEDED


def test_what_failed_keeps_its_round_so_that_its_effect_keeps_its_key():
    story = publishing().failed("publish").given(AGAIN, Claim("publish"))
    assert (story.at("publish").round, story.at("publish").attempt) == (1, 2)


def test_what_failed_has_all_its_tries_again():
    down = Failure("http_status", "503", retryable=True)
    made = plan(step("call", "http", retry=Retrying(attempts=2, backoff_min_ms=10, backoff_max_ms=10)))
    story = Story(made).failed("call", down)
    story.now += 10
    story.failed("call", down).given(AGAIN)
    story.failed("call", down)
    assert story.statuses() == {"call": "ready"}


def test_a_run_that_is_under_way_is_not_retried():
    story = Story(plan(step("a"), step("b", "http", ["a"])))
    story.when(AGAIN).then(Refusal.RUN_NOT_FINISHED)
    story.done("a").given(Claim("b"), Cancel(MINA)).when(AGAIN).then(Refusal.RUN_ENDING)


def test_a_run_that_went_well_has_nothing_to_retry():
    Story(plan(step("a"))).done("a").when(AGAIN).then(Refusal.NOTHING_TO_RETRY)


def test_what_was_erased_cannot_be_done_again():
    story = publishing().failed("publish")
    assert story.run is not None
    erased = replace(story.run, erased_at=story.run.ended_at)
    answer = handle(story.plan, erased, AGAIN, Facts(), story.now)
    assert (answer.refusal, answer.events) == (Refusal.RUN_ERASED, ())
    SEEN_REFUSALS.add(Refusal.RUN_ERASED)


def test_a_run_with_warnings_may_mend_them():
    made = plan(step("a", "http", on_failure="continue"), step("b", after=["a"]), step("c"))
    story = Story(made).failed("a").done("c")
    assert (story.run.status, story.run.warnings) == (RunStatus.SUCCEEDED, True)
    story.when(AGAIN).then(RunReopened, StepsReset, StepReady, ClockTurned)
    story.done("a").done("b")
    assert (story.run.status, story.run.warnings) == (RunStatus.SUCCEEDED, False)


def test_what_ran_after_a_failure_is_done_again_in_a_round_of_its_own():
    made = plan(step("a", "http", on_failure="continue"), step("b", "http", on_failure="continue"), step("c"))
    seen = replace(made.steps[1], needs=(replace(step("x", after=["a"]).needs[0], accepts="end"),))
    story = Story(plan(made.steps[0], seen, made.steps[2])).failed("a").failed("b").done("c")
    story.given(AGAIN)
    assert story.rounds() == {"a": 1, "b": 2, "c": 1}, "what b was given may be different this time"


def test_a_retry_of_a_cancelled_run_goes_on_where_it_was():
    story = publishing().given(Cancel(MINA)).when(AGAIN).then(RunReopened, StepsReset, StepReady, ClockTurned)
    assert story.statuses()["publish"] == "ready"


def test_a_retry_of_a_run_cancelled_at_its_gate_asks_again_with_a_new_version():
    story = opened(Story(plan(step("draft", "model"), review())).done("draft", POST), "editorial").given(Cancel(MINA))
    assert story.run.steps["editorial"].gate.state is GateState.WITHDRAWN
    opened(story.given(AGAIN), "editorial").then(GateOpened, ClockTurned)
    assert story.run.steps["editorial"].gate.version == 2


def test_a_retry_of_a_rejected_run_asks_again():
    story = opened(
        Story(plan(step("draft", "model"), review(), step("publish", "http", ["editorial"]))).done("draft", POST),
        "editorial",
    )
    answered(story, "editorial", RAVI, "reject")
    opened(story.given(AGAIN), "editorial").then(GateOpened, ClockTurned)
    assert story.statuses()["publish"] == "pending"
    assert story.run.reason == ""


def test_a_retry_of_an_expired_run_asks_again():
    made = plan(gate("review", expires_ms=HOUR), step("publish", after=["review"]))
    story = opened(Story(made), "review").given(Tick()).when(Tick(), after=HOUR)
    assert story.run.status is RunStatus.REJECTED
    opened(story.given(AGAIN), "review").then(GateOpened, ClockTurned)
    assert story.run.steps["review"].gate.expires_at == story.now + HOUR


def test_what_a_policy_rejected_is_not_done_by_a_retry():
    auto = [{"verdict": "reject", "when": "${{ inputs.n > 2 }}"}]
    with_ = {"question": "?", "show": 1, "auto": auto}
    story = opened(Story(plan(gate("review", with_=with_), step("publish", after=["review"])), {"n": 3}), "review")
    story.given(AGAIN)
    assert story.statuses() == {"review": "ready", "publish": "pending"}
    opened(story, "review")
    assert story.run.status is RunStatus.REJECTED


def test_a_no_that_let_the_run_go_on_is_an_answer_and_stays():
    made = plan(gate("review", on_reject="continue"), step("tell", "http", ["review"]))
    story = opened(Story(made), "review")
    answered(story, "review", RAVI, "reject")
    story.failed("tell").given(AGAIN)
    assert story.statuses() == {"review": "succeeded", "tell": "ready"}


def test_an_expiry_that_let_the_run_go_on_stays():
    for policy in ("continue", "approve"):
        made = plan(gate("review", expires_ms=HOUR, on_expiry=policy), step("tell", "http", ["review"]))
        story = opened(Story(made), "review").when(Tick(), after=HOUR).failed("tell").given(AGAIN)
        assert story.statuses() == {"review": "succeeded", "tell": "ready"}


def test_a_run_that_stopped_itself_stops_anew():
    made = plan(step("stop", "stop", when="${{ inputs.n > 2 }}"), step("go", "http"))
    story = Story(made, {"n": 3}).given(Claim("stop"))
    story.given(ReportStop(story.at("stop"), RunStatus.FAILED, "too many"))
    story.given(AGAIN)
    assert story.statuses() == {"stop": "ready", "go": "ready"}


def test_a_run_that_stopped_well_has_nothing_to_retry():
    story = Story(plan(step("stop", "stop"), step("go", "http"))).given(Claim("stop"))
    story.given(ReportStop(story.at("stop"), RunStatus.SUCCEEDED))
    story.when(AGAIN).then(Refusal.NOTHING_TO_RETRY)


def test_a_run_that_took_too_long_has_all_its_time_again():
    story = Story(plan(step("a", "http"), duration_ms=HOUR)).given(Claim("a")).when(Tick(), after=HOUR)
    story.given(ReportInterrupted(story.at("a"), "the run was ended")).given(AGAIN)
    story.when(Tick(), after=HOUR - 1).then()


def test_outputs_that_could_not_be_computed_are_mended_by_the_newest_version():
    made = plan(step("a"), outputs={"n": "${{ steps.a.output.m }}"})
    story = Story(made).done("a", {"n": 3})
    assert story.run.error.code == "outputs_failed"
    story.when(AGAIN).then(Refusal.NOTHING_TO_RETRY)
    mended = plan(step("a"), outputs={"n": "${{ steps.a.output.n }}"})
    story.when(replace(AGAIN, newest=True), newest=mended).then(RunReopened, VersionChanged, RunFinished)
    assert story.run.outputs == Content({"n": 3})


# Approvals -----------------------------------------------------------------------------------------------------------


def test_an_approval_survives_the_retry_of_what_comes_before_it_when_nothing_changed():
    story = publishing().failed("publish").given(replace(AGAIN, from_step="draft"))
    assert story.rounds() == {"draft": 2, "editorial": 2, "publish": 2}
    opened(story.done("draft", POST), "editorial").then(ApprovalKept, StepSucceeded, StepReady)
    output = story.run.steps["editorial"].output.value
    assert (output["verdict"], output["by"]) == ("approved", "U0RAVI")
    assert story.run.steps["editorial"].gate.version == 1


def test_an_approval_falls_when_what_was_approved_changed():
    story = publishing().failed("publish").given(replace(AGAIN, from_step="draft"))
    opened(story.done("draft", {"title": "Other"}), "editorial").then(GateOpened, ClockTurned)
    assert story.run.steps["editorial"].gate.version == 2
    assert story.statuses()["publish"] == "pending", "what nobody approved is not published"


def test_an_approval_falls_when_the_newest_version_asks_for_more_people():
    story = publishing().failed("publish")
    strict = plan(story.plan.steps[0], review(quorum=2), story.plan.steps[2])
    story.given(replace(AGAIN, newest=True), newest=strict)
    opened(story, "editorial").then(GateOpened, ClockTurned)


def test_a_choice_is_kept_like_an_approval():
    choices = (Choice("a"), Choice("b"))
    made = plan(step("draft", "model"), review(choices=choices), step("publish", "http", ["editorial"]))
    story = opened(Story(made).done("draft", POST), "editorial")
    answered(story, "editorial", RAVI, "choose", choice="b")
    story.failed("publish").given(replace(AGAIN, from_step="draft"))
    opened(story.done("draft", POST), "editorial").then(ApprovalKept, StepSucceeded, StepReady)
    assert story.run.steps["editorial"].output.value["choice"] == "b"


def test_a_retry_from_the_gate_itself_asks_anew_although_nothing_changed():
    story = publishing().failed("publish").when(replace(AGAIN, from_step="editorial"))
    story.then(RunReopened, GateClosed, StepsReset, StepReady, ClockTurned)
    opened(story, "editorial").then(GateOpened, ClockTurned)


# On purpose ----------------------------------------------------------------------------------------------------------


def test_a_retry_from_a_step_does_it_and_all_that_depends_on_it_in_a_new_round():
    story = Story(plan(step("a"), step("b", after=["a"]), step("c"))).done("a").done("b").done("c")
    story.given(replace(AGAIN, from_step="a"))
    assert story.statuses() == {"a": "ready", "b": "pending", "c": "succeeded"}
    assert story.rounds() == {"a": 2, "b": 2, "c": 1}


def test_a_retry_from_a_step_that_does_not_exist_is_refused():
    story = publishing(step("tell", "message", phase="finally")).failed("publish").done("tell")
    for name in ("publsh", "tell", "publish:undo"):
        story.when(replace(AGAIN, from_step=name)).then(Refusal.STEP_UNKNOWN_NAME)


def test_an_effect_that_took_place_is_repeated_only_when_confirmed():
    story = Story(plan(step("pay", "http", effect="once"), step("tell", "http", ["pay"]))).done("pay").failed("tell")
    story.when(AGAIN).then(RunReopened, StepsReset, StepReady, ClockTurned)
    story.failed("tell")
    story.when(replace(AGAIN, from_step="pay")).then(Refusal.ONCE_WOULD_REPEAT)
    story.when(replace(AGAIN, from_step="pay", confirmed=True)).then(RunReopened, StepsReset, StepReady, ClockTurned)
    assert story.run.steps["pay"].round == 2, "another round, so another key"


def test_an_effect_that_may_have_taken_place_is_repeated_only_when_confirmed():
    story = Story(plan(step("pay", "http", effect="once"))).given(Claim("pay"))
    story.given(ReportFailure(story.at("pay"), UNCLEAR), Settle("pay", MINA, "fail"))
    story.when(AGAIN).then(Refusal.ONCE_WOULD_REPEAT)
    story = Story(plan(step("pay", "http", effect="once"))).given(Claim("pay"), Cancel(MINA))
    story.given(ReportInterrupted(story.at("pay"), "the run was ended"))
    assert story.statuses() == {"pay": "unknown"}
    story.when(AGAIN).then(Refusal.ONCE_WOULD_REPEAT)
    story.given(replace(AGAIN, confirmed=True))


def test_an_effect_that_surely_did_not_take_place_is_tried_without_asking():
    Story(plan(step("pay", "http", effect="once"))).failed("pay").given(AGAIN)


def test_work_that_was_given_away_is_not_given_away_again_unseen():
    story = Story(plan(step("train", "http", effect="once"))).given(Claim("train"))
    story.given(ReportPolling(story.at("train"), {"id": 7}, story.now + 1_000), Cancel(MINA))
    assert story.run.status is RunStatus.CANCELLED
    story.when(AGAIN).then(Refusal.ONCE_WOULD_REPEAT)


# Inputs --------------------------------------------------------------------------------------------------------------


def test_changed_inputs_are_read_again_by_exactly_what_reads_them():
    made = plan(
        step("a", with_={"x": "${{ inputs.x }}"}),
        step("b", with_={"y": "${{ inputs.y }}"}),
        step("c", after=["a"], with_={"a": "${{ steps.a.output }}"}),
        step("d", when="${{ inputs.y > 0 }}"),
        step("whole", with_={"all": "${{ inputs }}"}),
    )
    story = Story(made, {"x": 1, "y": 1})
    for name in ("a", "b", "c", "d", "whole"):
        story.done(name)
    story.when(replace(AGAIN, inputs=Content({"x": 2, "y": 1}), changed=("x",)))
    story.then(RunReopened, InputsChanged, StepsReset, StepReady, StepReady, ClockTurned)
    again = {"a": "ready", "b": "succeeded", "c": "pending", "d": "succeeded", "whole": "ready"}
    assert story.statuses() == again
    assert story.run.inputs == Content({"x": 2, "y": 1})


def test_changed_inputs_give_what_failed_a_new_round():
    story = Story(plan(step("a", "http", with_={"x": "${{ inputs.x }}"}), step("b", "http")), {"x": 1})
    story.failed("a").given(replace(AGAIN, inputs=Content({"x": 2}), changed=("x",)))
    assert story.rounds() == {"a": 2, "b": 1}


def test_inputs_of_the_wrong_shape_are_refused():
    story = publishing().failed("publish")
    story.when(replace(AGAIN, inputs=Content({"n": "x"}), changed=("n",)), problems=("n is no number",))
    story.then(Refusal.CONTENT_INVALID)
    assert story.run.status is RunStatus.FAILED


# Runs inside runs ----------------------------------------------------------------------------------------------------


def test_a_run_that_a_step_started_and_that_failed_is_started_anew():
    story = Story(plan(step("call", "workflow"))).given(Claim("call"))
    story.given(AwaitChild(story.at("call"), "child1"))
    story.given(ReportChild("call", "child1", RunStatus.FAILED, error=Failure("x", "it broke")))
    story.given(AGAIN)
    assert story.run.steps["call"].round == 2, "in its round it would find the run that failed"


def test_a_late_report_from_before_the_retry_is_ignored():
    story = Story(plan(step("a", "http"), step("b", "http"))).given(Claim("a")).failed("b")
    late = story.at("a")
    story.given(ReportInterrupted(late, "the run was ended"), AGAIN, Claim("a"))
    story.when(ReportSuccess(late, Content(1)))
    assert story.answer.refusal is Refusal.ATTEMPT_STALE
    assert story.statuses()["a"] == "running"


def test_rounds_of_review_go_on_counting_after_a_retry():
    made = plan(step("draft", "model"), review(changes=Changes("draft", 1)), step("publish", "http", ["editorial"]))
    story = opened(Story(made).done("draft", POST), "editorial")
    answered(story, "editorial", RAVI, "changes")
    answered(opened(story.done("draft", {"title": "2"}), "editorial"), "editorial", RAVI)
    story.failed("publish").given(replace(AGAIN, from_step="draft"))
    opened(story.done("draft", {"title": "3"}), "editorial")
    answered(story, "editorial", RAVI, "changes")
    assert story.answer.refusal is Refusal.ROUNDS_USED_UP


# Its place in the queue ----------------------------------------------------------------------------------------------


def test_a_retry_waits_for_its_turn_where_a_start_would():
    story = publishing().failed("publish")
    story.when(AGAIN, queue="", queued=True).then(RunReopened, StepsReset)
    assert (story.run.status, story.run.active_since) == (RunStatus.QUEUED, None)
    assert story.run.stands_since == story.now
    story.when(Admit()).then(RunAdmitted, StepReady)
    story.done("publish")
    assert story.run.status is RunStatus.SUCCEEDED


def test_a_retry_is_refused_where_a_start_would_be():
    story = publishing().failed("publish")
    story.when(AGAIN, full=True).then(Refusal.TOO_MANY_OPEN)
    assert story.run.status is RunStatus.FAILED


def test_a_run_that_waits_to_go_on_is_cancelled_at_once():
    story = publishing().failed("publish").given(AGAIN, queue="team", queued=True)
    story.when(Retry(MINA)).then(Refusal.RUN_QUEUED)
    story.given(Cancel(MINA, "enough"))
    assert (story.run.status, story.run.queue) == (RunStatus.CANCELLED, "team")
