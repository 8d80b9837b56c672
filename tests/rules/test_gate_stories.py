"""Gates, story by story: who may decide, and what their answers amount to."""

from __future__ import annotations

from typing import Any

import pytest

from engine.faults import ActivityFault
from engine.rules.commands import Decide, Refusal, Tick
from engine.rules.gates import FACTS_AGE_MAX_MS
from store.events import (
    ClockTurned,
    DecisionMade,
    DecisionRefused,
    GateEscalated,
    GateOpened,
    GateOverdue,
    PolicyDecided,
    RunEnding,
    RunFinished,
    StepCancelled,
    StepReady,
    StepSucceeded,
)
from store.model import Actor, Choice, GateState, Person, RunStatus, Seats
from tests.support.engines import MINA, OPERATOR, RAVI, gate, plan, step
from tests.support.story import Story
from tests.support.voting import (
    HOUR,
    KIRA,
    LENA,
    OMAR,
    POST,
    THROUGH,
    answered,
    asking,
    opened,
    output,
    the_gate,
)

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
        digest(form={"type": "object"}),
    ]
    assert len({base, *others}) == 1 + len(others)
