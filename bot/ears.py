"""Ears: the connections through which Slack reaches us, opened together and drained before they close."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import structlog
from anyio.abc import TaskGroup
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.app import Hearing, bolt_app, ourselves_of, unreadable
from bot.desk.worker import Worker
from bot.slack import Slack, SlackFault
from bot.unrecorded import Unrecorded
from engine.api import Engine
from engine.faults import SettingsFault
from store.model import Millis
from store.receipts import Receipt

log = structlog.get_logger()

CONNECTIONS = 2  # they are refreshed at different times, so that one is always open
PING_SECONDS = 5.0
FIRST_SECONDS = 10.0  # how long the start waits for a connection before it goes on without
LOOK_SECONDS = 5.0
DOWN_MAX_MS = 120_000  # after this the handler is given up and made anew
DRAIN_SECONDS = 5.0
WRONG_TOKEN = frozenset({"invalid_auth", "not_authed", "not_allowed_token_type", "token_revoked", "account_inactive"})


@dataclass(frozen=True, slots=True)
class EarsHealth:
    """How well Slack reaches us."""

    mode: Literal["socket", "http"]
    wanted: int
    connected: int
    last_heard_at: Millis | None

    @property
    def well(self) -> bool:
        return self.mode == "http" or self.connected > 0


class Ears:
    """Listens over sockets when there is an app token; over signed HTTP the door brings requests to `dispatch`."""

    def __init__(
        self,
        engine: Engine,
        slack: Slack,
        worker: Worker,
        *,
        app_token: str | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self._slack = slack
        self._worker = worker
        self._clock = engine.clock
        self._app_token = app_token
        self._connections = connections
        self._hearing = Hearing(
            engine,
            worker,
            ourselves_of(slack),
            Unrecorded(slack, engine.clock),
            self._serve_at_once,
            slack.capabilities,
        )
        self._app: AsyncApp = bolt_app(slack, self._hearing)
        self._handlers: dict[int, _Handler] = {}
        self._group: TaskGroup | None = None
        self._under_way = 0
        self._draining = False
        self._quiet = anyio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Ears]:
        """Hear for as long as the block lasts. Raises SettingsFault when Slack does not take the app token."""
        first_link = await self._first_link() if self._app_token else None
        async with anyio.create_task_group() as group, anyio.create_task_group() as sockets:
            self._group, self._draining = group, False
            opened = anyio.Event()
            for slot in range(self._connections if self._app_token else 0):
                sockets.start_soon(self._stay_connected, slot, first_link if slot == 0 else None, opened)
            try:
                if self._app_token:
                    await self._first_connection(opened)
                yield self
            finally:
                with anyio.CancelScope(shield=True):
                    await self._drain()
                self._group = None
                sockets.cancel_scope.cancel()
                group.cancel_scope.deadline = anyio.current_time() + DRAIN_SECONDS

    async def dispatch(self, request: AsyncBoltRequest) -> BoltResponse | None:
        """Have Bolt handle a delivery; None while we are closing."""
        if self._draining or self._group is None:
            return None
        self._under_way += 1
        try:
            return await self._app.async_dispatch(request)
        except Exception as error:  # what breaks Bolt where it names the parts of a delivery breaks it each time
            return unreadable(request.body, error)
        finally:
            self._under_way -= 1
            if self._under_way == 0:
                self._quiet.set()
                self._quiet = anyio.Event()

    async def health(self) -> EarsHealth:
        connected = [await handler.client.is_connected() for handler in self._handlers.values()]
        mode: Literal["socket", "http"] = "socket" if self._app_token else "http"
        wanted = self._connections if self._app_token else 0
        return EarsHealth(mode, wanted, sum(connected), self._hearing.last_heard_at)

    def _serve_at_once(self, receipt: Receipt) -> None:
        assert self._group is not None
        self._group.start_soon(self._worker.serve_held, receipt)

    async def _drain(self) -> None:
        """Take nothing more, and let what is under way be written and acknowledged."""
        self._draining = True
        with anyio.move_on_after(DRAIN_SECONDS):
            while self._under_way:
                await self._quiet.wait()

    # Sockets --------------------------------------------------------------------------------------------------------

    async def _first_link(self) -> str | None:
        """Ask for a connection before anything is promised: a wrong token shows here. None when Slack is away."""
        try:
            answer = await self._slack.web.apps_connections_open(app_token=self._app_token or "")
            return str(answer["url"])
        except Exception as error:
            code = _code(error)
            if code in WRONG_TOKEN:
                raise SettingsFault(
                    f"Slack does not accept SLACK_APP_TOKEN ({code}).",
                    hint="Use an app-level token (xapp-…) with connections:write, from Basic Information of your app.",
                ) from None
            log.warning("socket.not_yet", error=code)
            return None

    async def _first_connection(self, opened: anyio.Event) -> None:
        with anyio.move_on_after(FIRST_SECONDS):
            await opened.wait()
        if not opened.is_set():
            log.warning("socket.slow", hint="Slack is not connected yet; it is tried again and again.")

    async def _stay_connected(self, slot: int, link: str | None, opened: anyio.Event) -> None:
        """Keep one connection; the SDK reconnects by itself, and when it fails at that for long it is made anew."""
        while True:
            handler = _Handler(self, self._app, self._app_token or "")
            handler.client.wss_uri = link
            self._handlers[slot] = handler
            try:
                await handler.connect_async()  # type: ignore[no-untyped-call]
                opened.set()
                log.info("socket.connected", slot=slot)
                await self._until_lost(handler)
                log.warning("socket.made_anew", slot=slot)
            finally:
                with anyio.CancelScope(shield=True):
                    await handler.close_async()
            link = None

    async def _until_lost(self, handler: _Handler) -> None:
        """Return when this connection has been down for so long that it will not mend itself."""
        well_at = self._clock.now()
        while self._clock.now() - well_at < DOWN_MAX_MS:
            await anyio.sleep(LOOK_SECONDS)
            if await handler.client.is_connected():
                well_at = self._clock.now()


class _Handler(AsyncSocketModeHandler):
    """One socket whose envelopes count as under way until they are acknowledged."""

    def __init__(self, ears: Ears, app: AsyncApp, app_token: str) -> None:
        logger = logging.getLogger("pointsman.socket")
        logger.setLevel(logging.WARNING)
        counting: Any = _Counting(ears, app)
        super().__init__(counting, app_token, logger=logger, web_client=app.client, ping_interval=PING_SECONDS)

    async def close_async(self) -> None:
        """End what could open another connection, and only then close the one that there is.

        The SDK does it the other way round: one that is made anew in that moment would be closed by nobody.
        """
        client = self.client
        client.closed, client.auto_reconnect_enabled = True, False
        known = (client.current_session_monitor, client.message_receiver, client.message_processor)
        tasks = [task for task in known if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        await super().close_async()  # type: ignore[no-untyped-call]


class _Counting:
    """Stands where the handler expects the app, and counts."""

    def __init__(self, ears: Ears, app: AsyncApp) -> None:
        self.logger = app.logger
        self.client = app.client
        self._ears = ears

    async def async_dispatch(self, request: AsyncBoltRequest) -> BoltResponse:
        """While we are closing nothing is acknowledged: Slack sends events again."""
        return await self._ears.dispatch(request) or BoltResponse(status=503)


def _code(error: Exception) -> str:
    if isinstance(error, SlackFault):
        return error.code
    response: Any = getattr(error, "response", None)
    return str(response["error"]) if response is not None and response.get("error") else type(error).__name__
