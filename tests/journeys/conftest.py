"""What the journeys share: one demo and one browser a module with fresh tabs for each test, or one service a module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.browser import Office, chromium
from tests.support.demo_process import Demo, demo_running
from tests.support.service_with_sandbox import WAYS, ServedOffice, served


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo_running(tmp_path_factory.mktemp("demo")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def office(demo: Demo, browser) -> Iterator[Office]:
    office = Office(browser, demo.url)
    yield office
    office.close()
    assert office.errors == []


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=WAYS)
async def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ServedOffice]:
    """A service that Slack reaches by Socket Mode, then one that it reaches by signed HTTP."""
    async with served(tmp_path_factory.mktemp(request.param), request.param) as office:
        yield office
