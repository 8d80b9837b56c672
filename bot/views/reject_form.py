"""The form that asks for the reason of a rejection. Closing it decides nothing."""

from __future__ import annotations

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.markup import bold, clip, one_line
from store.model import LIMITS, Gate

CALLBACK = "gate_reject"
REASON = "reason"
QUESTION_MAX = 600


def reject_form(gate: Gate, title: str) -> Block:
    """`title` is the workflow's. The form carries the gate's opaque id and nothing else."""
    question = clip(one_line(gate.question), QUESTION_MAX)
    return blocks.modal(
        f"Reject {gate.name} v{gate.version}",
        [
            blocks.section(f"{bold(clip(one_line(title), 150))}: {bold(question)}"),
            blocks.input(
                "Why not?",
                blocks.text_input(REASON, multiline=True, max_length=LIMITS.comment_max, min_length=1, focus=True),
                block_id=REASON,
                hint="Whoever asked reads this, and it stays in the record.",
            ),
            blocks.context("Closing this form decides nothing."),
        ],
        callback_id=CALLBACK,
        submit="Reject",
        close="Keep It Open",
        private_metadata=gate.id,
    )
