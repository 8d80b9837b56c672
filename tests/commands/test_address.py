"""Where a service is reached: beside its database, and elsewhere when that path is too long for a socket."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from bot import address

LONG = "a" * 90


def test_the_socket_stands_beside_the_database(tmp_path: Path) -> None:
    short = Path("/tmp/short/a.db")
    assert address.socket_path(short) == Path("/tmp/short/a.db.sock")


@pytest.mark.parametrize("temporary", ["", LONG], ids=["a short temporary folder", "a long one"])
def test_a_path_too_long_for_a_socket_gets_one_that_can_be_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: str
) -> None:
    if temporary:
        (tmp_path / temporary).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / temporary))
    path = address.socket_path(tmp_path / LONG / "a.db")
    assert path == address.socket_path(tmp_path / LONG / "a.db"), "whoever asks finds it again"
    assert path != address.socket_path(tmp_path / LONG / "b.db")
    with address.bound(path) as listener:
        listener.listen()
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))
    address.given_up(path)
    assert not path.exists()
