"""The watch: hears of every commit and of every attempt that starts, with the moment it did."""

from __future__ import annotations

from time import perf_counter

import anyio

from engine.service import Service
from store.events import Event
from store.model import Coordinates, Run, RunId


class Tally:
    """Counts, and wakes whoever waits for a number."""

    __slots__ = ("_event", "_wanted", "count")

    def __init__(self) -> None:
        self.count = 0
        self._wanted = 0
        self._event = anyio.Event()

    def add(self) -> None:
        self.count += 1
        if self.count == self._wanted:
            self._event.set()

    async def reach(self, wanted: int) -> None:
        """Return when this many have been counted."""
        if self.count >= wanted:
            return
        self._wanted, self._event = wanted, anyio.Event()
        await self._event.wait()


class Watch:
    """Stands between the engine and its runner. Costs less than a microsecond a commit.

    `ended` and `parked` count runs; `entered` tells when a step of a run was carried into its activity, in seconds
    of `perf_counter`. It wraps the runner's `start`, so that a no-op step's activity has been entered when it returns.
    """

    def __init__(self, service: Service, *, entries: bool = False) -> None:
        self.ended = Tally()
        self.parked = Tally()
        self.ended_at: dict[RunId, float] = {}
        self.entered: dict[tuple[RunId, str], float] = {}
        self._tell = service.engine.committed
        service.engine.committed = self._committed
        if entries:
            self._start = service.scheduler._start
            service.scheduler._start = self._starting

    def _committed(self, run: Run, events: tuple[Event, ...]) -> None:
        self._tell(run, events)
        if run.ended_at is not None:
            self.ended_at[run.id] = perf_counter()
            self.ended.add()
        elif run.active_since is None:  # nothing is ready or running: only people or the clock move it on
            self.parked.add()

    def _starting(self, run: Run, place: Coordinates) -> None:
        self._start(run, place)
        self.entered[run.id, place.step] = perf_counter()
