"""Opening a gate: who is asked, until when, what they may answer, and what their answer is bound to.

The policy is as written; approvers may come from data, and a calendar makes the gate's clocks run in working hours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.faults import ActivityFault
from engine.rules.commands import Command, OpenGate, Policy
from store.canon import digest
from store.model import Content, Coordinates, Gate, GatePlan, GateState, GateTerms, Json, Millis, Step, StepPlan

After = Callable[[Millis, int], Millis]
"""The moment that lies so many milliseconds of working time after a moment; before it, when negative."""


def plainly(start: Millis, ms: int) -> Millis:
    """Every hour counts."""
    return start + ms


def opening(
    place: Coordinates, spec: StepPlan, value: Mapping[str, Json], step: Step, now: Millis, after: After = plainly
) -> Command:
    """The command that opens the gate. Raises ActivityFault when those who are to decide cannot be made out."""
    policy = spec.gate
    assert policy is not None
    question, shown, card = value.get("question") or "", value.get("show"), value.get("card")
    approvers = _approvers(policy, value)
    return OpenGate(
        place=place,
        question=question,
        shown=Content(shown),
        card=card,
        digest=bound(policy, question, shown, approvers),
        approvers=approvers,
        expires_at=after(now, policy.expires_ms),
        due_at=None if policy.due_ms is None else after(now, policy.due_ms),
        terms=_terms(policy, step, now, after),
        policy=_policy(value.get("auto")),
    )


def bound(policy: GatePlan, question: str, shown: Json, approvers: Sequence[str]) -> str:
    """What a decision is bound to: the digest of what is decided on, what is asked, and who must agree to it."""
    asked: dict[str, Any] = {"question": question, "shown": shown, "approvers": list(approvers)}
    strict = {
        "quorum": None if policy.quorum == 1 else policy.quorum,
        "all_of": [[list(seats.approvers), seats.quorum] for seats in policy.all_of],
        "among": list(policy.among),
        "requester_may_decide": policy.requester_may_decide,
        "form": policy.form,
        "choices": [one.value for one in policy.choices],
    }
    return digest(asked | {name: term for name, term in strict.items() if term})


def _approvers(policy: GatePlan, value: Mapping[str, Json]) -> tuple[str, ...]:
    if "approvers" not in value:
        return policy.approvers
    found = value["approvers"]
    listed = found if isinstance(found, list) else [found]
    if not listed or not all(isinstance(one, str) and one for one in listed):
        raise ActivityFault(
            "approvers_missing",
            "The data names nobody who may decide.",
            retryable=False,
            hint="`from` must give a person or group, or a list of them: U…, an e-mail address or @group.",
        )
    return tuple(dict.fromkeys(listed))


def _terms(policy: GatePlan, step: Step, now: Millis, after: After) -> GateTerms:
    due_at = None if policy.due_ms is None else after(now, policy.due_ms)
    rounds = policy.changes.rounds if policy.changes else 0
    moments = [] if due_at is None else _moments(policy, due_at, after)
    late = policy.escalate_after_due_ms
    return GateTerms(
        seats=policy.all_of,
        among=policy.among,
        form=policy.form,
        edit=policy.edit,
        shown=policy.shown,
        choices=policy.choices,
        rounds_max=rounds,
        rounds_left=max(0, rounds - _rounds_used(step.gate)),
        reminders=tuple(sorted(at for at in moments if at > now)),
        escalate_at=None if due_at is None or late is None else after(due_at, late),
        escalate_to=policy.escalate_to,
        digest_ms=policy.digest_ms,
    )


def _rounds_used(last: Gate | None) -> int:
    """How often people have asked for changes here."""
    if last is None:
        return 0
    return last.terms.rounds_max - last.terms.rounds_left + (last.state is GateState.RETURNED)


def _moments(policy: GatePlan, due_at: Millis, after: After) -> list[Millis]:
    before = [after(due_at, -ms) for ms in policy.remind_before_due_ms]
    return before + [after(due_at, ms) for ms in policy.remind_after_due_ms]


def _policy(auto: Json) -> Policy | None:
    """The first policy whose condition is met."""
    for one in auto or ():
        if one.get("when", True) is True:
            return Policy(one["verdict"], one.get("comment") or "")
    return None
