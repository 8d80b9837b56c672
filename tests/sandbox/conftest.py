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
    """A sandbox whose app may do everything that the sandbox knows; what is said in channels it does not hear."""
    more = {"channels:join", "files:write", "im:read", "reactions:write", "team:read"}
    app = App(scopes=App().scopes | more, events=App().events - {"message.channels", "message.groups"})
    running = Sandbox(default_workspace(app), clock=clock)
    async with running.running():
        yield running


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[AsyncWebClient]:
    async with web_client(sandbox) as made:
        yield made
