"""Warm worker processes, lent out one call at a time."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio

from engine.faults import Interrupted
from engine.workers.process import Answer, Worker, WorkerDied, WorkerOptions
from engine.workers.warden import Warden
from store.model import Json

SIZE = 4
CALLS_MAX = 500  # after so many calls a process is replaced: small leaks of any library stay small
TRIES_MAX = 3  # a warm process may have died, or hold an older version of a file, without any fault of this call


class WorkerPool:
    """Runs functions of authors in processes. Use as `async with WorkerPool()`; starts processes when needed."""

    def __init__(self, options: WorkerOptions | None = None, *, size: int = SIZE, calls_max: int = CALLS_MAX) -> None:
        self.options = options or WorkerOptions()
        self.size = size
        self.warden = Warden()  # also of what commands start: one for the service
        self._calls_max = calls_max
        self._room = anyio.Semaphore(size)
        self._idle: list[Worker] = []
        self._lent: set[Worker] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every process. A call that is still running is interrupted."""
        self._closed = True
        for worker in self._lent:
            worker.kill()  # the task that borrowed it cleans up
        while self._idle:
            await self._idle.pop().end()
        await self.warden.aclose()

    @property
    def pids(self) -> frozenset[int]:
        """The processes that live at present."""
        return frozenset(worker.pid for worker in (*self._idle, *self._lent))

    async def warm(self, count: int = 1) -> None:
        """Start processes ahead of the first call; WorkerDied when one does not come up."""
        for _ in range(min(count, self.size)):
            async with self._room:
                if self._closed or len(self._idle) + len(self._lent) >= count:
                    return
                self._idle.append(await Worker.start(self.options, self.warden))

    async def call(
        self,
        folder: Path,
        call: str,
        with_: Mapping[str, Json],
        attempt: Mapping[str, Json],
        output_bytes_max: int,
        began: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Run a function in a process of its own. Interrupted when the process does not live to answer.

        `began` is called when there is a process for it: until then it waits for others to end.
        """
        request = {
            "do": "call",
            "folder": _absolute(folder),
            "call": call,
            "with": with_,
            "attempt": attempt,
            "output_bytes_max": output_bytes_max,
        }
        async with self._room:
            began()
            return await self._ask(request)

    async def describe(self, folder: Path, call: str) -> Answer:
        """What a function takes and gives, without calling it (its module is loaded, though)."""
        async with self._room:
            return await self._ask({"do": "describe", "folder": _absolute(folder), "call": call})

    async def _ask(self, request: Mapping[str, Json]) -> Answer:
        died = WorkerDied("the pool of worker processes is closed", entered=False, printed="")
        for _ in range(TRIES_MAX):
            if self._closed:
                break
            try:
                answer = await self._ask_one(request)
            except WorkerDied as error:
                died = error
                if died.entered:
                    break
                continue
            if answer.outcome != "stale":
                return answer
            died = WorkerDied(
                "a file beside the workflow changes faster than it can be loaded", entered=False, printed=""
            )
        raise Interrupted(
            "python_crashed",
            died.why,
            maybe_happened=died.entered,
            detail={"printed": died.printed},
            hint="What it printed last may tell why. Only the worker process died; the service runs on.",
        )

    async def _ask_one(self, request: Mapping[str, Json]) -> Answer:
        worker = await self._borrow()
        good = False
        try:
            answer = await worker.ask(request)
            spent = answer.message.get("spent") or answer.outcome == "stale"
            good = not spent and worker.calls < self._calls_max
            return answer
        finally:
            self._lent.discard(worker)
            if good and not self._closed:
                self._idle.append(worker)
            else:
                await worker.end()

    async def _borrow(self) -> Worker:
        while self._idle:
            worker = self._idle.pop()  # the one used last: its modules are loaded and its pages in memory
            if worker.alive:
                self._lent.add(worker)
                return worker
            await worker.end()
        worker = await Worker.start(self.options, self.warden)
        self._lent.add(worker)
        return worker


def _absolute(folder: Path) -> str:
    return os.path.abspath(folder)
