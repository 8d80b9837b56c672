"""Runs on a real engine and a real file, from start to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.rules.commands import Cancel, Decide, Refusal
from engine.rules.evolution import fold
from store import history, lookups
from store.model import RunStatus, StepStatus
from tests.support.engines import MINA, RAVI, ended, gate, person, plan, running, step, waits

pytestmark = pytest.mark.anyio


async def test_a_run_carries_values_from_step_to_step_and_ends_with_its_outputs(tmp_path: Path) -> None:
    made = plan(
        step("first", with_={"n": "${{ inputs.n }}"}),
        step("second", after=["first"], with_={"n": "${{ steps.first.output.n + 1 }}"}),
        outputs={"n": "${{ steps.second.output.n }}"},
    )
    async with running(tmp_path / "a.db", made) as service:
        started = await service.engine.start("sample", {"n": 41}, actor=MINA)
        run = await ended(service, started.run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run.outputs.value == {"n": 42}


async def test_rows_say_what_the_history_says_and_the_chain_verifies(tmp_path: Path) -> None:
    made = plan(step("draft"), gate("review", ["draft"]), step("publish", after=["review"]))
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        facts = person(RAVI, "@editors", at=engine.clock.now())
        decided = await engine.perform(run.id, Decide("review", RAVI, "approve", comment="good"), person=facts)
        assert decided.refusal is None
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        entries = await engine.database.read(lambda tx: history.of(tx, run.id))
        assert fold(None, [entry.event for entry in entries]) == run
        assert await engine.database.read(lambda tx: list(history.verify(tx, engine.chain))) == []
        attempts = await engine.database.read(lambda tx: lookups.attempts(tx, run.id))
        assert [(row.key, row.outcome) for row in attempts] == [
            ("draft", "succeeded"),
            ("review", "waiting"),
            ("publish", "succeeded"),
        ]


async def test_the_requester_may_not_approve_and_the_refusal_is_on_record(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        facts = person(MINA, "@editors", at=engine.clock.now())
        refused = await engine.perform(run.id, Decide("review", MINA, "approve"), person=facts)
        assert refused.refusal is Refusal.ACTOR_IS_REQUESTER
        entries = await engine.database.read(lambda tx: history.of(tx, run.id))
        assert entries[-1].kind == "DecisionRefused"
        assert entries[-1].actor == MINA


async def test_a_rejected_run_is_rejected_not_failed(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"), step("publish", after=["review"]))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        facts = person(RAVI, "@editors", at=engine.clock.now())
        await engine.perform(run.id, Decide("review", RAVI, "reject", comment="no"), person=facts)
        run = await ended(service, run)
        assert run.status is RunStatus.REJECTED
        assert run.steps["publish"].status is StepStatus.CANCELLED
        assert "no" in run.reason


async def test_a_parked_run_goes_on_after_a_restart(tmp_path: Path) -> None:
    made = plan(gate("review"), step("publish", after=["review"]))
    async with running(tmp_path / "a.db", made) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        facts = person(RAVI, "@editors", at=engine.clock.now())
        await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED


async def test_cancel_ends_an_open_gate(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"))) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        await service.engine.perform(run.id, Cancel(MINA, "not needed"))
        run = await ended(service, run)
        assert run.status is RunStatus.CANCELLED
        assert run.steps["review"].gate.state == "withdrawn"


async def test_the_same_dedupe_key_gives_the_first_run(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(step("only"))) as service:
        first = await service.engine.start("sample", {}, actor=MINA, dedupe_key="monday")
        second = await service.engine.start("sample", {}, actor=MINA, dedupe_key="monday")
        assert second.existing
        assert second.run.id == first.run.id
