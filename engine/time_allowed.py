"""The time that an attempt may take: its own, and what is left of its step's; both count from when its work begins."""

from __future__ import annotations

from dataclasses import dataclass, field

import anyio

from engine.faults import ActivityFault
from store.model import LIMITS, StepPlan

_MORE_TIME = "Raise attempt_timeout if it needs more time."
_LOOK = "Look at the other end whether it happened, then settle it; raise attempt_timeout if it needs more time."


def own_ms(spec: StepPlan) -> int | None:
    """How long one attempt may take. What is done for a run that is over always ends: nobody could cancel it."""
    if spec.phase != "finally" and ":" not in spec.name:
        return spec.attempt_timeout_ms
    return min(spec.attempt_timeout_ms or spec.timeout_ms or LIMITS.last_attempt_ms, LIMITS.last_step_ms)


@dataclass(slots=True)
class TimeAllowed:
    """Cuts off what runs in `scope` when the time is over.

    An attempt that waits for its turn is not at work: nothing is taken from its time until `begin`.
    """

    spec: StepPlan
    left_ms: int | None  # of the step's time over all its attempts
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _made: float = field(default_factory=anyio.current_time)
    _began: float | None = None

    def begin(self) -> None:
        """Its work begins. Said again, it means nothing: a worker that died before it was of use is replaced."""
        if self._began is None:
            self._began = anyio.current_time()
            self._end_within(own_ms(self.spec))
            self._end_within(self.left_ms)

    @property
    def waited_ms(self) -> int:
        """How long it waited for its turn."""
        return 0 if self._began is None else round((self._began - self._made) * 1000)

    def fault(self) -> ActivityFault:
        """What to say of an attempt that was cut off."""
        limits = [limit for limit in (own_ms(self.spec), self.left_ms) if limit is not None]
        once = self.spec.effect == "once"
        return ActivityFault(
            "timeout",
            f"The step took longer than {_seconds(min(limits, default=None))}.",
            maybe_happened=self.spec.effect != "pure",
            hint=_LOOK if once else _MORE_TIME,
        )

    def _end_within(self, ms: int | None) -> None:
        if ms is not None:
            self.scope.deadline = min(self.scope.deadline, anyio.current_time() + ms / 1000)


def _seconds(ms: int | None) -> str:
    return "allowed" if ms is None else f"{ms / 1000:g} s"
