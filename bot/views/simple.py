"""The same message with the plainest blocks there are, for workspaces that refuse the newer ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bot.views import blocks, markup
from bot.views.blocks import Block, Element

STATUS_WORDS = {"pending": "not started", "in_progress": "under way", "complete": "done", "error": "stopped"}
LINE_MAX = 600
LONG_LINE_MAX = 2_900


def simplified(rich: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks with plans and rich text written out as sections; everything else stays as it is."""
    return tuple(simple for block in rich for simple in _simple(block))[: blocks.BLOCKS_MAX]


def _simple(block: Block) -> Iterator[Block]:
    match block["type"]:
        case "rich_text":
            yield from _sections(line for part in block["elements"] for line in _lines(part))
        case "plan":
            yield blocks.section(markup.bold(block["title"]))
            yield from _sections(_card_line(card) for card in block["tasks"])
        case _:
            yield block


def _sections(lines: Iterable[str]) -> Iterator[Block]:
    """The lines in as few sections as they fit."""
    text = ""
    for line in lines:
        if text and markup.width(text) + markup.width(line) >= markup.SECTION_MAX:
            yield blocks.section(text)
            text = ""
        text = f"{text}\n{line}" if text else line
    if text:
        yield blocks.section(text)


def _card_line(card: Block) -> str:
    said = [text for text in (_markup(card[part]) for part in ("details", "output") if part in card) if text]
    speaks_for_itself = said and (card["status"] == "error" or said[0].startswith("Skipped"))
    state = [] if speaks_for_itself else [STATUS_WORDS[card["status"]]]
    line = " ".join(f"• {markup.bold(card['title'])}: {' · '.join([*state, *said])}".split())
    return markup.clip(line, LINE_MAX)


# Rich text as markup. -----------------------------------------------------------------------------------------------


def _markup(rich_text: Block) -> str:
    return "\n".join(line for part in rich_text["elements"] for line in _lines(part))


def _lines(part: Element) -> Iterator[str]:
    """The lines of a part, each short enough for a section of its own."""
    match part["type"]:
        case "rich_text_list":
            for item in part["elements"]:
                yield from (f"• {line}" for line in _lines(item))
        case "rich_text_quote":
            for line in _pieces(part["elements"]).split("\n"):
                yield from (f">{short}" for short in _shortened(line))
        case "rich_text_preformatted":
            yield from (f"```{chunk}```" for chunk in _chunks(_pieces(part["elements"]).replace("```", "ʼʼʼ")))
        case _:
            for line in _pieces(part["elements"]).split("\n"):
                yield from _shortened(line)


def _chunks(text: str) -> Iterator[str]:
    """Text of several lines in as few chunks as fit."""
    chunk = ""
    for line in (short for long in text.split("\n") for short in _shortened(long)):
        if chunk and markup.width(chunk) + markup.width(line) >= LONG_LINE_MAX:
            yield chunk
            chunk = ""
        chunk = f"{chunk}\n{line}" if chunk else line
    yield chunk


def _shortened(line: str) -> Iterator[str]:
    while markup.width(line) > LONG_LINE_MAX:
        cut = markup.clip(line, LONG_LINE_MAX).removesuffix(markup.ELLIPSIS)
        yield cut
        line = line[len(cut) :]
    yield line


def _pieces(pieces: Sequence[dict[str, Any]]) -> str:
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: dict[str, Any]) -> str:
    match piece["type"]:
        case "user":
            return markup.user(piece["user_id"])
        case "link":
            return markup.link(piece["url"], piece.get("text", ""))
        case "date":
            return markup.date(piece["timestamp"] * 1_000, piece["fallback"], piece["format"])
        case _:
            text = str(piece["text"])
            return _styled(text) if piece.get("style", {}).get("bold") and text.strip() else markup.escape(text)


def _styled(text: str) -> str:
    """Bold, with the spaces around it kept outside, where they do not end it."""
    inner = text.strip()
    before, _, after = text.partition(inner)
    return f"{before}{markup.bold(inner)}{after}"
