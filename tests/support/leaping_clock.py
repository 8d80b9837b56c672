"""The machine's clock, which a test may push ahead: whoever waits for a moment looks again."""

from __future__ import annotations

import anyio

from engine.clock import SystemClock


class LeapingClock:
    """Time goes by as it does, and sometimes all at once."""

    def __init__(self) -> None:
        self._ahead_ms = 0
        self._clock = SystemClock()
        self._leapt = anyio.Event()

    def now(self) -> int:
        return self._clock.now() + self._ahead_ms

    def leap(self, ms: int) -> None:
        self._ahead_ms += ms
        self._leapt.set()
        self._leapt = anyio.Event()

    async def wait(self, bell: anyio.Event, until: int | None) -> None:
        """Return when the bell rings, the moment has come or the clock has leapt, whichever is first."""
        async with anyio.create_task_group() as group:

            async def leapt(leap: anyio.Event) -> None:
                await leap.wait()
                group.cancel_scope.cancel()

            group.start_soon(leapt, self._leapt)
            await self._clock.wait(bell, None if until is None else until - self._ahead_ms)
            group.cancel_scope.cancel()
