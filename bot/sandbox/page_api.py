"""What the page asks of the server: state, messages, the live line, acting, traffic, faults, settings."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from aiohttp import web

from bot.sandbox import stage
from bot.sandbox.blocks.reading import STATE_FIELDS
from bot.sandbox.clicking import ClickOutcome, Person
from bot.sandbox.entering import NotPossible
from bot.sandbox.parts import Parts
from bot.sandbox.refusals import Json, SlackRefusal

PIECE_BYTES = 256 * 1024
SETTINGS = frozenset({"deliver_by", "http_url", "ack_deadline_ms", "edit_window_ms", "banner", "strict"})
Doing = Callable[[Person, Json], Awaitable[Json]]


class PageApi:
    """The `/sandbox/…` addresses."""

    def __init__(self, parts: Parts, act_as: Callable[[str], Person], keep: Callable[[], Awaitable[None]]) -> None:
        self._parts = parts
        self._act_as = act_as
        self._keep = keep
        self._doings: dict[str, Doing] = {
            "say": _say,
            "command": _command,
            "click": _click,
            "submit_view": _submit,
            "close_view": _close,
            "open_home": self._open_home,
            "shortcut": _shortcut,
            "options": _options,
            "read": self._read,
            "dismiss": self._dismiss,
        }

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/state", self.state),
            web.get("/sandbox/messages", self.messages),
            web.get("/sandbox/live", self.live),
            web.post("/sandbox/act", self.act),
            web.post("/sandbox/upload", self.upload),
            web.get("/sandbox/traffic", self.traffic),
            web.get("/sandbox/faults", self.faults),
            web.post("/sandbox/faults", self.add_fault),
            web.delete("/sandbox/faults", self.clear_faults),
            web.post("/sandbox/settings", self.settings),
        ]

    # Looking

    async def state(self, request: web.Request) -> web.Response:
        return web.json_response(stage.state(self._parts, self._person(request.query).user))

    async def messages(self, request: web.Request) -> web.Response:
        person = self._person(request.query)
        channel = self._parts.workspace.find_channel(request.query.get("channel", ""))
        if channel is None or (channel.kind != "channel" and person.id not in channel.members):
            raise _refused("channel_not_found", 404)
        thread_ts = request.query.get("thread_ts") or None
        if thread_ts is None:
            self._parts.workspace.mark_read(person.id, channel.id)
        return web.json_response({"messages": stage.messages(self._parts, person.user, channel, thread_ts)})

    async def live(self, request: web.Request) -> web.WebSocketResponse:
        """Push what happens, until the page goes away."""
        person = self._person(request.query)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        with self._parts.feed.listening(person.id) as items:
            async with anyio.create_task_group() as both:

                async def push() -> None:
                    try:
                        async for item in items:
                            await socket.send_json(item)
                    except (ConnectionError, RuntimeError):
                        pass
                    both.cancel_scope.cancel()

                both.start_soon(push)
                async for _ in socket:
                    pass
                both.cancel_scope.cancel()
        return socket

    async def traffic(self, request: web.Request) -> web.Response:
        after = request.query.get("after") or "0"
        entries = self._parts.traffic.after(int(after) if after.isdigit() else 0)
        return web.json_response({"traffic": [entry.as_json() for entry in entries]})

    # Acting

    async def act(self, request: web.Request) -> web.Response:
        body = await _body(request)
        doing = self._doings.get(str(body.get("do")))
        if doing is None:
            raise _refused(f"a person cannot {body.get('do')!r}; choose one of {', '.join(sorted(self._doings))}", 400)
        person = self._person(body)
        try:
            answer = await doing(person, body)
        except (NotPossible, LookupError) as error:
            reason = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            raise _refused(reason, 400) from error
        await self._keep()
        return web.json_response({"ok": True, **answer})

    async def upload(self, request: web.Request) -> web.Response:
        """A file from somebody's disk, as it comes: `?as=NAME&name=FILE`."""
        person = self._person(request.query)
        name = request.query.get("name") or "file"
        try:
            record = await self._parts.files.bring(name, request.content.iter_chunked(PIECE_BYTES), person.id)
        except SlackRefusal as refusal:
            raise _refused(f"{name} is too large for Slack ({refusal.code})", 413) from refusal
        await self._keep()
        return web.json_response({"ok": True, "file": record})

    async def faults(self, request: web.Request) -> web.Response:
        return web.json_response(self._faults())

    async def add_fault(self, request: web.Request) -> web.Response:
        body = await _body(request)
        try:
            self._parts.faults.add(**body)
        except (TypeError, ValueError) as error:
            raise _refused(str(error), 400) from error
        return web.json_response(self._faults())

    async def clear_faults(self, request: web.Request) -> web.Response:
        self._parts.faults.clear()
        return web.json_response(self._faults())

    async def settings(self, request: web.Request) -> web.Response:
        """Change settings; `limits`, `disabled_methods`, `refresh_connections` and `retry_now` are understood too."""
        body = await _body(request)
        if body.get("deliver_by") not in (None, "socket", "http"):
            raise _refused("deliver_by is socket or http", 400)
        for name in SETTINGS & set(body):
            setattr(self._parts.settings, name, body[name])
        if "limits" in body:
            self._parts.limits.enabled = bool(body["limits"])
        if "disabled_methods" in body:
            self._parts.settings.disabled_methods = set(body["disabled_methods"])
        if body.get("refresh_connections"):
            await self._parts.sockets.refresh()
        if body.get("retry_now"):
            await self._parts.delivery.run_due(everything=True)
        self._parts.feed.publish({"type": "state"})
        return web.json_response(self._faults())

    def _faults(self) -> Json:
        return {"ok": True, "faults": self._parts.faults.as_json(), "deliver_by": self._parts.settings.deliver_by}

    def _person(self, asked: Any) -> Person:
        name = str(asked.get("as") or "")
        try:
            return self._act_as(name)
        except LookupError as error:
            raise _refused(str(error), 404) from error

    async def _open_home(self, person: Person, body: Json) -> Json:
        await person.open_home(str(body.get("tab") or "home"))
        return {"view": person.home}

    async def _read(self, person: Person, body: Json) -> Json:
        self._parts.workspace.mark_read(person.id, person.channel(body["channel"]).id)
        return {}

    async def _dismiss(self, person: Person, body: Json) -> Json:
        self._parts.workspace.forget_whisper(person.id, str(body["ts"]))
        return {}


async def _say(person: Person, body: Json) -> Json:
    message = await person.say(
        body["channel"],
        str(body.get("text") or ""),
        body.get("thread_ts") or None,
        files=body.get("files") or (),
        reply_broadcast=bool(body.get("reply_broadcast")),
    )
    return {"ts": message["ts"], "message": message}


async def _command(person: Person, body: Json) -> Json:
    command, _, rest = str(body["text"]).strip().partition(" ")
    answer = await person.command(command, rest, channel=body["channel"])
    return {"ok": answer.acked, "text": answer.text, "error": answer.error}


async def _click(person: Person, body: Json) -> Json:
    selected = _chosen(body)
    values = (body.get("state") or {}).get("values") or {}
    if body.get("view_id"):
        outcome = await person.click_view(
            body["view_id"], body["action_id"], body.get("block_id"), selected=selected, values=values
        )
    else:
        outcome = await person.click(
            body["channel"],
            str(body["ts"]),
            body["action_id"],
            body.get("block_id"),
            selected=selected,
            values=values,
        )
    return _outcome(outcome)


async def _submit(person: Person, body: Json) -> Json:
    outcome = await person.submit(body["view_id"], body.get("values") or {})
    ok = outcome.error is None and not outcome.errors
    return {"ok": ok, "errors": outcome.errors, "closed": outcome.closed, "error": outcome.error}


async def _close(person: Person, body: Json) -> Json:
    return _outcome(await person.close(body["view_id"], all_of_them=bool(body.get("is_cleared"))))


async def _shortcut(person: Person, body: Json) -> Json:
    place = {"channel": str(body.get("channel") or ""), "ts": str(body.get("ts") or "")}
    return _outcome(await person.shortcut(body["callback_id"], **place))


async def _options(person: Person, body: Json) -> Json:
    return await person.suggest(
        str(body.get("value") or ""),
        body["action_id"],
        view_id=str(body.get("view_id") or ""),
        channel=str(body.get("channel") or ""),
        ts=str(body.get("ts") or ""),
    )


def _chosen(body: Json) -> Any:
    """What the page says was chosen, whatever the element calls it."""
    for name in ("selected", *dict.fromkeys(name for name, _ in STATE_FIELDS.values())):
        if body.get(name) is not None:
            return body[name]
    return None


def _outcome(outcome: ClickOutcome) -> Json:
    return {"ok": outcome.acked, "error": outcome.error}


async def _body(request: web.Request) -> Json:
    try:
        body = json.loads(await request.text())
    except ValueError as error:
        raise _refused("the body must be JSON", 400) from error
    if not isinstance(body, dict):
        raise _refused("the body must be a JSON object", 400)
    return body


def _refused(reason: str, status: int) -> web.HTTPException:
    refusal = web.HTTPNotFound if status == 404 else web.HTTPBadRequest
    return refusal(text=json.dumps({"ok": False, "error": reason}), content_type="application/json")
