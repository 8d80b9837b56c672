"""Runs on a real engine and a real file, from start to end."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.api import Poisoned
from engine.clock import HandClock
from engine.rules.commands import Cancel, Decide, Refusal
from engine.rules.evolution import fold
from store import history, lookups, outbox
from store.faults import StoreFull
from store.model import Retry, RunStatus, StepStatus
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


async def test_a_wait_shorter_than_its_own_commit_still_ends(tmp_path: Path) -> None:
    made = plan(*[step(f"w{n}", "wait", with_={"for": f"{n}ms"}) for n in range(8)])
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED


async def test_gates_expire_by_a_clock_that_is_moved_by_hand(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(gate("review", due_ms=1_000, expires_ms=5_000))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        clock.advance(1_000)
        with anyio.fail_after(20):
            await engine.wait_for(run.id, lambda run: run.steps["review"].gate.overdue)
        clock.advance(4_000)
        run = await ended(service, run)
        assert run.status is RunStatus.REJECTED
        assert run.steps["review"].gate.state == "expired"


async def test_a_step_that_fails_is_tried_again_when_its_backoff_is_over(tmp_path: Path) -> None:
    clock = HandClock()
    retry = Retry(attempts=2, backoff_min_ms=60_000, backoff_max_ms=60_000)
    made = plan(step("call", "command", with_={"argv": ["false"]}, retry=retry))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        engine = service.engine
        run = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            await engine.wait_for(run.id, lambda run: run.steps["call"].failures == 1)
        clock.advance(60_000)
        run = await ended(service, run)
        assert run.status is RunStatus.FAILED
        assert run.steps["call"].attempt == 2
        assert run.error.code == "command_failed"


async def test_cancel_stops_what_is_running_and_says_so(tmp_path: Path) -> None:
    made = plan(step("long", "command", with_={"argv": ["sleep", "60"]}, effect="idempotent"))
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            await engine.wait_for(run.id, lambda run: run.steps["long"].status == "running")
        await engine.perform(run.id, Cancel(MINA, "enough"))
        run = await ended(service, run)
        assert run.status is RunStatus.CANCELLED
        assert run.steps["long"].status is StepStatus.CANCELLED


async def test_an_attempt_that_takes_too_long_is_cut_off(tmp_path: Path) -> None:
    made = plan(
        step("long", "command", with_={"argv": ["sleep", "60"]}, effect="pure", attempt_timeout_ms=50, retry=Retry(1))
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.error.code == "timeout"


async def test_a_bug_in_the_rules_pauses_the_run_it_touches_and_no_other(tmp_path: Path, monkeypatch) -> None:
    made = plan(gate("review"))
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        first = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        second = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        facts = person(RAVI, "@editors", at=engine.clock.now())
        with monkeypatch.context() as patch:
            patch.setattr("engine.rules.gates.tally", lambda *given: 1 / 0)
            with pytest.raises(Poisoned):
                await engine.perform(first.id, Decide("review", RAVI, "approve"), person=facts)
        paused = await engine.look(first.id)
        assert paused.status is RunStatus.PAUSED
        assert "ZeroDivisionError" in paused.reason
        await engine.perform(second.id, Decide("review", RAVI, "approve"), person=facts)
        assert (await ended(service, second)).status is RunStatus.SUCCEEDED


async def test_large_values_are_kept_outside_the_rows_and_still_reach_every_step(tmp_path: Path) -> None:
    made = plan(
        step("load", with_={"text": "${{ inputs.text }}"}),
        gate("review", ["load"], with_={"question": "Good?", "show": "${{ steps.load.output }}"}),
        step("count", after=["review"], with_={"n": "${{ steps.review.output.content.text.size() }}"}),
        outputs={"n": "${{ steps.count.output.n }}", "text": "${{ steps.load.output.text }}"},
    )
    text = "word " * 20_000
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {"text": text}, actor=MINA)).run)
        assert run.steps["load"].output.hash is not None
        facts = person(RAVI, "@editors", at=engine.clock.now())
        await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)
        run = await ended(service, run)
        assert engine.content.value(run.outputs) == {"n": 100_000, "text": text}
        assert (tmp_path / "a.db").stat().st_size < 300_000


async def test_a_secret_reaches_its_step_and_nothing_else(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CANARY", "canary-7f3a-value")
    show = ["printenv", "TOKEN"]
    made = plan(
        step("use", "command", with_={"argv": show, "env": {"TOKEN": "${{ secrets.canary }}"}}),
        secrets={"canary": "env:CANARY"},
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run.steps["use"].output.value.strip() == "‹secret›"
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"canary-7f3a" not in path.read_bytes(), path


async def test_headless_drives_only_the_run_it_started(tmp_path: Path) -> None:
    made = plan(step("a"), step("b", after=["a"]))
    async with running(tmp_path / "a.db", made, drive=False) as service:
        other = (await service.engine.start("sample", {}, actor=MINA)).run
        mine = (await service.engine.start("sample", {}, actor=MINA)).run
        await service.drive_only(mine.id)
        assert (await ended(service, mine)).status is RunStatus.SUCCEEDED
        assert (await service.engine.look(other.id)).steps["a"].status is StepStatus.READY


async def test_a_full_disk_holds_the_report_back_until_there_is_room(tmp_path: Path) -> None:
    made = plan(step("slow", "command", with_={"argv": ["sleep", "0.3"]}), step("next", after=["slow"]))
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            await engine.wait_for(run.id, lambda run: run.steps["slow"].status == "running")
        database = engine.database
        pages = await database.write(lambda tx: tx.value("PRAGMA page_count"))
        await database.write(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        with pytest.raises(StoreFull):
            await engine.database.write(lambda tx: [outbox.tell(tx, "x" * 4_000 + str(n), 1) for n in range(200)])
        await database.write(lambda tx: tx.execute("PRAGMA max_page_count = 1000000").fetchall())
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
