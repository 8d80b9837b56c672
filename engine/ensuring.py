"""What must hold of an output beyond its shape, and of a run before it spends more."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from engine.faults import ActivityFault
from engine.rules.expressions import ExpressionError, condition, evaluate
from engine.rules.scope import Where, scope
from store.content import ContentFolder
from store.model import Facts, Json, Plan, Run, StepPlan

ANSWER_CHARS = 8_000  # of an answer that did not hold, when a model is asked again


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
                maybe_happened=spec.effect == "once",
                detail={"answer": orjson.dumps(output).decode()[:ANSWER_CHARS], "error": said},
            )


def within_budget(plan: Plan, spec: StepPlan, run: Run) -> None:
    """Raise ActivityFault when the model calls of a run have used up what they may cost."""
    budget = plan.budget
    if budget is None or spec.uses != "model":
        return
    tokens = run.usage.get("input_tokens", 0) + run.usage.get("output_tokens", 0)
    usd = run.usage.get("micro_usd", 0) / 1_000_000
    over = None
    if budget.tokens is not None and tokens >= budget.tokens:
        over = f"{tokens:,} of {budget.tokens:,} tokens"
    elif budget.usd is not None and usd >= budget.usd:
        over = f"{usd:.2f} of {budget.usd:.2f} US dollars"
    if over is not None:
        raise ActivityFault(
            "budget_used_up",
            f"The run has used {over} for model calls.",
            retryable=False,
            hint="Raise limits.budget in the workflow file, then retry the run with the newest version.",
        )
