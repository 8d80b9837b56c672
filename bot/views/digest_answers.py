"""Answers to those who decide several items at once: what counted, what did not and why. All of them are private."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.digests import Digest, Item
from bot.views.digest_words import digest_title
from bot.views.markup import bold, link
from bot.views.reply import NOTHING, Reply, said
from bot.views.scene import Scene, item_text
from bot.wording import VERDICTS, counted, listed
from store.model import Verdict

NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class Counted:
    """One item that somebody answered; `why_not` is the sentence when it did not count."""

    item: Item
    verdict: Verdict
    why_not: str = ""


def items_decided(scene: Scene, digest: Digest, results: Sequence[Counted], address: str = "") -> Reply:
    """What counted, and below it what did not, item by item."""
    done = [one for one in results if not one.why_not]
    missed = [one for one in results if one.why_not]
    if not results:
        return NOTHING
    title = bold(digest_title(scene, digest))
    card = link(address, "the card") if address else "the card"
    where = f"of {title} {scene.run.name}"
    if not done:
        head = f"None of {counted(len(missed), 'answer')} {where} counted." if len(missed) > 1 else ""
        return said(head, *_missed(missed, where))
    verdicts = [_many(verdict, done) for verdict in dict.fromkeys(one.verdict for one in done)]
    head = f"You {listed(verdicts)} {where}. Each is recorded by itself; {card} says so in a moment."
    return said(head, *([f"{counted(len(missed), 'answer')} did not count:", *_missed(missed, "")] if missed else []))


def _many(verdict: Verdict, done: Sequence[Counted]) -> str:
    return f"{VERDICTS[verdict]} {counted(sum(one.verdict == verdict for one in done), 'item')}"


def _missed(missed: Sequence[Counted], where: str) -> list[str]:
    """One paragraph of lines: which, and why; items with the same reason stand together."""
    by_reason: dict[str, list[Item]] = {}
    for one in missed:
        by_reason.setdefault(one.why_not, []).append(one.item)
    lines = [f"• {_names(items)}: {why}" for why, items in by_reason.items()]
    rest = len(lines) - NAMED_MAX
    return ["\n".join([*lines[:NAMED_MAX], *([f"… and {rest:,} more"] if rest > 0 else [])])]


def _names(items: Sequence[Item]) -> str:
    shown = [bold(f"{item_text(one.name)} ({one.gate.name})") for one in items[:NAMED_MAX]]
    rest = len(items) - NAMED_MAX
    return listed([*shown, *([f"{rest:,} more"] if rest > 0 else [])])


def nothing_picked() -> Reply:
    return said("You left everything open, so nothing was decided.")


def not_this_card(address: str = "") -> Reply:
    """A click on a message that is not where these gates are decided."""
    where = f" Please decide on {link(address, 'the card')}." if address else ""
    return said(f"This is not the card of these items. Nothing was changed.{where}")


def nothing_to_decide() -> Reply:
    return said("Nothing on this card is left for you to decide.")


def page_missed() -> Reply:
    return said("I could not open the form in time, so nothing was decided. Please click again.")
