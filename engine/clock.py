"""The clock: the only place that asks what time it is, and a clock that tests move by hand."""

from __future__ import annotations

import time
from typing import Protocol

import anyio

from store.model import Millis

WAKE_AT_LEAST_MS = 60_000  # wall clocks jump and laptops sleep: look again at least this often


class Clock(Protocol):
    """Tells the time, and waits for a moment."""

    def now(self) -> Millis: ...

    async def wait(self, bell: anyio.Event, until: Millis | None) -> None:
        """Return when the bell rings or the moment has come, whichever is first; sometimes earlier."""


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> Millis:
        return time.time_ns() // 1_000_000

    async def wait(self, bell: anyio.Event, until: Millis | None) -> None:
        wait_ms = WAKE_AT_LEAST_MS if until is None else min(WAKE_AT_LEAST_MS, max(0, until - self.now()))
        with anyio.move_on_after(wait_ms / 1000):
            await bell.wait()


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: Millis = 1_700_000_000_000) -> None:
        self._at = at
        self._moved = anyio.Event()

    def now(self) -> Millis:
        return self._at

    def advance(self, ms: int) -> None:
        """Move the time on and wake everybody who waits for a moment."""
        self._at += ms
        self._moved.set()
        self._moved = anyio.Event()

    async def wait(self, bell: anyio.Event, until: Millis | None) -> None:
        async with anyio.create_task_group() as group:

            async def first(event: anyio.Event) -> None:
                await event.wait()
                group.cancel_scope.cancel()

            group.start_soon(first, bell)
            while until is None or self._at < until:
                await self._moved.wait()
            group.cancel_scope.cancel()
