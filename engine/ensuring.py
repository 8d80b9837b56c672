"""What must hold of an output beyond its shape, and of a run before it spends more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from engine.faults import ActivityFault
from engine.rules.expressions import ExpressionError, condition, evaluate
from engine.rules.scope import Where, scope
from store.content import ContentFolder
from store.model import Budget, Facts, Json, Plan, Run, StepPlan

MICRO = 1_000_000
ANSWER_CHARS = 8_000  # of an answer that did not hold, when a model is asked again


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call will take at least."""

    tokens: int = 0
    usd_micros: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.tokens + other.tokens, self.usd_micros + other.usd_micros)


def ensure(
    plan: Plan,
    spec: StepPlan,
    run: Run,
    where: Where,
    output: Json,
    content: ContentFolder,
    settings: Mapping[str, Json],
) -> None:
    """Raise ActivityFault with the author's words when something does not hold; a model is asked again with them."""
    for one in spec.ensure:
        expression = condition(one.that)
        names = scope(plan, run, expression.references, Facts(content=content.values, settings=settings), where)
        try:
            holds = evaluate(expression, names | {"output": output})
        except ExpressionError as error:
            raise ActivityFault(
                "ensure_failed", f"What is ensured could not be computed: {error}", retryable=False
            ) from None
        if holds is not True:
            said = one.otherwise or f"it does not hold that {one.that.strip()}"
            raise ActivityFault(
                "ensure_failed",
                f"The output is not as it must be: {said}",
                retryable=spec.effect != "once",
                maybe_happened=spec.effect != "pure",
                detail={"answer": orjson.dumps(output).decode()[:ANSWER_CHARS], "error": said},
            )


def within_budget(budget: Budget, usage: Mapping[str, int], expected: Cost) -> None:
    """Raise ActivityFault when a call would take a run past its budget.

    `expected` is what this call and those under way will take at least: a budget is not passed by a whole call.
    """
    tokens = usage.get("tokens_in", 0) + usage.get("tokens_out", 0)
    micros = usage.get("usd_micros", 0)
    over = None
    if budget.tokens is not None and _passed(tokens, expected.tokens, budget.tokens):
        over = f"{tokens:,} of {budget.tokens:,} tokens for model calls{_more(f'{expected.tokens:,}')}"
    elif budget.usd is not None and _passed(micros, expected.usd_micros, round(budget.usd * MICRO)):
        over = (
            f"{_dollars(micros)} of {budget.usd:.2f} US dollars for model calls{_more(_dollars(expected.usd_micros))}"
        )
    if over is not None:
        raise ActivityFault(
            "budget_used_up",
            f"The run has used {over}.",
            retryable=False,
            hint="Raise limits.budget in the workflow file, then retry the run with the newest version.",
        )


def _passed(used: int, expected: int, budget: int) -> bool:
    return used >= budget or used + expected > budget


def _more(expected: str) -> str:
    return f", and the next one takes at least {expected} more"


def _dollars(micros: int) -> str:
    """Dollars with as many digits as show that it is not nothing."""
    return f"{micros / MICRO:.2f}" if micros >= MICRO // 100 or not micros else f"{micros / MICRO:.6f}".rstrip("0")
