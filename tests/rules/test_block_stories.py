"""Blocks without a list: steps with a condition, needs and a fate in common."""

from __future__ import annotations

from engine.rules.commands import (
    Cancel,
    Claim,
    Pause,
    Refusal,
    ReportInterrupted,
    ReportSuccess,
    Resume,
    Settle,
)
from store.events import (
    BlockEntered,
    GateClosed,
    RunEnding,
    RunFinished,
    RunStarted,
    StepCancelled,
    StepFailed,
    StepReady,
    StepSettled,
    StepSkipped,
    StepSucceeded,
)
from store.model import Content, Edge, RunStatus, StepPlan
from tests.support.engines import MINA, block, gate, plan, step
from tests.support.story import Story


def two(**more: object) -> Story:
    """A block of two steps, one after the other, with a step behind it."""
    return Story(
        plan(
            block("pack", **more),
            step("pack.fold", "http"),
            step("pack.tape", "http", after=["pack.fold"]),
            step("send", "http", after=["pack"]),
        ),
        {"go": True},
    )


def apart(**more: object) -> Story:
    """A block of two steps that go on at the same time."""
    return Story(
        plan(block("pack", **more), step("pack.fold", "http"), step("pack.label", "http"), step("send", "http"))
    )


def test_a_block_without_needs_is_entered_at_the_start():
    story = two().then(RunStarted, BlockEntered, StepReady)
    assert story.statuses() == {"pack": "running", "send": "pending", "pack.fold": "ready", "pack.tape": "pending"}


def test_a_block_waits_for_what_it_needs():
    story = Story(plan(step("a"), block("b", after=["a"]), step("b.c")))
    assert story.statuses() == {"a": "ready", "b": "pending"}
    story.given(Claim("a")).when(ReportSuccess(story.at("a"), Content(1))).then(StepSucceeded, BlockEntered, StepReady)


def test_a_block_ends_with_its_last_step_and_lets_go_on_what_needs_it():
    story = two().done("pack.fold", 1).given(Claim("pack.tape"))
    story.when(ReportSuccess(story.at("pack.tape"), Content(2))).then(StepSucceeded, StepSucceeded, StepReady)
    assert story.run.steps["pack"].output == Content({"fold": 1, "tape": 2})
    assert story.statuses(["send"]) == {"send": "ready"}


def test_a_block_amounts_to_what_its_output_says():
    story = two(with_={"folded": "${{ steps.fold.output.n }}", "asked": "${{ inputs.go }}"})
    story.done("pack.fold", {"n": 3}).done("pack.tape")
    assert story.run.steps["pack"].output == Content({"folded": 3, "asked": True})


def test_a_block_whose_output_cannot_be_computed_fails_and_says_why():
    story = two(with_="${{ steps.fold.output.n }}").done("pack.fold", {}).done("pack.tape")
    assert story.run.error.code == "output_failed"
    assert story.run.status is RunStatus.FAILED


def test_a_block_whose_condition_does_not_hold_is_skipped_without_looking_into_it():
    story = Story(
        plan(
            block("pack", when="${{ inputs.go }}"),
            step("pack.fold", when="${{ inputs.missing }}"),
            step("send", after=["pack"]),
            StepPlan("tell", "transform", needs=(Edge("pack", "end"),)),
        ),
        {"go": False},
    )
    story.then(RunStarted, StepSkipped, StepSkipped, StepReady)
    assert story.statuses() == {"pack": "skipped", "send": "skipped", "tell": "ready"}


def test_a_block_of_which_every_step_is_skipped_has_succeeded():
    story = Story(plan(block("pack"), step("pack.fold", when="false"), step("pack.tape", after=["pack.fold"])))
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.steps["pack"].output == Content({})


def test_an_empty_block_succeeds_at_once():
    Story(plan(block("pack"))).then(RunStarted, BlockEntered, StepSucceeded, RunFinished)


def test_a_failed_step_fails_its_block_and_stops_what_waits_in_it():
    story = two().given(Claim("pack.fold")).failed_now("pack.fold")
    story.then(StepFailed, StepCancelled, StepFailed, RunEnding, StepCancelled, RunFinished)
    assert story.statuses() == {"pack": "failed", "send": "cancelled", "pack.fold": "failed", "pack.tape": "cancelled"}
    assert story.run.error == story.run.steps["pack.fold"].error


def test_a_block_that_fails_waits_for_what_is_under_way_in_it():
    story = apart().given(Claim("pack.label")).failed("pack.fold")
    assert story.statuses(["pack"]) == {"pack": "running"}
    story.when(ReportSuccess(story.at("pack.label"), Content(1)))
    story.then(StepSucceeded, StepFailed, RunEnding, StepCancelled, RunFinished)
    assert story.statuses() == {"pack": "failed", "send": "cancelled", "pack.fold": "failed", "pack.label": "succeeded"}


def test_a_block_that_fails_does_not_try_again_what_was_under_way_in_it():
    story = apart().given(Claim("pack.label")).failed("pack.fold")
    story.when(ReportInterrupted(story.at("pack.label"), "its worker died"))
    assert story.statuses(["pack", "pack.label"]) == {"pack": "failed", "pack.label": "cancelled"}


def test_a_block_that_fails_withdraws_the_gates_in_it():
    story = Story(plan(block("pack"), step("pack.fold", "http"), gate("pack.ask"))).asked("pack.ask")
    story.given(Claim("pack.fold")).failed_now("pack.fold")
    story.then(StepFailed, GateClosed, StepCancelled, StepFailed, RunEnding, RunFinished)


def test_a_block_may_fail_without_stopping_the_run():
    story = Story(
        plan(
            block("pack", on_failure="continue"),
            step("pack.fold", "http"),
            step("send", after=["pack"]),
            StepPlan("tell", "transform", needs=(Edge("pack", "end"),)),
        )
    ).failed("pack.fold")
    assert story.statuses() == {"pack": "failed", "pack.fold": "failed", "send": "skipped", "tell": "ready"}
    assert story.done("tell").run.status is RunStatus.SUCCEEDED
    assert story.run.warnings


def test_a_step_that_may_fail_does_not_fail_its_block():
    story = Story(plan(block("pack"), step("pack.fold", "http", on_failure="continue"), step("pack.tape")))
    story.failed("pack.fold").done("pack.tape", 2)
    assert story.run.steps["pack"].output == Content({"tape": 2})
    assert story.run.warnings


def test_a_block_that_fails_waits_until_people_say_what_became_of_an_unknown_effect():
    made = plan(
        block("pack", on_failure="continue"), step("pack.fold", "http"), step("pack.pay", "http", effect="once")
    )
    story = Story(made).given(Claim("pack.pay"))
    story.given(ReportInterrupted(story.at("pack.pay"), "the service stopped")).failed("pack.fold")
    assert story.statuses() == {"pack": "running", "pack.fold": "failed", "pack.pay": "unknown"}
    story.when(Settle("pack.pay", MINA, "happened")).then(StepSettled, StepSucceeded, StepFailed, RunFinished)


def test_what_is_to_happen_again_in_a_block_that_fails_is_cancelled():
    made = plan(
        block("pack", on_failure="continue"), step("pack.fold", "http"), step("pack.pay", "http", effect="once")
    )
    story = Story(made).given(Claim("pack.pay"))
    story.given(ReportInterrupted(story.at("pack.pay"), "the service stopped")).failed("pack.fold")
    story.when(Settle("pack.pay", MINA, "again")).then(StepSettled, StepReady, StepCancelled, StepFailed, RunFinished)


# Blocks within blocks ----------------------------------------------------------------------------------------------


def nested(**more: object) -> Story:
    return Story(
        plan(
            step("first"),
            block("a", after=["first"]),
            block("a.b", with_={"sum": "${{ steps.c.output + steps.first.output }}"}, **more),
            step("a.b.c", "http"),
            step("a.d", "http", after=["a.b"]),
        )
    )


def test_blocks_within_blocks_are_entered_from_the_outside_in_and_end_from_the_inside_out():
    story = nested().done("first", 1)
    assert story.statuses() == {
        "first": "succeeded",
        "a": "running",
        "a.b": "running",
        "a.d": "pending",
        "a.b.c": "ready",
    }
    story.done("a.b.c", 2)
    assert story.run.steps["a.b"].output == Content({"sum": 3}), "names further out are seen"
    story.done("a.d", 4)
    assert story.run.steps["a"].output == Content({"b": {"sum": 3}, "d": 4})
    assert story.run.status is RunStatus.SUCCEEDED


def test_a_failure_goes_up_through_every_block_in_one_batch():
    story = nested().done("first", 1).given(Claim("a.b.c")).failed_now("a.b.c")
    story.then(StepFailed, StepFailed, StepCancelled, StepFailed, RunEnding, RunFinished)
    assert story.statuses(["a", "a.b", "a.b.c", "a.d"]) == {
        "a": "failed",
        "a.b": "failed",
        "a.b.c": "failed",
        "a.d": "cancelled",
    }


def test_a_failure_ends_at_the_block_that_may_fail():
    story = nested(on_failure="continue").done("first", 1).given(Claim("a.b.c")).failed_now("a.b.c")
    story.then(StepFailed, StepFailed, StepSkipped, StepSucceeded, RunFinished)
    assert story.run.warnings


def test_a_skipped_block_within_a_block_skips_what_needs_it():
    story = nested(when="false").done("first", 1)
    assert story.statuses(["a", "a.b", "a.d"]) == {"a": "succeeded", "a.b": "skipped", "a.d": "skipped"}


# The run around it -------------------------------------------------------------------------------------------------


def test_cancel_ends_blocks_and_waits_for_what_runs_in_them():
    story = two().given(Claim("pack.fold")).when(Cancel(MINA))
    assert story.statuses() == {
        "pack": "cancelled",
        "send": "cancelled",
        "pack.fold": "running",
        "pack.tape": "cancelled",
    }
    story.when(ReportInterrupted(story.at("pack.fold"), "the run was ended")).then(StepCancelled, RunFinished)
    assert story.run.status is RunStatus.CANCELLED


def test_a_paused_run_starts_nothing_in_its_blocks_until_it_is_resumed():
    story = two().given(Claim("pack.fold"), Pause(MINA, "look first"))
    story.given(ReportSuccess(story.at("pack.fold"), Content(1)))
    story.when(Claim("pack.tape")).then(Refusal.RUN_PAUSED)
    story.given(Resume(MINA)).done("pack.tape").done("send")
    assert story.run.status is RunStatus.SUCCEEDED


def test_a_skipped_gate_in_a_block_neither_waits_nor_grants():
    story = Story(
        plan(
            block("pack"),
            gate("pack.ask", when="false"),
            step("pack.only_if_approved", after=["pack.ask"]),
            step("pack.anyway"),
        )
    )
    assert story.statuses(["pack.ask", "pack.only_if_approved", "pack.anyway"]) == {
        "pack.ask": "skipped",
        "pack.only_if_approved": "skipped",
        "pack.anyway": "ready",
    }
    assert story.run.steps["pack.ask"].gate is None


def test_a_block_that_fails_waits_for_what_is_under_way_in_the_blocks_within_it():
    made = plan(block("a", on_failure="continue"), block("a.b"), step("a.b.c", "http"), step("a.d", "http"), step("e"))
    story = Story(made).given(Claim("a.b.c")).failed("a.d")
    assert story.statuses(["a", "a.b", "a.b.c"]) == {"a": "running", "a.b": "cancelled", "a.b.c": "running"}
    story.done("e")
    assert story.run.status is RunStatus.RUNNING
    story.when(ReportSuccess(story.at("a.b.c"), Content(1))).then(StepSucceeded, StepFailed, RunFinished)
