"""Children: processes that measure something of their own, and answer in one line of JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parents[1]


class ChildFailed(Exception):
    """A measuring process ended without an answer; the message says what it said last."""


def answer(*arguments: object) -> Any:
    """What a child says, as soon as it has said it. It is ended then, as by kill -9."""
    with running(*arguments) as child:
        return child.line()


class Child:
    """A process that has been started. `began` is the moment before that."""

    def __init__(self, process: subprocess.Popen[str], began: float) -> None:
        self._process = process
        self.began = began

    def line(self) -> Any:
        """The next line it writes, read as JSON. Raises ChildFailed when it ends instead."""
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text:
            command = " ".join(map(str, self._process.args))  # type: ignore[arg-type]
            raise ChildFailed(f"{command} ended with {self._process.wait()}")
        return json.loads(text)

    @property
    def seconds(self) -> float:
        """Since before it was started."""
        return perf_counter() - self.began


@contextmanager
def running(*arguments: object, surroundings: Mapping[str, str] | None = None) -> Iterator[Child]:
    """A Python child as long as the block lasts; killed at its end without a good-bye.

    With `surroundings` as its environment, its log counts among what it says.
    """
    command = [sys.executable, *map(str, arguments)]
    log = None if surroundings is None else subprocess.STDOUT
    began = perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=surroundings
    )
    try:
        yield Child(process, began)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def say(value: object) -> None:
    """In a child: answer."""
    print(json.dumps(value), flush=True)
