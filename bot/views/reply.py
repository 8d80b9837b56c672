"""A reply: what the bot answers to words, clicks and forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.markup import SECTION_MAX, clip, escape, width
from store import codec
from store.model import Json


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said, to the asker alone or to everyone who reads along. `text` holds all of it, as markup."""

    text: str
    blocks: tuple[Mapping[str, Json], ...] = ()
    public: bool = False
    home: bool = False  # show the asker's Home again, with this text at its top

    def openly(self) -> Reply:
        return replace(self, public=True)


NOTHING = Reply("")
"""When there is nothing to say, or it was said already."""


def said(*paragraphs: str, copy: str = "", more: Sequence[Block] = ()) -> Reply:
    """A reply of paragraphs in markup; below them a line to copy and type, letter by letter, and more blocks."""
    told = [paragraph for paragraph in paragraphs if paragraph]
    line = [blocks.rich_text(blocks.rich_preformatted(copy))] if copy else []
    shown = [*(section for paragraph in told for section in sections(paragraph)), *line, *more]
    return Reply(fallback([*told, *([escape(copy)] if copy else [])]), tuple(shown[: blocks.BLOCKS_MAX]))


def sections(markup: str) -> list[Block]:
    """A long text as several sections, parted between lines so that no link is cut through."""
    return [blocks.section(part) for part in _parts(markup.split("\n"), SECTION_MAX)]


def fallback(paragraphs: Sequence[str]) -> str:
    """As much of the text as one message holds, whole lines only."""
    lines = "\n".join(paragraphs).split("\n")
    return clip(_parts(lines, blocks.FALLBACK_MAX)[0], blocks.FALLBACK_MAX)


def _parts(lines: Sequence[str], limit: int) -> list[str]:
    parts = [""]
    for line in lines:
        longer = f"{parts[-1]}\n{line}" if parts[-1] else line
        if parts[-1] and width(longer) > limit:
            parts.append(line)
        else:
            parts[-1] = longer
    return parts


def dump(reply: Reply) -> Json:
    return codec.plain(reply)


def load(data: Json) -> Reply:
    return codec.load(Reply, data)
