"""One call of the Web API: who asks, with which arguments; and what a method is."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.parts import Parts
from bot.sandbox.people import Channel
from bot.sandbox.refusals import Json, SlackRefusal, refused_arguments

PAGE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of one call and the sandbox it is made in."""

    parts: Parts
    arguments: Json

    def text(self, name: str, default: str = "") -> str:
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise refused_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.arguments.get(name)
        if value is None:
            return default
        return value if isinstance(value, bool) else str(value).lower() in ("1", "true")

    def number(self, name: str, default: int, most: int = PAGE_MAX) -> int:
        value = self.arguments.get(name)
        if value in (None, ""):
            return default
        try:
            number = int(str(value))
        except ValueError:
            raise refused_arguments(f"must be an integer [json-pointer:/{name}]") from None
        if number < 0:
            raise SlackRefusal("invalid_limit")
        return min(number, most) or default

    def data(self, name: str, refusal: str = "invalid_arguments") -> Any:
        """A structured argument, which forms carry as a JSON string."""
        value = self.arguments.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackRefusal(refusal) from None

    def channel(self, name: str = "channel") -> Channel:
        """The channel that is meant, as far as the bot may know of it."""
        value = self.required(name)
        workspace = self.parts.workspace
        if value in workspace.users:
            return workspace.open_direct_message(workspace.users[value])
        channel = workspace.find_channel(value) if value.startswith("#") else workspace.channels.get(value)
        hidden = channel is not None and channel.kind != "channel" and workspace.app.bot_user_id not in channel.members
        if channel is None or hidden:
            raise SlackRefusal("channel_not_found")
        return channel

    def page(self, items: list[Any], default: int = 100) -> tuple[list[Any], str]:
        """One page of a list, and the cursor of the next."""
        limit = self.number("limit", default)
        cursor = self.text("cursor")
        start = 0
        if cursor:
            if not cursor.startswith("next:") or not cursor[5:].isdigit():
                raise SlackRefusal("invalid_cursor")
            start = int(cursor[5:])
        more = start + limit < len(items)
        return items[start : start + limit], f"next:{start + limit}" if more else ""


Handler = Callable[[Call], Awaitable[Json]]
ScopesOf = Callable[[Call], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What a method needs: one of `scopes` (none: any token), its rate tier, and whose token."""

    answer: Handler
    tier: str = "tier3"
    scopes: tuple[str, ...] | ScopesOf = ()
    token: str = "bot"  # noqa: S105

    def needed(self, call: Call) -> tuple[str, ...]:
        return self.scopes(call) if callable(self.scopes) else self.scopes
