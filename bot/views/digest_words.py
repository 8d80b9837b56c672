"""Gates that share a card, in words: which item each is of, how it stands, and how far all of them are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.digests import Digest, Item
from bot.views.gate_words import card_address, choice_label, decided_by, people, quoted, standing, verb_of
from bot.views.markup import clip, escape, link, one_line
from bot.views.scene import Scene, item_text
from bot.views.shown_content import first_shown
from bot.wording import GATE_STATES
from engine.rules import gates
from store.model import Gate, GateState

EACH = "each"  # how the step of a list without a block of its own is called
TITLE_MAX = 150
LABEL_MAX = 60
TOLD_MAX = 50
REASON_MAX = 60
SEEN = 8  # of a digest: enough to tell one content of an item from another
CHOICES_MAX = 9  # radio buttons take ten, and one leaves it open


def digest_title(scene: Scene, digest: Digest) -> str:
    """The step whose gates these are, raw; one that is itself done for each element is called as its list is."""
    block, _, short = digest.step.rpartition(".")
    own = scene.plan.step(digest.step).title if scene.plan.knows(digest.step) else ""
    return clip(one_line(scene.step_title(block if short == EACH and not own else digest.step)), TITLE_MAX)


def item_label(scene: Scene, item: Item) -> str:
    """`chapter-3 · Fragment`, raw: the item's key, and the first short thing that its card shows."""
    name, shown = item_text(item.name), item.gate.shown
    value = shown.value if shown.hash is None else scene.contents.get(shown.hash)
    told = clip(first_shown(value, item.gate.card, name), TOLD_MAX)
    return f"{clip(name, LABEL_MAX)} · {told}" if told else clip(name, LABEL_MAX)


def item_state(scene: Scene, item: Item) -> str:
    """How one item stands, as markup: `open, overdue`, `Approved by @Ravi`."""
    gate = item.gate
    match gate.state:
        case GateState.OPEN:
            votes = f", {len(standing(gate))} of {gate.quorum} agreed" if gate.quorum > 1 else ""
            return f"open{votes}{', overdue' if gate.overdue else ''}"
        case GateState.APPROVED | GateState.REJECTED | GateState.RETURNED | GateState.ANSWERED:
            return _verdict(gate)
        case GateState.SUPERSEDED:
            newest = scene.run.steps[item.key].gate
            address = card_address(scene, newest.id) if newest is not None and newest.id != gate.id else ""
            return f"replaced by {link(address, f'v{newest.version}')}" if newest and address else "replaced"
        case _:
            return GATE_STATES[gate.state]


def _verdict(gate: Gate) -> str:
    by = decided_by(gate)
    chosen = f" {clip(quoted(choice_label(gate, by[-1].choice)), REASON_MAX)}" if by and by[-1].choice else ""
    why = by[-1].comment if by and gate.state is not GateState.APPROVED else ""
    said = f": “{escape(one_line(why), REASON_MAX)}”" if why.strip() else ""
    return f"*{verb_of(gate)}*{chosen}{f' by {people(by[:3])}' if by else ''}{said}"


def counted_text(digest: Digest) -> str:
    """`12 of 40 decided`."""
    return f"{digest.decided:,} of {len(digest.items):,} decided"


def range_text(items: Sequence[Item]) -> str:
    """`G-41 to G-80`, by the names that people type."""
    numbers = sorted(one.gate.number for one in items)
    if not numbers:
        return ""
    return f"G-{numbers[0]}" if len(numbers) == 1 else f"G-{numbers[0]} to G-{numbers[-1]}"


# What can be done on it. ----------------------------------------------------------------------------------------------


def is_carried(gate: Gate) -> bool:
    """Whether an answer can be picked among others: approve and reject, or a few choices."""
    return gate.terms.form is None and len(gate.terms.choices) <= CHOICES_MAX


def may_be_approved_unseen(gate: Gate) -> bool:
    """Whether it may be approved together with others: not where several people must agree on each."""
    return "approve" in gates.offered(gate) and gate.quorum == 1 and not gate.terms.seats


def approvable(digest: Digest) -> tuple[Item, ...]:
    """The open items that one click approves; none when that holds for some of them only."""
    return digest.open if all(may_be_approved_unseen(one.gate) for one in digest.open) else ()


# What somebody saw. ---------------------------------------------------------------------------------------------------


def seen_token(items: Sequence[Item]) -> str:
    """Which versions and contents stood there, so that nobody decides on what they did not see."""
    return ",".join(f"{one.gate.number}v{one.gate.version}-{one.gate.digest[:SEEN]}" for one in items)


def seen_in(token: str) -> Mapping[int, tuple[int, str]]:
    """Number of each gate that stood there -> its version, and the beginning of its digest."""
    found: dict[int, tuple[int, str]] = {}
    for part in filter(None, token.split(",")):
        number, _, rest = part.partition("v")
        version, _, seen = rest.partition("-")
        if number.isdigit() and version.isdigit():
            found[int(number)] = int(version), seen
    return found


def seen_digest(seen: str, gate: Gate) -> str:
    """The digest that somebody saw, as the rules compare it."""
    return gate.digest if seen and gate.digest.startswith(seen) else seen
