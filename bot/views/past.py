"""What messages tell of a run's past: earlier gates, pauses, settlements, and who cancelled it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from store.events import (
    CancelRequested,
    DecisionMade,
    Event,
    GateClosed,
    GateOpened,
    GateOverdue,
    RunPaused,
    RunResumed,
    StepSettled,
)
from store.model import Actor, Decision, Gate, GateState, Millis, StepKey


@dataclass(frozen=True, slots=True)
class Pause:
    """One time that a run stood still on purpose; `resumed_at` is None as long as it does."""

    at: Millis
    actor: Actor
    reason: str
    resumed_at: Millis | None = None
    resumed_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What the rows no longer say, gathered from a run's history."""

    gates: Mapping[str, tuple[StepKey, Gate]] = field(default_factory=dict)  # by gate id
    pauses: tuple[Pause, ...] = ()
    settlements: Mapping[tuple[StepKey, int], StepSettled] = field(default_factory=dict)  # by step and attempt
    cancelled_by: Actor | None = None


NO_PAST = Past()


def past(events: Iterable[Event]) -> Past:
    """The past that these events tell, in order."""
    gates: dict[str, tuple[StepKey, Gate]] = {}
    open_gates: dict[StepKey, str] = {}
    pauses: list[Pause] = []
    settlements: dict[tuple[StepKey, int], StepSettled] = {}
    cancelled_by: Actor | None = None
    for event in events:
        match event:
            case GateOpened(place=place, id=gate_id):
                gates[gate_id] = (place.key, _opened(event))
                open_gates[place.key] = gate_id
            case DecisionMade() | GateOverdue() | GateClosed():
                gate_id = open_gates[event.place.key]
                gates[gate_id] = (event.place.key, _after(gates[gate_id][1], event))
            case RunPaused(at=at, actor=actor, reason=reason):
                pauses.append(Pause(at, actor, reason))
            case RunResumed(at=at, actor=actor):
                pauses[-1] = replace(pauses[-1], resumed_at=at, resumed_by=actor)
            case StepSettled(place=place):
                settlements[place.key, place.attempt] = event
            case CancelRequested(actor=actor):
                cancelled_by = actor
            case _:
                pass
    return Past(gates, tuple(pauses), settlements, cancelled_by)


def _opened(event: GateOpened) -> Gate:
    return Gate(
        id=event.id,
        number=event.number,
        version=event.version,
        state=GateState.OPEN,
        question=event.question,
        shown=event.shown,
        card=event.card,
        digest=event.digest,
        approvers=event.approvers,
        quorum=event.quorum,
        requester_may_decide=event.requester_may_decide,
        opened_at=event.at,
        due_at=event.due_at,
        expires_at=event.expires_at,
    )


def _after(gate: Gate, event: DecisionMade | GateOverdue | GateClosed) -> Gate:
    match event:
        case DecisionMade():
            decision = Decision(
                event.actor, event.verdict, event.at, event.digest, event.comment, event.surface, event.override
            )
            return replace(gate, decisions=(*gate.decisions, decision))
        case GateOverdue():
            return replace(gate, overdue=True)
        case GateClosed(at=at, state=state):
            return replace(gate, state=state, closed_at=at)
