"""A full disk is called a full disk: by the commands that look, by those that act, and by the doctor."""

import subprocess

import pytest

from tests.support.console import SCRIPT, environment

MOUNTABLE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
STORY = """\
set -e
mkdir disk && mount -t tmpfs -o size=3m disk disk
cp -r workflows disk && cd disk
{pointsman} run hello >/dev/null
cat /dev/zero > ballast 2>/dev/null || true
{pointsman} {words} 2>&1 || true
rm ballast
{pointsman} audit verify
"""


def may_mount(folder) -> bool:
    try:
        tried = [*MOUNTABLE, "mkdir tried && mount -t tmpfs tried tried"]
        return subprocess.run(tried, cwd=folder, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("words", ["doctor", "run hello", "runs", "status", "audit verify"])
def test_a_full_disk_is_named_and_nobody_is_told_to_restore_a_backup(tmp_path, words):
    if not may_mount(tmp_path):
        pytest.skip("this machine lets nobody mount a small disk")
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "hello.yaml").write_text(
        "workflow: hello\nsteps: {a: {uses: transform, with: {said: hi}}}\n"
    )
    story = STORY.format(pointsman=SCRIPT, words=words)
    told = subprocess.run(
        [*MOUNTABLE, story], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False, timeout=60
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "The disk is full" in told.stdout, told.stdout
    assert "Free space" in told.stdout
    assert "damaged" not in told.stdout
    assert "backup" not in told.stdout
    assert "The record is whole" in told.stdout
