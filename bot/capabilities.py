"""What this workspace was found not to allow: kept for the doctor, said once in the log."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that we would use if it were there, and what its absence means."""

    name: str
    code: str  # Slack's word for it
    consequence: str


class Capabilities:
    """Remembers each lack once."""

    def __init__(self) -> None:
        self._lacks: dict[str, Lack] = {}

    def lacks(self, name: str) -> bool:
        return name in self._lacks

    def note(self, name: str, code: str, consequence: str) -> None:
        """Something is not there. Said in the log the first time."""
        if name in self._lacks:
            return
        self._lacks[name] = Lack(name, code, consequence)
        log.warning("slack.capability_missing", capability=name, code=code, consequence=consequence)

    def found(self, name: str) -> None:
        """It is there after all."""
        self._lacks.pop(name, None)

    def all(self) -> tuple[Lack, ...]:
        return tuple(self._lacks.values())
