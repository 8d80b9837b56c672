"""Carries payloads to the app, over a socket or by signed HTTP, waits for the ack, and repeats lost events."""

import hashlib
import hmac
import json
import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import anyio

from bot.sandbox.clock import Clock, SystemClock
from bot.sandbox.faults import Faults
from bot.sandbox.feed import Feed
from bot.sandbox.refusals import Json
from bot.sandbox.settings import Settings
from bot.sandbox.sockets import Sockets
from bot.sandbox.traffic import Traffic

# How long after a failed attempt the next one follows.
RETRY_DELAYS_MS = (0, 60_000, 300_000)
# A clock moved by hand rings no bell, so due retries are looked for this often while there are any.
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a delivery ended: the app's answer, or Slack's word for what went wrong."""

    acked: bool
    payload: Any = None
    error: str | None = None
    stop_retries: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """An event that waits for its next attempt."""

    body: Json
    attempt: int
    reason: str
    due_at: int


class Delivery:
    """One door from the workspace to the app."""

    def __init__(
        self, *, clock: Clock, feed: Feed, sockets: Sockets, faults: Faults, traffic: Traffic, settings: Settings
    ) -> None:
        self._clock = clock
        self._watch = SystemClock()
        self._feed = feed
        self._sockets = sockets
        self._faults = faults
        self._traffic = traffic
        self._settings = settings
        self._retries: list[Retry] = []
        self._more = anyio.Event()
        self._session: aiohttp.ClientSession | None = None

    @property
    def retries(self) -> tuple[Retry, ...]:
        """The events that still wait for another attempt."""
        return tuple(self._retries)

    # Doors

    async def event(self, body: Json) -> Outcome:
        """Deliver an event; when nobody acknowledges, it is repeated up to three times."""
        outcome = await self._send("events_api", body)
        self._plan_retry(body, 0, outcome)
        return outcome

    async def command(self, body: Json) -> Outcome:
        """Deliver a slash command; never repeated."""
        return await self._send("slash_commands", body)

    async def interaction(self, body: Json) -> Outcome:
        """Deliver a click, submission, shortcut or option query; never repeated."""
        return await self._send("interactive", body)

    async def verify_url(self) -> bool:
        """The handshake when an app names its request URL."""
        challenge = hashlib.sha256(str(self._clock.now()).encode()).hexdigest()
        body = {"token": self._settings.verification_token, "challenge": challenge, "type": "url_verification"}
        outcome = await self._by_http("events_api", body, None)
        answer = outcome.payload if isinstance(outcome.payload, dict) else {}
        return outcome.acked and challenge in (answer.get("challenge"), answer.get("text"))

    # Retries

    async def run_due(self, *, everything: bool = False) -> int:
        """Repeat the events whose time has come; gives how many."""
        now = math.inf if everything else self._clock.now()
        due = [one for one in self._retries if one.due_at <= now]
        self._retries = [one for one in self._retries if one.due_at > now]
        for retry in due:
            outcome = await self._send("events_api", retry.body, retry)
            self._plan_retry(retry.body, retry.attempt, outcome)
        return len(due)

    async def loop(self) -> None:
        """Repeat lost events for as long as the sandbox runs."""
        while True:
            if not self._retries:
                self._more = anyio.Event()
                await self._more.wait()
            if not await self.run_due():
                await anyio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _plan_retry(self, body: Json, attempt: int, outcome: Outcome) -> None:
        if outcome.acked or outcome.stop_retries or attempt >= len(RETRY_DELAYS_MS):
            return
        due_at = self._clock.now() + RETRY_DELAYS_MS[attempt]
        reason = "timeout" if self._settings.deliver_by == "socket" else outcome.error or "unknown_error"
        self._retries.append(Retry(body, attempt + 1, reason, due_at))
        self._more.set()

    # Sending

    async def _send(self, kind: str, body: Json, retry: Retry | None = None) -> Outcome:
        fault = self._faults.take(kind)
        if fault is not None and fault.kind == "lose":
            self._record(kind, body, None, "lost")
            return Outcome(False, error="operation_timeout")
        if fault is not None and fault.kind == "delay":
            await anyio.sleep(float(fault.detail.get("ms", 1_000)) / 1_000)
        if fault is None or fault.kind != "duplicate":
            return await self._send_once(kind, body, retry)
        outcomes: list[Outcome] = []

        async def again() -> None:
            outcomes.append(await self._send_once(kind, body, retry))

        async with anyio.create_task_group() as both:
            both.start_soon(again)
            both.start_soon(again)
        return next((one for one in outcomes if one.acked), outcomes[0])

    async def _send_once(self, kind: str, body: Json, retry: Retry | None) -> Outcome:
        began = self._watch.now()
        by_http = self._settings.deliver_by == "http"
        outcome = await (self._by_http if by_http else self._by_socket)(kind, body, retry)
        self._record(kind, body, outcome.payload, "ok" if outcome.acked else outcome.error or "failed", retry, began)
        return outcome

    async def _by_socket(self, kind: str, body: Json, retry: Retry | None) -> Outcome:
        extra: Json | None = None
        if kind == "events_api":
            extra = {
                "retry_attempt": retry.attempt if retry else 0,
                "retry_reason": retry.reason if retry else "",
            }
        ack = await self._sockets.send(kind, body, answerable=kind != "events_api", retry=extra)
        if ack is None:
            return Outcome(False, error="dispatch_failed")
        with anyio.move_on_after(self._settings.ack_deadline_ms / 1_000):
            await ack.came.wait()
        if not ack.came.is_set():
            self._sockets.forget(ack)
            return Outcome(False, error="operation_timeout")
        return Outcome(True, ack.payload)

    async def _by_http(self, kind: str, body: Json, retry: Retry | None) -> Outcome:
        content, content_type = _http_body(kind, body)
        headers = {"content-type": content_type, **self._signature(content)}
        if retry is not None:
            headers |= {"x-slack-retry-num": str(retry.attempt), "x-slack-retry-reason": retry.reason}
        timeout = aiohttp.ClientTimeout(total=self._settings.ack_deadline_ms / 1_000)
        if self._session is None:
            self._session = aiohttp.ClientSession()
        url = self._settings.http_url or ""
        try:
            async with self._session.post(url, data=content, headers=headers, timeout=timeout) as answer:
                text = await answer.text()
                refused = answer.headers.get("x-slack-no-retry") == "1"
                if not 200 <= answer.status < 300:
                    return Outcome(False, error=_error(kind, "http_error"), stop_retries=refused)
                return Outcome(True, _answer(text, answer.content_type))
        except TimeoutError:
            return Outcome(False, error=_error(kind, "http_timeout"))
        except (aiohttp.ClientError, ValueError):
            return Outcome(False, error=_error(kind, "connection_failed"))

    def _signature(self, content: bytes) -> dict[str, str]:
        """Slack's v0 signature over the time and the raw body."""
        # Receivers compare with their own clock, so a clock moved by hand would make every signature stale.
        timestamp = str(self._watch.now() // 1_000)
        signed = b"v0:" + timestamp.encode() + b":" + content
        digest = hmac.new(self._settings.signing_secret.encode(), signed, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={digest}"}

    def _record(
        self, kind: str, body: Json, answer: Any, status: str, retry: Retry | None = None, began: int | None = None
    ) -> None:
        entry = self._traffic.record(
            at=self._clock.now(),
            direction="to_app",
            kind=self._settings.deliver_by,
            method=kind,
            request={**body, "retry_attempt": retry.attempt, "retry_reason": retry.reason} if retry else body,
            response=answer,
            status=status,
            ms=0 if began is None else self._watch.now() - began,
        )
        self._feed.publish({"type": "traffic", "entry": entry.as_json()})


def _http_body(kind: str, body: Json) -> tuple[bytes, str]:
    """Events travel as JSON, commands as form fields, interactions as one form field with JSON in it."""
    if kind == "events_api":
        return json.dumps(body).encode(), "application/json"
    fields = body if kind == "slash_commands" else {"payload": json.dumps(body)}
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _answer(text: str, content_type: str) -> Any:
    if not text:
        return None
    if content_type != "application/json":
        return {"text": text}
    try:
        return json.loads(text)
    except ValueError:
        return {"text": text}


def _error(kind: str, http_error: str) -> str:
    """Events know HTTP's own reasons; a person sees only that the app is slow or gone."""
    if kind == "events_api":
        return http_error
    return "operation_timeout" if http_error == "http_timeout" else "dispatch_failed"
