"""The workspace itself: people, groups, channels and everything said in them."""

import random
from dataclasses import asdict, replace
from typing import Any

from bot.sandbox.apps import App
from bot.sandbox.clock import Clock
from bot.sandbox.feed import Feed
from bot.sandbox.messages import Messages
from bot.sandbox.people import Channel, Seed, User, UserGroup
from bot.sandbox.refusals import Json

# Slack forgets them at the next reload; a long test should not pile them up for ever.
EPHEMERALS_MAX = 500


class Workspace:
    """What everyone sees. Changes go through its methods, which tell the feed."""

    def __init__(self, seed: Seed, clock: Clock, feed: Feed, rng: random.Random) -> None:
        self.team_id = seed.team_id
        self.team_name = seed.team_name
        self.team_domain = seed.team_domain
        self.app: App = seed.app
        self.users: dict[str, User] = {user.id: user for user in seed.users}
        self.groups: dict[str, UserGroup] = {group.id: group for group in seed.groups}
        self.channels: dict[str, Channel] = {channel.id: channel for channel in seed.channels}
        self.version = 0
        self._said: dict[str, Messages] = {channel_id: Messages() for channel_id in self.channels}
        self._ephemerals: dict[str, list[Json]] = {}
        self._read_up_to: dict[tuple[str, str], str] = {}
        self._clock = clock
        self._feed = feed
        self._rng = rng
        self._last_moment = 0

    # Finding

    def user(self, name: str) -> User:
        """A user by id or handle. Raises LookupError with the names that exist."""
        wanted = name.removeprefix("@")
        for user in self.users.values():
            if wanted in (user.id, user.handle):
                return user
        handles = ", ".join(user.handle for user in self.users.values())
        raise LookupError(f"nobody here is called {name!r}; there are {handles}")

    def group(self, name: str) -> UserGroup:
        """A user group by id or handle. Raises LookupError."""
        wanted = name.removeprefix("@")
        for group in self.groups.values():
            if wanted in (group.id, group.handle):
                return group
        raise LookupError(f"there is no user group {name!r}")

    def channel(self, name: str) -> Channel:
        """A channel by id or #name. Raises LookupError with the names that exist."""
        found = self.find_channel(name)
        if found is None:
            names = ", ".join(f"#{one.name}" for one in self.channels.values() if one.kind != "dm")
            raise LookupError(f"there is no channel {name!r}; there are {names}")
        return found

    def find_channel(self, name: str) -> Channel | None:
        wanted = name.removeprefix("#")
        if wanted in self.channels:
            return self.channels[wanted]
        named = (one for one in self.channels.values() if one.kind != "dm" and one.name == wanted)
        return next(named, None)

    def direct_message(self, user_id: str) -> Channel | None:
        """The conversation of a person with the bot."""
        both = frozenset({user_id, self.app.bot_user_id})
        return next((one for one in self.channels.values() if one.kind == "dm" and one.members == both), None)

    def said(self, channel_id: str) -> Messages:
        return self._said[channel_id]

    def messages(self, channel: str) -> list[Json]:
        """The roots of a channel, oldest first, as chat.history gives them, with their metadata."""
        return self._said[self.channel(channel).id].roots()

    def thread(self, channel: str, ts: str) -> list[Json]:
        """A root and its replies, oldest first."""
        return self._said[self.channel(channel).id].thread(ts)

    def ephemerals(self, user_id: str) -> list[Json]:
        """What only this person sees, oldest first."""
        return self._ephemerals.setdefault(user_id, [])

    # Time and names

    def mint_ts(self) -> str:
        """A message ts that was never used before and is later than all others."""
        self._last_moment = max(self._clock.now() * 1_000, self._last_moment + 1)
        return f"{self._last_moment // 1_000_000}.{self._last_moment % 1_000_000:06d}"

    def mint_id(self, prefix: str) -> str:
        """A fresh id such as `F0K3J9QX2A1`."""
        alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
        return f"{prefix}0{''.join(self._rng.choices(alphabet, k=9))}"

    def mint_block_id(self) -> str:
        return "".join(self._rng.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789+/=", k=5))

    # Changing

    def post(self, channel_id: str, message: Json) -> None:
        """Add a message and show it to the members."""
        said = self._said[channel_id]
        said.add(message)
        self._tell(channel_id, {"type": "message", "channel": channel_id, "message": message})
        root = said.get(message.get("thread_ts", ""))
        if root is not None and root is not message:
            self._tell(channel_id, {"type": "message_changed", "channel": channel_id, "message": root})

    def change(self, channel_id: str, message: Json) -> None:
        """Show a message that was edited in place."""
        self._tell(channel_id, {"type": "message_changed", "channel": channel_id, "message": message})

    def delete(self, channel_id: str, ts: str) -> None:
        said = self._said[channel_id]
        root_ts = (said.get(ts) or {}).get("thread_ts", ts)
        said.remove(ts)
        self._tell(channel_id, {"type": "message_deleted", "channel": channel_id, "ts": ts})
        left = said.get(root_ts)
        if left is not None:
            self._tell(channel_id, {"type": "message_changed", "channel": channel_id, "message": left})

    def whisper(self, user_id: str, channel_id: str, message: Json) -> None:
        """Show a message to one person only; it is never stored on disk."""
        kept = self.ephemerals(user_id)
        kept.append(message)
        del kept[:-EPHEMERALS_MAX]
        item = {"type": "ephemeral", "channel": channel_id, "message": message}
        self._feed.publish(item, only=frozenset({user_id}))

    def forget_whisper(self, user_id: str, ts: str) -> None:
        kept = self.ephemerals(user_id)
        for message in [one for one in kept if one["ts"] == ts]:
            kept.remove(message)
            item = {"type": "message_deleted", "channel": message["channel"], "ts": ts}
            self._feed.publish(item, only=frozenset({user_id}))

    def change_user(self, name: str, **fields: Any) -> User:
        """Change a person, e.g. `deleted=True`."""
        user = replace(self.user(name), **fields)
        self.users[user.id] = user
        self._restated()
        return user

    def change_group(self, name: str, **fields: Any) -> UserGroup:
        """Change a user group, e.g. `users=("U0ADA",)`."""
        group = replace(self.group(name), **fields)
        self.groups[group.id] = group
        self._restated()
        return group

    def change_channel(self, name: str, **fields: Any) -> Channel:
        """Change a channel, e.g. `is_archived=True`."""
        channel = replace(self.channel(name), **fields)
        self.channels[channel.id] = channel
        self._restated()
        return channel

    def open_direct_message(self, user: User) -> Channel:
        found = self.direct_message(user.id)
        if found is not None:
            return found
        members = frozenset({user.id, self.app.bot_user_id})
        channel = Channel(id=f"D0{user.handle.upper()}", name=user.handle, kind="dm", members=members)
        self.channels[channel.id] = channel
        self._said[channel.id] = Messages()
        self._restated()
        return channel

    # Reading marks

    def mark_read(self, user_id: str, channel_id: str) -> None:
        latest = self._said[channel_id].latest_ts()
        if latest is not None:
            self._read_up_to[user_id, channel_id] = latest

    def unread(self, user_id: str, channel_id: str) -> int:
        seen = self._read_up_to.get((user_id, channel_id), "0")
        roots = reversed(self._said[channel_id].roots())
        count = 0
        for message in roots:
            if message["ts"] <= seen:
                break
            count += message.get("user") != user_id
        return count

    # Keeping

    def as_json(self) -> Json:
        return {
            "users": [asdict(one) for one in self.users.values()],
            "groups": [asdict(one) for one in self.groups.values()],
            "channels": [{**asdict(one), "members": sorted(one.members)} for one in self.channels.values()],
            "messages": {channel_id: said.as_json() for channel_id, said in self._said.items() if len(said)},
        }

    def restore(self, kept: Json) -> None:
        """Take everything from a file written earlier; the app stays as given."""
        self.users = {one["id"]: User(**one) for one in kept["users"]}
        self.groups = {one["id"]: UserGroup(**{**one, "users": tuple(one["users"])}) for one in kept["groups"]}
        self.channels = {one["id"]: _channel(one) for one in kept["channels"]}
        self._said = {channel_id: Messages(kept["messages"].get(channel_id)) for channel_id in self.channels}
        latest = [said.latest_ts() for said in self._said.values()]
        self._last_moment = max((int(ts.replace(".", "")) for ts in latest if ts), default=0)

    def _tell(self, channel_id: str, item: Json) -> None:
        self.version += 1
        self._feed.publish(item, only=self.channels[channel_id].members)

    def _restated(self) -> None:
        self.version += 1
        self._feed.publish({"type": "state"})


def _channel(kept: Json) -> Channel:
    return Channel(**{**kept, "members": frozenset(kept["members"]), "shared_with": tuple(kept["shared_with"])})
