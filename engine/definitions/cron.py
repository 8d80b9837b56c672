"""Cron lines: five fields, as crontab(5) has them, each fault told in the words of its field.

What may fire is settled by the timetable; here its lines are taken apart only to say what is wrong with them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.timetable import ALIASES, NoTimetable, timetable

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
HOW = "write for instance 0 9 * * 1 (Mondays at 9:00): minute, hour, day of the month, month, day of the week"
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?P<first>\*|[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?(?:/(?P<step>[0-9]+))?")
_NTH = re.compile(r"(?P<day>[0-9a-z]+)#(?P<nth>[0-9])")


class NotCron(ValueError):
    """A line that names no moments; `hint` tells what to write."""

    def __init__(self, message: str, hint: str = HOW) -> None:
        super().__init__(message)
        self.hint = hint


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: tuple[str, ...]


def cron_line(text: str) -> str:
    """The five fields that the text stands for, aliases written out. Raises NotCron."""
    line = ALIASES.get(text.strip().lower(), text)
    fields = line.split()
    if line.startswith("@"):
        raise NotCron(f"there is no `{line}`", f"write one of {', '.join(ALIASES)}, or five fields")
    if len(fields) == 6:
        rest = " ".join(fields[1:])
        raise NotCron(
            "a cron line has 5 fields, and this one has 6: there are no seconds",
            f'without its first field it is "{rest}"',
        )
    if len(fields) != 5:
        raise NotCron(f"a cron line has 5 fields, and this one has {len(fields)}")
    found = [_values(_field(at), fields[at]) for at in range(5)]
    _some_day_exists(fields, found)
    line = " ".join(fields)
    try:
        timetable(line, "UTC")
    except NoTimetable as error:
        raise NotCron(str(error)) from None
    return line


def _field(at: int) -> _Field:
    words = _MONTHS if at == 3 else _DAYS if at == 4 else ()
    return _Field(FIELDS[at], *_BOUNDS[at], words)


def _values(field: _Field, text: str) -> frozenset[int]:
    return frozenset(value for part in text.lower().split(",") for value in _of_part(field, part))


def _of_part(field: _Field, part: str) -> range | tuple[int, ...]:
    if field.name == FIELDS[2] and part in ("l", "lw"):
        return (28, 29, 30, 31)
    if field.name == FIELDS[4] and part.endswith("l") and len(part) > 1:
        return (_number(field, part[:-1]),)
    if field.name == FIELDS[4] and (nth := _NTH.fullmatch(part)):
        if not 1 <= int(nth["nth"]) <= 5:
            raise NotCron(f"`{part}`: a month has a first to a fifth {nth['day']}", "write for instance mon#1")
        return (_number(field, nth["day"]),)
    match = _PART.fullmatch(part)
    if match is None:
        raise NotCron(f"`{part or ','}` is no {field.name}", f"write {_ways(field)}")
    step = int(match["step"] or 1)
    if step == 0:
        raise NotCron(f"`{part}`: every 0 is never", f"write for instance {match['first']}/5")
    if match["first"] == "*":
        if match["last"]:
            raise NotCron(f"`{part}` is no range", f"write for instance {field.low}-{field.high}")
        return range(field.low, field.high + 1, step)
    first = _number(field, match["first"])
    last = _number(field, match["last"]) if match["last"] else field.high if match["step"] else first
    if last < first:
        raise NotCron(f"`{part}` goes backwards", f"write {match['last']}-{match['first']}, or two ranges: a-b,c-d")
    return range(first, last + 1, step)


def _number(field: _Field, word: str) -> int:
    if word in field.words:
        return field.words.index(word) + (field.name == FIELDS[3])
    if not word.isdigit():
        raise NotCron(f"`{word}` is no {field.name}", f"write {_ways(field)}")
    if not field.low <= int(word) <= field.high:
        raise NotCron(f"`{word}` is no {field.name}: it goes from {field.low} to {field.high}", f"write {_ways(field)}")
    return int(word)


def _ways(field: _Field) -> str:
    words = f", or {field.words[0]} to {field.words[-1]}" if field.words else ""
    return (
        f"{field.low} to {field.high}{words}; * for every, 1-5 for a range, */15 for every fifteenth, 1,3 for several"
    )


def _some_day_exists(fields: list[str], found: list[frozenset[int]]) -> None:
    """Whether any of the months has any of the days; a day of the week besides always comes."""
    if fields[2] == "*" or fields[4] != "*":
        return
    if all(day > _LONGEST[month - 1] for month in found[3] for day in found[2]):
        raise NotCron("no month named here has such a day", "write another day, or L for the last one of the month")
