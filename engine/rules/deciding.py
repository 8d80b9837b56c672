"""Deciding: opening a gate, answering it, and what the clock does to it."""

from __future__ import annotations

from dataclasses import replace

from engine.rules import gates, redoing
from engine.rules.attempts import goes_on, may_go_on, stale
from engine.rules.commands import Answer, Decide, OpenGate, Refusal
from engine.rules.consequences import ending, gate_answered
from engine.rules.evolution import decision_of, fold
from engine.rules.winding_up import belongs
from store.events import (
    ApprovalKept,
    DecisionMade,
    DecisionRefused,
    Event,
    GateClosed,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
    PolicyDecided,
    StepCancelled,
    StepFailed,
)
from store.model import (
    ENGINE,
    Content,
    Decision,
    Facts,
    Failure,
    Gate,
    GateState,
    Millis,
    Plan,
    Review,
    Run,
    RunStatus,
    Step,
    StepKey,
    StepPlan,
)

_CLOSED: dict[str, GateState] = {
    "approve": GateState.APPROVED,
    "reject": GateState.REJECTED,
    "changes": GateState.RETURNED,
    "choose": GateState.ANSWERED,
    "answer": GateState.ANSWERED,
}


def open_gate(plan: Plan, run: Run, command: OpenGate, facts: Facts, now: Millis) -> Answer:
    place = command.place
    if stale(run, place):
        return Answer(refusal=Refusal.ATTEMPT_STALE)
    step, spec = run.steps[place.key], plan.step(place.step)
    if not may_go_on(plan, run, step):
        return Answer((StepCancelled(now, place, "the run is ending"),))
    last = step.gate
    if last is not None and gates.still_holds(last, command.digest):
        verdict, content = _WORDS[last.decisions[-1].verdict], gates.value(last.shown, facts)
        output = gates.output(verdict, content, last.decisions[-1:], now)
        return Answer((ApprovalKept(now, place, last.id, last.digest), gate_answered(step, output, now)))
    if belongs(plan, step):  # nothing is sent back any more
        command = replace(command, terms=replace(command.terms, rounds_left=0))
    if command.policy is not None:
        decided = _by_policy(plan, run, spec, step, command, facts, now)
        if decided:
            return Answer(decided)
    opened = GateOpened(
        at=now,
        place=place,
        id=facts.gate_id,
        number=last.number if last else facts.gate_number,
        version=last.version + 1 if last else 1,
        question=command.question,
        shown=command.shown,
        card=command.card,
        digest=command.digest,
        approvers=command.approvers,
        quorum=spec.gate.quorum if spec.gate else 1,
        requester_may_decide=spec.gate.requester_may_decide if spec.gate else False,
        due_at=command.due_at,
        expires_at=command.expires_at,
        terms=command.terms,
    )
    return Answer((opened,))


def _by_policy(
    plan: Plan, run: Run, spec: StepPlan, step: Step, command: OpenGate, facts: Facts, now: Millis
) -> tuple[Event, ...]:
    """What the workflow decides by itself; nothing when it asks for changes and may not: then people decide."""
    policy = command.policy
    assert policy is not None
    if policy.verdict == "changes" and not _may_send_back(plan, run, step, command):
        return ()
    made = PolicyDecided(now, command.place, policy.verdict, policy.comment, command.shown, command.digest)
    decision = Decision(ENGINE, policy.verdict, now, command.digest, policy.comment, "policy")
    return (made, *_follows(plan, run, spec, step, decision, command.shown, facts, now, "the workflow's own policy"))


def _may_send_back(plan: Plan, run: Run, step: Step, command: OpenGate) -> bool:
    """Whether a round is left, and nothing is repeated that must not be repeated unseen."""
    rounds = step.review.round - 1 if step.review else 0
    if command.terms.rounds_left <= 0 or rounds >= command.terms.rounds_max:
        return False
    return not redoing.repeated(plan, run, redoing.sent_back(plan, run, step))


def decide(plan: Plan, run: Run, command: Decide, facts: Facts, now: Millis) -> Answer:
    step = run.steps.get(command.step)
    if step is None:
        return Answer(refusal=Refusal.STEP_UNKNOWN_NAME)
    gate, spec = step.gate, plan.step(step.name)
    refusal = gates.refusal(run, gate, command, facts, now)
    if refusal is Refusal.FACTS_TOO_OLD:
        return Answer(refusal=refusal)  # asked again at once, with fresh facts
    repeated = _repeated(plan, run, spec, step, command) if refusal is None else ()
    if repeated:
        return Answer(refusal=Refusal.ONCE_WOULD_REPEAT, steps=repeated)  # asked again, knowing what it repeats
    if refusal is not None:
        note = DecisionRefused(now, step.place, command.actor, command.verdict, refusal.value, command.surface)
        late = expired(plan, run, step, facts, now) if refusal is Refusal.GATE_EXPIRED else ()
        return Answer((note, *late), refusal)
    assert gate is not None
    made = _made(gate, step, command, facts, now)
    decisions = (*gate.decisions, decision_of(made))
    state = gates.tally(gate, decisions, made.edited_digest or gate.digest)
    if state is GateState.OPEN:
        return Answer((made,))
    closed, after = GateClosed(now, step.place, state), fold(run, (made,))
    step = after.steps[step.key]
    assert step.gate is not None
    content = _answered_content(step.gate, command)
    follow = _follows(plan, fold(after, (closed,)), spec, step, decisions[-1], content, facts, now, gate.name)
    return Answer((made, closed, *follow))


def _repeated(plan: Plan, run: Run, spec: StepPlan, step: Step, command: Decide) -> tuple[StepKey, ...]:
    if command.verdict != "changes" or command.confirmed or spec.gate is None or spec.gate.changes is None:
        return ()
    return redoing.repeated(plan, run, redoing.sent_back(plan, run, step))


def _made(gate: Gate, step: Step, command: Decide, facts: Facts, now: Millis) -> DecisionMade:
    person, edited = facts.person, command.content if command.edits is not None else None
    known = {*gate.approvers, *gate.terms.among, *gate.terms.escalate_to}
    return DecisionMade(
        at=now,
        place=step.place,
        actor=command.actor,
        verdict=command.verdict,
        digest=gate.digest,
        comment=command.comment,
        surface=command.surface,
        override=command.override if command.actor.kind == "operator" else "",
        choice=command.choice,
        matches=tuple(one for one in person.matches if one in known) if person else (),
        edits=command.edits,
        edited=edited,
        edited_digest=command.content_digest if edited is not None else "",
    )


def _answered_content(gate: Gate, command: Decide) -> Content:
    return command.content if command.verdict == "answer" and command.content is not None else gate.shown


def _follows(
    plan: Plan,
    run: Run,
    spec: StepPlan,
    step: Step,
    decision: Decision,
    content: Content,
    facts: Facts,
    now: Millis,
    by: str,
) -> tuple[Event, ...]:
    """What a gate's answer means for the run."""
    if decision.verdict == "changes":
        return _another_round(plan, run, step, decision, content, now)
    verdict: gates.Answered = _WORDS[decision.verdict]
    answered = gate_answered(step, gates.output(verdict, gates.value(content, facts), (decision,), now), now)
    lets_go_on = spec.gate is None or spec.gate.on_reject == "continue" or belongs(plan, step)
    if decision.verdict != "reject" or lets_go_on:
        return (answered,)
    after = fold(run, (answered,))
    who = by if decision.actor is ENGINE else (decision.actor.name or decision.actor.id)
    reason = f"{who} rejected {by if decision.actor is not ENGINE else step.key}"
    reason += f": {decision.comment}" if decision.comment else ""
    return (answered, *ending(after, RunStatus.REJECTED, now, reason=reason))


_WORDS: dict[str, gates.Answered] = {
    "approve": "approved",
    "reject": "rejected",
    "choose": "chosen",
    "answer": "answered",
}


def _another_round(
    plan: Plan, run: Run, step: Step, decision: Decision, content: Content, now: Millis
) -> tuple[Event, ...]:
    again = redoing.sent_back(plan, run, step)
    review = Review(redoing.next_round(run, again), decision.comment, content, decision.actor.id)
    return tuple(redoing.back(plan, run, again, decision.actor, "changes were asked for", now, review=review))


# The clock -------------------------------------------------------------------------------------------------------


def expired(plan: Plan, run: Run, step: Step, facts: Facts, now: Millis) -> tuple[Event, ...]:
    """What becomes of a gate whose time is up; nothing while there is time."""
    gate, policy = step.gate, plan.step(step.name).gate
    if gate is None or policy is None or gate.state is not GateState.OPEN or now < gate.expires_at:
        return ()
    closed = GateClosed(now, step.place, GateState.EXPIRED)
    reason = f"Nobody decided {gate.name} in time"
    match policy.on_expiry:
        case "fail":
            error = Failure("gate_expired", f"{reason}.", hint="Run it again and ask the approvers to look in time.")
            return closed, StepFailed(now, step.place, error, goes_on(plan, plan.step(step.name)))
        case "approve":
            return closed, _expired_output(gate, step, "approved", facts, now)
        case "continue":
            return closed, _expired_output(gate, step, "expired", facts, now)
        case "reject" if belongs(plan, step):
            return closed, _expired_output(gate, step, "expired", facts, now)
        case "reject":
            answered = _expired_output(gate, step, "expired", facts, now)
            after = fold(run, (closed, answered))
            return closed, answered, *ending(after, RunStatus.REJECTED, now, reason=reason)


def _expired_output(gate: Gate, step: Step, verdict: gates.Answered, facts: Facts, now: Millis) -> Event:
    return gate_answered(step, gates.output(verdict, gates.value(gate.shown, facts), (), now), now)


def on_time(plan: Plan, run: Run, step: Step, facts: Facts, now: Millis) -> tuple[Event, ...]:
    """What the clock does to an open gate: it expires, or reminds, or is overdue, or asks others as well."""
    gate = step.gate
    assert gate is not None
    end = expired(plan, run, step, facts, now)
    if end:
        return end
    events: list[Event] = [GateReminded(now, step.place) for at in gate.terms.reminders[gate.reminded :] if at <= now]
    if gate.due_at is not None and gate.due_at <= now and not gate.overdue:
        events.append(GateOverdue(now, step.place))
    if gate.terms.escalate_at is not None and gate.terms.escalate_at <= now and not gate.escalated:
        events.append(GateEscalated(now, step.place, gate.terms.escalate_to))
    return tuple(events)
