"""The one Slack client against the sandbox: what it says, what it reads, and how it fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import anyio
import pytest

from bot.sandbox.server import Sandbox
from bot.slack import Slack, SlackFault, connected
from bot.views.blocks import home_tab, modal, section
from engine.clock import SystemClock

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def client(redact=str) -> AsyncIterator[tuple[Sandbox, Slack]]:
    sandbox = Sandbox()
    async with (
        sandbox.running(),
        connected(sandbox.bot_token, api_url=sandbox.api_url, clock=SystemClock(), redact=redact) as slack,
    ):
        yield sandbox, slack


async def test_it_knows_who_it_is_after_one_question() -> None:
    async with client() as (sandbox, slack):
        assert (slack.me.bot_user_id, slack.me.bot_id, slack.me.team_id) == ("U0BOT", "B0BOT", "T0MEADOW")
        assert slack.me.app_id == "A0POINTSMAN"
        assert "chat:write" in slack.me.scopes
        assert len(sandbox.traffic.of("auth.test")) == 1


async def test_a_wrong_token_is_a_fault_at_once() -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        with pytest.raises(SlackFault) as caught:
            async with connected("xoxb-wrong", api_url=sandbox.api_url, clock=SystemClock()):
                pass
    assert caught.value.code == "invalid_auth"
    assert not caught.value.retryable


async def test_an_app_that_may_not_look_itself_up_still_starts() -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        sandbox.disable_methods({"bots.info"})
        async with connected(sandbox.bot_token, api_url=sandbox.api_url, clock=SystemClock()) as slack:
            assert slack.me.app_id == ""
            assert slack.capabilities.lacks("bots.info")


async def test_permalinks_are_those_that_slack_gives() -> None:
    async with client() as (_, slack):
        root = await slack.post("C0CONTENT", "root")
        reply = await slack.post("C0CONTENT", "reply", thread_ts=root)
        for ts, thread in ((root, None), (reply, root)):
            given = await slack.read("chat.getPermalink", channel="C0CONTENT", message_ts=ts)
            assert slack.me.permalink("C0CONTENT", ts, thread) == given["permalink"]


async def test_a_whisper_is_seen_by_one_person() -> None:
    async with client() as (sandbox, slack):
        await slack.whisper("C0CONTENT", "U0ADA", "psst", [section("psst")])
        assert [one["text"] for one in sandbox.act_as("ada").ephemerals] == ["psst"]
        assert sandbox.act_as("mina").ephemerals == []


async def test_an_answer_reaches_the_person_who_asked() -> None:
    async with client() as (sandbox, slack):
        url = sandbox.parts.response_urls.mint(user_id="U0ADA", channel_id="C0CONTENT", ephemeral=True)
        await slack.respond(url, "here you are")
        assert sandbox.act_as("ada").ephemerals[-1]["text"] == "here you are"
        with pytest.raises(SlackFault) as caught:
            await slack.respond(f"{sandbox.url}/response/unknown", "too late")
        assert caught.value.code == "response_url_refused"


async def test_the_home_tab_and_direct_messages() -> None:
    async with client() as (sandbox, slack):
        await slack.publish_home("U0ADA", home_tab([section("*Waiting for you*")]))
        assert await slack.open_dm("U0ADA") == "D0ADA"
        assert await slack.open_dm("U0ADA") == "D0ADA"
        assert len(sandbox.traffic.of("conversations.open")) == 1


async def test_a_view_without_a_trigger_is_refused_with_slacks_word() -> None:
    async with client() as (_, slack):
        with pytest.raises(SlackFault) as caught:
            await slack.open_view("1.2.3", modal("Say why", [section("Why?")], callback_id="why"))
        assert "trigger" in caught.value.code


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "http_500"])
async def test_a_read_survives_a_broken_connection(kind: str) -> None:
    async with client() as (sandbox, slack):
        sandbox.faults.add(method="users.info", kind=kind, times=2)
        assert (await slack.read("users.info", user="U0ADA"))["user"]["id"] == "U0ADA"
        assert len(sandbox.traffic.of("users.info")) == 3


async def test_a_read_waits_as_long_as_slack_asks_but_not_for_ever() -> None:
    async with client() as (sandbox, slack):
        sandbox.faults.add(method="users.info", kind="ratelimited", retry_after=1)
        assert (await slack.read("users.info", user="U0ADA"))["ok"]
        sandbox.faults.add(method="users.info", kind="ratelimited", retry_after=600)
        with pytest.raises(SlackFault) as caught:
            await slack.read("users.info", user="U0ADA")
        assert caught.value.retry_after_ms == 600_000


async def test_a_refusal_is_not_asked_again() -> None:
    async with client() as (sandbox, slack):
        with pytest.raises(SlackFault) as caught:
            await slack.read("users.info", user="U0NOBODY")
        assert (caught.value.code, caught.value.retryable, caught.value.lost) == ("user_not_found", False, False)
        assert len(sandbox.traffic.of("users.info")) == 1


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "http_500"])
async def test_a_call_is_tried_once_and_says_that_nobody_knows(kind: str) -> None:
    async with client() as (sandbox, slack):
        sandbox.faults.add(method="chat.postMessage", kind=kind)
        with pytest.raises(SlackFault) as caught:
            await slack.post("C0CONTENT", "once")
        assert caught.value.lost
        assert len(sandbox.traffic.of("chat.postMessage")) == 1


async def test_a_slack_that_is_not_there_certainly_did_nothing() -> None:
    async with client() as (_, slack):
        slack.web.base_url = "http://127.0.0.1:9/api/"
        with pytest.raises(SlackFault) as caught:
            await slack.call("chat.postMessage", channel="C0CONTENT", text="x")
        assert (caught.value.code, caught.value.lost) == ("connection", False)


async def test_a_silent_slack_is_left_after_our_own_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    async with client() as (sandbox, slack):
        sandbox.faults.add(method="chat.postMessage", kind="delay", ms=5_000)
        with anyio.fail_after(4), pytest.raises(SlackFault) as caught:
            await slack.post("C0CONTENT", "x")
        assert (caught.value.code, caught.value.lost) == ("timeout", True)


async def test_all_calls_share_one_session() -> None:
    async with client() as (_, slack):
        assert slack.web.session is slack._session
        assert slack.web.retry_handlers == []


async def test_what_is_cleaned_never_grows() -> None:
    async with client(lambda text: text.replace("abc", "[a long note about a secret]")) as (_, slack):
        said = slack.clean({"text": "abc abc", "more": ["abc", 5, None]})
        assert "abc" not in str(said)
        assert len(said["text"]) == 7
        assert said["more"][1:] == [5, None]
