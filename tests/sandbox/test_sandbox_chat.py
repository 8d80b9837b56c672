"""What the app says: posting, updating, deleting, threads, metadata, and what Slack refuses."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import Sandbox
from tests.support.hand_clock import HandClock

pytestmark = pytest.mark.anyio

SECTION = {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "hello"}}
RICH = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "hello"}]}],
}
KEY = {"event_type": "run", "event_payload": {"k": "R-7K2"}}


async def refusal(call) -> SlackApiError:
    with pytest.raises(SlackApiError) as raised:
        await call
    return raised.value


async def code(call) -> str:
    return (await refusal(call)).response["error"]


async def test_a_posted_message_comes_back_as_slack_stores_it(client: AsyncWebClient, sandbox: Sandbox) -> None:
    answer = await client.chat_postMessage(channel="C0GENERAL", text="hi", blocks=[SECTION])
    message = answer["message"]
    assert (answer["channel"], answer["ts"]) == ("C0GENERAL", message["ts"])
    assert (message["bot_id"], message["app_id"], message["user"]) == ("B0BOT", "A0POINTSMAN", "U0BOT")
    assert message["blocks"] == [
        {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": "hello", "verbatim": False}}
    ]
    assert sandbox.workspace.messages("#general") == [message]


async def test_blocks_may_come_as_a_json_string_in_a_form(client: AsyncWebClient) -> None:
    form = {"channel": "C0GENERAL", "text": "x", "blocks": '[{"type": "divider"}]'}
    answer = await client.api_call("chat.postMessage", data=form)
    assert [one["type"] for one in answer["message"]["blocks"]] == ["divider"]
    assert len(answer["message"]["blocks"][0]["block_id"]) == 5


async def test_every_ts_is_new_and_later_though_the_clock_stands_still(
    client: AsyncWebClient, sandbox: Sandbox
) -> None:
    sandbox.limits.enabled = False
    posted = [(await client.chat_postMessage(channel="C0GENERAL", text=str(n)))["ts"] for n in range(10)]
    assert posted == sorted(set(posted))


async def test_a_channel_may_be_named_and_a_person_stands_for_the_direct_message(client: AsyncWebClient) -> None:
    assert (await client.chat_postMessage(channel="#content", text="x"))["channel"] == "C0CONTENT"
    assert (await client.chat_postMessage(channel="U0ADA", text="x"))["channel"] == "D0ADA"


async def test_nonsense_is_refused_in_slacks_words(client: AsyncWebClient, sandbox: Sandbox) -> None:
    sandbox.workspace.change_channel("#support", is_archived=True)
    assert await code(client.chat_postMessage(channel="C0NOWHERE", text="x")) == "channel_not_found"
    assert await code(client.chat_postMessage(channel="C0LEGAL", text="x")) == "channel_not_found"
    assert await code(client.chat_postMessage(channel="C0SUPPORT", text="x")) == "is_archived"
    assert await code(client.api_call("chat.postMessage", json={"channel": "C0GENERAL", "text": ""})) == "no_text"
    assert await code(client.api_call("chat.postMessage", json={"text": "x"})) == "invalid_arguments"
    bad = {"channel": "C0GENERAL", "text": "x", "blocks": "[{"}
    assert await code(client.api_call("chat.postMessage", data=bad)) == "invalid_blocks_format"


async def test_invalid_blocks_name_the_pointer(client: AsyncWebClient, sandbox: Sandbox) -> None:
    empty = {"type": "section", "text": {"type": "mrkdwn", "text": ""}}
    error = await refusal(client.chat_postMessage(channel="C0GENERAL", text="x", blocks=[SECTION, empty]))
    assert error.response["error"] == "invalid_blocks"
    assert error.response["response_metadata"]["messages"] == [
        "[ERROR] must be more than 0 characters [json-pointer:/blocks/1/text/text]"
    ]
    assert sandbox.workspace.messages("#general") == []


async def test_posting_without_membership_needs_its_own_scope(client: AsyncWebClient, sandbox: Sandbox) -> None:
    assert (await client.chat_postMessage(channel="C0RANDOM", text="x"))["ok"]
    assert await code(client.chat_postEphemeral(channel="C0RANDOM", user="U0ADA", text="x")) == "not_in_channel"
    assert await code(client.conversations_history(channel="C0RANDOM")) == "not_in_channel"


async def test_a_long_text_arrives_in_pieces_and_blocks_keep_it_whole(client: AsyncWebClient, sandbox: Sandbox) -> None:
    await client.chat_postMessage(channel="C0GENERAL", text="x" * 4_040)
    await client.chat_postMessage(channel="C0GENERAL", text="y" * 4_041)
    await client.chat_postMessage(channel="C0GENERAL", text="z" * 4_041, blocks=[SECTION])
    lengths = [len(one["text"]) for one in sandbox.workspace.messages("#general")]
    assert lengths == [4_040, 4_000, 41, 4_041]


async def test_a_thread_counts_its_replies_and_stays_out_of_the_channel(
    client: AsyncWebClient, sandbox: Sandbox
) -> None:
    root = (await client.chat_postMessage(channel="C0GENERAL", text="root"))["ts"]
    await sandbox.act_as("ada").say("#general", "one", thread_ts=root)
    last = (await client.chat_postMessage(channel="C0GENERAL", text="two", thread_ts=root))["ts"]
    history = (await client.conversations_history(channel="C0GENERAL"))["messages"]
    assert [one["text"] for one in history] == ["root"]
    assert (history[0]["reply_count"], history[0]["latest_reply"]) == (2, last)
    assert history[0]["reply_users"] == ["U0ADA", "U0BOT"]
    replies = (await client.conversations_replies(channel="C0GENERAL", ts=root))["messages"]
    assert [one["text"] for one in replies] == ["root", "one", "two"]


async def test_a_broadcast_reply_stands_in_the_channel_too(client: AsyncWebClient) -> None:
    root = (await client.chat_postMessage(channel="C0GENERAL", text="root"))["ts"]
    await client.chat_postMessage(channel="C0GENERAL", text="loud", thread_ts=root, reply_broadcast=True)
    history = (await client.conversations_history(channel="C0GENERAL"))["messages"]
    assert [one["text"] for one in history] == ["loud", "root"]


async def test_only_roots_can_be_answered(client: AsyncWebClient) -> None:
    root = (await client.chat_postMessage(channel="C0GENERAL", text="root"))["ts"]
    reply = (await client.chat_postMessage(channel="C0GENERAL", text="x", thread_ts=root))["ts"]
    post = client.chat_postMessage
    assert await code(post(channel="C0GENERAL", text="x", thread_ts="1.000001")) == "thread_not_found"
    assert await code(post(channel="C0GENERAL", text="x", thread_ts=reply)) == "cannot_reply_to_message"


async def test_metadata_is_hidden_unless_asked_for(client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0GENERAL", text="x", metadata=KEY)
    plain = (await client.conversations_history(channel="C0GENERAL"))["messages"][0]
    full = (await client.conversations_history(channel="C0GENERAL", include_all_metadata=True))["messages"][0]
    assert "metadata" not in plain
    assert full["metadata"] == KEY


async def test_an_update_keeps_metadata_unless_it_is_given(client: AsyncWebClient, sandbox: Sandbox) -> None:
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="x", metadata=KEY))["ts"]
    await client.chat_update(channel="C0GENERAL", ts=ts, text="y")
    assert sandbox.workspace.messages("#general")[0]["metadata"] == KEY
    await client.chat_update(channel="C0GENERAL", ts=ts, text="y", metadata={})
    assert "metadata" not in sandbox.workspace.messages("#general")[0]


async def test_metadata_that_is_malformed_or_large_is_refused(client: AsyncWebClient) -> None:
    post = client.chat_postMessage
    large = {"event_type": "run", "event_payload": {"k": "x" * 9_000}}
    assert await code(post(channel="C0GENERAL", text="x", metadata={"k": 1})) == "invalid_metadata_format"
    assert await code(post(channel="C0GENERAL", text="x", metadata=large)) == "metadata_too_large"


async def test_only_a_text_update_leaves_an_edited_mark(client: AsyncWebClient, sandbox: Sandbox) -> None:
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="x", blocks=[SECTION]))["ts"]
    await client.chat_update(channel="C0GENERAL", ts=ts, text="y", blocks=[SECTION])
    assert "edited" not in sandbox.workspace.messages("#general")[0]
    await client.chat_update(channel="C0GENERAL", ts=ts, text="z")
    message = sandbox.workspace.messages("#general")[0]
    assert message["edited"]["user"] == "U0BOT"
    assert "blocks" not in message


async def test_an_update_is_refused_when_slack_refuses_it(
    client: AsyncWebClient, sandbox: Sandbox, clock: HandClock
) -> None:
    own = (await client.chat_postMessage(channel="C0GENERAL", text="x"))["ts"]
    rich = (await client.chat_postMessage(channel="C0GENERAL", text="x", blocks=[RICH]))["ts"]
    theirs = (await sandbox.act_as("ada").say("#general", "mine"))["ts"]
    update = client.chat_update
    assert await code(update(channel="C0GENERAL", ts="1.0", text="y")) == "message_not_found"
    assert await code(update(channel="C0GENERAL", ts=theirs, text="y")) == "cant_update_message"
    assert await code(update(channel="C0GENERAL", ts=own, text="y" * 4_001)) == "msg_too_long"
    assert await code(update(channel="C0GENERAL", ts=rich, text="y", blocks=[SECTION])) == "block_mismatch"
    sandbox.settings.edit_window_ms = 60_000
    clock.move(minutes=2)
    assert await code(update(channel="C0GENERAL", ts=own, text="y")) == "edit_window_closed"


async def test_a_deleted_root_with_replies_leaves_a_tombstone(client: AsyncWebClient, sandbox: Sandbox) -> None:
    root = (await client.chat_postMessage(channel="C0GENERAL", text="root"))["ts"]
    reply = (await client.chat_postMessage(channel="C0GENERAL", text="x", thread_ts=root))["ts"]
    await client.chat_delete(channel="C0GENERAL", ts=root)
    assert sandbox.workspace.messages("#general")[0]["subtype"] == "tombstone"
    assert await code(client.chat_update(channel="C0GENERAL", ts=root, text="y")) == "message_not_found"
    await client.chat_delete(channel="C0GENERAL", ts=reply)
    assert "reply_count" not in sandbox.workspace.messages("#general")[0]


async def test_an_ephemeral_is_seen_by_one_person_and_kept_by_nobody(client: AsyncWebClient, sandbox: Sandbox) -> None:
    answer = await client.chat_postEphemeral(channel="C0GENERAL", user="U0ADA", text="psst")
    assert [one["text"] for one in sandbox.act_as("ada").ephemerals] == ["psst"]
    assert sandbox.act_as("ravi").ephemerals == []
    assert sandbox.workspace.messages("#general") == []
    update = client.chat_update(channel="C0GENERAL", ts=answer["message_ts"], text="y")
    assert await code(update) == "message_not_found"
    stranger = client.chat_postEphemeral(channel="C0GENERAL", user="U0OTTO", text="x")
    assert await code(stranger) == "user_not_in_channel"


async def test_history_is_read_back_by_window_and_page(
    client: AsyncWebClient, sandbox: Sandbox, clock: HandClock
) -> None:
    posted = []
    for n in range(5):
        posted.append((await client.chat_postMessage(channel="C0GENERAL", text=str(n)))["ts"])
        clock.move(seconds=10)
    window = await client.conversations_history(channel="C0GENERAL", oldest=posted[1], latest=posted[3])
    assert [one["text"] for one in window["messages"]] == ["2"]
    inclusive = await client.conversations_history(
        channel="C0GENERAL", oldest=posted[1], latest=posted[3], inclusive=True
    )
    assert [one["text"] for one in inclusive["messages"]] == ["3", "2", "1"]
    first = await client.conversations_history(channel="C0GENERAL", limit=2)
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_history(channel="C0GENERAL", limit=2, cursor=cursor)
    assert [one["text"] for one in [*first["messages"], *second["messages"]]] == ["4", "3", "2", "1"]


async def test_a_permalink_leads_into_the_thread(client: AsyncWebClient) -> None:
    root = (await client.chat_postMessage(channel="C0GENERAL", text="root"))["ts"]
    reply = (await client.chat_postMessage(channel="C0GENERAL", text="x", thread_ts=root))["ts"]
    link = (await client.chat_getPermalink(channel="C0GENERAL", message_ts=reply))["permalink"]
    assert link.endswith(f"/archives/C0GENERAL/p{reply.replace('.', '')}?thread_ts={root}&cid=C0GENERAL")


async def test_a_reaction_is_put_on_once_and_taken_off(client: AsyncWebClient, sandbox: Sandbox) -> None:
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="x"))["ts"]
    await client.reactions_add(channel="C0GENERAL", timestamp=ts, name="eyes")
    assert sandbox.workspace.messages("#general")[0]["reactions"] == [{"name": "eyes", "users": ["U0BOT"], "count": 1}]
    again = client.reactions_add(channel="C0GENERAL", timestamp=ts, name="eyes")
    assert await code(again) == "already_reacted"
    await client.reactions_remove(channel="C0GENERAL", timestamp=ts, name="eyes")
    assert sandbox.workspace.messages("#general")[0]["reactions"] == []
