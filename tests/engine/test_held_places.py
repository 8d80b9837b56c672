"""Places are counted from the rows of runs: whoever waits for a next try keeps theirs, and nobody else takes it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.clock import HandClock
from engine.rules.commands import Cancel, Pause
from store.model import Concurrency, Retry, RunStatus
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio
MINUTE = 60_000


async def test_a_run_that_waits_for_its_next_try_keeps_its_place_over_a_restart_and_is_not_given_up(
    tmp_path: Path,
) -> None:
    path, clock, well = tmp_path / "a.db", HandClock(), tmp_path / "well"
    made = plan(
        step(
            "call",
            "command",
            with_={"argv": ["test", "-e", str(well)]},
            effect="idempotent",
            retry=Retry(3, MINUTE, MINUTE),
        ),
        concurrency=Concurrency(1),
    )
    async with running(path, made, clock=clock) as service:
        engine = service.engine
        first = (await engine.start("sample", {}, actor=MINA)).run
        clock.advance(1)
        second = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            await engine.wait_for(first.id, lambda run: run.steps["call"].failures == 1)
        assert (await engine.look(second.id)).status is RunStatus.QUEUED
    well.touch()
    async with running(path, made, clock=clock) as service:
        engine = service.engine
        waiting = [(await engine.look(run.id)).status for run in (first, second)]
        assert waiting == [RunStatus.RUNNING, RunStatus.QUEUED], "a wait between two tries is no end"
        clock.advance(MINUTE)
        assert (await ended(service, first)).status is RunStatus.SUCCEEDED
        assert (await ended(service, second)).status is RunStatus.SUCCEEDED
        await sound(service)


@pytest.mark.parametrize("state", ["retrying", "paused", "queued"])
async def test_a_cancelled_run_gives_its_place_back_whatever_it_waited_for(tmp_path: Path, state: str) -> None:
    clock = HandClock()
    made = plan(
        step("call", "command", with_={"argv": ["false"]}, effect="idempotent", retry=Retry(9, MINUTE, MINUTE)),
        concurrency=Concurrency(1),
    )
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        engine = service.engine
        found = []
        for _ in range(3):
            clock.advance(1)
            found.append((await engine.start("sample", {}, actor=MINA)).run)
        with anyio.fail_after(20):
            await engine.wait_for(found[0].id, lambda run: run.steps["call"].failures == 1)
        chosen = found[1] if state == "queued" else found[0]
        if state == "paused":
            await engine.perform(chosen.id, Pause(MINA, "look first"))
        await engine.perform(chosen.id, Cancel(MINA, "not needed"))
        assert (await ended(service, chosen)).status is RunStatus.CANCELLED
        others = [(await engine.look(run.id)).status for run in found if run.id != chosen.id]
        assert others == [RunStatus.RUNNING, RunStatus.QUEUED], "one place, and nobody skipped or let in besides"
        await sound(service)
