"""Which open gates share a card: those of one step in a list, gathered for as long as the workflow says. Pure.

What is on which card follows from when gates opened and closed, so it is the same whenever it is worked out, and a
gate that is on a card stays there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from engine.rules import graph
from store import anchors, runs
from store.database import Reader
from store.model import Gate, GateState, Millis, Plan, Run, Step, StepKey, block_of

DECIDED = frozenset({GateState.APPROVED, GateState.REJECTED, GateState.RETURNED, GateState.ANSWERED})
ITEMS_MAX = 40  # on one card: Slack takes fifty blocks, and nobody decides on more at a sitting


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list, with the newest of its gates that is on the card."""

    key: StepKey
    gate: Gate

    @property
    def name(self) -> str:
        """The item's own key, as it is kept."""
        return self.key.partition("[")[2].removesuffix("]")

    @property
    def is_open(self) -> bool:
        return self.gate.state is GateState.OPEN


@dataclass(frozen=True, slots=True)
class Digest:
    """The gates of one step on one card."""

    id: str  # of the gate that opened first: all that a button carries
    step: str
    gathered_ms: Millis
    until: Millis  # gates are gathered until then, and the card is posted
    items: tuple[Item, ...]  # in the order in which they first opened

    @property
    def open(self) -> tuple[Item, ...]:
        return tuple(one for one in self.items if one.is_open)

    @property
    def decided(self) -> int:
        """How many people have decided."""
        return sum(one.gate.state in DECIDED for one in self.items)

    @property
    def undecided(self) -> int:
        """How many are over without a decision: expired, withdrawn, replaced."""
        return len(self.items) - len(self.open) - self.decided

    def of(self, gate_id: str) -> Item | None:
        return next((one for one in self.items if one.gate.id == gate_id), None)


def digests_in(tx: Reader, run: Run) -> tuple[Digest, ...]:
    """The digests of a run as its rows stand; a gate that got a card of its own keeps it."""
    if not any(is_gathered(step) for step in run.steps.values()):
        return ()
    own = {one.key.split(":")[1] for one in anchors.of_run(tx, run.id) if one.key.startswith("gate:")}
    return tuple(gathered(runs.gates_of_steps(tx, run.id), own))


def is_gathered(step: Step) -> bool:
    """Whether the gate of this step may share a card with others."""
    return step.item is not None and step.gate is not None and step.gate.terms.digest_ms is not None


def gathered(gates: Iterable[tuple[StepKey, Gate]], own: Collection[str] = ()) -> list[Digest]:
    """The cards for all the gates of a run, in the order in which they began; gates with their `own` card stay out."""
    begun: list[_Card] = []
    last: dict[str, _Card] = {}
    for key, gate in sorted(gates, key=lambda one: (one[1].opened_at, one[1].number, one[1].version)):
        step, bracket, _ = key.partition("[")
        if gate.terms.digest_ms is None or not bracket or gate.id in own:
            continue
        card = last.get(step)
        if card is None or not card.takes(key, gate):
            card = last[step] = _Card(gate.id, step, gate.terms.digest_ms, gate.opened_at + gate.terms.digest_ms)
            begun.append(card)
        card.put(key, gate)
    return [card.digest() for card in begun]


@dataclass(slots=True)
class _Card:
    """A card while gates are put on it, in the order in which they opened."""

    id: str
    step: str
    gathered_ms: Millis
    until: Millis
    newest: dict[StepKey, Gate] = field(default_factory=dict)
    open_until: Millis | None = -1  # the moment at which the last of its gates closed; None while one is open

    def takes(self, key: StepKey, gate: Gate) -> bool:
        """Whether a gate that opens joins: while gates are gathered, and later as long as one of them was open."""
        lives = gate.opened_at <= self.until or self.open_until is None or gate.opened_at < self.open_until
        return lives and (key in self.newest or len(self.newest) < ITEMS_MAX)

    def put(self, key: StepKey, gate: Gate) -> None:
        self.newest[key] = gate
        if gate.closed_at is None:
            self.open_until = None
        elif self.open_until is not None:
            self.open_until = max(self.open_until, gate.closed_at)

    def digest(self) -> Digest:
        items = tuple(Item(key, gate) for key, gate in self.newest.items())
        return Digest(self.id, self.step, self.gathered_ms, self.until, items)


# When a card is posted. -----------------------------------------------------------------------------------------------


def post_at(digest: Digest, plan: Plan, run: Run) -> Millis | None:
    """From when on its card should stand; None when there is nothing on it that anybody needs to know."""
    ended = run.status.finished
    if ended and not any(one.is_open or _was_answered(one.gate) for one in digest.items):
        return None
    return digest.items[0].gate.opened_at if ended or is_complete(plan, run, digest.step) else digest.until


def _was_answered(gate: Gate) -> bool:
    return bool(gate.decisions) or gate.state is GateState.EXPIRED


def is_complete(plan: Plan, run: Run, name: str) -> bool:
    """Whether every item of the list has its gate at this step, or got by without one."""
    lists = {block for block in _blocks_around(name) if plan.knows(block) and plan.step(block).fanout is not None}
    for row in run.steps.values():
        if row.name not in lists and row.name != name:
            continue
        if row.status.finished or not plan.knows(row.name) or graph.is_past(plan, run, row):
            continue
        if row.name == name and not (row.gate is not None and row.gate.state is GateState.OPEN):
            return False
        if row.name in lists and not graph.stands_for_item(plan, row) and _has_more(row):
            return False
    return True


def _has_more(row: Step) -> bool:
    return row.fan is None or row.fan.begun < row.fan.count


def _blocks_around(name: str) -> Iterator[str]:
    while name := block_of(name):
        yield name
