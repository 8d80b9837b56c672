"""How the app hears of things: Socket Mode and signed HTTP with a real Bolt app, acks, retries, lost connections."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import aiohttp.web
import anyio
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.apps import DEFAULT_EVENTS, App
from bot.sandbox.entering import NotPossible
from bot.sandbox.people import default_workspace
from bot.sandbox.server import Sandbox
from tests.support.bolt_app import bolt_app, by_http, by_socket, web_client
from tests.support.hand_clock import HandClock

pytestmark = pytest.mark.anyio


class Ears:
    """A Bolt app that notes what it hears."""

    def __init__(self, sandbox: Sandbox, client: AsyncWebClient) -> None:
        self.app: AsyncApp = bolt_app(sandbox, client)
        self.heard: list[tuple[str, dict]] = []
        self.retries: list[tuple[str | None, str | None]] = []
        for event in ("app_mention", "message", "app_home_opened", "member_joined_channel"):
            self.app.event(event)(self._hear)

    async def _hear(self, event: dict, body: dict, request) -> None:
        self.heard.append((event["type"], body))
        headers = request.headers
        self.retries.append(
            tuple((headers.get(name) or [None])[0] for name in ("x-slack-retry-num", "x-slack-retry-reason"))
        )

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.heard]


@pytest.fixture
async def ears(sandbox: Sandbox, client: AsyncWebClient) -> Ears:
    return Ears(sandbox, client)


class RawSocket:
    """One Socket Mode connection without an SDK, to see the frames themselves."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def frame(self) -> dict:
        return json.loads((await self.socket.receive(timeout=5)).data)

    async def ack(self, frame: dict, payload: dict | None = None) -> None:
        await self.socket.send_json({"envelope_id": frame["envelope_id"], **({"payload": payload} if payload else {})})


async def connect(sandbox: Sandbox, session: aiohttp.ClientSession) -> RawSocket:
    headers = {"Authorization": f"Bearer {sandbox.app_token}"}
    async with session.post(f"{sandbox.api_url}apps.connections.open", headers=headers) as answer:
        url = (await answer.json())["url"]
    socket = RawSocket(await session.ws_connect(url))
    assert (await socket.frame())["type"] == "hello"
    return socket


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


async def test_a_mention_reaches_a_bolt_app_with_slacks_wrapping(sandbox: Sandbox, ears: Ears) -> None:
    async with by_socket(sandbox, ears.app):
        message = await sandbox.act_as("ada").say("#general", "@flow what waits?")
        await sandbox.until(lambda: ears.heard)
    kind, body = ears.heard[0]
    assert kind == "app_mention"
    assert (body["type"], body["api_app_id"], body["team_id"]) == ("event_callback", "A0POINTSMAN", "T0MEADOW")
    assert body["authorizations"][0]["user_id"] == "U0BOT"
    assert body["is_ext_shared_channel"] is False
    event = body["event"]
    assert (event["user"], event["channel"], event["ts"]) == ("U0ADA", "C0GENERAL", message["ts"])
    assert event["text"] == "<@U0BOT> what waits?"


async def test_what_is_not_subscribed_is_not_heard(sandbox: Sandbox, ears: Ears) -> None:
    async with by_socket(sandbox, ears.app):
        ada = sandbox.act_as("ada")
        await ada.say("#general", "nothing for the bot")
        await ada.say("dm", "hello")
        await sandbox.until(lambda: ears.heard)
    assert [(kind, body["event"]["channel_type"]) for kind, body in ears.heard] == [("message", "im")]


async def test_a_mention_in_a_subscribed_channel_comes_as_two_events_of_one_message(clock: HandClock) -> None:
    app = App(events=DEFAULT_EVENTS | {"message.channels"})
    sandbox = Sandbox(default_workspace(app), clock=clock)
    async with sandbox.running(), web_client(sandbox) as client:
        ears = Ears(sandbox, client)
        async with by_socket(sandbox, ears.app):
            await sandbox.act_as("ada").say("#general", "<@U0BOT> hi")
            await sandbox.until(lambda: len(ears.heard) == 2)
    assert sorted(ears.kinds()) == ["app_mention", "message"]
    assert len({body["event"]["ts"] for _, body in ears.heard}) == 1
    assert len({body["event_id"] for _, body in ears.heard}) == 2


async def test_edits_and_joins_come_as_messages_of_their_own_kinds(clock: HandClock) -> None:
    sandbox = Sandbox(clock=clock)
    async with sandbox.running(), web_client(sandbox) as client:
        ears = Ears(sandbox, client)
        async with by_socket(sandbox, ears.app):
            ada = sandbox.act_as("ada")
            said = await ada.say("#general", "first")
            changed = await ada.edit("#general", said["ts"], "second")
            workspace = sandbox.workspace
            workspace.change_channel("C0GENERAL", members=workspace.channels["C0GENERAL"].members - {"U0RAVI"})
            await ada.command("/invite", "@ravi", channel="#general")
            await sandbox.until(lambda: len([one for one in ears.kinds() if one == "message"]) == 3)
    events = [body["event"] for kind, body in ears.heard if kind == "message"]
    by_kind = {event.get("subtype"): event for event in events}
    assert by_kind.keys() == {None, "message_changed", "channel_join"}
    edit = by_kind["message_changed"]
    assert (edit["hidden"], edit["message"]["text"], edit["message"]["ts"]) == (True, "second", said["ts"])
    assert edit["message"]["client_msg_id"] == changed["client_msg_id"]
    assert edit["ts"] != said["ts"]
    assert (by_kind["channel_join"]["user"], by_kind["channel_join"]["inviter"]) == ("U0RAVI", "U0ADA")


async def test_only_what_one_wrote_can_be_edited(sandbox: Sandbox) -> None:
    said = await sandbox.act_as("ada").say("#general", "first")
    with pytest.raises(NotPossible, match="has written no message"):
        await sandbox.act_as("ravi").edit("#general", said["ts"], "second")


async def test_an_outsider_in_a_shared_channel_is_marked(sandbox: Sandbox, ears: Ears) -> None:
    async with by_socket(sandbox, ears.app):
        await sandbox.act_as("otto").say("#partners", "@flow run everything")
        await sandbox.until(lambda: ears.heard)
    body = ears.heard[0][1]
    assert body["is_ext_shared_channel"] is True
    assert body["event"]["user_team"] == "T0OTHER"


async def test_inviting_the_bot_tells_it_and_before_that_it_hears_nothing(sandbox: Sandbox, ears: Ears) -> None:
    ada = sandbox.act_as("ada")
    async with by_socket(sandbox, ears.app):
        await ada.say("#random", "@flow hello?")
        assert "not in this channel" in ada.ephemerals[-1]["text"]
        assert (await ada.command("/invite", "@flow", channel="#random")).acked
        await ada.say("#random", "@flow hello")
        await sandbox.until(lambda: len(ears.heard) == 2)
    assert sorted(ears.kinds()) == ["app_mention", "member_joined_channel"]
    joined = next(body["event"] for kind, body in ears.heard if kind == "member_joined_channel")
    assert (joined["user"], joined["inviter"], joined["channel"]) == ("U0BOT", "U0ADA", "C0RANDOM")


async def test_opening_the_home_is_heard_with_its_tab(sandbox: Sandbox, ears: Ears) -> None:
    async with by_socket(sandbox, ears.app):
        await sandbox.act_as("ada").open_home()
        await sandbox.until(lambda: ears.heard)
    event = ears.heard[0][1]["event"]
    assert (event["tab"], event["user"], event["channel"]) == ("home", "U0ADA", "D0ADA")


async def test_each_envelope_goes_to_one_connection(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    sockets = [await connect(sandbox, session) for _ in range(3)]
    counts = [0, 0, 0]

    async def listen(n: int) -> None:
        while True:
            await sockets[n].ack(await sockets[n].frame())
            counts[n] += 1
            sandbox.parts.feed.touch()

    async with anyio.create_task_group() as all_of_them:
        for n in range(3):
            all_of_them.start_soon(listen, n)
        for n in range(30):
            await sandbox.act_as("ada").say("dm", str(n))
        await sandbox.until(lambda: sum(counts) == 30)
        all_of_them.cancel_scope.cancel()
    assert min(counts) > 0


async def test_an_eleventh_connection_is_refused(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    kept = [await connect(sandbox, session) for _ in range(10)]
    headers = {"Authorization": f"Bearer {sandbox.app_token}"}
    async with session.post(f"{sandbox.api_url}apps.connections.open", headers=headers) as answer:
        assert (await answer.json())["error"] == "too_many_websockets"
    assert sandbox.connections == len(kept)


async def test_a_link_works_once(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    headers = {"Authorization": f"Bearer {sandbox.app_token}"}
    async with session.post(f"{sandbox.api_url}apps.connections.open", headers=headers) as answer:
        url = (await answer.json())["url"]
    await session.ws_connect(url)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(url)


async def test_a_refreshed_app_reconnects_and_nothing_is_lost(sandbox: Sandbox, ears: Ears) -> None:
    async with by_socket(sandbox, ears.app, connections=2):
        assert await sandbox.refresh_connections() == 2
        await sandbox.until(lambda: sandbox.connections == 2)
        await sandbox.act_as("ada").say("dm", "after")
        await sandbox.until(lambda: ears.heard)
    assert ears.heard[0][1]["event"]["text"] == "after"


async def test_an_ack_may_come_over_another_socket(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    first = await connect(sandbox, session)
    await sandbox.act_as("ada").say("dm", "hello")
    frame = await first.frame()
    second = await connect(sandbox, session)
    await second.ack(frame)
    await sandbox.until(lambda: [one.status for one in sandbox.traffic.of("events_api")] == ["ok"])


async def test_an_unacked_event_comes_again_with_the_same_event_id(
    sandbox: Sandbox, session: aiohttp.ClientSession, clock: HandClock
) -> None:
    sandbox.settings.ack_deadline_ms = 30
    socket = await connect(sandbox, session)
    await sandbox.act_as("ada").say("dm", "hello")
    frames = [await socket.frame(), await socket.frame()]
    await sandbox.until(lambda: sandbox.parts.delivery.retries)
    assert [one.due_at - clock.now() for one in sandbox.parts.delivery.retries] == [60_000]
    for minutes in (1, 5):
        clock.move(minutes=minutes)
        frames.append(await socket.frame())
        await sandbox.until(lambda: len(sandbox.traffic.of("events_api")) == len(frames))
    assert [(one["retry_attempt"], one["retry_reason"]) for one in frames] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({one["payload"]["event_id"] for one in frames}) == 1
    assert len({one["envelope_id"] for one in frames}) == 4
    assert sandbox.parts.delivery.retries == ()


async def test_a_retry_that_is_acked_is_the_last(sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
    sandbox.settings.ack_deadline_ms = 30
    socket = await connect(sandbox, session)
    await sandbox.act_as("ada").say("dm", "hello")
    await socket.frame()
    sandbox.settings.ack_deadline_ms = 10_000
    await socket.ack(await socket.frame())
    await sandbox.until(lambda: len(sandbox.traffic.of("events_api")) == 2)
    assert sandbox.parts.delivery.retries == ()


async def test_a_failing_bolt_middleware_gets_the_event_again(sandbox: Sandbox, ears: Ears) -> None:
    sandbox.settings.ack_deadline_ms = 50
    failures = [RuntimeError("disk full")]

    @ears.app.middleware
    async def sometimes(next_) -> None:
        if failures:
            sandbox.settings.ack_deadline_ms = 10_000
            raise failures.pop()
        await next_()

    async with by_socket(sandbox, ears.app):
        await sandbox.act_as("ada").say("dm", "hello")
        await sandbox.until(lambda: ears.heard)
    assert ears.retries == [("1", "timeout")]


async def test_an_event_without_any_connection_waits_for_its_retry(
    sandbox: Sandbox, ears: Ears, clock: HandClock
) -> None:
    await sandbox.act_as("ada").say("dm", "anyone?")
    await sandbox.until(lambda: len(sandbox.traffic.of("events_api")) == 2)
    async with by_socket(sandbox, ears.app):
        clock.move(minutes=1)
        await sandbox.until(lambda: ears.heard)
    assert ears.retries == [("2", "timeout")]


async def test_a_delivery_may_come_twice_or_never(sandbox: Sandbox, ears: Ears) -> None:
    async with by_socket(sandbox, ears.app):
        sandbox.faults.add(method="events_api", kind="duplicate")
        await sandbox.act_as("ada").say("dm", "twice")
        await sandbox.until(lambda: len(ears.heard) == 2)
        sandbox.faults.add(method="events_api", kind="lose")
        await sandbox.act_as("ada").say("dm", "lost at first")
        await sandbox.until(lambda: len(ears.heard) == 3)
    assert len({body["event_id"] for _, body in ears.heard[:2]}) == 1
    assert ears.retries[2] == ("1", "timeout")


async def test_a_cut_connection_comes_back(sandbox: Sandbox, ears: Ears) -> None:
    async with by_socket(sandbox, ears.app, connections=2) as handlers:
        assert sandbox.cut_connections() == 2
        await sandbox.until(lambda: sandbox.connections == 0)
        for handler in handlers:
            await handler.client.connect_to_new_endpoint(force=True)
        await sandbox.until(lambda: sandbox.connections == 2)
        await sandbox.act_as("ada").say("dm", "back")
        await sandbox.until(lambda: ears.heard)


async def test_a_command_that_nobody_acks_is_not_repeated(
    sandbox: Sandbox, session: aiohttp.ClientSession, clock: HandClock
) -> None:
    sandbox.settings.ack_deadline_ms = 30
    ada = sandbox.act_as("ada")
    gone = await ada.command("/flow", "list")
    await connect(sandbox, session)
    late = await ada.command("/flow", "list")
    assert (gone.error, late.error) == ("dispatch_failed", "operation_timeout")
    assert ada.warnings == ["dispatch_failed", "operation_timeout"]
    assert ada.ephemerals[-1]["text"] == '/flow failed with the error "operation_timeout"'
    clock.move(minutes=10)
    assert await sandbox.tick() == 0
    assert len(sandbox.traffic.of("slash_commands")) == 2


# Signed HTTP


async def test_http_mode_verifies_its_url_and_carries_signed_events(sandbox: Sandbox, ears: Ears) -> None:
    async with by_http(sandbox, ears.app):
        assert await sandbox.verify_url()
        await sandbox.act_as("ada").say("#general", "@flow hello")
        await sandbox.until(lambda: ears.heard)
    assert ears.kinds() == ["app_mention"]


async def test_a_wrong_signing_secret_is_refused_by_bolt(sandbox: Sandbox, ears: Ears) -> None:
    async with by_http(sandbox, ears.app):
        sandbox.settings.signing_secret = "another"
        assert (await sandbox.act_as("ada").command("/flow", "x")).error == "dispatch_failed"
        assert not await sandbox.verify_url()


async def test_commands_and_clicks_and_forms_travel_over_http(sandbox: Sandbox, ears: Ears) -> None:
    title = {"type": "plain_text", "text": "Form"}
    element = {"type": "plain_text_input", "action_id": "a"}
    field = {"type": "input", "block_id": "b", "label": title, "element": element}
    form = {"type": "modal", "callback_id": "form", "title": title, "submit": title, "blocks": [field]}

    @ears.app.command("/flow")
    async def flow(ack, command, client) -> None:
        await ack(f"you said {command['text']}")
        await client.views_open(trigger_id=command["trigger_id"], view=form)

    @ears.app.view("form")
    async def submitted(ack) -> None:
        await ack(response_action="errors", errors={"b": "not this"})

    ada = sandbox.act_as("ada")
    async with by_http(sandbox, ears.app):
        answer = await ada.command("/flow", "run x for @ravi")
        await sandbox.until(lambda: ada.open_views)
        outcome = await ada.submit(ada.open_views[0]["id"], {"b": {"a": "text"}})
    assert answer.text == "you said run x for <@U0RAVI|ravi>"
    assert outcome.errors == {"b": "not this"}


async def test_http_retries_carry_number_and_reason(sandbox: Sandbox, clock: HandClock) -> None:
    seen: list[tuple[str | None, str | None]] = []
    answers = [500, 500, 200]

    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        seen.append((request.headers.get("x-slack-retry-num"), request.headers.get("x-slack-retry-reason")))
        return aiohttp.web.Response(status=answers.pop(0))

    async with plain_server(sandbox, answer):
        await sandbox.act_as("ada").say("dm", "hello")
        await sandbox.until(lambda: len(seen) == 2)
        await sandbox.until(lambda: len(sandbox.parts.delivery.retries) == 1)
        clock.move(minutes=1)
        await sandbox.until(lambda: len(sandbox.traffic.of("events_api")) == 3)
    assert seen == [(None, None), ("1", "http_error"), ("2", "http_error")]
    assert sandbox.parts.delivery.retries == ()


async def test_no_retry_header_stops_the_retries(sandbox: Sandbox) -> None:
    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    async with plain_server(sandbox, answer):
        await sandbox.act_as("ada").say("dm", "hello")
        await sandbox.until(lambda: sandbox.traffic.of("events_api"))
    assert sandbox.parts.delivery.retries == ()


async def test_a_slow_or_absent_server_is_named_as_the_reason(sandbox: Sandbox) -> None:
    sandbox.settings.ack_deadline_ms = 30

    async def answer(request: aiohttp.web.Request) -> aiohttp.web.Response:
        await anyio.sleep(5)
        return aiohttp.web.Response()

    async with plain_server(sandbox, answer):
        await sandbox.act_as("ada").say("dm", "slow")
        await sandbox.until(lambda: sandbox.parts.delivery.retries)
        assert sandbox.parts.delivery.retries[0].reason == "http_timeout"
        assert (await sandbox.act_as("ada").command("/flow")).error == "operation_timeout"
    sandbox.http_url = "http://127.0.0.1:9/slack/events"
    await sandbox.act_as("ada").say("dm", "absent")
    await sandbox.until(lambda: len(sandbox.parts.delivery.retries) == 2)
    assert sandbox.parts.delivery.retries[-1].reason == "connection_failed"


def plain_server(sandbox: Sandbox, answer):
    """An app without Bolt, to see requests themselves."""

    @asynccontextmanager
    async def served() -> AsyncIterator[None]:
        application = aiohttp.web.Application()
        application.router.add_post("/", answer)
        runner = aiohttp.web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
        sandbox.deliver_by = "http"
        sandbox.http_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        try:
            yield
        finally:
            await runner.cleanup()

    return served()
