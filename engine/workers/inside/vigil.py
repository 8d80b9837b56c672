"""What the warden does: it remembers the process groups it is told of, and kills what is left when its pipe closes.

Run as a script with the standard library alone, so that it starts in milliseconds and holds next to nothing.
A line on standard input is one of

    ? TOKEN          a process is about to start, with LEASH=TOKEN in its environment
    + TOKEN PID      it has started, and leads the group PID
    - TOKEN          nothing of it is left
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

LEASH = "POINTSMAN_LEASH"
SEARCH_SECONDS = 5.0  # for a process that was about to start: it may still be on its way to its own program
PAUSE_SECONDS = 0.02


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when the service does, not when somebody asks the service to
    groups: dict[str, int | None] = {}
    for line in sys.stdin.buffer:
        _note(groups, line.decode("ascii").split())
    for pid in groups.values():
        if pid is not None:
            _kill(pid)
    _search({f"{LEASH}={token}".encode() for token, pid in groups.items() if pid is None})


def _note(groups: dict[str, int | None], words: list[str]) -> None:
    match words:
        case ["?", token]:
            groups[token] = None
        case ["+", token, pid]:
            groups[token] = int(pid)
        case ["-", token]:
            groups.pop(token, None)


def _search(marks: set[bytes]) -> None:
    """Kill the groups of processes that bear one of these marks, as far as the system shows environments."""
    give_up_at = time.monotonic() + SEARCH_SECONDS
    while marks and os.path.isdir("/proc/self") and time.monotonic() < give_up_at:
        for pid, mark in _bearers(marks):
            with suppress(ProcessLookupError):
                _kill(os.getpgid(pid))
            marks.discard(mark)
        time.sleep(PAUSE_SECONDS)


def _bearers(marks: set[bytes]) -> Iterable[tuple[int, bytes]]:
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as environment:
                borne = marks.intersection(environment.read().split(b"\0"))
        except OSError:
            continue  # it is gone, or somebody else's
        for mark in borne:
            yield int(name), mark


def _kill(group: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
