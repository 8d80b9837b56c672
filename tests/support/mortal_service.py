"""A service in a process of its own that dies, without any good-bye, at a chosen crash point.

Crash points lie before and after each commit, each call to Slack and each acknowledgement. Every point that a life
comes past is written down, so that a test can say where it ended.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import anyio
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot import service, settings
from bot.operations import Operations
from bot.slack import Slack
from engine.http import HttpClient, Request
from engine.workers.pool import WorkerPool
from engine.workers.warden import Warden
from store import database

DIED = 9
# A server that has imported everything once: each life then costs a fork, not a second of imports.
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "bot.service"])


@dataclass(frozen=True, slots=True)
class Fuse:
    """Where to die: at the `nth` crash point, or at the `nth` whose name begins with `at`."""

    nth: int
    at: str = ""


NEVER = Fuse(0)


class Life:
    """Counts the crash points of one process, and ends it at the one that was chosen."""

    def __init__(self, fuse: Fuse, diary: Path) -> None:
        self._at = fuse.at
        self._left = fuse.nth
        self._diary = os.open(diary, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = Lock()  # commits are made on a thread of their own

    def __call__(self, where: str) -> None:
        with self._lock:
            os.write(self._diary, f"{where}\n".encode())
            if not where.startswith(self._at):
                return
            self._left -= 1
            if self._left == 0:
                os._exit(DIED)

    def arm(self) -> None:
        """Put crash points where this process touches the world."""
        database.fuse = self
        Slack.call = self._around(Slack.call, _method)  # type: ignore[method-assign]
        Slack.respond = self._around(Slack.respond, lambda *_, **__: "answer")  # type: ignore[method-assign]
        SocketModeClient.send_socket_mode_response = self._around(  # type: ignore[method-assign]
            SocketModeClient.send_socket_mode_response, lambda *_, **__: "ack"
        )

    def arm_outside(self) -> None:
        """Put crash points around what steps do in the world, and around what operators are answered."""
        HttpClient.send = self._around(HttpClient.send, _request)  # type: ignore[method-assign]
        Warden.start = self._around(Warden.start, lambda *_, **__: "program")  # type: ignore[method-assign]
        WorkerPool.call = self._around(WorkerPool.call, lambda *_, **__: "function")  # type: ignore[method-assign]
        Operations.carry_out = self._around(Operations.carry_out, _asked)  # type: ignore[method-assign]

    def _around(self, call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        async def mortal(*arguments: Any, **named: Any) -> Any:
            what = name(*arguments, **named)
            self(f"before {what}")
            try:
                return await call(*arguments, **named)
            finally:
                self(f"after {what}")

        return mortal


def _request(client: HttpClient, request: Request) -> str:
    return f"{request.method} {urlsplit(request.url).path}"


def _asked(operations: Operations, request: Any, *_: Any, **__: Any) -> str:
    return f"operator {type(request).__name__}"


def _method(slack: Slack, method: str, **arguments: Any) -> str:
    """The method, and of a run's message which one it is: `chat.postMessage gate`. Whispers are answers."""
    if method == "chat.postEphemeral":
        return "answer"
    payload = (arguments.get("metadata") or {}).get("event_payload") or {}
    return f"{method} {payload['k'].split(':')[0]}" if payload else method


class MortalService:
    """One life of the service: a real process that serves until it dies or is asked to stop.

    With `outside` there are crash points around what steps do in the world as well.
    """

    def __init__(
        self, environment: Mapping[str, str], fuse: Fuse, folder: Path, number: int, *, outside: bool = False
    ) -> None:
        self.diary = folder / f"life-{number}.points"
        self.log = folder / f"life-{number}.log"
        given = (dict(environment), fuse, self.diary, self.log, outside)
        self._process = FORKS.Process(target=_live, args=given, daemon=True)
        self._process.start()

    @property
    def exit_code(self) -> int | None:
        """None while it lives; killed by a signal it is negative."""
        return self._process.exitcode

    async def ended(self) -> int:
        """Its exit code, once it is gone."""
        # The sentinel is a pipe that nobody writes to: it becomes readable when the process is gone.
        await anyio.wait_readable(self._process.sentinel)
        self._process.join()
        code = self._process.exitcode
        assert code is not None
        return code

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end in order."""
        self._signal(signal.SIGTERM)

    def hold(self) -> None:
        """Have it do nothing until it may go on."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        self._process.join()
        self._process.close()

    def points(self) -> list[str]:
        """The crash points that it came past, in order."""
        return self.diary.read_text().splitlines() if self.diary.exists() else []

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            if self._process.is_alive() and self._process.pid is not None:
                os.kill(self._process.pid, number)


def _live(environment: dict[str, str], fuse: Fuse, diary: Path, log: Path, outside: bool) -> None:
    """What the process does: `pointsman serve`, with crash points."""
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(written, sys.stdout.fileno())
    os.dup2(written, sys.stderr.fileno())
    os.environ.update(environment)
    life = Life(fuse, diary)
    life.arm()
    if outside:
        life.arm_outside()
    service.serve(settings.load(env_file=None), watch=False)
