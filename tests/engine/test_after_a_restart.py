"""What a service must still know when it comes back: how often was tried, what went wrong, and which trace it was."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.clock import HandClock
from engine.rules.commands import Claim, Decide
from engine.service import Service
from store import lookups
from store.model import Retry, Run, RunStatus, StepStatus
from tests.support.engines import MINA, RAVI, ended, gate, person, plan, running, step, waits
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio

MINUTE = 60_000
BY_THE_MINUTE = Retry(attempts=3, backoff_min_ms=MINUTE, backoff_max_ms=MINUTE)
TELL = "echo $TRACEPARENT >> {folder}/told; test -e {folder}/well"


async def failed_so_often(service: Service, run: Run, count: int) -> Run:
    with anyio.fail_after(20):
        return await service.engine.wait_for(
            run.id, lambda run: run.status.finished or run.steps["call"].failures == count
        )


async def test_tries_are_counted_over_restarts(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    made = plan(step("call", "command", with_={"argv": ["false"]}, effect="idempotent", retry=BY_THE_MINUTE))
    async with running(path, made, clock=clock) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        await failed_so_often(service, run, 1)
    for count in (2, 3):
        clock.advance(MINUTE)
        async with running(path, made, clock=clock) as service:
            run = await failed_so_often(service, run, count)
    assert (run.status, run.error.code) == (RunStatus.FAILED, "command_failed")
    async with running(path, made, clock=clock) as service:
        attempts = await service.engine.database.read(lambda tx: lookups.attempts(tx, run.id))
        assert [row.attempt for row in attempts] == [1, 2, 3], "three tries were allowed, whoever made them"
        await sound(service)


async def test_a_failure_reads_the_same_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    made = plan(
        step(
            "call",
            "command",
            with_={"argv": ["sh", "-c", "echo the printer is on fire >&2; exit 3"]},
            retry=Retry(1),
            on_failure="continue",
        ),
        gate("review"),
        step("tell", after=["review"], with_={"error": "${{ steps.call.error }}"}),
        outputs="${{ steps.tell.output.error }}",
    )
    async with running(path, made) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        with anyio.fail_after(20):
            run = await service.engine.wait_for(run.id, lambda run: run.steps["call"].error is not None)
        before = run.steps["call"].error
        assert "the printer is on fire" in before.message
    async with running(path, made) as service:
        engine = service.engine
        assert (await engine.look(run.id)).steps["call"].error == before
        facts = person(RAVI, "@editors", at=engine.clock.now())
        await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)
        run = await ended(service, run)
        assert (run.outputs.value["code"], run.outputs.value["message"]) == (before.code, before.message)


async def test_the_trace_of_a_run_goes_on_with_a_span_for_each_attempt(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    argv = ["sh", "-c", TELL.format(folder=tmp_path)]
    made = plan(step("call", "command", with_={"argv": argv}, effect="idempotent", retry=BY_THE_MINUTE))
    async with running(path, made, clock=clock) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        await failed_so_often(service, run, 1)
    (tmp_path / "well").touch()
    clock.advance(MINUTE)
    async with running(path, made, clock=clock) as service:
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
    first, second = ((tmp_path / "told").read_text()).split()
    assert [part.split("-")[1] for part in (first, second)] == [run.trace_id, run.trace_id]
    assert first.split("-")[2] != second.split("-")[2], "what had ended is not opened again"


async def test_one_run_that_cannot_be_recovered_keeps_no_other_waiting_and_is_tried_at_each_start(
    tmp_path: Path,
) -> None:
    path, made = tmp_path / "a.db", plan(step("work"))
    async with running(path, made, drive=False) as service:  # nobody carries out what is claimed here
        engine = service.engine
        broken, whole = [(await engine.start("sample", {}, actor=MINA)).run for _ in range(2)]
        for run in (broken, whole):
            await engine.perform(run.id, Claim("work"))
        sql = "UPDATE steps SET more = ? WHERE run_id = ?"
        await engine.database.write(lambda tx: tx.execute(sql, ("this is no JSON", broken.id)))
    async with running(path, made) as service:
        assert (await ended(service, whole)).steps["work"].attempt == 2
    async with running(path, made, drive=False) as service:
        await service.engine.database.write(lambda tx: tx.execute(sql, (None, broken.id)))
        assert (await service.engine.look(broken.id)).steps["work"].status is StepStatus.RUNNING
    async with running(path, made) as service:
        run = await ended(service, broken)
        assert (run.status, run.steps["work"].crashes) == (RunStatus.SUCCEEDED, 1)
        await sound(service)
