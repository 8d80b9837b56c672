"""A step that kills whoever carries it out: it stops its own run, with the reason, and nothing else."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.rules.commands import Claim, Resume
from store.model import Retry, RunStatus
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio

FUNCTIONS = """
import os


def die(folder):
    if not os.path.exists(f"{folder}/mended"):
        os._exit(1)
    return "alive"
"""
TWICE = Retry(attempts=9, backoff_min_ms=1, backoff_max_ms=1, crashes=2)


async def test_a_step_that_kills_its_process_pauses_its_run_and_goes_on_when_it_is_mended(tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    poison = step(
        "die",
        "python",
        spec={"call": "functions.py:die"},
        with_={"folder": str(tmp_path)},
        effect="idempotent",
        retry=TWICE,
    )
    made = plan(poison, outputs="${{ steps.die.output }}"), plan(step("only"), workflow="other")
    async with running(tmp_path / "a.db", *made) as service:
        engine = service.engine
        run = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(30):
            run = await engine.wait_for(run.id, lambda run: run.status is RunStatus.PAUSED)
        assert "die was interrupted 2 times" in run.reason
        assert (run.steps["die"].crashes, run.steps["die"].failures) == (2, 0), "crashes use up no tries"
        other = await ended(service, (await engine.start("other", {}, actor=MINA)).run)
        assert other.status is RunStatus.SUCCEEDED
        (tmp_path / "mended").touch()
        await engine.perform(run.id, Resume(MINA))
        assert (await ended(service, run)).outputs.value == "alive"
        await sound(service)


async def test_a_step_that_kills_the_service_at_every_start_is_left_alone_after_its_crashes(tmp_path: Path) -> None:
    """Each attempt was on disk before it began, so that every start can count those that were never reported."""
    path, made = tmp_path / "a.db", plan(step("heavy", retry=TWICE))
    async with running(path, made, drive=False) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
    for _ in range(2):
        async with running(path, made, drive=False) as service:
            await service.runner.drain(0)  # claimed, and nobody lives to report
            service.scheduler.only = {run.id}
            await service.scheduler.recover()
            service.scheduler.only = set()
            assert (await service.engine.perform(run.id, Claim("heavy"))).refusal is None
    async with running(path, made) as service:
        found = await service.engine.look(run.id)
        assert (found.status, found.steps["heavy"].crashes) == (RunStatus.PAUSED, 2)
        assert "interrupted 2 times" in found.reason
