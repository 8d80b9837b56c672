"""What events do to gates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.rules.draft import Draft
from store.events import (
    DecisionMade,
    GateClosed,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
)
from store.model import (
    Decision,
    Gate,
    GateState,
    StepKey,
    StepStatus,
)

# Gates -----------------------------------------------------------------------------------------------------------


def gate_opened(draft: Draft, event: GateOpened) -> None:
    gate = Gate(
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
    draft.change(event.place.key, status=StepStatus.WAITING, due_at=gate.next_timer_at, gate=gate)


def _on_gate(draft: Draft, key: StepKey, **changes: Any) -> None:
    step = draft.step(key)
    if step.gate is None:
        raise ValueError(f"{key} has no gate")
    gate = replace(step.gate, **changes)
    due_at = gate.next_timer_at if gate.state is GateState.OPEN else step.due_at
    draft.change(key, gate=gate, due_at=due_at)


def gate_overdue(draft: Draft, event: GateOverdue) -> None:
    _on_gate(draft, event.place.key, overdue=True)


def gate_reminded(draft: Draft, event: GateReminded) -> None:
    gate = draft.step(event.place.key).gate
    _on_gate(draft, event.place.key, reminded=0 if gate is None else gate.reminded + 1)


def gate_escalated(draft: Draft, event: GateEscalated) -> None:
    gate = draft.step(event.place.key).gate
    known = () if gate is None else gate.approvers
    more = tuple(one for one in event.approvers if one not in known)
    _on_gate(draft, event.place.key, escalated=True, approvers=known + more)


def gate_closed(draft: Draft, event: GateClosed) -> None:
    _on_gate(draft, event.place.key, state=event.state, closed_at=event.at)


def decided(draft: Draft, event: DecisionMade) -> None:
    gate = draft.step(event.place.key).gate
    if gate is None:
        raise ValueError(f"{event.place.key} has no gate")
    decision = decision_of(event)
    changes: dict[str, Any] = {"decisions": (*gate.decisions, decision)}
    if event.edited is not None:
        changes |= {"shown": event.edited, "digest": event.edited_digest}
    _on_gate(draft, event.place.key, **changes)


def decision_of(event: DecisionMade) -> Decision:
    """The decision that the event tells of; one about an edited content is bound to that content."""
    return Decision(
        event.actor,
        event.verdict,
        event.at,
        event.edited_digest or event.digest,
        event.comment,
        event.surface,
        event.override,
        event.choice,
        event.matches,
        event.edits,
    )
