"""Gates: who may decide, and what a set of decisions amounts to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from engine.rules.commands import Decide, Refusal
from store.model import Decision, Facts, Gate, GateState, Json, Millis, Run

FACTS_AGE_MAX_MS = 60_000  # what Slack said about a person may be this old when the decision is committed


def refusal(run: Run, gate: Gate | None, command: Decide, facts: Facts, now: Millis) -> Refusal | None:
    """The first reason why this person's answer does not count; None when it does."""
    state = _state_refusal(gate, command, now)
    if state is not None:
        return state
    assert gate is not None
    if command.actor.kind == "operator":
        return _override_refusal(command, facts)
    person = _person_refusal(run, gate, command, facts, now)
    if person is not None:
        return person
    own = latest(gate.decisions).get(command.actor.id)
    if own is not None and own.verdict == command.verdict:
        return Refusal.ALREADY_DECIDED
    return None


def _state_refusal(gate: Gate | None, command: Decide, now: Millis) -> Refusal | None:
    if gate is None:
        return Refusal.GATE_NOT_OPEN
    if command.gate and command.gate != gate.id:
        return Refusal.GATE_SUPERSEDED
    match gate.state:
        case GateState.APPROVED | GateState.REJECTED:
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
    return None


def latest(decisions: tuple[Decision, ...]) -> dict[str, Decision]:
    """Each person's last word, in the order in which they first spoke."""
    return {decision.actor.id: decision for decision in decisions}


def tally(gate: Gate, decisions: tuple[Decision, ...]) -> GateState:
    """One no closes the gate; it opens the way when as many people as the quorum say yes."""
    last = latest(decisions)
    if any(decision.verdict == "reject" for decision in last.values()):
        return GateState.REJECTED
    if any(decision.override for decision in last.values()):
        return GateState.APPROVED  # an operator's override stands for the whole quorum
    return GateState.APPROVED if len(last) >= gate.quorum else GateState.OPEN


Answered = Literal["approved", "rejected", "expired"]


def output(verdict: Answered, content: Json, decision: Decision | None, now: Millis) -> Json:
    """What later steps see of a gate."""
    return {
        "verdict": verdict,
        "choice": None,
        "content": content,
        "comment": decision.comment if decision else "",
        "by": decision.actor.id if decision else None,
        "at": rfc3339(decision.at if decision else now),
    }


def rfc3339(at: Millis) -> str:
    """The moment as RFC 3339 text in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
