"""The scheduler: claims what is due, in the very commit that made it due, and sleeps until the next thing is.

A change claims what it made ready itself when there is room, and each batch of writes ends with a claiming pass for
everything else. A claimed step gets its attempt row in that commit; its activity starts after it. The loop only makes
an empty batch when the clock says that something has become due without anybody's doing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog

from engine.api import Engine, UnknownRun
from engine.at_once import AT_ONCE
from engine.endpoints import Endpoints
from engine.rules.commands import COMMANDS, Claim, Pause, ReportInterrupted, Tick
from engine.rules.lifecycle import handle
from engine.schedules import Schedules
from store import due, mail, schedules
from store.database import Writer
from store.events import (
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    ClockTurned,
    Event,
    EventAwaited,
    GateEscalated,
    GateOpened,
    GateOverdue,
    GateReminded,
    RunAdmitted,
    RunResumed,
    RunStarted,
    StepPolled,
    StepReady,
    StepWaiting,
)
from store.faults import StoreFault
from store.model import ENGINE, LIMITS, NO_FACTS, Coordinates, Millis, Plan, Run, RunId, RunStatus, StepKey

log = structlog.get_logger("engine")

_CLAIM = "A step of it could not be claimed"
_NEWS = "What another run had to tell it could not be acted on"


class Scheduler:
    """Finds what is due and claims it. `room` tells how many more attempts may start, `start` starts one."""

    def __init__(
        self,
        engine: Engine,
        room: Callable[[], int],
        start: Callable[[Run, Coordinates], None],
        endpoints: Endpoints,
    ) -> None:
        self._engine = engine
        self._room = room
        self._start = start
        self.only: set[RunId] | None = set()  # the runs to drive; None drives all of them
        self._begun = 0  # attempts that this batch starts and that take room, before the claiming pass
        self._behind = True  # whether steps may be ready that could not be claimed for want of room
        self._wake_at: Millis | None = 0
        self._schedules = Schedules(engine)
        self._endpoints = endpoints
        self._fires_at: Millis | None = 0  # when the first schedule has to be looked at; at first nobody knows

    def claim_ready(
        self, tx: Writer, plan: Plan, run: Run, events: tuple[Event, ...], now: Millis
    ) -> tuple[Run, tuple[Event, ...]]:
        """Claim what a change made ready within that change: one load and one save less than in the claiming pass.

        Steps that compute at once take no room. The others stand in line behind what was ready before.
        """
        self._endpoints.note(tx, plan, run, events, now)
        if not self._adopts(run) or run.status not in (RunStatus.RUNNING, RunStatus.ENDING):
            return run, events
        if run.workflow in self._engine.held:
            return run, events
        for event in events:
            if type(event) is StepReady and event.due_at <= now:
                run, events = self._claimed(tx, plan, run, events, event.place, now)
        for event in events:
            if type(event) is AttemptStarted:
                tx.after_commit(partial(self._start, run, event.place))
        return run, events

    def _claimed(
        self, tx: Writer, plan: Plan, run: Run, events: tuple[Event, ...], place: Coordinates, now: Millis
    ) -> tuple[Run, tuple[Event, ...]]:
        at_once, room = self._engine.spec_of(plan, place.step).uses in AT_ONCE, self._room()
        if room <= 0 or not (at_once or (room > self._begun and not self._behind)):
            return run, events
        if not at_once and not self._endpoints.lets(tx, plan, run, place.key, now):
            return run, events
        try:
            answered = handle(plan, run, Claim(place.key), NO_FACTS, now)
        except Exception:  # a bug must not take the change with it; the claiming pass will meet it again, and pause
            log.exception("claim.poisoned", run=run.id)
            return run, events
        if answered.run is None or not answered.events:
            return run, events
        self._begun += not at_once
        return answered.run, events + answered.events

    def close_batch(self, tx: Writer) -> None:
        """The claiming pass: what the batch's own changes left ready, and what became ready by the clock."""
        now = self._engine.clock.now()
        if self.only is None and self._fires_at is not None and self._fires_at <= now:
            self._fire(tx, now)
        self._deliver(tx)
        room = min(self._room() - self._begun, LIMITS.claims_per_pass)
        room -= self._serve_lines(tx, now, room)
        in_line = self._endpoints.in_line if self._endpoints.lined_up else None
        claimed = due.ready(tx, now, room, self.only, self._engine.held, in_line) if room > 0 else []
        for run_id, key in claimed:
            self._apart(tx, run_id, partial(self._claim, run_id=run_id, key=key, now=now))
        self._behind, self._begun = len(claimed) >= room, 0
        late = [run_id for run_id in due.clocks(tx, now, LIMITS.claims_per_pass) if self._drives(run_id)]
        for run_id in late:
            self._apart(tx, run_id, partial(self._engine.change, run_id=run_id, command=Tick()))
        self._deliver(tx)
        if late:
            tx.after_commit(lambda: self._wake_before(now))  # what the clock moved on is claimed by another batch
        look_at = self._endpoints.close(tx, now)
        if look_at is not None:
            tx.after_commit(partial(self._wake_before, look_at))

    def _claim(self, tx: Writer, run_id: RunId, key: StepKey, now: Millis, first_of: str | None = None) -> None:
        """Claim a step, unless it has to stand in line for its endpoint."""
        if self._endpoints.active(tx):
            run = self._engine.run_in(tx, run_id)
            plan = self._engine.plan_in(tx, run.version)
            if not self._endpoints.lets(tx, plan, run, key, now, first_of=first_of):
                return
        self._engine.change(tx, run_id, Claim(key))

    def _serve_lines(self, tx: Writer, now: Millis, room: int) -> int:
        """Claim what has stood in line for an endpoint and may go; gives how much room that took."""
        served = 0

        def claim(run_id: RunId, key: StepKey, name: str) -> None:
            nonlocal served
            if self._engine.run_in(tx, run_id).workflow not in self._engine.held:
                served += self._apart(tx, run_id, partial(self._claim, run_id=run_id, key=key, now=now, first_of=name))

        self._endpoints.serve(tx, now, room, self.only, claim)
        return served

    def _fire(self, tx: Writer, now: Millis) -> None:
        more = self._schedules.fire(tx, now)
        following = now if more else schedules.next_at(tx)
        tx.after_commit(partial(self.fires_before, following, anew=True))

    def fires_before(self, at: Millis | None, *, anew: bool = False) -> None:
        """Look at the schedules at this moment; with `anew` no earlier, as they have all been looked at."""
        if anew or (at is not None and (self._fires_at is None or at < self._fires_at)):
            self._fires_at = at
        self._wake_before(at)

    def _drives(self, run_id: RunId) -> bool:
        return self.only is None or run_id in self.only

    def _adopts(self, run: Run) -> bool:
        """Whether this run is driven here: it is, too, when a step of a run that is driven here started it."""
        if self.only is not None and run.parent is not None and run.parent.run_id in self.only:
            self.only.add(run.id)
        return self._drives(run.id)

    def _deliver(self, tx: Writer) -> None:
        """Let every run act on what another had to tell it, which may have something to tell in turn."""
        while self._engine.mail_waits:
            letters = mail.waiting(tx, LIMITS.claims_per_pass, self.only)
            self._engine.mail_waits = False
            for letter in letters:
                try:
                    acted = self._apart(tx, letter.run_id, partial(self._act_on, letter=letter), _NEWS)
                except UnknownRun:  # it was pruned: there is nobody to tell
                    acted = True
                (mail.delivered if acted else mail.hold)(tx, letter)
            self._engine.mail_waits = self._engine.mail_waits or len(letters) == LIMITS.claims_per_pass

    def _act_on(self, tx: Writer, letter: mail.Letter) -> None:
        self._engine.change(tx, letter.run_id, letter.command(COMMANDS))

    def _apart(self, tx: Writer, run_id: RunId, do: Callable[[Writer], object], what: str = _CLAIM) -> bool:
        """One run's trouble must not keep the others from being claimed. Whether there was none."""
        try:
            tx.apart(do)
        except (StoreFault, UnknownRun):
            raise
        except Exception:
            if not tx.alive:
                raise
            log.exception("claim.poisoned", run=run_id)
            self._pause(tx, run_id, f"{what} because of a bug in Pointsman; see the log.")
            return False
        return True

    def _pause(self, tx: Writer, run_id: RunId, reason: str) -> None:
        try:
            tx.apart(partial(self._engine.change, run_id=run_id, command=Pause(ENGINE, reason)))
        except Exception:  # its rows cannot even be read: all others go on without it
            if not tx.alive:
                raise
            log.exception("run.unreadable", run=run_id)

    def note(self, run: Run, events: tuple[Event, ...]) -> None:
        """Hear of a commit: wake earlier when something becomes due before what was known."""
        for event in events:
            at = _due_at(run, event)
            if at is not None and at > event.at:  # what was due at once has been claimed in its own commit
                self._wake_before(at)

    def look_again(self) -> None:
        """A batch was rolled back, with whatever it had claimed or delivered: try once more in a moment."""
        self._begun, self._engine.mail_waits = 0, True
        self._endpoints.forget()
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
            if self.only is None:
                self._wake_before(self._fires_at)
        except StoreFault as fault:
            if fault.fatal:
                raise
            log.warning("scheduler.waits", reason=fault.message, hint=fault.hint)
            self._wake_before(now + 1_000)

    async def recover(self) -> int:
        """Every attempt that was under way when the last service ended was interrupted. Gives how many there were."""
        found = await self._engine.database.read(due.running)
        mine = [place for place in found if self._drives(place[0])]
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
    kind = type(event)  # asked for every event of every commit: a look into a table is cheaper than patterns
    return _DUE_AT[kind](run, event) if kind in _DUE_AT else None


def _gate_due_at(run: Run, event: GateOpened | GateOverdue | GateReminded | GateEscalated) -> Millis | None:
    gate = run.steps[event.place.key].gate
    return gate.next_timer_at if gate else None


_DUE_AT: Mapping[type, Callable[[Run, Any], Millis | None]] = {
    StepReady: lambda run, event: event.due_at,
    StepPolled: lambda run, event: event.due_at,
    EventAwaited: lambda run, event: event.until_at,
    GateOverdue: _gate_due_at,
    GateReminded: _gate_due_at,
    GateEscalated: _gate_due_at,
    AttemptFailed: lambda run, event: event.due_at,
    AttemptInterrupted: lambda run, event: event.due_at,
    StepWaiting: lambda run, event: event.until_at,
    GateOpened: _gate_due_at,
    ClockTurned: lambda run, event: run.deadline_at if event.on else None,
    RunStarted: lambda run, event: run.deadline_at,
    RunAdmitted: lambda run, event: run.deadline_at,
    RunResumed: lambda run, event: event.at + 1,  # nobody minded its clocks while it was paused: look at all of them
}
