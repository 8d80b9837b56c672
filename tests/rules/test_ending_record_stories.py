"""How a run begins and ends, word for word: what people read of it, and what the next run takes over from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.rules.commands import (
    Cancel,
    Claim,
    KeepAnswer,
    Pause,
    Refusal,
    ReportFailure,
    ReportInterrupted,
    ReportStop,
    ReportSuccess,
    Resume,
    StartRun,
    StartWait,
    Tick,
)
from engine.rules.commands import Retry as Again
from engine.rules.lifecycle import handle, timers
from store.events import (
    AnswerKept,
    AttemptFailed,
    CancelRequested,
    RunEnding,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    StepFailed,
)
from store.model import Content, Coordinates, Edge, Facts, Failure, Parent, Retry, RunStatus, StepStatus
from tests.support.engines import MINA, RAVI, block, gate, plan, step
from tests.support.story import START_AT, Story
from tests.support.voting import HOUR, answered, asking, opened

DOWN = Failure("http_status", "503 from the server", retryable=True)
NOTHING = Content(None)


# The start -----------------------------------------------------------------------------------------------------------


def test_a_run_remembers_from_its_first_event_on_all_that_it_was_started_with():
    made = plan(step("a"), step("tell", phase="finally"))
    parent = Parent("run0", Coordinates("child", None, 1, 1), 1)
    command = StartRun(
        "run1",
        "R-7K2",
        MINA,
        {"channel": "C1"},
        Content({"n": 1}),
        "trace",
        "key-1",
        parent,
        Content({"x": 2}),
        "eu",
        True,
    )
    started = handle(made, None, command, Facts(), START_AT)
    assert started.events == (
        RunStarted(
            at=START_AT,
            id="run1",
            name="R-7K2",
            workflow="sample",
            version=made.version,
            actor=MINA,
            origin={"channel": "C1"},
            inputs=Content({"n": 1}),
            trace_id="trace",
            steps=("a",),
            duration_ms=made.duration_ms,
            dedupe_key="key-1",
            parent=parent,
            previous=Content({"x": 2}),
            queue="eu",
            queued=True,
        ),
    )
    run = started.run
    assert run is not None
    assert (run.dedupe_key, run.parent, run.previous, run.queue) == ("key-1", parent, Content({"x": 2}), "eu")


def test_nothing_can_be_asked_of_a_run_that_was_never_started():
    with pytest.raises(ValueError, match="Tick before the run was started"):
        handle(plan(step("a")), None, Tick(), Facts(), START_AT)


# The clock -----------------------------------------------------------------------------------------------------------


def test_the_clock_has_a_say_when_the_run_or_a_step_runs_out_of_time():
    """Whoever sleeps until the first of these moments misses none."""
    story = Story(plan(step("a"), step("nap", "wait"), duration_ms=HOUR))
    assert set(timers(story.run)) == {START_AT + HOUR, START_AT}
    story.given(Claim("a"), Claim("nap"))
    assert list(timers(story.run)) == [START_AT + HOUR]
    story.given(StartWait(story.at("nap"), START_AT + 5))
    assert set(timers(story.run)) == {START_AT + HOUR, START_AT + 5}
    story.given(Pause(MINA, "lunch"))
    assert list(timers(story.run)) == [START_AT + 5], "a run that is paused does not run out of time"


def test_a_run_for_which_only_people_are_waited_has_no_time_of_its_own_to_run_out_of():
    story = asking(expires_ms=HOUR)
    assert list(timers(story.run)) == [START_AT + HOUR]


@pytest.mark.parametrize("ended", [Cancel(MINA), None])
def test_the_clock_says_nothing_to_a_run_that_is_over_or_has_not_begun(ended):
    made = plan(step("a", "http"), duration_ms=HOUR)
    story = Story(made, queued=ended is None)
    if ended is not None:
        story.given(ended)
    story.when(Tick(), after=2 * HOUR).then()


# The end -------------------------------------------------------------------------------------------------------------


def test_a_run_that_is_cancelled_says_by_whom_and_why():
    story = Story(plan(step("a", "http"), step("b"))).given(Claim("a"), Cancel(MINA, "wrong customer"))
    assert story.last(CancelRequested) == CancelRequested(story.now, MINA, "wrong customer")
    assert story.last(RunEnding).reason == "wrong customer"
    story.given(ReportSuccess(story.at("a"), NOTHING))
    assert story.last(RunFinished).reason == "wrong customer"
    assert story.run.reason == "wrong customer"
    assert story.run.steps["b"].reason == "the run was cancelled"


def test_a_run_that_is_paused_says_by_whom_and_why():
    story = Story(plan(step("a"))).given(Pause(RAVI, "the shop is closed"))
    assert story.last(RunPaused) == RunPaused(story.now, RAVI, "the shop is closed")
    assert story.last(RunPaused) == story.events[-1] or story.run.reason == "the shop is closed"
    story.given(Resume(MINA))
    assert story.last(RunResumed) == RunResumed(story.now, MINA)


@pytest.mark.parametrize(
    ("end", "status", "word"),
    [
        (lambda story: story.failed_now("a"), RunStatus.FAILED, "the run failed"),
        (lambda story: story.given(Cancel(MINA)), RunStatus.CANCELLED, "the run was cancelled"),
        (
            lambda story: story.given(ReportStop(story.at("a"), RunStatus.SUCCEEDED)),
            RunStatus.SUCCEEDED,
            "the run was stopped",
        ),
    ],
)
def test_what_had_not_begun_says_how_its_run_ended(end, status, word):
    story = Story(plan(step("a", "http"), step("b"), step("c", after=["a"]))).given(Claim("a"))
    end(story)
    assert {story.run.steps[key].reason for key in ("b", "c")} == {word}
    assert story.run.outcome in (status, None)


def test_what_had_not_begun_says_that_its_run_was_rejected():
    story = answered(asking(), "review", RAVI, "reject")
    assert story.run.steps["publish"].reason == "the run was rejected"


def test_a_block_that_was_under_way_says_why_it_ended():
    made = plan(block("all"), step("all.a"), step("b", "http"))
    story = Story(made).failed("b")
    assert story.run.steps["all"].status is StepStatus.CANCELLED
    assert story.run.steps["all"].reason == "the run failed"


def test_a_run_that_ends_badly_has_no_outputs_even_if_they_could_be_computed():
    made = plan(step("a"), step("b", "http", after=["a"]), step("tell", phase="finally"), outputs={"n": 1})
    story = Story(made).done("a").failed("b").done("tell")
    assert story.run.status is RunStatus.FAILED
    assert story.run.outputs is None
    assert story.last(RunFinished).outputs is None


def test_a_run_without_outputs_ends_without_outputs():
    story = Story(plan(step("a"))).done("a")
    assert story.run.outputs is None
    assert story.last(RunFinished) == RunFinished(story.now, RunStatus.SUCCEEDED, None)


def test_a_condition_that_cannot_be_computed_fails_its_step_which_may_be_let_pass():
    def conditioned(**more: object) -> Story:
        made = plan(step("a"), step("b", after=["a"], when="steps.a.output.n > 1", **more), step("c", after=["a"]))
        return Story(made).done("a", {})

    story = conditioned()
    assert (story.last(StepFailed).error.code, story.last(StepFailed).continued) == ("when_failed", False)
    assert story.run.status is RunStatus.FAILED
    passed = conditioned(on_failure="continue")
    assert passed.last(StepFailed).continued
    assert passed.statuses() == {"a": "succeeded", "b": "failed", "c": "ready"}


def test_a_last_step_whose_condition_cannot_be_computed_does_not_keep_the_run_from_its_end():
    made = plan(step("a"), step("tell", phase="finally", when="steps.a.output.n > 1"))
    story = Story(made).done("a", {})
    assert story.last(StepFailed).continued
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.warnings


def test_the_condition_of_a_last_step_sees_how_the_run_ended():
    made = plan(step("a", "http"), step("tell", phase="finally", when="run.outcome == 'failed'"))
    assert Story(made).failed("a").statuses()["tell"] == "ready"
    assert Story(made).done("a").statuses()["tell"] == "skipped"


def test_steps_become_ready_in_the_order_of_the_workflow():
    """People read the history; a workflow with many branches begins them in the order in which they are written."""
    made = plan(step("z"), step("m", after=["z"]), step("b", after=["z"]), step("a", after=["z"]))
    story = Story(made).done("z")
    assert [event.place.step for event in story.answer.events if type(event).__name__ == "StepReady"] == ["m", "b", "a"]


def test_of_several_steps_that_fail_at_once_the_first_of_the_workflow_fails_the_run():
    broken = {"after": ["a"], "when": "steps.a.output.n > 1"}
    for names in ("yxwvut", "tuvwxy", "wtyuxv", "xy", "yx"):
        story = Story(plan(step("a"), *(step(name, **broken) for name in names), step("b", after=["a"]))).done("a", {})
        assert story.run.error.message.startswith(f"The condition of {names[0]} ")


def test_what_ends_beside_a_block_at_the_same_moment_is_not_forgotten():
    """Else the run would stand still for ever, with nothing left that could move it."""
    made = plan(step("nap", "wait"), step("b", after=["nap"]), block("all"), step("all.nap", "wait"))
    story = Story(made).given(Claim("nap"), Claim("all.nap"))
    story.given(StartWait(story.at("nap"), story.now + 5), StartWait(story.at("all.nap"), story.now + 5))
    story.when(Tick(), after=5)
    assert story.statuses() == {"nap": "succeeded", "b": "ready", "all": "succeeded", "all.nap": "succeeded"}


def test_what_follows_from_a_step_that_was_skipped_is_not_forgotten_for_an_empty_list():
    y = replace(step("y"), needs=(Edge("x", "end"),))
    made = plan(
        step("a"), step("x", after=["a"], when="false"), y, block("all", ["a"], each="${{ [] }}"), step("all.one")
    )
    story = Story(made).done("a")
    assert story.statuses() == {"a": "succeeded", "x": "skipped", "y": "ready", "all": "succeeded"}


def test_a_step_waits_for_one_whose_effect_is_unknown_whatever_else_ends():
    """Somebody will say what happened; until then nothing that needs it is given up."""
    made = plan(step("pay", "http", effect="once"), step("c", "http"), step("b", after=["pay", "c"]))
    story = Story(made).given(Claim("pay"))
    story.given(ReportInterrupted(story.at("pay"), "cut off")).done("c")
    assert story.statuses() == {"pay": "unknown", "c": "succeeded", "b": "pending"}


def test_an_answer_that_is_kept_ends_no_step_also_where_there_are_blocks():
    story = Story(plan(step("call", "http"), block("all"), step("all.one"))).given(Claim("call"))
    story.when(KeepAnswer(story.at("call"), "draft", Content("text"), "request-7")).then(AnswerKept)


def test_a_run_winds_up_although_a_newer_version_dropped_a_step_whose_effect_is_unknown():
    story = Story(plan(step("send", "http", effect="once"), step("bad", "http"))).given(Claim("send"))
    story.given(ReportInterrupted(story.at("send"), "cut off")).failed("bad")
    newest = plan(step("bad", "http"), step("tell", phase="finally"))
    story.when(Again(MINA, newest=True), newest=newest).failed("bad").done("tell")
    assert story.run.status is RunStatus.FAILED


# Trying again --------------------------------------------------------------------------------------------------------


def test_the_bound_of_the_wait_doubles_with_each_failure():
    """Between the least wait and twice, four, eight times as much: everywhere in between, and nowhere else."""
    waits: dict[int, set[int]] = {1: set(), 2: set(), 3: set()}
    for n in range(60):
        story = Story(plan(step(f"call{n}", "http", retry=Retry(9, 100, 10**9)))).given(Claim(f"call{n}"))
        for failures in (1, 2, 3):
            story.failed_now(f"call{n}", DOWN)
            wait = story.last(AttemptFailed).due_at - story.now
            waits[failures].add(wait)
            story.now += wait
            story.given(Claim(f"call{n}"))
    assert all(100 <= wait <= 100 for wait in waits[1])
    assert 100 <= min(waits[2]) <= 120
    assert 180 <= max(waits[2]) <= 200
    assert 370 <= max(waits[3]) <= 400


def test_a_step_whose_greatest_wait_is_shorter_than_its_least_waits_the_least():
    story = Story(plan(step("call", "http", retry=Retry(9, 100, 50)))).given(Claim("call"))
    story.failed_now("call", DOWN)
    assert story.last(AttemptFailed).due_at == story.now + 100


def test_a_wait_that_is_always_the_same_is_the_same():
    story = Story(plan(step("call", "http", retry=Retry(9, 100, 100)))).given(Claim("call"))
    story.failed_now("call", DOWN)
    assert story.last(AttemptFailed).due_at == story.now + 100


def test_an_endpoint_that_is_down_for_everybody_uses_up_no_try_and_is_asked_when_it_says():
    story = Story(plan(step("call", "http", retry=Retry(1, 60_000, 60_000)))).given(Claim("call"))
    down = Failure("endpoint_down", "down", retryable=True, retry_after_ms=500)
    story.when(ReportFailure(story.at("call"), down, counts=False)).then(AttemptFailed)
    assert story.last(AttemptFailed).due_at == story.now + 500
    assert story.run.steps["call"].failures == 0
    at_once = Failure("endpoint_down", "down", retryable=True)
    story.now += 500
    story.given(Claim("call")).when(ReportFailure(story.at("call"), at_once, counts=False)).then(AttemptFailed)
    assert story.last(AttemptFailed).due_at == story.now


def test_a_gate_of_a_finished_run_takes_no_answer():
    story = asking().given(Cancel(MINA))
    answered(story, "review", RAVI)
    assert story.answer.refusal is Refusal.GATE_NOT_OPEN
    assert opened(Story(plan(gate("review"))), "review").run.status is RunStatus.RUNNING
