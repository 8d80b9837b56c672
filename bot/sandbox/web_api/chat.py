"""chat.*: what the app says, corrects and takes back."""

from bot.sandbox import answers, composing, hearing
from bot.sandbox.messages import moment
from bot.sandbox.people import Channel
from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.web_api.call import Call, Method

# A longer text without blocks arrives as several messages.
SPLIT_ABOVE = 4_040
SPLIT_AT = 4_000


async def post_message(call: Call) -> Json:
    channel = writable(call)
    body = _body(call)
    content = composing.checked_content(call.parts, body)
    thread_ts = composing.checked_thread(call.parts, channel.id, call.text("thread_ts") or None)
    _pace(call, channel)
    posted = [_post(call, channel, one, body, thread_ts) for one in _split(content)]
    return {"channel": channel.id, "ts": posted[0]["ts"], "message": posted[0]}


async def post_ephemeral(call: Call) -> Json:
    channel = writable(call, needs_membership=True)
    person = call.required("user")
    if person not in channel.members:
        raise SlackRefusal("user_not_in_channel")
    content = composing.checked_content(call.parts, _body(call))
    thread_ts = composing.checked_thread(call.parts, channel.id, call.text("thread_ts") or None)
    message = composing.by_app(call.parts, content, thread_ts=thread_ts)
    answers.whisper(call.parts, person, channel.id, message)
    return {"message_ts": message["ts"]}


async def update(call: Call) -> Json:
    channel = call.channel()
    message = _own_message(call, channel, "cant_update_message")
    body = _body(call)
    if len(body.get("text") or "") > composing.UPDATE_TEXT_MAX:
        raise SlackRefusal("msg_too_long")
    window = call.parts.settings.edit_window_ms
    age = call.parts.clock.now() - moment(message["ts"]) // 1_000
    if window is not None and age > window:
        raise SlackRefusal("edit_window_closed")
    content = composing.checked_content(call.parts, body)
    _check_block_mismatch(message, content)
    _replace(call, message, content)
    call.parts.workspace.change(channel.id, message)
    hearing.edited(call.parts, channel, message)
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": message}


async def delete(call: Call) -> Json:
    channel = call.channel()
    message = _own_message(call, channel, "cant_delete_message")
    call.parts.workspace.delete(channel.id, message["ts"])
    return {"channel": channel.id, "ts": message["ts"]}


async def get_permalink(call: Call) -> Json:
    channel = call.channel()
    ts = call.required("message_ts")
    message = call.parts.workspace.said(channel.id).get(ts)
    if message is None:
        raise SlackRefusal("message_not_found")
    base = f"https://{call.parts.workspace.team_domain}.slack.com/archives/{channel.id}/p{ts.replace('.', '')}"
    root = message.get("thread_ts", ts)
    return {"channel": channel.id, "permalink": base if root == ts else f"{base}?thread_ts={root}&cid={channel.id}"}


def _body(call: Call) -> Json:
    body = dict(call.arguments)
    body["blocks"] = call.data("blocks", "invalid_blocks_format")
    body["attachments"] = call.data("attachments", "invalid_attachments")
    body["metadata"] = call.data("metadata", "invalid_metadata_format")
    return body


def writable(call: Call, *, needs_membership: bool = False) -> Channel:
    channel = call.channel()
    app = call.parts.workspace.app
    if channel.is_archived:
        raise SlackRefusal("is_archived")
    public = channel.kind == "channel" and "chat:write.public" in app.scopes and not needs_membership
    if app.bot_user_id not in channel.members and not public:
        raise SlackRefusal("not_in_channel")
    return channel


def _pace(call: Call, channel: Channel) -> None:
    wait = call.parts.limits.post(channel.id)
    if wait:
        raise SlackRefusal("ratelimited", status=429, headers={"Retry-After": str(wait)})


def _split(content: Json) -> list[Json]:
    text = content["text"]
    if "blocks" in content or len(text) <= SPLIT_ABOVE:
        return [content]
    pieces = [text[start : start + SPLIT_AT] for start in range(0, len(text), SPLIT_AT)]
    return [{**content, "text": piece} for piece in pieces]


def _post(call: Call, channel: Channel, content: Json, body: Json, thread_ts: str | None) -> Json:
    if any(body.get(name) for name in ("username", "icon_emoji", "icon_url")):
        _need_customize(call)
    message = composing.by_app(call.parts, content, body=body, thread_ts=thread_ts)
    if thread_ts and call.flag("reply_broadcast"):
        message["subtype"] = "thread_broadcast"
    call.parts.workspace.post(channel.id, message)
    hearing.said(call.parts, channel, message)
    return message


def _need_customize(call: Call) -> None:
    scopes = call.parts.workspace.app.scopes
    if call.parts.settings.strict and "chat:write.customize" not in scopes:
        provided = ",".join(sorted(scopes))
        raise SlackRefusal("missing_scope", needed="chat:write.customize", provided=provided)


def _own_message(call: Call, channel: Channel, refusal: str) -> Json:
    message = call.parts.workspace.said(channel.id).get(call.required("ts"))
    if message is None or message.get("subtype") == "tombstone":
        raise SlackRefusal("message_not_found")
    if message.get("bot_id") != call.parts.workspace.app.bot_id:
        raise SlackRefusal(refusal)
    return message


def _check_block_mismatch(message: Json, content: Json) -> None:
    """A message that began as rich text alone stays rich text."""
    before = {block["type"] for block in message.get("blocks") or []}
    after = {block["type"] for block in content.get("blocks") or []}
    if before == {"rich_text"} and after - {"rich_text"}:
        raise SlackRefusal("block_mismatch")


def _replace(call: Call, message: Json, content: Json) -> None:
    """Text alone removes the blocks and shows an edited mark; metadata stays unless it is given."""
    for name in ("blocks", "attachments"):
        message.pop(name, None)
    changed = message["text"] != content["text"]
    message.update({name: value for name, value in content.items() if name != "metadata"})
    if "metadata" in content:
        message.pop("metadata", None)
        if content["metadata"]:
            message["metadata"] = content["metadata"]
    if "blocks" not in content and changed:
        app = call.parts.workspace.app
        message["edited"] = {"user": app.bot_user_id, "ts": call.parts.workspace.mint_ts()}


_WRITE = ("chat:write",)
METHODS = {
    "chat.postMessage": Method(answer=post_message, tier="special", scopes=_WRITE),
    "chat.postEphemeral": Method(answer=post_ephemeral, tier="tier4", scopes=_WRITE),
    "chat.update": Method(answer=update, tier="tier3", scopes=_WRITE),
    "chat.delete": Method(answer=delete, tier="tier3", scopes=_WRITE),
    "chat.getPermalink": Method(answer=get_permalink, tier="special"),
}
