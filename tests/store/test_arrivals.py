"""Files arrive in the content folder whole or not at all, and nothing is removed from under whoever refers to it."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from store import leavings
from store.arrivals import FileNotWhole
from store.content import ContentFolder, ContentMissing
from store.faults import StoreFault, StoreFull

DATA = b"%PDF-1.7" * 1_000
HASH = sha256(DATA).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> ContentFolder:
    return ContentFolder(tmp_path / "a.db")


def contents(folder: ContentFolder) -> list[Path]:
    return [one for one in folder.folder.rglob("*") if one.is_file()]


def arrived(folder: ContentFolder, **told: Any) -> Path:
    """A file that has arrived, announced like that."""
    with folder.arrival("brief.pdf") as arriving:
        arriving.write(DATA)
        arriving.kept(**told)
    return folder.path(HASH)


def broken_off(folder: ContentFolder) -> None:
    with folder.arrival("brief.pdf") as arriving:
        arriving.write(DATA)
        raise RuntimeError


def test_a_file_is_nowhere_until_it_is_whole(folder: ContentFolder) -> None:
    with folder.arrival("brief.pdf") as arriving:
        for start in range(0, len(DATA), 1_000):
            arriving.write(DATA[start : start + 1_000])
            with pytest.raises(ContentMissing):
                folder.path(HASH)
        assert arriving.kept(size=len(DATA), digest=HASH) == (HASH, len(DATA))
    assert contents(folder) == [folder.path(HASH)]
    assert folder.path(HASH).read_bytes() == DATA


@pytest.mark.parametrize("told", [{"size": 1}, {"digest": "0" * 64}])
def test_what_is_not_what_was_announced_is_not_kept(folder: ContentFolder, told: dict) -> None:
    with pytest.raises(FileNotWhole, match=r"brief\.pdf did not arrive"):
        arrived(folder, **told)
    assert contents(folder) == []


def test_whatever_breaks_off_leaves_nothing(folder: ContentFolder) -> None:
    with pytest.raises(RuntimeError):
        broken_off(folder)
    assert contents(folder) == []


def test_a_full_disk_is_told_as_one_that_passes(folder: ContentFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFull):
        arrived(folder)
    assert contents(folder) == []


def test_a_file_of_the_workshop_is_moved_and_keeps_its_place_on_the_disk(folder: ContentFolder) -> None:
    folder.workshop.mkdir(parents=True)
    path = folder.workshop / "report.pdf"
    path.write_bytes(DATA)
    inode = path.stat().st_ino
    assert folder.taken_over(path, "report.pdf") == (HASH, len(DATA))
    assert folder.path(HASH).stat().st_ino == inode
    assert not path.exists()


def test_a_file_that_has_another_name_is_copied_since_it_may_be_written_to_by_that(folder: ContentFolder) -> None:
    folder.workshop.mkdir(parents=True)
    path, other = folder.workshop / "report.pdf", folder.workshop / "other.pdf"
    path.write_bytes(DATA)
    other.hardlink_to(path)
    assert folder.taken_over(path, "report.pdf") == (HASH, len(DATA))
    other.write_bytes(b"changed")
    assert folder.path(HASH).read_bytes() == DATA


def test_a_folder_is_no_file(folder: ContentFolder) -> None:
    (folder.workshop / "report.pdf").mkdir(parents=True)
    with pytest.raises(StoreFault, match="no plain file"):
        folder.taken_over(folder.workshop / "report.pdf", "report.pdf")


def test_a_file_that_is_there_already_becomes_young_and_is_not_taken_away(folder: ContentFolder) -> None:
    path = arrived(folder)
    os.utime(path, (1, 1))
    assert folder.taken_over(path, "again.pdf") == (HASH, len(DATA))
    assert leavings.removed(folder.folder, [HASH], before=2_000) == 0
    os.utime(path, (1, 1))
    assert leavings.removed(folder.folder, [HASH], before=2_000) == 1


@pytest.mark.parametrize("old", [True, False])
def test_who_refers_to_a_file_while_it_is_looked_at_learns_what_became_of_it(
    folder: ContentFolder, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    arrived(folder)
    told: list[str] = []

    def refer() -> None:
        try:
            folder.held(HASH)
            told.append("held")
        except ContentMissing:
            told.append("gone")

    referring = Thread(target=refer)
    since = leavings._since

    def meanwhile(path: Path) -> int:
        """The file is put aside at this moment."""
        referring.start()
        return 0 if old else since(path)

    monkeypatch.setattr(leavings, "_since", meanwhile)
    removed = leavings.removed(folder.folder, [HASH], before=1_000)
    referring.join(10)
    assert (removed, told) == ((1, ["gone"]) if old else (0, ["held"]))
    assert folder.folder.joinpath(HASH[:2], HASH).exists() is not old


def test_what_a_crash_left_goes_when_it_is_old(folder: ContentFolder) -> None:
    arrived(folder)
    half, left = folder.folder / "1.abcd.half", folder.workshop / "run.1" / "x"
    left.mkdir(parents=True)
    (left / "report.pdf").write_bytes(DATA)
    half.write_bytes(DATA)
    leavings.old_in(folder.folder, 0, before=1_000)
    assert half.exists()
    assert left.exists()
    for one in (half, left.parent):
        os.utime(one, (0, 0))
    leavings.old_in(folder.folder, 0, before=1_000)
    assert contents(folder) == [folder.path(HASH)]
