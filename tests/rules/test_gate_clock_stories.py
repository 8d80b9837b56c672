"""The clocks of a gate, story by story: reminders, escalation, expiry; and gates among the last steps."""

from __future__ import annotations

from typing import Any

from engine.rules.commands import Cancel, Pause, Refusal, Tick
from store.events import (
    ClockTurned,
    DecisionMade,
    DecisionRefused,
    EndingBegun,
    GateClosed,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
    RunEnding,
    RunFinished,
    StepCancelled,
    StepReady,
    StepsReset,
    StepSucceeded,
)
from store.model import Changes, Content, RunStatus
from tests.support.engines import MINA, RAVI, gate, plan, step
from tests.support.story import Story
from tests.support.voting import (
    HOUR,
    POST,
    THROUGH,
    answered,
    asking,
    opened,
    review,
    the_gate,
)

# Time ----------------------------------------------------------------------------------------------------------------


def test_reminders_come_before_and_after_the_gate_is_due():
    story = asking(due_ms=4 * HOUR, remind_before_due_ms=(HOUR,), remind_after_due_ms=(HOUR,))
    story.when(Tick(), after=3 * HOUR - 1).then()
    story.when(Tick(), after=1).then(GateReminded)
    story.when(Tick(), after=HOUR).then(GateOverdue)
    story.when(Tick(), after=HOUR).then(GateReminded)
    story.when(Tick(), after=HOUR).then()


def test_reminders_that_were_missed_are_given_together_with_what_else_came_due():
    policy = {"due_ms": 2 * HOUR, "escalate_after_due_ms": HOUR, "escalate_to": ("@leads",)}
    story = asking(remind_before_due_ms=(HOUR,), **policy)
    story.when(Tick(), after=5 * HOUR).then(GateReminded, GateOverdue, GateEscalated)
    story.when(Tick()).then()
    assert story.run.steps["review"].due_at == the_gate(story).expires_at


def test_a_reminder_for_a_moment_that_is_over_when_the_gate_opens_is_not_given():
    story = asking(due_ms=HOUR, remind_before_due_ms=(2 * HOUR,))
    assert the_gate(story).terms.reminders == ()


def test_expiry_comes_before_everything_else():
    story = asking(due_ms=HOUR, expires_ms=2 * HOUR, escalate_after_due_ms=0, escalate_to=("@leads",))
    story.when(Tick(), after=2 * HOUR).then(GateClosed, StepSucceeded, RunEnding, StepCancelled, RunFinished)
    assert story.run.reason == "Nobody decided G-42 in time"


def test_a_gate_expires_while_the_run_is_paused():
    story = asking(expires_ms=HOUR, on_expiry="continue").given(Pause(MINA, "look first"))
    story.when(Tick(), after=HOUR).then(GateClosed, StepSucceeded, StepReady, ClockTurned)
    assert story.run.status is RunStatus.PAUSED


def test_two_gates_that_expire_at_the_same_tick_end_the_run_once():
    made = plan(gate("one", expires_ms=HOUR), gate("two", expires_ms=HOUR))
    story = opened(opened(Story(made), "one"), "two").when(Tick(), after=HOUR)
    story.then(GateClosed, StepSucceeded, RunEnding, GateClosed, StepCancelled, RunFinished)
    assert [story.run.steps[name].gate.state.value for name in ("one", "two")] == ["expired", "withdrawn"]


def test_working_hours_hold_the_clocks_of_a_gate():
    story = Story(plan(gate("review", due_ms=HOUR, expires_ms=2 * HOUR, remind_before_due_ms=(HOUR // 2,))))
    opened(story, "review", after=lambda start, ms: start + 10 * ms)
    gate_ = the_gate(story)
    assert (gate_.due_at, gate_.expires_at) == (story.now + 10 * HOUR, story.now + 20 * HOUR)
    assert gate_.terms.reminders == (story.now + 5 * HOUR,)


# Gates of the last steps ---------------------------------------------------------------------------------------------


def ending_with(**policy: Any) -> Story:
    """A cancelled run that asks people once more before it is over."""
    last = gate("farewell", phase="finally", **policy)
    story = Story(plan(step("work"), last)).given(Cancel(MINA))
    assert isinstance(story.answer.events[-2], EndingBegun)
    return opened(story, "farewell")


def test_a_rejection_among_the_last_steps_does_not_change_how_the_run_ends():
    story = ending_with()
    answered(story, "farewell", RAVI, "reject").then(DecisionMade, GateClosed, StepSucceeded, RunFinished)
    assert story.run.status is RunStatus.CANCELLED


def test_a_gate_among_the_last_steps_expires_too():
    story = ending_with(expires_ms=HOUR).when(Tick(), after=HOUR)
    story.then(GateClosed, StepSucceeded, RunFinished)
    assert story.run.status is RunStatus.CANCELLED


def test_a_gate_among_the_last_steps_sends_nothing_back():
    story = ending_with(changes=Changes("work"))
    answered(story, "farewell", RAVI, "changes").then(DecisionRefused, Refusal.ROUNDS_USED_UP)
    assert not [event for event in story.events if isinstance(event, StepsReset)]


def test_a_decision_is_let_in_while_the_run_is_paused():
    story = asking().given(Pause(MINA, "look first"))
    answered(story, "review", RAVI).then(*THROUGH)


def test_a_gate_with_approvers_for_whom_a_review_asks_shows_what_the_step_gave():
    story = Story(plan(step("draft", "model"), review())).done("draft", POST)
    opened(story, "editorial").then(GateOpened, ClockTurned)
    assert the_gate(story, "editorial").shown == Content(POST)
