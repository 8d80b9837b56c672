"""Which gates share a card, whatever the order in which they open, close and are opened anew."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bot.digests import ITEMS_MAX, Digest, gathered
from store.model import Gate, GateState, GateTerms, StepKey
from tests.support.scenes import gate

WAIT = 1_000
seeds = st.integers(0, 10_000)


def told(seed: int) -> list[tuple[StepKey, Gate]]:
    """Gates of two steps over many items as they come and go: opened, closed, opened in a new version."""
    luck, now, number = Random(seed), 0, 0
    gates: list[tuple[StepKey, Gate]] = []
    for _ in range(luck.randint(1, 130)):
        now += luck.choice((0, 1, 1, 50, WAIT // 2, 3 * WAIT))
        standing = [n for n, (_, one) in enumerate(gates) if one.state is GateState.OPEN]
        if standing and luck.random() < 0.3:
            n = luck.choice(standing)
            key, one = gates[n]
            state = luck.choice((GateState.APPROVED, GateState.SUPERSEDED, GateState.EXPIRED))
            gates[n] = (key, replace(one, state=state, closed_at=now))
            if state is GateState.SUPERSEDED:
                again = replace(one, id=f"{one.id}+", version=one.version + 1, opened_at=now + luck.choice((0, 5)))
                gates.append((key, again))
                now = again.opened_at
            continue
        number += 1
        key = f"{luck.choice(('look', 'checks.look'))}[{number}]"
        gates.append((key, gate(id=f"g{number}", number=number, opened_at=now, terms=GateTerms(digest_ms=WAIT))))
    return gates


def places(cards: list[Digest]) -> dict[StepKey, list[str]]:
    """The cards on which each item stands; a later version of its gate may stand on a later card."""
    found: dict[StepKey, list[str]] = {}
    for card in cards:
        for item in card.items:
            found.setdefault(item.key, []).append(card.id)
    return found


@given(seeds)
def test_every_newest_gate_stands_on_one_card_of_its_step_and_no_card_is_too_full(seed: int) -> None:
    gates = told(seed)
    cards = gathered(gates)
    newest = dict(gates)
    standing = [item.gate.id for card in cards for item in card.items]
    assert len(standing) == len(set(standing))
    for key, one in newest.items():
        [card] = [card for card in cards if card.of(one.id)]
        assert card.step == key.partition("[")[0]
    for card in cards:
        assert 1 <= len(card.items) <= ITEMS_MAX
        assert card.until == {one.id: one for _, one in gates}[card.id].opened_at + WAIT


@given(seeds)
def test_the_order_in_which_gates_are_read_changes_nothing(seed: int) -> None:
    gates = told(seed)
    shuffled = list(gates)
    Random(seed + 1).shuffle(shuffled)
    assert gathered(shuffled) == gathered(gates)


@given(seeds, st.integers(0, 130))
def test_what_stood_on_a_card_stays_on_it_whatever_opens_later(seed: int, cut: int) -> None:
    gates = told(seed)
    if not gates[:cut]:
        return
    until = max(one.opened_at for _, one in gates[:cut])
    before = [_as_of(until, one) for one in gates if one[1].opened_at <= until]
    then, since = places(gathered(before)), places(gathered(gates))
    for key, cards in then.items():
        assert set(cards) <= set(since[key])


def _as_of(until: int, one: tuple[StepKey, Gate]) -> tuple[StepKey, Gate]:
    key, found = one
    later = found.closed_at is not None and found.closed_at > until
    return (key, replace(found, state=GateState.OPEN, closed_at=None)) if later else one


@given(seeds)
def test_a_gate_begins_a_card_exactly_when_the_last_one_is_over_or_full(seed: int) -> None:
    gates = sorted(told(seed), key=lambda one: (one[1].opened_at, one[1].number, one[1].version))
    began = {card.id for card in gathered(gates)}
    for n, (key, one) in enumerate(gates):
        before = [_as_of(one.opened_at, other) for other in gates[:n]]
        last = [card for card in gathered(before) if card.step == key.partition("[")[0]][-1:]
        lives = any(one.opened_at <= card.until or card.open for card in last)
        room = any(len(card.items) < ITEMS_MAX or key in {item.key for item in card.items} for card in last)
        assert (one.id in began) is not (lives and room), (key, one.opened_at)


def test_gates_with_a_card_of_their_own_and_gates_outside_of_lists_share_none() -> None:
    terms = GateTerms(digest_ms=WAIT)
    gates = [("look[a]", gate(id="a", number=1, terms=terms)), ("look[b]", gate(id="b", number=2, terms=terms)),
             ("look", gate(id="c", number=3, terms=terms)), ("look[d]", gate(id="d", number=4))]  # fmt: skip
    [card] = gathered(gates, own={"a"})
    assert [item.gate.id for item in card.items] == ["b"]
