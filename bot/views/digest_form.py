"""The form in which the items of a card are decided one by one, in pages that Slack takes.

Each page that is sent counts at once; closing the form decides nothing of what stands on the page before one's eyes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.digests import Digest, Item
from bot.views import blocks
from bot.views.blocks import Block
from bot.views.digest_words import counted_text, digest_title, seen_digest, seen_in, seen_token
from bot.views.gate_words import choice_label, rejecting
from bot.views.markup import bold, clip, escape, one_line
from bot.views.scene import Scene, item_text
from bot.views.shown_content import ShownContent, beside_others, in_short
from bot.wording import listed
from engine.rules import gates
from store.model import LIMITS, Gate, Json, Verdict

DIGEST_FORM = "digest_form"
PICK = "pick:"  # followed by the number of the gate
CHOOSE = "choose:"
REASON = "reason:"
QUESTION_MAX = 300
REASON_MAX = 1_000
PAGE_ITEMS = 20
PAGE_BLOCKS = 94  # of a hundred; the rest is said above and below the items
PAGE_BYTES = 200_000  # of 250 kB
LEAVE_OPEN = "Leave open"


@dataclass(frozen=True, slots=True)
class Asked:
    """An item as it is asked about: what it shows, and how this person answered before."""

    item: Item
    value: Json
    before: int | None = None  # the place of their last answer among those that are offered


@dataclass(frozen=True, slots=True)
class Sent:
    """What a page carries: which card it is of, its number, and what stood on it."""

    digest: str
    page: int
    seen: Mapping[int, tuple[int, str]]

    @property
    def last(self) -> int:
        """The number of the last gate on it; the next page begins after that."""
        return max(self.seen, default=0)


@dataclass(frozen=True, slots=True)
class Pick:
    """One item's answer as it was picked; `left` when it stays open."""

    verdict: Verdict = "approve"
    choice: str = ""
    reason: str = ""
    left: bool = False


def digest_page(scene: Scene, digest: Digest, asked: Sequence[Asked], page: int, others: int = 0) -> Block:
    """A page with as many items as fit; `others` are open and not for this person to decide here."""
    pages = _paged(scene, asked)
    here, last = pages[0] if pages else [], len(pages) < 2
    shown = [block for one in here for block in _asked(scene, one)]
    return blocks.modal(
        "Decide Item by Item",
        [
            blocks.section(bold(digest_title(scene, digest))),
            blocks.context(_where(scene, digest, page, page + len(pages) - 1)),
            *shown,
            blocks.context(_effects(scene, digest, others)),
        ],
        callback_id=DIGEST_FORM,
        submit="Save" if last else "Save and Go On",
        close="Stop Here" if page > 1 else "Not Now",
        private_metadata=f"{digest.id}.{page}.{seen_token([one.item for one in here])}",
    )


def nothing_to_pick(scene: Scene, digest: Digest) -> Block:
    """The window when everything was decided meanwhile."""
    said = f"Nothing is left to decide here: {counted_text(digest)}."
    title = bold(digest_title(scene, digest))
    return blocks.modal(
        "Decide Item by Item", [blocks.section(title), blocks.section(said)], callback_id=f"{DIGEST_FORM}_done"
    )


def sent(metadata: str) -> Sent:
    """What a page was about, from what it carried."""
    digest, _, rest = metadata.partition(".")
    page, _, seen = rest.partition(".")
    return Sent(digest, int(page) if page.isdigit() else 1, seen_in(seen))


def picked(gate: Gate, values: Mapping[str, Json]) -> Pick:
    """What was picked for one gate; what is none of its answers leaves it open."""
    place, reason, offered = values.get(_block_id(gate)), values.get(f"{REASON}{gate.number}"), _offered(gate)
    if not isinstance(place, str) or not place.isdigit() or int(place) >= len(offered):
        return Pick(left=True)
    verdict, choice, _ = offered[int(place)]
    return Pick(verdict, choice, _typed(reason))


def reasons_missing(values: Mapping[str, Json]) -> dict[str, str]:
    """Errors under the reasons of rejections that have none."""
    rejected = [name.removeprefix(PICK) for name, place in values.items() if name.startswith(PICK) and place == _REJECT]
    fields = [f"{REASON}{number}" for number in rejected]
    return {field: "Please say why not: whoever asked reads it." for field in fields if not _typed(values.get(field))}


def _typed(value: Json) -> str:
    return value.strip() if isinstance(value, str) else ""


_REJECT = "1"  # its place among the answers


def _block_id(gate: Gate) -> str:
    return f"{CHOOSE if gate.terms.choices else PICK}{gate.number}"


def _offered(gate: Gate) -> list[tuple[Verdict, str, str]]:
    """The answers that can be picked: verdict, choice, and how they are called."""
    if gate.terms.choices:
        return [("choose", one.value, choice_label(gate, one.value)) for one in gate.terms.choices]
    return [("approve", "", "Approve"), ("reject", "", "Reject")]


def place_before(gate: Gate, user: str) -> int | None:
    """How somebody answered before, as the place of that answer."""
    own = gates.latest(gate.decisions).get(user)
    if own is None or own.digest != gate.digest:
        return None
    answers = [(verdict, choice) for verdict, choice, _ in _offered(gate)]
    return answers.index((own.verdict, own.choice)) if (own.verdict, own.choice) in answers else None


def seen_of(gate: Gate, seen: tuple[int, str]) -> str:
    """The digest of what stood on the page, as the rules compare it."""
    version, digest = seen
    return seen_digest(digest, gate) if version == gate.version else digest


# Pages. ---------------------------------------------------------------------------------------------------------------


def _paged(scene: Scene, asked: Sequence[Asked]) -> list[list[Asked]]:
    pages: list[list[Asked]] = []
    count = size = 0
    for one in asked:
        shown = _asked(scene, one)
        bytes_of = len(json.dumps(shown))
        full = count + len(shown) > PAGE_BLOCKS or size + bytes_of > PAGE_BYTES
        if not pages or full or len(pages[-1]) == PAGE_ITEMS:
            pages.append([])
            count = size = 0
        pages[-1].append(one)
        count, size = count + len(shown), size + bytes_of
    return pages


def _asked(scene: Scene, asked: Asked) -> list[Block]:
    """One item: what it is about, and its answers."""
    item, gate = asked.item, asked.item.gate
    name, question = item_text(item.name), one_line(gate.question)
    content = beside_others(_without_name(asked.value, name), gate.card)
    offered = _offered(gate)
    labels = [label for _, _, label in offered] + [LEAVE_OPEN]
    chosen = len(offered) if asked.before is None else asked.before
    reason = [] if gate.terms.choices else [_reason(gate)]
    return [
        blocks.divider(),
        blocks.section(bold(clip(question if name in question else f"{name}: {question}", QUESTION_MAX))),
        *content.blocks,
        blocks.context(f"{gate.name} v{gate.version}{_more(gate, content)}"),
        blocks.input(clip(name, 100), blocks.radio("pick", labels, chosen), block_id=_block_id(gate)),
        *reason,
    ]


def _without_name(value: Json, name: str) -> Json:
    """What is shown, without the part that names the item: its name stands above it."""
    return {key: part for key, part in value.items() if part != name} if isinstance(value, dict) else value


def _more(gate: Gate, content: ShownContent) -> str:
    """What a form among others has no room for, and where that can be done."""
    missing = in_short([*content.left_out, *content.cut])
    can = [f"see the rest ({escape(missing, 300)})"] if missing else []
    can += ["edit it"] if gate.terms.edit else []
    can += ["request changes"] if gate.terms.rounds_left > 0 and not gate.terms.choices else []
    return f" · *Open* beside it on the card lets you {listed(can)}" if can else ""


def _reason(gate: Gate) -> Block:
    limit = min(REASON_MAX, LIMITS.comment_max)
    return blocks.input(
        "If you reject it: why?", blocks.text_input("reason", max_length=limit), block_id=f"{REASON}{gate.number}",
        optional=True,
    )  # fmt: skip


def _where(scene: Scene, digest: Digest, page: int, pages: int) -> str:
    run = f"{escape(one_line(scene.title), 150)} · {scene.run.name} · {counted_text(digest)}"
    saved = " · what you picked before is saved" if page > 1 else ""
    return f"{run} · page {page} of {max(page, pages)}{saved}"


def _effects(scene: Scene, digest: Digest, others: int) -> str:
    first = (digest.open or digest.items)[0]
    own = f" {others:,} more can only be decided by others, or on a card of their own: press *Open* beside them."
    rejects = "" if first.gate.terms.choices else f" Rejecting an item {rejecting(scene, first.key)}."
    return (
        f"Each answer counts by itself and is on record by itself, as soon as its page is sent.{rejects}"
        f"{own if others else ''}"
    )
