"""What a workflow says in Slack by a `message` step: its text letter by letter, with addresses as links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.views import blocks
from bot.views.blocks import Block, Element, Piece
from bot.views.markup import EMPTY, clip, escape, is_aligned, is_web_link, link, visible, width
from bot.views.scene import Rendering, Scene

PART_MAX = 2_800  # of one block
PARTS_MAX = 6
_ADDRESS = re.compile(r"(?<![^\s(])https?://[^\s<>|]+(?![^\s])")  # one that stands by itself, as people write it
_TRAILING = ".,;:!?)]}'\"’”"


def said_message(scene: Scene, text: str, mention: str = "", note: str = "") -> Rendering:
    """The message. `mention` is markup that notifies those it is for; `note` says why it stands here."""
    raw = visible(scene.unsaid(text)).strip("\n").rstrip()
    parts = list(_parts(raw))
    shown: list[Block] = [blocks.section(mention)] if mention else []
    shown += [blocks.rich_text(_part(part, fixed=is_aligned(raw))) for part in parts[:PARTS_MAX]]
    if len(parts) > PARTS_MAX:
        shown.append(blocks.context("… the rest is too long for a message."))
    where = link(scene.links.get(f"run:{scene.run.id}", ""), scene.run.name) if note else ""
    shown += [blocks.context(f"{note} {where or scene.run.name}")] if note else []
    return Rendering(clip(f"{mention} {escape(raw)}".strip() or EMPTY, blocks.FALLBACK_MAX), tuple(shown))


def _part(text: str, *, fixed: bool) -> Element:
    return blocks.rich_preformatted(text) if fixed else blocks.rich_section(*_pieces(text.lstrip()))


def _parts(text: str) -> Iterator[str]:
    """The text in pieces that a block holds, broken at line ends where there is one near."""
    while width(text) > PART_MAX:
        cut = clip(text, PART_MAX).removesuffix("…")
        at = cut.rfind("\n")
        at = at if at > PART_MAX // 2 else len(cut)
        yield text[:at]
        text = text[at:].lstrip("\n")
    if text or not text.strip():
        yield text or EMPTY


def _pieces(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(_TRAILING)
        if not is_web_link(address):
            continue
        pieces += [blocks.words(text[at : found.start()])] if found.start() > at else []
        pieces.append(blocks.link_piece(address))
        at = found.start() + len(address)
    return [*pieces, blocks.words(text[at:])] if text[at:] or not pieces else pieces
