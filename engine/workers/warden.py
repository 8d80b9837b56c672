"""Starts the processes that run other people's code, and sees to it that they end with the service, however it ends.

A killed service can end nothing any more. So beside it lives one small process, the warden, at the reading end of a
pipe of which only the service holds the writing end. It is told of every process group that begins and ends; when
the pipe closes, it kills the groups that are left, with everything in them, and goes.

Why one warden, and not something simpler? PR_SET_PDEATHSIG is Linux's own, reaches the direct child and none of its
children, fires when the *thread* that forked ends, and has to be set between fork and exec: `preexec_fn` is unsafe
beside threads, and a launcher in Python costs an interpreter's start for every command. A shell as launcher would
change the environment it passes on. A watcher for each command is a process more for each. The warden costs one
process of 9 MB, started with the first command or worker, and two short writes to a pipe for each of them.

Between the fork and the word to the warden lies a moment in which a kill would leave the process behind. Therefore a
start is announced first, with a token that the process finds in its environment: by it the warden finds the process
under /proc. Where there is no /proc (macOS) that moment of some milliseconds stays open. Whatever leaves its group on
purpose (`setsid`, a daemon) is not followed; it outlives its step in any case.
"""

import os
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE

import anyio
from anyio.abc import Process

from engine.workers.inside import vigil

EXIT_TIMEOUT_MS = 5_000
_CLOSED = -1


class Warden:
    """Starts processes on a leash. Its own process starts with the first of them, and anew when it was killed."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._pipe = _CLOSED
        self._groups: dict[str, int | None] = {}  # token -> group; None while it starts
        self._telling = anyio.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The process that keeps vigil, once there is one."""
        return None if self._process is None else self._process.pid

    async def start(
        self, argv: Sequence[str], *, cwd: str | Path, environment: Mapping[str, str], stderr: int = PIPE
    ) -> "Leashed":
        """Start a process that leads a group of its own. OSError as from the system when that cannot be.

        Completes when cancelled: cut off half-way, only the process itself would be ended, not what it has started.
        """
        token = secrets.token_hex(8)
        with anyio.CancelScope(shield=True):
            await self._tell(token, None)
            try:
                marked = {**environment, vigil.LEASH: token}
                process = await anyio.open_process(argv, cwd=cwd, env=marked, stderr=stderr, start_new_session=True)
            except BaseException:
                self._forget(token)
                raise
            leashed = Leashed(self, token, process)
            try:
                await self._tell(token, process.pid)
            except BaseException:
                await leashed.end()
                raise
        return leashed

    async def aclose(self) -> None:
        """Let go: groups that are left are killed. Nothing can be started any more. Also completes when cancelled."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            async with self._telling:
                await self._let_go()

    async def _tell(self, token: str, group: int | None) -> None:
        """Have a process that knows about this one; a warden that does not listen is replaced and told everything."""
        async with self._telling:
            if self._closed:
                raise OSError("the service is closing")
            self._groups[token] = group
            if self._pipe != _CLOSED and self._write(_line(token, group)):
                return
            try:
                await self._replace()
            except OSError as error:
                del self._groups[token]
                raise OSError(f"no warden could be started to watch over it: {error}") from error

    def _forget(self, token: str) -> None:
        if self._groups.pop(token, _CLOSED) != _CLOSED and self._pipe != _CLOSED:
            self._write(f"- {token}\n")

    def _write(self, text: str) -> bool:
        """A pipe takes a short line whole or not at all. One that is full has nobody at its other end who reads."""
        try:
            os.write(self._pipe, text.encode("ascii"))
        except (BrokenPipeError, BlockingIOError):
            return False
        return True

    async def _replace(self) -> None:
        if self._process is not None:
            _kill(self._process)  # before its pipe closes: it would end everything that it knows of
        await self._let_go()
        theirs, ours = os.pipe()
        # -I -S: nothing around it decides what it imports; its own session: no Ctrl-C of a terminal reaches it.
        argv = [sys.executable, "-I", "-S", "-B", vigil.__file__]
        try:
            self._process = await anyio.open_process(
                argv, stdin=theirs, stdout=DEVNULL, stderr=DEVNULL, cwd="/", env={}, start_new_session=True
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        self._pipe = ours
        for token, group in self._groups.items():
            self._write(_line(token, group))

    async def _let_go(self) -> None:
        """Close the pipe and wait until the process is gone; one that does not go is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        os.close(self._pipe)
        self._pipe = _CLOSED
        with anyio.move_on_after(EXIT_TIMEOUT_MS / 1000):
            await process.wait()
        _kill(process)
        await process.aclose()


class Leashed:
    """A process that leads a group of its own, and ends with the service at the latest."""

    def __init__(self, warden: Warden, token: str, process: Process) -> None:
        self._warden = warden
        self._token = token
        self.process = process

    def signal(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Signal the process, and all it started in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, how)

    async def end(self) -> None:
        """Kill the group and wait until its leader is gone."""
        self.signal()
        await self.process.aclose()
        self._warden._forget(self._token)


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


def _line(token: str, group: int | None) -> str:
    return f"? {token}\n" if group is None else f"+ {token} {group}\n"
