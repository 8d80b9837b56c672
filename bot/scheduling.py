"""Schedules for operators and programs: what there is, when it fires next, and what can be done with it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from bot import timetables
from bot.objections import bad_inputs, unknown_schedule, unknown_workflow
from bot.requests import (
    AddSchedule,
    DeleteSchedule,
    Objection,
    PauseSchedule,
    ResumeSchedule,
    RunSchedule,
    Schedules,
)
from engine.api import Engine
from engine.inputs import read_inputs
from engine.schedule_book import Entry, NoSuchSchedule, NotYours, ScheduleBook, entries
from engine.timetable import NoTimetable
from store.model import Actor, Json
from store.schedules import Schedule

T = TypeVar("T")


class Scheduling:
    """What can be asked of the schedules of a running engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._book = ScheduleBook(engine)

    async def listed(self, request: Schedules) -> Json:
        found = await self._engine.database.read(entries)
        return timetables.told(found, request, self._engine.clock.now())

    async def add(self, request: AddSchedule, by: Actor) -> Json:
        definition = self._engine.definitions.get(request.workflow)
        if definition is None:
            raise unknown_workflow(request.workflow, self._engine.definitions)
        read = read_inputs(definition.plan, request.inputs, typed=request.typed)
        if read.problems:
            raise bad_inputs(request.workflow, read.problems)
        schedule = Schedule(
            request.workflow,
            request.name,
            request.cron,
            request.timezone,
            by,
            "person",
            request.overlap,
            request.catch_up,
            read.values,
        )
        return self._one(await self._asked(self._book.add(schedule)))

    async def pause(self, request: PauseSchedule, by: Actor) -> Json:
        return self._one(await self._asked(self._book.pause(request.ref, by, request.reason)))

    async def resume(self, request: ResumeSchedule) -> Json:
        return self._one(await self._asked(self._book.resume(request.ref)))

    async def delete(self, request: DeleteSchedule) -> Json:
        return self._one(await self._asked(self._book.delete(request.ref)))

    async def run_now(self, request: RunSchedule, by: Actor) -> Json:
        run_id, why = await self._asked(self._book.run_now(request.ref, by))
        run = None if run_id is None else await self._engine.look(run_id)
        if run is None:
            raise Objection("not_started", f"{request.ref} started no run: {why}.", "Mend that, and try again.")
        return {"run": run.id, "name": run.name, "existing": False, "status": run.status.value}

    def _one(self, schedule: Schedule) -> Json:
        return timetables.schedule(Entry(schedule), self._engine.clock.now(), timetables.UPCOMING)

    async def _asked(self, doing: Awaitable[T]) -> T:
        try:
            return await doing
        except NoSuchSchedule as error:
            raise unknown_schedule(error) from None
        except NotYours as error:
            raise Objection("not_here", error.message, error.hint) from None
        except NoTimetable as error:
            cure = 'Write for instance "0 9 * * 1" or @daily, and a zone like Europe/Berlin.'
            raise Objection("bad_timetable", f"{str(error)[:1].upper()}{str(error)[1:]}.", cure, status=422) from None
