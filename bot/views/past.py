"""What messages tell of a run's past: earlier gates, policies, pauses, settlements, endings, and who cancelled it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from engine.rules.gate_changes import decision_of
from store.events import (
    ApprovalKept,
    BlockReopened,
    CancelRequested,
    DecisionMade,
    Event,
    GateClosed,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
    InputsChanged,
    PolicyDecided,
    RunFinished,
    RunPaused,
    RunReopened,
    RunResumed,
    StepSettled,
    StepsReset,
    VersionChanged,
)
from store.model import Actor, Failure, Gate, GateState, Millis, RunStatus, StepKey

TOLD: tuple[type[Event], ...] = (
    ApprovalKept,
    BlockReopened,
    CancelRequested,
    DecisionMade,
    GateClosed,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
    InputsChanged,
    PolicyDecided,
    RunFinished,
    RunPaused,
    RunReopened,
    RunResumed,
    StepSettled,
    StepsReset,
    VersionChanged,
)
KINDS = tuple(kind.__name__ for kind in TOLD)
"""The events that tell something of this; the rest of a history need not be read for it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One time that a run stood still on purpose; `resumed_at` is None as long as it does."""

    at: Millis
    actor: Actor
    reason: str
    resumed_at: Millis | None = None
    resumed_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """One time that a run ended, and who let it go on afterwards."""

    at: Millis
    status: RunStatus
    error: Failure | None = None
    reason: str = ""
    reopened_at: Millis | None = None
    reopened_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """One time that a run was let go on after its end, and what became of its approvals. Gates by their ids."""

    at: Millis
    actor: Actor
    reason: str = ""
    newer: bool = False  # by another version of the workflow
    changed: tuple[str, ...] = ()  # inputs
    redone: tuple[StepKey, ...] = ()
    untouched: tuple[str, ...] = ()  # approved before, and nothing of them is done again
    kept: tuple[str, ...] = ()  # looked at again, and what was shown is the same
    asked: tuple[str, ...] = ()  # opened anew, as something else is shown than what was approved
    anew: tuple[str, ...] = ()  # opened anew, as somebody wanted it asked again


@dataclass(frozen=True, slots=True)
class Past:
    """What the rows no longer say, gathered from a run's history."""

    gates: Mapping[str, tuple[StepKey, Gate]] = field(default_factory=dict)  # by gate id
    replaced: Mapping[str, str] = field(default_factory=dict)  # why a gate was, by its id
    policies: tuple[PolicyDecided, ...] = ()
    pauses: tuple[Pause, ...] = ()
    endings: tuple[Ending, ...] = ()
    settlements: Mapping[tuple[StepKey, int], StepSettled] = field(default_factory=dict)  # by step and attempt
    cancelled_by: Actor | None = None
    agains: tuple[Again, ...] = ()

    @property
    def reopened(self) -> tuple[Ending, ...]:
        """The endings after which the run went on."""
        return tuple(one for one in self.endings if one.reopened_at is not None)


NO_PAST = Past()

_OfGate = DecisionMade | GateOverdue | GateReminded | GateEscalated | GateClosed


def past(events: Iterable[Event]) -> Past:
    """The past that these events tell, in order."""
    told = _Telling()
    for event in events:
        told.hear(event)
    return Past(
        told.gates,
        told.replaced,
        tuple(told.policies),
        tuple(told.pauses),
        tuple(told.endings),
        told.settlements,
        told.cancelled_by,
        tuple(told.agains),
    )


class _Telling:
    """A past while it is gathered."""

    def __init__(self) -> None:
        self.gates: dict[str, tuple[StepKey, Gate]] = {}
        self.replaced: dict[str, str] = {}
        self.policies: list[PolicyDecided] = []
        self.pauses: list[Pause] = []
        self.endings: list[Ending] = []
        self.settlements: dict[tuple[StepKey, int], StepSettled] = {}
        self.cancelled_by: Actor | None = None
        self.agains: list[Again] = []
        self._standing: dict[StepKey, str] = {}
        self._void: list[str] = []  # gates that were closed because of what comes next

    def hear(self, event: Event) -> None:
        match event:
            case GateOpened(place=place, id=gate_id):
                self._asked_again(place.key, gate_id)
                self.gates[gate_id] = (place.key, _opened(event))
                self._standing[place.key] = gate_id
            case DecisionMade() | GateOverdue() | GateReminded() | GateEscalated() | GateClosed():
                self._of_gate(event)
            case StepsReset(reason=reason):
                self._done_again((*event.steps, *event.resumed))
                self.replaced |= dict.fromkeys(self._void, reason)
                self._void.clear()
            case PolicyDecided():
                self.policies.append(event)
            case RunPaused(at=at, actor=actor, reason=reason):
                self.pauses.append(Pause(at, actor, reason))
            case RunResumed(at=at, actor=actor) if self.pauses:
                self.pauses[-1] = replace(self.pauses[-1], resumed_at=at, resumed_by=actor)
            case RunFinished(at=at, status=status, error=error, reason=reason):
                self.endings.append(Ending(at, status, error, reason))
            case RunReopened(at=at, actor=actor) if self.endings:
                self.endings[-1] = replace(self.endings[-1], reopened_at=at, reopened_by=actor)
                self.cancelled_by = None
                approved = tuple(one for one in self._standing.values() if self._is_approved(one))
                self.agains.append(Again(at, actor, event.reason, untouched=approved))
            case BlockReopened(place=place):
                self._done_again((place.key,))
            case VersionChanged() if self.agains:
                self.agains[-1] = replace(self.agains[-1], newer=True)
            case InputsChanged(names=names) if self.agains:
                self.agains[-1] = replace(self.agains[-1], changed=names)
            case ApprovalKept(gate=gate_id) if self.agains:
                self.agains[-1] = replace(self.agains[-1], kept=(*self.agains[-1].kept, gate_id))
            case StepSettled(place=place):
                self.settlements[place.key, place.attempt] = event
            case CancelRequested(actor=actor):
                self.cancelled_by = actor
            case _:
                pass

    def _done_again(self, steps: tuple[StepKey, ...]) -> None:
        """What the latest retry repeats: nothing that is repeated after something of it has begun."""
        again = self.agains[-1] if self.agains else None
        if again is None or again.kept or again.asked or again.anew:
            return
        held = {self._standing.get(key) for key in steps}
        untouched = tuple(one for one in again.untouched if one not in held)
        self.agains[-1] = replace(again, redone=tuple(dict.fromkeys((*again.redone, *steps))), untouched=untouched)

    def _asked_again(self, key: StepKey, gate_id: str) -> None:
        before = self._standing.get(key)
        if not self.agains or before is None or key not in self.agains[-1].redone:
            return
        again = self.agains[-1]
        if self._is_approved(before):
            self.agains[-1] = replace(again, asked=(*again.asked, gate_id))
        elif self.gates[before][1].state is GateState.SUPERSEDED:
            self.agains[-1] = replace(again, anew=(*again.anew, gate_id))

    def _is_approved(self, gate_id: str) -> bool:
        return self.gates[gate_id][1].state in (GateState.APPROVED, GateState.ANSWERED)

    def _of_gate(self, event: _OfGate) -> None:
        gate_id = self._standing.get(event.place.key)
        if gate_id is None:
            return  # its opening was erased
        self.gates[gate_id] = (event.place.key, _after(self.gates[gate_id][1], event))
        if isinstance(event, GateClosed) and event.state is GateState.SUPERSEDED:
            self._void.append(gate_id)


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
        terms=event.terms,
    )


def _after(gate: Gate, event: _OfGate) -> Gate:
    match event:
        case DecisionMade():
            decisions = (*gate.decisions, decision_of(event))
            if event.edited is None:
                return replace(gate, decisions=decisions)
            return replace(gate, decisions=decisions, shown=event.edited, digest=event.edited_digest)
        case GateOverdue():
            return replace(gate, overdue=True)
        case GateReminded():
            return replace(gate, reminded=gate.reminded + 1)
        case GateEscalated(approvers=more):
            return replace(gate, escalated=True, approvers=tuple(dict.fromkeys((*gate.approvers, *more))))
        case GateClosed(at=at, state=state):
            return replace(gate, state=state, closed_at=at)
