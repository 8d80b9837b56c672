"""Notices that Slack does not bring us what is said in channels: an app cannot ask for its own subscriptions.

Words that mention us come twice from a channel, as a mention and as a message. When the message is missing although
the mention came, the app was never subscribed to messages, and workflows that listen to the channel never start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.capabilities import Capabilities
from store.model import Millis

PATIENCE_MS = 60_000  # the two may come in any order, and Slack repeats the one that was lost
PENDING_MAX = 100
NAME = "messages in channels"
CONSEQUENCE = (
    "What people write in channels starts no workflow. Add the events message.channels and message.groups to the app "
    "(manifest.yml), and install it again."
)


class Twins:
    """Remembers mentions whose message has not come."""

    def __init__(self, capabilities: Capabilities, listens_in: Callable[[str], bool]) -> None:
        self._capabilities = capabilities
        self._listens_in = listens_in
        self._alone: dict[tuple[str, str], Millis] = {}

    def note(self, body: Mapping[str, Any], now: Millis) -> None:
        """Take in a delivery; a lack is noted once."""
        event: Mapping[str, Any] = body.get("event") or {}
        where = (str(event.get("channel")), str(event.get("ts")))
        match event.get("type"):
            case "message" if event.get("channel_type") in ("channel", "group"):
                self._alone.clear()
                self._capabilities.found(NAME)
            case "app_mention" if self._listens_in(where[0]):
                if any(now - at > PATIENCE_MS for at in self._alone.values()):
                    self._capabilities.note(NAME, "not_subscribed", CONSEQUENCE)
                if len(self._alone) < PENDING_MAX:
                    self._alone[where] = now
