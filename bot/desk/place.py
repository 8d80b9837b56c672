"""Who asks, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from bot.attached import Attached
from bot.intake import Said

Surface: TypeAlias = Literal["slash", "mention", "dm", "cli", "card", "home", "form", "message", "shortcut"]

PREFIXES: dict[Surface, str] = {"slash": "/flow ", "mention": "@flow ", "dm": "", "cli": ""}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was said. `thread_ts` is set only inside a thread."""

    surface: Surface
    channel: str = ""
    ts: str = ""
    thread_ts: str = ""
    external: bool = False

    @property
    def prefix(self) -> str:
        """What people put before a line here."""
        return PREFIXES.get(self.surface, "/flow ")

    @property
    def direct(self) -> bool:
        """Only the asker reads along."""
        return self.channel.startswith("D") or self.surface in ("dm", "cli")


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody, somewhere, with the key of the receipt; no key means that it is only tried out."""

    user: str
    place: Place
    key: str | None = None
    files: tuple[Attached, ...] = ()  # that came with their words

    @property
    def trying(self) -> bool:
        return self.key is None


def place_of(said: Said) -> Place:
    return Place(said.surface, said.channel, said.ts, said.thread_ts, said.external)
