"""Polling: the first request gives work away; later attempts ask whether it is done, and never send it again.

What an attempt leaves for the next is where to ask, since when, and how often it was asked: no secrets. Headers are
mapped anew each time, and go only to the origin that the step names itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from engine.activities import arguments
from engine.activities.work import Work
from engine.faults import ActivityFault, Later
from engine.http import Request, Response
from engine.quantities import duration_ms
from engine.rules.expressions import ExpressionError, condition, evaluate, parse_template
from store.model import Json

EVERY_MS = 10_000
EVERY_MS_MIN = 100  # asked more often, a service would take it for an attack
TIMEOUT_MS = 3_600_000
_OURS = frozenset(("idempotency-key", "content-type"))  # they belong to the first request
_ASKS = frozenset(("GET", "HEAD"))
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Poll:
    """How often and how long the service is asked, where, and when its work is done or has failed."""

    until: str
    every_ms: int = EVERY_MS
    timeout_ms: int = TIMEOUT_MS
    url: str = ""  # a template over `response`; else the answer's Location, or what was asked at first
    fail_when: str = ""


def poll_of(spec: Mapping[str, Json]) -> Poll | None:
    """What a step says under `poll:`."""
    said = spec.get("poll")
    if said is None:
        return None
    return Poll(
        until=str(said["until"]),
        every_ms=max(_length_ms(said.get("every"), EVERY_MS), EVERY_MS_MIN),
        timeout_ms=_length_ms(said.get("timeout"), TIMEOUT_MS),
        url=said.get("url") or "",
        fail_when=said.get("fail_when") or "",
    )


def _length_ms(value: Json, default: int) -> int:
    if value is None:
        return default
    return value if type(value) is int else duration_ms(value)


def asking(first: Request, memo: Mapping[str, Json]) -> Request:
    """The request that asks whether the work is done, made from the one that gave it away."""
    url = memo.get("url")
    kept = {name: value for name, value in first.headers.items() if name.lower() not in _OURS}
    if url is None:
        return replace(first, method="GET", headers=kept, body=None)
    if _origin(urlsplit(url)) != _origin(urlsplit(first.url)):
        kept = {name: value for name, value in kept.items() if name.lower() == "traceparent"}
    return replace(first, method="GET", url=url, query=(), headers=kept, body=None)


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def require_done(poll: Poll, work: Work, request: Request, response: Response, body: Json) -> int:
    """How often the service was asked until its work was done.

    Raises Later while the work is not done, ActivityFault when it failed or has taken too long.
    """
    names = {"response": {"status": response.status, "headers": dict(response.headers), "body": body}}
    memo, now = work.memo or {}, work.tools.clock.now()
    asked = int(memo.get("asked", 0)) + (work.memo is not None)
    if poll.fail_when and _holds("fail_when", poll.fail_when, names, work):
        raise ActivityFault(
            "poll_failed",
            f"The work that {request.method} {response.url} tells of has failed: {poll.fail_when.strip()}",
            retryable=not work.once,
            anew=True,
        )
    if _holds("until", poll.until, names, work):
        return asked
    until_at = int(memo.get("until_at", now + poll.timeout_ms))
    if now >= until_at:
        raise ActivityFault(
            "poll_timeout",
            f"The work was not done within {poll.timeout_ms / 1000:g} s; it was asked for {asked} times.",
            retryable=False,
            hint="Raise poll.timeout if it needs more time.",
        )
    where = memo["url"] if work.memo is not None else _where(poll, names, request, response)
    asked_ms = work.tools.http.retry_after_ms(response.headers) or 0
    wait_ms = min(max(poll.every_ms, asked_ms), until_at - now)
    raise Later({"url": where, "until_at": until_at, "asked": asked}, wait_ms)


def _holds(name: str, text: str, names: Mapping[str, Any], work: Work) -> bool:
    try:
        value = evaluate(condition(text), names)
    except ExpressionError as error:
        if work.memo is None:
            return False  # the first answer only says that the work was taken; it may look like anything
        raise ActivityFault(
            "poll_invalid", f"`poll.{name}` could not be computed from the answer: {error}", retryable=False
        ) from None
    return value is True


def _where(poll: Poll, names: Mapping[str, Any], request: Request, response: Response) -> str | None:
    """Where to ask; None for where the work was given away."""
    found: Json = response.headers.get("location")
    if poll.url:
        try:
            found = parse_template(poll.url).fill(names)
        except ExpressionError as error:
            raise _nowhere(f"`poll.url` could not be computed from the answer: {error}") from None
    if isinstance(found, str) and found:
        return urljoin(request.url, found)
    if request.method in _ASKS and not poll.url:
        return None
    raise _nowhere(f"{request.method} {response.url} did not say where to ask")


def _nowhere(message: str) -> ActivityFault:
    fault = arguments.wrong(message, "Write poll.url, with what the answer tells: ${{ response.body.id }}.")
    fault.maybe_happened = True
    return fault
