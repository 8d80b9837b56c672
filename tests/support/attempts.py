"""Attempts for tests of activities: a desk with real tools, from which work is handed out."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from engine.activities import ACTIVITIES, Result, Tools, Work
from engine.faults import Fault

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
DEADLINE_SECONDS = 20


class StillClock:
    """A clock that stands at one moment."""

    def __init__(self, now: int = 1_790_000_000_000) -> None:
        self.at = now

    def now(self) -> int:
        return self.at


@dataclass
class Desk:
    tools: Tools
    folder: Path
    raw: list[tuple[str, Any]] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def work(self, kind: str, with_: Any = None, **more: Any) -> Work:
        given: dict[str, Any] = {
            "run_id": "run-1",
            "run_name": "R-7K2",
            "workflow": "publish_post",
            "folder": self.folder,
            "step": "publish",
            "item": None,
            "round": 1,
            "attempt": 1,
            "idempotency_key": "run-1/publish//1",
            "traceparent": TRACE,
            "effect": "idempotent",
            "spec": {},
            "output_schema": None,
            "attempt_timeout_ms": None,
            "tools": self.tools,
            "keep_raw": self._keep,
        }
        return Work(kind=kind, with_={} if with_ is None else with_, **(given | more))

    async def do(self, kind: str, with_: Any = None, **more: Any) -> Result:
        """Do an attempt, and fail rather than hang."""
        with anyio.fail_after(DEADLINE_SECONDS):
            return await ACTIVITIES[kind](self.work(kind, with_, **more))

    async def fault(self, kind: str, with_: Any = None, **more: Any) -> Any:
        """The fault that an attempt ends with."""
        try:
            result = await self.do(kind, with_, **more)
        except Fault as fault:
            return fault
        raise AssertionError(f"expected a fault, got {result}")

    async def _keep(self, name: str, value: Any, request: str) -> None:
        self.raw.append((name, value))


async def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Wait for something that another process or task brings about."""
    with anyio.move_on_after(DEADLINE_SECONDS):
        while not condition():
            await anyio.sleep(0.005)
        return
    raise AssertionError(f"waited {DEADLINE_SECONDS} s in vain for {what}")


def alive(pid: int) -> bool:
    """Does a process live (a zombie does not)?"""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def own_children() -> set[int]:
    """The processes that this one has started and that live."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and alive(int(entry.name)):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid():
                found.add(int(entry.name))
    return found
