"""Faults injected on purpose: what goes wrong, at which method, how often."""

from dataclasses import dataclass, field

import anyio
from aiohttp import web

from bot.sandbox.refusals import Json, SlackRefusal

API_KINDS = frozenset(
    {"error", "ratelimited", "drop_before", "drop_after", "delay", "http_500", "unknown_method", "stall"}
)
DELIVERY_KINDS = frozenset({"duplicate", "lose", "delay"})
DELIVERIES = frozenset({"events_api", "slash_commands", "interactive"})


@dataclass(slots=True, kw_only=True)
class Fault:
    """One planned fault; `times` counts down, None means for ever.

    For a method of the Web API: `error` (detail `error`: the code), `ratelimited` (`retry_after` seconds),
    `drop_before` and `drop_after` (the connection dies before or after the work is done), `delay` (`ms`),
    `http_500`, `unknown_method`. The method `download` means the contents of files, which `drop_after` cuts and
    `stall` stops in the middle. For a delivery (`events_api`, `slash_commands`, `interactive`): `duplicate`
    (sent twice), `lose` (never sent), `delay` (`ms`). The method `*` means every Web API method, `response_url`
    the answers sent there.
    """

    method: str
    kind: str
    times: int | None = 1
    detail: Json = field(default_factory=dict)

    def as_json(self) -> Json:
        return {"method": self.method, "kind": self.kind, "times": self.times, **self.detail}


class Faults:
    """The faults still to come, taken in the order they were added."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []

    def add(self, *, method: str, kind: str, times: int | None = 1, **detail: object) -> Fault:
        """Plan a fault. Raises ValueError for a kind that does not exist there."""
        allowed = DELIVERY_KINDS if method in DELIVERIES else API_KINDS
        if kind not in allowed:
            raise ValueError(f"{method!r} cannot fail by {kind!r}; choose one of {', '.join(sorted(allowed))}")
        fault = Fault(method=method, kind=kind, times=times, detail=dict(detail))
        self._planned.append(fault)
        return fault

    def take(self, method: str) -> Fault | None:
        """The next fault of this method, used up once."""
        for fault in self._planned:
            if fault.method == method or (fault.method == "*" and method not in DELIVERIES):
                self._use(fault)
                return fault
        return None

    def clear(self) -> None:
        self._planned.clear()

    def as_json(self) -> list[Json]:
        return [fault.as_json() for fault in self._planned]

    def _use(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._planned.remove(fault)


async def suffer(fault: Fault) -> None:
    """Carry out a fault that lets the caller have an answer. Raises SlackRefusal."""
    detail = fault.detail
    if fault.kind == "delay":
        await anyio.sleep(float(detail.get("ms", 1_000)) / 1_000)
    elif fault.kind == "error":
        raise SlackRefusal(str(detail.get("error", "internal_error")))
    elif fault.kind == "ratelimited":
        wait = str(detail.get("retry_after", 1))
        raise SlackRefusal("ratelimited", status=429, headers={"Retry-After": wait})
    elif fault.kind == "http_500":
        raise SlackRefusal("internal_error", status=500)
    elif fault.kind == "unknown_method":
        raise SlackRefusal("unknown_method", req_method=fault.method)


def drop(request: web.Request) -> web.Response:
    """Cut the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
