"""Addresses beside the Web API: the page itself, response URLs, uploads and downloads."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from bot.sandbox import answers
from bot.sandbox.faults import drop, suffer
from bot.sandbox.parts import Parts
from bot.sandbox.refusals import Json, SlackRefusal

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
        if request.content_type.startswith("multipart/"):
            form = await request.post()
            found = next((one for one in form.values() if isinstance(one, web.FileField)), None)
            content = found.file.read() if found is not None else b""
        else:
            content = await request.read()
        try:
            self._parts.files.receive(request.match_info["file_id"], content)
        except SlackRefusal as refusal:
            return web.Response(text=refusal.code, status=refusal.status)
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.Response:
        """A file's content for the app, which must show its token; without, Slack shows its sign-in page."""
        app = self._parts.workspace.app
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token != self._parts.settings.bot_token or "files:read" not in app.scopes:
            return web.Response(text="<!DOCTYPE html><title>Sign in | Slack</title>", content_type="text/html")
        return self._content(request.match_info["file_id"].partition("-")[2], attachment=True)

    async def show(self, request: web.Request) -> web.Response:
        """A file's content for the page."""
        return self._content(request.match_info["file_id"], attachment=False)

    def _content(self, file_id: str, *, attachment: bool) -> web.Response:
        try:
            record, content = self._parts.files.get(file_id), self._parts.files.content(file_id)
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


def _json(text: str) -> Json | None:
    try:
        body = json.loads(text)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
