"""A clock that stands still until it is moved."""


class HandClock:
    """Milliseconds since the epoch, moved by hand."""

    def __init__(self, at: int = 1_790_000_000_000) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def move(self, *, ms: int = 0, seconds: float = 0, minutes: float = 0) -> None:
        self.at += ms + round(seconds * 1_000) + round(minutes * 60_000)
