"""A message as the expressions of a workflow see it, and the inputs that it obviously answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from bot.attached import Attached, as_json, stand_in
from bot.grammar.slack_text import readable
from bot.intake import Message
from bot.views.markup import clip, one_line
from engine.inputs import read_inputs
from store.model import Json, Plan

TEXTS = ("text", "message", "body", "content", "description", "details", "question", "note", "comment", "request")
LINES = ("subject", "title", "summary", "headline", "topic", "name")
LINKS = ("link", "url", "permalink", "source", "message_url", "message_link")
WRITERS = ("user", "author", "sender", "writer", "reporter", "from_user")
CHANNELS = ("channel", "from_channel")
LINE_MAX = 150


def told(message: Message, permalink: str) -> dict[str, Json]:
    """The message, for `event`: as people read it, with its address."""
    return {
        "text": readable(message.text),
        "user": message.user,
        "channel": message.channel,
        "ts": message.ts,
        "thread": message.thread_ts,
        "permalink": permalink,
        "files": [{**stand_in(one), "hash": _mark(one)} for one in message.files],
    }


def recognised(values: Mapping[str, Json], files: Sequence[Attached]) -> dict[str, Json]:
    """The values with the records of files in place of what stood for them in the event."""
    by_mark = {_mark(one): record for one, record in zip(files, as_json(files), strict=True)}

    def record(value: Json) -> Json:
        if isinstance(value, list):
            return [record(one) for one in value]
        return by_mark.get(str(value.get("hash")), value) if isinstance(value, dict) else value

    return {name: record(value) for name, value in values.items()}


def _mark(one: Attached) -> str:
    """Stands where the hash of this file will be, so that it is known again after an expression passed it on."""
    return sha256(f"a file in Slack: {one.id}".encode()).hexdigest()


def obvious(plan: Plan, event: Mapping[str, Any]) -> dict[str, Json]:
    """What the message answers of the inputs, by their names and types; only what fits, and nothing sensitive."""
    found: dict[str, Json] = {}
    for name, value in _answers(plan, event):
        alone = Plan(plan.workflow, {name: plan.inputs[name]}, ())
        if value and name not in found and not read_inputs(alone, {name: value}, typed=True).problems:
            found[name] = value
    return found


def _answers(plan: Plan, event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    texts = {name: schema for name, schema in plan.inputs.items() if _is_text(schema)}
    by_name = {name: _named(name, schema, event) for name, schema in texts.items()}
    yield from ((name, value) for name, value in by_name.items() if value)
    if event["text"] not in by_name.values():
        needed = [name for name, schema in texts.items() if "default" not in schema and not schema.get("optional")]
        yield from ((name, event["text"]) for name in needed if "format" not in texts[name] and not by_name[name])


def _is_text(schema: Json) -> bool:
    if not isinstance(schema, dict) or schema.get("sensitive") or "enum" in schema or "const" in schema:
        return False
    return schema.get("type") == "string"


def _named(name: str, schema: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    if schema.get("format") == "uri" or name in LINKS:
        return str(event["permalink"])
    if "format" in schema:
        return ""
    if name in TEXTS:
        return str(event["text"])
    if name in LINES:
        return clip(one_line(str(event["text"]).strip().split("\n")[0]), int(schema.get("maxLength", LINE_MAX)))
    if name in WRITERS:
        return str(event["user"])
    return str(event["channel"]) if name in CHANNELS else ""
