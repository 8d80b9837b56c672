"""A gate in words: what is asked of whom, how far it is, what an answer will do, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.views.markup import clip, code, escape, link, one_line
from bot.views.run_words import in_words
from bot.views.scene import Scene, actor_markup, asked_markup, when
from bot.wording import EXPIRY_EFFECTS, EXPIRY_OUTCOMES, GATE_STATES, counted, listed, titled
from engine.rules import gates
from store.model import Actor, Decision, Gate, GatePlan, GateState, Json, Seats, StepKey, StepPlan

QUESTION_MAX = 600
COMMENT_MAX = 400
DIGEST_SHOWN = 8
ANSWERS_MAX = 12
ANSWER_MAX = 300


def gate_key(gate_id: str) -> str:
    """The key of the card's anchor."""
    return f"gate:{gate_id}"


def digest_key(digest_id: str) -> str:
    """The key of the anchor of a card that several gates share."""
    return f"digest:{digest_id}"


def card_address(scene: Scene, gate_id: str) -> str:
    """Where the card of a gate stands, its own or the one that it shares; empty while it stands nowhere."""
    shared = next((one for one in scene.digests if one.of(gate_id)), None)
    key = digest_key(shared.id) if shared is not None else gate_key(gate_id)
    return scene.links.get(key, "")


def short_digest(gate: Gate) -> str:
    return code(gate.digest[:DIGEST_SHOWN])


def policy_of(scene: Scene, key: StepKey) -> GatePlan:
    return scene.gate_plan(scene.run.steps[key].name)


def choice_label(gate: Gate, value: str) -> str:
    """A choice as its button says it."""
    chosen = next((one for one in gate.terms.choices if one.value == value), None)
    return (chosen.label if chosen else "") or titled(value)


def quoted(text: str) -> str:
    return f"“{escape(one_line(text), COMMENT_MAX)}”"


# While it is open. ----------------------------------------------------------------------------------------------------


def asking(scene: Scene, gate: Gate) -> str:
    """Who may decide, who asks, and whether those may be the same."""
    asked = asked_markup(scene, gate.approvers) or "Nobody"
    requester = actor_markup(scene.run.requester)
    if gate.state is not GateState.OPEN:
        return f"Asked of {asked} by {requester}."
    may = f"{asked} {may_do(gate)}{needed(scene, gate)}"
    if scene.run.requester.kind != "person":
        return f"{may}. Asked by {requester}."
    own = f"{may_do(gate)} too" if gate.requester_may_decide else "may not"
    return f"{may}. Asked by {requester}, who {own}."


def may_do(gate: Gate) -> str:
    """What those who are asked may do: decide, or answer what is asked for."""
    return "may answer" if gate.terms.form is not None else "may decide"


def needed(scene: Scene, gate: Gate) -> str:
    """`; 2 approvals are needed`, of whom; nothing when one is enough."""
    if gate.terms.seats:
        return f"; needed: {listed([_seat(scene, seats) for seats in gate.terms.seats])}"
    if gate.quorum == 1 or gate.terms.form is not None:
        return ""
    return f"; {gate.quorum} must agree" if gate.terms.choices else f"; {gate.quorum} approvals are needed"


def _seat(scene: Scene, seats: Seats) -> str:
    return f"{'one' if seats.quorum == 1 else seats.quorum} of {asked_markup(scene, seats.approvers)}"


def progress(scene: Scene, gate: Gate) -> str:
    """`1 of 2: @Ravi; still needed: one of @legal`, for gates that need several people."""
    if gate.quorum == 1 or gate.terms.form is not None:
        return ""
    word = "answers" if gate.terms.choices else "approvals"
    by = standing(gate)
    if not by:
        return f"*0 of {gate.quorum}* {word}"
    missing = _missing(scene, gate, by)
    return f"*{len(by)} of {gate.quorum}* {word}: {_votes(gate, by)}{f'; still needed: {missing}' if missing else ''}"


def standing(gate: Gate) -> list[Decision]:
    """Each person's answer as far as it counts: a vote for what has been edited since does not."""
    last = gates.latest(gate.decisions).values()
    return [one for one in last if one.verdict in ("approve", "choose") and one.digest == gate.digest]


def _votes(gate: Gate, by: Sequence[Decision]) -> str:
    if not gate.terms.choices:
        return people(by)
    return listed([f"{actor_markup(one.actor)} for {quoted(choice_label(gate, one.choice))}" for one in by[:10]])


def _missing(scene: Scene, gate: Gate, by: Sequence[Decision]) -> str:
    """The groups of which somebody is still needed."""
    if not gate.terms.seats or gate.terms.choices:
        return ""
    free = gates.empty_seats(gate, by)
    found = []
    for seats in gate.terms.seats:
        votes, count = list(by), 0
        while count < seats.quorum:
            votes.append(replace(by[0], matches=seats.approvers[:1]))
            if gates.empty_seats(gate, votes) >= free - count:
                break
            count += 1
        if count:
            found.append(_seat(scene, replace(seats, quorum=count)))
    return listed(found)


def rejecting(scene: Scene, key: StepKey) -> str:
    """What a rejection will do: `ends the run`."""
    return "ends the run" if policy_of(scene, key).on_reject == "end" else "lets the run go on, which then knows of it"


def effects(scene: Scene, key: StepKey, gate: Gate) -> str:
    """What either answer will do, and what no answer will do."""
    expiry = f"Without {_an_answer(gate)} by {when(gate.expires_at)} {expiry_effect(scene, key)}."
    goes_on = _goes_on(scene, key)
    if gate.terms.form is not None or gate.terms.choices:
        return f"Any answer {goes_on}. {expiry}"
    edit = " *Edit* approves what you make of it." if gate.terms.edit else ""
    again = f" *Request changes* has {bold_again(scene, key)} done again." if gate.terms.rounds_left > 0 else ""
    return f"*Approve* {goes_on}.{edit}{again} *Reject* {rejecting(scene, key)}. {expiry}"


def bold_again(scene: Scene, key: StepKey) -> str:
    """The step from which things are done again when changes are asked for."""
    changes = policy_of(scene, key).changes
    return escape(scene.step_title(changes.rerun), 100) if changes else "what came before"


def _an_answer(gate: Gate) -> str:
    return "an answer" if gate.terms.form is not None or gate.terms.choices else "a decision"


def _goes_on(scene: Scene, key: StepKey) -> str:
    name = scene.run.steps[key].name
    following = [scene.step_title(spec.name) for spec in scene.plan.steps if _needs(spec, name)]
    return f"goes on with {escape(listed(following[:3]), 200)}" if following else "lets the run go on"


def _needs(spec: StepPlan, name: str) -> bool:
    return any(edge.step == name for edge in spec.needs)


def expiry_effect(scene: Scene, key: StepKey) -> str:
    return EXPIRY_EFFECTS[policy_of(scene, key).on_expiry]


def round_line(scene: Scene, key: StepKey, gate: Gate) -> str:
    """`Round 2 …`, and what was asked for last time; nothing in the first."""
    review = scene.run.steps[key].review
    if review is None or gate.version < 2:
        return ""
    left = gate.terms.rounds_left
    more = f"changes may be asked for {counted(left, 'more time')}" if left else "no more changes may be asked for"
    asked_for = f" Asked for last time by {_by_id(review.by)}: {quoted(review.comment)}" if review.comment else ""
    return f"*Round {review.round}* of {gate.terms.rounds_max + 1}; {more}.{asked_for}"


def _by_id(user: str) -> str:
    return actor_markup(Actor("person", user, user))


# After the decision. --------------------------------------------------------------------------------------------------


def outcome_line(scene: Scene, key: StepKey, gate: Gate) -> str:
    """What came of it, by whom and when, as markup."""
    match gate.state:
        case GateState.OPEN:
            return progress(scene, gate) or GATE_STATES[gate.state]
        case GateState.APPROVED | GateState.REJECTED | GateState.RETURNED | GateState.ANSWERED:
            return _verdict(scene, key, gate)
        case GateState.EXPIRED:
            outcome = EXPIRY_OUTCOMES[policy_of(scene, key).on_expiry]
            return f"*Expired* {_closed(gate)}: nobody decided in time. {outcome}"
        case GateState.WITHDRAWN:
            return f"*Withdrawn* {_closed(gate)}: the run ended before anybody decided."
        case GateState.SUPERSEDED:
            why = scene.past.replaced.get(gate.id, "") or "what was shown has changed"
            return f"*Replaced* {_newest(scene, key, gate) or 'soon'}: {escape(one_line(why), 300)}."


def _newest(scene: Scene, key: StepKey, gate: Gate) -> str:
    """`by v2`, as a link where it stands; empty as long as there is none."""
    newest = scene.run.steps[key].gate
    if newest is None or newest.version <= gate.version:
        return ""
    address = card_address(scene, newest.id)
    return f"by {link(address, f'v{newest.version}') if address else f'v{newest.version}'}"


_VERBS = {
    GateState.APPROVED: "Approved",
    GateState.REJECTED: "Rejected",
    GateState.RETURNED: "Sent back for changes",
    GateState.ANSWERED: "Answered",
}
_COUNTED = {
    GateState.REJECTED: ("reject",),
    GateState.RETURNED: ("changes",),
    GateState.ANSWERED: ("choose", "answer"),
}


def decided_by(gate: Gate) -> list[Decision]:
    """The decisions that closed a gate: each person's last word, in order."""
    counts = _COUNTED.get(gate.state, ("approve",))
    by = [one for one in gates.latest(gate.decisions).values() if one.verdict in counts]
    if gate.state is GateState.ANSWERED and gate.terms.choices and gate.decisions:
        return [one for one in by if one.choice == gate.decisions[-1].choice]
    if gate.state is GateState.APPROVED:
        return [one for one in by if one.digest == gate.digest] or by
    return by


def verb_of(gate: Gate) -> str:
    """`Approved`, `Edited and approved`, `Answered “Both bad”`."""
    if gate.state is GateState.APPROVED and any(one.edits for one in gate.decisions):
        return "Edited and approved"
    return _VERBS.get(gate.state, "Decided")


def _verdict(scene: Scene, key: StepKey, gate: Gate) -> str:
    by = decided_by(gate)
    chosen = f" {quoted(choice_label(gate, by[-1].choice))}" if by and by[-1].choice else ""
    who = f" by {people(by)}" if by else ""
    overrides = [f" in the approvers' place: {quoted(one.override)}" for one in by if one.override]
    comments = [f"\n{actor_markup(one.actor)}: {quoted(one.comment)}" for one in by[:5] if one.comment.strip()]
    closed = f"{_closed(gate)} · v{gate.version} · {short_digest(gate)}"
    newest = _newest(scene, key, gate)
    if newest and gate.state is GateState.RETURNED:
        closed += f" · replaced {newest}"
    verb = f"*{verb_of(gate)}*{chosen}{who}{''.join(overrides)}"
    if len(by) == 1 and comments:
        return f"{verb}: {quoted(by[0].comment)} · {closed}"
    return f"{verb} · {closed}{''.join(comments)}"


def answer_lines(scene: Scene, key: StepKey, gate: Gate) -> list[str]:
    """What was filled in, field by field; what is sensitive is not repeated."""
    step = scene.run.steps[key]
    output = scene.value(step.output)
    form, content = gate.terms.form, output.get("content") if isinstance(output, dict) else None
    here = step.gate is not None and step.gate.id == gate.id
    if not here or gate.state is not GateState.ANSWERED or not isinstance(form, dict) or not isinstance(content, dict):
        return []
    fields: dict[str, Json] = form.get("properties") or {}
    given = list(content.items())[:ANSWERS_MAX]
    return [f"{titled(name)}: {_answer(fields.get(name), value)}" for name, value in given]


def _answer(schema: Json, value: Json) -> str:
    if isinstance(schema, dict) and schema.get("sensitive"):
        return "(not shown)"
    return clip(one_line(in_words(value)), ANSWER_MAX)


def people(decisions: Sequence[Decision]) -> str:
    return listed([actor_markup(decision.actor) for decision in decisions[:10]])


def _closed(gate: Gate) -> str:
    return when(gate.closed_at) if gate.closed_at is not None else ""
