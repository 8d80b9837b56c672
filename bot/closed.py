"""Channels that are closed to us: why, in words, and what opens them."""

from __future__ import annotations

from typing import Literal

from bot.views.markup import channel as channel_mention
from bot.views.markup import escape
from store.unshown import Unshown

NO_CHANNEL = "no_channel"
CHANNEL_PREFIXES = ("C", "G")

# Slack's word -> what is wrong, and what to do. {we_are} is "the bot is" at a terminal and "I am" in Slack.
REASONS: dict[str, tuple[str, str]] = {
    "not_in_channel": ("{we_are} not in {place}", "Invite it with /invite @{bot}."),
    "channel_not_found": (
        "{we_are} not in {place}, or there is no such channel",
        "Invite it with /invite @{bot}, or correct the workflow's channel.",
    ),
    "is_archived": ("{place} is archived", "Unarchive it, or name another channel in the workflow."),
    NO_CHANNEL: ("the workflow names no channel", "Give it a `channel:` if people should see its runs in Slack."),
}
RESTRICTED = (
    "{place} takes messages only of those whom the workspace allows",
    "Allow the app to post there, or name another channel in the workflow.",
)
OTHERWISE = ("Slack does not let the bot write in {place} ({code})", "Look at the channel's settings in Slack.")


def problem(row: Unshown, *, said_by: Literal["us", "others"] = "others") -> str:
    """Why the channel is closed: `the bot is not in #private-legal`."""
    we_are = "I am" if said_by == "us" else "the bot is"
    place = _mention(row) if said_by == "us" else row.name
    return _reason(row.code)[0].format(we_are=we_are, place=place, code=row.code)


def hint(row: Unshown, *, said_by: Literal["us", "others"] = "others") -> str:
    """What opens it; empty when the run has ended and it is too late."""
    if row.state == "over":
        return ""
    text = _reason(row.code)[1].format(bot=row.bot or "flow", place=row.name)
    return text.replace("Invite it", "Invite me") if said_by == "us" else text


def not_shown(row: Unshown, *, said_by: Literal["us", "others"] = "others") -> str:
    """`Not shown in Slack: the bot is not in #private-legal. Invite it with /invite @flow.`"""
    told = f"Not shown in Slack: {problem(row, said_by=said_by)}"
    cure = hint(row, said_by=said_by)
    return f"{told}. {cure}" if cure else f"{told}."


def _reason(code: str) -> tuple[str, str]:
    if code.startswith("restricted_action"):
        return RESTRICTED
    return REASONS.get(code, OTHERWISE)


def _mention(row: Unshown) -> str:
    return channel_mention(row.channel) if row.channel.startswith(CHANNEL_PREFIXES) else escape(row.name)
