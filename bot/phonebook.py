"""Which id bears a name in Slack at this moment: handles of groups, names of channels, e-mail addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bot.capabilities import Capabilities
from bot.kept import Kept
from bot.names import CHANNEL_ID, GROUP_ID, USER_ID
from bot.slack import SlackFault
from engine.clock import Clock

NAMES_MS = 5 * 60_000  # how long a list of names is good for; who is in a group is asked anew
PAGES_MAX = 25
ABSENT = frozenset({"users_not_found", "user_not_found", "user_not_visible", "channel_not_found"})


class Reads(Protocol):
    """The reading half of the Slack client."""

    capabilities: Capabilities

    async def read(self, method: str, **params: Any) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """One of Slack's lists: ids by name, and all ids."""

    by_name: Mapping[str, str]
    ids: frozenset[str]


class Phonebook:
    """Asks Slack. Every method raises SlackFault when Slack cannot say; None means that it says there is nobody."""

    def __init__(self, slack: Reads, clock: Clock) -> None:
        self._slack = slack
        self._groups: Kept[Listed] = Kept(clock)
        self._channels: Kept[Listed] = Kept(clock)

    async def bearer(self, reference: str, *, age_ms: int = NAMES_MS) -> str | None:
        """The id behind @handle, #name or an e-mail address."""
        if reference.startswith("@"):
            return (await self._group_list(age_ms)).by_name.get(reference[1:].lower())
        if reference.startswith("#"):
            return (await self._channel_list(age_ms)).by_name.get(reference[1:].lower())
        return await self._person(reference)

    async def exists(self, id: str, *, age_ms: int = NAMES_MS) -> bool:
        """Whether there is a group, channel or person of this id whom we could reach."""
        if GROUP_ID.fullmatch(id):
            return id in (await self._group_list(age_ms)).ids
        if USER_ID.fullmatch(id):
            return await self._is_anybody("users.info", user=id)
        if CHANNEL_ID.fullmatch(id):
            return await self._is_anybody("conversations.info", channel=id)
        return False

    async def _group_list(self, age_ms: int) -> Listed:
        found, _ = await self._groups.get("", self._read_groups, age_ms)
        return found

    async def _read_groups(self) -> Listed:
        groups = (await self._slack.read("usergroups.list"))["usergroups"]
        by_name = {str(one["handle"]).lower(): str(one["id"]) for one in groups}
        return Listed(by_name, frozenset(by_name.values()))

    async def _channel_list(self, age_ms: int) -> Listed:
        found, _ = await self._channels.get("", self._read_channels, age_ms)
        return found

    async def _read_channels(self) -> Listed:
        by_name: dict[str, str] = {}
        cursor = ""
        for _ in range(PAGES_MAX):
            more = {"cursor": cursor} if cursor else {}
            page = await self._slack.read(
                "conversations.list", types="public_channel,private_channel", exclude_archived=True, limit=1_000, **more
            )
            by_name |= {str(one["name"]).lower(): str(one["id"]) for one in page["channels"]}
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return Listed(by_name, frozenset(by_name.values()))

    async def _person(self, email: str) -> str | None:
        try:
            found = (await self._slack.read("users.lookupByEmail", email=email))["user"]
        except SlackFault as fault:
            if fault.code in ABSENT:
                return None
            raise
        confirmed = found.get("is_email_confirmed", True)  # anybody may claim an address that nobody checked
        return str(found["id"]) if confirmed else None

    async def _is_anybody(self, method: str, **asked: str) -> bool:
        try:
            found = await self._slack.read(method, **asked)
        except SlackFault as fault:
            if fault.code in ABSENT:
                return False
            raise
        return not (found.get("user") or {}).get("deleted")
