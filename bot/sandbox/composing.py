"""Makes messages as Slack stores them, from what an app sent or a person typed."""

import uuid
from typing import Any

from bot.sandbox import speech
from bot.sandbox.blocks import metadata_problems, problems, reading
from bot.sandbox.blocks.whole import metadata_too_large
from bot.sandbox.parts import Parts
from bot.sandbox.people import User
from bot.sandbox.refusals import Json, SlackRefusal

TEXT_MAX = 40_000
UPDATE_TEXT_MAX = 4_000
ATTACHMENTS_MAX = 100


def checked_content(parts: Parts, body: Json) -> Json:
    """`text`, `blocks`, `attachments` and `metadata` of a message, or Slack's refusal."""
    text = body.get("text")
    if text is not None and not isinstance(text, str):
        text = str(text)
    blocks = body.get("blocks")
    attachments = body.get("attachments")
    if not text and not blocks and not attachments:
        raise SlackRefusal("no_text")
    content: Json = {"text": (text or "")[:TEXT_MAX]}
    if blocks:
        content["blocks"] = checked_blocks(parts, blocks)
    if attachments:
        content["attachments"] = _checked_attachments(attachments)
    if body.get("metadata") is not None:
        content["metadata"] = checked_metadata(body["metadata"])
    return content


def checked_blocks(parts: Parts, blocks: Any) -> list[Json]:
    if not isinstance(blocks, list) or not all(isinstance(one, dict) for one in blocks):
        raise SlackRefusal("invalid_blocks_format")
    found = problems(blocks, "message") if parts.settings.strict else []
    if found:
        raise SlackRefusal(
            "invalid_blocks",
            errors=[str(problem) for problem in found],
            response_metadata={"messages": [f"[ERROR] {problem}" for problem in found]},
        )
    return reading.completed(blocks, parts.workspace.mint_block_id)


def checked_metadata(metadata: Any) -> Json:
    """Message metadata; `{}` stands for none."""
    if metadata == {}:
        return {}
    if metadata_problems(metadata):
        raise SlackRefusal("invalid_metadata_format")
    if metadata_too_large(metadata):
        raise SlackRefusal("metadata_too_large")
    checked: Json = metadata
    return checked


def by_app(parts: Parts, content: Json, *, body: Json | None = None, thread_ts: str | None = None) -> Json:
    """A message of our app; `body` may rename it for this message."""
    workspace = parts.workspace
    app = workspace.app
    message: Json = {
        "user": app.bot_user_id,
        "type": "message",
        "ts": workspace.mint_ts(),
        "bot_id": app.bot_id,
        "app_id": app.id,
        "text": content["text"],
        "team": workspace.team_id,
        "bot_profile": bot_profile(parts),
    }
    message |= {name: content[name] for name in ("blocks", "attachments") if name in content}
    if content.get("metadata"):
        message["metadata"] = content["metadata"]
    for name in ("username", "icon_emoji", "icon_url"):
        if body and body.get(name):
            message |= {name: body[name], "subtype": "bot_message"}
    if thread_ts:
        message["thread_ts"] = thread_ts
    return message


def by_person(
    parts: Parts, person: User, text: str, *, thread_ts: str | None = None, files: list[Json] | None = None
) -> Json:
    """A message that a person typed, as rich text."""
    written = speech.message_text(parts.workspace, text)
    message: Json = {
        "user": person.id,
        "type": "message",
        "ts": parts.workspace.mint_ts(),
        "client_msg_id": str(uuid.uuid4()),
        "text": written,
        "team": person.team_id,
    }
    if written:
        block_id = parts.workspace.mint_block_id()
        message["blocks"] = [{"type": "rich_text", "block_id": block_id, "elements": [speech.rich_section(written)]}]
    if files:
        message |= {"files": files, "subtype": "file_share", "upload": False}
    if thread_ts:
        message["thread_ts"] = thread_ts
    return message


def by_slackbot(parts: Parts, text: str) -> Json:
    """What Slack itself tells a person."""
    return {
        "user": "USLACKBOT",
        "type": "message",
        "ts": parts.workspace.mint_ts(),
        "text": text,
        "team": parts.workspace.team_id,
    }


def bot_profile(parts: Parts) -> Json:
    app = parts.workspace.app
    return {
        "id": app.bot_id,
        "app_id": app.id,
        "user_id": app.bot_user_id,
        "name": app.name,
        "icons": {},
        "deleted": False,
        "updated": 1_700_000_000,
        "team_id": parts.workspace.team_id,
    }


def checked_thread(parts: Parts, channel_id: str, thread_ts: str | None) -> str | None:
    """The ts of a root that may be answered, or Slack's refusal."""
    if not thread_ts:
        return None
    root = parts.workspace.said(channel_id).get(thread_ts)
    if root is None:
        raise SlackRefusal("thread_not_found")
    if root.get("thread_ts", thread_ts) != thread_ts:
        raise SlackRefusal("cannot_reply_to_message")
    return thread_ts


def _checked_attachments(attachments: Any) -> list[Json]:
    if not isinstance(attachments, list):
        raise SlackRefusal("invalid_attachments")
    if len(attachments) > ATTACHMENTS_MAX:
        raise SlackRefusal("too_many_attachments")
    return attachments
