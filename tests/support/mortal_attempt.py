"""One attempt in a process of its own, which a test kills while the attempt is under way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from engine.activities import Tools, Work
from engine.http import HttpClient
from engine.models import Models
from engine.workers.pool import WorkerPool
from tests.support.attempts import Desk, StillClock

ROOT = Path(__file__).parents[2]


@contextmanager
def attempting(folder: Path, kind: str, with_: Any = None, *, before: str = "", **spec: Any) -> Iterator[Any]:
    """A process that makes this attempt beside `folder`; the code `before` runs in it first. Killed at the end."""
    request = json.dumps({"folder": str(folder), "kind": kind, "with": with_, "spec": spec})
    code = f"from tests.support import mortal_attempt\n{before}\nmortal_attempt.main()\n"
    process = subprocess.Popen([sys.executable, "-c", code, request], cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def beside(work: Work, folder: str) -> Work:
    """The same work in a folder below its own."""
    return replace(work, folder=work.folder / folder)


def main() -> None:
    request = json.loads(sys.argv[1])
    anyio.run(_attempt, Path(request["folder"]), request["kind"], request["with"], request["spec"])


async def _attempt(folder: Path, kind: str, with_: Any, spec: dict[str, Any]) -> None:
    clock = StillClock()
    async with HttpClient(clock) as http, WorkerPool(size=1) as workers:
        tools = Tools(http=http, workers=workers, models=Models(), allowed_hosts=(), clock=clock)
        await Desk(tools=tools, folder=folder).do(kind, with_, spec=spec)
