"""Room in a list: as many of its items are busy at once as its author allows.

An item is busy while something in it is ready or running. One that waits for people, for another run or for a moment
is not; when it could go on while there is no room, its next step is held until there is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from engine.rules.graph import key_at
from store.model import Plan, Run, Step, StepKey, block_of


class Room:
    """What is free in each list. Who is let in is counted at once, before it is busy."""

    def __init__(self, plan: Plan, run: Run) -> None:
        self._plan = plan
        self._run = run
        self._free: dict[StepKey, int] = {}
        self._let_in: set[StepKey] = set()

    def take(self, step: Step) -> bool:
        """Whether a step may become ready: its item is busy anyway, or one more may be."""
        idle = [(block, item) for block, item in lists_around(self._plan, step) if not self._is_busy(item)]
        if any(self.free(block) <= 0 for block, _ in idle):
            return False
        for block, item in idle:
            self._free[block] -= 1
            self._let_in.add(item)
        return True

    def free(self, block: StepKey) -> int:
        """How many more items of this block may be busy."""
        if block not in self._free:
            self._free[block] = self._counted(self._run.steps[block])
        return self._free[block]

    def for_new_items(self, block: Step) -> int:
        """How many more of its items may begin: those that are held go first."""
        assert block.fan is not None
        left = block.fan.count - block.fan.begun
        if left <= 0 or self.free(block.key) <= 0:
            return 0
        around = (pair for key in self._run.held for pair in lists_around(self._plan, self._run.steps[key]))
        held = {item for outer, item in around if outer == block.key and not self._is_busy(item)}
        return min(self.free(block.key) - len(held), left)

    def held(self, blocks: Collection[StepKey]) -> list[Step]:
        """What is held in these blocks, in the order of the run."""
        if not self._run.held or not any(self.free(block) > 0 for block in blocks):
            return []
        held = (self._run.steps[key] for key in self._run.held)
        found = (step for step in held if any(block in blocks for block, _ in lists_around(self._plan, step)))
        return sorted(found, key=lambda step: step.n)

    def _is_busy(self, item: StepKey) -> bool:
        return item in self._run.busy or item in self._let_in

    def _counted(self, block: Step) -> int:
        fanout, fan = self._plan.step(block.name).fanout, block.fan
        assert fanout is not None
        assert fan is not None
        under_way = fan.begun - fan.ended
        if fan.begun == fan.count and under_way <= fanout.concurrency:
            return under_way  # all that are left fit in, however many of them are busy
        front = f"{block.name}[" if block.item is None else f"{block.name}[{block.item}/"
        slashes = self._plan.depth(block.name)
        busy = sum(1 for key in self._run.busy if key.startswith(front) and key.count("/") == slashes)
        return fanout.concurrency - busy


def lists_around(plan: Plan, step: Step) -> Iterator[tuple[StepKey, StepKey]]:
    """The lists that a step stands in, from the inside out: the block of each, and which item of it."""
    block = block_of(step.name)
    while block and step.item is not None:
        if plan.step(block).fanout is not None:
            front = "/".join(step.item.split("/")[: plan.depth(block) + 1])
            yield key_at(plan, block, step.item), f"{block}[{front}]"
        block = block_of(block)
