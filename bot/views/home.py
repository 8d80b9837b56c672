"""The Home tab: what waits for me, my runs, what I may start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.views import blocks
from bot.views.answers import switched_off
from bot.views.blocks import Block
from bot.views.digest_card import item_by_item
from bot.views.digest_words import is_carried
from bot.views.gate_buttons import gate_buttons
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.reply import sections
from bot.views.scene import when
from bot.views.standing import ListedRun, run_state
from bot.views.waiting import WaitingGate, gate_facts, gate_question, how_many
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
    waiting_count: int = 0  # of all gates that wait for this person, shown or not
    off: Mapping[str, str] = field(default_factory=dict)  # workflows that are switched off, each with by whom and why


def home(facts: HomeFacts, now: Millis) -> Block:
    """The view, made anew from what is true."""
    if not facts.person.member:
        return blocks.home_tab([blocks.section("I work only for members of this organisation.")])
    shown: list[Block] = [blocks.section(facts.notice), blocks.divider()] if facts.notice else []
    shown += [blocks.header("Waiting for you"), *_waiting(facts.waiting, facts.waiting_count), blocks.divider()]
    shown += [blocks.header("Your runs"), *_runs(facts.runs, now), blocks.divider()]
    shown += [blocks.header("What you may start"), *_startable(facts.startable, facts.off), blocks.divider()]
    return blocks.home_tab([*shown, blocks.context(f"As of {when(now)}. Open this tab again to see it anew.")])


def _waiting(gates: Sequence[WaitingGate], count: int) -> list[Block]:
    if not gates:
        return [blocks.section("Nothing waits for you. Gates that you may decide show up here.")]
    shown: list[Block] = []
    for one in gates[:GATES_MAX]:
        shown += [blocks.divider()] if shown else []
        shown += [
            blocks.section(gate_question(one)),
            blocks.context(gate_facts(one)),
            *_actions(one),
        ]
    here = sum(one.count for one in gates[:GATES_MAX])
    count = max(count, sum(one.count for one in gates))
    return [*shown, blocks.context(f"… and {how_many(count, here)} more.")] if count > here else shown


def _actions(one: WaitingGate) -> list[Block]:
    """What can be done here; what asks for data is answered on its card."""
    if one.shared is not None and not any(is_carried(item.gate) for item in one.shared.open):
        return []
    return [blocks.actions(*_buttons(one), block_id=f"home:{one.gate.id}")]


def _buttons(one: WaitingGate) -> list[blocks.Element]:
    gate = one.gate
    if one.shared is not None:
        return [item_by_item(one.shared)]
    question = clip(one_line(gate.question), 200)
    sure = blocks.confirm(f"Approve {gate.name}?", f"{question} Have you read the card?", "Approve", "Go Back")
    return gate_buttons(gate, sure)


def _runs(runs: Sequence[ListedRun], now: Millis) -> list[Block]:
    if not runs:
        return sections("You have not started a run yet.")
    return [blocks.section(_run(one, now)) for one in runs[:RUNS_MAX]]


def _run(one: ListedRun, now: Millis) -> str:
    name = link(one.address, one.row.name) if one.address else one.row.name
    state = run_state(one, now)
    return f"{bold(clip(one_line(one.title), 80))} · {name}\n{state[:1].upper()}{state[1:]}"


def _startable(workflows: Sequence[Workflow], off: Mapping[str, str]) -> list[Block]:
    if not workflows:
        return sections("There is nothing here that you may start.")
    shown = [blocks.section(_start(one, off.get(one.name, ""))) for one in workflows[:WORKFLOWS_MAX]]
    rest = len(workflows) - WORKFLOWS_MAX
    more = [blocks.section(f"… and {counted(rest, 'more')}: {code('/flow list')}")] if rest > 0 else []
    return [*shown, *more]


def _start(one: Workflow, off: str) -> str:
    about = escape(clip(one_line(one.description), 200))
    name = f"{bold(clip(one_line(one.title or one.name), 80))} {code(f'/flow run {one.name}')}"
    return "\n".join(line for line in (name, about, switched_off(off)) if line)
