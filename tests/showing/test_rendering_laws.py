"""Whatever state a run is in and whatever was written into it, its messages are taken by Slack and harm nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.message import Message, metadata
from bot.said import sayings
from bot.sandbox.blocks import metadata_problems, problems
from bot.views.alert import failure_alert, recovered_alert, unknown_notice
from bot.views.gate_card import gate_card
from bot.views.gate_lines import escalated_line, overdue_line, reminder_line
from bot.views.markup import bold, clip, code, date, escape, link, one_line, quote, width
from bot.views.outcome import outcome, reopened
from bot.views.run_message import folded, run_message
from bot.views.scene import Rendering, Scene
from bot.views.simple import simplified
from bot.views.step_card import step_cards
from bot.wanted import wanted
from store.anchors import Anchor
from store.model import RunStatus
from tests.support.strange_runs import HOSTILE, odd_scene, seeds, texts

TOKEN = re.compile(r"<([^>]*)>")
OURS = re.compile(
    r"@U0(MINA|RAVI|ADA|LENA)|!subteam\^S0(EDITORS|LEADS)|#C0CONTENT"
    r"|!date\^\d+\^\u200b\{date_short_pretty\} at \{time\}\|[^<>]*"
)


def renderings(scene: Scene) -> Iterator[Rendering]:
    yield run_message(scene)
    yield failure_alert(scene)
    for ending in scene.past.endings:
        yield reopened(scene, ending)
        yield recovered_alert(scene, ending)
    for one in sayings(scene):
        yield one.rendering
    for key, step in scene.run.steps.items():
        if step.gate is not None:
            yield gate_card(scene, key, step.gate)
            yield overdue_line(scene, key, step.gate)
            yield reminder_line(scene, key, step.gate)
            yield escalated_line(scene, key, step.gate)
        yield unknown_notice(scene, key, None)
    if scene.run.status.finished:
        yield outcome(scene)


def marked_up(value: Any) -> Iterator[str]:
    """Every text in which Slack reads markup."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
            return
        for part in value.values():
            yield from marked_up(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from marked_up(part)


def assert_harmless(markup: str) -> None:
    for token in TOKEN.findall(markup):
        assert OURS.fullmatch(token) or token.startswith("https://"), markup
        assert "evil" not in token.partition("|")[0].casefold()


@given(seeds)
def test_slack_takes_every_message_of_every_run(seed: int) -> None:
    scene = odd_scene(seed)
    for shown in renderings(scene):
        for blocks in (shown.blocks, simplified(shown.blocks)):
            assert problems(list(blocks), "message") == []
            assert len(json.dumps(blocks)) < 100_000
        assert 0 < width(shown.text) <= 4_000


@given(seeds)
def test_nothing_that_was_written_into_a_run_mentions_or_links(seed: int) -> None:
    scene = odd_scene(seed)
    for shown in renderings(scene):
        assert_harmless(shown.text)
        for markup in (*marked_up(shown.blocks), *marked_up(simplified(shown.blocks))):
            assert_harmless(markup)


@given(seeds, st.data())
def test_what_is_wanted_is_unique_ordered_and_without_surprises(seed: int, data: st.DataObject) -> None:
    scene = odd_scene(seed)
    messages = wanted(scene, {})
    keys = [message.key for message in messages]
    assert len(set(keys)) == len(keys)
    assert all(not one.under or one.under in keys for one in messages), keys
    for above, below in ((a, b) for a in messages for b in messages if b.under == a.key):
        assert above.priority <= below.priority
        assert above.order < below.order
    kept = data.draw(st.sets(st.sampled_from(keys))) if keys else set()
    standing = {one.key: _posted(one) for one in messages if one.key in kept}
    again = {one.key: one for one in wanted(scene, standing)}
    for message in messages:
        assert metadata_problems(metadata(message, 1)) == []
        if message.key in again:
            assert again[message.key].shown == message.shown


def _posted(message: Message) -> Anchor:
    channel = message.channel or "C0CONTENT"
    return Anchor(message.key, message.run_id, channel, ts="1.1", state="posted", shown=message.shown)


@given(seeds)
def test_a_run_that_is_never_shown_says_only_what_its_alert_channel_asked_for(seed: int) -> None:
    scene = odd_scene(seed)
    if scene.workflow.show != "never":
        return
    for message in wanted(scene, {}):
        if message.key.startswith("say:"):
            continue  # its author says it on purpose
        assert message.key.startswith("alert:")
        assert scene.workflow.alerts_failed


@given(seeds)
def test_a_rejected_run_raises_no_failure_alert(seed: int) -> None:
    scene = odd_scene(seed)
    keys = [message.key for message in wanted(scene, {})]
    if RunStatus.FAILED not in (scene.run.outcome, scene.run.status):
        assert not [key for key in keys if key.endswith(":failed")]


@given(seeds)
def test_a_folded_list_keeps_what_is_under_way(seed: int) -> None:
    scene = odd_scene(seed)
    cards = step_cards(scene)
    shown = folded(cards, most=10)
    assert len(shown) <= 10
    if len(cards) <= 10:
        assert shown == cards
    under_way = [card for card in cards if card["status"] in ("error", "in_progress")]
    for card in under_way[:8]:
        assert card in shown


# Markup -----------------------------------------------------------------------------------------------------------


@given(texts, st.integers(1, 200))
def test_clipped_text_fits_and_is_a_beginning(text: str, limit: int) -> None:
    cut = clip(text, limit)
    assert width(cut) <= limit
    assert cut == text or text.startswith(cut.removesuffix("…"))


@given(texts, st.integers(8, 200))
def test_escaped_text_is_never_cut_through_an_entity(text: str, limit: int) -> None:
    cut = escape(text, limit)
    assert width(cut) <= limit
    assert re.sub(r"&(amp|lt|gt);", "", cut).count("&") == 0


@given(texts)
def test_raw_text_in_any_form_of_markup_is_harmless(text: str) -> None:
    for markup in (escape(text), bold(text), code(text), quote(text), link(text), link("javascript:x", text)):
        assert_harmless(markup)
    assert_harmless(date(1_763_800_000_000, text))


@given(texts)
def test_nothing_ends_the_bold_or_the_code_early(text: str) -> None:
    assert bold(text).count("*") == 2
    assert code(text).count("`") == 2
    assert "\n" not in one_line(text)


def test_hidden_and_reordering_characters_are_seen() -> None:
    assert "\u202e" not in escape(HOSTILE[6])
    assert escape("a\u202eb") == "a\ufffdb"
