"""What people type is written down as Slack writes it."""

import random

import pytest

from bot.sandbox import entering, speech
from bot.sandbox.feed import Feed
from bot.sandbox.limits import Limits
from bot.sandbox.people import default_workspace
from bot.sandbox.workspace import Workspace
from tests.support.hand_clock import HandClock


@pytest.fixture
def workspace(clock: HandClock) -> Workspace:
    return Workspace(default_workspace(), clock, Feed(), random.Random(1))


TYPED = {
    "a person": ("@ada", "<@U0ADA>", "<@U0ADA|ada>"),
    "a group with a dash": ("@content-leads", "<!subteam^S0LEADS>", "<!subteam^S0LEADS|@content-leads>"),
    "a channel": ("in #content-alerts.", "in <#C0CALERTS|content-alerts>.", "in <#C0CALERTS|content-alerts>."),
    "everyone here": ("@here look", "<!here> look", "<!here> look"),
    "somebody unknown": ("@nobody and #nowhere", "@nobody and #nowhere", "@nobody and #nowhere"),
    "an address": ("mail ada@meadow.example", "mail ada@meadow.example", "mail ada@meadow.example"),
    "a link": ("url=https://a.example/x?a=1&b=2.", "url=<https://a.example/x?a=1&amp;b=2>.", None),
    "signs": ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2", "1 &lt; 2 &amp; 3 &gt; 2"),
    "what a client wrote already": ("a &amp; b <@U0RAVI>", "a &amp; b <@U0RAVI>", "a &amp; b <@U0RAVI>"),
    "a forged broadcast in angle brackets": ("< !channel>", "&lt; !channel&gt;", None),
}


@pytest.mark.parametrize(("typed", "message", "command"), TYPED.values(), ids=TYPED)
def test_typed_text_is_written_with_ids(workspace: Workspace, typed: str, message: str, command: str | None) -> None:
    assert speech.message_text(workspace, typed) == message
    assert speech.command_text(workspace, typed, escape=True) == (command or message)
    assert speech.command_text(workspace, typed, escape=False) == typed


def test_written_text_becomes_rich_text() -> None:
    section = speech.rich_section("a &amp; <@U0ADA> in <#C0CONTENT|content> <https://a.example|there> <!here>")
    assert [{name: value for name, value in one.items() if name != "type"} for one in section["elements"]] == [
        {"text": "a & "},
        {"user_id": "U0ADA"},
        {"text": " in "},
        {"channel_id": "C0CONTENT"},
        {"text": " "},
        {"url": "https://a.example", "text": "there"},
        {"text": " "},
        {"range": "here"},
    ]


def field(element: dict, value: object, name: str = "value", **more: object) -> dict:
    element = {"action_id": "a", **element}
    state = {"type": element["type"], name: value}
    block = {"type": "input", "block_id": "b", "element": element, **more}
    return {"blocks": [block], "state": {"values": {"b": {"a": state}}}}


COMPLAINTS = {
    "too short": (field({"type": "plain_text_input", "min_length": 3}, "ab"), "Please enter at least 3 characters."),
    "too long": (field({"type": "plain_text_input", "max_length": 3}, "abcd"), "Please enter at most 3 characters."),
    "no number": (field({"type": "number_input"}, "three"), "Please enter a number."),
    "a decimal": (field({"type": "number_input"}, "1.5"), "Please enter a whole number."),
    "too much": (field({"type": "number_input", "max_value": "9"}, "10"), "Please enter 9 or less."),
    "no address": (field({"type": "email_text_input"}, "ada"), "Please enter a valid email address."),
    "no link": (field({"type": "url_text_input"}, "ada"), "Please enter a valid URL."),
    "too many": (
        field({"type": "multi_users_select", "max_selected_items": 1}, ["U1", "U2"], "selected_users"),
        "Please choose at most 1.",
    ),
}


@pytest.mark.parametrize(("view", "complaint"), COMPLAINTS.values(), ids=COMPLAINTS)
def test_the_client_complains_before_it_sends(view: dict, complaint: str) -> None:
    assert entering.complaints(view) == {"b": complaint}


def test_an_optional_field_may_stay_empty() -> None:
    assert entering.complaints(field({"type": "plain_text_input"}, None, optional=True)) == {}


def test_a_bucket_fills_up_to_its_burst_and_not_above(clock: HandClock) -> None:
    limits = Limits(clock)
    clock.move(minutes=60)
    assert [limits.post("C1") for _ in range(6)] == [0, 0, 0, 0, 0, 1]
    clock.move(minutes=60)
    assert [limits.post("C1") for _ in range(6)] == [0, 0, 0, 0, 0, 1]


def test_unread_messages_are_those_of_others_since_the_last_look(workspace: Workspace) -> None:
    for user in ("U0ADA", "U0RAVI", "U0RAVI"):
        workspace.post("C0GENERAL", {"user": user, "ts": workspace.mint_ts(), "text": "x"})
    assert workspace.unread("U0ADA", "C0GENERAL") == 2
    workspace.mark_read("U0ADA", "C0GENERAL")
    assert workspace.unread("U0ADA", "C0GENERAL") == 0
