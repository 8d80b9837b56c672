"""The shapes in which Slack tells an app what happened: events, commands, clicks, submissions."""

from bot.sandbox.people import Channel, User
from bot.sandbox.refusals import Json
from bot.sandbox.settings import Settings
from bot.sandbox.workspace import Workspace

CHANNEL_TYPES = {"channel": "channel", "private": "group", "dm": "im"}


class Payloads:
    """Builds payloads for the installed app."""

    def __init__(self, workspace: Workspace, settings: Settings) -> None:
        self._workspace = workspace
        self._settings = settings

    def event(self, event: Json, channel: Channel | None = None) -> Json:
        """An event in its Events API wrapping."""
        team_id = self._workspace.team_id
        authorization = {
            "enterprise_id": None,
            "team_id": team_id,
            "user_id": self._workspace.app.bot_user_id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        return {
            "token": self._settings.verification_token,
            "team_id": team_id,
            "context_team_id": team_id,
            "context_enterprise_id": None,
            "api_app_id": self._workspace.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": self._workspace.mint_id("Ev"),
            "event_time": int(event["event_ts"].split(".")[0]),
            "authorizations": [authorization],
            "is_ext_shared_channel": bool(channel and channel.shared_with),
            "event_context": f"4-{self._workspace.mint_id('')}",
        }

    def message_event(self, message: Json, channel: Channel, *, kind: str = "message") -> Json:
        """A `message` or `app_mention` event about a stored message."""
        said = {name: value for name, value in message.items() if not name.startswith(("reply_", "latest_", "is_"))}
        event = {**said, "type": kind, "channel": channel.id, "event_ts": message["ts"]}
        if kind == "message":
            event["channel_type"] = CHANNEL_TYPES[channel.kind]
        author = self._workspace.users.get(message.get("user", ""))
        if channel.shared_with and author is not None:
            event |= {"user_team": author.team_id, "source_team": author.team_id, "team": author.team_id}
        return self.event(event, channel)

    def changed_event(self, message: Json, channel: Channel) -> Json:
        """A `message` event of the kind `message_changed`; it has a moment of its own."""
        at = self._workspace.mint_ts()
        event = {"type": "message", "subtype": "message_changed", "hidden": True, "message": dict(message)}
        event |= {"channel": channel.id, "channel_type": CHANNEL_TYPES[channel.kind], "ts": at, "event_ts": at}
        return self.event(event, channel)

    def file_shared(self, file_id: str, channel: Channel, user: User) -> Json:
        event = {
            "type": "file_shared",
            "file_id": file_id,
            "user_id": user.id,
            "file": {"id": file_id},
            "channel_id": channel.id,
            "event_ts": self._workspace.mint_ts(),
        }
        return self.event(event)

    def home_opened(self, person: User, channel: Channel, tab: str, view: Json | None) -> Json:
        event = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": channel.id,
            "tab": tab,
            "event_ts": self._workspace.mint_ts(),
        }
        return self.event({**event, **({"view": view} if view is not None and tab == "home" else {})})

    def joined(self, user: User, inviter: User | None, channel: Channel) -> Json:
        event = {
            "type": "member_joined_channel",
            "user": user.id,
            "channel": channel.id,
            "channel_type": "G" if channel.kind == "private" else "C",
            "team": user.team_id,
            "event_ts": self._workspace.mint_ts(),
            **({"inviter": inviter.id} if inviter else {}),
        }
        return self.event(event, channel)

    def group_changed(self, group: Json) -> Json:
        """A user group got other members."""
        event = {"type": "subteam_updated", "subteam": group, "event_ts": self._workspace.mint_ts()}
        return self.event(event)

    def user_changed(self, user: Json) -> Json:
        event = {"type": "user_change", "user": user, "event_ts": self._workspace.mint_ts()}
        return self.event(event)

    def command(
        self, person: User, channel: Channel, *, command: str, text: str, trigger_id: str, response_url: str
    ) -> Json:
        """A slash command, as form fields."""
        names = {"channel": channel.name, "private": "privategroup", "dm": "directmessage"}
        return {
            "token": self._settings.verification_token,
            "team_id": self._workspace.team_id,
            "team_domain": self._workspace.team_domain,
            "channel_id": channel.id,
            "channel_name": names[channel.kind],
            "user_id": person.id,
            "user_name": person.handle,
            "command": command,
            "text": text,
            "api_app_id": self._workspace.app.id,
            "is_enterprise_install": "false",
            "response_url": response_url,
            "trigger_id": trigger_id,
        }

    def interaction(self, kind: str, person: User, trigger_id: str | None = None) -> Json:
        """What every interactive payload has."""
        return {
            "type": kind,
            "user": {
                "id": person.id,
                "username": person.handle,
                "name": person.handle,
                "team_id": person.team_id,
            },
            "api_app_id": self._workspace.app.id,
            "token": self._settings.verification_token,
            "team": {"id": self._workspace.team_id, "domain": self._workspace.team_domain},
            "enterprise": None,
            "is_enterprise_install": False,
            **({"trigger_id": trigger_id} if trigger_id else {}),
        }

    def channel_reference(self, channel: Channel) -> Json:
        names = {"channel": channel.name, "private": "privategroup", "dm": "directmessage"}
        return {"id": channel.id, "name": names[channel.kind]}
