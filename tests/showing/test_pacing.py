"""We speak as fast as Slack allows, and no faster."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.pacing import EDIT_SPACING_MS, Pacing

AT = 1_700_000_000_000
MINUTE = 60_000


def edits(pacing: Pacing, keys: list[str], *, final: bool = False) -> list[int]:
    """The moments at which these edits go out when each goes as early as it may."""
    now, moments = AT, []
    for key in keys:
        now = pacing.update_at(key, now, final=final)
        pacing.updated(key, now)
        moments.append(now)
    return moments


def most_in(window_ms: int, moments: list[int]) -> int:
    return max(sum(start <= at < start + window_ms for at in moments) for start in moments)


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=150), st.booleans())
def test_no_minute_holds_more_than_fifty_edits(keys: list[str], final: bool) -> None:
    assert most_in(MINUTE, edits(Pacing(), keys, final=final)) <= 50


@given(st.lists(st.sampled_from("ab"), min_size=2, max_size=40))
def test_one_message_is_edited_every_three_seconds_at_most(keys: list[str]) -> None:
    moments = edits(Pacing(), keys)
    for key in "ab":
        own = [at for at, one in zip(moments, keys, strict=True) if one == key]
        assert all(later - earlier >= EDIT_SPACING_MS for earlier, later in pairwise(own))


def test_nearly_all_that_is_allowed_is_used() -> None:
    moments = edits(Pacing(), [f"m{n}" for n in range(100)])
    assert most_in(MINUTE, moments) >= 45


def test_what_is_final_needs_not_wait_for_the_three_seconds() -> None:
    pacing = Pacing()
    pacing.updated("a", AT)
    assert pacing.update_at("a", AT + 1, final=True) == AT + 1
    assert pacing.update_at("a", AT + 1, final=False) == AT + EDIT_SPACING_MS


def test_something_is_kept_back_for_what_is_final() -> None:
    pacing = Pacing()
    while pacing.update_at("x", AT, final=False) == AT:
        pacing.updated(f"{id(object())}", AT)
    assert pacing.update_at("end", AT, final=True) == AT


@given(st.lists(st.sampled_from(["C1", "C2", "C3"]), min_size=1, max_size=120))
def test_a_channel_gets_a_message_a_second_after_a_small_burst(channels: list[str]) -> None:
    pacing, now, moments = Pacing(), AT, []
    for channel in channels:
        now = pacing.post_at(channel, now)
        pacing.posted(channel, now)
        moments.append((channel, now))
    for channel in set(channels):
        own = [at for one, at in moments if one == channel]
        assert most_in(10_000, own) <= 10 + 3


def test_a_pause_for_one_channel_is_none_for_another() -> None:
    pacing = Pacing()
    pacing.hold("chat.postMessage", "C1", AT + 30_000)
    assert pacing.post_at("C1", AT) == AT + 30_000
    assert pacing.post_at("C2", AT) == AT
    pacing.hold("chat.update", "C1", AT + 30_000)
    assert pacing.update_at("a", AT, final=True) == AT + 30_000


def test_a_longer_pause_is_not_shortened_by_a_later_one() -> None:
    pacing = Pacing()
    pacing.hold("chat.update", "", AT + 30_000)
    pacing.hold("chat.update", "", AT + 1_000)
    assert pacing.held_until("chat.update", AT) == AT + 30_000


def test_a_clock_that_goes_back_stops_nothing() -> None:
    pacing = Pacing()
    pacing.updated("a", AT)
    assert pacing.update_at("b", AT - 3_600_000, final=True) <= AT
