"""Who owns a database file, and what becomes of the lock when its owner dies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from store import ownership
from store.faults import DatabaseInUse, StoreFault
from store.ownership import owned

KILLED_WHILE_STARTING_ANOTHER = """
import os, signal, sys
from pathlib import Path
from store.ownership import owned

with owned(Path(sys.argv[1])):
    if os.fork() == 0:  # has a copy of the lock, and goes on with it until it is told to end
        print("copied", flush=True)
        sys.stdin.read()
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_whoever_comes_second_is_told_who_has_it(tmp_path: Path) -> None:
    refused = pytest.raises(DatabaseInUse, match=f"process {os.getpid()}")
    with owned(tmp_path / "a.db"), refused, owned(tmp_path / "a.db"):
        pass
    with owned(tmp_path / "a.db"):
        pass


def test_a_copy_of_the_lock_that_a_killed_owner_left_is_waited_for(tmp_path: Path) -> None:
    words = [sys.executable, "-c", KILLED_WHILE_STARTING_ANOTHER, str(tmp_path / "a.db")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdin is not None
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"copied\n"
        killed.wait()
        threading.Timer(0.1, killed.stdin.close).start()
        with owned(tmp_path / "a.db"):
            assert (tmp_path / "a.db.lock").read_text() == f"{os.getpid()}\n"


def test_it_is_not_waited_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ownership, "LINGER_TRIES", 2)
    words = [sys.executable, "-c", KILLED_WHILE_STARTING_ANOTHER, str(tmp_path / "a.db")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed:
        assert killed.stdin is not None
        assert killed.stdout is not None
        killed.stdout.readline()
        killed.wait()
        with pytest.raises(DatabaseInUse, match=f"process {killed.pid}"), owned(tmp_path / "a.db"):
            pass
        killed.stdin.close()


def test_a_folder_that_cannot_be_made_is_named_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreFault, match=r"cannot be opened: File exists") as refused,
        owned(tmp_path / "file/a.db"),
    ):
        pass
    assert "POINTSMAN_DB" in refused.value.hint
