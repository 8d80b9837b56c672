"""The Home tab: what waits for me, my runs, what I may start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.markup import bold, clip, code, escape, one_line
from bot.views.reply import sections
from bot.views.scene import when
from bot.views.standing import ListedRun, WaitingGate, gate_line, run_line
from bot.wording import counted
from store.model import Millis, Person, Workflow

GATES_MAX = 15
RUNS_MAX = 10
WORKFLOWS_MAX = 15


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """What one person's Home shows."""

    person: Person
    waiting: Sequence[WaitingGate] = ()
    runs: Sequence[ListedRun] = ()
    startable: Sequence[Workflow] = ()
    notice: str = ""  # markup: the answer to what was just done here


def home(facts: HomeFacts, now: Millis) -> Block:
    """The view, made anew from what is true."""
    if not facts.person.member:
        return blocks.home_tab([blocks.section("I work only for members of this organisation.")])
    shown: list[Block] = [blocks.section(facts.notice), blocks.divider()] if facts.notice else []
    shown += [blocks.header("Waiting for you"), *_waiting(facts.waiting)]
    shown += [blocks.header("Your runs"), *_runs(facts.runs, now)]
    shown += [blocks.header("What you may start"), *_startable(facts.startable)]
    return blocks.home_tab([*shown, blocks.context(f"As of {when(now)}. Open this tab again to see it anew.")])


def _waiting(gates: Sequence[WaitingGate]) -> list[Block]:
    if not gates:
        return [blocks.section("Nothing waits for you. Gates that you may decide show up here.")]
    shown: list[Block] = []
    for one in gates[:GATES_MAX]:
        shown += [blocks.section(gate_line(one)), blocks.actions(*_buttons(one), block_id=f"home:{one.gate.id}")]
    rest = len(gates) - GATES_MAX
    return [*shown, blocks.context(f"… and {rest} more.")] if rest > 0 else shown


def _buttons(one: WaitingGate) -> list[blocks.Element]:
    gate = one.gate
    question = clip(one_line(gate.question), 200)
    sure = blocks.confirm(f"Approve {gate.name}?", f"{question} Have you read the card?", "Approve", "Go Back")
    return [
        blocks.button("Approve", "gate_approve", gate.id, confirm=sure, label=f"Approve {gate.name}"),
        blocks.button("Reject", "gate_reject", gate.id, label=f"Reject {gate.name}, with a reason"),
    ]


def _runs(runs: Sequence[ListedRun], now: Millis) -> list[Block]:
    if not runs:
        return sections("You have not started a run yet.")
    return sections("\n".join(f"• {run_line(one, now)}" for one in runs[:RUNS_MAX]))


def _startable(workflows: Sequence[Workflow]) -> list[Block]:
    if not workflows:
        return sections("There is nothing here that you may start.")
    lines = [
        f"• {bold(one.title or one.name)} {code(f'/flow run {one.name}')} "
        f"{escape(clip(one_line(one.description), 120))}".rstrip()
        for one in workflows[:WORKFLOWS_MAX]
    ]
    rest = len(workflows) - WORKFLOWS_MAX
    if rest > 0:
        lines.append(f"… and {counted(rest, 'more')}: {code('/flow list')}")
    return sections("\n".join(lines))
