"""The form that asks for the reason of a rejection. Closing it decides nothing."""

from __future__ import annotations

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.gate_words import QUESTION_MAX, rejecting
from bot.views.markup import bold, clip, escape, one_line
from bot.views.scene import Scene
from store.model import LIMITS, Gate, StepKey

CALLBACK = "gate_reject"
REASON = "reason"


def reject_form(scene: Scene, key: StepKey, gate: Gate) -> Block:
    """What would be rejected, and what that does. The form carries the gate's opaque id and nothing else."""
    question = clip(one_line(gate.question), QUESTION_MAX)
    return blocks.modal(
        "Reject",
        [
            blocks.section(bold(question)),
            blocks.context(f"{escape(one_line(scene.title), 150)} · {scene.run.name} · {gate.name} v{gate.version}"),
            blocks.input(
                "Why not?",
                blocks.text_input(REASON, multiline=True, max_length=LIMITS.comment_max, min_length=1, focus=True),
                block_id=REASON,
                hint="Whoever asked reads this, and it stays in the record.",
            ),
            blocks.context(f"Rejecting {rejecting(scene, key)}. Closing this form decides nothing."),
        ],
        callback_id=CALLBACK,
        submit="Reject",
        close="Keep It Open",
        private_metadata=gate.id,
    )
