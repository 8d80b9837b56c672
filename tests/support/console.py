"""The console script as real processes: started, waited for by what they print or answer, and always ended."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sys.executable).with_name("pointsman")
DEADLINE_SECONDS = 40
CLEARED = ("SLACK_", "POINTSMAN_", "CMS_TOKEN")


def environment(**given: str) -> dict[str, str]:
    """The environment of this process without anything that Pointsman reads, plus what is given."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(CLEARED)}
    return plain | {"PYTHONUNBUFFERED": "1", **given}


class Ended:
    """A command that ended: its exit code and what it wrote."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Console:
    """A terminal in a folder of its own."""

    def __init__(self, folder: Path, **given: str) -> None:
        self.folder = folder
        self.environment = environment(**given)

    def run(self, *words: str, **given: str) -> Ended:
        """Run a command to its end, forked from a process that is warm."""
        return _warm().run(words, self.folder, self.environment | given)

    def run_cold(self, *words: str, **given: str) -> Ended:
        """Run a command to its end exactly as a shell would."""
        done = subprocess.run(
            [SCRIPT, *words],
            cwd=self.folder,
            env=self.environment | given,
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def started(self, *words: str, **given: str) -> Iterator[Process]:
        """A command that goes on until the block ends, then ends with it."""
        process = Process([str(SCRIPT), *words], self.folder, self.environment | given)
        try:
            yield process
        finally:
            process.end()


class _Warm:
    """The process that forks for each command; one for the whole test session, ended with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="pointsman-warm-")
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("warm.py"))],
            cwd=ROOT,
            env=environment(PYTHONPATH=str(ROOT)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.close)

    def run(self, words: Sequence[str], folder: Path, given: Mapping[str, str]) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        out, err = Path(self._folder.name) / "out", Path(self._folder.name) / "err"
        request = {"words": words, "folder": str(folder), "environment": given, "out": str(out), "err": str(err)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], DEADLINE_SECONDS)[0]:
            self._process.kill()
            _warm.cache_clear()
            raise AssertionError(f"{words} did not end\n{out.read_text('utf-8')}\n{err.read_text('utf-8')}")
        code = int(self._process.stdout.readline())
        return Ended(code, out.read_text("utf-8"), err.read_text("utf-8"))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE_SECONDS)
        self._process.stdout.close()
        self._folder.cleanup()


@cache
def _warm() -> _Warm:
    return _Warm()


class Process:
    """A command under way, and every line it has written."""

    def __init__(self, words: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def until(self, wanted: str) -> str:
        """The first line that holds this text; AssertionError with everything written when it does not come."""
        give_up_at = time.monotonic() + DEADLINE_SECONDS
        with self._changed:
            while True:
                for line in self.lines:
                    if wanted in line:
                        return line
                ended = not self._reader.is_alive()
                if ended or not self._changed.wait(max(0.0, give_up_at - time.monotonic())):
                    raise AssertionError(f"{wanted!r} was not written\n{self.text}")

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        code = self._process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        return code

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(DEADLINE_SECONDS)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


def until(look: Callable[[], Any], what: str) -> Any:
    """What `look` gives, once it gives something; AssertionError at the deadline."""
    give_up_at = time.monotonic() + DEADLINE_SECONDS
    pause = threading.Event()
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > give_up_at:
            raise AssertionError(f"{what} did not come; last: {found!r}")
        pause.wait(0.05)


def free_port() -> int:
    """A port that nobody listens on, with a free one after it."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
