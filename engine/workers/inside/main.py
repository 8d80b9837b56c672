"""The worker process: takes over the pipes, sets its limits, then serves one call after the other until they close."""

import contextlib
import os
import queue
import resource
import signal
import sys
import threading
from typing import BinaryIO, Never

from engine.workers.frames import BrokenFrame, pack, read_frame
from engine.workers.inside import calling, modules
from store.model import Json

# Outcomes after which this process must not be trusted with another call.
SPENT = frozenset(("exit", "memory"))
RESIDENT_SHARE_MAX = 0.5  # of the memory limit; more than this after a call is a leak in the making


def main() -> None:
    """Arguments: the path the engine is found on, and the memory limit in bytes (0 for none)."""
    memory_bytes = int(sys.argv[2])
    requests, answers = _take_over_pipes()
    modules.install()
    waiting: queue.SimpleQueue[dict[str, Json]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting), name="pointsman-listener", daemon=True).start()
    _set_limits(memory_bytes)
    settled = _State.now()
    _send(answers, {"outcome": "ready"})
    while True:
        request = waiting.get()
        answer = calling.answer(request, lambda: _send(answers, {"outcome": "entered"}))
        calling.flush()
        answer["spent"] = answer["outcome"] in SPENT or settled.left_behind() or _too_big(memory_bytes)
        settled.restore()
        _send(answers, answer)
        del request, answer


class _State:
    """What a call must leave as it found it: threads, children, environment, folder, import path."""

    def __init__(self) -> None:
        self.threads = set(threading.enumerate())
        self.environment = dict(os.environ)
        self.folder = os.getcwd()
        self.path = list(sys.path)

    @classmethod
    def now(cls) -> "_State":
        return cls()

    def left_behind(self) -> bool:
        """Does something of the call live on? Then this process ends with it."""
        if set(threading.enumerate()) - self.threads:
            return True
        if not hasattr(os, "waitid"):
            return False
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        return True

    def restore(self) -> None:
        sys.path[:] = self.path
        os.chdir(self.folder)
        if dict(os.environ) != self.environment:
            os.environ.clear()
            os.environ.update(self.environment)


def _take_over_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the protocol's pipes to ourselves; what the author's code reads is empty, what it prints goes to stderr."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _listen(requests: BinaryIO, waiting: "queue.SimpleQueue[dict[str, Json]]") -> None:
    """Hand on what the service asks. When the service is gone, go too, however busy the main thread is."""
    with contextlib.suppress(OSError, BrokenFrame):
        while (request := read_frame(requests)) is not None:
            waiting.put(request)
    _die()


def _die() -> Never:
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # what the author's code started goes with us
    os._exit(1)


def _set_limits(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes and sys.platform == "linux":  # elsewhere the system does not know this limit, or refuses it
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _too_big(memory_bytes: int) -> bool:
    if not memory_bytes:
        return False
    try:
        with open("/proc/self/statm", encoding="ascii") as statistics:
            resident = int(statistics.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return False
    return resident > memory_bytes * RESIDENT_SHARE_MAX


def _send(answers: BinaryIO, message: Json) -> None:
    rest = memoryview(pack(message))
    while rest:
        rest = rest[answers.write(rest) :]
