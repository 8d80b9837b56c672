"""The seam to everything outside: what carries an attempt out, and where secrets come from. A rehearsal has its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.activities import ACTIVITIES, Activity
from engine.mapping import resolve
from engine.secrets import Secret
from engine.workers.pool import WorkerPool
from store.model import StepPlan

CHILD = "workflow"  # of this kind the activity is a run of its own, which the engine starts itself


def activity(workflow: str, spec: StepPlan) -> Activity | None:
    """What carries out a step of this workflow; None when the engine starts the run that the step asks for."""
    return None if spec.uses == CHILD else ACTIVITIES[spec.uses]


@dataclass(frozen=True, slots=True)
class Outside:
    """Where the engine touches the world."""

    activity: Callable[[str, StepPlan], Activity | None] = activity
    secret: Callable[[str, str], Secret] = resolve
    workers: WorkerPool | None = None  # for `python` steps, when they are to outlive the service; else it has its own


WORLD = Outside()
