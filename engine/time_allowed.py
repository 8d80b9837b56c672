"""The time that an attempt may take: its own, from when its work begins; its step's, from when the step was ready."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from engine.faults import ActivityFault
from store.model import StepPlan

_MORE_TIME = "Raise attempt_timeout if it needs more time."
_LOOK = "Look at the other end whether it happened, then settle it; raise attempt_timeout if it needs more time."
_MORE_WORKERS = "Raise the step's `timeout`, or `python_workers` in the operator's file."


@dataclass(slots=True)
class TimeAllowed:
    """Cuts off what runs in `scope` when the time is over.

    An attempt that waits for its turn is not at work: nothing is taken from its own time until `begin`.
    """

    spec: StepPlan
    left_ms: int | None  # of the step's time over all its attempts
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _began: bool = False

    def __post_init__(self) -> None:
        self._end_within(self.left_ms)

    def begin(self) -> None:
        """Its work begins. Said again, it means nothing: a worker that died before it was of use is replaced."""
        if not self._began:
            self._began = True
            self._end_within(self.spec.attempt_timeout_ms)

    def fault(self) -> ActivityFault:
        """What to say of an attempt that was cut off."""
        if not self._began:
            return ActivityFault(
                "timeout",
                f"No worker process was free for the step within {_seconds(self.left_ms)}.",
                hint=_MORE_WORKERS,
            )
        limits = [limit for limit in (self.spec.attempt_timeout_ms, self.left_ms) if limit is not None]
        once = self.spec.effect == "once"
        return ActivityFault(
            "timeout",
            f"The step took longer than {_seconds(min(limits, default=None))}.",
            maybe_happened=once,
            hint=_LOOK if once else _MORE_TIME,
        )

    def _end_within(self, ms: int | None) -> None:
        if ms is not None:
            self.scope.deadline = min(self.scope.deadline, anyio.current_time() + ms / 1000)


def _seconds(ms: int | None) -> str:
    return "allowed" if ms is None else f"{ms / 1000:g} s"
