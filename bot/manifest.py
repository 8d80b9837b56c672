"""The Slack app: one model of it, from which both manifests are written.

`manifest.yml` (Socket Mode) is the text of `render()`; `pointsman manifest --http URL` is the text of `render(url)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

COMMAND = "/flow"
COMMAND_DESCRIPTION = "Start, watch and decide workflows"
USAGE_HINT = "run NAME key=value… · status · list · help"
EVENTS_PATH = "/slack/events"

# The names stand in Slack's menus; it takes 24 characters.
SHORTCUTS = (
    {
        "name": "Start a workflow",
        "type": "global",
        "callback_id": "start_workflow",
        "description": "Choose a workflow and fill in what it needs",
    },
    {
        "name": "Start a workflow on this",
        "type": "message",
        "callback_id": "start_on_message",
        "description": "Start a workflow with what this message says",
    },
)

SCOPES = {
    "app_mentions:read": "hear @flow",
    "channels:read": "see whether a public channel is shared with others",
    "chat:write": "post and update messages",
    "chat:write.public": "post to public channels without joining them",
    "commands": f"{COMMAND}, and the shortcuts that start workflows",
    "groups:read": "see whether a private channel is shared with others",
    "im:history": "hear direct messages",
    "im:write": "open a direct message",
    "usergroups:read": "know who is in a group of approvers",
    "users:read": "know who is a member, a guest or an outsider",
    "users:read.email": "find approvers who are written as e-mail addresses",
}
SCOPES_OPTIONAL = {
    "channels:history": "find our own message again after a crash, and hear messages that start workflows",
    "files:read": "take files as inputs",
    "groups:history": "find our own message again after a crash, and hear messages that start workflows, in private "
    "channels",
}
CHANNEL_EVENTS = {"message.channels": "channels:history", "message.groups": "groups:history"}  # with their scopes
EVENTS = ("app_home_opened", "app_mention", "member_joined_channel", *CHANNEL_EVENTS, "message.im")

DESCRIPTION = "Bounded, repeatable workflows that wait for people and survive every crash."
LONG_DESCRIPTION = (
    "A pointsman sets the track for each train and holds it at the signal until the line is clear. Pointsman runs "
    "workflows that your team has written down once: it starts them by command, shows each step in a thread, stops "
    "at gates until the right people decide, tells the owner when something fails, and keeps a record of who decided "
    "what and why."
)


def manifest(http_url: str | None = None) -> dict[str, Any]:
    """The manifest of the app; with `http_url` (scheme and host) Slack sends signed requests there."""
    address = None if http_url is None else http_url.rstrip("/") + EVENTS_PATH
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Pointsman",
            "description": DESCRIPTION,
            "long_description": LONG_DESCRIPTION,
            "background_color": "#1d4b43",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "flow", "always_online": True},
            "shortcuts": [dict(one) for one in SHORTCUTS],
            "slash_commands": [_command(address)],
        },
        "oauth_config": {
            "scopes": {"bot": sorted((*SCOPES, *SCOPES_OPTIONAL)), "bot_optional": sorted(SCOPES_OPTIONAL)}
        },
        "settings": _settings(address),
    }


def _command(address: str | None) -> dict[str, Any]:
    command: dict[str, Any] = {
        "command": COMMAND,
        "description": COMMAND_DESCRIPTION,
        "usage_hint": USAGE_HINT,
        "should_escape": True,  # people and channels arrive as ids, not as names that may change
    }
    return command if address is None else command | {"url": address}


def _settings(address: str | None) -> dict[str, Any]:
    events: dict[str, Any] = {"bot_events": sorted(EVENTS)}
    interactivity: dict[str, Any] = {"is_enabled": True}
    if address is not None:
        events = {"request_url": address} | events
        interactivity |= {"request_url": address, "message_menu_options_url": address}
    return {
        "event_subscriptions": events,
        "interactivity": interactivity,
        "org_deploy_enabled": False,
        "socket_mode_enabled": address is None,
        "token_rotation_enabled": False,
    }


HEADER = """\
# The Slack app of Pointsman, for Socket Mode. Paste it at https://api.slack.com/apps?new_app=1 ("From a manifest").
# Written by `pointsman manifest`; for HTTP mode use `pointsman manifest --http https://your.host`.
"""


def render(http_url: str | None = None) -> str:
    """The manifest as YAML, ready to paste."""
    header = HEADER if http_url is None else HEADER.splitlines()[0].replace("Socket Mode", "HTTP mode") + "\n"
    body = yaml.safe_dump(manifest(http_url), sort_keys=False, allow_unicode=True, width=110)
    return header + body


class ManifestFault(ValueError):
    """Slack would not accept this manifest."""


LENGTHS: dict[tuple[str, ...], tuple[int, int]] = {
    ("display_information", "name"): (1, 35),
    ("display_information", "description"): (1, 140),
    ("display_information", "long_description"): (175, 4_000),
    ("features", "bot_user", "display_name"): (1, 80),
}


def check(tree: Mapping[str, Any]) -> None:
    """Raise `ManifestFault` when a length or count is over what Slack's manifest schema allows."""
    for path, (least, most) in LENGTHS.items():
        text: Any = tree
        for key in path:
            text = text[key]
        if not least <= len(text) <= most:
            raise ManifestFault(f"{'.'.join(path)} has {len(text)} characters; Slack takes {least} to {most}.")
    for command in tree["features"]["slash_commands"]:
        if len(command["command"]) > 32 or len(command["description"]) > 2_000 or len(command["usage_hint"]) > 1_000:
            raise ManifestFault(f"{command['command']}: a text of this command is too long for Slack.")
    shortcuts = tree["features"].get("shortcuts") or ()
    if len(shortcuts) > 10:
        raise ManifestFault(f"There are {len(shortcuts)} shortcuts; Slack takes 10.")
    for shortcut in shortcuts:
        if len(shortcut["name"]) > 24 or len(shortcut["description"]) > 150 or len(shortcut["callback_id"]) > 255:
            raise ManifestFault(f"{shortcut['callback_id']}: a text of this shortcut is too long for Slack.")
    if len(tree["settings"]["event_subscriptions"]["bot_events"]) > 100:
        raise ManifestFault("Slack takes at most 100 events.")
