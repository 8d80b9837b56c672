"""Socket Mode: the open connections of the app, and one envelope to one of them at random."""

import json
import random
import uuid
from dataclasses import dataclass, field

import aiohttp
import anyio
from aiohttp import web

from bot.sandbox.feed import Feed
from bot.sandbox.refusals import Json, SlackRefusal

CONNECTIONS_MAX = 10


@dataclass(slots=True, eq=False)
class Connection:
    """One WebSocket; a refreshed one takes nothing more but may still acknowledge."""

    request: web.Request
    socket: web.WebSocketResponse
    fresh: bool = True


@dataclass(slots=True)
class Ack:
    """An acknowledgement that is waited for."""

    came: anyio.Event = field(default_factory=anyio.Event)
    payload: Json | None = None


class Sockets:
    """Hands out one-time links, says hello, sends envelopes, matches acknowledgements by envelope id."""

    def __init__(self, app_id: str, feed: Feed, order: random.Random) -> None:
        self.prefix = ""
        self.debug_host = "applink-sandbox"
        self._app_id = app_id
        self._feed = feed
        self._order = order
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._awaited: dict[str, Ack] = {}

    @property
    def count(self) -> int:
        """How many connections take envelopes."""
        return len(self._live())

    def mint_link(self) -> str:
        """A WebSocket URL that works once."""
        if len(self._connections) >= CONNECTIONS_MAX:
            raise SlackRefusal("too_many_websockets")
        ticket = str(uuid.uuid4())
        self._tickets.add(ticket)
        return f"{self.prefix}/link/?ticket={ticket}&app_id={self._app_id}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection from hello to goodbye."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden(text="this link was used already; ask apps.connections.open for another one")
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse(heartbeat=30, max_msg_size=4_000_000)
        await socket.prepare(request)
        connection = Connection(request, socket)
        self._connections.append(connection)
        try:
            await socket.send_json(self._hello())
            self._feed.touch()
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    self._take_ack(message.data)
        finally:
            self._connections.remove(connection)
            self._feed.touch()
        return socket

    async def send(self, kind: str, payload: Json, *, answerable: bool, retry: Json | None = None) -> Ack | None:
        """Send one envelope to one connection; None when the app is not connected."""
        envelope_id = str(uuid.uuid4())
        envelope = {
            "envelope_id": envelope_id,
            "type": kind,
            "accepts_response_payload": answerable,
            "payload": payload,
            **(retry or {}),
        }
        ack = self._awaited[envelope_id] = Ack()
        while live := self._live():
            connection = self._order.choice(live)
            try:
                await connection.socket.send_json(envelope)
            except (ConnectionError, aiohttp.ClientError, RuntimeError):
                connection.fresh = False
                continue
            return ack
        del self._awaited[envelope_id]
        return None

    def forget(self, ack: Ack) -> None:
        """Stop waiting for an acknowledgement."""
        self._awaited = {key: one for key, one in self._awaited.items() if one is not ack}

    async def refresh(self, reason: str = "refresh_requested") -> int:
        """Ask every connection to be replaced, as Slack does every few hours; gives how many were asked."""
        asked = self._live()
        for connection in asked:
            connection.fresh = False
            await _tell(connection, {"type": "disconnect", "reason": reason, "debug_info": {"host": self.debug_host}})
        return len(asked)

    def cut(self) -> int:
        """Drop every connection at once, without a goodbye; gives how many there were."""
        cut = list(self._connections)
        for connection in cut:
            connection.fresh = False
            transport = connection.request.transport
            if transport is not None:
                transport.abort()
        return len(cut)

    async def close(self) -> None:
        for connection in list(self._connections):
            connection.fresh = False
            await connection.socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    def _live(self) -> list[Connection]:
        return [one for one in self._connections if one.fresh and not one.socket.closed]

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._live()),
            "debug_info": {
                "host": self.debug_host,
                "build_number": 1,
                "approximate_connection_time": 18_060,
            },
            "connection_info": {"app_id": self._app_id},
        }

    def _take_ack(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            return
        ack = self._awaited.pop(answer.get("envelope_id", ""), None) if isinstance(answer, dict) else None
        if ack is None:
            return
        ack.payload = answer.get("payload")
        ack.came.set()


async def _tell(connection: Connection, frame: Json) -> None:
    try:
        await connection.socket.send_json(frame)
    except (ConnectionError, RuntimeError):
        connection.fresh = False
