"""Rounds of review, story by story: changes are asked for, and what depends on the step is done again."""

from __future__ import annotations

from typing import Any

from engine.rules.commands import AwaitChild, AwaitEvent, Claim, Decide, Refusal, ReportFailure, ReportSuccess
from engine.rules.computing import filled
from engine.rules.scope import at
from store.events import (
    ApprovalKept,
    BlockEntered,
    BlockReopened,
    ClockTurned,
    DecisionMade,
    DecisionRefused,
    GateClosed,
    GateOpened,
    ItemBegun,
    PolicyDecided,
    ReportIgnored,
    StepReady,
    StepsReset,
    StepSucceeded,
    StepUnknown,
)
from store.model import Changes, Content, Facts, Failure, GateState, RunStatus
from tests.support.engines import OPERATOR, RAVI, block, plan, step
from tests.support.story import Story
from tests.support.voting import LENA, answered, edit, opened, review

THROUGH = (DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)
BACK = (DecisionMade, GateClosed, StepsReset, StepReady, ClockTurned)
POST = {"title": "WAL"}
CHANGES = Changes("draft", rounds=2)


def drafting(*more: Any, **policy: Any) -> Story:
    """A draft that waits for its review, with what is published behind it."""
    policy.setdefault("changes", CHANGES)
    made = plan(step("draft", "model"), review(**policy), step("publish", "http", ["editorial"], effect="once"), *more)
    return opened(Story(made).done("draft", POST), "editorial")


def changes(story: Story, key: str = "editorial", comment: str = "cite it", **more: Any) -> Story:
    return answered(story, key, RAVI, "changes", comment=comment, **more)


def gate_of(story: Story, key: str = "editorial") -> Any:
    return story.run.steps[key].gate


def round_of(story: Story, key: str) -> int:
    return story.run.steps[key].round


def test_changes_send_the_step_back_with_what_people_said():
    story = changes(drafting()).then(*BACK)
    assert story.statuses() == {"draft": "ready", "editorial": "pending", "publish": "pending"}
    told = story.run.steps["draft"].review
    assert (told.round, told.comment, told.previous, told.by) == (2, "cite it", Content(POST), "U0RAVI")
    assert gate_of(story).state is GateState.RETURNED


def test_the_next_draft_sees_the_comment_and_what_was_shown():
    story = changes(drafting())
    said = "${{ review.round }}: ${{ review.comment }}, not ${{ review.previous.title }}"
    assert filled(said, story.plan, story.run, Facts(), at(story.run.steps["draft"])) == "2: cite it, not WAL"


def test_a_new_version_of_the_gate_opens_for_the_next_draft():
    story = drafting()
    name = gate_of(story).name
    opened(changes(story).done("draft", {"title": "WAL 2"}), "editorial").then(GateOpened, ClockTurned)
    assert (gate_of(story).name, gate_of(story).version) == (name, 2)
    assert gate_of(story).state is GateState.OPEN
    assert gate_of(story).decisions == ()


def test_a_click_on_the_card_of_an_earlier_version_is_told_so():
    story = drafting()
    old = gate_of(story).id
    changes(story).done("draft", {"title": "WAL 2"})
    opened(story, "editorial")
    answered(story, "editorial", RAVI, gate=old).then(DecisionRefused, Refusal.GATE_SUPERSEDED)


def test_a_click_while_the_next_draft_is_being_written_is_told_that_changes_were_asked_for():
    story = changes(drafting())
    answered(story, "editorial", LENA).then(DecisionRefused, Refusal.ALREADY_DECIDED)


def test_changes_can_be_asked_for_as_often_as_the_author_says():
    story = drafting()
    for n in (2, 3):
        changes(story).then(*BACK)
        opened(story.done("draft", {"title": f"WAL {n}"}), "editorial")
    assert gate_of(story).terms.rounds_left == 0
    changes(story).then(DecisionRefused, Refusal.ROUNDS_USED_UP)
    answered(story, "editorial", RAVI).then(*THROUGH)


def test_each_round_of_a_step_has_a_number_of_its_own_and_attempts_go_on_counting():
    story = changes(drafting())
    story.done("draft", {"title": "WAL 2"})
    assert (round_of(story, "draft"), story.run.steps["draft"].attempt) == (2, 2)
    assert (round_of(story, "editorial"), round_of(story, "publish")) == (2, 1)


def test_changes_before_the_quorum_void_the_votes_that_were_there():
    story = drafting(quorum=2)
    answered(story, "editorial", LENA).then(DecisionMade)
    changes(story).then(*BACK)
    opened(story.done("draft", POST), "editorial").then(GateOpened, ClockTurned)
    answered(story, "editorial", LENA).then(DecisionMade)
    assert gate_of(story).state is GateState.OPEN


def test_the_same_draft_again_is_asked_about_again_after_changes_were_wished_for():
    story = changes(drafting()).done("draft", POST)
    opened(story, "editorial").then(GateOpened, ClockTurned)


def test_changes_edit_nothing():
    story = drafting(edit=("title",))
    changes(story, **edit(story, "editorial", title="x")).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)


def test_an_operator_may_ask_for_changes_in_the_place_of_the_approvers():
    story = drafting()
    story.when(Decide("editorial", OPERATOR, "changes", override="nobody is there"), override=True).then(*BACK)


# What runs beside it -------------------------------------------------------------------------------------------------


def test_a_branch_that_runs_on_the_old_draft_is_reset_and_its_late_report_is_ignored():
    story = drafting(step("check", "http", ["draft"]))
    story.given(Claim("check"))
    changes(story).then(DecisionMade, GateClosed, StepsReset, StepReady)
    late = story.place("check")
    assert story.statuses()["check"] == "pending"
    story.when(ReportSuccess(late, Content("old"))).then(ReportIgnored, Refusal.ATTEMPT_STALE)
    story.done("draft", {"title": "WAL 2"}).given(Claim("check"))
    story.when(ReportSuccess(late, Content("old"))).then(ReportIgnored, Refusal.ATTEMPT_STALE)
    assert (story.run.steps["check"].attempt, round_of(story, "check")) == (2, 2)


def test_a_branch_that_waits_is_reset_as_well():
    story = drafting(step("ask", "workflow", ["draft"]), step("news", "wait", ["draft"], spec={"event": "cms"}))
    story.given(Claim("ask"), AwaitChild(story.place("ask"), "child1"))
    story.given(Claim("news"), AwaitEvent(story.place("news"), "cms"))
    changes(story)
    assert (story.statuses()["ask"], story.statuses()["news"]) == ("pending", "pending")
    assert (story.run.steps["ask"].child, story.run.steps["news"].event) == (None, "")


def test_what_does_not_depend_on_the_draft_goes_on():
    story = drafting(step("other", "http")).given(Claim("other"))
    changes(story)
    story.when(ReportSuccess(story.place("other"), Content(1))).then(StepSucceeded)


def test_an_approval_of_something_that_stays_the_same_is_kept_through_a_round():
    legal = review("legal", ("claims",), approvers=("@legal",))
    story = drafting(step("claims", "model", ["draft"]), legal)
    opened(story.done("claims", ["fast"]), "legal")
    answered(story, "legal", LENA, groups=("@legal",))
    changes(story).done("draft", {"title": "WAL 2"})
    opened(story.done("claims", ["fast"]), "legal").then(ApprovalKept, StepSucceeded)
    assert story.run.steps["legal"].output.value["by"] == "U0LENA"
    assert gate_of(story, "legal").version == 1


def test_an_approval_of_something_that_changed_is_asked_for_again():
    legal = review("legal", ("claims",), approvers=("@legal",))
    story = drafting(step("claims", "model", ["draft"]), legal)
    opened(story.done("claims", ["fast"]), "legal")
    answered(story, "legal", LENA, groups=("@legal",))
    changes(story).done("draft", {"title": "WAL 2"})
    opened(story.done("claims", ["fast", "free"]), "legal").then(GateOpened)
    assert gate_of(story, "legal").version == 2


def test_a_second_gate_that_is_open_on_the_old_draft_is_superseded():
    story = drafting(review("legal", ("draft",), approvers=("@legal",)))
    opened(story, "legal")
    changes(story).then(DecisionMade, GateClosed, GateClosed, StepsReset, StepReady, ClockTurned)
    assert gate_of(story, "legal").state is GateState.SUPERSEDED
    answered(story, "legal", LENA, groups=("@legal",)).then(DecisionRefused, Refusal.GATE_SUPERSEDED)


def test_two_gates_that_send_back_the_same_step_have_rounds_of_their_own():
    legal = review("legal", ("draft", "editorial"), approvers=("@legal",), changes=Changes("draft", rounds=1))
    story = drafting(legal)
    changes(story)
    opened(story.done("draft", {"title": "2"}), "editorial")
    answered(story, "editorial", RAVI)
    opened(story, "legal")
    assert gate_of(story, "legal").terms.rounds_left == 1
    answered(story, "legal", LENA, "changes", ("@legal",), comment="not so")
    assert story.run.steps["draft"].review.round == 3, "the rounds of a step never go back"
    opened(story.done("draft", {"title": "3"}), "editorial")
    assert gate_of(story).terms.rounds_left == 1, "another gate's rounds do not count here"


# Effects -------------------------------------------------------------------------------------------------------------


def posting(effect: str = "once", **more: Any) -> Story:
    """A draft that was sent somewhere before it is reviewed."""
    made = plan(
        step("draft", "model"), step("preview", "http", ["draft"], effect=effect, **more), review(changes=CHANGES)
    )
    return opened(Story(made).done("draft", POST), "editorial")


def test_changes_that_would_repeat_an_effect_unseen_must_be_confirmed():
    story = posting().done("preview", "url")
    changes(story).then(Refusal.ONCE_WOULD_REPEAT)
    changes(story, confirmed=True).then(*BACK)


def test_changes_repeat_an_idempotent_effect_without_asking():
    changes(posting("idempotent").done("preview", "url")).then(*BACK)


def test_an_effect_that_is_under_way_counts_as_one_that_happened():
    story = posting().given(Claim("preview"))
    changes(story).then(Refusal.ONCE_WOULD_REPEAT)


def test_an_effect_of_which_nobody_knows_counts_as_one_that_happened():
    story = posting().given(Claim("preview"))
    unclear = Failure("http_timeout", "no answer", maybe_happened=True)
    story.when(ReportFailure(story.place("preview"), unclear)).then(StepUnknown, ClockTurned)
    changes(story).then(Refusal.ONCE_WOULD_REPEAT)


def test_an_effect_that_has_not_begun_is_not_asked_about():
    changes(posting()).then(DecisionMade, GateClosed, StepsReset, StepReady)


# Policies ------------------------------------------------------------------------------------------------------------


def with_policy(*more: Any, **policy: Any) -> Story:
    auto = [{"verdict": "changes", "when": "${{ steps.draft.output.claims > 2 }}", "comment": "too many"}]
    with_ = {"question": "Publish?", "show": "${{ steps.draft.output }}", "auto": auto}
    made = plan(step("draft", "model"), review(with_=with_, changes=CHANGES, **policy), *more)
    return Story(made)


def test_a_policy_asks_for_changes_by_itself_until_its_rounds_are_used_up():
    story = with_policy()
    for n in (1, 2):
        opened(story.done("draft", {"claims": 9}), "editorial").then(PolicyDecided, StepsReset, StepReady)
        assert round_of(story, "draft") == n + 1
        assert (story.run.steps["draft"].review.by, story.run.steps["draft"].review.comment) == ("engine", "too many")
    opened(story.done("draft", {"claims": 9}), "editorial").then(GateOpened, ClockTurned)


def test_a_policy_does_not_repeat_an_effect_unseen_people_are_asked():
    made = with_policy().plan
    made = plan(made.steps[0], step("preview", "http", ["draft"], effect="once"), made.steps[1])
    story = Story(made).done("draft", {"claims": 9}).done("preview", "url")
    opened(story, "editorial").then(GateOpened, ClockTurned)


# Blocks --------------------------------------------------------------------------------------------------------------


def test_a_step_in_a_block_is_sent_back_from_outside_and_the_block_goes_on_with_it():
    made = plan(
        block("prepare"),
        step("prepare.draft", "model"),
        step("prepare.links", "model"),
        review(after=("prepare",), changes=Changes("prepare.draft")),
    )
    story = Story(made).done("prepare.draft", "one").done("prepare.links", [])
    opened(story, "editorial")
    changes(story).then(DecisionMade, GateClosed, BlockReopened, StepsReset, StepReady, ClockTurned)
    assert story.statuses() == {
        "prepare": "running",
        "prepare.draft": "ready",
        "prepare.links": "succeeded",
        "editorial": "pending",
    }
    story.done("prepare.draft", "two")
    assert story.run.steps["prepare"].output == Content({"draft": "two", "links": []})
    opened(story, "editorial").then(GateOpened, ClockTurned)


def in_items(rerun: str) -> Story:
    made = plan(
        step("draft", "model"),
        block("checks", ["draft"], each="${{ steps.draft.output }}", as_="claim"),
        step("checks.verify", "model", with_="${{ claim }}"),
        review("checks.dispute", ("checks.verify",), with_={"question": "Keep?"}, changes=Changes(rerun)),
    )
    return Story(made).done("draft", ["a", "b"])


def test_a_gate_of_an_item_sends_back_only_its_own_item():
    story = in_items("checks.verify").done("checks.verify[1]", 1).done("checks.verify[2]", 2)
    opened(opened(story, "checks.dispute[1]"), "checks.dispute[2]")
    changes(story, "checks.dispute[1]").then(*BACK)
    assert story.statuses(("checks.verify[1]", "checks.verify[2]", "checks.dispute[2]")) == {
        "checks.verify[1]": "ready",
        "checks.verify[2]": "succeeded",
        "checks.dispute[2]": "waiting",
    }
    assert gate_of(story, "checks.dispute[2]").state is GateState.OPEN
    opened(story.done("checks.verify[1]", 3), "checks.dispute[1]")
    answered(story, "checks.dispute[1]", RAVI)
    answered(story, "checks.dispute[2]", RAVI)
    assert story.run.status is RunStatus.SUCCEEDED


def test_a_gate_of_an_item_may_send_back_what_the_whole_list_came_from():
    story = in_items("draft").done("checks.verify[1]", 1)
    opened(story, "checks.dispute[1]")
    changes(story, "checks.dispute[1]", comment="start over").then(DecisionMade, GateClosed, StepsReset, StepReady)
    late = story.place("checks.verify")
    story.done("draft", ["c"])
    assert [type(event) for event in story.answer.events] == [StepSucceeded, BlockEntered, ItemBegun, StepReady]
    assert story.statuses(("checks.verify[1]", "checks.verify[2]")) == {
        "checks.verify[1]": "ready",
        "checks.verify[2]": "skipped",
    }
    assert round_of(story, "checks.verify[1]") == 2, (
        "another round: the service behind it must not take it for the first"
    )
    assert late.attempt == 1
    opened(story.done("checks.verify[1]", 1), "checks.dispute[1]")
    assert gate_of(story, "checks.dispute[1]").version == 2
    answered(story, "checks.dispute[1]", RAVI)
    assert story.run.status is RunStatus.SUCCEEDED
    assert story.run.steps["checks"].output.value == [{"verify": 1, "dispute": gate_output(story)}]


def gate_output(story: Story) -> Any:
    return story.run.steps["checks.dispute[1]"].output.value
