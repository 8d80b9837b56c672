"""Who may ask over the network, and for what: tokens, and how often each may be used."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import get_args

from bot.requests import May, Objection
from engine.quantities import Rate
from store.model import Actor, Millis

EVERYTHING: frozenset[May] = frozenset(get_args(May))
RATE = Rate(600, 60_000)  # of each token, and of the deliveries to each webhook
STRANGERS = Rate(60, 60_000)  # wrong tokens from one address; after that it is only told to wait
STRANGERS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what for they may."""

    actor: Actor
    may: frozenset[May] = EVERYTHING


@dataclass(frozen=True, slots=True)
class Token:
    """A caller of the network, and what proves it. The text appears nowhere."""

    caller: Caller
    text: str = field(repr=False)


class Throttle:
    """Counts uses in the current period, and says no over the rate."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._used: dict[str, tuple[Millis, int]] = {}

    def use(self, who: str, now: Millis) -> None:
        """Count one more use. Raises Objection over the rate."""
        period = now - now % self._rate.period_ms
        since, count = self._used.get(who, (period, 0))
        count = count + 1 if since == period else 1
        if len(self._used) >= STRANGERS_MAX and who not in self._used:
            self._used = {name: one for name, one in self._used.items() if one[0] == period}
        self._used[who] = (period, count)
        if count > self._rate.count:
            wait = (period + self._rate.period_ms - now + 999) // 1_000
            raise Objection(
                "too_many_requests", "That is too many requests in a row.", f"Wait {wait} s, then go on.", status=429
            )


class Callers:
    """Knows the callers of the network by their tokens."""

    def __init__(self, tokens: Iterable[Token], rate: Rate = RATE) -> None:
        self._tokens = tuple(tokens)
        self._throttle = Throttle(rate)
        self._strangers = Throttle(STRANGERS)

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def identify(self, header: str, remote: str, now: Millis) -> Caller:
        """The caller who sent this `Authorization` header. Raises Objection for a stranger, or one in a hurry."""
        given = header.encode(errors="replace")
        found: Caller | None = None
        for token in self._tokens:  # all of them: how long it takes tells nothing
            if hmac.compare_digest(given, b"Bearer " + token.text.encode()):
                found = token.caller
        if found is None:
            self._strangers.use(remote, now)
            raise Objection(
                "unauthorized",
                "This address needs a token.",
                "Send one of the operator's tokens as Authorization: Bearer ….",
                status=401,
            )
        self._throttle.use(found.actor.id, now)
        return found


def allow(caller: Caller, may: May) -> None:
    """Raises Objection when a caller's token is not for that."""
    if may not in caller.may:
        names = ", ".join(sorted(caller.may)) or "nothing"
        raise Objection(
            "forbidden",
            f"This token is not for that: it lacks `{may}`.",
            f"It may: {names}. An operator can add to `api: tokens:` in the settings file.",
            status=403,
        )
