"""Which events the app hears about what happens in the workspace, by its subscriptions and memberships."""

from bot.sandbox import speech
from bot.sandbox.parts import Parts
from bot.sandbox.people import Channel, User
from bot.sandbox.refusals import Json
from bot.sandbox.web_api import shapes

_MESSAGE_EVENTS = {"channel": "message.channels", "private": "message.groups", "dm": "message.im"}
# An event reaches only an app that may read what it tells.
EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "file_shared": "files:read",
    "member_joined_channel": "channels:read",
    "subteam_updated": "usergroups:read",
    "user_change": "users:read",
}


def hears(parts: Parts, event: str) -> bool:
    """Whether the app subscribed to an event and has the scope for it."""
    app = parts.workspace.app
    scope = EVENT_SCOPES.get(event)
    return app.hears(event) and (scope is None or scope in app.scopes or not parts.settings.strict)


def said(parts: Parts, channel: Channel, message: Json) -> None:
    """A message was posted: the app may hear it as a message, as a mention, or both."""
    app = parts.workspace.app
    if app.bot_user_id not in channel.members:
        return
    if hears(parts, _MESSAGE_EVENTS[channel.kind]):
        parts.spawn(parts.delivery.event, parts.payloads.message_event(message, channel))
    mentioned = speech.mentions(message["text"], app.bot_user_id) and message["user"] != app.bot_user_id
    if mentioned and channel.kind != "dm" and hears(parts, "app_mention"):
        parts.spawn(parts.delivery.event, parts.payloads.message_event(message, channel, kind="app_mention"))


def shared(parts: Parts, channel: Channel, file: Json, user: User) -> None:
    """A file was shared: the app is told which, and asks for the rest."""
    if parts.workspace.app.bot_user_id in channel.members and hears(parts, "file_shared"):
        parts.spawn(parts.delivery.event, parts.payloads.file_shared(file["id"], channel, user))


def edited(parts: Parts, channel: Channel, message: Json) -> None:
    """A message was changed in place, by whoever wrote it: that too comes as a message, of a kind of its own."""
    if parts.workspace.app.bot_user_id in channel.members and hears(parts, _MESSAGE_EVENTS[channel.kind]):
        parts.spawn(parts.delivery.event, parts.payloads.changed_event(message, channel))


def joined(parts: Parts, channel: Channel, user: User, inviter: User | None) -> None:
    if hears(parts, "member_joined_channel"):
        parts.spawn(parts.delivery.event, parts.payloads.joined(user, inviter, channel))


def home_opened(parts: Parts, person: User, tab: str) -> None:
    channel = parts.workspace.open_direct_message(person)
    if hears(parts, "app_home_opened"):
        view = parts.views.home(person.id)
        parts.spawn(parts.delivery.event, parts.payloads.home_opened(person, channel, tab, view))


def user_changed(parts: Parts, user: User) -> None:
    if hears(parts, "user_change"):
        parts.spawn(parts.delivery.event, parts.payloads.user_changed(shapes.user(user, email=False)))


def group_changed(parts: Parts, group_id: str) -> None:
    """A group changed; an app that watches members hears who came and went through `subteam_updated` too."""
    if hears(parts, "subteam_updated"):
        shape = shapes.group(parts.workspace.groups[group_id], parts.workspace, users=True)
        parts.spawn(parts.delivery.event, parts.payloads.group_changed(shape))
