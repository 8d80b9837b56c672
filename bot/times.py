"""Moments as people write them: a day, a moment, or how long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.requests import Objection
from engine.quantities import duration_ms
from store.model import Millis

_DAY_CHARS = len("2026-11-02")


def moment(text: str, now: Millis) -> Millis:
    """`24h` ago, a day or a moment in RFC 3339, as milliseconds since the epoch; a day is where it begins, in UTC."""
    return _read(text, now, timedelta(0))


def end_moment(text: str, now: Millis) -> Millis:
    """The same for the end of a period: who names a day means all of it."""
    return _read(text, now, timedelta(days=1))


def _read(text: str, now: Millis, of_day: timedelta) -> Millis:
    try:
        return now - duration_ms(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
        at += of_day if len(text) == _DAY_CHARS else timedelta(0)
    except (ValueError, OverflowError):
        raise Objection(
            "bad_time", f"{text} is not a time.", "Write 24h, 7d, 2026-11-02 or 2026-11-02T17:00:00Z.", status=422
        ) from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000)
