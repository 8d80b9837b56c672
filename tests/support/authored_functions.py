"""Functions as authors write them, good and bad; tests copy this file beside a workflow. Not to be imported."""

import asyncio
import contextlib
import ctypes
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from engine.kit import NonRetryable, current_attempt, effect


class Kind(Enum):
    PLAIN = "plain"


@dataclass
class Claim:
    id: int
    text: str


@dataclass
class Verdict:
    ok: bool
    on: date


def check(claim: Claim, kind: Kind = Kind.PLAIN, on: date | None = None) -> Verdict:
    """Check one claim."""
    assert isinstance(claim, Claim)
    assert isinstance(kind, Kind)
    return Verdict(ok=len(claim.text) > 3, on=on or date(2026, 1, 2))


def echo(**given):
    return given


async def slow_echo(value):
    await asyncio.sleep(0)
    return value


def who():
    attempt = current_attempt()
    return {
        "key": attempt.idempotency_key,
        "trace": attempt.traceparent,
        "run": attempt.run_name,
        "number": attempt.number,
    }


def where():
    return {
        "cwd": os.getcwd(),
        "path": sys.path,
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "stdin": sys.stdin.read(),
    }


def pid():
    return os.getpid()


def speak(lines=1):
    for number in range(lines):
        print("line", number)
    print("to stderr", file=sys.stderr)
    os.write(1, b"straight to the descriptor\n")
    return lines


def fail():
    def deeper():
        raise ValueError("the claim is odd")

    deeper()


def fail_for_good():
    raise NonRetryable("no such customer")


def caused():
    try:
        return 1 / 0
    except ZeroDivisionError as error:
        raise RuntimeError("outer") from error


class Rude(Exception):
    def __str__(self):
        raise RuntimeError("no")


def rude():
    raise Rude()


def leave():
    sys.exit("bye")


def vanish():
    os._exit(7)


def segfault():
    print("last words")
    ctypes.string_at(0)


def gorge():
    return len([bytearray(16 * 1024 * 1024) for _ in range(1000)])


def block(marker):
    child = subprocess.Popen(["sleep", "1000"])
    Path(marker).write_text(f"{os.getpid()} {child.pid}")
    while True:
        time.sleep(0.01)


def leak_thread():
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    return os.getpid()


def leak_child():
    return [os.getpid(), subprocess.Popen(["sleep", "1000"]).pid]


hoard = []


def leak_memory():
    hoard.append(bytearray(b"x") * (300 * 1024 * 1024))
    return os.getpid()


def meddle():
    os.environ["MEDDLED"] = "yes"
    os.chdir("/")
    sys.path.insert(0, "/meddled")
    return True


def nan():
    return {"rows": [{"total": float("nan")}]}


def big_number():
    return {"id": 2**63}


def a_set():
    return {"tags": {"a"}}


def wrong_promise() -> dict[str, int]:
    return {"a": "not a number"}


def cyclic():
    value = []
    value.append(value)
    return value


def surrogate():
    return "\ud800"


def huge(megabytes):
    return "x" * (megabytes * 1024 * 1024)


def garbage():
    for fd in range(3, 30):
        with contextlib.suppress(OSError):
            os.write(fd, b"garbage that is no frame at all")
    return True


@effect("once")
def charge(amount: int, note: str = "none", **more) -> int:
    return amount


not_a_function = 5


def count_and_vanish(ledger):
    with Path(ledger).open("a") as lines:
        lines.write("entered\n")
    os._exit(7)
