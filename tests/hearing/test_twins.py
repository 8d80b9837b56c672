"""A missing subscription is noticed by mentions that come without their message."""

import pytest

from bot.capabilities import Capabilities
from bot.twins import NAME, PATIENCE_MS, PENDING_MAX, Twins


@pytest.fixture
def known():
    return Capabilities()


@pytest.fixture
def twins(known):
    return Twins(known, lambda channel: channel == "C0IDEAS")


def mention(ts, channel="C0IDEAS"):
    return {"event": {"type": "app_mention", "channel": channel, "ts": ts}}


def message(ts, channel="C0IDEAS", kind="channel"):
    return {"event": {"type": "message", "channel": channel, "ts": ts, "channel_type": kind}}


def test_a_mention_whose_message_never_came_is_told_at_the_next_one(known, twins):
    twins.note(mention("1"), 0)
    twins.note(mention("2"), PATIENCE_MS)
    assert not known.lacks(NAME)
    twins.note(mention("3"), PATIENCE_MS + 1)
    (lack,) = known.all()
    assert (lack.name, lack.code) == (NAME, "not_subscribed")
    assert "message.channels" in lack.consequence


@pytest.mark.parametrize("kind", ["channel", "group"])
def test_any_message_of_a_channel_shows_that_all_is_well(known, twins, kind):
    twins.note(mention("1"), 0)
    twins.note(message("1", kind=kind), 10)
    twins.note(mention("2"), PATIENCE_MS * 2)
    assert not known.lacks(NAME)


def test_what_was_noted_is_taken_back_when_messages_come_after_all(known, twins):
    twins.note(mention("1"), 0)
    twins.note(mention("2"), PATIENCE_MS + 1)
    twins.note(message("3"), PATIENCE_MS + 2)
    assert not known.lacks(NAME)


def test_direct_messages_and_channels_that_nobody_listens_to_say_nothing(known, twins):
    twins.note(mention("1", "C0OTHER"), 0)
    twins.note(mention("2", "C0OTHER"), PATIENCE_MS * 2)
    twins.note(mention("3"), 0)
    twins.note(message("4", "D0MINA", "im"), 1)
    twins.note(mention("5"), PATIENCE_MS * 2)
    assert known.lacks(NAME)


def test_a_flood_of_mentions_is_not_kept(known, twins):
    for n in range(PENDING_MAX * 3):
        twins.note(mention(str(n)), 0)
    assert len(twins._alone) == PENDING_MAX
    twins.note({"type": "block_actions"}, 1)
    twins.note({}, 1)
