"""Tokens, scopes, rate limits, faults: when Slack does not even look at the arguments."""

from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import yaml
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.apps import App, app_from_manifest
from bot.sandbox.people import default_workspace
from bot.sandbox.server import Sandbox
from tests.support.bolt_app import web_client
from tests.support.hand_clock import HandClock

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
pytestmark = pytest.mark.anyio


async def refusal(call) -> SlackApiError:
    with pytest.raises(SlackApiError) as raised:
        await call
    return raised.value


async def test_auth_test_tells_who_and_with_which_scopes(client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0BOT", "B0BOT", "T0MEADOW")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_a_token_must_be_the_right_one(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        for token, error in [
            ("", "not_authed"),
            ("xoxb-wrong", "invalid_auth"),
            (sandbox.app_token, "not_allowed_token_type"),
        ]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with session.post(f"{sandbox.api_url}auth.test", headers=headers) as answer:
                assert (await answer.json())["error"] == error


async def test_a_link_for_sockets_needs_the_app_token(client: AsyncWebClient, sandbox: Sandbox) -> None:
    assert (await refusal(client.apps_connections_open(app_token=sandbox.bot_token))).response["error"] == (
        "not_allowed_token_type"
    )
    assert (await client.apps_connections_open(app_token=sandbox.app_token))["url"].startswith("ws://127.0.0.1:")


async def test_a_missing_scope_is_named_with_those_that_are_there(clock: HandClock) -> None:
    sandbox = Sandbox(default_workspace(App(scopes=frozenset({"commands", "chat:write"}))), clock=clock)
    async with sandbox.running(), web_client(sandbox) as client:
        error = await refusal(client.users_info(user="U0ADA"))
        assert (error.response["error"], error.response["needed"]) == ("missing_scope", "users:read")
        assert error.response["provided"] == "chat:write,commands"
        private = await refusal(client.conversations_list(types="public_channel,im"))
        assert private.response["needed"] == "channels:read,im:read"
        assert (await refusal(client.chat_postMessage(channel="C0RANDOM", text="x"))).response["error"] == (
            "not_in_channel"
        )


async def test_emails_are_shown_only_with_their_scope(client: AsyncWebClient, clock: HandClock) -> None:
    assert (await client.users_info(user="U0ADA"))["user"]["profile"]["email"] == "ada@meadow.example"
    less = App(scopes=App().scopes - {"users:read.email"})
    sandbox = Sandbox(default_workspace(less), clock=clock)
    async with sandbox.running(), web_client(sandbox) as other:
        assert "email" not in (await other.users_info(user="U0ADA"))["user"]["profile"]


async def test_another_name_for_one_message_needs_its_scope(client: AsyncWebClient) -> None:
    error = await refusal(client.chat_postMessage(channel="C0GENERAL", text="x", username="Somebody"))
    assert error.response["needed"] == "chat:write.customize"


async def test_a_manifest_makes_the_app(clock: HandClock) -> None:
    manifest = {
        "display_information": {"name": "Pointsman"},
        "features": {
            "app_home": {"home_tab_enabled": True},
            "bot_user": {"display_name": "flow"},
            "slash_commands": [{"command": "/flow", "description": "x", "should_escape": True}],
            "shortcuts": [{"name": "Write a post", "type": "message", "callback_id": "write"}],
        },
        "oauth_config": {"scopes": {"bot": ["commands"], "bot_optional": ["files:read"]}},
        "settings": {"event_subscriptions": {"bot_events": ["app_mention"]}, "socket_mode_enabled": True},
    }
    app = app_from_manifest(manifest)
    assert app.scopes == {"commands", "files:read"}
    assert (app.hears("app_mention"), app.hears("message.im")) == (True, False)
    assert [one.callback_id for one in app.shortcuts] == ["write"]
    assert app.command("/flow").should_escape
    assert replace(app, name="x").home


async def test_the_app_that_everybody_starts_with_is_that_of_the_manifest() -> None:
    manifest = app_from_manifest(yaml.safe_load(MANIFEST.read_text()))
    app = App()
    assert (app.scopes, app.events, app.commands) == (manifest.scopes, manifest.events, manifest.commands)
    assert app.shortcuts == manifest.shortcuts


async def test_five_messages_at_once_pass_and_then_one_a_second(
    client: AsyncWebClient, sandbox: Sandbox, clock: HandClock
) -> None:
    for n in range(5):
        await client.chat_postMessage(channel="C0GENERAL", text=str(n))
    error = await refusal(client.chat_postMessage(channel="C0GENERAL", text="6"))
    assert (error.response["error"], error.response.status_code) == ("ratelimited", 429)
    assert error.response.headers["Retry-After"] == "1"
    assert (await client.chat_postMessage(channel="C0CONTENT", text="another channel"))["ok"]
    clock.move(seconds=1)
    assert (await client.chat_postMessage(channel="C0GENERAL", text="6"))["ok"]
    assert len(sandbox.workspace.messages("#general")) == 6


async def test_updates_share_fifty_a_minute_over_all_channels(
    client: AsyncWebClient, sandbox: Sandbox, clock: HandClock
) -> None:
    one = (await client.chat_postMessage(channel="C0GENERAL", text="x"))["ts"]
    two = (await client.chat_postMessage(channel="C0CONTENT", text="x"))["ts"]
    for n in range(25):
        await client.chat_update(channel="C0GENERAL", ts=one, text=str(n))
        await client.chat_update(channel="C0CONTENT", ts=two, text=str(n))
    error = await refusal(client.chat_update(channel="C0GENERAL", ts=one, text="more"))
    assert error.response.headers["Retry-After"] == "2"
    clock.move(seconds=2)
    assert (await client.chat_update(channel="C0GENERAL", ts=one, text="more"))["ok"]
    sandbox.limits.enabled = False
    for n in range(60):
        await client.chat_update(channel="C0GENERAL", ts=one, text=str(n))


@pytest.mark.parametrize(("method", "most"), [("usergroups.list", 20), ("users.info", 100), ("conversations.info", 50)])
async def test_each_method_has_its_tier(client: AsyncWebClient, method: str, most: int) -> None:
    arguments = {"user": "U0ADA", "channel": "C0GENERAL"}
    for _ in range(most):
        await client.api_call(method, params=arguments)
    assert (await refusal(client.api_call(method, params=arguments))).response["error"] == "ratelimited"


async def test_without_strictness_limits_and_scopes_are_off(clock: HandClock) -> None:
    sandbox = Sandbox(default_workspace(App(scopes=frozenset())), clock=clock, strict=False)
    async with sandbox.running(), web_client(sandbox) as client:
        for n in range(20):
            await client.chat_postMessage(channel="C0GENERAL", text=str(n))


async def test_injected_faults_happen_once_and_in_order(client: AsyncWebClient, sandbox: Sandbox) -> None:
    sandbox.faults.add(method="chat.postMessage", kind="error", error="fatal_error")
    sandbox.faults.add(method="chat.postMessage", kind="ratelimited", retry_after=7)
    sandbox.faults.add(method="chat.postMessage", kind="http_500")
    sandbox.faults.add(method="chat.postMessage", kind="unknown_method")
    seen = [await refusal(client.chat_postMessage(channel="C0GENERAL", text="x")) for _ in range(4)]
    assert [one.response["error"] for one in seen] == ["fatal_error", "ratelimited", "internal_error", "unknown_method"]
    assert seen[1].response.headers["Retry-After"] == "7"
    assert seen[2].response.status_code == 500
    assert (await client.chat_postMessage(channel="C0GENERAL", text="x"))["ok"]


async def test_a_connection_dropped_after_the_work_makes_the_sdk_post_twice(sandbox: Sandbox) -> None:
    soon = FixedValueRetryIntervalCalculator(0.01)
    handler = AsyncConnectionErrorRetryHandler(max_retry_count=1, interval_calculator=soon)
    async with web_client(sandbox, retry_handlers=[handler]) as client:
        sandbox.faults.add(method="chat.postMessage", kind="drop_after")
        await client.chat_postMessage(channel="C0GENERAL", text="x")
        sandbox.faults.add(method="chat.postMessage", kind="drop_before")
        await client.chat_postMessage(channel="C0GENERAL", text="y")
    assert [one["text"] for one in sandbox.workspace.messages("#general")] == ["x", "x", "y"]


async def test_a_dropped_connection_without_retries_is_an_error_with_an_unknown_outcome(
    client: AsyncWebClient, sandbox: Sandbox
) -> None:
    sandbox.faults.add(method="chat.postMessage", kind="drop_after")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel="C0GENERAL", text="x")
    assert len(sandbox.workspace.messages("#general")) == 1


async def test_a_fault_that_cannot_happen_there_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="choose one of delay, duplicate, lose"):
        sandbox.faults.add(method="events_api", kind="http_500")


async def test_disabled_and_unknown_methods_are_unknown(client: AsyncWebClient, sandbox: Sandbox) -> None:
    sandbox.disable_methods({"usergroups.list"})
    assert (await refusal(client.usergroups_list())).response["error"] == "unknown_method"
    assert (await refusal(client.api_call("chat.startStream"))).response["error"] == "unknown_method"


async def test_the_record_of_calls_hides_tokens(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        form = {"token": sandbox.bot_token, "channel": "C0GENERAL", "text": f"my token is {sandbox.bot_token}"}
        async with session.post(f"{sandbox.api_url}chat.postMessage", data=form) as answer:
            assert (await answer.json())["ok"]
    entry = sandbox.traffic.of("chat.postMessage")[0]
    assert (entry.direction, entry.status) == ("to_slack", "ok")
    assert sandbox.bot_token not in str(entry.as_json())
    assert entry.request["text"] == "my token is xoxb-***"


async def test_blocks_validate_needs_no_token_and_names_pointers(sandbox: Sandbox) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.api_url}blocks.validate", data={"blocks": '[{"type": "section"}]'}) as answer,
    ):
        body = await answer.json()
    assert (body["ok"], body["error"]) == (False, "invalid_blocks")
    assert [(one["pointer"], one["code"]) for one in body["errors"]] == [("/0", "missing_field")]


async def test_people_channels_and_groups_look_like_slacks(client: AsyncWebClient, sandbox: Sandbox) -> None:
    guest = (await client.users_info(user="U0GUS"))["user"]
    outsider = (await client.users_info(user="U0OTTO"))["user"]
    assert (guest["is_restricted"], guest["team_id"]) == (True, "T0MEADOW")
    assert (outsider["is_stranger"], outsider["team_id"]) == (True, "T0OTHER")
    shared = (await client.conversations_info(channel="C0PARTNERS"))["channel"]
    assert (shared["is_ext_shared"], shared["is_shared"], shared["is_org_shared"]) == (True, True, False)
    assert (await client.usergroups_users_list(usergroup="S0EDITORS"))["users"] == ["U0ADA", "U0RAVI", "U0LENA"]
    assert (await client.users_lookupByEmail(email="Ada@Meadow.example"))["user"]["id"] == "U0ADA"
    names = [
        one["name"] for one in (await client.conversations_list(types="public_channel,private_channel"))["channels"]
    ]
    assert "private-legal" not in names
    assert {"general", "random"} <= set(names)
    assert set((await client.conversations_members(channel="C0PARTNERS"))["members"]) >= {"U0OTTO", "U0BOT"}
    assert (await client.conversations_open(users="U0ADA"))["channel"]["id"] == "D0ADA"
    everyone = await client.users_list(limit=3)
    assert len(everyone["members"]) == 3
    assert everyone["response_metadata"]["next_cursor"]


async def test_unknown_people_and_groups_are_refused(client: AsyncWebClient) -> None:
    assert (await refusal(client.users_info(user="U0NOBODY"))).response["error"] == "user_not_found"
    assert (await refusal(client.users_lookupByEmail(email="x@y.z"))).response["error"] == "users_not_found"
    assert (await refusal(client.usergroups_users_list(usergroup="S0X"))).response["error"] == "no_such_subteam"
    assert (await refusal(client.conversations_info(channel="C0LEGAL"))).response["error"] == "channel_not_found"


async def test_people_and_groups_change_while_it_runs(client: AsyncWebClient, sandbox: Sandbox) -> None:
    sandbox.change_person("ada", deleted=True)
    sandbox.change_group("editors", ["ravi"])
    assert (await client.users_info(user="U0ADA"))["user"]["deleted"]
    assert (await client.usergroups_users_list(usergroup="S0EDITORS"))["users"] == ["U0RAVI"]


async def test_the_app_joins_a_public_channel_once(client: AsyncWebClient) -> None:
    joined = await client.conversations_join(channel="C0RANDOM")
    assert joined["channel"]["is_member"]
    assert (await client.conversations_join(channel="C0RANDOM"))["warning"] == "already_in_channel"
