"""The HTTP interface of a running service: on the Unix socket beside the database, and with tokens on the network."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import structlog
from aiohttp import web
from pydantic import ValidationError

from bot import address
from bot.callers import Caller, Callers, allow
from bot.operations import Operations
from bot.operators import operator
from bot.requests import ROUTES, VERSION, Objection, Request, Route, Start
from bot.settings import Address
from bot.uploads import ADDRESS, Uploads, is_form
from engine.faults import Fault
from store.faults import StoreFault
from store.model import Actor, Json, Millis

BODY_MAX = 1_000_000  # bytes: the largest inputs of a run, several times over
API = Actor("operator", "api", "API")
ALWAYS_TOLD = ("run", "name", "workflow", "existing", "status", "standing", "redone")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Health = Callable[[], Awaitable[Json]]
Redact = Callable[[Json], Json]
Who = Callable[[web.Request], Caller]
Measure = Callable[[], Awaitable[str]]

log = structlog.get_logger("control")


class Control:
    """Serves the table of requests over HTTP. Who asks is known from the socket, or from the token."""

    def __init__(self, operations: Operations, health: Health, measure: Measure, redact: Redact) -> None:
        self._operations = operations
        self._health = health
        self._measure = measure
        self._redact = redact
        self._uploads = Uploads(operations.content)

    @asynccontextmanager
    async def on_socket(self, path: Path) -> AsyncIterator[None]:
        """Listen beside the database; only this user (and root) may connect. A socket left by a crash is replaced."""
        listener = address.bound(path)
        async with _served(self._application(_peer)) as runner:
            await web.SockSite(runner, listener).start()
            try:
                yield
            finally:
                address.given_up(path)

    @asynccontextmanager
    async def on_address(
        self, where: Address, callers: Callers, now: Callable[[], Millis], others: Iterable[web.RouteDef] = ()
    ) -> AsyncIterator[None]:
        """Listen on the network. Without any token the interface is not there, only `/healthz` and `others`."""
        who = _bearer(callers, now) if callers else _nobody
        async with _served(self._application(who, others)) as runner:
            await web.TCPSite(runner, where.host, where.port).start()
            yield

    def _application(self, who: Who, others: Iterable[web.RouteDef] = ()) -> web.Application:
        application = web.Application(client_max_size=BODY_MAX, middlewares=[_errors])
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/metrics", self._metrics(who))
        application.router.add_post(ADDRESS, self._upload(who))
        application.add_routes(others)
        for route in ROUTES:
            application.router.add_route(route.method, route.path, self._handler(route, who))
        application.router.add_route("*", f"{VERSION}/{{rest:.*}}", _unknown_address(who))
        return application

    def _handler(self, route: Route, who: Who) -> Handler:
        async def handle(received: web.Request) -> web.StreamResponse:
            by = who(received)
            allow(by, route.may)
            if route.request is Start and is_form(received):
                request = _understood(route, await self._uploads.start(received))
            else:
                request = await _read(route, received)
            answer = await self._operations.carry_out(request, by.actor)
            return _json(self._redact(answer if "see" in by.may else _in_short(answer)))

        return handle

    def _upload(self, who: Who) -> Handler:
        async def handle(received: web.Request) -> web.StreamResponse:
            allow(who(received), "start")
            return _json(await self._uploads.one(received), 201)

        return handle

    def _metrics(self, who: Who) -> Handler:
        async def handle(received: web.Request) -> web.StreamResponse:
            allow(who(received), "see")
            return web.Response(text=await self._measure(), content_type="text/plain", charset="utf-8")

        return handle

    async def _healthz(self, received: web.Request) -> web.Response:
        health = await self._health()
        return _json(health, 200 if health.get("status") == "ok" else 503)


@asynccontextmanager
async def _served(application: web.Application) -> AsyncIterator[web.AppRunner]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        yield runner
    finally:
        await runner.cleanup()


async def _read(route: Route, received: web.Request) -> Request:
    """The request as it was meant: from the path, the query and the body."""
    given: dict[str, Any] = dict(received.query)
    if route.method == "POST":
        body = await received.read()
        try:
            read = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError as error:
            raise Objection(
                "bad_request", f"The body is not JSON: {error}.", "Send a JSON object.", status=400
            ) from None
        if not isinstance(read, dict):
            raise Objection("bad_request", "The body is not a JSON object.", "Send {…}.", status=400)
        given = read
    return _understood(route, given | {name: received.match_info[name] for name in route.in_path})


def _understood(route: Route, given: Mapping[str, Any]) -> Request:
    try:
        return route.request.model_validate(given)
    except ValidationError as error:
        raise _bad_request(route, error) from None


def _bad_request(route: Route, error: ValidationError) -> Objection:
    problems = [
        f"{'.'.join(map(str, one['loc'])) or 'request'}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    known = ", ".join(route.request.model_fields)
    return Objection("bad_request", "; ".join(problems) + ".", f"{route.path} takes: {known}.", status=400)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever happens, the answer is JSON and says what to do."""
    try:
        return await handler(request)
    except Objection as objection:
        return _json(objection.as_json(), objection.status)
    except (StoreFault, Fault) as fault:
        code = getattr(fault, "code", "store")
        return _json(Objection(code, getattr(fault, "message", str(fault)), fault.hint).as_json(), 503)
    except web.HTTPException as error:
        return _json(Objection("http", f"{error.reason}.").as_json(), error.status)
    except Exception as error:
        if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            return web.Response(status=400)  # they hung up before they had said all of it: nobody reads this
        token = os.urandom(3).hex().upper()
        log.exception("request.failed", address=request.path, token=f"E-{token}")
        said = Objection("internal", f"Something broke on our side (E-{token}).", f"Look for E-{token} in the log.")
        return _json(said.as_json(), 500)


def _in_short(answer: Json) -> Json:
    """What a caller is told of a run who may act on it and not look into it."""
    if not isinstance(answer, dict) or "run" not in answer:
        return answer
    return {key: answer[key] for key in ALWAYS_TOLD if key in answer}


def _unknown_address(who: Who) -> Handler:
    async def handle(received: web.Request) -> web.StreamResponse:
        who(received)
        known = "; ".join(f"{route.method} {route.path}" for route in ROUTES)
        raise Objection("unknown_address", f"There is no {received.method} {received.path}.", known, status=404)

    return handle


def _peer(received: web.Request) -> Caller:
    """The operator at the other end of the Unix socket, as the kernel knows them."""
    transport = received.transport
    connection = None if transport is None else transport.get_extra_info("socket")
    uid = os.getuid()
    if connection is not None and hasattr(socket, "SO_PEERCRED"):
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", raw)
    return Caller(operator(uid))


def _bearer(callers: Callers, now: Callable[[], Millis]) -> Who:
    def who(received: web.Request) -> Caller:
        return callers.identify(received.headers.get("Authorization", ""), received.remote or "", now())

    return who


def _nobody(received: web.Request) -> Caller:
    raise Objection("unknown_address", f"There is no {received.path} here.", status=404)


def _json(value: Json, status: int = 200) -> web.Response:
    headers: Mapping[str, str] = {"Cache-Control": "no-store"}
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json", headers=headers)
