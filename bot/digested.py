"""The messages of gates that share a card: the card itself, and what is said beside it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.copies import Reach
from bot.digests import Digest, Item, post_at
from bot.undecidable import marked, nobody, nobody_key, nobody_line, some
from bot.views.digest_card import digest_card
from bot.views.digest_lines import digest_lines
from bot.views.gate_lines import override_key, override_line
from bot.views.gate_words import digest_key
from bot.views.scene import Rendering, Scene
from store.anchors import Anchor
from store.model import Gate, Millis


@dataclass(frozen=True, slots=True)
class Beside:
    """Something that is said in the thread of a card, once; to those who keep the workflow, or to who is asked."""

    key: str
    rendering: Rendering
    to_keepers: bool = False


def to_post(scene: Scene, anchors: Mapping[str, Anchor], now: Millis) -> list[Digest]:
    """The cards that should stand by now, or stand already."""
    return [one for one in scene.digests if digest_key(one.id) in anchors or _is_due(scene, one, now)]


def _is_due(scene: Scene, digest: Digest, now: Millis) -> bool:
    at = post_at(digest, scene.plan, scene.run)
    return at is not None and at <= now


def next_post_at(scene: Scene, anchors: Mapping[str, Anchor], now: Millis) -> Millis | None:
    """When the next card that is still gathered should stand, though nothing may have changed by then."""
    waiting = [one for one in scene.digests if digest_key(one.id) not in anchors]
    moments = [post_at(one, scene.plan, scene.run) for one in waiting]
    return min((at for at in moments if at is not None and at > now), default=None)


def shared_card(scene: Scene, digest: Digest, reach: Reach) -> Rendering:
    """The card, with a line at its top where somebody who is asked is not there."""
    at = _undecidable(digest, reach) or next((one for one in digest.open if some(one.gate, reach.absent)), None)
    card = digest_card(scene, digest)
    return marked(card, scene.run, at.gate, reach.absent) if at is not None else card


def beside(scene: Scene, digest: Digest, anchors: Mapping[str, Anchor], reach: Reach) -> Iterator[Beside]:
    """What is said beside it."""
    for key, line in digest_lines(scene, digest, anchors):
        yield Beside(key, line)
    key, at = nobody_key(digest.id), _undecidable(digest, reach)
    if at is not None or key in anchors:
        yield Beside(key, nobody_line(scene, _named(digest, at), reach.absent), to_keepers=True)
    for item in digest.items:
        for n, decision in enumerate(item.gate.decisions):
            if decision.override:
                yield Beside(override_key(item.gate.id, n), override_line(scene, item.gate, decision), to_keepers=True)


def _undecidable(digest: Digest, reach: Reach) -> Item | None:
    return next((one for one in digest.open if nobody(one.gate, reach.absent)), None)


def _named(digest: Digest, at: Item | None) -> Gate:
    return (at or digest.items[0]).gate
