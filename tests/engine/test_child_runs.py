"""Steps that start runs: joined by durable mail, started once, and never left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from engine import children as child_runs
from engine.rules.commands import Cancel, Decide, Retry
from engine.service import Service
from store import lookups
from store.model import Concurrency, Plan, Run, RunStatus, StepPlan, StepStatus
from tests.support.engines import MINA, RAVI, block, ended, gate, person, plan, running, step, waits
from tests.support.proofs import kinds, sound, survives

pytestmark = pytest.mark.anyio

NUMBER = {"n": {"type": "integer"}}


def call(name: str, after: tuple[str, ...] = (), *, of: str = "child", **more: Any) -> StepPlan:
    """A step that starts a run."""
    more.setdefault("with_", {})
    return step(name, "workflow", after, spec={"call": of}, **more)


def double() -> Plan:
    """A workflow that gives twice its input."""
    return plan(
        step("compute", with_={"n": "${{ inputs.n * 2 }}"}),
        workflow="child",
        inputs=NUMBER,
        outputs={"n": "${{ steps.compute.output.n }}"},
    )


def asking() -> Plan:
    """A workflow that asks people."""
    return plan(gate("review"), workflow="child")


async def children(service: Service, run: Run) -> list[Run]:
    ids = await service.engine.database.read(lambda tx: lookups.family(tx, run.id)) - {run.id}
    found = [await service.engine.look(one) for one in sorted(ids)]
    return [one for one in found if one]


async def decide(service: Service, run: Run, verdict: str, step: str = "review") -> None:
    engine = service.engine
    facts = person(RAVI, "@editors", at=engine.clock.now())
    decided = await engine.perform(run.id, Decide(step, RAVI, verdict, comment="said so"), person=facts)
    assert decided.refusal is None


async def test_the_outputs_of_a_child_are_the_output_of_its_step(tmp_path: Path) -> None:
    made = plan(
        call("ask", with_={"n": 21}),
        step("use", after=["ask"], with_={"n": "${{ steps.ask.output.n }}", "by": "${{ steps.ask.receipt.name }}"}),
        outputs="${{ steps.use.output }}",
    )
    async with running(tmp_path / "a.db", made, double()) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        (child,) = await children(service, run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run.outputs.value == {"n": 42, "by": child.name}
        assert (child.requester, child.parent.run_id, child.parent.depth) == (MINA, run.id, 1)
        assert child.parent.place == run.steps["ask"].place
        await sound(service)


async def test_a_child_shows_itself_where_its_parent_does(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(call("ask", with_={"n": 1})), double()) as service:
        origin = {"channel": "C0CONTENT", "surface": "command", "response_url": "https://hooks.example/1"}
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA, origin=origin)).run)
        (child,) = await children(service, run)
        assert child.origin == {"surface": "workflow", "channel": "C0CONTENT"}


@pytest.mark.parametrize(
    ("verdict", "code", "said"), [("reject", "child_rejected", "was rejected"), ("cancel", "child_cancelled", "was")]
)
async def test_a_child_that_ends_badly_fails_its_step_and_says_how(
    tmp_path: Path, verdict: str, code: str, said: str
) -> None:
    async with running(tmp_path / "a.db", plan(call("ask")), asking()) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        (child,) = await children(service, run)
        await waits(service, child)
        if verdict == "cancel":
            await service.engine.perform(child.id, Cancel(MINA, "never mind"))
        else:
            await decide(service, child, verdict)
        run = await ended(service, run)
        assert (run.status, run.error.code) == (RunStatus.FAILED, code)
        assert f"{child.name} {said}" in run.error.message
        await sound(service)


async def test_the_reason_why_a_child_failed_is_told_by_its_parent(tmp_path: Path) -> None:
    child = plan(step("odd", with_={"n": "${{ inputs.missing }}"}), workflow="child")
    async with running(tmp_path / "a.db", plan(call("ask")), child) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        (failed,) = await children(service, run)
        assert run.error.code == "child_failed"
        assert failed.error.message in run.error.message


async def test_a_failed_child_may_be_no_reason_to_stop(tmp_path: Path) -> None:
    made = plan(call("ask", with_={"n": "x"}, on_failure="continue"), step("last"))
    async with running(tmp_path / "a.db", made, double()) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.warnings) == (RunStatus.SUCCEEDED, True)
        assert run.steps["ask"].error.code == "input_invalid"
        assert await children(service, run) == []


async def test_cancelling_a_parent_cancels_its_children_and_theirs(tmp_path: Path) -> None:
    middle = plan(call("below", of="leaf"), workflow="child")
    leaf = plan(gate("review"), workflow="leaf")
    async with running(tmp_path / "a.db", plan(call("ask")), middle, leaf) as service:
        engine = service.engine
        run = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            await engine.wait_for(run.id, lambda run: run.steps["ask"].status == "waiting")
            (child,) = await children(service, run)
            await engine.wait_for(child.id, lambda run: run.steps["below"].status == "waiting")
        (leafs,) = [one for one in await children(service, run) if one.workflow == "leaf"]
        await waits(service, leafs)
        await engine.perform(run.id, Cancel(MINA, "enough"))
        for one in (run, child, leafs):
            assert (await ended(service, one)).status is RunStatus.CANCELLED
        assert run.name in (await engine.look(child.id)).reason
        assert (await engine.look(leafs.id)).steps["review"].gate.state == "withdrawn"
        await sound(service)


async def test_a_child_that_was_over_before_anybody_waited_for_it_is_joined_at_once(tmp_path: Path) -> None:
    engines_own = plan(workflow="child", outputs={"n": 1})
    async with running(tmp_path / "a.db", plan(call("ask")), engines_own) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.steps["ask"].output.value == {"n": 1}
        assert await kinds(service, run) == [
            *("RunStarted", "StepReady", "AttemptStarted", "ChildAwaited", "StepSucceeded", "RunFinished")
        ]


async def test_large_outputs_of_a_child_reach_its_parent(tmp_path: Path) -> None:
    child = plan(workflow="child", inputs={"text": {"type": "string"}}, outputs={"text": "${{ inputs.text }}"})
    made = plan(call("ask", with_={"text": "${{ inputs.text }}"}), outputs={"n": "${{ steps.ask.output.text.size() }}"})
    async with running(tmp_path / "a.db", made, child) as service:
        run = await ended(service, (await service.engine.start("sample", {"text": "x" * 20_000}, actor=MINA)).run)
        assert run.outputs.value == {"n": 20_000}, run.error
        assert run.steps["ask"].output.hash is not None
        await sound(service)


async def test_a_workflow_that_starts_itself_comes_to_an_end(tmp_path: Path) -> None:
    made = plan(call("again", of="sample"))
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        everyone = [*await children(service, run), run]
        assert max(one.parent.depth if one.parent else 0 for one in everyone) == 5
        assert len(everyone) == 6
        deepest = next(one for one in everyone if one.parent and one.parent.depth == 5)
        assert deepest.error.code == "too_deep"
        assert "5 are allowed" in run.error.message
        await sound(service)


async def test_recursion_ends_where_its_author_ends_it(tmp_path: Path) -> None:
    made = plan(
        call("below", of="sample", when="inputs.n > 0", with_={"n": "${{ inputs.n - 1 }}"}),
        inputs=NUMBER,
        outputs={"n": "${{ has(steps.below.output) ? steps.below.output.n + 1 : 0 }}"},
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {"n": 4}, actor=MINA)).run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, {"n": 4}), run.error


async def test_an_unknown_workflow_fails_the_step_with_what_to_do(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(call("ask", of="nowhere"))) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.error.code, "nowhere" in run.error.message) == ("workflow_unknown", True)


async def test_each_item_of_a_list_has_a_child_of_its_own(tmp_path: Path) -> None:
    made = plan(
        block("all", each="[1, 2, 3, 4, 5]", concurrency=2, with_="${{ steps.ask.output.n }}"),
        call("all.ask", with_={"n": "${{ item }}"}),
        outputs="${{ steps.all.output }}",
    )
    async with running(tmp_path / "a.db", made, double()) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, [2, 4, 6, 8, 10]), run.error
        assert len(await children(service, run)) == 5
        await sound(service)


async def test_a_parent_that_is_retried_starts_another_child(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(call("ask")), asking()) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        (first,) = await children(service, run)
        await waits(service, first)
        await decide(service, first, "reject")
        await ended(service, run)
        assert (await service.engine.perform(run.id, Retry(MINA))).refusal is None
        await waits(service, run)
        second = next(one for one in await children(service, run) if one.id != first.id)
        await waits(service, second)
        await decide(service, second, "approve")
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED
        assert run.steps["ask"].child == second.id
        await sound(service)


async def test_a_child_that_would_wait_for_its_own_parent_fails_instead(tmp_path: Path) -> None:
    made = plan(call("again", of="sample"), concurrency=Concurrency(1))
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.error.code == "waits_for_itself"
        assert await children(service, run) == []


async def test_a_run_that_ended_starts_no_child_any_more(tmp_path: Path, monkeypatch: Any) -> None:
    """It is cancelled when the attempt has already made up its mind to start the child."""
    read = child_runs.read_inputs
    async with running(tmp_path / "a.db", plan(call("ask")), asking()) as service:
        engine, started = service.engine, []

        def cancelled_meanwhile(*given: Any, **more: Any) -> Any:
            engine.perform_soon(started[0].id, Cancel(MINA, "just then"), pytest.fail)
            return read(*given, **more)

        monkeypatch.setattr(child_runs, "read_inputs", cancelled_meanwhile)
        known = engine.committed
        engine.committed = lambda run, events: (started.append(run), known(run, events))[1]
        await engine.start("sample", {}, actor=MINA)
        run = await ended(service, started[0])
        assert run.status is RunStatus.CANCELLED
        assert await children(service, run) == []
        await sound(service)


async def test_headless_drives_the_children_of_its_run_and_no_others(tmp_path: Path) -> None:
    made = plan(call("ask", with_={"n": 4}), outputs="${{ steps.ask.output }}")
    async with running(tmp_path / "a.db", made, double(), drive=False) as service:
        other = (await service.engine.start("sample", {}, actor=MINA)).run
        mine = (await service.engine.start("sample", {}, actor=MINA)).run
        await service.drive_only(mine.id)
        run = await ended(service, mine)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, {"n": 8})
        assert (await service.engine.look(other.id)).steps["ask"].status is StepStatus.READY


async def test_headless_takes_up_children_that_were_begun_before(tmp_path: Path) -> None:
    path, plans = tmp_path / "a.db", (plan(call("ask")), asking())
    async with running(path, *plans) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
    async with running(path, *plans, drive=False) as service:
        await service.drive_only(run.id)
        (child,) = await children(service, run)
        await waits(service, child)
        await decide(service, child, "approve")
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED


async def test_a_report_that_nobody_carried_is_delivered_by_the_next_service(tmp_path: Path) -> None:
    """A command beside no service decides at the child's gate; it drives nothing, so the letter stays."""
    path, plans = tmp_path / "a.db", (plan(call("ask")), asking())
    async with running(path, *plans) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        (child,) = await children(service, run)
        await waits(service, child)
    async with running(path, *plans, drive=False) as service:
        await decide(service, child, "approve")
        assert (await ended(service, child)).status is RunStatus.SUCCEEDED
        assert (await service.engine.look(run.id)).steps["ask"].status is StepStatus.WAITING
        assert await service.engine.database.read(lambda tx: tx.value("SELECT count(*) FROM mail")) == 1
        await sound(service)
    async with running(path, *plans) as service:
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        assert await service.engine.database.read(lambda tx: tx.value("SELECT count(*) FROM mail")) == 0
        await sound(service)


async def test_killed_at_any_commit_there_is_one_child_and_it_is_joined(tmp_path: Path) -> None:
    plans = (
        plan(call("ask", with_={"n": 3}), step("last", after=["ask"]), outputs="${{ steps.ask.output }}"),
        double(),
    )

    async def live(service: Service) -> Run:
        return await ended(service, (await service.engine.start("sample", {}, actor=MINA, dedupe_key="one")).run)

    for point in range(4, 60):
        path = tmp_path / f"{point}.db"
        run, everyone, reached = await survives(path, plans, live, point)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, {"n": 6}), f"killed at {point}: {run.error}"
        assert len(everyone) == 2, f"killed at {point}"
        if not reached:
            return
    raise AssertionError("there are more crash points than were tried")


async def test_killed_at_any_commit_a_cancelled_parent_leaves_no_child_behind(tmp_path: Path) -> None:
    plans = (plan(call("ask")), asking())

    async def live(service: Service) -> Run:
        run = (await service.engine.start("sample", {}, actor=MINA, dedupe_key="one")).run
        if not run.status.finished:
            run = await waits(service, run)
            await service.engine.perform(run.id, Cancel(MINA, "enough"))
        run = await ended(service, run)
        for child in await children(service, run):
            await ended(service, child)
        return run

    for point in range(4, 60):
        path = tmp_path / f"{point}.db"
        run, everyone, reached = await survives(path, plans, live, point)
        assert {one.status for one in (run, *everyone)} == {RunStatus.CANCELLED}, f"killed at {point}"
        if not reached:
            return
    raise AssertionError("there are more crash points than were tried")


async def test_what_was_forsaken_is_cancelled_by_the_engine_and_says_for_whom(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(call("ask")), asking()) as service:
        run = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        (child,) = await children(service, run)
        await service.engine.perform(run.id, Cancel(MINA, "enough"))
        child = await ended(service, child)
        assert "CancelRequested" in await kinds(service, child)
        assert child.reason == f"{run.name} no longer waits for it"
