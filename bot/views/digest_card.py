"""The card that gates of one step share: its items one by one, how far they are, and the ways to decide them.

It is a reply in the run's thread. An item that is alone on it gets the card of its gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.digests import Digest, Item
from bot.views import blocks
from bot.views.blocks import Block, words
from bot.views.digest_words import (
    approvable,
    counted_text,
    digest_title,
    is_carried,
    item_label,
    item_state,
    range_text,
    seen_token,
)
from bot.views.gate_buttons import APPROVE_ALL, ITEM_BY_ITEM, OPEN
from bot.views.gate_card import gate_card
from bot.views.gate_words import asking, effects
from bot.views.markup import bold, clip, escape, one_line
from bot.views.scene import Rendering, Scene, when, when_piece
from bot.wording import counted
from store.model import Millis


def digest_card(scene: Scene, digest: Digest) -> Rendering:
    """The card as it should stand now."""
    if len(digest.items) == 1:
        return gate_card(scene, digest.items[0].key, digest.items[0].gate)
    shown: list[Block] = [
        blocks.rich_text(blocks.rich_section(*_headline(scene, digest)), block_id=_block_id("items", digest)),
        blocks.section(_asking(scene, digest)),
        *(_item(scene, one) for one in digest.items),
        blocks.section(_progress(digest)),
    ]
    if digest.open:
        shown.append(blocks.context(_effects(scene, digest)))
    buttons = _buttons(digest)
    if buttons:
        shown.append(blocks.actions(*buttons, block_id=_block_id("decide", digest)))
    return Rendering(text=_sentence(scene, digest), blocks=tuple(shown))


def _block_id(part: str, digest: Digest) -> str:
    return f"{part}:{digest.id}:{digest.decided}:{len(digest.items)}"


def _headline(scene: Scene, digest: Digest) -> list[blocks.Piece]:
    title = digest_title(scene, digest)
    label = "Review needed" if digest.open else "Review"
    pieces = [words(f"{label}: {title}", bold=True), words(f"\n{range_text(digest.items)}")]
    pieces.append(words(f" · {counted(len(digest.items), 'item')}"))
    due_at, late = _due(digest), any(one.gate.overdue for one in digest.open)
    if due_at is not None:
        pieces += [words(" · overdue since " if late else " · due "), when_piece(due_at)]
    return pieces


def _due(digest: Digest) -> Millis | None:
    """When the first of those that are open is due."""
    return min((one.gate.due_at for one in digest.open if one.gate.due_at is not None), default=None)


def _asking(scene: Scene, digest: Digest) -> str:
    """Who may decide; where that differs by item, whom the first that is open asks."""
    first = (digest.open or digest.items)[0].gate
    alike = all(one.gate.approvers == first.approvers for one in digest.open)
    return f"{asking(scene, first)}{'' if alike else ' For some of these others are asked: open them to see.'}"


def _item(scene: Scene, item: Item) -> Block:
    gate = item.gate
    label = bold(item_label(scene, item))
    line = f"{label} · {gate.name} v{gate.version}\n{item_state(scene, item)}"
    button = blocks.button("Open" if item.is_open else "Show", OPEN, gate.id, label=f"Show the card of {gate.name}")
    return blocks.section(line, accessory=button, block_id=f"item:{gate.id}:{gate.state}")


def _progress(digest: Digest) -> str:
    over = f", {digest.undecided:,} over without a decision" if digest.undecided else ""
    return f"*{counted_text(digest)}*{over}{f', {len(digest.open):,} open' if digest.open else ''}"


def _effects(scene: Scene, digest: Digest) -> str:
    first = digest.open[0]
    return f"Of each item: {effects(scene, first.key, first.gate)}"


def _buttons(digest: Digest) -> Sequence[blocks.Element]:
    found, open_ones = [], digest.open
    if any(is_carried(one.gate) for one in open_ones):
        found.append(item_by_item(digest))
    all_of = approvable(digest)
    if all_of:
        found.append(
            blocks.button(
                f"Approve All That Are Open ({len(all_of):,})",
                APPROVE_ALL,
                f"{digest.id}.{seen_token(all_of)}",
                confirm=_sure(all_of),
                label=f"Approve all {len(all_of):,} open items",
            )
        )
    return found


def item_by_item(digest: Digest) -> blocks.Element:
    """The button that opens the form for its items."""
    label = f"Decide {range_text(digest.items)} one by one"
    return blocks.button("Decide Item by Item…", ITEM_BY_ITEM, digest.id, style="primary", label=label)


def _sure(items: Sequence[Item]) -> blocks.Element:
    many = counted(len(items), "item")
    edit = " Nothing is edited." if any(one.gate.terms.edit for one in items) else ""
    text = f"You approve {many} as they stand, each on record by itself. Have you looked at them?{edit}"
    return blocks.confirm(f"Approve {many}?", text, "Approve", "Go Back")


def _sentence(scene: Scene, digest: Digest) -> str:
    run = f"{escape(one_line(scene.title), 150)} {scene.run.name}"
    title = escape(digest_title(scene, digest))
    told = f"{counted_text(digest)}, {range_text(digest.items)} of {run}"
    due_at = _due(digest)
    due = f", the first due {when(due_at)}" if due_at is not None and digest.open else ""
    if digest.open:
        return clip(f"Review needed: {title} ({told}{due}).", blocks.FALLBACK_MAX)
    return clip(f"{title} ({told}).", blocks.FALLBACK_MAX)
