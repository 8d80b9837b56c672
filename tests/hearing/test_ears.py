"""The connections: two sockets, or signed HTTP; what is not on disk is not acknowledged."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import pytest
import structlog

from bot.sandbox.server import Sandbox
from bot.slack import Slack, connected
from engine.api import Engine
from engine.clock import SystemClock
from engine.faults import SettingsFault
from store.faults import StoreFull
from tests.support.engines import running
from tests.support.reception import receiving
from tests.support.town import Town, town

pytestmark = pytest.mark.anyio


async def test_two_connections_are_kept_and_told_of(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await place.command("mina", "ping")
        health = await place.reception.ears.health()
        assert (health.mode, health.wanted, health.connected, health.well) == ("socket", 2, 2, True)
        assert health.last_heard_at is not None


async def test_a_refresh_loses_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await place.sandbox.refresh_connections()
        await place.sandbox.until(lambda: place.sandbox.connections == 2, deadline_seconds=20)
        assert "I am here" in await place.command("mina", "ping")


async def test_nothing_can_open_a_connection_any_more_when_the_last_one_is_closed(tmp_path: Path) -> None:
    seen: list[bool] = []

    def watched(client: Any) -> None:
        disconnect = client.disconnect

        async def disconnecting() -> None:
            tasks = (client.current_session_monitor, client.message_receiver, client.message_processor)
            seen.extend(task.done() for task in tasks if task is not None)
            await disconnect()

        client.disconnect = disconnecting

    async with town(tmp_path) as place:
        await place.command("mina", "ping")
        for handler in place.reception.ears._handlers.values():
            watched(handler.client)
    assert len(seen) > 2
    assert all(seen), "else one that is made anew at that moment is closed by nobody"


async def test_who_we_are_is_asked_once(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        async with anyio.create_task_group() as group:
            for who in ("mina", "ravi", "ada", "omar"):
                group.start_soon(place.command, who, "ping")
        assert len(place.sandbox.traffic.of("auth.test")) == 1


async def test_what_cannot_be_written_is_not_acknowledged_and_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as place:
        receive, failed = place.engine.receive, []

        async def full(self: Any, receipt: Any) -> bool:
            if not failed:
                failed.append(receipt)
                raise StoreFull
            return await receive(receipt)

        monkeypatch.setattr(type(place.engine), "receive", full)
        await place.sandbox.act_as("mina").say("dm", "ping")
        assert "I am here" in await place.written("mina")
        assert len(failed) == 1


@pytest.mark.parametrize("by", ["socket", "http"])
async def test_a_command_that_cannot_be_written_is_told_so_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    async with town(tmp_path, by=by) as place:
        _fill_up(place, monkeypatch)
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                answer = await place.sandbox.act_as("mina").command("/flow", "run hello")
                assert "the disk is full. Nothing was changed. Try again when" in (answer.text or "")
        assert [one["event"] for one in lines if one["log_level"] == "error"] == ["receipt.not_written"]
        assert await place.runs() == []


async def test_a_click_that_cannot_be_written_is_not_acknowledged_and_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as place:
        await place.command("mina", "run publish_post x", channel="#content")
        _, step = await place.at_gate()
        channel, ts = await place.card(step.gate.id)
        _fill_up(place, monkeypatch)
        ravi = place.sandbox.act_as("ravi")
        outcome = await ravi.click(channel, ts, "gate_approve")
        assert not outcome.acked
        assert "the disk is full. Nothing was changed." in ravi.ephemerals[-1]["text"]


async def test_a_form_that_cannot_be_written_stays_open_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as place:
        await place.command("mina", "run publish_post x", channel="#content")
        _, step = await place.at_gate()
        channel, ts = await place.card(step.gate.id)
        ravi = place.sandbox.act_as("ravi")
        await ravi.click(channel, ts, "gate_reject")
        await place.sandbox.until(lambda: ravi.open_views)
        [view] = ravi.open_views
        field = next(one for one in view["blocks"] if one["type"] == "input")
        _fill_up(place, monkeypatch)
        typed = {field["block_id"]: {field["element"]["action_id"]: "not yet"}}
        outcome = await ravi.submit(view["id"], typed)
        assert "the disk is full" in outcome.errors[field["block_id"]]
        assert ravi.open_views


def _fill_up(place: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(self: Any, receipt: Any) -> bool:
        raise StoreFull

    monkeypatch.setattr(type(place.engine), "receive", full)


async def test_a_lost_event_comes_again_and_is_answered_once(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        place.sandbox.faults.add(method="events_api", kind="lose")
        await place.sandbox.act_as("mina").say("dm", "ping")
        assert "I am here" in await place.written("mina")
        await place.all_answered()
        assert len(place.direct("mina")) == 1


@asynccontextmanager
async def _not_yet_heard(tmp_path: Path) -> AsyncIterator[tuple[Engine, Slack]]:
    sandbox = Sandbox()
    async with (
        sandbox.running(),
        running(tmp_path / "town.db") as service,
        connected(sandbox.bot_token, api_url=sandbox.api_url, clock=SystemClock()) as slack,
    ):
        yield service.engine, slack


async def test_a_wrong_app_token_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    async with _not_yet_heard(tmp_path) as (engine, slack):
        with pytest.raises(SettingsFault, match="SLACK_APP_TOKEN"):
            async with receiving(engine, slack, app_token="xapp-wrong"):
                raise AssertionError("it listened")


async def test_an_empty_signing_secret_stops_the_start(tmp_path: Path) -> None:
    async with _not_yet_heard(tmp_path) as (engine, slack):
        with pytest.raises(SettingsFault, match="SLACK_SIGNING_SECRET"):
            async with receiving(engine, slack, signing_secret=" "):
                raise AssertionError("it listened")


async def test_closing_answers_what_was_received(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        async with town(tmp_path, sandbox=sandbox) as place:
            sandbox.faults.add(method="users.info", kind="delay", ms=200)
            assert (await sandbox.act_as("mina").command("/flow", "ping")).acked
        assert any("I am here" in one for one in place.heard("mina"))
        await sandbox.until(lambda: sandbox.connections == 0)


async def test_environment_variables_of_other_apps_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"):
        monkeypatch.setenv(name, "of-another-app")
    async with town(tmp_path) as place:
        assert "I am here" in await place.command("mina", "ping")


# Signed HTTP. ---------------------------------------------------------------------------------------------------------


async def test_slacks_handshake_is_answered(tmp_path: Path) -> None:
    async with town(tmp_path, by="http") as place:
        assert await place.sandbox.verify_url()


def _signed(place: Town, body: bytes, *, at: int | None = None, secret: str | None = None) -> dict[str, str]:
    timestamp = str(place.engine.clock.now() // 1_000 if at is None else at)
    key = (secret or place.sandbox.signing_secret).encode()
    digest = hmac.new(key, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": f"v0={digest}",
        "content-type": "application/x-www-form-urlencoded",
    }


BODY = b"command=%2Fflow&text=run+hello&user_id=U0MINA&channel_id=C0GENERAL&trigger_id=1.2.3&api_app_id=A0POINTSMAN"


async def _post(place: Town, headers: dict[str, str], body: bytes = BODY) -> int:
    address = place.sandbox.http_url or ""
    async with aiohttp.ClientSession() as session, session.post(address, data=body, headers=headers) as answer:
        return answer.status


async def test_a_good_signature_is_taken_and_a_replay_starts_nothing_more(tmp_path: Path) -> None:
    async with town(tmp_path, by="http") as place:
        headers = _signed(place, BODY)
        assert await _post(place, headers) == 200
        assert await _post(place, headers) == 200
        await place.all_answered()
        assert len(await place.runs()) == 1


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("secret", "does not fit"),
        ("body", "does not fit"),
        ("old", "stale"),
        ("future", "stale"),
        ("no time", "no time"),
        ("unsigned", "unsigned"),
        ("odd", "does not fit"),
    ],
)
async def test_a_wrong_signature_is_refused_with_a_line_that_holds_no_body(
    tmp_path: Path, wrong: str, why: str
) -> None:
    async with town(tmp_path, by="http") as place:
        now = place.engine.clock.now() // 1_000
        headers = {
            "secret": _signed(place, BODY, secret="another"),
            "body": _signed(place, b"something else"),
            "old": _signed(place, BODY, at=now - 301),
            "future": _signed(place, BODY, at=now + 3_600),  # time goes on while it travels
            "no time": _signed(place, BODY) | {"x-slack-request-timestamp": "soon"},
            "unsigned": {"content-type": "application/x-www-form-urlencoded"},
            "odd": _signed(place, BODY) | {"x-slack-signature": "v0=é"},
        }[wrong]
        with structlog.testing.capture_logs() as lines:
            assert await _post(place, headers) == 401
        [line] = [one for one in lines if one["event"] == "slack.request_refused"]
        assert why in line["why"]
        assert "hello" not in str(lines)
        assert await place.runs() == []


async def test_the_check_of_the_certificate_is_answered(tmp_path: Path) -> None:
    async with town(tmp_path, by="http") as place:
        body = b"ssl_check=1&token=x"
        assert await _post(place, _signed(place, body), body) == 200


@pytest.mark.parametrize(
    "body",
    [b'{"type": "event_callback', b"{secret}", b"payload=secret", b"payload=%5B1%5D", b"", b"[" * 100_000],
)
async def test_a_signed_body_that_cannot_be_read_is_refused_with_one_line_that_does_not_hold_it(
    tmp_path: Path, body: bytes
) -> None:
    async with town(tmp_path, by="http") as place:
        kind = "application/json" if body.startswith((b"{", b"[")) else "application/x-www-form-urlencoded"
        with structlog.testing.capture_logs() as lines:
            assert await _post(place, _signed(place, body) | {"content-type": kind}, body) == 400
        [line] = lines
        assert (line["event"], line["bytes"]) == ("slack.request_unreadable", len(body))
        assert "secret" not in str(lines)
