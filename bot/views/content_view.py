"""The window that shows all that a gate is about, also what its card has no room for."""

from __future__ import annotations

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.gate_words import QUESTION_MAX, short_digest
from bot.views.markup import bold, clip, code, escape, one_line
from bot.views.scene import Scene
from bot.views.shown_content import in_full, in_short
from store.model import Gate, Json

CALLBACK = "gate_content"


def content_view(scene: Scene, gate: Gate, value: Json) -> Block:
    """`value` is what the gate is about; the digest tells that it is what the decision is bound to."""
    shown = in_full(value, gate.card)
    question = clip(one_line(gate.question), QUESTION_MAX)
    where = f"{escape(one_line(scene.title), 150)} · {scene.run.name} · {gate.name} v{gate.version}"
    missing = in_short([*shown.left_out, *shown.cut])
    elsewhere = code(f"pointsman status {scene.run.name} --json")
    rest = f"There is more than fits here: {escape(missing, 1_000)}. {elsewhere} has all of it."
    return blocks.modal(
        "Full Content",
        [
            blocks.section(bold(question)),
            blocks.context(f"{where} · digest {short_digest(gate)}"),
            blocks.divider(),
            *(shown.blocks or [blocks.section("Nothing was given to look at.")]),
            *([] if shown.whole else [blocks.section(rest)]),
        ],
        callback_id=CALLBACK,
    )
