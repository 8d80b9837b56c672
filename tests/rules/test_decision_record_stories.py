"""What the record says of gates and decisions, and the edges at which a wrong word would mislead who decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.rules.commands import Cancel, Claim, Decide, OpenGate, Policy, Refusal, Tick
from engine.rules.gates import output as told
from engine.rules.gates import rfc3339, still_holds
from store.events import (
    DecisionMade,
    DecisionRefused,
    GateClosed,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
    PolicyDecided,
    RunEnding,
    RunFinished,
    StepCancelled,
    StepFailed,
    StepSucceeded,
)
from store.model import (
    NO_TERMS,
    Actor,
    Changes,
    Choice,
    Content,
    Decision,
    GateState,
    Person,
    RunStatus,
    Seats,
    StepStatus,
)
from tests.support.engines import MINA, OPERATOR, RAVI, gate, plan, step
from tests.support.story import Story
from tests.support.voting import HOUR, LENA, OMAR, POST, THROUGH, answered, asking, edit, opened, output, the_gate

LEADS = {"escalate_after_due_ms": HOUR, "escalate_to": ("@leads",)}


def voice(who: Actor, *groups: str) -> Person:
    return Person(who.id, who.name, True, groups, 0)


def drafted(**policy: Any) -> Story:
    """A draft that people look at; they may ask for another."""
    with_ = {"question": "Publish it?", "show": "${{ steps.draft.output }}"}
    made = plan(
        step("draft"),
        gate("review", ("draft",), with_=with_, changes=Changes("draft", rounds=2), **policy),
        step("publish", after=["review"], effect="once"),
    )
    return opened(Story(made).done("draft", POST), "review")


# Opening -------------------------------------------------------------------------------------------------------------


def test_a_gate_that_would_open_while_the_run_ends_says_why_it_does_not():
    story = Story(plan(gate("review"))).given(Claim("review")).given(Cancel(MINA))
    story.given(story.opening("review"))
    assert story.run.steps["review"].reason == "the run is ending"


def test_who_may_ask_without_a_policy_for_the_gate_is_asked_as_carefully_as_possible():
    """One voice, and not the requester's own."""
    story = Story(plan(step("sign", "approval"), step("publish", after=["sign"]))).given(Claim("sign"))
    command = OpenGate(story.at("sign"), "Go on?", Content(POST), None, "d", ("@editors",), story.now + HOUR)
    story.when(command)
    told = story.last(GateOpened)
    assert (told.quorum, told.requester_may_decide) == (1, False)
    story.when(Tick(), after=HOUR - 1).then()
    answered(story, "sign", LENA, "reject")
    assert story.run.status is RunStatus.RUNNING, "a step without a policy ends no run"
    assert output(story, "sign")["verdict"] == "rejected"


def test_a_policy_of_the_workflow_is_told_with_what_it_was_shown():
    story = Story(plan(gate("review"), step("publish", after=["review"]))).given(Claim("review"))
    opening = story.opening("review", shown=POST, policy=Policy("approve", "small"))
    story.given(opening)
    assert story.last(PolicyDecided) == PolicyDecided(
        story.now, story.place("review"), "approve", "small", Content(POST), "digest1"
    )


@pytest.mark.parametrize(("left", "asked"), [(0, True), (1, False), (2, False)])
def test_a_policy_sends_back_as_long_as_a_round_is_left(left, asked):
    story = drafted()
    fresh = Story(story.plan).done("draft", POST).given(Claim("review"))
    terms = the_gate(story).terms
    opening = fresh.opening("review", policy=Policy("changes", "more"), terms=replace(terms, rounds_left=left))
    fresh.given(opening)
    assert (type(fresh.answer.events[0]) is GateOpened) is asked


def test_a_policy_sends_back_once_where_one_round_is_allowed():
    with_ = {"question": "?", "show": 1, "auto": [{"verdict": "changes", "when": "${{ true }}", "comment": "more"}]}
    made = plan(step("draft"), gate("review", ("draft",), with_=with_, changes=Changes("draft", rounds=1)))
    story = opened(Story(made).done("draft"), "review")
    assert story.run.steps["draft"].status is StepStatus.READY
    opened(story.done("draft"), "review")
    assert type(story.answer.events[0]) is GateOpened


def test_an_approval_that_still_holds_names_who_gave_the_last_voice():
    story = drafted(quorum=2)
    answered(story, "review", RAVI).then(DecisionMade)
    answered(story, "review", LENA, comment="good")
    assert (output(story)["by"], output(story)["comment"]) == ("U0LENA", "good")


# Deciding ------------------------------------------------------------------------------------------------------------


def test_a_decision_is_kept_with_where_it_was_made_and_by_which_groups_it_counted():
    story = asking(quorum=2)
    answered(story, "review", RAVI, comment="fine", surface="home", groups=("@editors", "@staff"))
    assert story.last(DecisionMade) == DecisionMade(
        at=story.now,
        place=story.place("review"),
        actor=RAVI,
        verdict="approve",
        digest=the_gate(story).digest,
        comment="fine",
        surface="home",
        matches=("@editors",),
    )


def test_a_refused_decision_is_kept_with_where_it_was_tried():
    story = asking()
    answered(story, "review", MINA, surface="card")
    assert story.last(DecisionRefused) == DecisionRefused(
        story.now, story.place("review"), MINA, "approve", "actor_is_requester", "card"
    )


def test_a_person_who_writes_a_reason_for_an_override_gives_a_voice_and_overrides_nothing():
    story = asking(quorum=2)
    hurried = Decide("review", RAVI, "approve", override="I am in a hurry")
    story.when(hurried, person=voice(RAVI, "@editors")).then(DecisionMade)
    assert story.last(DecisionMade).override == ""


def test_content_that_comes_without_edits_changes_nothing():
    """A surface that sends along what it showed must not put it in the place of what is decided on."""
    story = asking(edit=("title",))
    answered(story, "review", RAVI, content=Content({"title": "mine"}), content_digest="other").then(*THROUGH)
    assert output(story)["content"] == POST
    made = story.last(DecisionMade)
    assert (made.edited, made.edited_digest) == (None, "")


def test_what_would_be_repeated_is_named_for_who_must_confirm_it():
    story = drafted()
    with_ = {"question": "?", "show": 1}
    made = plan(
        step("draft"),
        step("send", "http", ["draft"], effect="once"),
        gate("review", ("send",), with_=with_, changes=Changes("draft", rounds=2)),
    )
    story = opened(Story(made).done("draft").done("send"), "review")
    answered(story, "review", RAVI, "changes").then(Refusal.ONCE_WOULD_REPEAT)
    assert story.answer.steps == ("send",)
    answered(story, "review", RAVI, "approve")
    assert story.run.status is RunStatus.SUCCEEDED, "whoever approves repeats nothing and need not confirm"


def test_who_may_not_decide_is_told_so_and_not_what_would_be_repeated():
    made = plan(
        step("draft"),
        step("send", "http", ["draft"], effect="once"),
        gate("review", ("send",), with_={"question": "?", "show": 1}, changes=Changes("draft", rounds=2)),
    )
    story = opened(Story(made).done("draft").done("send"), "review")
    answered(story, "review", OMAR, "changes", groups=()).then(DecisionRefused, Refusal.ACTOR_NOT_APPROVER)


def test_a_refusal_closes_no_gate_that_is_not_expired():
    story = asking(on_expiry="approve")
    answered(story, "review", MINA).then(DecisionRefused, Refusal.ACTOR_IS_REQUESTER)
    assert the_gate(story).state is GateState.OPEN


@pytest.mark.parametrize(
    ("who", "comment", "reason"),
    [
        (RAVI, "", "Ravi rejected G-42"),
        (RAVI, "dull", "Ravi rejected G-42: dull"),
        (Actor("person", "U0RAVI"), "", "U0RAVI rejected G-42"),
    ],
)
def test_a_rejected_run_says_who_rejected_it_and_why(who, comment, reason):
    story = answered(asking(), "review", who, "reject", comment=comment)
    assert story.run.reason == reason


# Expiry and the clock ------------------------------------------------------------------------------------------------


def test_a_gate_that_fails_when_nobody_decides_may_be_let_pass():
    story = asking(on_expiry="fail", on_failure="continue", expires_ms=HOUR).when(Tick(), after=HOUR)
    assert story.last(StepFailed).continued
    stops = asking(on_expiry="fail", expires_ms=HOUR).when(Tick(), after=HOUR)
    assert not stops.last(StepFailed).continued


def test_a_gate_that_nobody_decided_has_no_answer_and_says_so():
    story = asking(expires_ms=HOUR).when(Tick(), after=HOUR)
    assert story.last(GateClosed).state is GateState.EXPIRED
    assert output(story) == {
        "verdict": "expired",
        "choice": None,
        "content": POST,
        "comment": "",
        "by": None,
        "at": rfc3339(story.now),
    }
    assert story.run.reason == "Nobody decided G-42 in time"


def test_a_gate_is_not_overdue_before_it_is_due_and_others_are_called_in_once():
    story = asking(due_ms=HOUR, remind_before_due_ms=(HOUR // 2,), **LEADS)
    story.when(Tick(), after=HOUR // 2)
    assert not the_gate(story).overdue
    assert not the_gate(story).escalated
    story.when(Tick(), after=HOUR // 2).then(GateOverdue)
    story.when(Tick(), after=HOUR).then(GateEscalated)
    story.when(Tick()).then()


def test_a_gate_with_reminders_only_says_nothing_of_a_time_it_does_not_have():
    story = Story(plan(gate("review"))).given(Claim("review"))
    terms = replace(NO_TERMS, reminders=(story.now + 5, story.now + 9))
    story.given(story.opening("review", terms=terms))
    story.when(Tick(), after=5)
    assert [type(event).__name__ for event in story.answer.events] == ["GateReminded"]


def test_others_who_are_called_in_later_cannot_decide_before():
    story = asking(due_ms=HOUR, approvers=("@editors", "@leads"), among=("@editors",), **LEADS)
    answered(story, "review", OMAR, groups=("@leads",)).then(DecisionRefused, Refusal.ACTOR_NOT_AMONG)
    story.when(Tick(), after=2 * HOUR)
    answered(story, "review", LENA, groups=("U0LENA",)).then(DecisionRefused, Refusal.ACTOR_NOT_APPROVER)
    answered(story, "review", OMAR, groups=("@leads",)).then(*THROUGH)


# What counts ---------------------------------------------------------------------------------------------------------


def test_a_click_on_the_card_of_the_open_gate_counts():
    story = asking()
    answered(story, "review", RAVI, gate=the_gate(story).id).then(*THROUGH)


def test_changes_may_be_asked_for_where_they_are_offered_and_a_no_is_a_no_there():
    story = answered(drafted(), "review", RAVI, "reject")
    assert story.run.status is RunStatus.REJECTED


def test_only_who_asks_for_changes_is_told_that_the_rounds_are_used_up():
    story = drafted()
    answered(story, "review", RAVI, "choose", choice="a").then(DecisionRefused, Refusal.ANSWER_NOT_OFFERED)


def test_one_answer_to_a_form_is_enough_and_closes_it_as_answered():
    story = asking(form={"type": "object"}, quorum=2)
    answered(story, "review", RAVI, "answer", content=Content({"n": 1})).then(*THROUGH)
    assert the_gate(story).state is GateState.ANSWERED
    assert (output(story)["verdict"], output(story)["content"]) == ("answered", {"n": 1})


def test_an_override_is_enough_although_others_voted_before():
    story = asking(quorum=5)
    answered(story, "review", RAVI).then(DecisionMade)
    story.when(Decide("review", OPERATOR, "approve", override="all are ill"), override=True).then(*THROUGH)


def test_all_fields_that_may_be_edited_may_be_edited_at_once():
    story = asking(edit=("title", "body"))
    answered(story, "review", RAVI, **edit(story, "review", title="SQL", body="Slow.")).then(*THROUGH)
    assert output(story)["content"] == {"title": "SQL", "body": "Slow."}


def test_the_order_of_keys_inside_a_field_is_no_edit():
    shown = {"title": {"a": 1, "b": 2}, "body": "x"}
    story = asking(edit=("body",), with_={"question": "?", "show": shown})
    more = edit(story, "review", body="y")
    more["content"] = Content({"title": {"b": 2, "a": 1}, "body": "y"})
    answered(story, "review", RAVI, **more).then(*THROUGH)


@pytest.mark.parametrize(("shown", "edited"), [("text", {"title": "x"}), ({"title": "x"}, "text")])
def test_what_is_no_object_before_or_after_is_not_edited(shown, edited):
    story = asking(edit=("title",), with_={"question": "?", "show": shown})
    more = {"content": Content(edited), "content_digest": "d", "edits": {"title": [1, 2]}}
    answered(story, "review", RAVI, **more).then(DecisionRefused, Refusal.EDIT_NOT_ALLOWED)


def test_a_gate_whose_run_was_stopped_by_a_click_too_late_ends_all_at_once():
    story = asking(expires_ms=HOUR)
    answered(story, "review", RAVI, after=HOUR).then(
        DecisionRefused, GateClosed, StepSucceeded, RunEnding, StepCancelled, RunFinished, Refusal.GATE_EXPIRED
    )


def test_an_approval_of_choices_is_kept_only_when_a_choice_was_made():
    """A form's answer is given anew each time: what was written then is no answer to what is asked now."""
    story = asking(form={"type": "object"})
    answered(story, "review", RAVI, "answer", content=Content({"n": 1}))
    assert not still_holds(the_gate(story), the_gate(story).digest)
    chosen = asking(choices=(Choice("a"), Choice("b")))
    assert not still_holds(the_gate(chosen), the_gate(chosen).digest), "nobody has chosen yet"
    answered(chosen, "review", RAVI, "choose", choice="a")
    assert still_holds(the_gate(chosen), the_gate(chosen).digest)


def test_a_click_on_an_older_card_ends_no_gate_not_even_one_whose_time_is_up():
    """The clock does that, and tells everybody; who clicked is told that the card is an old one."""
    story = asking(expires_ms=HOUR)
    answered(story, "review", RAVI, gate="older", after=HOUR).then(DecisionRefused, Refusal.GATE_SUPERSEDED)
    assert the_gate(story).state is GateState.OPEN


def test_others_are_called_in_once_although_the_gate_reminds_again_later():
    story = asking(due_ms=HOUR, remind_after_due_ms=(2 * HOUR,), **LEADS)
    story.when(Tick(), after=2 * HOUR).then(GateOverdue, GateEscalated)
    story.when(Tick(), after=HOUR).then(GateReminded)


def test_calling_others_in_opens_the_gate_for_them_and_for_nobody_else():
    story = asking(due_ms=HOUR, approvers=("@editors", "@authors"), among=("@editors",), **LEADS)
    story.when(Tick(), after=2 * HOUR)
    answered(story, "review", LENA, groups=("@authors",)).then(DecisionRefused, Refusal.ACTOR_NOT_AMONG)


def test_who_may_be_called_in_takes_no_seat_of_another_group_before():
    seats = (Seats(("@leads",)), Seats(("@legal",)))
    story = asking(approvers=("@leads", "@legal"), all_of=seats, due_ms=HOUR, **LEADS)
    answered(story, "review", RAVI, groups=("@leads",)).then(DecisionMade)
    answered(story, "review", LENA, groups=("@leads",)).then(DecisionMade)
    story.when(Tick(), after=2 * HOUR)
    answered(story, "review", OMAR, groups=("@leads",)).then(*THROUGH)


def test_a_gate_among_the_last_steps_that_nobody_decided_says_so():
    made = plan(step("a"), gate("sign", phase="finally", expires_ms=HOUR))
    story = opened(Story(made).done("a"), "sign").when(Tick(), after=HOUR)
    assert output(story, "sign")["verdict"] == "expired"
    assert story.run.status is RunStatus.SUCCEEDED


def test_what_is_shown_at_a_gate_may_be_kept_outside_and_is_given_on_as_it_is():
    story = Story(plan(gate("review"), step("publish", after=["review"]))).given(Claim("review"))
    story.given(replace(story.opening("review"), shown=Content(None, "h", 9)))
    story.when(Decide("review", RAVI, "approve"), person=voice(RAVI, "@editors"), content={"h": POST})
    assert output(story)["content"] == POST


def test_an_approval_that_still_holds_says_when_it_was_given():
    given = Decision(RAVI, "approve", 1_000, "d", "fine")
    assert told("approved", POST, (given,), 9_000) == {
        "verdict": "approved",
        "choice": None,
        "content": POST,
        "comment": "fine",
        "by": "U0RAVI",
        "at": rfc3339(1_000),
    }


def test_one_no_among_several_who_agree_is_on_record_as_a_rejection():
    """Whoever reads the gate later must not find that it was approved."""
    story = asking(quorum=2)
    answered(story, "review", RAVI).then(DecisionMade)
    answered(story, "review", LENA, "reject")
    assert story.last(GateClosed).state is GateState.REJECTED
    assert story.run.status is RunStatus.REJECTED
