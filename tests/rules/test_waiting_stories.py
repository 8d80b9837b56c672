"""Waiting, story by story: for other runs, for things that happen outside, for work that goes on elsewhere."""

from __future__ import annotations

from typing import Any

from engine.rules.commands import (
    AwaitChild,
    AwaitEvent,
    Cancel,
    Claim,
    Pause,
    Refusal,
    ReportChild,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportSuccess,
    Settle,
    SignalRun,
    StartWait,
    Tick,
)
from store.events import (
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    CancelRequested,
    ChildAwaited,
    ClockTurned,
    EndingBegun,
    EventAwaited,
    ReportIgnored,
    RunEnding,
    RunFinished,
    SignalReceived,
    SignalTaken,
    StepCancelled,
    StepFailed,
    StepPolled,
    StepReady,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
)
from store.model import LIMITS, Actor, Content, Failure, Retry, Run, RunStatus
from tests.support.engines import MINA, block, plan, step
from tests.support.story import Story

CMS = Actor("trigger", "cms")
HOUR = 3_600_000


# Runs inside runs ----------------------------------------------------------------------------------------------------


def calling(**more: Any) -> Story:
    """A run whose step has just started another run."""
    return Story(plan(step("call", "workflow", **more), step("next", after=["call"]))).given(Claim("call"))


def child(status: RunStatus, outputs: Any = None, error: Failure | None = None) -> Run:
    content = None if outputs is None else Content(outputs)
    return Run(
        "child1", "R-CH1", "other", "v", MINA, {}, Content({}), "trace", 0, HOUR, status, outputs=content, error=error
    )


def ended(status: RunStatus, outputs: Any = None, error: Failure | None = None) -> ReportChild:
    return ReportChild("call", "child1", status, None if outputs is None else Content(outputs), error, "R-CH1")


def awaited() -> Story:
    story = calling()
    return story.given(AwaitChild(story.at("call"), "child1"), child=child(RunStatus.RUNNING))


def test_a_step_waits_for_the_run_it_started_and_goes_on_with_its_outputs():
    story = awaited().then(ChildAwaited, ClockTurned)
    assert story.run.steps["call"].child == "child1"
    story.when(ended(RunStatus.SUCCEEDED, {"url": "x"})).then(StepSucceeded, StepReady, ClockTurned)
    assert story.run.steps["call"].output == Content({"url": "x"})
    assert story.run.steps["call"].receipt == {"run": "child1", "name": "R-CH1"}


def test_a_run_that_ended_before_it_was_awaited_is_not_missed():
    story = calling()
    story.when(AwaitChild(story.at("call"), "child1"), child=child(RunStatus.SUCCEEDED, {"n": 1}))
    story.then(ChildAwaited, StepSucceeded, StepReady)
    assert story.run.steps["call"].output == Content({"n": 1})
    story.when(ended(RunStatus.SUCCEEDED, {"n": 1})).then(Refusal.ATTEMPT_STALE)


def test_a_run_that_failed_fails_the_step_with_its_reason():
    story = awaited().when(ended(RunStatus.FAILED, error=Failure("x", "the disk is full", hint="make room")))
    story.then(StepFailed, RunEnding, StepCancelled, RunFinished)
    assert (story.run.error.code, story.run.error.hint) == ("child_failed", "make room")
    assert story.run.error.message == "R-CH1 failed: the disk is full"


def test_a_run_that_was_cancelled_or_rejected_fails_the_step_and_says_which():
    for status, said in ((RunStatus.CANCELLED, "R-CH1 was cancelled"), (RunStatus.REJECTED, "R-CH1 was rejected")):
        story = awaited().when(ended(status))
        story.then(StepFailed, RunEnding, StepCancelled, RunFinished)
        assert (story.run.error.code, story.run.error.message) == (f"child_{status.value}", said)


def test_a_run_that_failed_may_be_let_pass():
    story = calling(on_failure="continue")
    story.given(AwaitChild(story.at("call"), "child1")).when(ended(RunStatus.FAILED))
    assert story.statuses() == {"call": "failed", "next": "skipped"}
    assert (story.run.status, story.run.warnings) == (RunStatus.SUCCEEDED, True)


def test_news_of_another_run_or_of_one_nobody_waits_for_changes_nothing():
    story = awaited()
    story.when(ReportChild("call", "child2", RunStatus.SUCCEEDED)).then(Refusal.ATTEMPT_STALE)
    story.when(ReportChild("cal", "child1", RunStatus.SUCCEEDED)).then(Refusal.ATTEMPT_STALE)
    story.given(Cancel(MINA)).when(ended(RunStatus.SUCCEEDED)).then(Refusal.ATTEMPT_STALE)
    assert story.statuses()["call"] == "cancelled"


def test_a_lost_attempt_awaits_nothing():
    story = calling()
    lost = story.at("call")
    story.given(ReportInterrupted(lost, "it died"))
    story.when(AwaitChild(lost, "child1")).then(Refusal.ATTEMPT_STALE)


def test_a_run_that_is_ending_awaits_nothing_more():
    story = calling().given(Cancel(MINA))
    story.when(AwaitChild(story.at("call"), "child1")).then(StepCancelled, RunFinished)


# Things that happen outside ------------------------------------------------------------------------------------------


def listening(**more: Any) -> Story:
    """A run that comes to wait for `paid`, and after that for it once more."""
    first = step("first", "wait", spec={"event": "paid", **more})
    return Story(plan(first, step("second", "wait", ["first"], spec={"event": "paid"}), step("work", "http")))


def paid(n: int = 1) -> SignalRun:
    return SignalRun(CMS, "paid", Content({"n": n}))


def waits(story: Story, key: str = "first", until_at: int | None = None) -> Story:
    story.given(Claim(key))
    return story.when(AwaitEvent(story.at(key), "paid", until_at))


def data(story: Story, key: str) -> Any:
    return story.run.steps[key].output.value["data"]["n"]


def test_what_happens_is_given_to_the_step_that_waits_for_it():
    story = waits(listening()).then(EventAwaited)
    story.when(paid(7)).then(SignalReceived, SignalTaken, StepSucceeded, StepReady)
    output = story.run.steps["first"].output.value
    assert output["data"] == {"n": 7}
    assert (output["by"], output["timed_out"], output["event"]) == ("cms", False, "paid")
    assert story.run.signals == ()


def test_what_happens_early_is_kept_until_a_step_comes_to_wait_for_it():
    story = listening().when(paid(7)).then(SignalReceived)
    waits(story).then(EventAwaited, SignalTaken, StepSucceeded, StepReady)
    assert data(story, "first") == 7


def test_what_happened_first_is_taken_first_and_each_once():
    story = listening().given(paid(1), paid(2))
    waits(waits(story), "second")
    assert (data(story, "first"), data(story, "second")) == (1, 2)
    assert story.run.signals == ()


def test_one_thing_that_happens_goes_to_the_first_of_those_that_wait():
    made = plan(step("a", "wait", spec={"event": "paid"}), step("b", "wait", spec={"event": "paid"}))
    story = waits(waits(Story(made), "b"), "a").given(paid(1))
    assert story.statuses() == {"a": "succeeded", "b": "waiting"}
    story.given(paid(2))
    assert story.run.status is RunStatus.SUCCEEDED
    assert (data(story, "a"), data(story, "b")) == (1, 2)


def test_one_that_is_for_a_certain_step_goes_to_no_other_and_is_not_kept():
    """Two steps may wait for messages of different channels."""
    made = plan(step("first", "wait", spec={"event": "paid"}), step("second", "wait", spec={"event": "paid"}))
    story = waits(waits(Story(made)), "second")
    story.given(SignalRun(CMS, "paid", Content({"n": 2}), "second"))
    assert data(story, "second") == 2
    assert story.run.steps["first"].status == "waiting"
    story.when(SignalRun(CMS, "paid", Content({"n": 3}), "second")).then(Refusal.SIGNAL_NOT_EXPECTED)
    assert story.run.signals == ()


def test_an_early_one_of_another_kind_is_left_for_its_own_step():
    made = plan(step("a", "wait", spec={"event": "paid"}), step("b", "wait", spec={"event": "sent"}))
    story = Story(made).given(SignalRun(CMS, "sent", Content(None)))
    waits(story, "a").then(EventAwaited)
    assert [one.event for one in story.run.signals] == ["sent"]


def test_what_no_step_ever_waits_for_is_refused():
    listening().when(SignalRun(CMS, "payed", Content(None))).then(Refusal.SIGNAL_NOT_EXPECTED)


def test_only_so_much_is_kept_that_happened_early():
    story = listening()
    for n in range(LIMITS.signals_max):
        story.given(paid(n))
    story.when(paid()).then(Refusal.TOO_MANY_SIGNALS)
    waits(story)
    story.when(paid()).then(SignalReceived)


def test_what_a_step_waits_for_is_taken_however_much_is_kept_of_the_rest():
    made = plan(step("a", "wait", spec={"event": "paid"}), step("b", "wait", ["a"], spec={"event": "sent"}))
    story = waits(Story(made), "a")
    for _ in range(LIMITS.signals_max):
        story.given(SignalRun(CMS, "sent", Content(None)))
    story.when(paid()).then(SignalReceived, SignalTaken, StepSucceeded, StepReady, ClockTurned)


def test_nothing_happens_to_a_run_that_is_over():
    story = Story(plan(step("a", "wait", spec={"event": "paid"}))).given(Cancel(MINA))
    story.when(paid()).then(Refusal.RUN_FINISHED)


def test_nothing_is_kept_for_a_run_that_is_ending():
    story = listening().given(Claim("work"), Cancel(MINA))
    story.when(paid()).then(Refusal.RUN_ENDING)


def test_what_one_of_the_last_steps_waits_for_reaches_it():
    made = plan(step("a", "http"), step("bye", "wait", spec={"event": "paid"}, phase="finally"))
    story = waits(Story(made).failed("a"), "bye").then(EventAwaited, ClockTurned)
    story.when(paid(3)).then(SignalReceived, SignalTaken, StepSucceeded, RunFinished)
    assert story.run.status is RunStatus.FAILED


def test_what_happens_while_the_run_is_paused_is_taken():
    story = waits(listening()).given(Pause(MINA, "look first"))
    story.when(paid()).then(SignalReceived, SignalTaken, StepSucceeded, StepReady)


def test_what_does_not_happen_in_time_fails_the_step():
    story = listening()
    waits(story, until_at=story.now + HOUR)
    story.when(Tick(), after=HOUR - 1).then()
    story.when(Tick(), after=1).then(StepFailed, RunEnding, StepCancelled, StepCancelled, RunFinished)
    assert story.run.error.code == "event_timeout"


def test_what_does_not_happen_in_time_may_be_an_answer():
    story = listening(on_timeout="continue")
    waits(story, until_at=story.now + HOUR)
    story.when(Tick(), after=HOUR).then(StepSucceeded, StepReady)
    output = story.run.steps["first"].output.value
    assert (output["timed_out"], output["data"], output["by"]) == (True, None, None)


def test_what_happens_after_its_time_was_up_is_kept_for_the_next():
    story = listening(on_timeout="continue")
    waits(story, until_at=story.now + HOUR).when(Tick(), after=HOUR)
    story.when(paid(2)).then(SignalReceived)
    waits(story, "second").then(EventAwaited, SignalTaken, StepSucceeded)


def test_each_item_of_a_list_takes_one():
    made = plan(block("each", each="${{ [1, 2] }}"), step("each.hear", "wait", spec={"event": "paid"}))
    story = Story(made)
    waits(waits(story, "each.hear[1]"), "each.hear[2]").given(paid(1))
    assert story.statuses(("each.hear[1]", "each.hear[2]")) == {"each.hear[1]": "succeeded", "each.hear[2]": "waiting"}


def test_a_lost_attempt_waits_for_nothing():
    story = listening().given(Claim("first"))
    lost = story.at("first")
    story.given(ReportInterrupted(lost, "it died"))
    story.when(AwaitEvent(lost, "paid")).then(Refusal.ATTEMPT_STALE)


def test_a_wait_among_the_last_steps_ends_by_the_clock():
    made = plan(step("a", "http"), step("bye", "wait", phase="finally"))
    story = Story(made).failed("a").given(Claim("bye"))
    story.when(StartWait(story.at("bye"), story.now + HOUR)).then(StepWaiting, ClockTurned)
    story.when(Tick(), after=HOUR).then(StepSucceeded, RunFinished)
    assert story.run.status is RunStatus.FAILED


# Work that goes on elsewhere -----------------------------------------------------------------------------------------

DOWN = Failure("http_status", "503", retryable=True)
UNCLEAR = Failure("http_timeout", "no answer", retryable=True, maybe_happened=True)
SHORT = Retry(attempts=2, backoff_min_ms=10, backoff_max_ms=10)


def training(effect: str = "once", **more: Any) -> Story:
    """A step that gave its work away and asks for it every second."""
    story = Story(plan(step("train", "http", effect=effect, retry=SHORT, **more))).given(Claim("train"))
    return polled(story)


def polled(story: Story) -> Story:
    return story.when(ReportPolling(story.at("train"), {"id": 7}, story.now + 1_000))


def asks(story: Story, after: int = 1_000) -> Story:
    return story.when(Claim("train"), after=after)


def test_work_that_goes_on_elsewhere_is_asked_for_later_by_another_attempt():
    story = training().then(StepPolled)
    asks(story, 999).then(Refusal.STEP_NOT_READY)
    asks(story, 1).then(AttemptStarted)
    assert (story.run.steps["train"].memo, story.run.steps["train"].attempt) == ({"id": 7}, 2)
    polled(story).then(StepPolled)
    asks(story).when(ReportSuccess(story.at("train"), Content("model"))).then(StepSucceeded, RunFinished)
    assert story.run.steps["train"].memo is None


def test_a_crash_while_asking_asks_again_and_does_not_give_the_work_away_twice():
    story = asks(training())
    story.when(ReportInterrupted(story.at("train"), "the service stopped")).then(AttemptInterrupted)
    assert story.run.steps["train"].memo == {"id": 7}
    asks(story, 0).then(AttemptStarted)


def test_a_crash_before_the_work_was_given_away_leaves_its_effect_unknown():
    story = Story(plan(step("train", "http", effect="once"))).given(Claim("train"))
    story.when(ReportInterrupted(story.at("train"), "the service stopped")).then(StepUnknown, ClockTurned)


def test_a_failure_to_ask_asks_again_and_does_not_give_the_work_away_twice():
    for failure in (DOWN, UNCLEAR):
        story = asks(training())
        story.when(ReportFailure(story.at("train"), failure)).then(AttemptFailed)
        assert story.run.steps["train"].memo == {"id": 7}


def test_an_answer_gives_back_all_tries():
    story = asks(training())
    story.given(ReportFailure(story.at("train"), DOWN))
    polled(asks(story, 10)).then(StepPolled)
    asks(story).when(ReportFailure(story.at("train"), DOWN)).then(AttemptFailed)


def test_when_nobody_answers_any_more_people_must_say_what_became_of_a_work_that_may_happen_once():
    story = asks(training())
    story.given(ReportFailure(story.at("train"), DOWN))
    asks(story, 10).when(ReportFailure(story.at("train"), DOWN)).then(StepUnknown, ClockTurned)
    story.when(Settle("train", MINA, "happened", Content("model")))
    assert story.run.status is RunStatus.SUCCEEDED


def test_when_nobody_answers_any_more_another_work_fails():
    story = asks(training("idempotent"))
    story.given(ReportFailure(story.at("train"), DOWN))
    asks(story, 10).when(ReportFailure(story.at("train"), DOWN)).then(StepFailed, RunEnding, RunFinished)


def test_work_that_failed_elsewhere_begins_anew():
    story = asks(training())
    story.when(ReportFailure(story.at("train"), DOWN, anew=True)).then(AttemptFailed)
    assert story.run.steps["train"].memo is None
    asks(story, 10).then(AttemptStarted)


def test_work_that_failed_elsewhere_for_good_fails_the_step():
    story = asks(training())
    story.when(ReportFailure(story.at("train"), Failure("x", "diverged"), anew=True))
    story.then(StepFailed, RunEnding, RunFinished)


def test_work_elsewhere_may_take_no_longer_than_the_step():
    story = training("idempotent", timeout_ms=2_500)
    polled(asks(story)).then(StepPolled)
    polled(asks(story)).then(StepPolled, StepFailed, RunEnding, RunFinished)
    assert story.run.error.code == "timeout"


def test_work_that_may_happen_once_and_takes_too_long_is_for_people_to_settle():
    story = training(timeout_ms=1_500)
    polled(asks(story)).then(StepPolled, StepUnknown, ClockTurned)


def test_a_late_answer_about_work_elsewhere_is_kept_as_evidence():
    story = asks(training())
    late = story.at("train")
    story.given(ReportInterrupted(late, "it died"))
    story.when(ReportPolling(late, {"id": 8}, story.now)).then(ReportIgnored, Refusal.ATTEMPT_STALE)
    assert story.run.steps["train"].memo == {"id": 7}


def test_work_given_away_in_a_run_that_is_ending_is_taken_back():
    made = plan(step("train", "http", effect="once"), undo=(step("train:undo", "http"),))
    story = Story(made).given(Claim("train"), Cancel(MINA))
    story.when(ReportPolling(story.at("train"), {"id": 7}, story.now))
    story.then(StepPolled, StepCancelled, EndingBegun, StepReady)
    story.done("train:undo")
    assert story.run.status is RunStatus.CANCELLED


def test_work_that_goes_on_elsewhere_when_the_run_is_cancelled_is_taken_back():
    made = plan(step("train", "http", effect="once"), undo=(step("train:undo", "http"),))
    story = polled(Story(made).given(Claim("train"))).when(Cancel(MINA))
    story.then(CancelRequested, RunEnding, StepCancelled, EndingBegun, StepReady)
