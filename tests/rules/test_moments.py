"""How moments are told: the same for everybody, wherever the service stands."""

from __future__ import annotations

import time

import pytest

from engine.rules.gates import rfc3339


@pytest.fixture
def far_west(monkeypatch: pytest.MonkeyPatch):
    """A service that stands in California."""
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_west")
def test_a_moment_is_told_in_utc_with_its_milliseconds() -> None:
    assert rfc3339(1_795_305_600_000) == "2026-11-22T00:00:00.000Z"
    assert rfc3339(1_795_305_600_001) == "2026-11-22T00:00:00.001Z"
