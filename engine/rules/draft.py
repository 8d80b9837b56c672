"""A run while events are applied to it, and what is counted of its steps along the way."""

from __future__ import annotations

from typing import Any

from store.model import Run, Step, StepKey, changed
from store.tally import count_busy, counts_active, holds_large, is_held


class Draft:
    """A run that is changed in place, so that a fold copies its steps only once."""

    __slots__ = ("_copied", "touched", "values")

    def __init__(self, run: Run) -> None:
        self._copied: set[str] = set()
        self.values: dict[str, Any] = dict(run.__dict__)
        self.touched: set[StepKey] = set()

    def step(self, key: StepKey) -> Step:
        found: Step = self.values["steps"][key]
        return found

    def steps(self) -> dict[StepKey, Step]:
        return self._own("steps")

    def put(self, step: Step) -> None:
        """Keep a step as it is from here on, and what is counted of steps."""
        steps, key, values = self.steps(), step.key, self.values
        old = steps.get(key)
        active = counts_active(step) - (old is not None and counts_active(old))
        if active:
            values["active"] += active
            if step.item is not None:
                count_busy(self._own("busy"), step, active)
        if step.item is not None:  # only what belongs to a list waits for room in it
            self._hold(old, step)
        if old is None or step.output is not old.output or step.gate is not old.gate or step.fan is not old.fan:
            values["large"] += holds_large(step) - (old is not None and holds_large(old))
        steps[key] = step
        self.touched.add(key)

    def _hold(self, old: Step | None, step: Step) -> None:
        if is_held(step):
            self._own("held")[step.key] = step.n
        elif old is not None and is_held(old):
            del self._own("held")[step.key]

    def _own(self, name: str) -> dict[StepKey, Any]:
        """A dict of the run that may be changed: a copy, made at the first change."""
        if name not in self._copied:
            self._copied.add(name)
            self.values[name] = dict(self.values[name])
        own: dict[StepKey, Any] = self.values[name]
        return own

    def change(self, key: StepKey, **changes: Any) -> None:
        self.put(changed(self.step(key), **changes))

    def add(self, name: str, item: str | None, round_: int) -> None:
        """A step that is to be done; when it was there in an earlier round, its attempts go on counting."""
        steps = self.steps()
        key = name if item is None else f"{name}[{item}]"
        old = steps.get(key)
        n = len(steps) if old is None else old.n
        fresh = Step(name, item, round_, n=n)
        if old is not None:
            fresh = changed(fresh, attempt=old.attempt, gate=old.gate, round=max(round_, old.round))
        self.put(fresh)

    def run(self) -> Run:
        """The run as it is; the draft is used up."""
        run = object.__new__(Run)
        object.__setattr__(run, "__dict__", self.values)
        return run
