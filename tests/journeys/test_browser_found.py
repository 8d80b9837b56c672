"""Without a browser the journeys fail, and say how to get one."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from tests.support.browser import installed


def test_a_missing_browser_fails_with_the_way_to_install_one(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    nowhere = SimpleNamespace(chromium=SimpleNamespace(executable_path=str(tmp_path / "chrome")))
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        installed(nowhere)


def test_the_browser_that_playwright_brought_is_taken_when_there_is_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    own = tmp_path / "chrome"
    own.touch()
    assert installed(SimpleNamespace(chromium=SimpleNamespace(executable_path=str(own)))) == str(own)
