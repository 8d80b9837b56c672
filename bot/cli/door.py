"""How a command reaches runs: beside a running service over its socket, else alone in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from bot import settings as settings_module
from bot.client import Client, Unreachable
from bot.requests import Request
from bot.settings import Settings
from store.faults import DatabaseInUse

IN_USE_TURNS = 75  # another command may be at work on the same file: wait 15 seconds for its turn to end
IN_USE_PAUSE_SECONDS = 0.2


class Door(Protocol):
    """Answers requests as JSON. Raises Objection, StoreFault, Unreachable."""

    beside: bool

    def ask(self, request: Request) -> Any: ...


class ActingDoor(Door, Protocol):
    """Takes files as well."""

    def keep(self, path: Path) -> Any:
        """What an input says of a file, whose bytes are kept from here on by whoever owns the database."""


class _Beside:
    """A service answers."""

    beside = True

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, request: Request) -> Any:
        return self._client.ask(request)

    def keep(self, path: Path) -> Any:
        return self._client.upload(path, path.stat().st_size)


class _Glancing:
    """The file answers; nobody needs to own it for that."""

    beside = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def ask(self, request: Request) -> Any:
        from bot.glancing import answer

        return answer(self._settings, request)


class _Alone:
    """An engine in this process answers, on an event loop of its own."""

    beside = False

    def __init__(self, call: Callable[[Request], Any], database: Path) -> None:
        self._call = call
        self._database = database

    def ask(self, request: Request) -> Any:
        return self._call(request)

    def keep(self, path: Path) -> Any:
        from engine.handed_in import taken_in
        from store.content import ContentFolder

        return taken_in(ContentFolder(self._database), path)


@contextmanager
def looking() -> Iterator[Door]:
    """For requests that change nothing: works beside whatever owns the file."""
    settings = settings_module.load()
    client = Client(settings.db)
    yield _Beside(client) if client.present() else _Glancing(settings)


@contextmanager
def acting(*, start: bool = False) -> Iterator[ActingDoor]:
    """For requests that change something: a service carries them out, or this process does while it owns the file."""
    settings = settings_module.load()
    client = Client(settings.db)
    if client.present():
        yield _Beside(client)
        return
    with ExitStack() as stack:
        yield _opened(settings, client, stack, start)


def _opened(settings: Settings, client: Client, stack: ExitStack, start: bool) -> ActingDoor:
    """An engine of our own; while another command owns the file, wait for its turn to end. Raises DatabaseInUse."""
    from anyio import sleep
    from anyio.from_thread import start_blocking_portal

    from bot import logs
    from bot.headless import alone
    from bot.opening import opening
    from bot.operators import operator

    ready = opening(settings)
    logs.configure(settings.log, ready.redactor.text, level="warning")
    portal = stack.enter_context(start_blocking_portal())
    for turn in range(IN_USE_TURNS):
        try:
            engine = portal.wrap_async_context_manager(alone(ready, operator(os.getuid()), start=start))
            here = stack.enter_context(engine)
        except DatabaseInUse:
            if client.present():
                return _Beside(client)
            if turn == IN_USE_TURNS - 1:
                raise
            portal.call(sleep, IN_USE_PAUSE_SECONDS)
        else:
            return _Alone(partial(portal.call, here.ask), settings.db)
    raise AssertionError("the loop either returns or raises")


def beside() -> Door:
    """The running service; raises Unreachable when there is none."""
    settings = settings_module.load()
    client = Client(settings.db)
    if not client.present():
        raise Unreachable(
            f"No service is running for {settings.db}.", "Start one with `pointsman serve`, or set POINTSMAN_DB."
        )
    return _Beside(client)
