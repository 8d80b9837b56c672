"""conversations.*: channels, who is in them and what was said there."""

from bot.sandbox.messages import moment, shown
from bot.sandbox.people import Channel
from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.web_api import shapes
from bot.sandbox.web_api.call import Call, Method, ScopesOf

_KINDS = {"public_channel": "channel", "private_channel": "private", "im": "dm", "mpim": "mpim"}
_PREFIXES = {"channel": "channels", "private": "groups", "dm": "im", "mpim": "mpim"}


def _reading(right: str) -> ScopesOf:
    """The scope that reads this kind of channel; unknown channels need the most usual one."""

    def scopes(call: Call) -> tuple[str, ...]:
        channel = call.parts.workspace.channels.get(call.text("channel"))
        return (f"{_PREFIXES[channel.kind if channel else 'channel']}:{right}",)

    return scopes


def _listing(call: Call) -> tuple[str, ...]:
    return tuple(f"{_PREFIXES[kind]}:read" for kind in _kinds(call))


def _kinds(call: Call) -> list[str]:
    wanted = [one.strip() for one in call.text("types", "public_channel").split(",")]
    if any(one not in _KINDS for one in wanted):
        raise SlackRefusal("invalid_types")
    return [_KINDS[one] for one in wanted]


async def list_channels(call: Call) -> Json:
    workspace = call.parts.workspace
    kinds = _kinds(call)
    bot = workspace.app.bot_user_id
    found = [
        shapes.channel(one, workspace)
        for one in workspace.channels.values()
        if one.kind in kinds
        and (one.kind == "channel" or bot in one.members)
        and not (call.flag("exclude_archived") and one.is_archived)
    ]
    page, cursor = call.page(found)
    return {"channels": page, "response_metadata": {"next_cursor": cursor}}


async def info(call: Call) -> Json:
    channel = call.channel()
    shape = shapes.channel(channel, call.parts.workspace, detail=True)
    if call.flag("include_num_members"):
        shape["num_members"] = len(channel.members)
    return {"channel": shape}


async def members(call: Call) -> Json:
    page, cursor = call.page(sorted(call.channel().members))
    return {"members": page, "response_metadata": {"next_cursor": cursor}}


async def history(call: Call) -> Json:
    """Newest first; replies are in their threads only."""
    channel = _readable(call)
    found = [one for one in call.parts.workspace.said(channel.id).roots() if _in_window(call, one)]
    page, cursor = call.page(list(reversed(found)))
    metadata = call.flag("include_all_metadata")
    return {
        "messages": [shown(one, metadata=metadata) for one in page],
        "has_more": bool(cursor),
        "pin_count": 0,
        "channel_actions_ts": None,
        "channel_actions_count": 0,
        **({"response_metadata": {"next_cursor": cursor}} if cursor else {}),
    }


async def replies(call: Call) -> Json:
    """The root and its replies, oldest first."""
    channel = _readable(call)
    ts = call.required("ts")
    message = call.parts.workspace.said(channel.id).get(ts)
    if message is None:
        raise SlackRefusal("thread_not_found")
    thread = call.parts.workspace.said(channel.id).thread(message.get("thread_ts", ts))
    root, rest = thread[:1], [one for one in thread[1:] if _in_window(call, one)]
    page, cursor = call.page([*root, *rest], default=1_000)
    metadata = call.flag("include_all_metadata")
    return {
        "messages": [shown(one, metadata=metadata) for one in page],
        "has_more": bool(cursor),
        **({"response_metadata": {"next_cursor": cursor}} if cursor else {}),
    }


async def open_channel(call: Call) -> Json:
    """The direct message with one person."""
    workspace = call.parts.workspace
    if call.text("channel"):
        channel = call.channel()
    else:
        names = [one for one in call.required("users").split(",") if one]
        if len(names) != 1:
            raise SlackRefusal("method_not_supported_for_channel_type")
        person = workspace.users.get(names[0])
        if person is None:
            raise SlackRefusal("user_not_found")
        if person.deleted:
            raise SlackRefusal("user_disabled")
        if person.id == workspace.app.bot_user_id:
            raise SlackRefusal("cannot_dm_bot")
        channel = workspace.open_direct_message(person)
    shape = shapes.channel(channel, workspace) if call.flag("return_im") else {"id": channel.id}
    return {"channel": shape, "no_op": True, "already_open": True}


async def join(call: Call) -> Json:
    workspace = call.parts.workspace
    channel = call.channel()
    if channel.kind != "channel":
        raise SlackRefusal("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    bot = workspace.app.bot_user_id
    if bot in channel.members:
        return {"channel": shapes.channel(channel, workspace), "warning": "already_in_channel"}
    joined = workspace.change_channel(channel.id, members=channel.members | {bot})
    return {"channel": shapes.channel(joined, workspace)}


def _readable(call: Call) -> Channel:
    channel = call.channel()
    if call.parts.workspace.app.bot_user_id not in channel.members:
        raise SlackRefusal("not_in_channel")
    return channel


def _in_window(call: Call, message: Json) -> bool:
    try:
        at = moment(message["ts"])
        oldest = moment(call.text("oldest", "0"))
        latest = moment(call.text("latest") or "9999999999")
    except ValueError:
        raise SlackRefusal("invalid_ts_oldest") from None
    if call.flag("inclusive"):
        return oldest <= at <= latest
    return oldest < at < latest


METHODS = {
    "conversations.list": Method(answer=list_channels, tier="tier2", scopes=_listing),
    "conversations.info": Method(answer=info, tier="tier3", scopes=_reading("read")),
    "conversations.members": Method(answer=members, tier="tier4", scopes=_reading("read")),
    "conversations.history": Method(answer=history, tier="tier3", scopes=_reading("history")),
    "conversations.replies": Method(answer=replies, tier="tier3", scopes=_reading("history")),
    "conversations.open": Method(answer=open_channel, tier="tier3", scopes=("im:write",)),
    "conversations.join": Method(answer=join, tier="tier3", scopes=("channels:join",)),
}
