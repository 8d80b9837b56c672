"""Gates, story by story: who may decide, what may be answered, and what their answers amount to."""

from __future__ import annotations

from typing import Any

import pytest

from engine.faults import ActivityFault
from engine.rules.commands import Cancel, Decide, Pause, Refusal, Tick
from engine.rules.gates import FACTS_AGE_MAX_MS
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
    PolicyDecided,
    RunEnding,
    RunFinished,
    StepCancelled,
    StepReady,
    StepsReset,
    StepSucceeded,
)
from store.model import Actor, Changes, Choice, Content, GateState, Person, RunStatus, Seats
from tests.support.engines import MINA, OPERATOR, RAVI, gate, plan, step
from tests.support.story import Story
from tests.support.voting import KIRA, LENA, OMAR, answered, edit, opened, review

HOUR = 3_600_000
POST = {"title": "WAL", "body": "It is fast."}
THROUGH = (DecisionMade, GateClosed, StepSucceeded, StepReady, ClockTurned)


def asking(**policy: Any) -> Story:
    """A run whose gate shows a post, with a step behind it."""
    policy.setdefault("with_", {"question": "Publish it?", "show": POST})
    return opened(Story(plan(gate("review", **policy), step("publish", after=["review"]))), "review")


def output(story: Story, key: str = "review") -> Any:
    return story.run.steps[key].output.value


def the_gate(story: Story, key: str = "review") -> Any:
    return story.run.steps[key].gate


# Votes ---------------------------------------------------------------------------------------------------------------


def test_a_vote_changed_before_the_quorum_counts_as_it_is_last():
    story = asking(quorum=2, choices=(Choice("a"), Choice("b")))
    answered(story, "review", RAVI, "choose", choice="a").then(DecisionMade)
    answered(story, "review", LENA, "choose", choice="b").then(DecisionMade)
    answered(story, "review", RAVI, "choose", choice="b").then(*THROUGH)
    assert (output(story)["verdict"], output(story)["choice"]) == ("chosen", "b")
    assert the_gate(story).state is GateState.ANSWERED


def test_a_person_who_votes_twice_for_the_same_is_told_so_and_counts_once():
    story = asking(quorum=2)
    answered(story, "review", RAVI).then(DecisionMade)
    answered(story, "review", RAVI).then(DecisionRefused, Refusal.ALREADY_DECIDED)
    assert the_gate(story).state is GateState.OPEN


def test_split_votes_leave_the_gate_open_until_one_choice_has_its_quorum():
    story = asking(quorum=2, choices=(Choice("a"), Choice("b"), Choice("c")))
    for who, choice in ((RAVI, "a"), (LENA, "b"), (OMAR, "c")):
        answered(story, "review", who, "choose", choice=choice).then(DecisionMade)
    answered(story, "review", KIRA, "choose", choice="c").then(*THROUGH)
    assert output(story)["choice"] == "c"


def test_a_choice_that_is_not_offered_is_refused():
    story = asking(choices=(Choice("a"), Choice("b")))
    answered(story, "review", RAVI, "choose", choice="z").then(DecisionRefused, Refusal.CHOICE_UNKNOWN)
    answered(story, "review", RAVI, "choose").then(DecisionRefused, Refusal.CHOICE_UNKNOWN)


def test_where_choices_are_offered_nobody_approves():
    story = asking(choices=(Choice("a"), Choice("b")))
    answered(story, "review", RAVI, "approve").then(DecisionRefused, Refusal.ANSWER_NOT_OFFERED)


def test_where_yes_and_no_are_offered_nobody_chooses_or_asks_for_changes():
    story = asking()
    answered(story, "review", RAVI, "choose", choice="a").then(DecisionRefused, Refusal.ANSWER_NOT_OFFERED)
    answered(story, "review", RAVI, "changes").then(DecisionRefused, Refusal.ANSWER_NOT_OFFERED)


def test_one_no_closes_the_gate_whatever_the_others_said():
    story = asking(quorum=3)
    answered(story, "review", RAVI).then(DecisionMade)
    answered(story, "review", LENA).then(DecisionMade)
    answered(story, "review", OMAR, "reject", comment="not true")
    assert story.run.status is RunStatus.REJECTED
    assert story.run.reason == "Omar rejected G-42: not true"


# Several groups ------------------------------------------------------------------------------------------------------

BOTH = (Seats(("@editors",)), Seats(("@legal",)))


def test_each_of_several_groups_must_agree():
    story = asking(approvers=("@editors", "@legal"), all_of=BOTH)
    answered(story, "review", RAVI, groups=("@editors",)).then(DecisionMade)
    answered(story, "review", OMAR, groups=("@editors",)).then(DecisionMade)
    answered(story, "review", LENA, groups=("@legal",)).then(*THROUGH)


def test_one_person_in_both_groups_does_not_sit_twice():
    story = asking(approvers=("@editors", "@legal"), all_of=BOTH)
    answered(story, "review", RAVI, groups=("@editors", "@legal")).then(DecisionMade)
    answered(story, "review", LENA, groups=("@editors",)).then(*THROUGH)


def test_two_people_in_both_groups_fill_both_in_any_order():
    story = asking(approvers=("@editors", "@legal"), all_of=BOTH)
    answered(story, "review", RAVI, groups=("@editors", "@legal")).then(DecisionMade)
    answered(story, "review", LENA, groups=("@editors", "@legal")).then(*THROUGH)


def test_a_person_gives_way_to_one_who_can_only_sit_in_that_seat():
    seats = (Seats(("@editors",)), Seats(("@legal",)), Seats(("@brand",)))
    story = asking(approvers=("@editors", "@legal", "@brand"), all_of=seats)
    answered(story, "review", RAVI, groups=("@editors", "@legal")).then(DecisionMade)
    answered(story, "review", LENA, groups=("@legal", "@brand")).then(DecisionMade)
    answered(story, "review", OMAR, groups=("@editors",)).then(*THROUGH)


def test_a_group_with_a_quorum_needs_that_many_people():
    story = asking(approvers=("@editors", "@legal"), all_of=(Seats(("@editors",), 2), Seats(("@legal",))))
    answered(story, "review", RAVI, groups=("@editors", "@legal")).then(DecisionMade)
    answered(story, "review", LENA, groups=("@legal",)).then(DecisionMade)
    answered(story, "review", OMAR, groups=("@editors",)).then(*THROUGH)


def test_a_choice_of_several_groups_needs_all_of_them_for_the_same():
    choices = (Choice("a"), Choice("b"))
    story = asking(approvers=("@editors", "@legal"), all_of=BOTH, choices=choices)
    answered(story, "review", RAVI, "choose", ("@editors",), choice="a").then(DecisionMade)
    answered(story, "review", LENA, "choose", ("@legal",), choice="b").then(DecisionMade)
    answered(story, "review", OMAR, "choose", ("@editors",), choice="b").then(*THROUGH)
    assert output(story)["choice"] == "b"


def test_who_is_called_in_may_take_any_seat():
    policy = {"due_ms": HOUR, "escalate_after_due_ms": 0, "escalate_to": ("@leads",)}
    story = asking(approvers=("@editors", "@legal"), all_of=BOTH, **policy)
    answered(story, "review", RAVI, groups=("@editors",)).then(DecisionMade)
    story.when(Tick(), after=HOUR).then(GateOverdue, GateEscalated)
    answered(story, "review", KIRA, groups=("@leads",)).then(*THROUGH)


# Who may decide ------------------------------------------------------------------------------------------------------


def by_data(story_inputs: Any, **policy: Any) -> Story:
    with_ = {"question": "Publish it?", "show": POST, "approvers": "${{ inputs.reviewers }}"}
    made = plan(gate("review", approvers=(), among=("@editors",), with_=with_, **policy), step("end", after=["review"]))
    return Story(made, {"reviewers": story_inputs})


def test_approvers_from_data_must_belong_to_the_list_among_which_they_are():
    story = opened(by_data(["U0RAVI", "U0OMAR"]), "review")
    answered(story, "review", OMAR, groups=("U0OMAR",)).then(DecisionRefused, Refusal.ACTOR_NOT_AMONG)
    answered(story, "review", LENA, groups=("@editors",)).then(DecisionRefused, Refusal.ACTOR_NOT_APPROVER)
    answered(story, "review", RAVI, groups=("U0RAVI", "@editors")).then(*THROUGH)


def test_one_approver_from_data_may_come_as_a_text():
    story = opened(by_data("U0RAVI"), "review")
    assert the_gate(story).approvers == ("U0RAVI",)


def test_data_that_names_nobody_opens_no_gate():
    for nobody in ([], "", [""], [3], None, {"id": "U0RAVI"}):
        with pytest.raises(ActivityFault, match="names nobody"):
            opened(by_data(nobody), "review")


def test_who_is_called_in_need_not_be_among_those_that_data_may_name():
    story = opened(by_data("U0RAVI", due_ms=HOUR, escalate_after_due_ms=HOUR, escalate_to=("@leads",)), "review")
    answered(story, "review", KIRA, groups=("@leads",)).then(DecisionRefused, Refusal.ACTOR_NOT_APPROVER)
    story.when(Tick(), after=2 * HOUR).then(GateOverdue, GateEscalated)
    answered(story, "review", KIRA, groups=("@leads",)).then(*THROUGH)


def test_the_requester_may_not_decide_even_when_called_in():
    story = asking(due_ms=HOUR, escalate_after_due_ms=0, escalate_to=("U0MINA",))
    story.given(Tick()).when(Tick(), after=HOUR).then(GateOverdue, GateEscalated)
    answered(story, "review", MINA, groups=("U0MINA",)).then(DecisionRefused, Refusal.ACTOR_IS_REQUESTER)


def test_a_reason_for_an_override_gives_a_person_no_more_than_a_vote():
    story = asking(quorum=2)
    answered(story, "review", RAVI, override="because I say so").then(DecisionMade)
    assert the_gate(story).state is GateState.OPEN
    assert the_gate(story).decisions[0].override == ""


def test_an_override_chooses_and_rejects_as_well():
    story = asking(quorum=2, choices=(Choice("a"), Choice("b")))
    answered(story, "review", OPERATOR, "choose", override=True, choice="b").then(
        DecisionRefused, Refusal.OVERRIDE_NEEDS_REASON
    )
    story.when(Decide("review", OPERATOR, "choose", choice="b", override="all are ill"), override=True).then(*THROUGH)
    assert output(story)["choice"] == "b"
    story = asking(quorum=2).when(Decide("review", OPERATOR, "reject", override="stop it"), override=True)
    assert story.run.status is RunStatus.REJECTED


def test_an_override_answers_only_what_is_offered():
    story = asking()
    story.when(Decide("review", OPERATOR, "choose", choice="b", override="why not"), override=True)
    story.then(DecisionRefused, Refusal.ANSWER_NOT_OFFERED)


def test_a_trigger_or_the_engine_itself_decides_nothing():
    story = asking()
    story.when(Decide("review", Actor("trigger", "cms"), "approve")).then(DecisionRefused, Refusal.ACTOR_UNKNOWN)
    story.when(Decide("review", Actor("engine", "engine"), "approve")).then(DecisionRefused, Refusal.ACTOR_UNKNOWN)


def test_facts_from_the_future_are_as_bad_as_old_ones():
    story = asking()
    soon = Person("U0RAVI", "Ravi", True, ("@editors",), story.now + FACTS_AGE_MAX_MS + 1)
    story.when(Decide("review", RAVI, "approve"), person=soon).then(Refusal.FACTS_TOO_OLD)


def test_who_left_the_group_after_voting_has_voted():
    story = asking(quorum=2)
    answered(story, "review", RAVI).then(DecisionMade)
    answered(story, "review", RAVI, "reject", groups=()).then(DecisionRefused, Refusal.ACTOR_NOT_APPROVER)
    answered(story, "review", LENA).then(*THROUGH)


def test_a_decision_says_by_which_of_the_references_it_counted():
    story = asking(approvers=("@editors", "@legal"), all_of=BOTH)
    answered(story, "review", RAVI, groups=("@editors", "@staff", "U0RAVI"))
    assert story.last(DecisionMade).matches == ("@editors",)


# Editing -------------------------------------------------------------------------------------------------------------


def editing(**policy: Any) -> Story:
    return asking(edit=("title", "body"), **policy)


def test_an_edit_closes_the_gate_when_one_is_enough_and_later_steps_see_the_edited_content():
    story = editing()
    answered(story, "review", RAVI, **edit(story, "review", title="WAL in production")).then(*THROUGH)
    assert output(story)["content"] == POST | {"title": "WAL in production"}
    assert story.last(DecisionMade).edits == {"title": ["WAL", "WAL in production"]}
    assert the_gate(story).digest == story.last(DecisionMade).edited_digest != story.last(DecisionMade).digest


def test_an_edit_makes_earlier_votes_fall():
    story = editing(quorum=2)
    answered(story, "review", RAVI).then(DecisionMade)
    answered(story, "review", LENA, **edit(story, "review", body="It is durable.")).then(DecisionMade)
    assert the_gate(story).state is GateState.OPEN
    answered(story, "review", RAVI).then(*THROUGH)
    assert output(story)["content"]["body"] == "It is durable."


def test_who_edits_again_approves_what_stands_there_at_last():
    story = editing(quorum=2)
    answered(story, "review", RAVI, **edit(story, "review", title="A")).then(DecisionMade)
    answered(story, "review", RAVI, **edit(story, "review", title="B")).then(DecisionMade)
    answered(story, "review", LENA).then(*THROUGH)
    assert output(story)["content"]["title"] == "B"


def test_an_approval_of_what_was_shown_before_an_edit_does_not_count_for_the_edit():
    story = editing(quorum=2)
    seen = the_gate(story).digest
    answered(story, "review", RAVI, **edit(story, "review", title="Something else")).then(DecisionMade)
    answered(story, "review", LENA, digest=seen).then(DecisionRefused, Refusal.CONTENT_CHANGED)
    assert the_gate(story).state is GateState.OPEN
    answered(story, "review", LENA, digest=the_gate(story).digest).then(*THROUGH)


def test_two_edits_of_the_same_version_do_not_overwrite_each_other():
    story = editing(quorum=3)
    seen = the_gate(story).digest
    mine = edit(story, "review", body="Mine.")
    answered(story, "review", RAVI, **edit(story, "review", title="Yours")).then(DecisionMade)
    answered(story, "review", LENA, digest=seen, **mine).then(DecisionRefused, Refusal.CONTENT_CHANGED)
    assert the_gate(story).shown.value == POST | {"title": "Yours"}


def test_only_the_fields_that_are_offered_may_be_edited():
    story = asking(edit=("title",))
    answered(story, "review", RAVI, **edit(story, "review", body="New.")).then(
        DecisionRefused, Refusal.EDIT_NOT_ALLOWED
    )
    assert the_gate(story).shown.value == POST


def test_nothing_is_edited_beside_what_the_edit_speaks_of():
    story = editing()
    quiet = edit(story, "review", title="A") | {"content": Content(POST | {"title": "A", "body": "B"})}
    answered(story, "review", RAVI, **quiet).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)
    added = edit(story, "review", title="A") | {"content": Content(POST | {"title": "A", "price": 0})}
    answered(story, "review", RAVI, **added).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)


def test_an_edit_without_its_content_or_digest_is_none():
    story = editing()
    whole = edit(story, "review", title="A")
    for missing in ({"content": None}, {"content_digest": ""}):
        answered(story, "review", RAVI, **whole | missing).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)


def test_a_rejection_edits_nothing():
    story = editing()
    answered(story, "review", RAVI, "reject", **edit(story, "review", title="A")).then(
        DecisionRefused, Refusal.EDIT_NOT_ALLOWED
    )


def test_what_is_no_object_cannot_be_edited():
    story = asking(edit=("title",), with_={"question": "Publish?", "show": "a text"})
    odd = {"content": Content("another text"), "content_digest": "d", "edits": {"title": ["a", "b"]}}
    answered(story, "review", RAVI, **odd).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)


def test_an_edit_that_does_not_fit_its_schema_is_refused_before_it_counts():
    story = editing()
    answered(story, "review", RAVI, problems=("title is too long",), **edit(story, "review", title="A" * 500)).then(
        DecisionRefused, Refusal.CONTENT_INVALID
    )
    assert the_gate(story).shown.value == POST
    assert the_gate(story).decisions == ()


# Forms ---------------------------------------------------------------------------------------------------------------

FORM = {"type": "object", "properties": {"price": {"type": "number"}}}


def test_a_form_is_answered_with_data():
    story = asking(form=FORM)
    answered(story, "review", RAVI, "answer", content=Content({"price": 3})).then(*THROUGH)
    assert (output(story)["verdict"], output(story)["content"]) == ("answered", {"price": 3})
    assert output(story)["by"] == "U0RAVI"


def test_a_form_with_data_of_the_wrong_shape_is_refused_and_the_attempt_is_kept():
    story = asking(form=FORM)
    bad = {"content": Content({"price": "cheap"}), "problems": ("price: 'cheap' is not a number",)}
    answered(story, "review", RAVI, "answer", **bad).then(DecisionRefused, Refusal.CONTENT_INVALID)
    assert story.last(DecisionRefused).refusal == "content_invalid"
    answered(story, "review", RAVI, "answer", content=Content({"price": 3})).then(*THROUGH)


def test_an_empty_answer_is_not_what_was_shown():
    story = asking(form=FORM)
    answered(story, "review", RAVI, "answer").then(DecisionRefused, Refusal.CONTENT_INVALID)


def test_a_form_is_not_approved():
    story = asking(form=FORM)
    answered(story, "review", RAVI, "approve").then(DecisionRefused, Refusal.ANSWER_NOT_OFFERED)


# Policies ------------------------------------------------------------------------------------------------------------


def auto(*policies: Any, **policy: Any) -> Story:
    with_ = {"question": "Publish?", "show": {"n": "${{ inputs.n }}"}, "auto": list(policies)}
    made = plan(gate("review", with_=with_, **policy), step("publish", after=["review"]))
    return Story(made, {"n": 3})


def when(verdict: str, condition: str, comment: str = "") -> dict[str, str]:
    return {"verdict": verdict, "when": f"${{{{ {condition} }}}}", "comment": comment}


def test_a_policy_approves_without_asking_anybody_and_says_so():
    story = opened(auto(when("approve", "inputs.n < 5", "small")), "review")
    story.then(PolicyDecided, StepSucceeded, StepReady)
    assert output(story) | {"at": ""} == {
        "verdict": "approved",
        "choice": None,
        "content": {"n": 3},
        "comment": "small",
        "by": "engine",
        "at": "",
    }
    assert story.run.steps["review"].gate is None


def test_a_policy_rejects_and_the_run_tells_why():
    story = opened(auto(when("reject", "inputs.n > 2", "too many")), "review")
    story.then(PolicyDecided, StepSucceeded, RunEnding, StepCancelled, RunFinished)
    assert story.run.status is RunStatus.REJECTED
    assert story.run.reason == "the workflow's own policy rejected review: too many"


def test_the_first_policy_that_holds_decides():
    story = opened(auto(when("reject", "inputs.n > 9"), when("approve", "true"), when("reject", "true")), "review")
    assert output(story)["verdict"] == "approved"


def test_where_no_policy_holds_people_are_asked():
    opened(auto(when("approve", "inputs.n > 9"), when("reject", "1 + 1")), "review").then(GateOpened, ClockTurned)


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


# What a decision is bound to -----------------------------------------------------------------------------------------


def test_a_decision_is_bound_to_everything_that_was_asked():
    def digest(**policy: Any) -> str:
        return the_gate(asking(**policy)).digest

    base = digest()
    assert digest() == base
    assert digest(due_ms=HOUR) == base, "how long people have is no part of what they decide"
    others = [
        digest(with_={"question": "Publish it!", "show": POST}),
        digest(with_={"question": "Publish it?", "show": POST | {"title": "x"}}),
        digest(approvers=("@legal",)),
        digest(quorum=2),
        digest(requester_may_decide=True),
        digest(all_of=BOTH),
        digest(choices=(Choice("a"), Choice("b"))),
        digest(form=FORM),
    ]
    assert len({base, *others}) == 1 + len(others)


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
