"""Where the sandbox reads the time: any object with `now()`, so that a test can move it by hand."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in milliseconds since the epoch."""

    def now(self) -> int: ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000
