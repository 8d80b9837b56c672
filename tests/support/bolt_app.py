"""A real slack-bolt app connected to a sandbox, over sockets or HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import Sandbox


@asynccontextmanager
async def web_client(sandbox: Sandbox, **options: object) -> AsyncIterator[AsyncWebClient]:
    """A client with one session, which is closed at the end."""
    async with aiohttp.ClientSession() as session:
        options = {"token": sandbox.bot_token, "retry_handlers": [], **options}
        yield AsyncWebClient(base_url=sandbox.api_url, session=session, **options)


def bolt_app(sandbox: Sandbox, client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client, signing_secret=sandbox.signing_secret)


@asynccontextmanager
async def by_socket(
    sandbox: Sandbox, app: AsyncApp, connections: int = 1
) -> AsyncIterator[list[AsyncSocketModeHandler]]:
    """Connect an app by Socket Mode, with so many connections."""
    handlers = [AsyncSocketModeHandler(app, sandbox.app_token) for _ in range(connections)]
    for handler in handlers:
        await handler.connect_async()
    await sandbox.until(lambda: sandbox.connections == connections)
    try:
        yield handlers
    finally:
        for handler in handlers:
            await handler.close_async()


@asynccontextmanager
async def by_http(sandbox: Sandbox, app: AsyncApp) -> AsyncIterator[str]:
    """Serve an app for signed HTTP; gives its request URL."""
    runner = web.AppRunner(app.web_app("/slack/events"), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.deliver_by = "http"
    sandbox.http_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield sandbox.http_url
    finally:
        await runner.cleanup()
