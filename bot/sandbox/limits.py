"""Slack's rate limits as token buckets on the sandbox's clock."""

import math
from dataclasses import dataclass

from bot.sandbox.clock import Clock

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls in a period, with room for `burst` at once."""

    calls: int
    period_ms: int
    burst: int


# Slack promises "at least" these numbers a minute; we allow exactly them, so that a well-paced app stays well paced.
TIERS: dict[str, Rate] = {
    "tier1": Rate(1, MINUTE_MS, 1),
    "tier2": Rate(20, MINUTE_MS, 20),
    "tier3": Rate(50, MINUTE_MS, 50),
    "tier4": Rate(100, MINUTE_MS, 100),
    "special": Rate(300, MINUTE_MS, 300),
}
# One message a second in a channel; short bursts are tolerated.
POSTING_IN_A_CHANNEL = Rate(1, 1_000, 5)


@dataclass(slots=True)
class _Bucket:
    left: float
    at: int


class Limits:
    """Counts calls. `enabled = False` lets everything pass."""

    def __init__(self, clock: Clock, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, method: str, tier: str) -> int:
        """Count a call of a method: 0 when it may pass, else the seconds to wait."""
        return self._draw(("method", method), TIERS[tier])

    def post(self, channel: str) -> int:
        """Count a message to a channel: 0 when it may pass, else the seconds to wait."""
        return self._draw(("channel", channel), POSTING_IN_A_CHANNEL)

    def reset(self) -> None:
        self._buckets.clear()

    def _draw(self, key: tuple[str, str], rate: Rate) -> int:
        if not self.enabled:
            return 0
        now = self._clock.now()
        per_ms = rate.calls / rate.period_ms
        bucket = self._buckets.setdefault(key, _Bucket(rate.burst, now))
        bucket.left = min(rate.burst, bucket.left + (now - bucket.at) * per_ms)
        bucket.at = now
        if bucket.left >= 1:
            bucket.left -= 1
            return 0
        return max(1, math.ceil((1 - bucket.left) / per_ms / 1_000))
