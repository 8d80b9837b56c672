"""What one person sees: the state of the workspace and its messages, as the page asks for them."""

from typing import Any

from bot.sandbox.parts import Parts
from bot.sandbox.people import SLACKBOT, Channel, User
from bot.sandbox.refusals import Json

INVITE: Json = {
    "command": "/invite",
    "description": "Add someone to this channel",
    "usage_hint": "@name",
    "should_escape": False,
}


def state(parts: Parts, me: User) -> Json:
    """Everything the page needs to draw its frame."""
    workspace = parts.workspace
    app = workspace.app
    return {
        "team": {"id": workspace.team_id, "name": workspace.team_name, "domain": workspace.team_domain},
        "me": me.id,
        "people": [_person(parts, one) for one in workspace.users.values() if one.id != SLACKBOT],
        "usergroups": [
            {"id": one.id, "handle": one.handle, "name": one.name, "users": list(one.users)}
            for one in workspace.groups.values()
            if not one.disabled
        ],
        "channels": [_channel(parts, one, me) for one in workspace.channels.values() if _may_see(one, me)],
        "commands": [*({name: getattr(one, name) for name in INVITE} for one in app.commands), INVITE],
        "shortcuts": [
            {"callback_id": one.callback_id, "name": one.name, "kind": one.kind, "description": one.description}
            for one in (app.shortcuts if "commands" in app.scopes else ())
        ],
        "app": {"id": app.id, "name": app.name, "bot_user_id": app.bot_user_id, "home": app.home},
        "banner": parts.settings.banner,
        "views": parts.views.stack(me.id),
        "home": parts.views.home(me.id),
        "deliver_by": parts.settings.deliver_by,
        "connections": parts.sockets.count,
    }


def messages(parts: Parts, me: User, channel: Channel, thread_ts: str | None) -> list[Json]:
    """The roots of a channel or one whole thread, with what only this person sees, in order."""
    said = parts.workspace.said(channel.id)
    shared = said.thread(thread_ts) if thread_ts else said.roots()
    own = [
        {**one, "ephemeral": True}
        for one in parts.workspace.ephemerals(me.id)
        if one["channel"] == channel.id and one.get("thread_ts") == thread_ts
    ]
    both: list[Any] = [*shared, *own]
    return sorted(both, key=lambda one: str(one["ts"]))


def _may_see(channel: Channel, me: User) -> bool:
    home = not (me.is_stranger or me.is_restricted)
    return me.id in channel.members or (channel.kind == "channel" and home)


def _person(parts: Parts, one: User) -> Json:
    return {
        "id": one.id,
        "name": one.handle,
        "real_name": one.real_name,
        "title": one.title,
        "avatar_color": f"#{one.avatar_color}",
        "is_bot": one.is_bot,
        "is_guest": one.is_restricted or one.is_ultra_restricted,
        "is_outsider": one.team_id != parts.workspace.team_id,
        "is_admin": one.is_admin,
        "deleted": one.deleted,
    }


def _channel(parts: Parts, one: Channel, me: User) -> Json:
    other = next(iter(one.members - {me.id}), None) if one.kind == "dm" else None
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "topic": one.topic,
        "members": sorted(one.members),
        "member": me.id in one.members,
        "unread": parts.workspace.unread(me.id, one.id),
        "shared": bool(one.shared_with),
        "is_archived": one.is_archived,
        **({"user": other} if other else {}),
    }
