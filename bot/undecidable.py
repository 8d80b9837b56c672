"""Gates at which nobody can decide, because nobody stands behind those who are asked: said wherever people look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.views import blocks
from bot.views.markup import bold, clip, code, escape, one_line
from bot.views.scene import Rendering, Scene, asked_markup
from bot.wording import listed
from store.model import Gate, GateState, Run

Absent = Mapping[str, str]
"""References behind which nobody stands, each with the reason: `there is no group @nosuch`."""


def nobody_key(gate_id: str) -> str:
    return f"nobody:{gate_id}"


def nobody(gate: Gate, absent: Absent) -> str:
    """Why nobody can decide; empty when somebody may, or nobody has to any more."""
    if gate.state is not GateState.OPEN or any(one not in absent for one in gate.approvers):
        return ""
    return listed([absent[one] for one in gate.approvers]) or "the workflow names nobody"


def some(gate: Gate, absent: Absent) -> str:
    """Who of those that are asked is not there, while others are."""
    missing = [absent[one] for one in gate.approvers if one in absent]
    return listed(missing) if gate.state is GateState.OPEN and len(missing) < len(gate.approvers) else ""


def marked(card: Rendering, run: Run, gate: Gate, absent: Absent) -> Rendering:
    """The card with a line that says so, at its top."""
    why, partly = nobody(gate, absent), some(gate, absent)
    if why:
        line = blocks.section(f"*Nobody can decide:* {escape(why)}. {_cure(run)}")
        text = clip(f"Nobody can decide: {escape(why)}. {card.text}", blocks.FALLBACK_MAX)
    elif partly:
        line, text = blocks.context(f"{escape(partly[:1].upper() + partly[1:])}; the others may decide."), card.text
    else:
        return card
    return replace(card, text=text, blocks=(card.blocks[0], line, *card.blocks[1:])[: blocks.BLOCKS_MAX])


def nobody_line(scene: Scene, gate: Gate, absent: Absent) -> Rendering:
    """A line that tells the owner; afterwards, that it is mended."""
    owner = asked_markup(scene, [scene.workflow.owner]) + ": " if scene.workflow.owner else ""
    question = f"{bold(clip(one_line(gate.question), 200))} ({gate.name})"
    why = nobody(gate, absent)
    if why:
        text = f"{owner}nobody can decide {question}: {escape(why)}. {_cure(scene.run)}"
    else:
        text = f"{owner}nobody could decide {question} for a while. That is over."
    return Rendering(text=clip(text.replace("*", ""), blocks.FALLBACK_MAX), blocks=(blocks.section(text),))


def _cure(run: Run) -> str:
    command = f'pointsman approve {run.name} --override "why"'
    return (
        "Make the group in Slack, or have an operator write it into the settings file. An operator can also decide, "
        f"with {code(command)} or {code(command.replace('approve', 'reject'))}."
    )
