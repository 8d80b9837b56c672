"""What runs spend on model calls: what was used, and what the calls under way will take at least."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.ensuring import Cost, within_budget
from engine.models import Models
from engine.secrets import reveal
from store.model import Coordinates, Json, Plan, Run, RunId, StepKey, StepStatus

CHARS_PER_TOKEN = 4
_Call = tuple[StepKey, int]


@dataclass(slots=True)
class Spending:
    """Keeps calls within the budgets of their runs, also when several of a run are asked at once."""

    models: Models
    _under_way: dict[RunId, dict[_Call, Cost]] = field(default_factory=dict)
    _used: dict[RunId, Mapping[str, int]] = field(default_factory=dict)  # of runs with calls under way

    def begin(self, plan: Plan, run: Run, place: Coordinates, with_: Json, reask: Mapping[str, str] | None) -> None:
        """Let a call begin. Raises ActivityFault budget_used_up when its run may not pay for it."""
        if plan.budget is None:
            return
        cost = self._expected(with_, reask)
        others = self._under_way.get(run.id, {})
        within_budget(plan.budget, self._used.get(run.id, run.usage), sum(others.values(), cost))
        self._under_way.setdefault(run.id, {})[place.key, place.attempt] = cost
        self._used.setdefault(run.id, run.usage)

    def note(self, run: Run) -> None:
        """Hear of a commit: calls that were reported are among what was used."""
        if run.id not in self._under_way:
            return
        self._used[run.id] = run.usage
        for call in list(self._under_way[run.id]):
            step = run.steps.get(call[0])
            if step is None or step.status is not StepStatus.RUNNING or step.attempt != call[1]:
                self.end(run.id, call)

    def end(self, run_id: RunId, call: _Call) -> None:
        """A call is over, however it ended."""
        calls = self._under_way.get(run_id, {})
        calls.pop(call, None)
        if not calls:
            self._under_way.pop(run_id, None)
            self._used.pop(run_id, None)

    def _expected(self, with_: Json, reask: Mapping[str, str] | None) -> Cost:
        given = with_ if isinstance(with_, Mapping) else {}
        said = [given.get(name) for name in ("system", "prompt", "messages")]
        chars = sum(_chars(reveal(part)) for part in said) + sum(map(len, (reask or {}).values()))
        tokens = -(-chars // CHARS_PER_TOKEN)
        name = given.get("model")
        first = name[0] if isinstance(name, list | tuple) and name else name
        endpoint = self.models.get(first) if isinstance(first, str) else None
        return Cost(tokens, 0 if endpoint is None else endpoint.price.usd_micros(tokens, 0))


def _chars(value: Json) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(_chars(part) for name, part in value.items() if name != "role")
    return sum(_chars(part) for part in value) if isinstance(value, list | tuple) else 0
