"""What is said beside a card, each once: it is due soon, overdue, others may decide too, somebody stepped in."""

from __future__ import annotations

from bot.views import blocks
from bot.views.gate_words import expiry_effect, quoted
from bot.views.markup import bold, clip, escape, one_line
from bot.views.scene import Rendering, Scene, actor_markup, asked_markup, when
from bot.wording import VERDICTS
from store.events import PolicyDecided
from store.model import Decision, Gate, RunId, StepKey

NAMED_MAX = 200


def overdue_key(gate_id: str) -> str:
    return f"overdue:{gate_id}"


def reminder_key(gate_id: str, n: int) -> str:
    """The key of the n-th reminder."""
    return f"reminder:{gate_id}:{n}"


def escalated_key(gate_id: str) -> str:
    return f"escalated:{gate_id}"


def override_key(gate_id: str, n: int) -> str:
    return f"override:{gate_id}:{n}"


def policy_key(run_id: RunId, made: PolicyDecided) -> str:
    return f"policy:{run_id}:{made.place.attempt}:{made.place.key}"


def overdue_line(scene: Scene, key: StepKey, gate: Gate) -> Rendering:
    """The time for an answer is over."""
    due = when(gate.due_at) if gate.due_at is not None else "by now"
    return _line(
        f"{asked_markup(scene, asked_first(gate))}: {_named(gate)} was due {due}. Without {_decision(gate)} by "
        f"{when(gate.expires_at)} {expiry_effect(scene, key)}."
    )


def reminder_line(scene: Scene, key: StepKey, gate: Gate) -> Rendering:
    """A reminder, as the workflow asks for it."""
    asked = asked_markup(scene, asked_first(gate))
    if gate.due_at is None:
        return _line(f"{asked}: {_named(gate)} still waits for you.")
    tense = "is" if gate.terms.reminders[gate.reminded - 1 : gate.reminded] < (gate.due_at,) else "was"
    return _line(
        f"{asked}: {_named(gate)} still waits for you and {tense} due {when(gate.due_at)}. Without {_decision(gate)} "
        f"by {when(gate.expires_at)} {expiry_effect(scene, key)}."
    )


def escalated_line(scene: Scene, key: StepKey, gate: Gate) -> Rendering:
    """Nobody answered in time, and others may decide as well."""
    who = asked_markup(scene, gate.terms.escalate_to, last="and")
    due = f" It was due {when(gate.due_at)}." if gate.due_at is not None else ""
    return _line(
        f"{who}: nobody has decided {_named(gate)} in time, so you may decide it too.{due} Without {_decision(gate)} "
        f"by {when(gate.expires_at)} {expiry_effect(scene, key)}."
    )


def override_line(scene: Scene, gate: Gate, decision: Decision) -> Rendering:
    """An operator decided in the approvers' place; said to the owner."""
    owner = asked_markup(scene, [scene.workflow.owner]) + ": " if scene.workflow.owner else ""
    return _line(
        f"{owner}{actor_markup(decision.actor)} {VERDICTS[decision.verdict]} {_named(gate)} in the approvers' place. "
        f"Reason given: {escape(one_line(decision.override), 500)}"
    )


_POLICY = {
    "approve": "was approved by the workflow's own policy; nobody was asked.",
    "reject": "was rejected by the workflow's own policy; nobody was asked.",
    "changes": "was sent back for changes by the workflow's own policy; nobody was asked.",
}


def policy_line(scene: Scene, made: PolicyDecided) -> Rendering:
    """The workflow decided by itself, so that there is no card."""
    why = f" {quoted(made.comment)}" if made.comment.strip() else ""
    said = _POLICY.get(made.verdict, "was decided by the workflow's own policy.")
    title = bold(clip(one_line(scene.step_title(made.place.step)), NAMED_MAX))
    return _line(f"{title} {said}{why}")


def asked_first(gate: Gate) -> tuple[str, ...]:
    """Those who were asked before others were called in: what was said to them stays as it was."""
    called_in = gate.terms.escalate_to if gate.escalated else ()
    return tuple(one for one in gate.approvers if one not in called_in) or gate.approvers


def _named(gate: Gate) -> str:
    return f"{bold(clip(one_line(gate.question), NAMED_MAX))} ({gate.name})"


def _decision(gate: Gate) -> str:
    return "an answer" if gate.terms.form is not None or gate.terms.choices else "a decision"


def _line(text: str) -> Rendering:
    return Rendering(text=clip(text, blocks.FALLBACK_MAX), blocks=(blocks.section(text),))
