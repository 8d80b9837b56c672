"""How long a server asks to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from store.model import Millis

RETRY_AFTER_MAX_MS = 7 * 24 * 3600 * 1000  # beyond a week a server is not asking to wait


def retry_after_ms(headers: Mapping[str, str], now: Millis) -> int | None:
    """How long the server asks to wait: seconds, or a date read by the server's own clock where it tells it."""
    precise = headers.get("retry-after-ms", "").strip()
    if precise.isdecimal():
        return _at_most(precise)
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.replace(".", "", 1).isdecimal():
        return _at_most(text, 1000)
    until = _date_ms(text)
    if until is None:
        return None
    since = _date_ms(headers.get("date", "")) or now
    return min(max(until - since, 0), RETRY_AFTER_MAX_MS)


def _at_most(number: str, scale: int = 1) -> Millis:
    """The number, bounded before it is rounded: a server may write more digits than any number has here."""
    return round(min(float(number) * scale, RETRY_AFTER_MAX_MS))


def _date_ms(text: str) -> Millis | None:
    try:
        date = parsedate_to_datetime(text)
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
