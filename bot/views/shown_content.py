"""What a decision is about, as blocks: fields for what is short, a quote for what is long, JSON for the rest.

An approver decides on all of it, so whatever does not fit says how much is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.markup import clip, escape, is_web_link, link, one_line, visible, width
from bot.views.run_words import in_words
from bot.wording import counted, titled
from store.model import Json

FIELD_SHOWN_MAX = 300
SHORT_MAX = 120  # a text up to here, on one line, is a field
PIECE_MAX = 2_800  # of one quote: several stand under each other for longer texts
TOTAL_MAX = 8_400  # of all quotes together; Slack refuses messages whose blocks are too long as a whole
FIELDS_MAX = 20


@dataclass(slots=True)
class _Room:
    """How much of the long texts still fits, and what did not."""

    left: int
    missing: list[str]


def shown_content(value: Json, card: Json) -> list[Block]:
    """The blocks for a value; `card` may name its `fields` and its `body`."""
    if value is None:
        return []
    room = _Room(TOTAL_MAX, [])
    if isinstance(value, dict):
        shown = _object(value, card if isinstance(card, dict) else {}, room)
    else:
        shown = _long("", value, room) if not _is_short(value) else [_line(value)]
    if room.missing:
        shown.append(blocks.context(blocks.plain(f"Shown in part: {', '.join(room.missing)}.")))
    return shown


def _object(value: Mapping[str, Json], card: Mapping[str, Json], room: _Room) -> list[Block]:
    body = card.get("body")
    named = [name for name in _names(card.get("fields")) if name in value]
    if not named and body not in value:
        named = [name for name, part in value.items() if _is_short(part)]
        rest = [name for name in value if name not in named]
    else:
        named = [name for name in named if name != body]
        rest = [body] if isinstance(body, str) and body in value else []
    short = [name for name in named if _is_short(value[name])]
    shown = _fields([(name, value[name]) for name in short], room)
    for name in [*(name for name in named if name not in short), *rest]:
        only = name == body and not short
        shown += _long("" if only else name, value[name], room)
    hidden = [titled(name) for name in value if name not in named and name not in rest]
    if hidden:
        room.missing.append(f"without {clip(', '.join(hidden), 200)}")
    return shown


def _names(fields: Json) -> list[str]:
    return [name for name in fields if isinstance(name, str)] if isinstance(fields, list) else []


def _is_short(value: Json) -> bool:
    if isinstance(value, str):
        return width(value) <= SHORT_MAX and "\n" not in value
    if isinstance(value, list):
        return all(_is_scalar(item) for item in value) and width(in_words(value)) <= SHORT_MAX
    return _is_scalar(value)


def _is_scalar(value: Json) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _fields(pairs: Sequence[tuple[str, Json]], room: _Room) -> list[Block]:
    if len(pairs) > FIELDS_MAX:
        room.missing.append(f"{FIELDS_MAX} of {counted(len(pairs), 'field')}")
    shown = [(titled(name), _value(value)) for name, value in pairs[:FIELDS_MAX]]
    return [blocks.fields(shown[start : start + 10]) for start in range(0, len(shown), 10)]


def _value(value: Json) -> str:
    text = in_words(value)
    return link(text) if is_web_link(text) else escape(one_line(text), FIELD_SHOWN_MAX)


def _line(value: Json) -> Block:
    return blocks.section(_value(value))


def _long(name: str, value: Json, room: _Room) -> list[Block]:
    """A long text as quotes, anything else as JSON, with its name above it."""
    is_text = isinstance(value, str)
    text = visible(value) if isinstance(value, str) else _json(value)
    fits = clip(text, room.left) if room.left > 100 else ""
    room.left -= width(fits)
    if fits != text:
        room.missing.append(f"{titled(name) + ': ' if name else ''}{len(fits):,} of {len(text):,} characters")
    make = blocks.rich_quote if is_text else blocks.rich_preformatted
    heading = [blocks.rich_section(blocks.words(titled(name), bold=True))] if name else []
    parts = [make(piece) for piece in _pieces(fits)]
    return [blocks.rich_text(*heading, *parts)] if heading or parts else []


def _json(value: Json) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _pieces(text: str) -> Iterable[str]:
    """The text in pieces that fit a quote, broken where a paragraph or line ends when there is one near."""
    while width(text) > PIECE_MAX:
        cut = clip(text, PIECE_MAX).removesuffix("…")
        at = max(cut.rfind("\n\n"), cut.rfind("\n"), cut.rfind(" "))
        at = at if at > PIECE_MAX // 2 else len(cut)
        yield text[:at]
        text = text[at:].lstrip("\n ") if at < len(cut) else text[at:]
    if text.strip():
        yield text
