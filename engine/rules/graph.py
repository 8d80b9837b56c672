"""The graph: when a step is ready, when it is skipped, and when it still has to wait for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from store.model import Run, StepPlan, StepStatus


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is to be done with a pending step."""

    verdict: Literal["wait", "go", "skip"]
    reason: str = ""


WAIT, GO = Readiness("wait"), Readiness("go")


def readiness(run: Run, plan: StepPlan) -> Readiness:
    """Whether everything a pending step needs is there. Its own condition is not looked at here."""
    skip: Readiness | None = None
    for edge in plan.needs:
        needed = run.steps[edge.step]
        if not needed.status.finished:
            return WAIT
        if edge.accepts == "end" or edge.guarded or needed.status is StepStatus.SUCCEEDED:
            continue
        word = "failed" if needed.status is StepStatus.FAILED else needed.status.value
        skip = skip or Readiness("skip", f"{edge.step} was {word}" if word != "failed" else f"{edge.step} failed")
    return skip or GO
