"""Who may come in: only browsers and apps on this machine; and what to show when a wait was in vain."""

import json
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.parts import Parts

NAMES = frozenset({"127.0.0.1", "localhost"})
SHOWN_MAX = 12


@web.middleware
async def only_from_here(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse foreign names and origins, so that no web page elsewhere can act in the sandbox by DNS rebinding."""
    host = _address(f"//{request.headers.get('Host', '')}")
    if host[0] not in NAMES:
        raise web.HTTPForbidden(text="the sandbox answers only to 127.0.0.1 and localhost")
    origin = request.headers.get("Origin")
    if origin is not None and _address(origin) not in [(name, host[1]) for name in NAMES]:
        raise web.HTTPForbidden(text="the sandbox answers only to its own page")
    return await handler(request)


def dump(parts: Parts) -> str:
    """The last messages, windows, warnings and exchanges, for reading."""
    lines: list[str] = []
    for channel in parts.workspace.channels.values():
        said = list(parts.workspace.said(channel.id))[-SHOWN_MAX:]
        if said:
            lines.append(f"#{channel.name}")
            lines += [f"  {one['ts']} {one.get('user', '')}: {_brief(one)}" for one in said]
    for user in parts.workspace.users.values():
        lines += [f"only {user.handle} sees: {_brief(one)}" for one in parts.workspace.ephemerals(user.id)[-3:]]
        lines += [f"{user.handle} has open: {view['id']} {view['callback_id']}" for view in parts.views.stack(user.id)]
    lines.append("exchanges")
    lines += [f"  {one.direction} {one.method} {one.status}" for one in list(parts.traffic)[-SHOWN_MAX:]]
    return "\n".join(lines)


def _brief(message: dict[str, object]) -> str:
    blocks = json.dumps(message.get("blocks") or [], ensure_ascii=False)
    return f"{message.get('text', '')!r} {blocks[:200]}"


def _address(url: str) -> tuple[str, int | None]:
    """Host and port of a URL; an empty host when it has none."""
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port
    except ValueError:
        return "", None
