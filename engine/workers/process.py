"""One worker process, seen from the service: start it, ask it, end it with everything it started."""

import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream
from anyio.streams.buffered import BufferedByteReceiveStream

from engine.workers.frames import HEADER, BrokenFrame, length_of, pack, unpack
from engine.workers.warden import Leashed, Warden
from store.model import Json

MEMORY_BYTES = 1024**3
START_TIMEOUT_MS = 30_000
PRINTED_BYTES_MAX = 64 * 1024
PRINTED_ONCE_MAX = 1024 * 1024  # what is read in one go after the answer; a child that keeps printing is not waited for
EXIT_TIMEOUT_MS = 5_000
_ROOT = str(Path(__file__).resolve().parents[2])
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
# The engine is found first while it is imported, then last, so that it hides nothing from the author's code.
_BOOT = (
    "import sys; root = sys.argv[1]; sys.path.insert(0, root); "
    "import engine.kit, engine.workers.inside.main as inside; "
    "sys.path.remove(root); root in sys.path or sys.path.append(root); sys.path += sys.argv[3:]; inside.main()"
)


class WorkerDied(Exception):
    """The process is gone, or out of step. `entered` tells whether the author's function had begun."""

    def __init__(self, why: str, *, entered: bool, printed: str) -> None:
        super().__init__(why)
        self.why = why
        self.entered = entered
        self.printed = printed


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How workers are started. `memory_bytes` bounds each one's address space; None leaves it open."""

    memory_bytes: int | None = MEMORY_BYTES
    environment: Mapping[str, str] = field(default_factory=dict)  # beside PATH, HOME, LANG and their like
    import_paths: Sequence[str] = ()  # where installed modules are found, beside this Python's own places
    python: str = sys.executable


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and what the author's code printed meanwhile."""

    message: Mapping[str, Json]
    printed: str

    @property
    def outcome(self) -> str:
        return str(self.message["outcome"])


class Worker:
    """A process that runs one call at a time. Not for use by two tasks at once."""

    def __init__(self, leashed: Leashed, printed_fd: int) -> None:
        process = leashed.process
        self._leashed = leashed
        self._process = process
        self._requests = cast(ByteSendStream, process.stdin)
        self._answers = BufferedByteReceiveStream(cast(ByteReceiveStream, process.stdout))
        self._printed_fd = printed_fd
        self._printed: deque[bytes] = deque()
        self._printed_bytes = 0
        self._closed = False
        self.calls = 0

    @classmethod
    async def start(cls, options: WorkerOptions, warden: Warden) -> Self:
        """Start a process and wait until it listens; WorkerDied when it does not come up."""
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        try:
            leashed = await warden.start(_command(options), cwd="/", environment=_environment(options), stderr=theirs)
        except BaseException as error:
            os.close(ours)
            if isinstance(error, OSError):
                raise WorkerDied(f"no worker process could be started: {error}", entered=False, printed="") from error
            raise
        finally:
            os.close(theirs)
        worker = cls(leashed, ours)
        try:
            with anyio.fail_after(START_TIMEOUT_MS / 1000):
                await worker._receive()
        except (WorkerDied, TimeoutError) as error:
            printed = worker._take_printed()
            await worker.end()
            why = "did not start in time" if isinstance(error, TimeoutError) else f"did not start: {error}"
            raise WorkerDied(f"the worker process {why}", entered=False, printed=printed) from None
        except BaseException:
            await worker.end()
            raise
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._closed and self._process.returncode is None

    async def ask(self, request: Mapping[str, Json]) -> Answer:
        """Send one request and wait for its answer. WorkerDied when the process does not live to give it.

        Cancelled, the worker is out of step: end it.
        """
        self.calls += 1
        self._take_printed()
        outcome: Mapping[str, Json] | WorkerDied
        async with anyio.create_task_group() as group:
            group.start_soon(self._collect_printed)
            try:
                outcome = await self._exchange(request)
            except WorkerDied as error:
                outcome = error
            group.cancel_scope.cancel()
        if isinstance(outcome, WorkerDied):
            raise WorkerDied(outcome.why, entered=outcome.entered, printed=self._take_printed())
        return Answer(outcome, self._take_printed())

    def kill(self) -> None:
        """Kill the process and all it started; who is waiting for its answer hears of its death."""
        self._leashed.signal()

    async def end(self) -> None:
        """Kill the process and all it started, and wait until it is gone. Also completes when cancelled."""
        if self._closed:
            return
        self._closed = True
        with anyio.move_on_after(EXIT_TIMEOUT_MS / 1000, shield=True):
            await self._leashed.end()
        os.close(self._printed_fd)

    async def _exchange(self, request: Mapping[str, Json]) -> Mapping[str, Json]:
        try:
            await self._requests.send(pack(request))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise await self._death(entered=False) from None
        entered = False
        while True:
            message = await self._receive(entered=entered)
            if message["outcome"] != "entered":
                return message
            entered = True

    async def _receive(self, *, entered: bool = False) -> dict[str, Json]:
        try:
            length = length_of(await self._answers.receive_exactly(HEADER.size))
            message = unpack(await self._answers.receive_exactly(length))
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise await self._death(entered=entered) from None
        except BrokenFrame as error:
            raise WorkerDied(f"the worker process is out of step: {error}", entered=entered, printed="") from None
        if not isinstance(message.get("outcome"), str):
            raise WorkerDied(
                "the worker process is out of step: an answer without outcome", entered=entered, printed=""
            )
        return message

    async def _death(self, *, entered: bool) -> WorkerDied:
        """Its pipe is closed: find out how it went."""
        with anyio.move_on_after(EXIT_TIMEOUT_MS / 1000):
            status = await self._process.wait()
            return WorkerDied(f"the worker process {exit_words(status)}", entered=entered, printed="")
        return WorkerDied("the worker process closed its pipe", entered=entered, printed="")

    async def _collect_printed(self) -> None:
        while True:
            await anyio.wait_readable(self._printed_fd)
            if not self._read_printed():
                return

    def _read_printed(self) -> int:
        """Take what is there; 0 when there is nothing (any more)."""
        with suppress(BlockingIOError):
            chunk = os.read(self._printed_fd, 64 * 1024)
            self._printed.append(chunk)
            self._printed_bytes += len(chunk)
            while self._printed_bytes - len(self._printed[0]) >= PRINTED_BYTES_MAX:
                self._printed_bytes -= len(self._printed.popleft())
            return len(chunk)
        return 0

    def _take_printed(self) -> str:
        """What was printed since the last time: its end, when it was much."""
        taken = 0
        while taken < PRINTED_ONCE_MAX and (count := self._read_printed()):
            taken += count
        printed = b"".join(self._printed)
        self._printed.clear()
        self._printed_bytes = 0
        return tail(printed, PRINTED_BYTES_MAX)


def tail(data: bytes, bytes_max: int) -> str:
    """The end of a text, from the beginning of a line: half a line may be half a secret that nobody recognises."""
    if len(data) <= bytes_max:
        return data.decode("utf-8", errors="replace")
    cut = data[-bytes_max:]
    _, newline, rest = cut.partition(b"\n")
    return f"…\n{(rest if newline else cut[bytes_max // 4 :]).decode('utf-8', errors='replace')}"


def exit_words(status: int) -> str:
    """`exited with 3`, or `was killed by SIGSEGV`."""
    if status >= 0:
        return f"exited with {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def plain_environment() -> dict[str, str]:
    """The few variables of the service that code outside it may see: no tokens, no settings."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept}


def _command(options: WorkerOptions) -> list[str]:
    # -I: neither PYTHON* variables nor the current folder decide what is imported; -u: a crash loses no output.
    flags = ["-I", "-B", "-u", "-X", "utf8", "-X", "faulthandler"]
    return [options.python, *flags, "-c", _BOOT, _ROOT, str(options.memory_bytes or 0), *options.import_paths]


def _environment(options: WorkerOptions) -> dict[str, str]:
    return {**plain_environment(), **options.environment}
