"""What is done again, at its edges: nothing too much, since it was paid for; nothing too little, since it is stale."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from engine.rules.commands import (
    AwaitChild,
    Cancel,
    Claim,
    Refusal,
    ReportChild,
    ReportFailure,
    ReportStop,
    ReportSuccess,
    Retry,
    Settle,
)
from engine.rules.lifecycle import handle
from store.events import (
    BlockReopened,
    GateClosed,
    InputsChanged,
    RunReopened,
    StepsReset,
    VersionChanged,
)
from store.model import Changes, Choice, Content, Ensure, Facts, Failure, GateState, RunStatus, changed
from tests.support.engines import MINA, RAVI, block, gate, plan, step
from tests.support.story import Story
from tests.support.voting import answered, opened

AGAIN = Retry(MINA, "the server is back")
NOTHING = Content(None)


def moved(story: Story, newest: Any, **more: Any) -> Story:
    """The run goes on by another version."""
    return story.when(replace(AGAIN, newest=True, **more), newest=newest)


# What a retry says ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "told"), [("the server is back", "the server is back"), ("", "retried")])
def test_the_record_says_why_steps_are_done_again(reason: str, told: str):
    story = Story(plan(step("a", "http"))).failed("a")
    story.when(Retry(MINA, reason), queue="eu", queued=True)
    assert story.last(RunReopened) == RunReopened(story.now, MINA, reason, "eu", True)
    assert story.last(StepsReset).reason == told


def test_what_would_be_repeated_is_named_for_who_must_confirm_it():
    story = Story(plan(step("pay", "http", effect="once"), step("b", "http", ["pay"]))).done("pay").failed("b")
    story.when(replace(AGAIN, from_step="pay")).then(Refusal.ONCE_WOULD_REPEAT)
    assert story.answer.steps == ("pay",)


def test_what_would_be_repeated_within_a_block_is_named_as_well():
    made = plan(
        step("draft"),
        block("all", ["draft"], each="${{ inputs.list }}"),
        step("all.pay", "http", effect="once"),
        step("last", "http", ["all"]),
    )
    story = Story(made, {"list": ["x"]}).done("draft").done("all.pay[1]").failed("last")
    story.when(replace(AGAIN, from_step="draft")).then(Refusal.ONCE_WOULD_REPEAT)
    assert story.answer.steps == ("all.pay[1]",)


def test_a_run_that_this_step_started_is_no_effect_of_its_own_that_must_not_repeat():
    story = Story(plan(step("call", "workflow", effect="once"), step("b", "http", ["call"]))).given(Claim("call"))
    story.given(AwaitChild(story.at("call"), "child1"))
    story.given(ReportChild("call", "child1", RunStatus.SUCCEEDED)).failed("b")
    story.when(replace(AGAIN, from_step="call"))
    assert story.answer.refusal is None


def test_a_newest_version_that_is_known_is_not_taken_unless_it_was_asked_for():
    story = Story(plan(step("a", "http"))).failed("a")
    story.when(AGAIN, newest=plan(step("a", "http", when="false")))
    assert story.run.version == story.plan.version
    assert story.statuses() == {"a": "ready"}


def test_a_step_cannot_be_done_again_that_nobody_knows_or_that_is_gone_or_that_is_one_of_the_last():
    made = plan(step("a", "http"), step("old"), step("tell", phase="finally"))
    story = Story(made).done("old").failed("a").done("tell")
    story.when(replace(AGAIN, from_step="ghost")).then(Refusal.STEP_UNKNOWN_NAME)
    story.when(replace(AGAIN, from_step="tell")).then(Refusal.STEP_UNKNOWN_NAME)
    moved(story, plan(step("a", "http"), step("tell", phase="finally")), from_step="old").then(
        Refusal.STEP_UNKNOWN_NAME
    )


def test_another_version_is_taken_although_nothing_is_to_be_done_again():
    story = Story(plan(step("a"))).done("a")
    story.when(AGAIN).then(Refusal.NOTHING_TO_RETRY)
    moved(story, plan(step("a"), step("b", after=["a"]), step("tell", phase="finally")))
    assert story.last(VersionChanged).steps == ("a", "b")
    assert story.statuses(["a", "b"]) == {"a": "succeeded", "b": "ready"}


def newest_for(inputs: Content, newest: Any, **content: Any) -> Refusal | None:
    """What is said of a retry by this version when the run was given these inputs."""
    story = Story(plan(step("a", "http"))).failed("a")
    run = changed(story.run, inputs=inputs)
    facts = Facts(newest=newest, content=content)
    return handle(story.plan, run, replace(AGAIN, newest=True), facts, story.now).refusal


def test_inputs_that_are_kept_outside_count_for_a_version_that_needs_them():
    needs = plan(step("a", "http"), inputs={"x": {"type": "number"}})
    kept = Content(None, "h", 9)
    assert newest_for(kept, needs, h={}) is Refusal.VERSION_DOES_NOT_FIT
    assert newest_for(kept, needs, h={"x": 1}) is None


def test_a_run_without_any_inputs_fits_a_version_that_needs_none():
    assert newest_for(Content(None), plan(step("a", "http"), step("b"))) is None


# Inputs --------------------------------------------------------------------------------------------------------------


def test_only_what_reads_an_input_that_was_changed_is_done_again():
    made = plan(
        step("x", with_="${{ inputs.x }}"),
        step("y", with_="${{ inputs.y }}"),
        step("all_of_it", with_="${{ inputs }}"),
        step("named_alike", with_="${{ vars.x }}"),
        step("nothing", with_=None),
        step("bad", "http"),
        vars={"x": 1},
    )
    story = Story(made, {"x": 1, "y": 1})
    for name in ("x", "y", "all_of_it", "named_alike", "nothing"):
        story.done(name)
    story.failed("bad")
    inputs = Content({"x": 2, "y": 1})
    story.when(replace(AGAIN, inputs=inputs, changed=("x",)))
    assert story.last(InputsChanged) == InputsChanged(story.now, MINA, inputs, ("x",))
    done = {key for key, status in story.statuses().items() if status == "succeeded"}
    assert done == {"y", "named_alike", "nothing"}


def test_a_retry_that_changes_no_inputs_does_nothing_again_that_reads_them_all():
    story = (
        Story(plan(step("a", with_="${{ inputs }}"), step("b", "http")), {"x": 1}).done("a").failed("b").given(AGAIN)
    )
    assert story.statuses() == {"a": "succeeded", "b": "ready"}


def test_a_list_whose_keys_read_an_input_that_was_changed_is_gone_through_again():
    made = plan(
        block("all", each="${{ ['a'] }}", key="${{ inputs.front + item }}"), step("all.one"), step("bad", "http")
    )
    story = Story(made, {"front": "x"}).done("all.one[xa]").failed("bad")
    story.when(replace(AGAIN, inputs=Content({"front": "y"}), changed=("front",)))
    assert "all.one[ya]" in story.run.steps


# Versions ------------------------------------------------------------------------------------------------------------


def test_whatever_decides_over_a_steps_result_makes_it_another_step():
    base = step("a", "http", effect="idempotent")
    others: dict[str, dict[str, Any]] = {
        "uses": {"uses": "model"},
        "when": {"when": "true"},
        "with": {"with_": {"of": "b"}},
        "spec": {"spec": {"call": "f"}},
        "output": {"output": {"type": "object"}},
        "ensure": {"ensure": (Ensure("output != 1"),)},
    }
    for what, other in others.items():
        story = Story(plan(base, step("bad", "http"))).done("a").failed("bad")
        moved(story, plan(replace(base, **other), step("bad", "http")))
        assert story.statuses()["a"] == "ready", what


def test_another_question_to_people_is_asked_again():
    def asked(**policy: Any) -> Any:
        return plan(gate("a", **policy), step("bad", "http", ["a"]))

    story = answered(opened(Story(asked()), "a"), "a").failed("bad")
    moved(story, asked(quorum=2))
    assert story.statuses()["a"] == "ready"


@pytest.mark.parametrize("other", [{"each": "${{ ['y'] }}"}, {"as_": "one"}, {"key": "${{ item }}"}])
def test_another_list_is_gone_through_again_and_another_pace_is_not(other: dict[str, str]):
    def listed(**fan: Any) -> Any:
        return plan(block("all", **{"each": "${{ ['x'] }}"} | fan), step("all.one"), step("bad", "http"))

    story = Story(listed()).done("all.one[1]").failed("bad")
    moved(story, listed(**other))
    assert story.run.steps["all"].round == 2
    story = Story(listed()).done("all.one[1]").failed("bad")
    moved(story, listed(concurrency=3, tolerate=1))
    assert story.run.steps["all"].round == 1


def test_a_step_that_moved_among_the_last_ones_is_no_step_of_the_rest():
    story = Story(plan(step("a"), step("tell", after=["a"]), step("bad", "http"))).done("a").failed("bad")
    moved(story, plan(step("a"), step("bad", "http"), step("tell", phase="finally")))
    assert story.answer.refusal is None
    assert story.statuses(["a", "bad"]) == {"a": "succeeded", "bad": "ready"}


def test_constants_are_told_apart_by_their_names_and_all_of_them_when_all_are_read():
    steps = (
        step("deep", with_="${{ vars.tone.strict }}"),
        step("whole", with_="${{ vars }}"),
        step("input", with_="${{ inputs.size }}"),
        step("bad", "http"),
    )
    first = {"tone": {"strict": 1}, "size": 1}

    def after(**other: Any) -> dict[str, str]:
        story = Story(plan(*steps, vars=first), {"size": 1})
        for name in ("deep", "whole", "input"):
            story.done(name)
        story.failed("bad")
        moved(story, plan(*steps, vars=first | other, workflow="sample", duration_ms=5_000_000))
        return {key: status for key, status in story.statuses().items() if key != "bad"}

    assert after(size=2) == {"deep": "succeeded", "whole": "ready", "input": "succeeded"}
    assert after(tone={"strict": 2}) == {"deep": "ready", "whole": "ready", "input": "succeeded"}
    assert after() == {"deep": "succeeded", "whole": "succeeded", "input": "succeeded"}


# What is broken ------------------------------------------------------------------------------------------------------


def test_a_run_that_its_workflow_stopped_well_is_not_done_again_and_a_step_of_it_is_on_purpose():
    def stopped() -> Story:
        story = Story(plan(step("a"), step("b"), step("halt", "stop", ["a"]))).done("a").given(Claim("halt"))
        return story.given(ReportStop(story.at("halt"), RunStatus.SUCCEEDED))

    stopped().when(AGAIN).then(Refusal.NOTHING_TO_RETRY)
    story = stopped().given(replace(AGAIN, from_step="a"))
    assert story.statuses() == {"a": "ready", "b": "ready", "halt": "pending"}


def test_a_step_that_began_nothing_is_taken_up_in_its_round_whatever_it_waited_for():
    story = Story(plan(step("a", "http"), step("b", after=["a"]))).failed("a").given(AGAIN)
    assert story.rounds() == {"a": 1, "b": 1}


def test_a_gate_that_is_done_again_on_purpose_voids_its_answer_and_no_other():
    made = plan(gate("pick", choices=(Choice("a"), Choice("b"))), step("bad", "http", ["pick"]))
    story = opened(Story(made), "pick")
    answered(story, "pick", RAVI, "choose", choice="a").failed("bad")
    story.given(replace(AGAIN, from_step="pick"))
    assert story.run.steps["pick"].gate.state is GateState.SUPERSEDED
    rejected = answered(opened(Story(plan(gate("ok"), step("b", after=["ok"]))), "ok"), "ok", RAVI, "reject")
    rejected.given(replace(AGAIN, from_step="ok"))
    assert not [event for event in rejected.answer.events if isinstance(event, GateClosed)]
    assert rejected.run.steps["ok"].gate.state is GateState.REJECTED


def test_a_block_that_never_began_is_taken_up_as_a_whole():
    story = Story(plan(step("a", "http"), block("all"), step("all.b", "http"))).given(Cancel(MINA)).given(AGAIN)
    assert story.statuses() == {"a": "ready", "all": "running", "all.b": "ready"}


# Reviews -------------------------------------------------------------------------------------------------------------


def test_a_round_has_a_number_above_all_that_any_of_its_steps_has_seen():
    """Gates send back in turn; whoever reads "round 4" must find one such round only."""

    def asks(name: str, after: str, rerun: str) -> Any:
        with_ = {"question": "?", "show": f"${{{{ steps.{after}.output }}}}"}
        return gate(name, (after,), with_=with_, changes=Changes(rerun, rounds=9))

    made = plan(
        step("draft"),
        asks("one", "draft", "draft"),
        step("more", after=["one"]),
        asks("two", "more", "more"),
        step("last", after=["two"]),
        asks("three", "last", "draft"),
    )
    story = opened(Story(made).done("draft", 1), "one")
    answered(story, "one", RAVI, "changes", comment="again")
    opened(story.done("draft", 2), "one")
    opened(answered(story, "one", RAVI).done("more", 1), "two")
    for n in (2, 3):
        answered(story, "two", RAVI, "changes", comment="more")
        opened(story.done("more", n), "two")
    opened(answered(story, "two", RAVI).done("last", 1), "three")
    assert [story.run.steps[name].review.round for name in ("draft", "more")] == [2, 3]
    answered(story, "three", RAVI, "changes", comment="all of it")
    assert [story.run.steps[name].review.round for name in ("draft", "more", "last")] == [4, 4, 4]


def test_a_gate_that_opens_on_a_draft_within_a_block_is_void_when_the_block_goes_back():
    made = plan(
        step("draft"),
        block("all", ["draft"], each="${{ ['x'] }}"),
        gate("all.ok"),
        gate("review", ("draft",), with_={"question": "?", "show": 1}, changes=Changes("draft", rounds=9)),
    )
    story = opened(opened(Story(made).done("draft"), "all.ok[1]"), "review")
    answered(story, "review", RAVI, "changes")
    assert story.run.steps["all.ok[1]"].gate.state is GateState.SUPERSEDED


def test_steps_go_back_in_the_order_of_the_workflow():
    names = ("zeta", "mid", "alpha", "beta")
    chain = [step(names[0])] + [step(b, after=[a]) for a, b in pairwise(names)]
    story = Story(plan(*chain, step("bad", "http", ["beta"])))
    for name in names:
        story.done(name)
    story.failed("bad").given(replace(AGAIN, from_step="zeta"))
    assert story.last(StepsReset).steps == (*names, "bad")


def test_blocks_go_on_in_the_order_of_the_workflow():
    made = plan(block("z"), step("z.one", "http"), block("a"), step("a.one", "http"), step("last", "http"))
    story = Story(made).done("z.one").done("a.one").failed("last")
    story.given(replace(AGAIN, from_step="z.one"))
    reopened = [event.place.step for event in story.answer.events if isinstance(event, BlockReopened)]
    assert reopened == ["z"]
    assert story.statuses(["z", "z.one", "a"]) == {"z": "running", "z.one": "ready", "a": "succeeded"}


def test_what_was_taken_back_is_done_again_and_taken_back_again_when_it_must():
    undo = step("pay:undo", "http")
    story = Story(plan(step("pay", "http", effect="once"), step("ship", "http", ["pay"]), undo=(undo,)))
    story.done("pay").failed("ship").done("pay:undo")
    story.given(AGAIN)
    assert story.answer.refusal is None, "what was taken back did not happen: nothing is repeated unseen"
    assert story.statuses() == {"pay": "ready", "ship": "pending", "pay:undo": "skipped"}
    story.done("pay").failed("ship")
    assert story.statuses(["pay:undo"]) == {"pay:undo": "ready"}


def test_what_is_unclear_is_settled_by_name():
    story = Story(plan(step("pay", "http", effect="once"))).given(Claim("pay"))
    unclear = Failure("http_timeout", "no answer", maybe_happened=True)
    story.given(ReportFailure(story.at("pay"), unclear), Settle("pay", MINA, "again"), Claim("pay"))
    story.given(ReportSuccess(story.at("pay"), NOTHING))
    assert story.run.status is RunStatus.SUCCEEDED
