"""Endpoints that are down, for whoever minds them: which there are, and having one tried at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from engine.api import Engine
from store import endpoints
from store.database import Reader, Writer
from store.endpoints import Endpoint

State: TypeAlias = Literal["now", "up", "under_way"]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of having an endpoint tried: by whom it is tried, or why there is nothing to try."""

    endpoint: Endpoint
    state: State
    runs: int  # that wait for it


async def held(engine: Engine) -> list[tuple[Endpoint, int]]:
    """Those that are down, longest first, each with how many runs wait for it."""
    return await engine.database.read(held_in)


def held_in(tx: Reader) -> list[tuple[Endpoint, int]]:
    return [(one, endpoints.runs_waiting(tx, one.name)) for one, _ in endpoints.held(tx)]


def meant(name: str, known: Sequence[str]) -> str | None:
    """The endpoint that somebody means: by its whole name, or by the part behind its kind where that is enough."""
    wanted = name.strip().lower()
    exact = [one for one in known if one.lower() == wanted]
    found = exact or [one for one in known if one.lower().partition(" ")[2] == wanted]
    return found[0] if len(found) == 1 else None


async def try_now(engine: Engine, name: str) -> Tried:
    """Have the first in line try an endpoint that is held; no attempt is burnt by it but that one's."""

    def work(tx: Writer) -> Tried:
        now = engine.clock.now()
        known = endpoints.find(tx, name)
        if known.probe is not None and known.held and endpoints.is_under_way(tx, known.probe):
            return Tried(known, "under_way", endpoints.runs_waiting(tx, name))
        before = engine.try_endpoint(tx, name, now)
        return Tried(before, "now" if before.held else "up", endpoints.runs_waiting(tx, name))

    return await engine.database.write(work)
