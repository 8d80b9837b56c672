"""Schedules as JSON: when each fires next, with what is unusual about it, and what became of the latest times."""

from __future__ import annotations

from collections.abc import Iterable

from bot import shapes
from bot.requests import Schedules
from engine.schedule_book import Entry
from engine.timetable import NoTimetable, timetable
from store.model import Json, Millis

UPCOMING = 3


def told(found: Iterable[Entry], request: Schedules, now: Millis) -> Json:
    """Schedules with their next times; of one workflow when one is named."""
    return [schedule(one, now, request.upcoming) for one in found if request.workflow in (None, one.schedule.workflow)]


def schedule(entry: Entry, now: Millis, upcoming: int) -> shapes.Shape:
    """A schedule with its next times and what became of the latest."""
    one, names = entry.schedule, entry.names or {}
    try:
        table = timetable(one.cron, one.timezone)
        following = table.preview(now, upcoming) if one.state == "active" else []
        explained = table.explained()
    except NoTimetable as error:
        following, explained = [], f"not understood: {error}"
    return {
        "schedule": one.id,
        "workflow": one.workflow,
        "name": one.name,
        "cron": one.cron,
        "timezone": one.timezone,
        "explained": explained,
        "overlap": one.overlap,
        "catch_up": one.catch_up,
        "inputs": dict(one.inputs),
        "source": one.source,
        "creator": shapes.actor(one.creator),
        "state": one.state,
        "why": one.why,
        "next": [
            {"at": shapes.moment(slot.at), "local": slot.local, "unusual": slot.unusual or None} for slot in following
        ],
        "last": [
            {
                "at": shapes.moment(slot.at),
                "outcome": slot.outcome,
                "run": None if slot.run_id is None else names.get(slot.run_id),
                "why": slot.why,
            }
            for slot in entry.slots
        ],
    }
