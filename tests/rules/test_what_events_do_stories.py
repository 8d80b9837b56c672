"""What each event does to a step, a gate and a run that have something in every field: these change, and no other.

Rows that keep an old error, a due time or an answer that was paid for mislead everybody who reads them later.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from engine.rules.evolution import evolve, fold
from store import events as e
from store.model import (
    Actor,
    Content,
    Coordinates,
    Decision,
    Failure,
    Fan,
    Gate,
    GateState,
    GateTerms,
    Kept,
    Parent,
    Review,
    Run,
    RunStatus,
    Signal,
    Step,
    StepStatus,
    changed,
)
from store.tally import counted
from tests.support.engines import MINA, RAVI

T = 5_000_000
ERROR, OTHER = Failure("http_status", "503"), Failure("timeout", "too slow")
LARGE = Content(None, "sha", 99)
GATE = Gate(
    id="g1",
    number=41,
    version=2,
    state=GateState.OPEN,
    question="Go on?",
    shown=Content("text"),
    card={"c": 1},
    digest="d1",
    approvers=("@editors",),
    quorum=2,
    requester_may_decide=True,
    opened_at=T - 500,
    due_at=T + 100,
    expires_at=T + 900,
    decisions=(Decision(MINA, "approve", T - 400, "d1"),),
    terms=GateTerms(reminders=(T + 10, T + 20), escalate_at=T + 200, escalate_to=("@leads",)),
    reminded=0,
)
FULL = Step(
    "a",
    round=3,
    status=StepStatus.RUNNING,
    attempt=7,
    failures=2,
    crashes=4,
    due_at=T - 10,
    ready_at=T - 300,
    started_at=T - 200,
    ended_at=T - 100,
    seq=9,
    output=Content("old"),
    receipt={"r": 1},
    error=ERROR,
    reason="why",
    gate=GATE,
    n=0,
    review=Review(3, "cite it", Content("draft"), "U0RAVI"),
    memo={"poll": 1},
    child="run9",
    event="paid",
    kept=Kept("request", Content("answer")),
)
RUN = counted(
    Run(
        id="run1",
        name="R-1",
        workflow="sample",
        version="v1",
        requester=MINA,
        origin={"channel": "C1"},
        inputs=Content({"n": 1}),
        trace_id="trace",
        created_at=T - 9_000,
        duration_ms=60_000,
        seq=20,
        dedupe_key="key",
        steps={"a": FULL, "b": Step("b", n=1)},
        outcome=RunStatus.FAILED,
        outputs=Content("outputs"),
        error=ERROR,
        reason="before",
        ended_at=T - 50,
        active_since=T - 1_000,
        active_ms=70,
        parent=Parent("run0", Coordinates("child"), 1),
        previous=Content("previous"),
        signals=(Signal(12, "paid", Content(1), T - 7, MINA), Signal(13, "paid", Content(2), T - 6, MINA)),
        usage={"calls": 2, "tokens_in": 50},
        queue="eu",
        queued_at=T - 8_000,
        winding_up=True,
        warnings=True,
    )
)
AT = FULL.place
OVER = {"due_at": None, "ended_at": T, "seq": 21, "event": "", "kept": None}


def at(**changes: Any) -> Coordinates:
    return replace(AT, **changes)


STEPS: list[tuple[Any, dict[str, Any]]] = [
    (
        e.StepReady(T, at(round=4), T + 5),
        {"status": StepStatus.READY, "round": 4, "due_at": T + 5, "error": None},
    ),
    (e.StepHeld(T, AT), {"status": StepStatus.PENDING, "ready_at": T, "error": None}),
    (
        e.AttemptStarted(T, at(attempt=8), idle_ms=30),
        {"status": StepStatus.RUNNING, "attempt": 8, "due_at": None, "ready_at": T - 270, "started_at": T, "seq": 21},
    ),
    (e.AnswerKept(T, AT, "draft", Content("new"), "request-2"), {"kept": Kept("request-2", Content("new"))}),
    (e.AnswerKept(T, AT, "draft", Content("new")), {}),
    (
        e.AttemptFailed(T, AT, OTHER, T + 5, idle_ms=30),
        {"status": StepStatus.READY, "due_at": T + 5, "ready_at": T - 270, "failures": 3, "error": OTHER, "kept": None},
    ),
    (
        e.AttemptFailed(T, AT, OTHER, T + 5, anew=True, counts=False),
        {"status": StepStatus.READY, "due_at": T + 5, "error": OTHER, "memo": None, "kept": None},
    ),
    (
        e.AttemptInterrupted(T, AT, "it died", T + 5, idle_ms=30),
        {"status": StepStatus.READY, "due_at": T + 5, "ready_at": T - 270, "crashes": 5},
    ),
    (e.AttemptInterrupted(T, AT, "drained", T + 5, counts=False), {"status": StepStatus.READY, "due_at": T + 5}),
    (
        e.StepPolled(T, AT, {"poll": 2}, T + 5),
        {
            "status": StepStatus.READY,
            "due_at": T + 5,
            "memo": {"poll": 2},
            "failures": 0,
            "crashes": 0,
            "error": None,
        },
    ),
    (
        e.StepSucceeded(T, AT, Content("new"), {"r": 2}),
        {**OVER, "status": StepStatus.SUCCEEDED, "output": Content("new"), "receipt": {"r": 2}}
        | {"error": None, "memo": None},
    ),
    (e.StepFailed(T, AT, OTHER), {**OVER, "status": StepStatus.FAILED, "failures": 3, "error": OTHER, "memo": None}),
    (e.StepSkipped(T, AT, "no need"), {"status": StepStatus.SKIPPED, "ended_at": T, "reason": "no need"}),
    (
        e.StepUnknown(T, AT, OTHER),
        {"status": StepStatus.UNKNOWN, "due_at": None, "error": OTHER, "memo": None, "kept": None},
    ),
    (e.StepWaiting(T, AT, T + 5), {"status": StepStatus.WAITING, "due_at": T + 5}),
    (e.ChildAwaited(T, AT, "run3"), {"status": StepStatus.WAITING, "child": "run3"}),
    (e.EventAwaited(T, AT, "sent", T + 5), {"status": StepStatus.WAITING, "event": "sent", "due_at": T + 5}),
    (e.StepCancelled(T, AT, "stopped"), {**OVER, "status": StepStatus.CANCELLED, "reason": "stopped"}),
    (e.StepSettled(T, AT, MINA, "again"), {}),
    (e.ApprovalKept(T, AT, "g1", "d1"), {}),
    (e.DecisionRefused(T, AT, MINA, "approve", "gate_expired"), {}),
    (e.ReportIgnored(T, AT, "success"), {}),
    (e.PolicyDecided(T, AT, "approve", "", Content(1), "d"), {}),
    (e.GateOverdue(T, AT), {"gate": replace(GATE, overdue=True), "due_at": T + 10}),
    (e.GateReminded(T, AT), {"gate": replace(GATE, reminded=1), "due_at": T + 20}),
    (
        e.GateEscalated(T, AT, ("@leads", "@editors")),
        {"gate": replace(GATE, escalated=True, approvers=("@editors", "@leads")), "due_at": T + 10},
    ),
    (
        e.GateClosed(T, AT, GateState.APPROVED),
        {"gate": replace(GATE, state=GateState.APPROVED, closed_at=T)},
    ),
    (
        e.DecisionMade(T, AT, RAVI, "approve", "d1", "fine", "card", "ill", "b", ("@editors",)),
        {
            "gate": replace(
                GATE,
                decisions=(
                    *GATE.decisions,
                    Decision(RAVI, "approve", T, "d1", "fine", "card", "ill", "b", ("@editors",)),
                ),
            ),
            "due_at": T + 10,
        },
    ),
    (
        e.DecisionMade(T, AT, RAVI, "approve", "d1", edits={"x": [1, 2]}, edited=Content("edited"), edited_digest="d2"),
        {
            "gate": replace(
                GATE,
                shown=Content("edited"),
                digest="d2",
                decisions=(*GATE.decisions, Decision(RAVI, "approve", T, "d2", edits={"x": [1, 2]})),
            ),
            "due_at": T + 10,
        },
    ),
]

RUNS: list[tuple[Any, dict[str, Any]]] = [
    (e.RunAdmitted(T), {"status": RunStatus.RUNNING, "active_since": T}),
    (
        e.SignalReceived(T, RAVI, "sent", Content(3)),
        {"signals": (*RUN.signals, Signal(21, "sent", Content(3), T, RAVI))},
    ),
    (e.SignalTaken(T, AT, 12), {"signals": RUN.signals[1:]}),
    (e.CancelRequested(T, MINA, "enough"), {"reason": "enough"}),
    (
        e.RunEnding(T, RunStatus.REJECTED, OTHER, "no"),
        {"status": RunStatus.ENDING, "outcome": RunStatus.REJECTED, "error": OTHER, "reason": "no"},
    ),
    (
        e.RunEnding(T, RunStatus.CANCELLED),
        {"status": RunStatus.ENDING, "outcome": RunStatus.CANCELLED, "error": None, "reason": "before"},
    ),
    (e.RunPaused(T, MINA, "lunch"), {"status": RunStatus.PAUSED, "reason": "lunch"}),
    (e.ClockTurned(T, on=True), {"active_since": T}),
    (e.ClockTurned(T, on=False), {"active_since": None, "active_ms": 1_070}),
    (
        e.RunFinished(T, RunStatus.SUCCEEDED, Content("done"), OTHER, "over"),
        {"status": RunStatus.SUCCEEDED, "outcome": RunStatus.SUCCEEDED, "outputs": Content("done"), "error": OTHER}
        | {"reason": "over", "ended_at": T, "active_ms": 1_070, "active_since": None},
    ),
    (
        e.RunFinished(T, RunStatus.CANCELLED),
        {"status": RunStatus.CANCELLED, "outcome": RunStatus.CANCELLED, "outputs": None, "error": None}
        | {"reason": "before", "ended_at": T, "active_ms": 1_070, "active_since": None},
    ),
    (e.InputsChanged(T, MINA, Content({"n": 2}), ("n",)), {"inputs": Content({"n": 2})}),
    (
        e.RunReopened(T, MINA, "again", "us", True),
        {"status": RunStatus.QUEUED, "queue": "us", "queued_at": T, "outcome": None, "error": None, "reason": ""}
        | {"outputs": None, "ended_at": None, "active_ms": 0, "winding_up": False, "warnings": False},
    ),
    (
        e.RunReopened(T, MINA),
        {"status": RunStatus.RUNNING, "outcome": None, "error": None, "reason": "", "outputs": None}
        | {"ended_at": None, "active_ms": 0, "winding_up": False, "warnings": False},
    ),
]


def differences(before: Any, after: Any) -> dict[str, Any]:
    """The fields in which two nouns differ, as they are after."""
    names = [one.name for one in fields(before)]
    return {name: getattr(after, name) for name in names if getattr(before, name) != getattr(after, name)}


def named(value: Any) -> str | None:
    return type(value).__name__ if type(value).__module__ == e.__name__ else ""


@pytest.mark.parametrize(("event", "expected"), STEPS, ids=named)
def test_an_event_changes_these_fields_of_its_step_and_nothing_else(event: Any, expected: dict[str, Any]) -> None:
    after = evolve(RUN, event)
    assert differences(FULL, after.steps["a"]) == {
        name: value for name, value in expected.items() if value != getattr(FULL, name)
    }
    assert after.steps["b"] is RUN.steps["b"]
    told = {"seq", "steps", "active", "large", "usage"}
    assert differences(RUN, after).keys() <= told
    assert counted(after) == after


@pytest.mark.parametrize(("event", "expected"), RUNS, ids=named)
def test_an_event_changes_these_fields_of_its_run_and_nothing_else(event: Any, expected: dict[str, Any]) -> None:
    after = evolve(RUN, event)
    assert differences(RUN, after) == {"seq": 21} | {
        name: value for name, value in expected.items() if value != getattr(RUN, name)
    }


@pytest.mark.parametrize(
    "event",
    [
        e.StepSucceeded(T, AT, Content(1), None, {"calls": 1, "usd_micros": 5}),
        e.StepFailed(T, AT, OTHER, usage={"calls": 1, "usd_micros": 5}),
        e.AttemptFailed(T, AT, OTHER, T, usage={"calls": 1, "usd_micros": 5}),
    ],
    ids=named,
)
def test_what_an_attempt_used_is_added_to_what_the_run_used(event: Any) -> None:
    """Also of attempts that failed: they are paid for, and the budget counts them."""
    assert evolve(RUN, event).usage == {"calls": 3, "tokens_in": 50, "usd_micros": 5}
    assert RUN.usage == {"calls": 2, "tokens_in": 50}


def test_a_run_that_goes_on_after_a_pause_forgets_why_it_stood_and_all_crashes() -> None:
    paused = evolve(RUN, e.RunPaused(T, MINA, "lunch"))
    after = evolve(paused, e.RunResumed(T, MINA))
    assert differences(paused, after) == {
        "seq": 22,
        "status": RunStatus.RUNNING,
        "reason": "",
        "steps": {"a": changed(FULL, crashes=0), "b": RUN.steps["b"]},
    }


def test_a_step_that_fails_and_is_let_pass_leaves_a_warning() -> None:
    calm = changed(RUN, warnings=False)
    assert evolve(calm, e.StepFailed(T, AT, OTHER, continued=True)).warnings
    assert not evolve(calm, e.StepFailed(T, AT, OTHER)).warnings


def test_a_gate_opens_with_all_that_its_event_says() -> None:
    terms = GateTerms(reminders=(T + 1,))
    opened = e.GateOpened(
        T, AT, "g9", 42, 3, "Sure?", Content(5), {"c": 2}, "d9", ("@legal",), 3, False, T + 7, T + 8, terms
    )
    after = evolve(RUN, opened).steps["a"]
    assert after.gate == Gate(
        "g9", 42, 3, GateState.OPEN, "Sure?", Content(5), {"c": 2}, "d9", ("@legal",), 3, False, T, T + 7, T + 8,
        terms=terms,
    )  # fmt: skip
    assert (after.status, after.due_at) == (StepStatus.WAITING, T + 1)


@pytest.mark.parametrize(
    "event", [e.GateOverdue(T, Coordinates("b")), e.DecisionMade(T, Coordinates("b"), RAVI, "approve", "d")], ids=named
)
def test_what_happens_at_a_gate_that_is_not_there_is_a_bug_and_changes_nothing(event: Any) -> None:
    with pytest.raises(ValueError, match="b has no gate"):
        evolve(RUN, event)


def test_a_history_begins_with_its_start() -> None:
    with pytest.raises(ValueError, match="begins with RunStarted"):
        fold(None, ())
    with pytest.raises(ValueError, match="RunAdmitted before RunStarted"):
        fold(None, (e.RunAdmitted(T),))


def test_a_step_is_ready_from_when_it_first_was_and_anew_when_it_was_held() -> None:
    """Its own time counts from there; while it was held for want of room it did not."""
    held = evolve(RUN, e.StepHeld(T, AT))
    assert evolve(held, e.StepReady(T + 50, AT, T + 50)).steps["a"].ready_at == T + 50
    assert evolve(RUN, e.StepReady(T + 50, AT, T + 50)).steps["a"].ready_at == FULL.ready_at
    fresh = evolve(RUN, e.StepReady(T + 50, Coordinates("b"), T + 60)).steps["b"]
    assert (fresh.ready_at, fresh.due_at) == (T + 50, T + 60)


def test_a_step_that_was_never_ready_starts_no_clock_by_failing() -> None:
    odd = changed(RUN, steps={"a": changed(FULL, ready_at=None), "b": RUN.steps["b"]})
    assert evolve(odd, e.AttemptStarted(T, AT, idle_ms=30)).steps["a"].ready_at is None


def test_what_takes_a_step_back_waits_its_turn_and_holds_no_room() -> None:
    undo = Step("a:undo", status=StepStatus.RUNNING, attempt=1, ready_at=T - 5, n=2)
    run = counted(changed(RUN, steps={**RUN.steps, "a:undo": undo}))
    assert evolve(run, e.StepHeld(T, undo.place)).steps["a:undo"].ready_at is None


def test_steps_that_go_back_forget_their_last_round_but_not_their_attempts_and_gate() -> None:
    dropped = counted(changed(RUN, steps={**RUN.steps, "c": changed(FULL, name="c", n=2)}))
    after = evolve(dropped, e.StepsReset(T, MINA, ("a",), "changes", ("b",), ("c",), Review(4, "x", Content(), "U")))
    fresh = {"failures": 0, "crashes": 0, "due_at": None, "ready_at": None, "started_at": None, "seq": 0}
    fresh |= {"output": None, "receipt": None, "error": None, "memo": None, "child": None, "event": "", "kept": None}
    review = Review(4, "x", Content(), "U")
    assert after.steps["a"] == changed(
        FULL, **fresh, reason="", ended_at=None, round=4, status=StepStatus.PENDING, review=review
    )
    assert after.steps["b"] == Step("b", n=1, review=review)
    assert after.steps["c"] == changed(
        FULL, **fresh, name="c", n=2, reason="changes", ended_at=T, round=4, status=StepStatus.SKIPPED
    )
    kept = evolve(RUN, e.StepsReset(T, MINA, ("a",), "changes"))
    assert kept.steps["a"].review == FULL.review


def test_a_newer_version_puts_the_steps_in_its_own_order_and_has_its_own_time() -> None:
    after = evolve(RUN, e.VersionChanged(T, MINA, "v2", ("c", "b", "a"), 99))
    assert (after.version, after.duration_ms) == ("v2", 99)
    assert after.steps["c"] == Step("c", n=0)
    assert [(key, step.n) for key, step in after.steps.items()] == [("a", 2), ("b", 1), ("c", 0)]
    assert after.steps["a"] == changed(FULL, n=2)


def test_what_winds_a_run_up_comes_after_all_steps_in_the_order_that_was_said() -> None:
    calm = changed(RUN, winding_up=False)
    after = evolve(calm, e.EndingBegun(T, ("b:undo", "a:undo[x/y]", "tell")))
    assert after.winding_up
    assert {key: (one.name, one.item, one.round, one.n) for key, one in after.steps.items() if key not in "ab"} == {
        "b:undo": ("b:undo", None, 1, 2),
        "a:undo[x/y]": ("a:undo", "x/y", 1, 3),
        "tell": ("tell", None, 1, 4),
    }
    again = evolve(after, e.EndingBegun(T, ("tell", "b:undo")))
    assert (again.steps["tell"].round, again.steps["b:undo"].round) == (2, 2)
    assert again.steps["tell"].n < again.steps["b:undo"].n
    empty = evolve(changed(RUN, steps={}), e.EndingBegun(T, ("tell",)))
    assert empty.steps["tell"].n == 1


def test_the_items_of_a_list_begin_end_and_go_on_and_are_counted() -> None:
    elements = Content([["x", 1], ["y", 2]])
    block = Step("all", n=0, round=2)
    run = counted(changed(RUN, steps={"all": block}))
    run = evolve(run, e.BlockEntered(T, Coordinates("all", None, 2), (), elements, 2))
    assert run.steps["all"] == changed(block, status=StepStatus.RUNNING, started_at=T, ready_at=T, fan=Fan(elements, 2))
    run = evolve(run, e.ItemBegun(T + 1, Coordinates("all", "x", 2), ("all.a",)))
    assert run.steps["all[x]"] == Step("all", "x", 2, StepStatus.RUNNING, started_at=T + 1, ready_at=T + 1, memo=0, n=1)
    assert run.steps["all.a[x]"] == Step("all.a", "x", 2, n=2)
    run = evolve(run, e.ItemBegun(T + 2, Coordinates("all", "y", 2), ("all.a",)))
    assert run.steps["all[y]"].memo == 1
    run = evolve(run, e.ItemEnded(T + 3, Coordinates("all", "x", 2), StepStatus.FAILED, Content("o"), OTHER))
    run = evolve(run, e.ItemEnded(T + 4, Coordinates("all", "y", 2), StepStatus.SUCCEEDED, Content("p")))
    assert run.steps["all"].fan == Fan(elements, 2, begun=2, ended=2, failed=1)
    ended = run.steps["all[x]"]
    assert (ended.status, ended.ended_at, ended.output, ended.error) == (StepStatus.FAILED, T + 3, Content("o"), OTHER)
    over = changed(run.steps["all"], status=StepStatus.FAILED, error=OTHER, ended_at=T + 5, reason="r")
    items = {key: changed(run.steps[key], reason="r") for key in ("all[x]", "all[y]")}
    run = changed(run, steps={**run.steps, "all": over, **items})
    both = evolve(run, e.BlockReopened(T + 6, over.place, ("x", "y")))
    assert both.steps["all"].fan == Fan(elements, 2, begun=2, ended=0, failed=0)
    one = evolve(run, e.BlockReopened(T + 6, over.place, ("y",)))
    assert one.steps["all"].fan == Fan(elements, 2, begun=2, ended=1, failed=1)
    again = {"status": StepStatus.RUNNING, "error": None, "ended_at": None, "reason": ""}
    assert one.steps["all"] == changed(over, **again, fan=Fan(elements, 2, 2, 1, 1))
    assert one.steps["all[y]"] == changed(run.steps["all[y]"], **again, output=None)


def test_a_block_without_a_list_begins_with_its_steps() -> None:
    run = counted(changed(RUN, steps={"all": changed(FULL, name="all", gate=None)}))
    after = evolve(run, e.BlockEntered(T, Coordinates("all", None, 3), ("all.a", "all.b")))
    told = after.steps["all"]
    assert (told.status, told.started_at, told.ready_at, told.error, told.fan) == (
        StepStatus.RUNNING,
        T,
        T,
        None,
        None,
    )
    assert after.steps["all.b"] == Step("all.b", None, 3, n=2)


def test_what_begins_again_in_a_later_round_goes_on_counting_its_attempts() -> None:
    """So that an effect of this round never has the key of one in the last."""
    before = Step("all.a", None, 2, StepStatus.SUCCEEDED, attempt=5, gate=GATE, n=7, output=Content("old"))
    run = counted(changed(RUN, steps={"all": Step("all"), "all.a": before}))
    after = evolve(run, e.BlockEntered(T, Coordinates("all", None, 4), ("all.a",)))
    assert after.steps["all.a"] == Step("all.a", None, 4, attempt=5, gate=GATE, n=7)
    lower = evolve(run, e.BlockEntered(T, Coordinates("all", None, 1), ("all.a",)))
    assert lower.steps["all.a"].round == 2


def test_values_that_are_kept_outside_are_counted_wherever_a_step_holds_them() -> None:
    """By this count a run that is read knows whether it must look into the content folder."""
    run = evolve(RUN, e.StepSucceeded(T, AT, LARGE))
    assert run.large == 1
    assert evolve(run, e.StepsReset(T, MINA, ("a",), "again")).large == 0
    shown = evolve(RUN, e.GateOpened(T, AT, "g", 1, 1, "?", LARGE, None, "d", (), 1, False, None, T + 1))
    assert shown.large == 1
    edited = e.DecisionMade(T, AT, RAVI, "approve", "d", edited=Content("small"), edited_digest="d2")
    assert evolve(shown, edited).large == 0
    assert evolve(RUN, e.BlockEntered(T, Coordinates("b"), (), LARGE, 3)).large == 1


def test_a_run_that_starts_numbers_its_steps_in_the_order_of_the_workflow() -> None:
    start = e.RunStarted(T, "run1", "R-1", "w", "v", Actor("person", "U"), {}, Content(), "t", ("b", "a"), 60)
    run = fold(None, (start,))
    assert (run.seq, run.status, run.active_since) == (1, RunStatus.RUNNING, T)
    assert [(key, step.n) for key, step in run.steps.items()] == [("b", 0), ("a", 1)]
