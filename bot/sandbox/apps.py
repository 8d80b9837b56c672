"""The app as the workspace knows it: what it may do, hear and be asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Those of manifest.yml, so that what works here works after an installation too.
DEFAULT_SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "chat:write.public",
        "commands",
        "files:read",
        "groups:history",
        "groups:read",
        "im:history",
        "im:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)
DEFAULT_EVENTS = frozenset(
    {
        "app_mention",
        "app_home_opened",
        "member_joined_channel",
        "message.channels",
        "message.groups",
        "message.im",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlashCommand:
    """A command that people may type."""

    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """An entry of the shortcuts menu; `kind` is `global` or `message`."""

    callback_id: str
    name: str
    kind: str = "message"
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One installed app with its bot user."""

    id: str = "A0POINTSMAN"
    name: str = "Pointsman"
    handle: str = "flow"
    bot_user_id: str = "U0BOT"
    bot_id: str = "B0BOT"
    scopes: frozenset[str] = DEFAULT_SCOPES
    events: frozenset[str] = DEFAULT_EVENTS
    commands: tuple[SlashCommand, ...] = (
        SlashCommand(
            command="/flow",
            description="Start, watch and decide workflows",
            usage_hint="run NAME key=value… · status · list · help",
        ),
    )
    shortcuts: tuple[Shortcut, ...] = (
        Shortcut(
            callback_id="start_workflow",
            name="Start a workflow",
            kind="global",
            description="Choose a workflow and fill in what it needs",
        ),
        Shortcut(
            callback_id="start_on_message",
            name="Start a workflow on this",
            description="Start a workflow with what this message says",
        ),
    )
    home: bool = True
    socket_mode: bool = True

    def hears(self, event: str) -> bool:
        """Whether the app subscribed to this event, e.g. `message.im`."""
        return event in self.events

    def command(self, name: str) -> SlashCommand | None:
        return next((one for one in self.commands if one.command == name), None)


def app_from_manifest(manifest: Mapping[str, Any]) -> App:
    """The app that a manifest describes, so that the sandbox allows exactly what the real workspace would."""
    features = manifest.get("features") or {}
    settings = manifest.get("settings") or {}
    scopes = (manifest.get("oauth_config") or {}).get("scopes") or {}
    bot_user = features.get("bot_user") or {}
    return App(
        name=(manifest.get("display_information") or {}).get("name", "Pointsman"),
        handle=bot_user.get("display_name", "flow"),
        scopes=frozenset(scopes.get("bot") or ()) | frozenset(scopes.get("bot_optional") or ()),
        events=frozenset((settings.get("event_subscriptions") or {}).get("bot_events") or ()),
        commands=tuple(_command(one) for one in features.get("slash_commands") or ()),
        shortcuts=tuple(_shortcut(one) for one in features.get("shortcuts") or ()),
        home=bool((features.get("app_home") or {}).get("home_tab_enabled")),
        socket_mode=bool(settings.get("socket_mode_enabled")),
    )


def _command(entry: Mapping[str, Any]) -> SlashCommand:
    return SlashCommand(
        command=entry["command"],
        description=entry.get("description", ""),
        usage_hint=entry.get("usage_hint", ""),
        should_escape=bool(entry.get("should_escape")),
    )


def _shortcut(entry: Mapping[str, Any]) -> Shortcut:
    return Shortcut(
        callback_id=entry["callback_id"],
        name=entry.get("name", entry["callback_id"]),
        kind=entry.get("type", "message"),
        description=entry.get("description", ""),
    )
