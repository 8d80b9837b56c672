"""Addresses beside the Web API: the page itself, response URLs, uploads and downloads."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
from aiohttp import BodyPartReader, web

from bot.sandbox import answers
from bot.sandbox.faults import drop, suffer
from bot.sandbox.parts import Parts
from bot.sandbox.refusals import Json, SlackRefusal

PIECE_BYTES = 256 * 1024
STALL_SECONDS = 60.0  # longer than an app waits for the next piece
PAGE = Path(__file__).parent / "page"


class Places:
    """Serves them."""

    def __init__(self, parts: Parts, keep: Callable[[], Awaitable[None]]) -> None:
        self._parts = parts
        self._keep = keep

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/", self.page),
            web.static("/page", PAGE),
            web.post("/response/{token}", self.respond),
            web.post("/upload/v1/{file_id}", self.upload),
            web.get("/files-pri/{file_id}/{name}", self.download),
            web.get("/files-pri/{file_id}/download/{name}", self.download),
            web.get("/files/{user_id}/{file_id}/{name}", self.show),
        ]

    async def page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    async def respond(self, request: web.Request) -> web.Response:
        """An answer over a response URL."""
        body = _json(await request.text())
        fault = self._parts.faults.take("response_url")
        if fault is not None and fault.kind == "drop_before":
            self._record(body, "dropped before")
            return drop(request)
        try:
            if fault is not None:
                await suffer(fault)
            if body is None:
                raise SlackRefusal("invalid_payload", status=400)
            target = self._parts.response_urls.use(request.match_info["token"])
            answers.put(self._parts, target, body)
        except SlackRefusal as refusal:
            self._record(body, refusal.code)
            status = refusal.status if refusal.status != 200 else 400
            return web.json_response(refusal.body(), status=status, headers=refusal.headers)
        if fault is not None and fault.kind == "drop_after":
            self._record(body, "dropped after")
            return drop(request)
        self._record(body, "ok")
        await self._keep()
        return web.Response(text="ok")

    async def upload(self, request: web.Request) -> web.Response:
        """The second step of an upload: the content, raw or as a form's file."""
        try:
            size = await self._parts.files.receive(request.match_info["file_id"], _sent(request))
        except SlackRefusal as refusal:
            return web.Response(text=refusal.code, status=refusal.status)
        return web.Response(text=f"OK - {size}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A file's content for the app, which must show its token; who may not see it gets to the sign-in page."""
        app = self._parts.workspace.app
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != self._parts.settings.bot_token or "files:read" not in app.scopes:
            return _sign_in()
        file_id = request.match_info["file_id"].partition("-")[2]
        try:
            self._parts.files.seen_by_app(file_id)
        except SlackRefusal:
            return _sign_in()
        fault = self._parts.faults.take("download")
        if fault is not None and fault.kind == "drop_before":
            return drop(request)
        if fault is not None and fault.kind in ("drop_after", "stall"):
            return await self._half(request, file_id, stall=fault.kind == "stall")
        try:
            if fault is not None:
                await suffer(fault)
        except SlackRefusal as refusal:
            return web.Response(text=refusal.code, status=refusal.status, headers=refusal.headers)
        return self._content(file_id, attachment=True)

    async def _half(self, request: web.Request, file_id: str, *, stall: bool) -> web.StreamResponse:
        """The connection dies in the middle of the content, or nothing more comes until the app gives up."""
        content = self._parts.files.content(file_id)
        answer = web.StreamResponse(headers={"Content-Length": str(len(content))})
        answer.content_type = self._parts.files.get(file_id)["mimetype"]
        await answer.prepare(request)
        await answer.write(content[: len(content) // 2])
        if stall:
            await anyio.sleep(STALL_SECONDS)
        drop(request)
        return answer

    async def show(self, request: web.Request) -> web.StreamResponse:
        """A file's content for the page."""
        return self._content(request.match_info["file_id"], attachment=False)

    def _content(self, file_id: str, *, attachment: bool) -> web.StreamResponse:
        try:
            record, content = self._parts.files.get(file_id), self._parts.files.stands_at(file_id)
        except SlackRefusal as refusal:
            return web.Response(text=refusal.code, status=404)
        # What people upload is never run as a page of this origin.
        picture = record["mimetype"].startswith("image/") and record["mimetype"] != "image/svg+xml"
        inline = picture and not attachment
        headers = {
            "Content-Disposition": "inline" if inline else "attachment",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
        }
        if isinstance(content, Path):
            return web.FileResponse(content, headers={**headers, "Content-Type": record["mimetype"]})
        return web.Response(body=content, content_type=record["mimetype"], headers=headers)

    def _record(self, body: Json | None, status: str) -> None:
        entry = self._parts.traffic.record(
            at=self._parts.clock.now(),
            direction="to_slack",
            kind="response_url",
            method="response_url",
            request=body,
            response=None,
            status=status,
        )
        self._parts.feed.publish({"type": "traffic", "entry": entry.as_json()})


def _sign_in() -> web.Response:
    return web.Response(text="<!DOCTYPE html><title>Sign in | Slack</title>", content_type="text/html")


async def _sent(request: web.Request) -> AsyncIterator[bytes]:
    """The content as it comes: raw, or as the file of a form."""
    if not request.content_type.startswith("multipart/"):
        async for part in request.content.iter_chunked(PIECE_BYTES):
            yield part
        return
    async for field in await request.multipart():
        if isinstance(field, BodyPartReader) and field.filename is not None:
            while piece := await field.read_chunk(PIECE_BYTES):
                yield piece
            return


def _json(text: str) -> Json | None:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
