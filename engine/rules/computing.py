"""Computing with a run: conditions and templates, over exactly the data they refer to."""

from __future__ import annotations

from engine.rules.expressions import ExpressionError, Problem, condition, evaluate, parse_template
from engine.rules.scope import OUTSIDE, Where, scope
from store.model import Facts, Json, Plan, Run


def holds(text: str, plan: Plan, run: Run, facts: Facts, where: Where = OUTSIDE) -> bool:
    """Whether a condition is met. Raises ExpressionError, also when it gives neither true nor false."""
    value = value_of(text, plan, run, facts, where)
    if type(value) is not bool:
        raise ExpressionError(Problem(0, len(text), "it gave something other than true or false"), text)
    return value


def value_of(text: str, plan: Plan, run: Run, facts: Facts, where: Where = OUTSIDE) -> Json:
    """What an expression gives. Raises ExpressionError."""
    expression = condition(text)
    return evaluate(expression, scope(plan, run, expression.references, facts, where))


def filled(template: Json, plan: Plan, run: Run, facts: Facts, where: Where = OUTSIDE) -> Json:
    """A template with its expressions replaced by what they give. Raises ExpressionError."""
    parsed = parse_template(template)
    return parsed.fill(scope(plan, run, parsed.references, facts, where))
