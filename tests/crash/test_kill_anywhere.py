"""A real process, killed before and after every commit, started again, and checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.rules.evolution import fold
from store import history, lookups
from store.database import opened
from store.history import Chain
from store.model import RunStatus
from tests.support.crashing import carry_through

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
POINTS = int(os.environ.get("CRASH_POINTS", "80"))  # more than one run through has


def die_at(path: Path, point: int) -> int:
    """Carry the run through in a process that dies at this point; 0 when it came to its end before."""
    command = [sys.executable, "-m", "tests.support.crashing", str(path), str(point)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, timeout=60)
    assert done.returncode in (0, 9), done.stderr.decode()
    return done.returncode


async def check(path: Path) -> None:
    """The rows are what the history says, and the chain holds."""
    async with opened(path, now=0) as database:
        for run_id in await database.read(lambda tx: [row[0] for row in tx.rows("SELECT id FROM runs")]):
            run = await database.read(lambda tx, run_id=run_id: lookups.run(tx, run_id))
            entries = await database.read(lambda tx, run_id=run_id: history.of(tx, run_id))
            assert fold(None, [entry.event for entry in entries]) == run
        assert await database.read(lambda tx: list(history.verify(tx, Chain()))) == []


async def test_killed_before_and_after_every_commit_the_run_still_ends_well(tmp_path: Path) -> None:
    survived = 0
    for point in range(1, POINTS):
        path = tmp_path / str(point) / "a.db"
        path.parent.mkdir()
        died = die_at(path, point) == 9
        await check(path)
        run = await carry_through(path)
        await check(path)
        assert run.status is RunStatus.SUCCEEDED, f"killed at point {point}: {run.error} {run.reason}"
        assert run.outputs.value == {"text": "crashes"}
        effects = (path.parent / "effects").read_text().split()
        assert effects.count("charge") == 1, f"killed at point {point}: a step that may happen once happened again"
        assert 1 <= effects.count("publish") <= 2
        decided = [step.gate for step in run.steps.values() if step.gate]
        assert all(len(gate.decisions) == 1 for gate in decided)
        if not died:
            survived += 1
            break
    assert survived, f"the run has more than {POINTS} crash points"


async def test_killed_again_and_again_the_run_still_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for point in (7, 5, 9, 6, 8, 5):
        if die_at(path, point) == 0:
            break
        await check(path)
    run = await carry_through(path)
    await check(path)
    assert run.status is RunStatus.SUCCEEDED, run.reason
    assert (tmp_path / "effects").read_text().split().count("charge") == 1
