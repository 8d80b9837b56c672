"""The schedules of a service: those that stand in files, those that people made, and what people do with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import structlog

from engine.api import Engine
from engine.schedules import Schedules, renewed, resumed
from engine.timetable import NoTimetable, timetable
from store import definitions, lookups, schedules
from store.database import Reader, Writer
from store.model import Actor, Millis, RunId, Workflow
from store.model import Schedule as InFile
from store.schedules import Schedule, Slot

log = structlog.get_logger("engine")

Change: TypeAlias = Callable[[Schedule, Millis], Schedule]

_USER_ID = re.compile(r"[UW][A-Z0-9]{4,}")
SLOTS_SHOWN = 5


class NoSuchSchedule(LookupError):
    """There is no schedule of this name; `known` are those that there are."""

    def __init__(self, wanted: str, known: tuple[str, ...]) -> None:
        super().__init__(wanted)
        self.known = known


class NotYours(Exception):
    """A schedule cannot be changed here; the text says why, and `hint` where it can."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Entry:
    """A schedule, what became of its latest slots, and the names of the runs they started."""

    schedule: Schedule
    slots: tuple[Slot, ...] = ()
    names: Mapping[RunId, str] | None = None


def of_files(cards: Mapping[str, Workflow]) -> Iterator[Schedule]:
    """The schedules that stand in the files of these workflows."""
    for name, card in sorted(cards.items()):
        for one in card.triggers:
            if isinstance(one, InFile):
                known = Schedule(name, one.name, one.cron, one.timezone, _creator(card, one), "file")
                yield replace(known, overlap=one.overlap, catch_up=one.catch_up, inputs=one.inputs)


def _creator(card: Workflow, one: InFile) -> Actor:
    """Who counts as the requester: the owner where that is one person, so that nobody approves a run of their own."""
    if _USER_ID.fullmatch(card.owner):
        return Actor("person", card.owner)
    return Actor("trigger", f"schedule:{card.name}/{one.name}", f"schedule {one.name}")


def load(tx: Writer, cards: Mapping[str, Workflow], now: Millis) -> None:
    """Keep what stands in the files, as it stands there; forget what stands there no longer."""
    wanted = {one.id: one for one in of_files(cards)}
    for schedule_id, one in wanted.items():
        try:
            kept = renewed(schedules.of(tx, schedule_id), one, now)
        except NoTimetable as error:  # the file was proved elsewhere, with other time zones
            kept = replace(one, state="paused", why=f"its timetable is not understood: {error}", mark=now)
            log.error("schedule.broken", schedule=schedule_id, reason=str(error))
        schedules.keep(tx, kept)
    schedules.drop_of_files(tx, wanted)


def entries(tx: Reader) -> list[Entry]:
    """Every schedule with the latest of its slots."""
    found = []
    for one in schedules.every(tx):
        slots = tuple(schedules.slots(tx, one.id, SLOTS_SHOWN))
        found.append(Entry(one, slots, lookups.names(tx, [slot.run_id for slot in slots if slot.run_id])))
    return found


def named(tx: Reader, wanted: str) -> Schedule:
    """The schedule that is meant: workflow/name, or its name where no other bears it. Raises NoSuchSchedule."""
    every = schedules.every(tx)
    found = [one for one in every if wanted in (one.id, one.name)]
    if len(found) != 1:
        raise NoSuchSchedule(wanted, tuple(one.id for one in found or every))
    return found[0]


class ScheduleBook:
    """What people do with schedules, each in one commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def pause(self, wanted: str, by: Actor, reason: str) -> Schedule:
        why = f"{by.name or by.id}: {reason}" if reason else f"{by.name or by.id} paused it"
        return await self._change(wanted, lambda one, now: replace(one, state="paused", why=why))

    async def resume(self, wanted: str) -> Schedule:
        """Let it go on; what it would have fired in between was not wanted."""
        return await self._change(wanted, resumed)

    async def add(self, schedule: Schedule) -> Schedule:
        """Keep a schedule that a person made. Raises NoTimetable, or NotYours when the name is taken."""

        def keep(tx: Writer) -> Schedule:
            if schedules.of(tx, schedule.id) is not None:
                raise NotYours(f"There is a schedule {schedule.id} already.", "Delete it first, or take another name.")
            now = self._engine.clock.now()
            kept = renewed(None, schedule, now)
            schedules.keep(tx, kept)
            return kept

        return self._fires(await self._engine.database.write(keep))

    async def delete(self, wanted: str) -> Schedule:
        """Forget a schedule that a person made; one of a file would come back with the next look at it."""

        def drop(tx: Writer) -> Schedule:
            found = named(tx, wanted)
            if found.source == "file":
                card = definitions.workflow(tx, found.workflow)
                file = card.file if card is not None and card.file else "its workflow's file"
                raise NotYours(
                    f"{found.id} stands in {file}.",
                    f"Take it out there and reload, or pause it: pointsman schedules pause {found.id}",
                )
            schedules.drop(tx, found.id)
            return found

        return await self._engine.database.write(drop)

    async def run_now(self, wanted: str, by: Actor) -> tuple[RunId | None, str]:
        """Start the run of a slot that is now; its id, or why there is none. Raises NoSuchSchedule, NoTimetable."""

        def start(tx: Writer) -> tuple[RunId | None, str]:
            found, now = named(tx, wanted), self._engine.clock.now()
            local = timetable(found.cron, found.timezone).slot(now).local
            run_id = Schedules(self._engine).start(tx, found, now, local, by)
            return run_id, "" if run_id else schedules.slots(tx, found.id, 1)[0].why

        return await self._engine.database.write(start)

    async def _change(self, wanted: str, change: Change) -> Schedule:
        def keep(tx: Writer) -> Schedule:
            changed = change(named(tx, wanted), self._engine.clock.now())
            schedules.keep(tx, changed)
            return changed

        return self._fires(await self._engine.database.write(keep))

    def _fires(self, schedule: Schedule) -> Schedule:
        if schedule.state == "active" and schedule.next_at is not None:
            self._engine.fires_before(schedule.next_at)
        return schedule
