"""Cards that gates share, as people read them, and what Slack and strangers may not make of them.

POINTSMAN_GOLDEN=write writes the files anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from bot.copies import Reach
from bot.digested import next_post_at
from bot.digests import ITEMS_MAX, Digest, Item, gathered
from bot.message import Message
from bot.sandbox.blocks import problems, view_problems
from bot.views.blocks import Block
from bot.views.digest_answers import Counted, items_decided
from bot.views.digest_card import digest_card
from bot.views.digest_form import PAGE_ITEMS, Asked, digest_page, nothing_to_pick
from bot.views.digest_lines import digest_lines
from bot.views.digest_words import seen_in, seen_token
from bot.views.markup import width
from bot.views.reply import Reply
from bot.views.scene import Rendering, Scene
from bot.views.simple import simplified
from bot.wanted import wanted
from store.anchors import Anchor
from store.model import Content, Fan, Fanout, GatePlan, GateState, GateTerms, Step, StepPlan, StepStatus
from store.unshown import Unshown
from tests.support import scenes
from tests.support.readable import readable
from tests.support.scenes import ADA, AT, HOUR, LENA, MINUTE, RAVI, ROOT, decision, gate, scene
from tests.support.strange_runs import odd_digest, seeds

GOLDEN = Path(__file__).parent / "golden_digests"
TERMS = GateTerms(digest_ms=5 * MINUTE, reminders=(AT + 2 * HOUR,), escalate_at=AT + 5 * HOUR, escalate_to=("U0LENA",))
WITH_MORE = replace(TERMS, edit=("quote",), rounds_left=1)
PLAN = replace(
    scenes.PLAN,
    steps=(
        *scenes.PLAN.steps,
        StepPlan("checks", "block", "Check the claims", fanout=Fanout("${{ steps.draft.output.claims }}")),
        StepPlan("checks.keep", "approval", "Keep the claim?", gate=GatePlan(("@editors",), on_reject="continue")),
    ),
)


def of_item(n: int, **changes: Any) -> Item:
    """The n-th claim, and its gate."""
    shown = Content({"id": f"c{n}", "source": "Our own bench", "quote": f"Claim {n} holds."})
    card = {"fields": ["source"], "body": "quote"}
    made = gate(id=f"gate-{n}", number=40 + n, question=f"Keep claim {n}?", shown=shown, card=card, terms=TERMS)
    return Item(f"checks.keep[c{n}]", replace(made, **changes))


def decided(n: int, state: GateState, *decisions: Any) -> Item:
    return of_item(n, state=state, closed_at=AT + 2 * HOUR, decisions=decisions)


def told(*items: Item) -> tuple[Scene, Digest]:
    """A run in which these items stand on one card."""
    rows = {one.key: Step("checks.keep", one.name, status=StepStatus.WAITING, gate=one.gate) for one in items}
    run = replace(scenes.run(), steps={**scenes.run().steps, **rows})
    [digest] = gathered([(one.key, one.gate) for one in items])
    return replace(scene(run), plan=PLAN, digests=(digest,)), digest


SOME = (
    decided(1, GateState.APPROVED, decision(RAVI)),
    decided(2, GateState.REJECTED, decision(ADA, "reject", "Nobody measured that")),
    of_item(3, overdue=True),
    of_item(4),
    decided(5, GateState.EXPIRED),
)  # fmt: skip


def lines(*items: Item) -> Rendering:
    here, digest = told(*items)
    found = [line for _, line in digest_lines(here, digest, {})]
    return Rendering("\n".join(line.text for line in found), tuple(block for line in found for block in line.blocks))


def answered() -> Reply:
    here, digest = told(*SOME)
    why = "Already approved by <@U0RAVI> 2 min ago. Nothing more to do."
    results = [
        Counted(digest.items[0], "approve", why), Counted(digest.items[1], "approve", why),
        Counted(digest.items[2], "approve"), Counted(digest.items[3], "reject"),
    ]  # fmt: skip
    return items_decided(here, digest, results, "https://meadow.slack.com/archives/C0CONTENT/p1")


MESSAGES: dict[str, Callable[[], Rendering | Reply]] = {
    "digest-open": lambda: digest_card(*told(of_item(1), of_item(2), of_item(3))),
    "digest-some-decided": lambda: digest_card(*told(*SOME)),
    "digest-all-decided": lambda: digest_card(*told(*SOME[:2])),
    "digest-of-two-each": lambda: digest_card(
        *told(of_item(1, quorum=2, decisions=(decision(LENA),)), of_item(2, quorum=2))
    ),
    "digest-lone-item": lambda: digest_card(*told(of_item(1))),
    "digest-lines": lambda: lines(
        of_item(1, reminded=1, overdue=True, escalated=True), of_item(2, reminded=1, overdue=True), of_item(3)
    ),
    "digest-answer": answered,
}
VIEWS: dict[str, Callable[[], Block]] = {
    "view-digest-page": lambda: page(
        *told(of_item(1), of_item(2, terms=replace(TERMS, edit=("quote",), rounds_left=1)))
    ),
    "view-digest-nothing-left": lambda: nothing_to_pick(*told(*SOME)),
}


def page(here: Scene, digest: Digest) -> Block:
    asked = [Asked(one, one.gate.shown.value, None) for one in digest.open]
    return digest_page(here, digest, asked, 1, others=2)


def agree(name: str, shown: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("POINTSMAN_GOLDEN") == "write":
        path.write_text(shown)
    assert shown == path.read_text()


@pytest.mark.parametrize("name", MESSAGES)
def test_a_shared_card_reads_as_agreed(name: str) -> None:
    shown = MESSAGES[name]()
    for blocks in (shown.blocks, simplified(shown.blocks)):
        assert problems(list(blocks), "message") == []
    agree(name, readable(shown.text, shown.blocks))


@pytest.mark.parametrize("name", VIEWS)
def test_a_page_reads_as_agreed(name: str) -> None:
    view = VIEWS[name]()
    assert view_problems(view) == []
    agree(name, readable(view["title"]["text"], view["blocks"]))


def test_no_file_is_left_over() -> None:
    assert {one.stem for one in GOLDEN.iterdir()} == {*MESSAGES, *VIEWS}


# Whatever was written into it. ----------------------------------------------------------------------------------------


def marked_up(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value.get("type") == "mrkdwn":
        yield value["text"]
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from marked_up(part)


def assert_nobody_is_called(markup: str) -> None:
    assert "<!channel" not in markup
    assert "<@U0EVIL" not in markup  # what was cut off within is escaped all the same
    assert "<https://evil" not in markup


@settings(max_examples=20)  # a full card takes long to make
@given(seeds)
def test_slack_takes_every_shared_card_and_what_was_written_into_it_acts_nowhere(seed: int) -> None:
    here, digest = odd_digest(seed)
    card = digest_card(here, digest)
    found = [card, *(line for _, line in digest_lines(here, digest, {}))]
    results = [Counted(one, "approve", "" if n % 2 else "It is over.") for n, one in enumerate(digest.items)]
    reply = items_decided(here, digest, results)
    for shown in (*found, reply):
        assert problems(list(shown.blocks), "message") == []
        assert problems(list(simplified(shown.blocks)), "message") == []
        assert 0 < width(shown.text) <= 4_000
        for markup in (shown.text, *marked_up(shown.blocks)):
            assert_nobody_is_called(markup)


@settings(max_examples=20)  # a full card takes long to make
@given(seeds)
def test_slack_takes_every_page_and_pages_hold_every_item_once(seed: int) -> None:
    here, digest = odd_digest(seed)
    asked = [Asked(one, one.gate.shown.value) for one in digest.items if one.gate.terms.form is None]
    asked = [one for one in asked if len(one.item.gate.terms.choices) < 10]
    number, stood = 1, []
    while asked:
        view = digest_page(here, digest, asked, number)
        assert view_problems(view) == []
        seen = seen_in(view["private_metadata"].split(".")[2])
        assert 1 <= len(seen) <= PAGE_ITEMS
        assert list(seen) == [one.item.gate.number for one in asked[: len(seen)]]
        stood += list(seen)
        asked, number = asked[len(seen) :], number + 1
        for markup in marked_up(view["blocks"]):
            assert_nobody_is_called(markup)
    assert len(stood) == len(set(stood))


@settings(max_examples=20)  # a full card takes long to make
@given(seeds)
def test_what_a_button_carries_tells_every_version_and_fits(seed: int) -> None:
    _, digest = odd_digest(seed)
    token = seen_token(digest.items)
    assert len(f"{digest.id}.{token}") <= 2_000
    assert seen_in(token) == {one.gate.number: (one.gate.version, one.gate.digest[:8]) for one in digest.items}


def test_a_button_for_the_fullest_card_fits_what_slack_takes() -> None:
    made = [of_item(n, number=10**9 + n, version=999) for n in range(ITEMS_MAX)]
    card = digest_card(*told(*made))
    assert problems(list(card.blocks), "message") == []
    assert len(card.blocks) <= 48  # two are left for what copies and missing people add


# Lines. ---------------------------------------------------------------------------------------------------------------


def keys(items: list[Item], *said: str, state: Any = "posted") -> list[str]:
    here, digest = told(*items)
    anchors = {key: Anchor(key, here.run.id, "C0CONTENT", ts="1.1", state=state) for key in said}
    return [key for key, _ in digest_lines(here, digest, anchors)]


def reminded(n: int, at: int, state: GateState = GateState.OPEN) -> Item:
    closed_at = None if state is GateState.OPEN else AT + 9 * HOUR
    terms = replace(TERMS, reminders=(at,))
    return of_item(n, terms=terms, reminded=1, state=state, closed_at=closed_at, due_at=None)


def test_reminders_that_come_within_an_hour_are_one_line() -> None:
    [first] = keys([reminded(1, AT), reminded(2, AT + 5 * MINUTE)])
    assert first == f"reminder:digest:gate-1:{AT + 5 * MINUTE}"
    assert keys([reminded(1, AT), reminded(2, AT + 5 * MINUTE), reminded(3, AT + 50 * MINUTE)], first) == []
    later = [reminded(1, AT), reminded(2, AT + 5 * MINUTE), reminded(3, AT + 2 * HOUR)]
    assert keys(later, first) == [f"reminder:digest:gate-1:{AT + 2 * HOUR}"]


def test_nobody_is_reminded_of_what_was_decided_meanwhile() -> None:
    assert keys([reminded(1, AT, GateState.APPROVED), of_item(2)]) == []


def test_a_line_of_which_nobody_knows_whether_it_stands_is_still_wanted() -> None:
    key = f"reminder:digest:gate-1:{AT}"
    assert keys([reminded(1, AT), of_item(2)], key, state="sending") == [key]


# Where it stands. -----------------------------------------------------------------------------------------------------


def shut(here: Scene) -> list[Message]:
    """What is wanted while the run's channel is closed to us, and two editors can be listed."""
    closed = [Unshown(here.run.id, "C0CONTENT", "#content", "not_in_channel", "Pointsman", AT)]
    return wanted(here, {}, Reach(closed, {"@editors": ("U0RAVI", "U0ADA", "U0MINA")}))


def test_where_the_channel_is_closed_each_who_may_decide_gets_the_card_directly() -> None:
    here, _ = told(of_item(1), of_item(2))
    copies = {one.key: one for one in shut(here) if one.key.startswith("digest:")}
    assert set(copies) == {"digest:gate-1:to:U0RAVI", "digest:gate-1:to:U0ADA"}  # whoever asked may not decide
    assert all("digest_decide" in str(one.blocks) for one in copies.values())
    assert not [one for one in shut(here) if one.key.startswith("gate:")]


def test_where_nobody_stands_behind_a_group_the_card_says_so_and_the_owner_is_told_once() -> None:
    here, _ = told(of_item(1), of_item(2))
    absent = Reach(absent={"@editors": "there is no group @editors"})
    found = {one.key: one for one in wanted(here, {}, absent)}
    assert "Nobody can decide:* there is no group @editors" in str(found["digest:gate-1"].blocks)
    assert [key for key in found if key.startswith("nobody:")] == ["nobody:gate-1"]


def test_an_operator_who_decides_in_others_place_is_told_for_the_item() -> None:
    overridden = decided(1, GateState.APPROVED, decision(ROOT, override="Editors are away"))
    here, _ = told(overridden, of_item(2))
    [line] = [one for one in wanted(here, {}) if one.key.startswith("override:")]
    assert line.key == "override:gate-1:0"
    assert "Editors are away" in line.rendering.text


def test_cards_that_stood_before_gates_shared_one_stay_what_they_are() -> None:
    items = [of_item(1), of_item(2), of_item(3)]
    here, _ = told(*items)
    digests = gathered([(one.key, one.gate) for one in items], own={"gate-1"})
    here = replace(here, digests=digests)
    keys_ = [one.key for one in wanted(here, {}) if one.key.startswith(("gate:", "digest:"))]
    assert keys_ == ["gate:gate-1", "digest:gate-2"]


def test_gates_that_are_still_gathered_are_wanted_only_at_their_time() -> None:
    here, digest = told(of_item(1), of_item(2))
    block = Step("checks", status=StepStatus.RUNNING, fan=Fan(Content([]), 3, 2))
    here = replace(here, run=replace(here.run, steps={**here.run.steps, "checks": block}))
    early, late = (wanted(here, {}, now=at) for at in (digest.until - 1, digest.until))
    assert [one.key for one in early if "gate-1" in one.key] == []
    assert [one.key for one in late if "gate-1" in one.key] == ["digest:gate-1"]
    assert next_post_at(here, {}, digest.until - 1) == digest.until
    assert next_post_at(here, {}, digest.until) is None
    standing = {"digest:gate-1": Anchor("digest:gate-1", here.run.id, "C0CONTENT", ts="1.1", state="posted")}
    assert [one.key for one in wanted(here, standing, now=digest.until - 1) if "gate-1" in one.key] == ["digest:gate-1"]
