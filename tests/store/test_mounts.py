"""Mounts: a database on another machine is known for what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.doctor import home
from store import mounts
from store.mounts import network_kind
from tests.support.engines import plan, running, step

TABLE = r"""
overlay / overlay rw 0 0
/dev/sda1 /srv ext4 rw 0 0
nas:/vol /srv/shared nfs4 rw,vers=4.2 0 0
/dev/sdb1 /srv/shared/local xfs rw 0 0
//nas/team\040files /mnt/team\040files cifs rw 0 0
me@host: /home/me/far fuse.sshfs rw 0 0
portal /run/user/1000/doc fuse.portal rw 0 0
odd
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mounts"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/pointsman.db", None),
        ("/srv/pointsman.db", None),
        ("/srv/shared/pointsman.db", "nfs4"),
        ("/srv/shared/deep/er/pointsman.db", "nfs4"),
        ("/srv/shared-not/pointsman.db", None),
        ("/srv/shared/local/pointsman.db", None),
        ("/mnt/team files/pointsman.db", "cifs"),
        ("/home/me/far/pointsman.db", "fuse.sshfs"),
        ("/run/user/1000/doc/pointsman.db", None),
    ],
)
def test_the_innermost_mount_says_where_a_file_lies(table: Path, path: str, kind: str | None) -> None:
    assert network_kind(Path(path), table) == kind


def test_what_is_mounted_over_another_counts(table: Path) -> None:
    table.write_text(f"{TABLE}nas:/other /srv nfs rw 0 0\n")
    assert network_kind(Path("/srv/pointsman.db"), table) == "nfs"


def test_where_nobody_can_tell_nothing_is_said(tmp_path: Path) -> None:
    assert network_kind(Path("/srv/shared/pointsman.db"), tmp_path / "nowhere") is None


@pytest.fixture
def afar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    table = tmp_path / "mounts"
    table.write_text(f"overlay / overlay rw 0 0\nnas:/vol {tmp_path.resolve()} nfs4 rw 0 0\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    return tmp_path / "pointsman.db"


def test_the_doctor_warns_of_it_with_a_cure(afar: Path) -> None:
    found = {one.part: one for one in home.database(afar)}
    assert (found["volume"].state, "nfs4" in found["volume"].message) == ("warn", True)
    assert "POINTSMAN_DB" in found["volume"].cure


@pytest.mark.anyio
async def test_a_start_warns_of_it_and_goes_on(afar: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(afar, plan(step("a"))):
        pass
    said = capsys.readouterr()
    assert "database.on_network" in said.out + said.err
