"""The door for signed HTTP: a request is verified before Bolt sees it, and no body is ever written to the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import Clock as SignatureClock
from slack_sdk.signature import SignatureVerifier

from bot.ears import Ears
from bot.manifest import EVENTS_PATH
from engine.clock import Clock
from engine.faults import SettingsFault

log = structlog.get_logger()

AGE_MAX_SECONDS = 300  # what is older, or from the future, may have been recorded by somebody
BODY_MAX = 2_000_000


class HttpDoor:
    """Brings Slack's requests to the ears."""

    def __init__(self, ears: Ears, signing_secret: str, clock: Clock) -> None:
        if not signing_secret.strip():
            raise SettingsFault(
                "SLACK_SIGNING_SECRET is empty.", hint="Copy the Signing Secret from Basic Information of your app."
            )
        self._ears = ears
        self._clock = clock
        self._verifier = SignatureVerifier(signing_secret, _Seconds(clock))

    def routes(self) -> list[web.RouteDef]:
        """To be served beside whatever else listens on the same address."""
        return [web.post(EVENTS_PATH, self._take)]

    @asynccontextmanager
    async def open_at(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve the door alone; gives the port."""
        application = web.Application(client_max_size=BODY_MAX)
        application.add_routes(self.routes())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=2)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            yield int(runner.addresses[0][1])
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        wrong = self._wrong(request, body)
        if wrong:
            log.warning("slack.request_refused", why=wrong, remote=request.remote, bytes=len(body))
            return web.Response(status=401, text="The signature is not valid.")
        if _is_ssl_check(body):
            return web.Response()
        bolt_request = _read(request, body)
        if bolt_request is None:
            log.warning("slack.request_unreadable", remote=request.remote, bytes=len(body))
            return web.Response(status=400, text="The body is neither JSON nor a form that Slack sends.")
        answer = await self._ears.dispatch(bolt_request)
        if answer is None:
            return web.Response(status=503, text="Closing; please send it again.")
        return await to_aiohttp_response(answer)

    def _wrong(self, request: web.Request, body: bytes) -> str:
        """Why a request is not taken: unsigned, stale, or signed with another secret. Empty when it is good."""
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not timestamp or not signature:
            return "unsigned"
        if not timestamp.isascii() or not timestamp.isdigit():
            return "its time is no time"
        if abs(self._clock.now() // 1_000 - int(timestamp)) > AGE_MAX_SECONDS:
            return "stale: signed more than five minutes ago or ahead"
        try:
            good = self._verifier.is_valid(body, timestamp, signature)
        except (TypeError, UnicodeError):
            good = False
        return "" if good else "the signature does not fit the body and our secret"


class _Seconds(SignatureClock):
    """The engine's clock as the SDK reads clocks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now() / 1_000


def _read(request: web.Request, body: bytes) -> AsyncBoltRequest | None:
    """The request as Bolt takes it; None when its body is not what its signature promised."""
    try:
        text = body.decode("utf-8")
        read = AsyncBoltRequest(body=text, query=request.query_string, headers=dict(request.headers))
    except (AttributeError, KeyError, LookupError, RecursionError, TypeError, ValueError):
        return None
    return read if isinstance(read.body, dict) and read.body else None


def _is_ssl_check(body: bytes) -> bool:
    return body.startswith(b"ssl_check=1") and parse_qs(body.decode("utf-8", "replace")).get("ssl_check") == ["1"]
