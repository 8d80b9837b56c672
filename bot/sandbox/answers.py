"""What an app answers to a command or click, in the ack or over a response URL, put where it belongs."""

from bot.sandbox import composing
from bot.sandbox.parts import Parts
from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.response_urls import ResponseUrl


def put(parts: Parts, target: ResponseUrl, body: Json) -> None:
    """Show an answer: new or in place of the original, to one person or to the channel."""
    if _yes(body.get("delete_original")):
        _remove_original(parts, target)
        return
    content = composing.checked_content(parts, body)
    if _yes(body.get("replace_original")) and _replace_original(parts, target, content):
        return
    thread_ts = composing.checked_thread(parts, target.channel_id, body.get("thread_ts"))
    message = composing.by_app(parts, content, thread_ts=thread_ts)
    target.answered_ts.append(message["ts"])
    if body.get("response_type") == "in_channel":
        parts.workspace.post(target.channel_id, message)
        return
    whisper(parts, target.user_id, target.channel_id, message)


def whisper(parts: Parts, user_id: str, channel_id: str, message: Json) -> None:
    """Show a message to one person only."""
    parts.workspace.whisper(user_id, channel_id, {**message, "channel": channel_id, "is_ephemeral": True})


def _yes(value: object) -> bool:
    return value is True or value == "true"


def _original(target: ResponseUrl) -> str | None:
    if target.message_ts is not None:
        return target.message_ts
    return target.answered_ts[-1] if target.answered_ts else None


def _replace_original(parts: Parts, target: ResponseUrl, content: Json) -> bool:
    ts = _original(target)
    if ts is None:
        return False
    for ephemeral in parts.workspace.ephemerals(target.user_id):
        if ephemeral["ts"] == ts:
            _fill(ephemeral, content)
            item = {"type": "ephemeral", "channel": target.channel_id, "message": ephemeral}
            parts.feed.publish(item, only=frozenset({target.user_id}))
            return True
    message = parts.workspace.said(target.channel_id).get(ts)
    if message is None:
        return False
    _fill(message, content)
    parts.workspace.change(target.channel_id, message)
    return True


def _fill(message: Json, content: Json) -> None:
    for name in ("blocks", "attachments"):
        message.pop(name, None)
    message.update({name: value for name, value in content.items() if name != "metadata"})
    if content.get("metadata"):
        message["metadata"] = content["metadata"]


def _remove_original(parts: Parts, target: ResponseUrl) -> None:
    ts = _original(target)
    if ts is None:
        raise SlackRefusal("no_original_message")
    if any(one["ts"] == ts for one in parts.workspace.ephemerals(target.user_id)):
        parts.workspace.forget_whisper(target.user_id, ts)
        return
    if parts.workspace.said(target.channel_id).get(ts) is not None:
        parts.workspace.delete(target.channel_id, ts)
