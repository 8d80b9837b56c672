"""The life of a run, story by story: every command with each answer it may get."""

from __future__ import annotations

import pytest

from engine.rules.commands import (
    Cancel,
    Claim,
    Decide,
    KeepAnswer,
    Pause,
    Refusal,
    ReportFailure,
    ReportInterrupted,
    ReportSuccess,
    Resume,
    Settle,
    StartRun,
    StartWait,
    Tick,
)
from store.events import (
    AnswerKept,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    CancelRequested,
    ClockTurned,
    DecisionMade,
    DecisionRefused,
    GateClosed,
    GateOpened,
    GateOverdue,
    ReportIgnored,
    RunEnding,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    StepCancelled,
    StepFailed,
    StepReady,
    StepSettled,
    StepSkipped,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
)
from store.model import Actor, Content, Edge, Failure, Person, Retry, RunStatus, StepPlan
from tests.support.engines import MINA, OPERATOR, RAVI, gate, plan, step
from tests.support.story import Story

EDITOR = Person("U0RAVI", "Ravi", True, ("@editors",), 0)
EDITOR_TOO = Person("U0LENA", "Lena", True, ("@editors",), 0)
LENA, OMAR = Actor("person", "U0LENA", "Lena"), Actor("person", "U0OMAR", "Omar")
DOWN = Failure("http_status", "503 from the server", retryable=True)
WRONG = Failure("http_status", "400 from the server")
NOTHING = Content(None)


def one(**more: object) -> Story:
    """A run of a single http step, claimed."""
    return Story(plan(step("call", "http", **more))).given(Claim("call"))


def waiting(**policy: object) -> Story:
    """A run whose gate is open, with a step behind it."""
    story = Story(plan(gate("review", **policy), step("publish", after=["review"]))).given(Claim("review"))
    return story.given(story.opening("review", shown={"text": "this"}))


def yes(actor=RAVI, **more: object) -> Decide:
    return Decide("review", actor, "approve", **more)


def no(actor=RAVI, **more: object) -> Decide:
    return Decide("review", actor, "reject", **more)


# Starting and claiming ---------------------------------------------------------------------------------------------


def test_a_run_starts_with_its_first_steps_ready():
    story = Story(plan(step("a"), step("b", after=["a"])))
    story.then(RunStarted, StepReady)
    assert story.statuses() == {"a": "ready", "b": "pending"}


def test_a_step_becomes_ready_in_the_batch_of_what_it_waited_for():
    story = Story(plan(step("a"), step("b", after=["a"]))).given(Claim("a"))
    story.when(ReportSuccess(story.place("a"), NOTHING)).then(StepSucceeded, StepReady)


def test_a_step_with_two_needs_waits_for_both():
    story = Story(plan(step("a"), step("b"), step("c", after=["a", "b"]))).given(Claim("a"), Claim("b"))
    story.when(ReportSuccess(story.place("b"), NOTHING)).then(StepSucceeded)
    story.when(ReportSuccess(story.place("a"), NOTHING)).then(StepSucceeded, StepReady)


def test_a_step_is_claimed_once():
    one().when(Claim("call")).then(Refusal.STEP_NOT_READY)


def test_a_start_of_a_run_that_was_started_is_a_bug():
    with pytest.raises(ValueError, match="started already"):
        one().when(StartRun("run1", "R-7K2", MINA, {}, NOTHING, "trace"))


def test_an_empty_workflow_ends_at_once():
    Story(plan()).then(RunStarted, RunFinished)


# Reports -----------------------------------------------------------------------------------------------------------


def test_the_last_success_ends_the_run_with_its_outputs():
    story = Story(plan(step("a"), outputs={"n": "${{ steps.a.output.n }}"})).given(Claim("a"))
    story.when(ReportSuccess(story.place("a"), Content({"n": 3}))).then(StepSucceeded, RunFinished)
    assert story.run.outputs == Content({"n": 3})
    assert story.run.status is RunStatus.SUCCEEDED


def test_outputs_that_cannot_be_computed_fail_the_run_and_say_why():
    story = Story(plan(step("a"), outputs={"n": "${{ steps.a.output.n }}"})).given(Claim("a"))
    story.when(ReportSuccess(story.place("a"), Content({}))).then(StepSucceeded, RunFinished)
    assert story.run.status is RunStatus.FAILED
    assert story.run.error.code == "outputs_failed"


def test_a_late_success_is_kept_as_evidence_and_changes_nothing():
    story = one().when(ReportFailure(one().place("call"), DOWN)).when(Claim("call"), after=100_000)
    story.when(ReportSuccess(story.place("call", 1), NOTHING)).then(ReportIgnored, Refusal.ATTEMPT_STALE)
    assert story.statuses() == {"call": "running"}


def test_a_late_failure_is_kept_as_evidence_and_changes_nothing():
    story = one()
    story.given(ReportSuccess(story.place("call"), NOTHING))
    story.when(ReportFailure(story.place("call"), DOWN)).then(ReportIgnored, Refusal.ATTEMPT_STALE)
    assert story.run.status is RunStatus.SUCCEEDED


def test_a_retryable_failure_waits_for_its_backoff():
    story = one(retry=Retry(attempts=3, backoff_min_ms=2_000, backoff_max_ms=2_000))
    story.when(ReportFailure(story.place("call"), DOWN)).then(AttemptFailed)
    story.when(Claim("call"), after=1_999).then(Refusal.STEP_NOT_READY)
    story.when(Claim("call"), after=1).then(AttemptStarted)
    assert story.run.steps["call"].attempt == 2


def test_retry_after_is_honoured():
    story = one(retry=Retry(attempts=3, backoff_min_ms=10, backoff_max_ms=10))
    busy = Failure("http_status", "429", retryable=True, retry_after_ms=30_000)
    story.given(ReportFailure(story.place("call"), busy))
    story.when(Claim("call"), after=29_999).then(Refusal.STEP_NOT_READY)
    story.when(Claim("call"), after=1).then(AttemptStarted)


def test_the_last_attempt_that_fails_fails_the_run_without_another_wait():
    story = one(retry=Retry(attempts=2, backoff_min_ms=10, backoff_max_ms=10))
    story.given(ReportFailure(story.place("call"), DOWN)).when(Claim("call"), after=10)
    story.when(ReportFailure(story.place("call", 2), DOWN)).then(StepFailed, RunEnding, RunFinished)
    assert story.run.error == DOWN


def test_a_failure_that_no_retry_can_cure_is_final():
    story = one()
    story.when(ReportFailure(story.place("call"), WRONG)).then(StepFailed, RunEnding, RunFinished)


def test_no_retry_begins_after_the_steps_own_time_is_up():
    story = one(timeout_ms=5_000, retry=Retry(attempts=9, backoff_min_ms=5_000, backoff_max_ms=5_000))
    story.when(ReportFailure(story.place("call"), DOWN)).then(StepFailed, RunEnding, RunFinished)


def test_a_failure_that_the_author_allows_lets_the_run_succeed_with_warnings():
    made = plan(step("a", "http", on_failure="continue"), step("b"))
    story = Story(made).given(Claim("a"), Claim("b"))
    story.given(ReportFailure(story.place("a"), WRONG))
    story.when(ReportSuccess(story.place("b"), NOTHING)).then(StepSucceeded, RunFinished)
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.warnings


def test_what_needs_a_failed_step_is_skipped_unless_it_only_needs_its_end():
    failing = step("a", "http", on_failure="continue")
    after_end = StepPlan("tidy", "transform", needs=(Edge("a", "end"),))
    story = Story(plan(failing, step("b", after=["a"]), after_end)).given(Claim("a"))
    story.when(ReportFailure(story.place("a"), WRONG)).then(StepFailed, StepSkipped, StepReady)
    assert story.statuses() == {"a": "failed", "b": "skipped", "tidy": "ready"}


def test_a_failure_stops_what_else_was_going_on():
    story = Story(plan(step("a", "http"), step("b", "http"), step("c", after=["b"]))).given(Claim("a"), Claim("b"))
    story.when(ReportFailure(story.place("a"), WRONG)).then(StepFailed, RunEnding, StepCancelled)
    assert story.run.status is RunStatus.ENDING
    story.when(ReportInterrupted(story.place("b"), "the run was ended")).then(StepCancelled, RunFinished)
    assert story.run.status is RunStatus.FAILED


def test_a_raw_answer_is_kept_while_its_attempt_lives():
    story = one()
    story.when(KeepAnswer(story.place("call"), "answer", Content("raw"))).then(AnswerKept)
    story.given(ReportSuccess(story.place("call"), NOTHING))
    story.when(KeepAnswer(story.place("call"), "answer", Content("raw"))).then(Refusal.ATTEMPT_STALE)


# Conditions --------------------------------------------------------------------------------------------------------


def test_a_condition_that_does_not_hold_skips_the_step_and_what_needs_it():
    made = plan(step("a", when="${{ inputs.go }}"), step("b", after=["a"]))
    Story(made, {"go": False}).then(RunStarted, StepSkipped, StepSkipped, RunFinished)


def test_a_condition_that_cannot_be_computed_fails_the_step():
    Story(plan(step("a", when="${{ inputs.missing }}"))).then(RunStarted, StepFailed, RunEnding, RunFinished)


def test_a_condition_that_gives_no_truth_fails_the_step():
    story = Story(plan(step("a", when="${{ inputs.n }}")), {"n": 3})
    story.then(RunStarted, StepFailed, RunEnding, RunFinished)
    assert story.run.error.code == "when_failed"


def test_a_guarded_reference_lets_a_step_run_although_what_it_names_was_skipped():
    skipped = step("a", when="false")
    guarded = StepPlan("b", "transform", needs=(Edge("a", guarded=True),))
    story = Story(plan(skipped, guarded))
    assert story.statuses() == {"a": "skipped", "b": "ready"}


# Crashes -----------------------------------------------------------------------------------------------------------


def test_a_crash_repeats_an_idempotent_step_without_using_up_a_try():
    story = one(retry=Retry(attempts=1))
    story.when(ReportInterrupted(story.place("call"), "the service stopped")).then(AttemptInterrupted)
    story.when(Claim("call")).then(AttemptStarted)
    assert story.run.steps["call"].failures == 0


def test_a_crash_of_a_step_that_may_happen_once_asks_people():
    story = one(effect="once")
    story.when(ReportInterrupted(story.place("call"), "the service stopped")).then(StepUnknown, ClockTurned)
    assert story.run.status is RunStatus.RUNNING


def test_a_failure_after_sending_asks_people_when_the_effect_may_happen_once():
    story = one(effect="once")
    unclear = Failure("http_timeout", "no answer", retryable=True, maybe_happened=True)
    story.when(ReportFailure(story.place("call"), unclear)).then(StepUnknown, ClockTurned)


def test_a_failure_before_sending_is_tried_again_even_when_the_effect_may_happen_once():
    story = one(effect="once")
    story.when(ReportFailure(story.place("call"), DOWN)).then(AttemptFailed)


def test_too_many_crashes_pause_the_run_with_the_reason():
    story = one(retry=Retry(crashes=2))
    story.given(ReportInterrupted(story.place("call"), "it died")).given(Claim("call"))
    story.when(ReportInterrupted(story.place("call", 2), "it died")).then(AttemptInterrupted, RunPaused)
    assert "2 times" in story.run.reason
    story.when(Claim("call"), after=100_000).then(Refusal.RUN_PAUSED)
    story.when(Resume(MINA)).then(RunResumed)
    story.when(Claim("call")).then(AttemptStarted)


def test_a_stop_on_purpose_does_not_use_up_the_crash_budget():
    story = one(retry=Retry(crashes=1))
    story.when(ReportInterrupted(story.place("call"), "drained", counts=False)).then(AttemptInterrupted)
    assert story.run.status is RunStatus.RUNNING


def test_a_late_interruption_is_kept_as_evidence():
    story = one()
    story.given(ReportSuccess(story.place("call"), NOTHING))
    story.when(ReportInterrupted(story.place("call"), "late")).then(ReportIgnored, Refusal.ATTEMPT_STALE)


# Unknown effects ---------------------------------------------------------------------------------------------------


def unknown() -> Story:
    story = Story(plan(step("pay", "http", effect="once"), step("next", after=["pay"]))).given(Claim("pay"))
    return story.given(ReportInterrupted(story.place("pay"), "the service stopped"))


def test_an_unknown_effect_that_happened_lets_the_run_go_on_with_its_output():
    story = unknown().when(Settle("pay", MINA, "happened", Content({"id": 7})))
    story.then(StepSettled, StepSucceeded, StepReady, ClockTurned)


def test_an_unknown_effect_that_did_not_happen_runs_again():
    unknown().when(Settle("pay", MINA, "again")).then(StepSettled, StepReady, ClockTurned)


def test_an_unknown_effect_may_fail_the_run():
    story = unknown().when(Settle("pay", MINA, "fail"))
    story.then(StepSettled, StepFailed, RunEnding, StepCancelled, RunFinished)


def test_only_an_unknown_effect_can_be_settled():
    one().when(Settle("call", MINA, "again")).then(Refusal.STEP_NOT_UNKNOWN)
    one().when(Settle("cal", MINA, "again")).then(Refusal.STEP_UNKNOWN_NAME)


def test_a_finished_run_cannot_be_settled():
    story = unknown().given(Cancel(MINA))
    story.when(Settle("pay", MINA, "again")).then(Refusal.RUN_FINISHED)


# Gates -------------------------------------------------------------------------------------------------------------


def test_a_gate_stops_the_runs_clock_while_people_think():
    story = Story(plan(gate("review"))).given(Claim("review"))
    opened = story.opening("review", shown="x", digest="d")
    story.when(opened).then(GateOpened, ClockTurned)
    assert story.run.deadline_at is None


def test_an_approval_opens_the_way():
    story = waiting().when(yes(comment="fine"), person=EDITOR)
    story.then(DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)
    output = story.run.steps["review"].output.value
    assert (output["verdict"], output["by"], output["comment"]) == ("approved", "U0RAVI", "fine")
    assert output["content"] == {"text": "this"}


def test_a_rejection_ends_the_run_as_rejected():
    story = waiting().when(no(comment="dull"), person=EDITOR)
    story.then(DecisionMade, GateClosed, StepSucceeded, RunEnding, StepCancelled, RunFinished)
    assert story.run.status is RunStatus.REJECTED
    assert "dull" in story.run.reason


def test_a_rejection_may_let_the_run_go_on():
    story = waiting(on_reject="continue").when(no(), person=EDITOR)
    story.then(DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)
    assert story.run.steps["review"].output.value["verdict"] == "rejected"


def test_a_second_click_on_approve_is_told_that_it_was_decided():
    story = waiting().given(yes(), person=EDITOR)
    story.when(yes(), person=EDITOR).then(DecisionRefused, Refusal.ALREADY_DECIDED)


def test_a_click_on_an_old_card_is_told_so():
    waiting().when(yes(gate="older"), person=EDITOR).then(DecisionRefused, Refusal.GATE_SUPERSEDED)


def test_a_gate_that_is_not_open_yet_cannot_be_decided():
    story = Story(plan(gate("review")))
    story.when(yes(), person=EDITOR).then(DecisionRefused, Refusal.GATE_NOT_OPEN)


def test_a_step_that_does_not_exist_cannot_be_decided():
    waiting().when(Decide("revue", RAVI, "approve"), person=EDITOR).then(Refusal.STEP_UNKNOWN_NAME)


def test_who_is_not_an_approver_is_refused_on_record():
    stranger = Person("U0OMAR", "Omar", True, (), 0)
    story = waiting().when(yes(OMAR), person=stranger)
    story.then(DecisionRefused, Refusal.ACTOR_NOT_APPROVER)
    assert story.run.steps["review"].gate.decisions == ()


def test_the_requester_is_refused_unless_the_policy_allows_it():
    own = Person("U0MINA", "Mina", True, ("@editors",), 0)
    waiting().when(yes(MINA), person=own).then(DecisionRefused, Refusal.ACTOR_IS_REQUESTER)
    story = waiting(requester_may_decide=True).when(yes(MINA), person=own)
    story.then(DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)


def test_a_guest_is_refused_even_when_in_the_group():
    guest = Person("U0RAVI", "Ravi", False, ("@editors",), 0, "guest")
    waiting().when(yes(), person=guest).then(DecisionRefused, Refusal.ACTOR_NOT_MEMBER)


def test_nobody_decides_without_facts_or_with_somebody_elses():
    waiting().when(yes()).then(DecisionRefused, Refusal.ACTOR_UNKNOWN)
    waiting().when(yes(), person=EDITOR_TOO).then(DecisionRefused, Refusal.ACTOR_UNKNOWN)


def test_facts_older_than_a_minute_must_be_fetched_again():
    story = waiting()
    old = Person("U0RAVI", "Ravi", True, ("@editors",), story.now - 60_001)
    story.when(yes(), person=old).then(Refusal.FACTS_TOO_OLD)
    fresh = Person("U0RAVI", "Ravi", True, ("@editors",), story.now - 60_000)
    story.when(yes(), person=fresh).then(DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)


def test_a_quorum_counts_distinct_people():
    story = waiting(quorum=2).when(yes(), person=EDITOR).then(DecisionMade)
    story.when(yes(), person=EDITOR).then(DecisionRefused, Refusal.ALREADY_DECIDED)
    lena = yes(LENA)
    story.when(lena, person=EDITOR_TOO).then(DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)


def test_one_rejection_is_a_veto():
    story = waiting(quorum=2).given(yes(), person=EDITOR)
    veto = no(LENA)
    story.when(veto, person=EDITOR_TOO)
    assert story.run.status is RunStatus.REJECTED


def test_a_vote_may_be_changed_before_the_gate_closes():
    story = waiting(quorum=2).given(yes(), person=EDITOR).when(no(), person=EDITOR)
    assert story.run.status is RunStatus.REJECTED


def test_an_operator_decides_only_with_a_reason_and_where_it_is_allowed():
    waiting().when(yes(OPERATOR)).then(DecisionRefused, Refusal.OVERRIDE_NOT_ALLOWED)
    waiting().when(yes(OPERATOR), override=True).then(DecisionRefused, Refusal.OVERRIDE_NEEDS_REASON)
    story = waiting(quorum=3).when(yes(OPERATOR, override="all editors are ill"), override=True)
    story.then(DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)
    assert story.last(DecisionMade).override == "all editors are ill"


def test_a_gate_is_due_once_and_stays_open():
    story = waiting(due_ms=1_000, expires_ms=5_000).when(Tick(), after=1_000).then(GateOverdue)
    story.when(Tick()).then()
    story.when(yes(), person=EDITOR).then(DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)


def test_an_expired_gate_rejects_by_default():
    story = waiting(expires_ms=5_000).when(Tick(), after=5_000)
    story.then(GateClosed, StepSucceeded, RunEnding, StepCancelled, RunFinished)
    assert story.run.status is RunStatus.REJECTED
    assert story.run.steps["review"].gate.state == "expired"


@pytest.mark.parametrize(
    ("policy", "status", "verdict"),
    [("approve", "ready", "approved"), ("continue", "ready", "expired")],
)
def test_an_expired_gate_does_what_its_policy_says(policy, status, verdict):
    story = waiting(expires_ms=5_000, on_expiry=policy).when(Tick(), after=5_000)
    story.then(GateClosed, StepSucceeded, StepReady, ClockTurned)
    assert story.run.steps["review"].output.value["verdict"] == verdict


def test_an_expired_gate_may_fail_the_run():
    story = waiting(expires_ms=5_000, on_expiry="fail").when(Tick(), after=5_000)
    story.then(GateClosed, StepFailed, RunEnding, StepCancelled, RunFinished)
    assert story.run.error.code == "gate_expired"


def test_a_click_after_the_deadline_is_refused_although_no_timer_woke_yet():
    story = waiting(expires_ms=5_000).when(yes(), after=5_000, person=EDITOR)
    story.then(DecisionRefused, GateClosed, StepSucceeded, RunEnding, StepCancelled, RunFinished, Refusal.GATE_EXPIRED)
    story.when(yes(), person=EDITOR).then(DecisionRefused, Refusal.GATE_EXPIRED)


def test_a_click_just_before_the_deadline_counts():
    story = waiting(expires_ms=5_000).when(yes(), after=4_999, person=EDITOR)
    story.then(DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)
    story.when(Tick(), after=1).then()


def test_a_gate_opened_by_a_lost_attempt_does_not_open():
    story = Story(plan(gate("review"))).given(Claim("review"))
    story.given(ReportInterrupted(story.place("review"), "crash"))
    story.when(story.opening("review", "?", digest="d")).then(Refusal.ATTEMPT_STALE)


def test_a_withdrawn_gate_cannot_be_decided():
    story = waiting().given(Cancel(MINA))
    story.when(yes(), person=EDITOR).then(DecisionRefused, Refusal.GATE_NOT_OPEN)


# Waiting, time, cancel ---------------------------------------------------------------------------------------------


def test_a_wait_ends_by_the_clock():
    story = Story(plan(step("pause", "wait"))).given(Claim("pause"))
    story.when(StartWait(story.place("pause"), story.now + 10_000)).then(StepWaiting, ClockTurned)
    story.when(Tick(), after=9_999).then()
    story.when(Tick(), after=1).then(StepSucceeded, RunFinished)


def test_a_wait_begun_by_a_lost_attempt_does_not_begin():
    story = Story(plan(step("pause", "wait"))).given(Claim("pause"))
    story.given(ReportInterrupted(story.place("pause"), "crash"))
    story.when(StartWait(story.place("pause"), story.now)).then(Refusal.ATTEMPT_STALE)


def test_a_run_that_is_active_for_too_long_fails():
    story = Story(plan(step("a", "http"), duration_ms=60_000)).given(Claim("a"))
    story.when(Tick(), after=59_999).then()
    story.when(Tick(), after=1).then(RunEnding)
    story.when(ReportInterrupted(story.place("a"), "the run was ended")).then(StepCancelled, RunFinished)
    assert story.run.error.code == "run_timeout"


def test_the_time_that_people_take_does_not_count_against_the_run():
    made = plan(gate("review"), step("publish", after=["review"]), duration_ms=60_000)
    story = Story(made).given(Claim("review"))
    story.given(story.opening("review", "?", digest="d"))
    story.when(yes(), after=3_600_000, person=EDITOR)
    story.when(Tick(), after=59_999).then()
    assert story.run.status is RunStatus.RUNNING


def test_cancel_withdraws_gates_and_ends_waits():
    story = waiting().when(Cancel(MINA, "not needed"))
    story.then(CancelRequested, RunEnding, GateClosed, StepCancelled, StepCancelled, RunFinished)
    assert story.run.status is RunStatus.CANCELLED
    assert story.run.reason == "not needed"


def test_cancel_lets_a_running_step_be_stopped_and_reports_what_happened():
    story = one(effect="once").when(Cancel(MINA)).then(CancelRequested, RunEnding)
    story.when(ReportInterrupted(story.place("call"), "the run was ended")).then(StepUnknown, RunFinished)
    assert story.run.status is RunStatus.CANCELLED
    assert story.statuses() == {"call": "unknown"}


def test_a_success_that_races_cancel_is_told_as_it_was():
    story = one().given(Cancel(MINA))
    story.when(ReportSuccess(story.place("call"), NOTHING)).then(StepSucceeded, RunFinished)
    assert story.statuses() == {"call": "succeeded"}
    assert story.run.status is RunStatus.CANCELLED


def test_a_failure_while_ending_is_a_stop():
    story = one().given(Cancel(MINA))
    story.when(ReportFailure(story.place("call"), DOWN)).then(StepCancelled, RunFinished)


def test_a_gate_or_a_wait_does_not_begin_while_the_run_ends():
    story = Story(plan(gate("review"), step("pause", "wait"))).given(Claim("review"), Claim("pause"), Cancel(MINA))
    story.when(story.opening("review", "?", digest="d")).then(StepCancelled)
    story.when(StartWait(story.place("pause"), story.now)).then(StepCancelled, RunFinished)


def test_cancel_during_a_retry_wait_ends_the_wait():
    story = one().given(ReportFailure(one().place("call"), DOWN))
    story.when(Cancel(MINA)).then(CancelRequested, RunEnding, StepCancelled, RunFinished)


def test_cancel_is_refused_when_there_is_nothing_left_to_cancel():
    one().given(Cancel(MINA)).when(Cancel(MINA)).then(Refusal.RUN_ENDING)
    story = one()
    story.given(ReportSuccess(story.place("call"), NOTHING))
    story.when(Cancel(MINA)).then(Refusal.RUN_FINISHED)


def test_a_paused_run_lets_decisions_in_and_starts_nothing():
    story = waiting().when(Pause(MINA, "look first")).then(RunPaused)
    story.given(yes(), person=EDITOR)
    story.when(Claim("publish")).then(Refusal.RUN_PAUSED)
    story.when(Pause(MINA, "again")).then(Refusal.RUN_PAUSED)


def test_resume_needs_a_paused_run():
    one().when(Resume(MINA)).then(Refusal.RUN_NOT_PAUSED)
    one().given(Cancel(MINA)).when(Resume(MINA)).then(Refusal.RUN_ENDING)


def test_the_clock_has_nothing_to_say_to_a_run_that_ends():
    one().given(Cancel(MINA)).when(Tick(), after=10**12).then()
