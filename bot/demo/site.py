"""The publisher's small site: posts and tickets that workflows make, and a print shop whose press is down."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.demo import pages
from bot.demo.shelf import KeyReused, Shelf

BODY_MAX = 200_000  # bytes; a post of 12,000 characters fits many times
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POST_KEYS = {"title": 5, "body": 20}
TICKET_KEYS = {"subject": 3, "email": 3, "queue": 2, "state": 4, "text": 3}


class Site:
    """Serves one data folder; writing needs the token, reading does not."""

    def __init__(self, data: Path, token: str) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.posts = Shelf(data / "posts.json")
        self.tickets = Shelf(data / "tickets.json")
        self.url = ""
        self._token = token

    @asynccontextmanager
    async def running(self, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[Site]:
        """Listen until the block ends; `url` then tells where."""
        runner = web.AppRunner(self._application(), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            bound = runner.addresses[0][1]
            self.url = f"http://{host}:{bound}"
            yield self
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=BODY_MAX, middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/", self._front),
                web.get("/posts", self._front),
                web.post("/posts", self._publish),
                web.get("/posts/{id}", self._post),
                web.delete("/posts/{id}", self._unpublish),
                web.get("/tickets", self._desk),
                web.post("/tickets", self._file_ticket),
                web.get("/tickets/{id}", self._ticket),
                web.post("/print-shop/orders", self._print_shop),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What changes something needs the token."""
        given = request.headers.get("Authorization", "")
        if request.method not in ("GET", "HEAD") and not hmac.compare_digest(given, f"Bearer {self._token}"):
            return _problem(401, "Send the site's token as Authorization: Bearer …")
        return await handler(request)

    async def _front(self, request: web.Request) -> web.Response:
        if _wants_json(request):
            return web.json_response([self._told("posts", post) for post in self.posts.all()])
        return _html(pages.front(self.posts.all()))

    async def _post(self, request: web.Request) -> web.Response:
        return self._entry(request, self.posts, "posts", pages.post)

    async def _desk(self, request: web.Request) -> web.Response:
        if _wants_json(request):
            return web.json_response([self._told("tickets", one) for one in self.tickets.all()])
        return _html(pages.tickets(self.tickets.all()))

    async def _ticket(self, request: web.Request) -> web.Response:
        return self._entry(request, self.tickets, "tickets", pages.ticket)

    async def _publish(self, request: web.Request) -> web.Response:
        return await self._place(request, self.posts, "posts", POST_KEYS)

    async def _file_ticket(self, request: web.Request) -> web.Response:
        return await self._place(request, self.tickets, "tickets", TICKET_KEYS)

    async def _unpublish(self, request: web.Request) -> web.Response:
        self.posts.take_off(request.match_info["id"])  # gone is gone, also the second time
        return web.Response(status=204)

    async def _print_shop(self, request: web.Request) -> web.Response:
        await request.read()
        return _problem(503, "The press is down for maintenance; orders open again tomorrow.", {"Retry-After": "1"})

    async def _place(self, request: web.Request, shelf: Shelf, path: str, keys: Mapping[str, int]) -> web.Response:
        """Keep what came, once per idempotency key."""
        try:
            body = await request.json()
        except ValueError:
            return _problem(400, "The body is not JSON.")
        wrong = _wrong(body, keys)
        if wrong:
            return _problem(422, wrong)
        try:
            placed = shelf.place(body, request.headers.get("Idempotency-Key"))
        except KeyReused:
            return _problem(409, "This Idempotency-Key came before, with another body.")
        told = self._told(path, placed.entry)
        return web.json_response(told, status=201 if placed.created else 200, headers={"Location": told["url"]})

    def _entry(
        self, request: web.Request, shelf: Shelf, path: str, page: Callable[[Mapping[str, Any]], str]
    ) -> web.Response:
        entry = shelf.of(request.match_info["id"])
        if entry is None:
            return _problem(404, "There is nothing here.")
        return web.json_response(self._told(path, entry)) if _wants_json(request) else _html(page(entry))

    def _told(self, path: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {**entry, "url": f"{self.url}/{path}/{entry['id']}"}


def _wrong(body: object, keys: Mapping[str, int]) -> str:
    """What keeps this body from being an entry; empty when nothing does."""
    if not isinstance(body, dict):
        return "Send a JSON object."
    for key, least in keys.items():
        if not isinstance(body.get(key), str) or len(body[key].strip()) < least:
            return f"`{key}` must be a text of at least {least} characters."
    return ""


def _wants_json(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return "application/json" in accept and "text/html" not in accept


def _html(text: str) -> web.Response:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})


def _problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response({"error": message}, status=status, headers=headers)
