"""How fast we may speak: buckets per method and channel, and the pauses that Slack asked for. Pure: time comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from store.model import Millis

UPDATE_EVERY_MS = 60_000 // 45  # Slack allows 50 edits a minute for the whole workspace
UPDATE_BURST = 5
UPDATE_RESERVE = 2  # left for messages that say how something ended
POST_EVERY_MS = 1_000  # a second and channel
POST_BURST = 3
POSTS_EVERY_MS = 60_000 // 200  # "several hundred a minute" for the whole workspace
POSTS_BURST = 20
EDIT_SPACING_MS = 3_000  # between two edits of one message
_REMEMBERED_MAX = 10_000


@dataclass(slots=True)
class Bucket:
    """So many at once, and one more every so often."""

    every_ms: int
    burst: int
    used: float = 0.0  # how much of the burst is used up
    at: Millis = 0

    def ready_at(self, now: Millis, reserve: int = 0) -> Millis:
        """The moment from which one more fits, with `reserve` left over."""
        over = self._used(now) + 1 + reserve - self.burst
        return now if over <= 1e-9 else now + max(1, int(over * self.every_ms + 0.999))

    def take(self, now: Millis) -> None:
        self.used, self.at = self._used(now) + 1, now

    def _used(self, now: Millis) -> float:
        return max(0.0, self.used - max(0, now - self.at) / self.every_ms)


@dataclass(slots=True)
class Pacing:
    """All our limits, and the moment from which the next call fits them."""

    _updates: Bucket = field(default_factory=lambda: Bucket(UPDATE_EVERY_MS, UPDATE_BURST))
    _posts: Bucket = field(default_factory=lambda: Bucket(POSTS_EVERY_MS, POSTS_BURST))
    _channels: dict[str, Bucket] = field(default_factory=dict)
    _edited: dict[str, Millis] = field(default_factory=dict)
    _held: dict[tuple[str, str], Millis] = field(default_factory=dict)

    def post_at(self, channel: str, now: Millis) -> Millis:
        """When a message may go to this channel."""
        bucket = self._channels.get(channel)
        return max(
            self._held.get(("chat.postMessage", channel), now),
            self._posts.ready_at(now),
            bucket.ready_at(now) if bucket else now,
        )

    def update_at(self, key: str, now: Millis, *, final: bool) -> Millis:
        """When this message may be edited. What is final waits for nothing but the limit itself."""
        spaced = now if final else self._edited.get(key, now - EDIT_SPACING_MS) + EDIT_SPACING_MS
        reserve = 0 if final else UPDATE_RESERVE
        return max(self.held_until("chat.update", now), self._updates.ready_at(now, reserve), spaced, now)

    def held_until(self, method: str, now: Millis) -> Millis:
        return max(now, self._held.get((method, ""), now))

    def posted(self, channel: str, now: Millis) -> None:
        """Count a message."""
        self._posts.take(now)
        _trim(self._channels)
        self._channels.setdefault(channel, Bucket(POST_EVERY_MS, POST_BURST)).take(now)

    def updated(self, key: str, now: Millis) -> None:
        """Count an edit."""
        self._updates.take(now)
        _trim(self._edited)
        self._edited[key] = now

    def hold(self, method: str, channel: str, until: Millis) -> None:
        """Slack asked for a pause. Messages are limited by channel, everything else by method."""
        place = (method, channel if method == "chat.postMessage" else "")
        _trim(self._held)
        self._held[place] = max(until, self._held.get(place, until))


def _trim(remembered: dict[Any, Any]) -> None:  # oldest first: what was not used for long paces nothing any more
    while len(remembered) >= _REMEMBERED_MAX:
        del remembered[next(iter(remembered))]
