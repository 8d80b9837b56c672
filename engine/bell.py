"""A bell wakes loops early. It carries no data: a lost ring costs a moment, never work."""

from __future__ import annotations

import anyio

from engine.clock import Clock
from store.model import Millis


class Bell:
    """Rung by whoever changed something; heard by loops that look at the table anyway."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def ring(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None

    def event(self) -> anyio.Event:
        """An event that the next ring sets. Take it before looking at the table, so that no ring is missed."""
        if self._event is None:
            self._event = anyio.Event()
        return self._event

    async def wait(self, timeout_ms: int | None = None) -> None:
        """Return at the next ring, or when this many milliseconds have passed."""
        event = self.event()
        with anyio.move_on_after(None if timeout_ms is None else timeout_ms / 1000):
            await event.wait()

    async def wait_until(self, clock: Clock, until: Millis | None) -> None:
        """Return at the next ring, or when the moment has come."""
        await clock.wait(self.event(), until)
