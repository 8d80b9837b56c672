"""Steps that wait for things to happen outside, say something, or end the run: on a real engine."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.clock import HandClock
from engine.rules.commands import Cancel, Pause, Refusal, Resume, SignalRun
from store.model import Content, Retry, RunStatus, StepPlan, StepStatus
from tests.support.engines import MINA, RAVI, ended, gate, plan, running, step, waits
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio


def hear(name: str = "hear", **more: object) -> StepPlan:
    """A step that waits for the event `paid`."""
    spec = {"event": "paid", **({"on_timeout": more.pop("on_timeout")} if "on_timeout" in more else {})}
    more.setdefault("with_", {})
    return step(name, "wait", spec=spec, **more)


async def test_what_happens_while_a_step_waits_is_its_output(tmp_path: Path) -> None:
    made = plan(hear(), step("use", after=["hear"], with_={"sum": "${{ steps.hear.output.data.sum }}"}))
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        assert (await engine.perform(run.id, SignalRun(RAVI, "other", Content(1)))).refusal is (
            Refusal.SIGNAL_NOT_EXPECTED
        )
        await engine.perform(run.id, SignalRun(RAVI, "paid", Content({"sum": 9})))
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        said = run.steps["hear"].output.value
        assert (said["event"], said["data"], said["by"], said["timed_out"]) == ("paid", {"sum": 9}, "U0RAVI", False)
        assert run.steps["use"].output.value == {"sum": 9}
        await sound(service)


async def test_what_happened_early_is_kept_over_a_restart_and_taken_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    made = plan(step("pause", "wait", with_={"for": "1h"}), hear("one", after=["pause"]), hear("two", after=["one"]))
    clock = HandClock()
    async with running(path, made, clock=clock) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        for n in (1, 2, 3):
            await service.engine.perform(run.id, SignalRun(MINA, "paid", Content(n)))
        await sound(service)
    clock.advance(3_600_000)
    async with running(path, made, clock=clock) as service:
        run = await ended(service, run)
        assert [run.steps[name].output.value["data"] for name in ("one", "two")] == [1, 2]
        assert [one.data.value for one in run.signals] == [3]
        await sound(service)


async def test_large_news_stand_outside_the_rows_and_reach_their_step(tmp_path: Path) -> None:
    made = plan(
        gate("first"), hear("one"), step("use", after=["one"], with_={"n": "${{ steps.one.output.data.size() }}"})
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        for _ in range(2):
            await service.engine.perform(run.id, SignalRun(MINA, "paid", Content("x" * 30_000)))
        with anyio.fail_after(20):
            run = await service.engine.wait_for(run.id, lambda run: run.steps["use"].status == "succeeded")
        assert run.steps["use"].output.value == {"n": 30_000}
        assert run.signals[0].data.hash is not None
        await sound(service)


@pytest.mark.parametrize(("policy", "status"), [("fail", RunStatus.FAILED), ("continue", RunStatus.SUCCEEDED)])
async def test_what_does_not_happen_in_time_is_what_the_author_says(
    tmp_path: Path, policy: str, status: RunStatus
) -> None:
    clock = HandClock()
    made = plan(hear(with_={"for": "2h"}, on_timeout=policy))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        clock.advance(2 * 3_600_000)
        run = await ended(service, run)
        assert run.status is status
        if policy == "continue":
            assert run.steps["hear"].output.value["timed_out"] is True
        else:
            assert run.error.code == "event_timeout"
        await sound(service)


async def test_a_wait_whose_time_ran_out_while_nobody_was_there_ends_at_the_next_start(tmp_path: Path) -> None:
    clock, made = HandClock(), plan(hear(with_={"for": "2h"}, on_timeout="continue"))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
    clock.advance(24 * 3_600_000)
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED


async def test_what_is_said_and_to_whom_is_the_output_of_a_message(tmp_path: Path) -> None:
    made = plan(
        step("tell", "message", with_={"to": "requester", "text": "Hello ${{ inputs.name }}"}),
        step("aloud", "message", with_={"text": "To all"}),
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {"name": "Mina"}, actor=MINA)).run)
        assert run.steps["tell"].output.value == {"to": "requester", "text": "Hello Mina"}
        assert run.steps["aloud"].output.value == {"to": "thread", "text": "To all"}


@pytest.mark.parametrize("with_", [{}, {"text": "  "}, {"text": 5}, {"text": "x", "to": 5}])
async def test_a_message_without_words_or_address_fails_with_the_cure(tmp_path: Path, with_: dict) -> None:
    async with running(tmp_path / "a.db", plan(step("tell", "message", with_=with_))) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.error.code, bool(run.error.hint)) == (RunStatus.FAILED, "input_invalid", True)


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "rejected", "cancelled"])
async def test_a_stop_ends_the_run_as_it_says_and_nothing_else_begins(tmp_path: Path, outcome: str) -> None:
    made = plan(
        step("enough", "stop", with_={"outcome": outcome, "reason": "A claim did not hold"}),
        step("later", after=["enough"]),
        gate("beside"),
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status.value == outcome
        assert "A claim did not hold" in (run.error.message if outcome == "failed" else run.reason)
        assert run.steps["later"].status is StepStatus.CANCELLED
        await sound(service)


async def test_a_stop_that_makes_no_sense_fails(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(step("enough", "stop", with_={"outcome": "halted"}))) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.error.code == "input_invalid"
        assert "rejected" in run.error.hint


async def test_cancel_ends_a_wait_for_an_event(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(hear())) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        await service.engine.perform(run.id, Cancel(MINA, "enough"))
        run = await ended(service, run)
        assert (run.status, run.steps["hear"].event) == (RunStatus.CANCELLED, "")


async def test_a_retry_that_came_due_during_a_pause_is_made_when_the_run_is_resumed(tmp_path: Path) -> None:
    clock = HandClock()
    later = Retry(attempts=2, backoff_min_ms=60_000, backoff_max_ms=60_000)
    made = plan(step("call", "command", with_={"argv": ["false"]}, retry=later), hear())
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        engine = service.engine
        run = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            await engine.wait_for(run.id, lambda run: run.steps["call"].failures == 1)
        await engine.perform(run.id, Pause(MINA, "a moment"))
        clock.advance(30_000)
        await service.scheduler.run_once()  # the clock is looked at, and nothing of this run counts
        await engine.perform(run.id, Resume(MINA))
        clock.advance(30_000)
        assert (await ended(service, run)).steps["call"].attempt == 2
