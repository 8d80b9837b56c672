"""Fixtures that every area may use."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The same examples each time: what goes in is judged by what was changed, not by luck. `deep` looks further each time.
settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=2_000, deadline=None)
settings.load_profile("quick")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
