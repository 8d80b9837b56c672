"""What is said beside a card that gates share: one line for all of them, and at most one of a kind in an hour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.digests import Digest, Item
from bot.views import blocks
from bot.views.digest_words import digest_title
from bot.views.gate_lines import asked_first
from bot.views.gate_words import expiry_effect
from bot.views.markup import bold, clip
from bot.views.scene import Rendering, Scene, asked_markup, when
from bot.wording import HOUR_MS, counted
from store.anchors import Anchor
from store.model import Gate, Millis

KINDS = ("reminder", "overdue", "escalated")


def digest_lines(scene: Scene, digest: Digest, anchors: Mapping[str, Anchor]) -> Iterator[tuple[str, Rendering]]:
    """What the clock has to say about the open gates of a card, as far as it was not said already."""
    if not digest.open:
        return
    for kind in KINDS:
        told = _told(kind, digest, anchors)
        due = {at: one for one in digest.open for at in _moments(kind, one.gate)}
        for at, anchor in told.items():
            if anchor.state == "sending":  # whether it stands in Slack is still to be found out
                yield _key(kind, digest, at), _line(scene, kind, digest)
        heard_until = max(told) + max(HOUR_MS, digest.gathered_ms) if told else 0
        fresh = [at for at in due if at >= heard_until]
        if fresh:
            yield _key(kind, digest, max(fresh)), _line(scene, kind, digest)


def _key(kind: str, digest: Digest, at: Millis) -> str:
    return f"{kind}:digest:{digest.id}:{at}"


def _told(kind: str, digest: Digest, anchors: Mapping[str, Anchor]) -> dict[Millis, Anchor]:
    """When something of this kind was said, by the moment in its key."""
    before = _key(kind, digest, 0).removesuffix("0")
    found = {key.removeprefix(before): anchor for key, anchor in anchors.items() if key.startswith(before)}
    return {int(at): anchor for at, anchor in found.items() if at.isdigit()}


def _moments(kind: str, gate: Gate) -> Sequence[Millis]:
    """The moments of this kind that have passed at a gate."""
    if kind == "reminder":
        return gate.terms.reminders[: gate.reminded]
    at = gate.due_at if kind == "overdue" else gate.terms.escalate_at
    passed = gate.overdue if kind == "overdue" else gate.escalated
    return (at,) if passed and at is not None else ()


def _line(scene: Scene, kind: str, digest: Digest) -> Rendering:
    first = digest.open[0]
    due_at = min((one.gate.due_at for one in digest.open if one.gate.due_at is not None), default=None)
    title = bold(digest_title(scene, digest))
    what, are = f"{counted(len(digest.open), 'item')} of {title}", "is" if len(digest.open) == 1 else "are"
    expiry = f" Without a decision by {when(_expires(digest.open))} {expiry_effect(scene, first.key)}, one by one."
    due = f" The first was due {when(due_at)}." if due_at is not None else ""
    if kind == "escalated":
        who = asked_markup(scene, _called_in(digest), last="and")
        text = f"{who}: nobody has decided {what} in time, so you may decide them too.{due}{expiry}"
    elif kind == "overdue":
        text = f"{_asked(scene, digest)}: {what} {are} still open.{due}{expiry}"
    else:
        soon = f" The first is due {when(due_at)}." if due_at is not None and not first.gate.overdue else due
        text = f"{_asked(scene, digest)}: {what} {are} still open.{soon}{expiry}"
    return Rendering(text=clip(text, blocks.FALLBACK_MAX), blocks=(blocks.section(text),))


def _asked(scene: Scene, digest: Digest) -> str:
    return asked_markup(scene, list(dict.fromkeys(one for item in digest.open for one in asked_first(item.gate))))


def _called_in(digest: Digest) -> list[str]:
    gates = [one.gate for one in digest.open if one.gate.escalated]
    return list(dict.fromkeys(one for gate in gates for one in gate.terms.escalate_to))


def _expires(items: Sequence[Item]) -> Millis:
    return min(one.gate.expires_at for one in items)
