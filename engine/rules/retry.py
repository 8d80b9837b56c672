"""When to try again, and when not.

Full jitter over an exponential backoff (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), drawn
from a seed made of the place, so that a replay waits exactly as long.
"""

from __future__ import annotations

from random import Random

from store.model import Failure, Millis, Run, Step, StepPlan


def next_try_at(
    run: Run, plan: StepPlan, step: Step, error: Failure, now: Millis, *, counts: bool = True, waited_ms: int = 0
) -> Millis | None:
    """When the next attempt may start; None when this failure was the last word.

    One that does not count as a try may be followed by any number of others, each when it is told to come. Of the time
    that the step may take, that wait uses up nothing, nor do the `waited_ms` that this attempt waited for its turn.
    """
    if not error.retryable or (counts and step.failures + 1 >= plan.retry.attempts):
        return None
    wait_ms = error.retry_after_ms or 0
    due_at = now + (max(backoff_ms(run.id, plan, step), wait_ms) if counts else wait_ms)
    used_up_at = (due_at if counts else now) - waited_ms
    if plan.timeout_ms is not None and used_up_at >= started_trying_at(step, now) + plan.timeout_ms:
        return None
    return due_at


def backoff_ms(run_id: str, plan: StepPlan, step: Step) -> int:
    """How long to wait after this failure: between the least and an exponentially growing bound."""
    least, most = plan.retry.backoff_min_ms, plan.retry.backoff_max_ms
    bound = min(most, least * 2 ** min(step.failures, 30))
    seed = f"{run_id}/{step.key}/{step.round}/{step.attempt}"
    return least if bound <= least else Random(seed).randint(least, bound)  # noqa: S311 - spreads load, guards nothing


def started_trying_at(step: Step, now: Millis) -> Millis:
    """From when the step's `timeout` counts."""
    return now if step.ready_at is None else step.ready_at
