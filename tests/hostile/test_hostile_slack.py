"""Whatever Slack's door is sent, well signed and badly made: it is answered, nothing is left lying, and it goes on."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import anyio
import pytest
import structlog
from hypothesis import given

from store.model import GateState
from tests.support.asked import Asked, asked
from tests.support.leaping_clock import LeapingClock
from tests.support.twisting import CANARY, TIMES, TWISTS, Twist, tries, twisted, written

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 * TIMES)]

KINDS = (
    "command", "click", "submission", "shortcut", "message_action", "dm", "mention", "home", "joined", "suggestion",
    "closed",
)  # fmt: skip
CLOCK = LeapingClock()
DEADLINE = 30
NETS = {"receipt.poisoned", "receipt.unreadable", "answer.failed", "form.not_read", "form.not_continued"}
"""Log lines of nets under the rope: nothing is lost there, but whoever falls was not told what is wrong."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asked]:
    async with asked(tmp_path_factory.mktemp("town"), by="http", clock=CLOCK) as found:
        yield found


async def all_answered(here: Asked) -> None:
    """Wait for the last answer; what has to be tried again later is tried at once."""
    with anyio.fail_after(DEADLINE):
        while await here.place.open_receipts():
            CLOCK.leap(30_000)
            with anyio.move_on_after(0.02):
                await here.place.engine.received.wait(20)


def good(here: Asked, kind: str) -> dict[str, Any]:
    """A delivery as Slack makes it, by somebody who may decide nothing."""
    parts = here.place.sandbox.parts
    omar, place = parts.workspace.user("omar"), parts.workspace.channel("#content")
    url = parts.response_urls.mint(user_id=omar.id, channel_id=place.id)
    trigger = parts.triggers.mint(omar.id)
    at = parts.workspace.mint_ts()
    said = {"user": omar.id, "text": f"status {CANARY}", "ts": at, "channel": place.id, "event_ts": at}
    if kind == "command":
        return dict(
            parts.payloads.command(omar, place, command="/flow", text="runs", trigger_id=trigger, response_url=url)
        )
    events = {
        "dm": {**said, "type": "message", "channel": "D0OMAR", "channel_type": "im"},
        "mention": {**said, "type": "app_mention", "files": [{"id": "F1", "name": "a", "size": 1, "mimetype": "x/y"}]},
        "home": {"type": "app_home_opened", "user": omar.id, "tab": "home", "channel": "D0OMAR", "event_ts": at},
        "joined": {"type": "member_joined_channel", "user": "U0BOT", "channel": place.id, "event_ts": at},
    }
    if kind in events:
        return dict(parts.payloads.event(events[kind]))
    types = {"click": "block_actions", "submission": "view_submission", "suggestion": "block_suggestion"}
    name = types.get(kind, "view_closed" if kind == "closed" else kind)
    body = dict(parts.payloads.interaction(name, omar, trigger)) | {"response_url": url}
    view = {
        "id": "V1", "type": "modal", "hash": at, "callback_id": "gate_reject", "private_metadata": here.gate.id,
        "state": {"values": {"reason": {"reason": {"type": "plain_text_input", "value": CANARY}}}},
    }  # fmt: skip
    action = {"type": "button", "action_id": "gate_approve", "block_id": "b", "value": here.gate.id, "action_ts": at}
    container = {"type": "message", "message_ts": here.ts, "channel_id": here.channel}
    more: dict[str, dict[str, Any]] = {
        "click": {"container": container, "channel": {"id": here.channel, "name": "content"}, "actions": [action]},
        "submission": {"view": view},
        "suggestion": {"view": view, "action_id": "workflow", "block_id": "b", "value": "he"},
        "closed": {"view": view},
        "shortcut": {"callback_id": "start"},
        "message_action": {"callback_id": "start_on", "channel": {"id": place.id}, "message": said},
    }
    return body | more[kind]


async def send(here: Asked, kind: str, payload: Any) -> int:
    """Post it, well signed."""
    if kind == "command" and isinstance(payload, dict):
        flat = {name: value if isinstance(value, str) else str(value) for name, value in payload.items()}
        body = urlencode(flat, errors="replace").encode()
        content_type = "application/x-www-form-urlencoded"
    elif kind in ("dm", "mention", "home", "joined"):
        body, content_type = written(payload), "application/json"
    else:
        body = urlencode({"payload": written(payload).decode()}).encode()
        content_type = "application/x-www-form-urlencoded"
    at = str(here.place.engine.clock.now() // 1_000)
    secret = here.place.sandbox.signing_secret.encode()
    mark = hmac.new(secret, f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": content_type,
        "x-slack-request-timestamp": at,
        "x-slack-signature": f"v0={mark}",
    }
    url = here.place.sandbox.http_url
    assert url is not None
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("kind", KINDS)
@tries(40)
@given(twists=TWISTS)
async def test_no_payload_stops_the_service_or_decides_or_is_left_without_an_end(
    here: Asked, kind: str, twists: list[Twist]
) -> None:
    payload = twisted(good(here, kind), twists)
    with structlog.testing.capture_logs() as lines:
        status = await send(here, kind, payload)
        await all_answered(here)
    assert status in (200, 400, 404), (status, lines)
    assert CANARY not in str(lines)
    assert not [line for line in lines if line["event"] in NETS], lines
    assert (await here.look()).state is GateState.OPEN


async def test_after_all_of_that_people_are_served(here: Asked) -> None:
    before = len(here.place.direct("omar"))
    payload = good(here, "dm")
    payload["event"]["text"] = "ping"
    assert await send(here, "dm", payload) == 200
    await all_answered(here)
    assert len(here.place.direct("omar")) == before + 1
    assert "here" in here.place.direct("omar")[-1].lower(), here.place.direct("omar")[-1]
