"""Moments as people read them: `formatDate(moment, "yyyy-MM-dd HH:mm", "Europe/Berlin")`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.rules.expressions.frame import Fault, Frame
from engine.rules.expressions.operators import whole

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2}))?", re.ASCII
)
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*", re.ASCII)
_PIECE: Final = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<field>([A-Za-z])\3*)|(?P<literal>[^A-Za-z']+)")
_PATTERN_MAX: Final = 200
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_FIELDS: Final[dict[str, Callable[[datetime], str]]] = {
    "yyyy": lambda at: f"{at.year:04}",
    "yy": lambda at: f"{at.year % 100:02}",
    "MMMM": lambda at: _MONTHS[at.month - 1],
    "MMM": lambda at: _MONTHS[at.month - 1][:3],
    "MM": lambda at: f"{at.month:02}",
    "M": lambda at: str(at.month),
    "dd": lambda at: f"{at.day:02}",
    "d": lambda at: str(at.day),
    "EEEE": lambda at: _DAYS[at.weekday()],
    "EEE": lambda at: _DAYS[at.weekday()][:3],
    "HH": lambda at: f"{at.hour:02}",
    "H": lambda at: str(at.hour),
    "hh": lambda at: f"{(at.hour - 1) % 12 + 1:02}",
    "h": lambda at: str((at.hour - 1) % 12 + 1),
    "a": lambda at: "AM" if at.hour < 12 else "PM",
    "mm": lambda at: f"{at.minute:02}",
    "ss": lambda at: f"{at.second:02}",
    "SSS": lambda at: f"{at.microsecond // 1000:03}",
    "XXX": lambda at: _offset(at),
}
_MISTAKEN: Final = {"Y": "yyyy is the year", "D": "dd is the day", "n": "mm is the minute", "S": "SSS are milliseconds"}


def format_date(_: Frame, moment: Any, pattern: str, zone: str = "UTC") -> str:
    """A moment, in milliseconds since 1970 or as RFC 3339 text, written by a pattern in the time of a zone."""
    for problem in (pattern_problem(pattern), zone_problem(zone)):
        if problem:
            raise Fault(problem)
    where = _zone(zone)
    try:
        at = (_parsed(moment, where) if type(moment) is str else _moment(moment)).astimezone(where)
    except (OverflowError, ValueError):
        raise Fault("formatDate() knows the years 1 to 9999") from None
    return "".join(piece if isinstance(piece, str) else piece(at) for piece in _pieces(pattern))


def pattern_problem(pattern: str) -> str:
    """Why a date pattern cannot be used, or an empty string."""
    try:
        _pieces(pattern)
    except ValueError as error:
        return str(error)
    return ""


def zone_problem(zone: str) -> str:
    """Why a time zone cannot be used, or an empty string."""
    try:
        _zone(zone)
    except (ValueError, OSError, KeyError):
        return "unknown time zone: write it like Europe/Berlin or UTC"
    return ""


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    if len(name) > 64 or not _ZONE.fullmatch(name):
        raise ValueError(name)
    return ZoneInfo(name)


@lru_cache(maxsize=256)
def _pieces(pattern: str) -> tuple[str | Callable[[datetime], str], ...]:
    if len(pattern) > _PATTERN_MAX:
        raise ValueError(f"the date pattern is longer than {_PATTERN_MAX} characters")
    pieces: list[str | Callable[[datetime], str]] = []
    offset = 0
    while offset < len(pattern):
        match = _PIECE.match(pattern, offset)
        if match is None:
            raise ValueError("a ' in the date pattern is not closed")
        pieces.append(_piece(match))
        offset = match.end()
    return tuple(pieces)


def _piece(match: re.Match[str]) -> str | Callable[[datetime], str]:
    field = match["field"]
    if field is None:
        quoted = match["quoted"]
        return match["literal"] if quoted is None else quoted.replace("''", "'") or "'"
    if field not in _FIELDS:
        hint = _MISTAKEN.get(field[0], "letters that stand for themselves are quoted: 'at'")
        raise ValueError(f"'{field}' means nothing in a date pattern; {hint}")
    return _FIELDS[field]


def _moment(milliseconds: int | float) -> datetime:
    return _EPOCH + timedelta(milliseconds=whole("formatDate()", milliseconds))


def _parsed(text: str, where: tzinfo) -> datetime:
    """RFC 3339; a date alone is its midnight in the zone."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise Fault("formatDate() cannot read this text", "it reads 2026-05-31 and 2026-05-31T18:30:00Z")
    day, time, fraction, offset = match.groups()
    try:
        if time is None:
            return datetime.fromisoformat(day).replace(tzinfo=where)
        micros = fraction.ljust(7, "0")[:7] if fraction else ""
        return datetime.fromisoformat(f"{day}T{time}{micros}{'+00:00' if offset in 'Zz' else offset}")
    except ValueError:
        raise Fault("formatDate() was given a date that does not exist") from None


def _offset(at: datetime) -> str:
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    if minutes == 0:
        return "Z"
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
