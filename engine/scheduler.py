"""The scheduler: claims what is due, in the very commit that made it due, and sleeps until the next thing is.

Each batch of writes ends with a claiming pass. A ready step gets its attempt row there, counted against the limits
from rows; its activity starts after the commit. The loop only makes an empty batch when the clock says that
something has become due without anybody's doing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from engine.api import Engine
from engine.rules.commands import Claim, Pause, ReportInterrupted, Tick
from store import due
from store.database import Writer
from store.events import (
    AttemptFailed,
    AttemptInterrupted,
    ClockTurned,
    Event,
    GateOpened,
    RunStarted,
    StepReady,
    StepWaiting,
)
from store.faults import StoreFault
from store.model import ENGINE, LIMITS, Coordinates, Millis, Run, RunId, StepKey

log = structlog.get_logger("engine")


NOTHING = ""  # no run has this id: until the service says what to drive, nothing is claimed


class Scheduler:
    """Finds what is due and claims it. `room` tells how many more attempts may start, `start` starts one."""

    def __init__(
        self,
        engine: Engine,
        room: Callable[[], int],
        start: Callable[[Run, Coordinates], None],
    ) -> None:
        self._engine = engine
        self._room = room
        self._start = start
        self.only: RunId | None = NOTHING  # the one run to drive; None drives all of them
        self._wake_at: Millis | None = 0

    def close_batch(self, tx: Writer) -> None:
        """The claiming pass."""
        now = self._engine.clock.now()
        room = min(self._room(), LIMITS.claims_per_pass)
        claimed = due.ready(tx, now, room, self.only) if room > 0 else []
        for run_id, key in claimed:
            self._claim(tx, run_id, key)
        late = due.clocks(tx, now, LIMITS.claims_per_pass)
        for run_id in late:
            if self.only is None or run_id == self.only:
                self._apart(tx, run_id, partial(self._engine.change, run_id=run_id, command=Tick()))
        if late:
            tx.after_commit(lambda: self._wake_before(now))  # what the clock moved on is claimed by another batch

    def _claim(self, tx: Writer, run_id: RunId, key: StepKey) -> None:
        def claim(tx: Writer) -> None:
            performed = self._engine.change(tx, run_id, Claim(key))
            if performed.refusal is None:
                run = performed.run
                place = run.steps[key].place
                tx.after_commit(lambda: self._start(run, place))

        self._apart(tx, run_id, claim)

    def _apart(self, tx: Writer, run_id: RunId, do: Callable[[Writer], object]) -> None:
        """One run's trouble must not keep the others from being claimed."""
        try:
            tx.apart(do)
        except StoreFault:
            raise
        except Exception:
            if not tx.alive:
                raise
            log.exception("claim.poisoned", run=run_id)
            reason = "A step of it could not be claimed because of a bug in Pointsman; see the log."
            tx.apart(partial(self._engine.change, run_id=run_id, command=Pause(ENGINE, reason)))

    def note(self, run: Run, events: tuple[Event, ...]) -> None:
        """Hear of a commit: wake earlier when something becomes due before what was known."""
        for event in events:
            at = _due_at(run, event)
            if at is not None and at > event.at:  # what was due at once has been claimed in its own commit
                self._wake_before(at)

    def look_again(self) -> None:
        """A batch was rolled back, with whatever it had claimed: try once more in a moment."""
        self._wake_before(self._engine.clock.now() + 1_000)

    def _wake_before(self, at: Millis | None) -> None:
        if at is not None and (self._wake_at is None or at < self._wake_at):
            self._wake_at = at
            self._engine.due.ring()

    async def loop(self) -> None:
        """Have a batch made whenever the clock makes something due."""
        while True:
            await self._engine.due.wait_until(self._engine.clock, self._wake_at)
            if self._wake_at is not None and self._wake_at <= self._engine.clock.now():
                await self.run_once()

    async def run_once(self) -> None:
        """Claim what is due, and find out when to look again."""
        now = self._engine.clock.now()
        self._wake_at = None
        try:
            await self._engine.database.nudge()
            # What became due while the batch was made lies after `now`, and so is found here.
            self._wake_before(await self._engine.database.read(lambda tx: due.next_at(tx, now)))
        except StoreFault as fault:
            if fault.fatal:
                raise
            log.warning("scheduler.waits", reason=fault.message, hint=fault.hint)
            self._wake_before(now + 1_000)

    async def recover(self) -> int:
        """Every attempt that was under way when the last service ended was interrupted. Gives how many there were."""
        found = await self._engine.database.read(due.running)
        mine = [place for place in found if self.only is None or place[0] == self.only]
        for start in range(0, len(mine), 500):
            await self._engine.database.write(partial(self._interrupt, places=mine[start : start + 500]))
        return len(mine)

    def _interrupt(self, tx: Writer, places: list[tuple[RunId, StepKey]]) -> None:
        for run_id, key in places:

            def report(tx: Writer, run_id: RunId = run_id, key: StepKey = key) -> None:
                place = self._engine.run_in(tx, run_id).steps[key].place
                self._engine.change(tx, run_id, ReportInterrupted(place, "the service stopped while it ran"))

            self._apart(tx, run_id, report)


def _due_at(run: Run, event: Event) -> Millis | None:
    match event:
        case StepReady(due_at=at) | AttemptFailed(due_at=at) | AttemptInterrupted(due_at=at):
            return at
        case StepWaiting(until_at=at):
            return at
        case GateOpened():
            gate = run.steps[event.place.key].gate
            return gate.next_timer_at if gate else None
        case ClockTurned(on=True) | RunStarted():
            return run.deadline_at
        case _:
            return None
