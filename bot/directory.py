"""What the messages of runs need to know of people, groups and channels: ids, who is meant, who is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.absence import absence
from bot.names import is_id
from bot.people import SlackPeople
from bot.slack import SlackFault
from engine.clock import Clock
from store.model import Millis

FAILED_KEEP_MS = 60_000  # a lookup that failed is tried again after this
REMEMBERED_MAX = 5_000


class Directory:
    """Answers for the messages of runs. Who may decide is not its business: that is asked anew at each click."""

    def __init__(self, people: SlackPeople, clock: Clock) -> None:
        self._people = people
        self._clock = clock
        self._failed: dict[str, Millis] = {}  # until when a reference is taken as unknown

    async def ids(self, references: Sequence[str]) -> Mapping[str, str]:
        """The ids that are in force, by reference; what nobody is known for stays as it was written."""
        found = {one: await self._id(one) for one in references}
        return {one: known for one, known in found.items() if known}

    async def behind(self, references: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The people who are meant, by reference; left out where nobody can list them."""
        found = {one: await self._people.behind(one) for one in references}
        return {one: people for one, people in found.items() if people is not None}

    def absent(self, references: Sequence[str]) -> Mapping[str, str]:
        """The references behind which nobody stands, each with the reason: `there is no group @nosuch`."""
        found = {one: self._people.pins.of(one) for one in references if self._people.own_group(one) is None}
        return {one: absence(one, handle) for one, handle in found.items() if handle and handle.state != "found"}

    async def _id(self, reference: str) -> str | None:
        if is_id(reference):
            return reference
        if self._people.pins.id_of(reference) is None and self._failed.get(reference, 0) > self._clock.now():
            return None
        try:
            found = await self._people.id_of(reference)
        except SlackFault:
            found = None
        if found is None:
            while len(self._failed) >= REMEMBERED_MAX:
                del self._failed[next(iter(self._failed))]
            self._failed[reference] = self._clock.now() + FAILED_KEEP_MS
        return found
