"""Retries, story by story: a run that has ended goes on, and what is done again is exactly what must be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.rules.commands import (
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
from engine.rules.computing import filled
from engine.rules.scope import at
from store.events import (
    ApprovalKept,
    BlockReopened,
    ClockTurned,
    EndingBegun,
    GateClosed,
    GateOpened,
    InputsChanged,
    RunFinished,
    RunReopened,
    StepReady,
    StepsReset,
    StepSucceeded,
    VersionChanged,
)
from store.model import Changes, Choice, Content, Facts, Failure, GateState, Plan, RunStatus
from store.model import Retry as Retrying
from tests.support.engines import MINA, RAVI, block, gate, plan, step
from tests.support.story import Story
from tests.support.voting import LENA, answered, opened, review

AGAIN = Retry(MINA, "the server is back")
POST = {"title": "WAL"}
HOUR = 3_600_000
UNCLEAR = Failure("http_timeout", "no answer", maybe_happened=True)


def publishing(*more: Any, effect: str = "idempotent", **policy: Any) -> Story:
    """A post that was written and approved, and is about to be published."""
    made = plan(step("draft", "model"), review(**policy), step("publish", "http", ["editorial"], effect=effect), *more)
    story = opened(Story(made).done("draft", POST), "editorial")
    return answered(story, "editorial", RAVI)


def rounds(story: Story) -> dict[str, int]:
    return {key: one.round for key, one in story.run.steps.items()}


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
    assert rounds(story) == {"a": 1, "b": 2, "c": 1}, "what b was given may be different this time"


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
    assert rounds(story) == {"draft": 2, "editorial": 2, "publish": 2}
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
    assert rounds(story) == {"a": 2, "b": 2, "c": 1}


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
    assert rounds(story) == {"a": 2, "b": 1}


def test_inputs_of_the_wrong_shape_are_refused():
    story = publishing().failed("publish")
    story.when(replace(AGAIN, inputs=Content({"n": "x"}), changed=("n",)), problems=("n is no number",))
    story.then(Refusal.CONTENT_INVALID)
    assert story.run.status is RunStatus.FAILED


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
    assert rounds(story) == {"a": 1, "b": 1}


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


# Taken back ----------------------------------------------------------------------------------------------------------


def undoing() -> Story:
    undo = (step("book:undo", "http"),)
    return Story(plan(step("book", "http", effect="once"), step("pay", "http", ["book"]), step("tell"), undo=undo))


def test_what_was_taken_back_is_done_again_without_asking():
    story = undoing().done("book").done("tell").failed("pay").done("book:undo")
    assert story.run.status is RunStatus.FAILED
    story.when(AGAIN).then(RunReopened, StepsReset, StepReady, ClockTurned)
    assert story.statuses() == {"book": "ready", "pay": "pending", "tell": "succeeded", "book:undo": "skipped"}
    assert rounds(story)["book"] == 2


def test_what_could_not_be_taken_back_is_done_again_only_when_confirmed():
    story = undoing().done("book").done("tell").failed("pay").failed("book:undo")
    story.when(AGAIN).then(Refusal.ONCE_WOULD_REPEAT)


def test_what_was_taken_back_once_and_done_again_stands():
    story = undoing().done("book").done("tell").failed("pay").done("book:undo").given(AGAIN)
    story.done("book").done("pay")
    assert story.run.status is RunStatus.SUCCEEDED
    story.when(AGAIN).then(Refusal.NOTHING_TO_RETRY)
    story.given(replace(AGAIN, from_step="tell"))
    assert story.statuses(("book", "pay", "tell")) == {"book": "succeeded", "pay": "succeeded", "tell": "ready"}


def test_what_was_done_again_is_taken_back_again_in_a_round_of_its_own():
    story = undoing().done("book").done("tell").failed("pay").done("book:undo").given(AGAIN)
    story.done("book").failed("pay")
    assert isinstance(story.answer.events[-2], EndingBegun)
    before = story.run.steps["book:undo"].round
    assert before > 1
    story.done("book:undo")
    assert story.run.status is RunStatus.FAILED


def test_the_last_steps_are_done_at_every_end():
    made = plan(step("a", "http"), step("tell", "message", phase="finally"))
    story = Story(made).failed("a").done("tell").given(AGAIN).done("a").done("tell")
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.steps["tell"].round == 2


# Lists ---------------------------------------------------------------------------------------------------------------


def listing(**more: Any) -> Story:
    made = plan(
        block("each", each="${{ inputs.list }}", as_="one", **more),
        step("each.get", "http", with_="${{ one }}"),
        step("each.put", "http", ["each.get"], with_="${{ steps.get.output }}"),
        step("after", "http", ["each"]),
    )
    return Story(made, {"list": ["a", "b", "c"]})


def test_only_the_items_that_failed_are_done_again():
    story = listing(tolerate=3)
    for n in (1, 2, 3):
        story.done(f"each.get[{n}]", n)
    story.done("each.put[1]").failed("each.put[2]").done("each.put[3]")
    story.failed("after").when(AGAIN)
    story.then(RunReopened, BlockReopened, StepsReset, StepReady, ClockTurned)
    ready = {key for key, one in story.run.steps.items() if one.status == "ready"}
    assert ready == {"each.put[2]"}
    story.done("each.put[2]")
    assert story.statuses()["each"] == "succeeded"
    assert (story.run.steps["each"].fan.ended, story.run.steps["each"].fan.failed) == (3, 0)


def test_items_that_had_not_begun_when_the_list_was_given_up_begin_at_the_retry():
    story = listing(concurrency=1).failed("each.get[1]")
    assert story.run.status is RunStatus.FAILED
    story.given(AGAIN)
    for n in (1, 2, 3):
        story.done(f"each.get[{n}]", n).done(f"each.put[{n}]", n)
    story.done("after")
    assert story.run.status is RunStatus.SUCCEEDED
    assert [len(one) for one in story.run.steps["each"].output.value] == [2, 2, 2]


def test_items_that_were_cancelled_with_the_run_know_their_element_at_the_retry():
    story = listing().done("each.get[1]", 1).given(Cancel(MINA)).given(AGAIN)
    row = story.run.steps["each.get[2]"]
    assert filled("${{ one }}", story.plan, story.run, Facts(), at(row)) == "b"


def test_a_retry_from_an_item_does_all_of_that_item_and_nothing_of_the_others():
    story = listing()
    for n in (1, 2, 3):
        story.done(f"each.get[{n}]", n).done(f"each.put[{n}]", n)
    story.failed("after").given(replace(AGAIN, from_step="each[2]"))
    again = {key for key, one in story.run.steps.items() if one.status in ("ready", "pending")}
    assert again == {"each.get[2]", "each.put[2]", "after"}


def test_a_retry_from_a_list_that_failed_does_all_of_it():
    story = listing().done("each.get[1]", 1).failed("each.get[2]")
    for key in ("each.put[1]", "each.get[3]"):
        assert story.statuses()[key] == "cancelled"
    story.given(replace(AGAIN, from_step="each"))
    assert {key for key, one in story.run.steps.items() if one.status == "ready"} == {
        "each.get[1]",
        "each.get[2]",
        "each.get[3]",
    }
    assert story.run.steps["each.get[1]"].round == 2


def test_an_item_that_is_no_longer_in_the_list_is_left_alone_by_a_retry():
    made = plan(
        step("list", "http"),
        block("each", ["list"], each="${{ steps.list.output }}", as_="one", key="${{ one }}"),
        gate("each.ask", expires_ms=HOUR, on_expiry="continue"),
        step("after", "http", ["each"]),
    )
    story = opened(Story(made).done("list", ["a", "b"]), "each.ask[a]")
    opened(story, "each.ask[b]").when(Tick(), after=HOUR).failed("after")
    opened(story.given(replace(AGAIN, from_step="list")).done("list", ["a"]), "each.ask[a]")
    answered(story, "each.ask[a]", LENA)
    story.failed("after").given(AGAIN)
    assert story.statuses()["each.ask[b]"] == "skipped"
    story.done("after")
    assert story.run.status is RunStatus.SUCCEEDED


def test_a_block_that_never_began_in_this_round_begins_from_the_start():
    made = plan(step("a", "http"), block("b", ["a"]), step("b.x", "http"), step("c", "http", ["b"]))
    story = Story(made).done("a").done("b.x").failed("c")
    story.given(replace(AGAIN, from_step="a")).failed("a").given(AGAIN).done("a")
    assert story.statuses() == {"a": "succeeded", "b": "running", "b.x": "ready", "c": "pending"}


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


def test_items_that_were_given_up_in_a_run_that_went_well_are_taken_up_with_those_that_failed():
    story = listing(on_failure="continue").done("each.get[1]", 1).failed("each.get[2]")
    assert (story.run.status, story.statuses()["each.get[3]"]) == (RunStatus.SUCCEEDED, "cancelled")
    story.given(AGAIN)
    ready = {key for key, one in story.run.steps.items() if one.status == "ready"}
    assert ready == {"each.put[1]", "each.get[2]", "each.get[3]"}
