"""A run with a large document: its evidence is written and checked piece by piece, by processes of their own."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bot.evidence.bundle import exported
from engine.definitions.plan import version_of
from store.content import ContentFolder
from tests.support.engines import MINA, ended, plan, running, step

pytestmark = pytest.mark.anyio

DOCUMENT_BYTES = 48_000_000
GROWTH_MAX_BYTES = 20_000_000
MEASURED = """
import sys
from pathlib import Path

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

{before}
at_first = peak()
{done}
print(peak() - at_first)
"""
EXPORT = {
    "before": "from bot.evidence.bundle import exported\nfrom bot.evidence import page",
    "done": "exported(Path(sys.argv[1]), 'R-YDH', Path(sys.argv[2]))",
}
COLLECT = {
    "before": "from bot.evidence.collection import collected\nfrom bot.requests import Trail",
    "done": "collected(Path(sys.argv[1]), Trail(), Path(sys.argv[2]), int(sys.argv[3]))",
}
CHECK = {
    "before": "import runpy, sys\ncheck = runpy.run_path(sys.argv[2])",
    "done": "sys.argv[1:] = sys.argv[1:2]\nassert check['main']() == 0",
}


async def with_a_document(folder: Path, size: int = DOCUMENT_BYTES) -> tuple[Path, int]:
    """A database with one run that was given a large document, and when it ended."""
    source = folder / "scans.tar"
    with source.open("wb") as file:
        file.truncate(size)
    made = plan(step("size", with_={"bytes": "${{ inputs.document.size }}"}), inputs={"document": {"type": "file"}})
    made = replace(made, version=version_of(made))
    async with running(folder / "a.db", made) as service:
        name, bytes_ = ContentFolder(folder / "a.db").kept_file(source)
        record = {"name": "scans.tar", "media_type": "application/x-tar", "size": bytes_, "hash": name}
        run = await ended(service, (await service.engine.start("sample", {"document": record}, actor=MINA)).run)
        now = service.engine.clock.now()
    source.unlink()
    assert run.name == "R-YDH"
    return folder / "a.db", now


def grown(what: Mapping[str, str], *given: object) -> int:
    """By how many bytes the memory of a process grew at most while it did this."""
    script = MEASURED.format(**what)
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, given)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak of a process")
@pytest.mark.parametrize("what", [EXPORT, COLLECT], ids=["a run", "a collection"])
async def test_a_large_document_is_exported_and_checked_with_little_memory(
    tmp_path: Path, what: Mapping[str, str]
) -> None:
    database, now = await with_a_document(tmp_path)
    target = tmp_path / "evidence.zip"
    assert grown(what, database, target, now + 1_000) < GROWTH_MAX_BYTES
    with zipfile.ZipFile(target) as archive:
        assert max(entry.file_size for entry in archive.infolist()) == DOCUMENT_BYTES
        archive.extract("check.py", tmp_path)
    assert grown(CHECK, target, tmp_path / "check.py") < GROWTH_MAX_BYTES


async def test_a_changed_byte_of_a_large_document_is_found_in_a_folder_as_well(tmp_path: Path) -> None:
    database, _ = await with_a_document(tmp_path)
    exported(database, "R-YDH", tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        archive.extractall(tmp_path / "run")
    script = [sys.executable, "-I", tmp_path / "run" / "check.py"]
    assert subprocess.run(script, capture_output=True, check=False).returncode == 0
    large = max((tmp_path / "run" / "content").iterdir(), key=lambda path: path.stat().st_size)
    with large.open("r+b") as file:
        file.seek(DOCUMENT_BYTES - 1)
        file.write(b"!")
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, f"WRONG: the content {large.name[:12]}… was changed" in done.stdout) == (1, True)


async def test_a_bundle_without_its_list_of_hashes_does_not_hold_together(tmp_path: Path) -> None:
    database, _ = await with_a_document(tmp_path, 100)
    exported(database, "R-YDH", tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        archive.extractall(tmp_path / "run")
    (tmp_path / "run" / "files.json").unlink()
    script = [sys.executable, "-I", tmp_path / "run" / "check.py"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, "WRONG: files.json is not in the bundle" in done.stdout) == (1, True)
