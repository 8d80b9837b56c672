"""A bounded record of everything said between the app and the sandbox, with secrets masked."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bot.sandbox.refusals import Json

ENTRIES_MAX = 2_000
_SECRET = re.compile(r"\bx(?:oxb|oxp|app|wfp)-[A-Za-z0-9-]+")
_SECRET_KEYS = frozenset({"token", "ticket"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One exchange: `to_slack` is the app calling, `to_app` is a delivery."""

    n: int
    at: int
    direction: str
    kind: str
    method: str
    request: Any
    response: Any
    status: str
    ms: int

    def as_json(self) -> Json:
        return asdict(self)


class Traffic:
    """The newest exchanges, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._count = 0

    def record(
        self, *, at: int, direction: str, kind: str, method: str, request: Any, response: Any, status: str, ms: int = 0
    ) -> Entry:
        self._count += 1
        entry = Entry(
            n=self._count,
            at=at,
            direction=direction,
            kind=kind,
            method=method,
            request=masked(request),
            response=masked(response),
            status=status,
            ms=ms,
        )
        self._entries.append(entry)
        return entry

    def after(self, n: int = 0) -> list[Entry]:
        return [entry for entry in self._entries if entry.n > n]

    def of(self, method: str) -> list[Entry]:
        """All exchanges of one method or envelope type."""
        return [entry for entry in self._entries if entry.method == method]

    def clear(self) -> None:
        self._entries.clear()

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)


def masked(value: Any) -> Any:
    """The same data with every token replaced by its kind and stars."""
    if isinstance(value, str):
        return _SECRET.sub(lambda found: f"{found.group().split('-')[0]}-***", value)
    if isinstance(value, dict):
        return {key: "***" if key in _SECRET_KEYS and one else masked(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [masked(one) for one in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value
