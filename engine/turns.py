"""Turns at a limited endpoint: when the next request may go, counted from the rows of its latest uses.

Windows slide: at no moment were there more requests or tokens within the last period than the operator allows. What an
answer will take is not known before it is there; until then it is taken for the average of those before it.
"""

from __future__ import annotations

from itertools import islice

from engine.models import Endpoint
from engine.quantities import Rate
from store import endpoints
from store.database import Reader, Writer
from store.model import Millis

TOKENS_UNKNOWN = 1_000  # what an answer is taken for when no other is there to compare with
COMPARED = 50  # answers whose average is taken


def next_turn_at(tx: Writer, name: str, limits: Endpoint, now: Millis) -> Millis | None:
    """When one more request may go, at the earliest now; None when that depends on the end of another."""
    if limits.concurrent is not None and endpoints.under_way(tx, name) >= limits.concurrent:
        return None
    moments = [now]
    if limits.requests is not None:
        moments.append(_by_requests(tx, name, limits.requests, now))
    if limits.tokens is not None:
        moments.append(_by_tokens(tx, name, limits, limits.tokens, now))
    return max(moments)


def forget_old_uses(tx: Writer, name: str, limits: Endpoint, now: Millis) -> None:
    """Drop what no limit looks at any more."""
    periods = [rate.period_ms for rate in (limits.requests, limits.tokens) if rate is not None]
    endpoints.forget_uses(tx, name, now - max(periods, default=0))


def _by_requests(tx: Reader, name: str, rate: Rate, now: Millis) -> Millis:
    latest = list(islice(endpoints.uses(tx, name, now - rate.period_ms), rate.count))
    return now if len(latest) < rate.count else latest[-1].at + rate.period_ms


def _by_tokens(tx: Reader, name: str, limits: Endpoint, rate: Rate, now: Millis) -> Millis:
    latest = list(endpoints.uses(tx, name, now - rate.period_ms))
    known = [use.tokens for use in latest if use.tokens][:COMPARED]
    expected = -(-sum(known) // len(known)) if known else TOKENS_UNKNOWN + (limits.max_tokens or 0)
    total = expected  # of the request that wants to go
    for use in latest:
        total += expected if use.tokens is None else use.tokens
        if total > rate.count:
            return use.at + rate.period_ms
    return now
