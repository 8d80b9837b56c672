"""Who is who: what Slack says about people, groups and channels at this moment.

When Slack cannot say, the answer is no: nobody is a member, no group has anybody in it. Facts are kept for half a
minute, half of what a decision may rest on, so that they are never too old when it is committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from bot.capabilities import INCAPABLE, PROBES
from bot.kept import Kept
from bot.names import GROUP_ID, USER_ID, is_id
from bot.phonebook import Phonebook, Reads
from bot.pins import OWN, Pins
from bot.slack import SlackFault
from engine.clock import Clock
from engine.rules.gates import FACTS_AGE_MAX_MS
from store.model import Millis, Person

log = structlog.get_logger()

FRESH_MS = FACTS_AGE_MAX_MS // 2
DEPTH_MAX = 3  # groups of the operator that name each other
MEMBERS = "members"

CONSEQUENCES = {
    **dict(PROBES.values()),
    "emails": "Nobody is found by e-mail address. Give the app users:read.email, or write user ids.",
    "channels": "No channel is known. Give the app channels:read and groups:read.",
}


@dataclass(frozen=True, slots=True)
class Organisation:
    """Whose members may use us."""

    team_id: str
    enterprise_id: str | None = None


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """A person, and the references of which Slack could not say whether they mean this person."""

    person: Person
    unsure: tuple[str, ...] = ()
    trouble: SlackFault | None = None  # a passing one: when it is over, Slack says more


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel as we may use it. Unknown ones are neither ours nor anybody's."""

    id: str
    name: str = ""
    known: bool = True
    ours: bool = False  # we are in it
    external: bool = False  # shared with another organisation
    direct: bool = False
    private: bool = False


class People(Protocol):
    """Whoever can tell who somebody is."""

    async def meet(self, user_id: str, references: Iterable[str] = (), *, anew: bool = False) -> Acquaintance: ...

    async def channel(self, reference: str) -> ChannelFacts: ...

    def pinned(self, reference: str) -> str | None: ...


class SlackPeople:
    """People and channels as Slack tells of them; a name means who is pinned for it, see `bot/pins.py`."""

    def __init__(
        self,
        slack: Reads,
        clock: Clock,
        organisation: Organisation,
        own_groups: Mapping[str, Sequence[str]] | None = None,
        pins: Pins | None = None,
    ) -> None:
        self.phonebook = Phonebook(slack, clock)
        self.pins = pins or Pins(clock)
        self._slack = slack
        self._clock = clock
        self._organisation = organisation
        self.own_groups = _by_handle(own_groups or {})
        self._users: Kept[Mapping[str, Any]] = Kept(clock)
        self._members: Kept[tuple[str, ...]] = Kept(clock)
        self._channels: Kept[Mapping[str, Any]] = Kept(clock)

    def use_groups(self, own_groups: Mapping[str, Sequence[str]]) -> None:
        """The operator's groups as they stand in the file now."""
        self.own_groups = _by_handle(own_groups)

    def own_group(self, reference: str) -> tuple[str, ...] | None:
        """Who the operator's file names under this handle; None when there is no such group in it."""
        return self.own_groups.get(reference.removeprefix("@").lower())

    async def meet(self, user_id: str, references: Iterable[str] = (), *, anew: bool = False) -> Acquaintance:
        """Who this is now, and which of the references mean this person. Never raises for Slack's sake."""
        age_ms = 0 if anew else FRESH_MS
        try:
            user, fetched_at = await self._users.get(user_id, lambda: self._user(user_id), age_ms)
        except SlackFault as fault:
            log.warning("slack cannot say who somebody is", user=user_id, error=fault.code)
            self._cannot("people", fault.code)
            why_not = "unverifiable" if fault.code in INCAPABLE else "unknown"
            unknown = Person(user_id, "", False, (), self._clock.now(), why_not)
            return Acquaintance(unknown, trouble=fault if fault.retryable else None)
        why_not = why_not_member(user, self._organisation)
        if why_not:
            return Acquaintance(Person(user_id, _name(user), False, (), fetched_at, why_not))
        asked = _Asked(user_id, user, fetched_at, age_ms)
        for reference in dict.fromkeys(references):
            if reference != MEMBERS and await self._means(reference, asked):
                asked.matches.append(reference)
        person = Person(user_id, _name(user), True, tuple(asked.matches), asked.fetched_at)
        return Acquaintance(person, tuple(asked.unsure), asked.trouble)

    async def channel(self, reference: str) -> ChannelFacts:
        """A channel by id or #name, as it is now."""
        try:
            channel_id = await self._channel_id(reference)
            if channel_id.startswith("D"):
                return ChannelFacts(channel_id, direct=True, ours=True)
            found, _ = await self._channels.get(channel_id, lambda: self._channel(channel_id), FRESH_MS)
        except SlackFault as fault:
            self._cannot("channels", fault.code)
            return ChannelFacts(reference, known=False)
        return channel_facts(found)

    def pinned(self, reference: str) -> str | None:
        """The id that a reference means, without asking anybody; None while nobody knows."""
        return reference if is_id(reference) else self.pins.id_of(reference)

    async def _user(self, user_id: str) -> Mapping[str, Any]:
        user: Mapping[str, Any] = (await self._slack.read("users.info", user=user_id))["user"]
        return user

    async def _channel(self, channel_id: str) -> Mapping[str, Any]:
        channel: Mapping[str, Any] = (await self._slack.read("conversations.info", channel=channel_id))["channel"]
        return channel

    async def behind(self, reference: str, depth: int = 0) -> tuple[str, ...] | None:
        """The ids of the people who are meant; None when nobody can list them. Never raises for Slack's sake."""
        own = self.own_group(reference)
        try:
            if own is not None:
                listed = [await self.behind(one, depth + 1) for one in own if depth < DEPTH_MAX]
                known = [people for people in listed if people is not None]
                return tuple(dict.fromkeys(one for people in known for one in people)) if known or not own else None
            found = await self.id_of(reference)
            if found is None or USER_ID.fullmatch(found):
                return () if found is None else (found,)
            if not GROUP_ID.fullmatch(found):
                return None
            return (await self._members.get(found, lambda: self._in(found), FRESH_MS))[0]
        except SlackFault as fault:
            log.info("slack cannot say who is meant", reference=reference, error=fault.code)
            return None

    async def id_of(self, reference: str) -> str | None:
        """The id in force for a reference; found and pinned when it is not yet. Raises SlackFault.

        None when it means nobody, and for groups of the operator, who have no id.
        """
        if is_id(reference):
            return reference
        known = self.pins.id_of(reference)
        if known is None and self.own_group(reference) is None:
            found = await self.phonebook.bearer(reference)
            known = None if found is None else await self.pins.pin(reference, found)
        return None if known == OWN else known

    async def _channel_id(self, reference: str) -> str:
        found = await self.id_of(reference)
        if found is None:
            raise SlackFault("channel_not_found", retryable=False)
        return found

    async def _means(self, reference: str, asked: _Asked, depth: int = 0) -> bool:
        """Whether a reference means this person; when nobody can say, it does not."""
        if USER_ID.fullmatch(reference):
            return reference == asked.user_id
        if "@" in reference[1:]:
            return await self._is_email(reference, asked)
        own = self.own_group(reference)
        if own is not None:
            means = [await self._means(one, asked, depth + 1) for one in own if depth < DEPTH_MAX]
            return any(means)
        try:
            return await self._in_group(reference, asked)
        except SlackFault as fault:
            asked.unsure.append(reference)
            asked.trouble = asked.trouble or (fault if fault.retryable else None)
            self._cannot("usergroups", fault.code)
            return False

    async def _is_email(self, reference: str, asked: _Asked) -> bool:
        pinned = self.pins.id_of(reference)
        if pinned is not None:
            return pinned == asked.user_id
        profile: Mapping[str, Any] = asked.user.get("profile") or {}
        if "email" not in profile:
            asked.unsure.append(reference)
            self._cannot("emails", "missing_scope")
            return False
        confirmed = asked.user.get("is_email_confirmed", True)
        if not confirmed or str(profile["email"]).lower() != reference.lower():
            return False
        return await self.pins.pin(reference, asked.user_id) == asked.user_id

    async def _in_group(self, reference: str, asked: _Asked) -> bool:
        group_id = await self.id_of(reference)
        if group_id is None:
            return False
        members, fetched_at = await self._members.get(group_id, lambda: self._in(group_id), asked.age_ms)
        asked.fetched_at = min(asked.fetched_at, fetched_at)
        return asked.user_id in members

    async def _in(self, group_id: str) -> tuple[str, ...]:
        try:
            return tuple((await self._slack.read("usergroups.users.list", usergroup=group_id))["users"])
        except SlackFault as fault:
            if fault.code == "no_such_subteam":
                return ()
            raise

    def _cannot(self, capability: str, code: str) -> None:
        """Note what this installation can never say; a passing trouble is none of it."""
        if code in INCAPABLE:
            self._slack.capabilities.note(capability, code, CONSEQUENCES[capability])


class OperatorPeople:
    """People without Slack, for trying things at the command line.

    Everybody is a member, and only the operator's own groups have anybody in them.
    """

    def __init__(self, clock: Clock, own_groups: Mapping[str, Sequence[str]] | None = None) -> None:
        self._clock = clock
        self._own_groups = _by_handle(own_groups or {})

    async def meet(self, user_id: str, references: Iterable[str] = (), *, anew: bool = False) -> Acquaintance:
        asked = list(dict.fromkeys(references))
        own = {one: self._own_groups.get(one.removeprefix("@").lower()) for one in asked}
        matches = tuple(one for one in asked if one == user_id or user_id in (own[one] or ()))
        unsure = tuple(one for one in asked if one.startswith("@") and own[one] is None)
        return Acquaintance(Person(user_id, user_id, True, matches, self._clock.now()), unsure)

    async def channel(self, reference: str) -> ChannelFacts:
        return ChannelFacts(reference, name=reference.removeprefix("#"), ours=True, direct=reference.startswith("D"))

    def pinned(self, reference: str) -> str | None:
        return reference


def why_not_member(user: Mapping[str, Any], home: Organisation) -> str:
    """Why somebody is no member of the home organisation; empty when they are."""
    if user.get("deleted"):
        return "deleted"
    if user.get("is_bot") or user.get("is_workflow_bot") or user.get("id") == "USLACKBOT":
        return "bot"
    if user.get("is_restricted") or user.get("is_ultra_restricted"):
        return "guest"
    if user.get("is_stranger") or not _at_home(user, home):
        return "outsider"
    return ""


def channel_facts(channel: Mapping[str, Any]) -> ChannelFacts:
    """What Slack says about a channel, as far as it matters to us."""
    shared_outside = channel.get("is_shared") and not channel.get("is_org_shared")
    external = channel.get("is_ext_shared") or channel.get("is_pending_ext_shared") or shared_outside
    return ChannelFacts(
        id=str(channel["id"]),
        name=str(channel.get("name") or ""),
        ours=bool(channel.get("is_member")) and not channel.get("is_archived"),
        external=bool(external),
        direct=bool(channel.get("is_im")),
        private=bool(channel.get("is_private")),
    )


@dataclass(slots=True)
class _Asked:
    """One person, while the references are gone through."""

    user_id: str
    user: Mapping[str, Any]
    fetched_at: Millis
    age_ms: int
    matches: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    trouble: SlackFault | None = None


def _at_home(user: Mapping[str, Any], home: Organisation) -> bool:
    if user.get("team_id") == home.team_id:
        return True
    enterprise = (user.get("enterprise_user") or {}).get("enterprise_id")
    return home.enterprise_id is not None and enterprise == home.enterprise_id


def _name(user: Mapping[str, Any]) -> str:
    profile: Mapping[str, Any] = user.get("profile") or {}
    return str(profile.get("display_name") or user.get("real_name") or user.get("name") or user.get("id") or "")


def _by_handle(groups: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {name.removeprefix("@").lower(): tuple(people) for name, people in groups.items()}
