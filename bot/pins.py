"""Pins: the id that is in force for each name. What a name comes to mean later is reported, and followed only when an
operator accepts it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from bot.names import normal
from engine.clock import Clock
from store.handles import Handle
from store.model import Millis

OWN = "operator"
"""In the place of an id: the group stands in the operator's file."""

Keep = Callable[[Sequence[Handle]], Awaitable[object]]
"""Puts handles on disk."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What Slack says of a reference at one moment."""

    found: str | None = None  # who bears the name
    stands: bool = True  # whether there is somebody behind the id that is in force
    unseen: bool = False  # this workspace does not let us look


async def _forget(handles: Sequence[Handle]) -> None:
    """For whoever looks without a database."""


class Pins:
    """Everything that is pinned, by reference; in memory, and kept on disk before it counts."""

    def __init__(self, clock: Clock, team: str = "", known: Iterable[Handle] = (), keep: Keep = _forget) -> None:
        self._clock = clock
        self._team = team
        self._known = {one.reference: one for one in known}
        self._keep = keep

    def of(self, reference: str) -> Handle | None:
        return self._known.get(normal(reference))

    def id_of(self, reference: str) -> str | None:
        """The id in force; None when nobody was ever found under this name."""
        known = self.of(reference)
        return None if known is None else known.pinned

    def moved(self) -> list[Handle]:
        """Everything that means somebody else than who is in force."""
        return [one for one in self._known.values() if one.moved]

    async def pin(self, reference: str, found: str) -> str:
        """Pin what was found, unless somebody is pinned already; gives the id in force. Raises StoreFault."""
        known = self.id_of(reference)
        if known is not None:
            return known
        return (await self.note(reference, Sight(found))).pinned or found

    async def note(self, reference: str, sight: Sight) -> Handle:
        """Take in what Slack says now; gives the handle as it stands then. Raises StoreFault."""
        before = self.of(reference)
        after = seen(before or Handle(normal(reference), self._team), sight, self._clock.now())
        if after != before:
            await self._put([after])
        return after

    async def accept(self, handles: Sequence[Handle], by: str) -> None:
        """Let what these names mean now be in force. Raises StoreFault."""
        now = self._clock.now()
        await self._put(
            [
                replace(one, pinned=one.found, state="found", pinned_at=now, pinned_by=by, told_at=None)
                for one in handles
            ]
        )

    async def told(self, handles: Sequence[Handle]) -> None:
        """Note that people were told of these changes. Raises StoreFault."""
        now = self._clock.now()
        await self._put([replace(one, told_at=now) for one in handles])

    async def _put(self, handles: Sequence[Handle]) -> None:
        before = {one.reference: self._known.get(one.reference) for one in handles}
        self._known |= {one.reference: one for one in handles}  # at once: who asks meanwhile pins nobody else
        try:
            await self._keep(handles)
        except Exception:
            for reference, known in before.items():
                self._known.pop(reference)
                if known is not None:
                    self._known[reference] = known
            raise


def seen(before: Handle, sight: Sight, now: Millis) -> Handle:
    """A handle after another look. Pure."""
    if sight.unseen:
        return replace(before, state="unseen") if before.pinned is None else before
    first = sight.found is not None and before.pinned is None
    if first or sight.found == OWN:  # the operator's file is the operator's word
        unchanged = before.pinned == sight.found
        return replace(
            before,
            pinned=sight.found,
            found=sight.found,
            state="found",
            pinned_at=before.pinned_at if unchanged else now,
            told_at=None,
        )
    same = sight.found == before.found
    state = "found" if sight.stands and before.pinned is not None else "absent"
    return replace(before, found=sight.found, state=state, told_at=before.told_at if same else None)  # type: ignore[arg-type]
