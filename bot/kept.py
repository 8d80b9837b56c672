"""Answers that are good for a while, with the time when they were asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

from engine.clock import Clock
from store.model import Millis

T = TypeVar("T")
REMEMBERED_MAX = 5_000


class Kept(Generic[T]):
    """Answers of Slack with the time when they were asked for; one question at a time for one key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: dict[str, tuple[T, Millis]] = {}
        self._asking: dict[str, anyio.Lock] = {}

    async def get(self, key: str, ask: Callable[[], Awaitable[T]], age_ms: int) -> tuple[T, Millis]:
        """An answer that is at most this old, and when it was asked for."""
        wanted_at = self._clock.now()
        async with self._asking.setdefault(key, anyio.Lock()):
            found = self._found.get(key)
            if found is not None and (found[1] >= wanted_at or wanted_at - found[1] < age_ms):
                return found
            asked_at = self._clock.now()
            found = (await ask(), asked_at)
            self._found[key] = found
        self._forget_oldest()
        return found

    def _forget_oldest(self) -> None:
        while len(self._found) > REMEMBERED_MAX:
            oldest = next(iter(self._found))
            del self._found[oldest]
            self._asking.pop(oldest, None)
