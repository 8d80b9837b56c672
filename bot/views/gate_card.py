"""The card of a gate: what is asked, what it is about, who may decide, and what their answer will do.

It is a reply in the run's thread. After the decision the body stays and the buttons become a line that says what
came of it.
"""

from __future__ import annotations

from bot.views import blocks
from bot.views.blocks import Block, words
from bot.views.edits import edit_blocks
from bot.views.gate_buttons import SHOW, gate_buttons
from bot.views.gate_words import (
    QUESTION_MAX,
    answer_lines,
    asking,
    effects,
    outcome_line,
    progress,
    round_line,
    short_digest,
)
from bot.views.markup import clip, escape, one_line
from bot.views.scene import Rendering, Scene, item_text, when, when_piece
from bot.views.shown_content import ShownContent, in_short, on_card
from bot.wording import GATE_STATES
from store.model import Gate, GateState, StepKey

LEFT_OUT_MAX = 1_000


def gate_card(scene: Scene, key: StepKey, gate: Gate) -> Rendering:
    """The card as it should stand now."""
    content = on_card(scene.value(gate.shown), gate.card)
    shown: list[Block] = [
        blocks.rich_text(blocks.rich_section(*_headline(scene, key, gate)), block_id=_block_id("question", gate)),
        blocks.section(asking(scene, gate)),
        *_round(scene, key, gate),
        *content.blocks,
        *([] if content.whole else [_left_out(gate, content)]),
        *edit_blocks(gate),
    ]
    shown += _open_end(scene, key, gate) if gate.state is GateState.OPEN else _outcome(scene, key, gate)
    return Rendering(text=_sentence(scene, key, gate), blocks=tuple(shown))


def _round(scene: Scene, key: StepKey, gate: Gate) -> list[Block]:
    line = round_line(scene, key, gate) if gate.state is GateState.OPEN else ""
    return [blocks.context(line, block_id=_block_id("round", gate))] if line else []


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


def _headline(scene: Scene, key: StepKey, gate: Gate) -> list[blocks.Piece]:
    """What is asked, then the gate's name, the item it is about, and its time."""
    wanted = "Answer" if gate.terms.form is not None or gate.terms.choices else "Review"
    label = f"{wanted} needed" if gate.state is GateState.OPEN else wanted
    question = clip(one_line(gate.question) or "Is this all right?", QUESTION_MAX)
    item = scene.run.steps[key].item
    of = f" · {item_text(item)}" if item is not None else ""
    pieces = [words(f"{label}: {question}", bold=True), words(f"\n{gate.name} v{gate.version}{of}")]
    if gate.state is not GateState.OPEN:
        return [*pieces, words(f" · {GATE_STATES[gate.state]}")]
    if gate.overdue and gate.due_at is not None:
        return [*pieces, words(" · overdue since "), when_piece(gate.due_at)]
    if gate.due_at is not None:
        return [*pieces, words(" · due "), when_piece(gate.due_at)]
    return pieces


def _open_end(scene: Scene, key: StepKey, gate: Gate) -> list[Block]:
    line = progress(scene, gate)
    return [
        *([blocks.section(line, block_id=_block_id(f"progress:{len(gate.decisions)}", gate))] if line else []),
        blocks.context(effects(scene, key, gate), f"Version {gate.version}, digest {short_digest(gate)}"),
        blocks.actions(*gate_buttons(gate), block_id=_block_id("decide", gate)),
    ]


def _outcome(scene: Scene, key: StepKey, gate: Gate) -> list[Block]:
    answers = [[words(line)] for line in answer_lines(scene, key, gate)]
    return [
        *([blocks.rich_text(blocks.rich_list(*answers))] if answers else []),
        blocks.section(outcome_line(scene, key, gate), block_id=_block_id("outcome", gate)),
    ]


def _sentence(scene: Scene, key: StepKey, gate: Gate) -> str:
    question = escape(one_line(gate.question), QUESTION_MAX)
    run = f"{escape(one_line(scene.title), 150)} {scene.run.name}"
    if gate.state is GateState.OPEN:
        due = f", due {when(gate.due_at)}" if gate.due_at is not None and not gate.overdue else ""
        late = ", overdue" if gate.overdue else ""
        needed = "Answer" if gate.terms.form is not None or gate.terms.choices else "Review"
        text = f"{needed} needed: {question} ({gate.name} v{gate.version} of {run}{due}{late})."
    else:
        text = f"{question} ({gate.name} v{gate.version} of {run}): {outcome_line(scene, key, gate).replace('*', '')}"
    return clip(text, blocks.FALLBACK_MAX)
