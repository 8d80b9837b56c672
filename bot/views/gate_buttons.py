"""The buttons of a gate, by what it offers; and what a button carries."""

from __future__ import annotations

from bot.views import blocks
from bot.views.gate_words import choice_label
from bot.views.markup import clip, one_line
from engine.rules import gates
from store.model import Gate

SHOW = "gate_show"
APPROVE = "gate_approve"
REJECT = "gate_reject"
CHANGES = "gate_changes"
EDIT = "gate_edit"
ANSWER = "gate_answer"
CHOICE = "gate_choice:"
"""Followed by the place of the choice among those that are offered."""
ITEM_BY_ITEM = "digest_decide"  # on a card that several gates share
APPROVE_ALL = "digest_approve_all"
OPEN = "digest_open"
OPENS_FORM = frozenset({SHOW, REJECT, CHANGES, EDIT, ANSWER, ITEM_BY_ITEM})
SEEN = 16  # of the digest: enough to tell one content from another


def gate_buttons(gate: Gate, confirm: blocks.Element | None = None) -> list[blocks.Element]:
    """One for each answer that the gate takes; `confirm` is asked before an approval counts."""
    offered = gates.offered(gate)
    if "answer" in offered:
        return [
            blocks.button("Fill In", ANSWER, token(gate), style="primary", label=f"Fill in the form of {gate.name}")
        ]
    if "choose" in offered:
        return [_choice(gate, place) for place in range(len(gate.terms.choices))]
    name = gate.name
    found = [
        blocks.button(
            "Approve",
            APPROVE,
            token(gate),
            style=None if confirm else "primary",
            confirm=confirm,
            label=f"Approve {name}",
        )
    ]
    if gate.terms.edit:
        found.append(blocks.button("Edit & Approve", EDIT, token(gate), label=f"Edit and approve {name}"))
    if "changes" in offered:
        found.append(blocks.button("Request Changes", CHANGES, gate.id, label=f"Request changes at {name}"))
    return [*found, blocks.button("Reject", REJECT, gate.id, label=f"Reject {name}, with a reason")]


def _choice(gate: Gate, place: int) -> blocks.Element:
    label = clip(one_line(choice_label(gate, gate.terms.choices[place].value)), blocks.BUTTON_MAX)
    return blocks.button(label, f"{CHOICE}{place}", gate.id, label=f"{label}, at {gate.name}")


def token(gate: Gate) -> str:
    """The gate's opaque id; where people may edit also which content is meant, as they may overtake each other."""
    return f"{gate.id}.{gate.digest[:SEEN]}" if gate.terms.edit else gate.id


def gate_of(token: str) -> str:
    """The id of the gate that a button or a form is about."""
    return token.partition(".")[0]


def seen_by(token: str, gate: Gate) -> str:
    """The digest of what stood there when the button was made, as the rules compare it; empty when none was named."""
    seen = token.partition(".")[2]
    return gate.digest if seen and gate.digest.startswith(seen) else seen
