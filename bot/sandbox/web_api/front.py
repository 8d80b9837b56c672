"""The door of /api/: reads the call, checks token, scope and rate, injects faults, answers as Slack does."""

import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.clock import SystemClock
from bot.sandbox.faults import Fault, drop, suffer
from bot.sandbox.parts import Parts
from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.web_api.call import Call, Method
from bot.sandbox.web_api.catalogue import CATALOGUE

APP_SCOPES = "connections:write"


class Front:
    """Answers every call of the Web API, and records it."""

    def __init__(self, parts: Parts, keep: Callable[[], Awaitable[None]]) -> None:
        self._parts = parts
        self._keep = keep
        self._watch = SystemClock()

    async def handle(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        began = self._watch.now()
        arguments, token = await _read(request)
        fault = self._parts.faults.take(name)
        if fault is not None and fault.kind == "drop_before":
            self._record(name, arguments, None, "dropped before", began)
            return drop(request)
        status, headers, body = await self._answer(name, arguments, token, fault)
        if fault is not None and fault.kind == "drop_after":
            self._record(name, arguments, body, "dropped after", began)
            return drop(request)
        self._record(name, arguments, body, "ok" if body.get("ok") else str(body.get("error")), began)
        await self._keep()
        return web.json_response(body, status=status, headers=headers)

    async def _answer(
        self, name: str, arguments: Json, token: str, fault: Fault | None
    ) -> tuple[int, dict[str, str], Json]:
        try:
            if fault is not None:
                await suffer(fault)
            method = self._method(name)
            call = Call(self._parts, arguments)
            headers = self._admit(method, call, token)
            wait = self._parts.limits.take(name, method.tier)
            if wait:
                raise SlackRefusal("ratelimited", status=429, headers={"Retry-After": str(wait)})
            return 200, headers, {"ok": True, **await method.answer(call)}
        except SlackRefusal as refusal:
            return refusal.status, refusal.headers, refusal.body()

    def _method(self, name: str) -> Method:
        method = CATALOGUE.get(name)
        if method is None or name in self._parts.settings.disabled_methods:
            raise SlackRefusal("unknown_method", req_method=name)
        return method

    def _admit(self, method: Method, call: Call, token: str) -> dict[str, str]:
        """Check the token and its scopes; gives the headers that Slack adds to say which there are."""
        if method.token == "none":  # noqa: S105
            return {}
        if not token:
            raise SlackRefusal("not_authed")
        settings = self._parts.settings
        if method.token == "app":  # noqa: S105
            self._expect(token, settings.app_token, settings.bot_token)
            return {"x-oauth-scopes": APP_SCOPES, "x-accepted-oauth-scopes": APP_SCOPES}
        self._expect(token, settings.bot_token, settings.app_token)
        provided = ",".join(sorted(self._parts.workspace.app.scopes))
        needed = method.needed(call)
        missing = [one for one in needed if one not in self._parts.workspace.app.scopes]
        if missing and settings.strict:
            raise SlackRefusal("missing_scope", needed=",".join(missing), provided=provided)
        return {"x-oauth-scopes": provided, "x-accepted-oauth-scopes": ",".join(needed)}

    def _expect(self, token: str, right: str, other_kind: str) -> None:
        if hmac.compare_digest(token, right):
            return
        raise SlackRefusal("not_allowed_token_type" if token == other_kind else "invalid_auth")

    def _record(self, name: str, arguments: Json, body: Any, status: str, began: int) -> None:
        entry = self._parts.traffic.record(
            at=self._parts.clock.now(),
            direction="to_slack",
            kind="web_api",
            method=name,
            request=arguments,
            response=body,
            status=status,
            ms=self._watch.now() - began,
        )
        self._parts.feed.publish({"type": "traffic", "entry": entry.as_json()})


async def _read(request: web.Request) -> tuple[Json, str]:
    """The arguments of a call, from the query and a form or JSON body; and its token."""
    arguments: Json = dict(request.query)
    if request.content_type == "application/json":
        text = await request.text()
        try:
            inner = json.loads(text) if text else {}
        except ValueError:
            inner = {}
        arguments |= inner if isinstance(inner, dict) else {}
    elif request.method == "POST":
        arguments |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    inline = str(arguments.pop("token", "") or "")
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return arguments, token.strip() if kind == "Bearer" else inline
