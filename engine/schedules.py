"""Schedules at work: which slots fire, which are left out, and the runs they start.

The mark of a schedule is the moment up to which its slots have been dealt with. It moves in the commit that starts the
runs, and each slot has a row of its own, so that no slot fires twice: not after a crash, nor when the clock is set back
or the rules of a zone change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from engine.api import Engine, NotStarted, Request
from engine.inputs import read_inputs
from engine.rules.commands import Cancel
from engine.rules.expressions import ExpressionError, parse_template
from engine.rules.gates import rfc3339
from engine.timetable import NoTimetable, Timetable, timetable, zone_rules
from store import draft, runs, schedules
from store.database import Writer
from store.faults import StoreFault
from store.model import ENGINE, Actor, Json, Millis, RunId
from store.schedules import Schedule, Slot

log = structlog.get_logger("engine")

ON_TIME_MS = 60_000  # a slot that is this late still fires on time: the service was busy, not away
CATCH_UP_MS = 7 * 24 * 3_600_000  # nothing older is caught up on
CATCH_UP_MAX = 100  # slots caught up on at once, the latest of them
DUE_MAX = 64  # schedules looked at in one batch


class Schedules:
    """Fires what is due, as part of each batch."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def fire(self, tx: Writer, now: Millis) -> bool:
        """Deal with every slot whose time has come; whether there may be more."""
        found = schedules.due(tx, now, DUE_MAX)
        for schedule in found:
            try:
                tx.apart(partial(self._fire, schedule=schedule, now=now))
            except StoreFault:
                raise
            except Exception as error:  # a bug pauses the schedule it touches, and nobody else notices
                if not tx.alive:
                    raise
                log.exception("schedule.poisoned", schedule=schedule.id)
                why = f"it could not be fired because of a bug in Pointsman: {type(error).__name__}: {error}"
                schedules.keep(tx, replace(schedule, state="paused", why=why))
        return len(found) == DUE_MAX

    def _fire(self, tx: Writer, schedule: Schedule, now: Millis) -> None:
        try:
            table = timetable(schedule.cron, schedule.timezone)
        except NoTimetable as error:
            schedules.keep(tx, replace(schedule, state="paused", why=f"its timetable is no longer understood: {error}"))
            log.error("schedule.broken", schedule=schedule.id, reason=str(error))
            return
        since = max(schedule.mark, now - CATCH_UP_MS)
        fires, missed = chosen(schedule, list(table.between(since, now)), now)
        for at in missed:
            schedules.note(tx, Slot(schedule.id, at, "missed", why="the service was not running"))
        self._waits(tx, schedule, table)  # they came first
        for at in fires:
            self._slot(tx, schedule, table, at, late=at < now - ON_TIME_MS)
        following = table.after(now)
        if self._waits(tx, schedule, table):
            following = min(following, now + ON_TIME_MS)
        schedules.keep(tx, replace(schedule, mark=now, next_at=following))

    def _slot(self, tx: Writer, schedule: Schedule, table: Timetable, at: Millis, *, late: bool) -> None:
        """Start the run of a slot, or have it wait, or say why there is none."""
        if schedules.known(tx, schedule.id, at):
            return
        before = self._open_run(tx, schedule)
        # Slots that are caught up on come all at once, and the author wants every one of them.
        wish = "queue" if late and schedule.catch_up == "all" and schedule.overlap == "skip" else schedule.overlap
        if before is not None and wish == "skip":
            schedules.note(tx, Slot(schedule.id, at, "skipped", why="the run before it had not ended"))
            return
        if wish == "queue" and (before is not None or schedules.waiting(tx, schedule.id) is not None):
            schedules.note(tx, Slot(schedule.id, at, "waiting", why="for the run before it to end"))
            return
        if before is not None and wish == "cancel":
            self._engine.change(tx, before, Cancel(ENGINE, f"the next run of {schedule.id} took its place"))
        self.start(tx, schedule, at, table.slot(at).local, schedule.creator)

    def _waits(self, tx: Writer, schedule: Schedule, table: Timetable) -> bool:
        """Start the run of the slot that has waited longest when its turn has come; whether any still wait."""
        while (at := schedules.waiting(tx, schedule.id)) is not None:
            if self._open_run(tx, schedule) is not None:
                return True
            self.start(tx, schedule, at, table.slot(at).local, schedule.creator)
        return False

    def start(self, tx: Writer, schedule: Schedule, at: Millis, local: str, actor: Actor) -> RunId | None:
        """Start the run of a slot; None when that is not possible, which is put down too."""
        definition = self._engine.definitions.get(schedule.workflow)
        if definition is None:
            schedules.note(tx, Slot(schedule.id, at, "failed", why="its workflow is not loaded"))
            return None
        try:
            read = read_inputs(definition.plan, _inputs(schedule, at), typed=True)
        except ExpressionError as error:
            schedules.note(tx, Slot(schedule.id, at, "failed", why=f"its inputs could not be computed: {error}"))
            return None
        if read.problems:
            why = "; ".join(problem.message for problem in read.problems)
            schedules.note(tx, Slot(schedule.id, at, "failed", why=why))
            return None
        when = {"slot": rfc3339(at), "local": local, "zone_rules": zone_rules(schedule.timezone)}
        origin = {**schedule.origin, "surface": "schedule", "schedule": schedule.id, **when}
        kept = self._engine.content.kept(read.values)
        request = Request(read.values, kept, actor, origin, f"schedule:{schedule.id}:{at}")
        try:
            started = self._engine.start_in(tx, definition.plan, request)
        except NotStarted as refused:
            schedules.note(tx, Slot(schedule.id, at, "failed", why=refused.message))
            return None
        schedules.note(tx, Slot(schedule.id, at, "started", started.run.id))
        return started.run.id

    def _open_run(self, tx: Writer, schedule: Schedule) -> RunId | None:
        latest = next((slot.run_id for slot in schedules.slots(tx, schedule.id, 5) if slot.run_id), None)
        if latest is None:
            return None
        standing = draft.standing(tx, latest)
        status = standing[0].status if standing else runs.status(tx, latest)
        return None if status is None or status.finished else latest


def _inputs(schedule: Schedule, at: Millis) -> Mapping[str, Json]:
    """What the run of a slot is given. What a person wrote is data; only a file may compute."""
    if schedule.source == "person":
        return schedule.inputs
    event: dict[str, Json] = {"slot": rfc3339(at), "schedule": schedule.name}
    filled: Any = parse_template(dict(schedule.inputs)).fill({"event": event})
    return dict(filled)


def chosen(schedule: Schedule, slots: list[Millis], now: Millis) -> tuple[list[Millis], list[Millis]]:
    """Which of the slots that have come fire, and which are left out because nobody was there."""
    late = [at for at in slots if at < now - ON_TIME_MS]
    on_time = slots[len(late) :]
    caught: list[Millis] = []
    match schedule.catch_up:
        case "all":
            caught = late[-CATCH_UP_MAX:]
        case "latest":
            caught = [] if on_time else late[-1:]
    fires = caught + on_time
    return fires, [at for at in slots if at not in set(fires)]


def renewed(known: Schedule | None, wanted: Schedule, now: Millis) -> Schedule:
    """A schedule as it stands in its file from here on: paused if it was, and never firing what lies behind it."""
    table = timetable(wanted.cron, wanted.timezone)
    if known is None:
        return replace(wanted, mark=now, next_at=table.after(now))
    same = (known.cron, known.timezone) == (wanted.cron, wanted.timezone)
    mark = known.mark if same else now
    return replace(wanted, state=known.state, why=known.why, mark=mark, next_at=now)  # slots may wait for their turn


def resumed(schedule: Schedule, now: Millis) -> Schedule:
    """A paused schedule that goes on: what would have fired in between was not wanted."""
    table = timetable(schedule.cron, schedule.timezone)
    return replace(schedule, state="active", why="", mark=now, next_at=table.after(now))
