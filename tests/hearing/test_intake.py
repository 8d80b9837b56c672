"""What Slack delivers, as receipts: one key a gesture, and nothing kept that is not used."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.attached import Attached
from bot.intake import (
    Chosen,
    Clicked,
    Invited,
    Message,
    OpenedHome,
    Ourselves,
    Posted,
    Said,
    Submitted,
    heard,
    receipt,
)

US = Ourselves(app_id="A0POINTSMAN", bot_user_id="U0BOT", bot_id="B0BOT")
NOW = 1_700_000_000_000

COMMAND = {
    "token": "verification-secret",
    "team_id": "T0MEADOW",
    "team_domain": "meadow-press",
    "channel_id": "C0GENERAL",
    "channel_name": "general",
    "user_id": "U0MINA",
    "user_name": "mina",
    "command": "/flow",
    "text": "run publish_post topic=x",
    "api_app_id": "A0POINTSMAN",
    "response_url": "https://hooks.slack.example/commands/1",
    "trigger_id": "11.22.33",
}


def event(kind="app_mention", *, event_id="Ev1", **fields):
    said = {
        "type": kind,
        "user": "U0MINA",
        "text": "<@U0BOT> status",
        "ts": "1700.0001",
        "channel": "C0GENERAL",
        "client_msg_id": "cmid-1",
        **fields,
    }
    return {"token": "verification-secret", "type": "event_callback", "event_id": event_id, "team_id": "T0MEADOW",
            "api_app_id": "A0POINTSMAN", "event": said}  # fmt: skip


def click(**changes):
    body = {
        "type": "block_actions",
        "user": {"id": "U0RAVI", "username": "ravi", "team_id": "T0MEADOW"},
        "api_app_id": "A0POINTSMAN",
        "token": "verification-secret",
        "container": {"type": "message", "message_ts": "1700.5", "channel_id": "C0CONTENT", "is_ephemeral": False},
        "trigger_id": "99.1.2",
        "team": {"id": "T0MEADOW", "domain": "meadow-press"},
        "channel": {"id": "C0CONTENT", "name": "content"},
        "message": {"text": "a very long card", "thread_ts": "1700.4", "ts": "1700.5"},
        "response_url": "https://hooks.slack.example/actions/1",
        "actions": [{"action_id": "gate_approve", "block_id": "b1", "value": "gate-1", "action_ts": "1700.9"}],
    }
    return body | changes


def submission(**changes):
    view = {
        "id": "V1",
        "hash": "h1",
        "type": "modal",
        "callback_id": "gate_reject",
        "private_metadata": "gate-1",
        "state": {
            "values": {
                "reason": {"reason": {"type": "plain_text_input", "value": "no source"}},
                "other": {"pick": {"type": "static_select", "selected_option": None}},
            }
        },
    }
    return {"type": "view_submission", "user": {"id": "U0RAVI"}, "api_app_id": "A0POINTSMAN", "view": view} | changes


def hear(body):
    found = receipt(body, US, NOW)
    return None if found is None else heard(found)


def key(body):
    return receipt(body, US, NOW).key


def test_a_command_is_heard_with_what_an_answer_needs():
    assert hear(COMMAND) == Said(
        surface="slash",
        text="run publish_post topic=x",
        user="U0MINA",
        channel="C0GENERAL",
        trigger_id="11.22.33",
        response_url="https://hooks.slack.example/commands/1",
    )


def test_a_mention_is_heard_without_the_mention():
    assert hear(event(text="hey <@U0BOT>, status R-7K2", thread_ts="1699.0")) == Said(
        surface="mention",
        text="hey status R-7K2",
        user="U0MINA",
        channel="C0GENERAL",
        ts="1700.0001",
        thread_ts="1699.0",
    )
    assert hear(event(text="<@U0BOT|flow> ask <@U0ADA>")).text == "ask <@U0ADA>"


def test_a_root_message_is_not_in_a_thread():
    assert hear(event(thread_ts="1700.0001")).thread_ts == ""


def test_a_direct_message_is_heard_bare():
    heard_dm = hear(event("message", channel_type="im", channel="D0MINA", text="status"))
    assert (heard_dm.surface, heard_dm.text, heard_dm.channel) == ("dm", "status", "D0MINA")


def test_a_click_carries_where_it_was_made():
    assert hear(click()) == Clicked(
        action_id="gate_approve",
        value="gate-1",
        user="U0RAVI",
        container="message",
        channel="C0CONTENT",
        message_ts="1700.5",
        thread_ts="1700.4",
        trigger_id="99.1.2",
        response_url="https://hooks.slack.example/actions/1",
    )


def test_a_click_on_home_and_in_a_whisper_are_told_apart():
    home = click(container={"type": "view", "view_id": "V9"}, view={"id": "V9", "type": "home"})
    whisper = click(container={"type": "message", "message_ts": "1", "channel_id": "C1", "is_ephemeral": True})
    assert hear(home).container == "home"
    assert hear(whisper).container == "ephemeral"


def test_a_submission_keeps_only_what_was_typed():
    assert hear(submission()) == Submitted("gate_reject", "gate-1", {"reason": "no source"}, "U0RAVI")


def test_looking_at_home_is_heard_and_looking_at_the_messages_tab_is_not():
    assert hear(event("app_home_opened", tab="home")) == OpenedHome("U0MINA")
    assert hear(event("app_home_opened", tab="messages")) is None


def test_an_invitation_of_ours_is_heard_once():
    joined = event("member_joined_channel", user="U0BOT", channel="C0LEGAL", inviter="U0NORA")
    assert hear(joined) == Invited("C0LEGAL", "U0NORA")
    assert receipt(joined, US, NOW).key == "event:Ev1"


@pytest.mark.parametrize(
    "body",
    [
        event(user="U0BOT"),
        event(user="USLACKBOT"),
        event(bot_id="B0OTHER"),
        event(user=None),
        event("message", channel_type="im", subtype="message_changed"),
        event("message", channel_type="im", subtype="bot_message"),
        event("message", channel_type="im", hidden=True),
        event("message", channel_type="channel"),
        event("member_joined_channel", user="U0SOMEBODY", channel="C0LEGAL"),
        {"type": "view_closed", "view": {"id": "V1"}, "user": {"id": "U0RAVI"}},
        {"type": "block_suggestion", "user": {"id": "U0RAVI"}},
        {"type": "block_actions", "user": {"id": "U0RAVI"}, "actions": []},
        COMMAND | {"api_app_id": "A0OTHER"},
        click(api_app_id="A0OTHER"),
        {},
    ],
)
def test_what_is_not_for_us_leaves_no_receipt(body):
    assert receipt(body, US, NOW) is None


def test_words_with_a_file_are_words():
    assert hear(event("message", channel_type="im", subtype="file_share", text="status")).text == "status"


def test_a_mention_and_the_message_beside_it_are_one():
    mention = event("app_mention", event_id="Ev1", channel="D0MINA")
    message = event("message", event_id="Ev2", channel="D0MINA", channel_type="im")
    assert key(mention) == key(message)


def test_a_retry_of_an_event_is_the_same_one_and_another_message_is_not():
    assert key(event(event_id="Ev1")) == key(event(event_id="Ev1"))
    assert key(event(ts="1", client_msg_id="a")) != key(event(ts="2", client_msg_id="b"))
    assert key(event(ts="1", client_msg_id=None)) != key(event(ts="2", client_msg_id=None))


def test_one_message_told_under_two_team_ids_is_one():
    assert key(event()) == key(event() | {"team_id": "T0OTHER", "event_id": "Ev7"})


def test_a_second_click_is_another_click():
    again = click(actions=[{"action_id": "gate_approve", "block_id": "b1", "value": "gate-1", "action_ts": "1701.0"}])
    other_person = click(user={"id": "U0ADA"})
    assert len({key(click()), key(again), key(other_person)}) == 3
    assert key(click()) == key(click(trigger_id="another"))


def test_a_submission_is_one_by_view_and_hash():
    changed = deepcopy(submission())
    changed["view"]["hash"] = "h2"
    assert key(submission()) == key(submission(trigger_id="another"))
    assert key(submission()) != key(changed)


@pytest.mark.parametrize("body", [COMMAND, event(), click(), submission()])
def test_secrets_and_names_that_nobody_needs_are_dropped(body):
    kept = json.dumps(receipt(body, US, NOW).payload)
    for unneeded in ("verification-secret", "meadow-press", "a very long card", "username"):
        assert unneeded not in kept


@given(st.text(), st.sampled_from(["slash", "mention", "dm"]))
def test_words_come_back_from_the_receipt_as_they_were(text, surface):
    bodies = {
        "slash": COMMAND | {"text": text},
        "mention": event(text=text),
        "dm": event("message", channel_type="im", text=text),
    }
    found = receipt(bodies[surface], US, NOW)
    stored = json.loads(json.dumps(found.payload))
    assert heard(type(found)(found.key, found.kind, stored, found.received_at)).text == heard(found).text


def test_half_a_surrogate_pair_does_not_lose_the_words():
    assert hear(COMMAND | {"text": "run \ud83d x"}).text == "run ? x"


def posted(**fields):
    return event("message", **{"channel_type": "channel", "channel": "C0IDEAS", "text": "idea: rivers", **fields})


def test_words_in_a_channel_are_heard_with_what_a_workflow_may_use_of_them():
    files = [{"id": "F0A", "name": "a.txt", "size": 7, "url_private": "https://files.example/secret"}]
    found = hear(posted(thread_ts="1699.0", subtype="file_share", files=files))
    assert found == Posted(
        Message("C0IDEAS", "1700.0001", "idea: rivers", "U0MINA", "1699.0", (Attached("F0A", "a.txt", 7),)), "U0MINA"
    )
    assert hear(event("message", channel_type="group", channel="C0HIDDEN")) is None  # it mentions us
    assert hear(posted(channel_type="group")).message.channel == "C0IDEAS"


@pytest.mark.parametrize(
    "fields",
    [
        {"subtype": "message_changed", "hidden": True},
        {"subtype": "message_deleted"},
        {"subtype": "channel_join"},
        {"subtype": "bot_message", "bot_id": "B0OTHER"},
        {"bot_id": "B0BOT", "user": "U0BOT"},
        {"user": "U0BOT"},
        {"user": "USLACKBOT"},
        {"user": None},
        {"text": "hi <@U0BOT|flow>, run it"},
        {"channel_type": "mpim"},
    ],
    ids=str,
)
def test_of_what_is_said_in_channels_only_the_words_of_people_to_each_other_are_heard(fields):
    assert hear(posted(**fields)) is None


def test_copies_of_a_message_have_one_key_and_another_message_another():
    one = key(posted())
    assert one == key(posted(event_id="Ev2")) == key(posted(ts="1700.0002"))
    assert one != key(posted(client_msg_id="cmid-2"))
    assert key(posted(client_msg_id=None)) == "posted:C0IDEAS:1700.0001"
    assert one != key(event(channel="C0IDEAS"))  # a mention is heard for itself


def shortcut(**fields):
    return {
        "type": "shortcut",
        "token": "verification-secret",
        "action_ts": "1700.9",
        "team": {"id": "T0MEADOW", "domain": "meadow-press"},
        "user": {"id": "U0MINA", "username": "mina", "team_id": "T0MEADOW"},
        "is_enterprise_install": False,
        "enterprise": None,
        "callback_id": "start_workflow",
        "trigger_id": "77.1.2",
        **fields,
    }


def test_a_shortcut_is_heard_with_the_message_that_it_is_about():
    assert hear(shortcut()) == Chosen("start_workflow", "U0MINA", "77.1.2")
    assert key(shortcut()) == "shortcut:77.1.2"
    about = shortcut(
        type="message_action",
        callback_id="start_on_message",
        channel={"id": "C0CONTENT", "name": "content"},
        message_ts="1700.5",
        message={"type": "message", "user": "U0RAVI", "ts": "1700.5", "text": "look", "blocks": [], "files": None},
        response_url="https://hooks.slack.example/actions/2",
    )
    message = Message("C0CONTENT", "1700.5", "look", "U0RAVI")
    assert hear(about) == Chosen(
        "start_on_message", "U0MINA", "77.1.2", "https://hooks.slack.example/actions/2", message
    )
    by_an_app = shortcut(message={"ts": "1700.6", "bot_id": "B1", "text": "Build failed"}, channel={"id": "C1"})
    assert hear(by_an_app).message == Message("C1", "1700.6", "Build failed")
