"""Clocks that jump: deadlines are moments on the wall, order is that of the record, and nobody sleeps for long."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.clock import WAKE_AT_LEAST_MS, HandClock, SystemClock
from engine.rules.commands import Decide
from store import history
from store.model import RunStatus
from tests.support.engines import MINA, RAVI, ended, gate, person, plan, running, step, waits
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio
HOUR = 3_600_000


class Deaf:
    """A bell that is never heard: it puts down until when somebody would have listened."""

    seconds: float = -1

    async def wait(self) -> None:
        self.seconds = anyio.current_effective_deadline() - anyio.current_time()


@pytest.mark.parametrize("until", [None, 365 * 24 * HOUR])
async def test_who_waits_for_a_far_moment_looks_at_the_wall_every_minute(until: int | None) -> None:
    bell, clock = Deaf(), SystemClock()
    await clock.wait(bell, None if until is None else clock.now() + until)
    assert 0 < bell.seconds <= WAKE_AT_LEAST_MS / 1_000 == 60


async def test_a_clock_that_is_set_back_reorders_nothing(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(step("draft"), gate("review", ["draft"], expires_ms=48 * HOUR), step("publish", after=["review"]))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        clock.advance(-HOUR)
        facts = person(RAVI, "@editors", at=clock.now())
        assert (await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)).refusal is None
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        entries = await engine.database.read(lambda tx: history.of(tx, run.id))
        kinds = [entry.kind for entry in entries]
        assert kinds.index("GateOpened") < kinds.index("DecisionMade") < kinds.index("RunFinished")
        assert entries[-1].at < entries[0].at, "the record keeps what the clock said then"
        await sound(service)


async def test_time_that_leapt_while_nobody_looked_is_made_up_for_at_once(tmp_path: Path) -> None:
    """As on a machine that slept: the wait ends at its moment, not after so much waking time."""
    clock, path = HandClock(), tmp_path / "a.db"
    made = plan(step("pause", "wait", with_={"for": "2h"}), gate("review", expires_ms=3 * HOUR))
    async with running(path, made, clock=clock) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            await service.engine.wait_for(run.id, lambda run: all(s.status == "waiting" for s in run.steps.values()))
        clock.advance(2 * HOUR)
        with anyio.fail_after(20):
            run = await service.engine.wait_for(run.id, lambda run: run.steps["pause"].status == "succeeded")
        assert run.steps["review"].gate.state == "open"
        clock.advance(HOUR)
        assert (await ended(service, run)).steps["review"].gate.state == "expired"
