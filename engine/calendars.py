"""Calendars of working time: how an operator's working days, hours and holidays count for the clocks of a gate.

Working time is counted as it really passes: a day on which the clocks change is an hour longer or shorter when the
change falls into its working hours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.faults import ActivityFault
from engine.opening import After, plainly
from store.model import Json, Millis

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_NEEDED = ("timezone", "days", "from", "to")


class CalendarUnfit(ValueError):
    """The data gives no calendar; the message says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working time of some people: on these days of the week, between these hours, except on holidays."""

    zone: ZoneInfo
    days: frozenset[int]  # 0 is Monday
    opens: int  # minutes after midnight, by the clock on the wall
    closes: int
    holidays: frozenset[date] = frozenset()

    def after(self, start_at: Millis, ms: int) -> Millis:
        """The moment that lies so many milliseconds of working time after a moment; before it, when negative.

        It always lies in working time, whose last moment is when it closes.
        """
        return self._later(start_at, ms) if ms >= 0 else self._earlier(start_at, -ms)

    def _later(self, start_at: Millis, ms: int) -> Millis:
        for opens_at, closes_at in self._spans(start_at, 1):
            begin = max(opens_at, start_at)
            if begin > closes_at:
                continue
            if ms <= closes_at - begin:
                return begin + ms
            ms -= closes_at - begin
        raise AssertionError("days go on")

    def _earlier(self, start_at: Millis, ms: int) -> Millis:
        for opens_at, closes_at in self._spans(start_at, -1):
            end = min(closes_at, start_at)
            if end < opens_at:
                continue
            if ms <= end - opens_at:
                return end - ms
            ms -= end - opens_at
        raise AssertionError("days go on")

    def _spans(self, around: Millis, step: int) -> Iterator[tuple[Millis, Millis]]:
        """From when until when work is done, day after day from the day before `around`, or the same backwards."""
        day = datetime.fromtimestamp(around / 1000, self.zone).date() - timedelta(days=step)
        while True:
            if day.weekday() in self.days and day not in self.holidays:
                opens_at, closes_at = self._at(day, self.opens), self._at(day, self.closes)
                if opens_at < closes_at:  # no time is left when the clocks leap over all of it
                    yield opens_at, closes_at
            day += timedelta(days=step)

    def _at(self, day: date, minutes: int) -> Millis:
        """The moment when the clock on the wall shows this: the first of two, and just after a leap over it."""
        wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001 - on the wall
        moment = wall.replace(tzinfo=self.zone).astimezone(UTC)
        if moment.astimezone(self.zone).replace(tzinfo=None) == wall:
            return round(moment.timestamp() * 1000)
        leap = range(round(wall.replace(tzinfo=self.zone, fold=1).timestamp()), round(moment.timestamp()) + 1)
        return leap[bisect_left(leap, True, key=lambda at: self._wall(at) > wall)] * 1000

    def _wall(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, self.zone).replace(tzinfo=None)


def clocks(calendars: Mapping[str, Calendar]) -> Callable[[str], After]:
    """How the clocks of a gate run, by the name of its calendar: every hour counts where it names none.

    What is given raises ActivityFault for a name that is not known.
    """

    def after(name: str) -> After:
        if not name:
            return plainly
        if name not in calendars:
            raise ActivityFault(
                "calendar_missing",
                f"The operator's settings have no calendar `{name}`, so nobody can say when this is due.",
                retryable=False,
                hint="Write it under `calendars` in the settings file, reload, then retry the run.",
            )
        return calendars[name].after

    return after


def calendar_from(data: Json) -> Calendar:
    """Read what an operator wrote. Raises CalendarUnfit.

    `{timezone: Europe/Berlin, days: [mon..fri], from: "09:00", to: "17:30", holidays: [2026-12-25]}`
    """
    if not isinstance(data, Mapping):
        raise CalendarUnfit(f"A calendar has {', '.join(_NEEDED)} and perhaps holidays; {data!r} has none of them.")
    for name in data:
        if name not in (*_NEEDED, "holidays"):
            near = get_close_matches(str(name), (*_NEEDED, "holidays"), n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(_NEEDED)} and holidays."
            raise CalendarUnfit(f"A calendar has no `{name}`; {hint}")
    for name in _NEEDED:
        if data.get(name) is None:
            raise CalendarUnfit(f"`{name}` is missing: a calendar needs {', '.join(_NEEDED)}.")
    opens, closes = _minutes("from", data["from"]), _minutes("to", data["to"])
    if opens >= closes:
        raise CalendarUnfit(
            f"From {data['from']} to {data['to']} there is no working time; `to` must be later on the same day."
        )
    holidays = frozenset(_holiday(one) for one in _listed("holidays", data.get("holidays") or []))
    return Calendar(_zone(data["timezone"]), _days(data["days"]), opens, closes, holidays)


def _zone(name: Json) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise CalendarUnfit(f"{name!r} is no time zone; write one like Europe/Berlin.") from None


def _listed(name: str, data: Json) -> list[Json]:
    if not isinstance(data, list | tuple):
        raise CalendarUnfit(f"`{name}` is a list; {data!r} is none.")
    return list(data)


def _days(data: Json) -> frozenset[int]:
    found: set[int] = set()
    for one in _listed("days", data):
        first, _, last = str(one).lower().partition("..")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise CalendarUnfit(f"{one!r} is no day of the week; write {', '.join(_DAYS)}, or a stretch like mon..fri.")
        start, length = _DAYS.index(first), (_DAYS.index(last or first) - _DAYS.index(first)) % 7
        found |= {(start + n) % 7 for n in range(length + 1)}
    if not found:
        raise CalendarUnfit("`days` is empty: without a working day there is no working time, and no clock would move.")
    return frozenset(found)


def _minutes(name: str, data: Json) -> int:
    hours, colon, minutes = str(data).partition(":")
    whole = isinstance(data, str) and colon and all(part.isascii() and part.isdigit() for part in (hours, minutes))
    at = int(hours) * 60 + int(minutes) if whole and len(minutes) == 2 and int(minutes) < 60 else -1
    if not 0 <= at <= _DAY_MINUTES:
        raise CalendarUnfit(f'`{name}` is {data!r}; write a time of day in quotation marks, "00:00" to "24:00".')
    return at


def _holiday(data: Json) -> date:
    if isinstance(data, date) and not isinstance(data, datetime):
        return data
    try:
        if isinstance(data, str) and len(data) == 10:
            return date.fromisoformat(data)
    except ValueError:
        pass
    raise CalendarUnfit(f"{data!r} is no holiday; write a day like 2026-12-25.")
