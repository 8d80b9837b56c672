from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from bot.recorded_answers import RecordedAnswers
from engine.activities import Tools
from engine.http import HttpClient
from engine.models import Models
from engine.workers.pool import WorkerPool
from engine.workers.process import WorkerOptions
from tests.support.asked_models import models
from tests.support.attempts import Desk, StillClock


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Everything an attempt needs, real: an HTTP client that may reach loopback, worker processes, no models."""
    clock = StillClock()
    async with HttpClient(clock) as http, WorkerPool(WorkerOptions(memory_bytes=512 * 1024**2), size=2) as workers:
        tools = Tools(http=http, workers=workers, models=Models(), allowed_hosts=("127.0.0.1",), clock=clock)
        yield Desk(tools=tools, folder=tmp_path)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Serve one handler for every path on a free port of loopback; gives its URL."""
    async with AsyncExitStack() as stack:

        async def start(handler: Handler, host: str = "127.0.0.1") -> str:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, host, 0).start()
            return f"http://{host}:{runner.addresses[0][1]}"

        yield start


@pytest.fixture
async def ask(desk):
    """Ask models that answer from recordings; both styles of endpoint listen at the same server."""
    async with AsyncExitStack() as stack:

        async def start(*recordings, **more):
            server = RecordedAnswers.parse(list(recordings))
            url = await stack.enter_async_context(server.running())
            desk.tools.models = models(url, **more)
            return server

        yield start
