"""Moments: is anything under way at this moment, and when does the clock have something to say next?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from store.model import Millis, Run, RunStatus, StepStatus

_LIVELY = frozenset({RunStatus.RUNNING, RunStatus.ENDING})  # a paused or queued run minds no clock


def moving(runs: Iterable[Run], now: Millis) -> bool:
    """Whether something is being done, or is about to be without anybody's doing."""
    return any(at <= now for run in runs for at in _moments(run))


def next_at(runs: Iterable[Run]) -> Millis | None:
    """When something becomes due, once nothing moves."""
    return min((at for run in runs for at in _moments(run)), default=None)


def _moments(run: Run) -> Iterator[Millis]:
    if run.status not in _LIVELY:
        return
    for step in run.steps.values():
        if step.status is StepStatus.RUNNING and step.attempt:
            yield 0
        elif step.status in (StepStatus.READY, StepStatus.WAITING) and step.due_at is not None:
            yield step.due_at
    if run.status is RunStatus.RUNNING and run.deadline_at is not None:
        yield run.deadline_at
