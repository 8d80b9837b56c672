"""Gates: who may decide, and what a set of decisions amounts to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from engine.rules.commands import Decide, Refusal
from store.model import Content, Decision, Facts, Gate, GateState, Json, Millis, Run, Verdict

FACTS_AGE_MAX_MS = 60_000  # what Slack said about a person may be this old when the decision is committed


def refusal(run: Run, gate: Gate | None, command: Decide, facts: Facts, now: Millis) -> Refusal | None:
    """The first reason why this person's answer does not count; None when it does."""
    state = _state_refusal(gate, command, now)
    if state is not None:
        return state
    assert gate is not None
    if command.actor.kind == "operator":
        return _override_refusal(command, facts) or _answer_refusal(gate, command, facts)
    person = _person_refusal(run, gate, command, facts, now)
    if person is not None:
        return person
    return _answer_refusal(gate, command, facts)


def _answer_refusal(gate: Gate, command: Decide, facts: Facts) -> Refusal | None:
    """Why this answer is none that the gate takes."""
    if command.verdict not in offered(gate):
        rounds = command.verdict == "changes" and gate.terms.rounds_max > 0
        return Refusal.ROUNDS_USED_UP if rounds else Refusal.ANSWER_NOT_OFFERED
    if command.verdict == "choose" and command.choice not in {one.value for one in gate.terms.choices}:
        return Refusal.CHOICE_UNKNOWN
    if command.digest and command.digest != gate.digest:
        return Refusal.CONTENT_CHANGED
    if command.edits is not None and not _may_edit(gate, command, facts):
        return Refusal.EDIT_NOT_ALLOWED
    if facts.problems or (command.verdict == "answer" and command.content is None):
        return Refusal.CONTENT_INVALID
    own = latest(gate.decisions).get(command.actor.id)
    same = own is not None and (own.verdict, own.choice) == (command.verdict, command.choice)
    if own is not None and same and own.digest == gate.digest and command.edits is None:
        return Refusal.ALREADY_DECIDED
    return None


def _may_edit(gate: Gate, command: Decide, facts: Facts) -> bool:
    """Whether nothing else was changed than what an approver may change, and said to have changed."""
    if command.verdict != "approve" or command.content is None or not command.content_digest:
        return False
    before, after = value(gate.shown, facts), value(command.content, facts)
    if not isinstance(before, dict) or not isinstance(after, dict):
        return False
    fields = {name for name in before.keys() | after.keys() if _text(before, name) != _text(after, name)}
    return fields <= set(command.edits) <= set(gate.terms.edit)


def _text(values: dict[str, Json], name: str) -> str | None:
    return json.dumps(values[name], sort_keys=True) if name in values else None


def value(content: Content, facts: Facts) -> Json:
    """The content itself, wherever it is held."""
    return content.value if content.hash is None else facts.content[content.hash]


def offered(gate: Gate) -> tuple[Verdict, ...]:
    """The answers that people may give at this gate."""
    if gate.terms.form is not None:
        return ("answer",)
    if gate.terms.choices:
        return ("choose",)
    return ("approve", "reject", "changes") if gate.terms.rounds_left > 0 else ("approve", "reject")


def _state_refusal(gate: Gate | None, command: Decide, now: Millis) -> Refusal | None:
    if gate is None:
        return Refusal.GATE_NOT_OPEN
    if command.gate and command.gate != gate.id:
        return Refusal.GATE_SUPERSEDED
    match gate.state:
        case GateState.APPROVED | GateState.REJECTED | GateState.ANSWERED | GateState.RETURNED:
            return Refusal.ALREADY_DECIDED
        case GateState.EXPIRED:
            return Refusal.GATE_EXPIRED
        case GateState.SUPERSEDED:
            return Refusal.GATE_SUPERSEDED
        case GateState.WITHDRAWN:
            return Refusal.GATE_NOT_OPEN
        case GateState.OPEN:
            return Refusal.GATE_EXPIRED if now >= gate.expires_at else None


def _override_refusal(command: Decide, facts: Facts) -> Refusal | None:
    if not facts.override_allowed:
        return Refusal.OVERRIDE_NOT_ALLOWED
    return None if command.override.strip() else Refusal.OVERRIDE_NEEDS_REASON


def _person_refusal(run: Run, gate: Gate, command: Decide, facts: Facts, now: Millis) -> Refusal | None:
    person = facts.person
    if person is None or person.id != command.actor.id:
        return Refusal.ACTOR_UNKNOWN
    if abs(now - person.fetched_at) > FACTS_AGE_MAX_MS:
        return Refusal.FACTS_TOO_OLD
    if not person.member:
        return Refusal.ACTOR_NOT_MEMBER
    if run.requester.id == person.id and not gate.requester_may_decide:
        return Refusal.ACTOR_IS_REQUESTER
    if not set(gate.approvers) & set(person.matches):
        return Refusal.ACTOR_NOT_APPROVER
    called_in = gate.escalated and set(gate.terms.escalate_to) & set(person.matches)
    if gate.terms.among and not called_in and not set(gate.terms.among) & set(person.matches):
        return Refusal.ACTOR_NOT_AMONG
    return None


def latest(decisions: tuple[Decision, ...]) -> dict[str, Decision]:
    """Each person's last word, in the order in which they first spoke."""
    return {decision.actor.id: decision for decision in decisions}


def tally(gate: Gate, decisions: tuple[Decision, ...], digest: str) -> GateState:
    """What the answers so far amount to.

    One no closes the gate, one wish for changes returns it. It opens the way when as many distinct people as needed
    agree on what has this digest: a vote for what has been edited since no longer counts.
    """
    last = latest(decisions).values()
    if any(one.verdict == "reject" for one in last):
        return GateState.REJECTED
    if any(one.verdict == "changes" for one in last):
        return GateState.RETURNED
    votes = [one for one in last if one.digest == digest]
    if any(one.verdict == "answer" for one in votes):
        return GateState.ANSWERED
    for choice in {one.choice for one in votes}:
        if _agreed(gate, [one for one in votes if one.choice == choice]):
            return GateState.ANSWERED if gate.terms.choices else GateState.APPROVED
    return GateState.OPEN


def _agreed(gate: Gate, votes: Sequence[Decision]) -> bool:
    """Whether these votes for one and the same are enough."""
    if any(one.override for one in votes):
        return True
    if gate.terms.seats:
        return not empty_seats(gate, votes)
    return len(votes) >= gate.quorum


def empty_seats(gate: Gate, votes: Sequence[Decision]) -> int:
    """How many seats are still free when everybody who agreed takes one: nobody sits in two groups at once.

    Those who were called in when nobody answered in time may take any seat.
    """
    called_in = gate.terms.escalate_to if gate.escalated else ()
    seats = [(*group.approvers, *called_in) for group in gate.terms.seats for _ in range(group.quorum)]
    taken: dict[int, int] = {}  # seat -> voter

    def sit(voter: int, tried: set[int]) -> bool:
        for seat, approvers in enumerate(seats):
            if seat in tried or not set(approvers) & set(votes[voter].matches):
                continue
            tried.add(seat)
            if seat not in taken or sit(taken[seat], tried):
                taken[seat] = voter
                return True
        return False

    for voter in range(len(votes)):
        sit(voter, set())
    return len(seats) - len(taken)


def still_holds(gate: Gate, digest: str) -> bool:
    """Whether what people approved or chose at this gate stands for what is to be decided on."""
    answered = gate.state is GateState.APPROVED or (gate.state is GateState.ANSWERED and gate.terms.choices != ())
    return answered and gate.digest == digest


Answered = Literal["approved", "rejected", "expired", "chosen", "answered"]


def output(verdict: Answered, content: Json, decisions: Sequence[Decision], now: Millis) -> Json:
    """What later steps see of a gate: the last of the decisions is the one that closed it."""
    decision = decisions[-1] if decisions else None
    return {
        "verdict": verdict,
        "choice": decision.choice or None if decision else None,
        "content": content,
        "comment": decision.comment if decision else "",
        "by": decision.actor.id if decision else None,
        "at": rfc3339(decision.at if decision else now),
    }


def rfc3339(at: Millis) -> str:
    """The moment as RFC 3339 text in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
