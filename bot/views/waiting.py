"""What waits for somebody: gates one by one, and those that share a card as one line with a count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.digests import Digest
from bot.views.digest_words import counted_text, range_text
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.reply import Reply, said
from bot.views.scene import when
from bot.wording import counted
from store.model import Gate

LISTED_MAX = 10
COUNTED_MAX = 1_000  # gates that wait for one person: nobody reads on so far
QUESTION_MAX = 200


@dataclass(frozen=True, slots=True)
class WaitingGate:
    """An open gate, or several on one card, as a line in a list."""

    gate: Gate
    run: str  # R-7K2
    title: str  # of the workflow
    address: str = ""  # of its card
    shared: Digest | None = None  # the card, when others stand on it too
    step: str = ""  # the title of their step
    count: int = 1  # so many of them wait for the asker


def waiting(gates: Sequence[WaitingGate], prefix: str, count: int = 0) -> Reply:
    """What waits for the asker: the gates that have waited longest, of so many in all."""
    if not gates:
        return said("Nothing waits for you.")
    count = max(count, sum(one.count for one in gates))
    lines = [f"{gate_question(one)}\n{gate_facts(one)}" for one in gates[:LISTED_MAX]]
    shown = sum(one.count for one in gates[:LISTED_MAX])
    if count > shown:
        lines.append(f"… and {how_many(count, shown)} more.")
    yes, no = (f"{prefix}{verb} {gates[0].gate.name}" for verb in ("approve", "reject"))
    tip = f"Decide on the card, or type {code(yes)} or {code(f'{no} because …')}."
    head = f"Waiting for you: {how_many(count)} {'gate' if count == 1 else 'gates'}"
    return said(head, *lines, tip)


def how_many(count: int, shown: int = 0) -> str:
    """How many there are beside those that are shown; what was not counted to the end is "more than"."""
    if count > COUNTED_MAX:
        return f"more than {COUNTED_MAX - shown:,}"
    return f"{count - shown:,}"


def gate_question(one: WaitingGate) -> str:
    if one.shared is not None:
        return bold(f"{clip(one_line(one.step), 150)}: {counted(one.count, 'item')}")
    return bold(clip(one_line(one.gate.question), QUESTION_MAX))


def gate_facts(one: WaitingGate) -> str:
    """Where it comes from, by when, and the way to its card."""
    gate = one.gate
    name = f"{gate.name} v{gate.version}" if one.shared is None else range_text(one.shared.open)
    facts = [f"{escape(one_line(one.title), 80)} {one.run}", name]
    facts += [counted_text(one.shared)] if one.shared is not None else []
    if gate.due_at is not None:
        facts.append(f"{'overdue since' if gate.overdue else 'due'} {when(gate.due_at)}")
    if one.address:
        facts.append(link(one.address, "Open the card"))
    return " · ".join(facts)
