"""Which ids in Slack stand behind people, groups and channels as authors write them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.people import GROUP_ID, USER_ID, People
from bot.slack import Slack, SlackFault
from engine.clock import Clock
from store.model import Millis

KEEP_MS = 5 * 60_000
FAILED_KEEP_MS = 60_000  # a lookup that failed is tried again after this
REMEMBERED_MAX = 5_000


class Directory:
    """Answers for the messages of runs. Who may decide is not its business: that is asked anew at each click."""

    def __init__(self, slack: Slack, people: People, clock: Clock) -> None:
        self._slack = slack
        self._people = people
        self._clock = clock
        self._known: dict[str, tuple[str, Millis]] = {}
        self._groups: tuple[Mapping[str, str], Millis] = ({}, 0)

    async def ids(self, references: Sequence[str]) -> Mapping[str, str]:
        """The ids that are known, by reference."""
        found = {one: await self._id(one) for one in references}
        return {one: known for one, known in found.items() if known}

    async def _id(self, reference: str) -> str:
        if USER_ID.fullmatch(reference) or GROUP_ID.fullmatch(reference) or reference[:1] in "CDG":
            return reference
        known, until = self._known.get(reference, ("", 0))
        if until > self._clock.now():
            return known
        known = await self._looked_up(reference)
        while len(self._known) >= REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        self._known[reference] = (known, self._clock.now() + (KEEP_MS if known else FAILED_KEEP_MS))
        return known

    async def _looked_up(self, reference: str) -> str:
        if reference.startswith("#"):
            channel = await self._people.channel(reference)
            return channel.id if channel.known else ""
        if reference.startswith("@"):
            return await self._quietly(lambda: self._group(reference[1:].lower()))
        return await self._quietly(lambda: self._person(reference))

    async def _group(self, handle: str) -> str:
        groups, until = self._groups
        if until <= self._clock.now():
            listed = (await self._slack.read("usergroups.list"))["usergroups"]
            groups = {str(one["handle"]).lower(): str(one["id"]) for one in listed}
            self._groups = (groups, self._clock.now() + KEEP_MS)
        return groups.get(handle, "")

    async def _person(self, email: str) -> str:
        found = await self._slack.read("users.lookupByEmail", email=email)
        return str(found["user"]["id"])

    async def _quietly(self, look: Callable[[], Awaitable[str]]) -> str:
        """A name that Slack does not know is shown as it was written."""
        try:
            return await look()
        except SlackFault:
            return ""
