"""The forms of a gate beside the one for a reason: what should change, an edited content, and asked-for data.

Closing any of them decides nothing. A form carries the gate's opaque id, and which content was on the card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.fields import Field, inputs
from bot.views.gate_buttons import token
from bot.views.gate_words import QUESTION_MAX, bold_again
from bot.views.markup import bold, clip, code, escape, one_line
from bot.views.scene import Scene
from bot.wording import counted, listed
from store.model import LIMITS, Gate, StepKey

CHANGES_FORM = "gate_changes"
EDIT_FORM = "gate_edit"
ANSWER_FORM = "gate_answer"
COMMENT = "comment"
SURE = "sure"
NAMED_MAX = 10


def changes_form(scene: Scene, key: StepKey, gate: Gate, repeats: Sequence[str] = (), comment: str = "") -> Block:
    """What should change. `repeats` names the steps whose effect would happen twice: then it must be meant."""
    left = gate.terms.rounds_left
    after = counted(left - 1, "more time") if left > 1 else "not again after this"
    first = bold_again(scene, key)
    what = f"{first[:1].upper()}{first[1:]} and what depends on it are done again, and you are asked again."
    sure = [
        blocks.input(
            "These would happen once more", blocks.checkbox(SURE, "Do them again all the same"), block_id=SURE,
            hint=f"Their effect has taken place already: {clip(listed(list(repeats)[:NAMED_MAX]), 300)}.",
        )
    ]  # fmt: skip
    return blocks.modal(
        "Request Changes",
        [
            *_about(scene, gate),
            blocks.input(
                "What should change?",
                blocks.text_input(
                    COMMENT, multiline=True, initial=comment, max_length=LIMITS.comment_max, min_length=1, focus=True
                ),
                block_id=COMMENT,
                hint="The next version is made with this in mind, and it stays in the record.",
            ),
            *(sure if repeats else []),
            blocks.context(f"{what} Changes may be asked for {after}. Closing this form decides nothing."),
        ],
        callback_id=CHANGES_FORM,
        submit="Request Changes",
        close="Keep It Open",
        private_metadata=gate.id,
    )


def edit_form(scene: Scene, gate: Gate, fields: Sequence[Field]) -> Block:
    """What may be edited, as it stands."""
    effect = f"You approve {gate.name} v{gate.version} with what stands here; it replaces what was shown."
    more = " Approvals given before count no more." if gate.quorum > 1 else ""
    return blocks.modal(
        "Edit & Approve",
        [
            *_about(scene, gate),
            *inputs(fields),
            blocks.context(f"{effect}{more} Closing this form decides nothing."),
        ],
        callback_id=EDIT_FORM,
        submit="Approve This",
        close="Keep It Open",
        private_metadata=token(gate),
    )


def answer_form(scene: Scene, gate: Gate, fields: Sequence[Field]) -> Block:
    """What people are asked for."""
    return blocks.modal(
        "Fill In",
        [*_about(scene, gate), *inputs(fields), blocks.context("Closing this form answers nothing.")],
        callback_id=ANSWER_FORM,
        submit="Answer",
        close="Not Now",
        private_metadata=gate.id,
    )


def no_form(scene: Scene, gate: Gate, why: str, callback_id: str) -> Block:
    """A window instead of a form that Slack could not hold; it says where everything can be seen."""
    whole = code(f"pointsman status {scene.run.name} --json")
    said = f"This does not fit a form in Slack: {escape(one_line(why), 500)}. Nothing was decided."
    return blocks.modal(
        "Too Much for a Form",
        [*_about(scene, gate), blocks.section(f"{said}\nAn operator sees all of it with {whole}.")],
        callback_id=f"{callback_id}_unfit",
    )


def _about(scene: Scene, gate: Gate) -> list[Block]:
    question = clip(one_line(gate.question), QUESTION_MAX)
    where = f"{escape(one_line(scene.title), 150)} · {scene.run.name} · {gate.name} v{gate.version}"
    return [blocks.section(bold(question)), blocks.context(where)]


def texts(values: Mapping[str, object], block_id: str) -> str:
    """What was typed into a field of text."""
    found = values.get(block_id)
    return found.strip() if isinstance(found, str) else ""
