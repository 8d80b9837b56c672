"""Laws of deciding: whoever says whatever at a gate, it opens only for those who may, and for what they saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.opening import bound
from engine.rules.commands import Decide, Tick
from store.events import DecisionMade, Event, GateEscalated, PolicyDecided
from store.model import Actor, Choice, Content, Decision, Gate, GatePlan, GateState, Person, Seats
from tests.support.engines import MINA, RAVI, gate, plan, step
from tests.support.story import Story
from tests.support.voting import KIRA, LENA, OMAR, edit, opened

GROUPS = ("@editors", "@legal", "@leads", "@staff")
PEOPLE = (LENA, OMAR, KIRA, RAVI, MINA)
POST = {"title": "WAL", "body": "It is fast."}
OPENED = (GateState.APPROVED, GateState.ANSWERED)
CHOICES = (Choice("a"), Choice("b"))


@st.composite
def policies(draw: st.DrawFn) -> GatePlan:
    groups = st.lists(st.sampled_from(GROUPS[:3]), min_size=1, max_size=3, unique=True).map(tuple)
    seats = draw(st.lists(st.builds(Seats, groups, st.integers(1, 2)), max_size=2).map(tuple))
    approvers = tuple(dict.fromkeys(one for group in seats for one in group.approvers)) or draw(groups)
    return GatePlan(
        approvers,
        quorum=draw(st.sampled_from([2, 1, 3])),
        all_of=seats,
        requester_may_decide=draw(st.booleans()),
        among=draw(st.sampled_from([(), ("@staff",)])),
        choices=draw(st.sampled_from([(), (), CHOICES])),
        edit=draw(st.sampled_from([("title",), ("title", "body"), ()])),
        due_ms=10,
        escalate_after_due_ms=10,
        escalate_to=draw(st.sampled_from([(), ("@leads",)])),
        expires_ms=10_000,
    )


@dataclass
class Meeting:
    """People at one gate, and what the world says about each of them when they speak."""

    story: Story
    said: list[tuple[DecisionMade, Person | None]] = field(default_factory=list)

    def speaks(self, draw: st.DrawFn, who: Actor, groups: tuple[str, ...], member: bool = True) -> None:
        usual = "choose" if self.policy.choices else "approve"
        verdict = draw(st.sampled_from([usual] * 16 + ["approve", "choose", "reject", "changes", "answer"]))
        more: dict[str, Any] = (
            {"choice": draw(st.sampled_from(["a", "b", "a", "b", "a", "b", "", "z"]))} if verdict == "choose" else {}
        )
        if verdict != "choose" and draw(st.integers(0, 2)) == 0:
            field_ = draw(st.sampled_from([*self.policy.edit * 3, "title", "body"]))
            more |= edit(self.story, "review", **{field_: draw(st.sampled_from(["x", "y"]))})
        more["override"] = draw(st.sampled_from(["", "", "because"]))
        more["digest"] = draw(st.sampled_from([""] * 8 + [self.gate.digest, "stale"]))
        person = Person(who.id, who.name, member, groups, 0)
        self.story.when(Decide("review", who, verdict, **more), person=person)
        self.said += [(event, person) for event in self.story.answer.events if isinstance(event, DecisionMade)]

    @property
    def gate(self) -> Gate:
        assert self.story.run is not None
        found = self.story.run.steps["review"].gate
        assert found is not None
        return found

    @property
    def policy(self) -> GatePlan:
        found = self.story.plan.step("review").gate
        assert found is not None
        return found

    def called_in(self) -> tuple[str, ...]:
        escalated = any(isinstance(event, GateEscalated) for event in self.story.events)
        return self.policy.escalate_to if escalated else ()


def meeting(policy: GatePlan) -> Meeting:
    asked = gate("review", with_={"question": "Publish?", "show": POST})
    asked = type(asked)(**{name: getattr(asked, name) for name in asked.__slots__} | {"gate": policy})
    return Meeting(opened(Story(plan(asked, step("next", after=["review"]))), "review"))


def held(draw: st.DrawFn, table: Meeting) -> None:
    for _ in range(draw(st.integers(3, 9))):
        who = draw(st.sampled_from(PEOPLE))
        groups = tuple(draw(st.sets(st.sampled_from(GROUPS))))
        if draw(st.integers(0, 5)):
            groups = (*table.policy.approvers, "@staff")
        if draw(st.integers(0, 5)) == 0:
            table.story.when(Tick(), after=15)
        table.speaks(draw, who, groups, draw(st.integers(0, 15)) > 0)


def enough(table: Meeting, votes: list[Decision]) -> bool:
    """Whether these people are enough, found by trying every way in which they could sit down."""
    if not table.policy.all_of:
        return len({one.actor.id for one in votes}) >= table.policy.quorum
    seats = [{*group.approvers, *table.called_in()} for group in table.policy.all_of for _ in range(group.quorum)]
    if len(votes) < len(seats):
        return False
    tries = permutations(votes, len(seats))
    return any(all(seat & set(one.matches) for seat, one in zip(seats, way, strict=True)) for way in tries)


@given(st.data(), policies())
def test_a_gate_opens_exactly_when_enough_of_those_who_may_agree_on_what_stands_there(
    data: st.DataObject, policy: GatePlan
) -> None:
    table = meeting(policy)
    held(data.draw, table)
    gate_ = table.gate
    last = {one.actor.id: one for one in gate_.decisions}.values()
    agreed = [one for one in last if one.digest == gate_.digest and one.verdict in ("approve", "choose")]
    by_choice = {one.choice: [other for other in agreed if other.choice == one.choice] for one in agreed}
    if gate_.state in (GateState.OPEN, *OPENED):
        assert (gate_.state in OPENED) == any(enough(table, votes) for votes in by_choice.values())
    else:
        assert gate_.state is GateState.REJECTED
        assert [one for one in last if one.verdict == "reject"]


@given(st.data(), policies())
def test_whoever_is_counted_was_allowed_to_decide_when_they_did(data: st.DataObject, policy: GatePlan) -> None:
    table = meeting(policy)
    held(data.draw, table)
    for event, person in table.said:
        assert person is not None
        assert person.member
        assert person.id != MINA.id or policy.requester_may_decide
        assert set(person.matches) & {*policy.approvers, *policy.escalate_to}
        assert not policy.among or set(person.matches) & {*policy.among, *policy.escalate_to}
        assert event.override == ""
        assert set(event.matches) <= set(person.matches)


@given(st.data(), policies())
def test_what_is_passed_on_is_what_stood_there_when_they_agreed(data: st.DataObject, policy: GatePlan) -> None:
    table = meeting(policy)
    held(data.draw, table)
    gate_, run = table.gate, table.story.run
    assert run is not None
    assert gate_.digest == bound(policy, gate_.question, gate_.shown.value, policy.approvers) or table.called_in()
    changed = {name for name in POST if gate_.shown.value[name] != POST[name]}
    assert changed <= set(policy.edit)
    if gate_.state in OPENED:
        assert run.steps["review"].output is not None
        assert run.steps["review"].output.value["content"] == gate_.shown.value


@given(st.data(), policies())
def test_nobody_outside_opens_or_closes_a_gate_however_often_they_try(data: st.DataObject, policy: GatePlan) -> None:
    table = meeting(policy)
    before = table.gate
    for _ in range(6):
        groups = data.draw(st.sampled_from([(), ("@staff",), ("@guests",)]))
        table.speaks(data.draw, data.draw(st.sampled_from(PEOPLE)), groups)
    assert table.gate == before
    assert not [event for event in table.story.events if isinstance(event, (DecisionMade, PolicyDecided))]


@given(st.data(), policies())
def test_every_attempt_to_decide_is_in_the_history_unless_it_can_be_asked_again_at_once(
    data: st.DataObject, policy: GatePlan
) -> None:
    table = meeting(policy)
    for _ in range(5):
        seen = len(table.story.events)
        table.speaks(data.draw, data.draw(st.sampled_from(PEOPLE)), tuple(data.draw(st.sets(st.sampled_from(GROUPS)))))
        fresh: list[Event] = table.story.events[seen:]
        kinds = [type(event).__name__ for event in fresh]
        assert kinds[0] == ("DecisionMade" if table.story.answer.refusal is None else "DecisionRefused")


def test_the_slow_count_of_seats_knows_that_nobody_sits_twice() -> None:
    both = (Seats(("@editors",)), Seats(("@legal",)))
    table = meeting(GatePlan(("@editors", "@legal"), all_of=both))
    one = Decision(LENA, "approve", 0, "d", matches=("@editors", "@legal"))
    other = Decision(OMAR, "approve", 0, "d", matches=("@editors",))
    assert not enough(table, [one])
    assert enough(table, [one, other])
    assert Content(POST) == table.gate.shown
