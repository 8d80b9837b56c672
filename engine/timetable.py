"""Timetables: when a cron line fires in a time zone, on the days the clocks change too.

A slot is an instant, told by its UTC milliseconds; its local time is only what people call it. When the clocks go
forward a slot that falls into the gap fires just after it; when they go back a slot that comes twice fires once, and
one that fires every hour or more often goes on by the hands of the clock (the rules of Debian's cron, which cronsim
keeps). cronsim may step back in time at the end of a fold, so instants are compared in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Literal
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from store.model import Millis

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # to have a line read; which day it is plays no part


class NoTimetable(ValueError):
    """A cron line or a zone that cannot be understood; the text says why."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One firing: when, what people call it, and what is unusual about it."""

    at: Millis
    local: str  # 2026-11-02 09:00 CET
    unusual: Literal["", "gap", "fold"] = ""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When something fires. Make it with `timetable`."""

    cron: str
    zone: ZoneInfo

    def after(self, at: Millis) -> Millis:
        """The first slot later than this moment."""
        return next(self._instants(at))

    def between(self, after: Millis, until: Millis) -> Iterator[Millis]:
        """The slots later than `after`, up to and including `until`."""
        for at in self._instants(after):
            if at > until:
                return
            yield at

    def preview(self, after: Millis, count: int) -> list[Slot]:
        """The next slots as people are shown them."""
        return [self.slot(at) for at in islice(self._instants(after), count)]

    def slot(self, at: Millis) -> Slot:
        """What people call a slot."""
        local = datetime.fromtimestamp(at / 1000, self.zone)
        return Slot(at, local.strftime("%Y-%m-%d %H:%M %Z"), self._unusual(local))

    def explained(self) -> str:
        """The cron line in words."""
        words: str = CronSim(self.cron, SOME_DAY).explain()
        return words

    def _instants(self, after: Millis) -> Iterator[Millis]:
        last = after
        for local in CronSim(self.cron, datetime.fromtimestamp(after / 1000, self.zone)):
            at = int(local.astimezone(UTC).timestamp() * 1000)
            if at > last:
                last = at
                yield at

    def _unusual(self, local: datetime) -> Literal["", "gap", "fold"]:
        naive = local.replace(tzinfo=None)
        if next(CronSim(self.cron, naive - timedelta(minutes=1))) != naive:
            return "gap"
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        return "fold" if twice else ""


@cache
def zone_rules(zone: str) -> str:
    """By which rules a zone is reckoned in this process: the version of the tz database, such as 2026f.

    Where that is not said, it is the hash of the zone's own file: it tells apart, if no more.
    """
    for folder in map(Path, TZPATH):
        file = folder / zone
        if file.is_file():
            return _version_beside(folder) or f"sha256:{sha256(file.read_bytes()).hexdigest()[:16]}"
    try:
        return str(import_module("tzdata").IANA_VERSION)
    except (ImportError, AttributeError):
        return ""


def _version_beside(folder: Path) -> str:
    """What the files of a system say of their version, in one of the ways in which they do."""
    with suppress(OSError, ValueError):
        return (folder / "+VERSION").read_text(encoding="ascii").strip()
    with suppress(OSError, ValueError), (folder / "tzdata.zi").open(encoding="ascii") as file:
        words = file.readline().split()
        return words[2] if words[:2] == ["#", "version"] and len(words) == 3 else ""
    return ""


def timetable(cron: str, zone: str) -> Timetable:
    """The timetable of a cron line of five fields, or an alias such as @daily. Raises NoTimetable."""
    line = " ".join(ALIASES.get(cron.strip().lower(), cron).split())
    if len(line.split()) != 5:
        raise NoTimetable(
            f"“{cron}” has {len(line.split())} fields; a cron line has five: minute, hour, day, month, weekday"
        )
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NoTimetable(f"there is no time zone “{zone}”; write one like Europe/Berlin") from None
    try:
        CronSim(line, SOME_DAY)
    except CronSimError as error:
        raise NoTimetable(f"“{cron}” cannot be understood: {error}") from None
    return Timetable(line, found)
