"""The card of a gate: what is asked, what it is about, who may decide, and what their answer will do.

It is a reply in the run's thread. After the decision the body stays and the buttons become a line that says what
came of it.
"""

from __future__ import annotations

from bot.views import blocks
from bot.views.blocks import Block, words
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.scene import Rendering, Scene, actor_markup, asked_markup, when, when_piece
from bot.views.shown_content import ShownContent, in_short, on_card
from bot.views.step_card import decided_by
from bot.wording import EXPIRY_EFFECTS, EXPIRY_OUTCOMES, GATE_STATES, listed
from store.model import Decision, Gate, GatePlan, GateState, StepKey, StepPlan

QUESTION_MAX = 600
COMMENT_MAX = 400
LEFT_OUT_MAX = 1_000
DIGEST_SHOWN = 8
SHOW = "gate_show"


def gate_key(gate_id: str) -> str:
    """The key of the card's anchor."""
    return f"gate:{gate_id}"


def overdue_key(gate_id: str) -> str:
    return f"overdue:{gate_id}"


def gate_card(scene: Scene, key: StepKey, gate: Gate) -> Rendering:
    """The card as it should stand now."""
    content = on_card(scene.value(gate.shown), gate.card)
    shown: list[Block] = [
        blocks.rich_text(blocks.rich_section(*_headline(gate)), block_id=_block_id("question", gate)),
        blocks.section(_asking(scene, gate)),
        *content.blocks,
        *([] if content.whole else [_left_out(gate, content)]),
    ]
    if gate.state is GateState.OPEN:
        shown += _open_end(scene, key, gate)
    else:
        shown.append(blocks.section(outcome_line(scene, key, gate), block_id=_block_id("outcome", gate)))
    return Rendering(text=_sentence(scene, key, gate), blocks=tuple(shown))


def overdue_line(scene: Scene, key: StepKey, gate: Gate) -> Rendering:
    """A line in the thread, said once, when the time for an answer is over."""
    due = when(gate.due_at) if gate.due_at is not None else "by now"
    text = (
        f"{asked_markup(scene, gate.approvers)}: {bold(clip(one_line(gate.question), 200))} ({gate.name}) was due "
        f"{due}. Without a decision by {when(gate.expires_at)} {_expiry_effect(scene, key)}."
    )
    return Rendering(text=clip(text, blocks.FALLBACK_MAX), blocks=(blocks.section(text),))


def override_key(gate_id: str, n: int) -> str:
    return f"override:{gate_id}:{n}"


def override_line(scene: Scene, gate: Gate, decision: Decision) -> Rendering:
    """A line that tells the owner that an operator decided in the approvers' place."""
    owner = asked_markup(scene, [scene.workflow.owner]) + ": " if scene.workflow.owner else ""
    verb = "approved" if decision.verdict == "approve" else "rejected"
    text = (
        f"{owner}{actor_markup(decision.actor)} {verb} {bold(clip(one_line(gate.question), 200))} ({gate.name}) in the "
        f"approvers' place. Reason given: {escape(one_line(decision.override), 500)}"
    )
    return Rendering(text=clip(text, blocks.FALLBACK_MAX), blocks=(blocks.section(text),))


def outcome_line(scene: Scene, key: StepKey, gate: Gate) -> str:
    """What came of it, by whom and when, as markup."""
    match gate.state:
        case GateState.OPEN:
            return _progress(gate) or GATE_STATES[gate.state]
        case GateState.APPROVED | GateState.REJECTED | GateState.RETURNED | GateState.ANSWERED:
            return _verdict(gate)
        case GateState.EXPIRED:
            outcome = EXPIRY_OUTCOMES[_policy(scene, key).on_expiry]
            return f"*Expired* {_closed(gate)}: nobody decided in time. {outcome}"
        case GateState.WITHDRAWN:
            return f"*Withdrawn* {_closed(gate)}: the run ended before anybody decided."
        case GateState.SUPERSEDED:
            newest = next((step.gate for step in scene.run.steps.values() if step.key == key and step.gate), None)
            address = scene.links.get(gate_key(newest.id), "") if newest else ""
            version = f"v{newest.version}" if newest else "a newer version"
            return f"*Replaced* by {link(address, version) if address else version}: what was shown has changed."


def _left_out(gate: Gate, content: ShownContent) -> Block:
    """What the card does not show, with a button that shows it: nobody should decide on what they could not see."""
    lines = [
        f"{label}: {escape(in_short(parts), LEFT_OUT_MAX)}"
        for label, parts in (("Not shown here", content.left_out), ("Shown in part", content.cut))
        if parts
    ]
    button = blocks.button("Show All", SHOW, gate.id, label=f"Show all that {gate.name} is about")
    return blocks.section("\n".join(lines), accessory=button, block_id=_block_id("all", gate))


def _block_id(part: str, gate: Gate) -> str:
    return f"{part}:{gate.name}:{gate.version}:{gate.state}"


def _policy(scene: Scene, key: StepKey) -> GatePlan:
    return scene.gate_plan(scene.run.steps[key].name)


# While it is open. ----------------------------------------------------------------------------------------------------


def _headline(gate: Gate) -> list[blocks.Piece]:
    """What is asked, then the gate's name and its time."""
    label = "Review needed" if gate.state is GateState.OPEN else "Review"
    question = clip(one_line(gate.question) or "Is this all right?", QUESTION_MAX)
    pieces = [words(f"{label}: {question}", bold=True), words(f"\n{gate.name} v{gate.version}")]
    if gate.state is not GateState.OPEN:
        return [*pieces, words(f" · {GATE_STATES[gate.state]}")]
    if gate.overdue and gate.due_at is not None:
        return [*pieces, words(" · overdue since "), when_piece(gate.due_at)]
    if gate.due_at is not None:
        return [*pieces, words(" · due "), when_piece(gate.due_at)]
    return pieces


def _asking(scene: Scene, gate: Gate) -> str:
    """Who may decide, who asks, and whether those may be the same."""
    asked = asked_markup(scene, gate.approvers) or "Nobody"
    if gate.state is not GateState.OPEN:
        return f"Asked of {asked} by {actor_markup(scene.run.requester)}."
    many = "may decide" if gate.quorum == 1 else f"may decide; {gate.quorum} approvals are needed"
    requester = actor_markup(scene.run.requester)
    if scene.run.requester.kind != "person":
        return f"{asked} {many}. Asked by {requester}."
    own = "may decide too" if gate.requester_may_decide else "may not"
    return f"{asked} {many}. Asked by {requester}, who {own}."


def _open_end(scene: Scene, key: StepKey, gate: Gate) -> list[Block]:
    progress = _progress(gate)
    return [
        *([blocks.section(progress, block_id=_block_id(f"progress:{len(gate.decisions)}", gate))] if progress else []),
        blocks.context(_effects(scene, key, gate), _evidence(gate)),
        blocks.actions(*_buttons(gate), block_id=_block_id("decide", gate)),
    ]


def _buttons(gate: Gate) -> list[blocks.Element]:
    return [
        blocks.button("Approve", "gate_approve", gate.id, style="primary", label=f"Approve {gate.name}"),
        blocks.button("Reject", "gate_reject", gate.id, label=f"Reject {gate.name}, with a reason"),
    ]


def _progress(gate: Gate) -> str:
    """`1 of 2: @Ravi`, for gates that need several people."""
    by = decided_by(gate)
    if gate.quorum == 1 or not by:
        return f"*0 of {gate.quorum}* approvals" if gate.quorum > 1 else ""
    return f"*{len(by)} of {gate.quorum}* approvals: {_people(by)}"


def rejecting(scene: Scene, key: StepKey) -> str:
    """What a rejection will do: `ends the run`."""
    return "ends the run" if _policy(scene, key).on_reject == "end" else "lets the run go on, which then knows of it"


def _effects(scene: Scene, key: StepKey, gate: Gate) -> str:
    """What either answer will do, and what no answer will do."""
    following = [scene.step_title(spec.name) for spec in scene.plan.steps if _needs(spec, scene.run.steps[key].name)]
    goes_on = f"goes on with {escape(listed(following[:3]), 200)}" if following else "lets the run go on"
    expiry = f"Without a decision by {when(gate.expires_at)} {_expiry_effect(scene, key)}."
    return f"*Approve* {goes_on}. *Reject* {rejecting(scene, key)}. {expiry}"


def _needs(spec: StepPlan, name: str) -> bool:
    return any(edge.step == name for edge in spec.needs)


def _expiry_effect(scene: Scene, key: StepKey) -> str:
    return EXPIRY_EFFECTS[_policy(scene, key).on_expiry]


def _evidence(gate: Gate) -> str:
    """The digest that the decision is bound to, short."""
    return f"Version {gate.version}, digest {short_digest(gate)}"


def short_digest(gate: Gate) -> str:
    return code(gate.digest[:DIGEST_SHOWN])


# After the decision. --------------------------------------------------------------------------------------------------


def _verdict(gate: Gate) -> str:
    by = decided_by(gate)
    verb = "Approved" if gate.state is GateState.APPROVED else "Rejected"
    people = f" by {_people(by)}" if by else ""
    overrides = [f" in the approvers' place: {_quoted(one.override)}" for one in by if one.override]
    comments = [f"\n{actor_markup(one.actor)}: {_quoted(one.comment)}" for one in by[:5] if one.comment.strip()]
    closed = f"{_closed(gate)} · v{gate.version} · {short_digest(gate)}"
    if len(by) == 1 and comments:
        return f"*{verb}*{people}{''.join(overrides)}: {_quoted(by[0].comment)} · {closed}"
    return f"*{verb}*{people}{''.join(overrides)} · {closed}{''.join(comments)}"


def _people(decisions: list[Decision]) -> str:
    return listed([actor_markup(decision.actor) for decision in decisions[:10]])


def _quoted(text: str) -> str:
    return f"“{escape(one_line(text), COMMENT_MAX)}”"


def _closed(gate: Gate) -> str:
    return when(gate.closed_at) if gate.closed_at is not None else ""


# In one sentence. -----------------------------------------------------------------------------------------------------


def _sentence(scene: Scene, key: StepKey, gate: Gate) -> str:
    question = escape(one_line(gate.question), QUESTION_MAX)
    run = f"{escape(one_line(scene.title), 150)} {scene.run.name}"
    if gate.state is GateState.OPEN:
        due = f", due {when(gate.due_at)}" if gate.due_at is not None and not gate.overdue else ""
        late = ", overdue" if gate.overdue else ""
        text = f"Review needed: {question} ({gate.name} v{gate.version} of {run}{due}{late})."
    else:
        text = f"{question} ({gate.name} v{gate.version} of {run}): {outcome_line(scene, key, gate).replace('*', '')}"
    return clip(text, blocks.FALLBACK_MAX)
