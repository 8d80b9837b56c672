"""A running sandbox on a clock moved by hand, and clients for it."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.apps import App
from bot.sandbox.people import default_workspace
from bot.sandbox.server import Sandbox
from tests.support.bolt_app import web_client
from tests.support.hand_clock import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def sandbox(clock: HandClock) -> AsyncIterator[Sandbox]:
    """A sandbox whose app may do everything that the sandbox knows."""
    more = {"channels:join", "files:write", "im:read", "reactions:write", "team:read"}
    running = Sandbox(default_workspace(App(scopes=App().scopes | more)), clock=clock)
    async with running.running():
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncWebClient]:
    async with web_client(sandbox) as made:
        yield made
