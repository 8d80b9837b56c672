"""Blocks that go through a list, on a real engine: gates, retries and failures inside, and a crash in between."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.clock import HandClock
from engine.rules.commands import Cancel, Decide, Retry
from engine.service import Service
from store.model import LIMITS, Run, RunStatus, StepStatus
from store.model import Retry as RetryPolicy
from tests.support.engines import MINA, RAVI, block, ended, gate, person, plan, running, step
from tests.support.proofs import sound, survives

pytestmark = pytest.mark.anyio

CLAIMS = [{"id": f"c{n}", "sure": n % 10 != 0} for n in range(100)]


async def open_gates(service: Service, run: Run, count: int) -> Run:
    def so_many(run: Run) -> bool:
        waiting = [one for one in run.steps.values() if one.gate and one.gate.state == "open"]
        return run.status.finished or len(waiting) == count

    with anyio.fail_after(60):
        return await service.engine.wait_for(run.id, so_many)


async def test_a_hundred_items_with_gates_inside_some_go_each_their_own_way(tmp_path: Path) -> None:
    made = plan(
        block(
            "checks",
            each="inputs.claims",
            as_="claim",
            key="claim.id",
            concurrency=8,
            with_={
                "id": "${{ claim.id }}",
                "ok": "${{ steps.verify.output.sure || coalesce(steps.dispute.output.verdict, '') == 'approved' }}",
            },
        ),
        step("checks.verify", with_="${{ claim }}"),
        gate(
            "checks.dispute",
            ["checks.verify"],
            when="!steps.verify.output.sure",
            on_reject="continue",
            with_={"question": "Keep ${{ claim.id }}?", "show": "${{ claim }}"},
        ),
        step("count", after=["checks"], with_={"good": "${{ steps.checks.output.filter(c, c.ok).size() }}"}),
        outputs={"good": "${{ steps.count.output.good }}", "all": "${{ steps.checks.output }}"},
    )
    path = tmp_path / "a.db"
    async with running(path, made) as service:
        run = (await service.engine.start("sample", {"claims": CLAIMS}, actor=MINA)).run
        run = await open_gates(service, run, 10)
        assert run.steps["checks"].fan.begun == 100, "an item that waits for people makes room for the next"
        assert run.steps["checks"].fan.ended == 90
        await sound(service)
    async with running(path, made) as service:
        engine = service.engine
        for n in range(0, 100, 10):
            key = f"checks.dispute[c{n}]"
            verdict = "approve" if n < 50 else "reject"
            facts = person(RAVI, "@editors", at=engine.clock.now())
            answered = await engine.perform(run.id, Decide(key, RAVI, verdict), person=facts)
            assert answered.refusal is None
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        outputs = engine.content.value(run.outputs)
        assert outputs["good"] == 95
        assert [one["id"] for one in outputs["all"]] == [one["id"] for one in CLAIMS], "in the order of the list"
        await sound(service)


async def test_an_item_is_tried_again_by_itself(tmp_path: Path) -> None:
    script = 'n=$(cat "$1" 2>/dev/null || echo 0); echo $((n + 1)) > "$1"; [ "$n" -ge "$2" ] && echo "$n"'
    made = plan(
        block("all", each="[0, 1, 2]", concurrency=3, with_="${{ steps.flaky.output }}"),
        step(
            "all.flaky",
            "command",
            with_={"argv": ["/bin/sh", "-c", script, "sh", f"{tmp_path}/tries-${{{{ item }}}}", "${{ string(item) }}"]},
            spec={"parse": "json"},
            retry=RetryPolicy(attempts=3, backoff_min_ms=1, backoff_max_ms=1),
        ),
        outputs="${{ steps.all.output }}",
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, [0, 1, 2]), run.error
        assert [run.steps[f"all.flaky[{n}]"].attempt for n in (1, 2, 3)] == [1, 2, 3]
        await sound(service)


async def test_failed_items_that_are_tolerated_are_null_and_told(tmp_path: Path) -> None:
    made = plan(
        block("all", each="[1, 0, 2]", tolerate=1, with_="${{ steps.divide.output }}"),
        step("all.divide", with_={"n": "${{ 10 / item }}"}, retry=RetryPolicy(1)),
        outputs={"all": "${{ steps.all.output }}", "how": "${{ steps.all.items.map(i, i.status) }}"},
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run.outputs.value == {"all": [{"n": 10}, None, {"n": 5}], "how": ["succeeded", "failed", "succeeded"]}


async def test_only_failed_items_are_done_again_when_the_run_is_retried(tmp_path: Path) -> None:
    flag, log = tmp_path / "flag", tmp_path / "log"
    script = 'echo "$1" >> "$2"; [ "$1" != b ] || [ -e "$3" ]'
    made = plan(
        block("all", each="['a', 'b', 'c']", key="item", concurrency=1, with_="${{ item }}"),
        step(
            "all.touch",
            "command",
            with_={"argv": ["/bin/sh", "-c", script, "sh", "${{ item }}", str(log), str(flag)]},
            retry=RetryPolicy(1),
            effect="idempotent",
        ),
        outputs="${{ steps.all.output }}",
    )
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.error.code) == (RunStatus.FAILED, "items_failed")
        await sound(service)
        assert log.read_text().split() == ["a", "b"]
        flag.touch()
        assert (await engine.perform(run.id, Retry(MINA))).refusal is None
        run = await ended(service, run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, ["a", "b", "c"]), run.error
        assert log.read_text().split() == ["a", "b", "b", "c"]
        await sound(service)


async def test_an_empty_list_succeeds_with_an_empty_list(tmp_path: Path) -> None:
    made = plan(block("all", each="[]"), step("all.one"), outputs="${{ steps.all.output }}")
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, [])


async def test_a_list_within_a_list_keeps_its_order(tmp_path: Path) -> None:
    made = plan(
        block("rows", each="[[1, 2], [], [3]]", as_="row", with_="${{ steps.cells.output }}"),
        block("rows.cells", each="row", as_="cell", with_="${{ steps.square.output.n }}"),
        step("rows.cells.square", with_={"n": "${{ cell * cell }}"}),
        outputs="${{ steps.rows.output }}",
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, [[1, 4], [], [9]]), run.error
        await sound(service)


async def test_large_lists_and_large_items_stand_outside_the_rows(tmp_path: Path) -> None:
    made = plan(
        block("all", each="inputs.texts", concurrency=2, with_="${{ steps.copy.output }}"),
        step("all.copy", with_={"text": "${{ item }}"}),
        outputs={"n": "${{ sum(steps.all.output.map(o, o.text.size())) }}"},
    )
    texts = [f"{n} " * 6_000 for n in range(5)]
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {"texts": texts}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run.outputs.value == {"n": sum(map(len, texts))}
        assert run.steps["all"].fan.list.hash is not None
        assert run.steps["all.copy[1]"].output.hash is not None
        assert run.steps["all[1]"].output.hash == run.steps["all.copy[1]"].output.hash, "kept once"
        await sound(service)


async def test_more_items_than_may_be_is_an_error_before_any_begins(tmp_path: Path) -> None:
    made = plan(block("all", each="inputs.numbers"), step("all.one"), items_max=3)
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {"numbers": [1, 2, 3, 4]}, actor=MINA)).run)
        assert run.error.code == "list_invalid"
        assert LIMITS.items_max > 3
        assert set(run.steps) == {"all"}


async def test_cancelling_ends_all_items_and_their_gates(tmp_path: Path) -> None:
    made = plan(block("all", each="[1, 2, 3]"), gate("all.ask"))
    async with running(tmp_path / "a.db", made) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        await open_gates(service, run, 3)
        await service.engine.perform(run.id, Cancel(MINA, "enough"))
        run = await ended(service, run)
        assert {one.status for one in run.steps.values()} == {StepStatus.CANCELLED}
        await sound(service)


async def test_gates_of_items_expire_one_by_one(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(block("all", each="[1, 2, 3]"), gate("all.ask", expires_ms=60_000, on_expiry="continue"))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        await open_gates(service, run, 3)
        clock.advance(60_000)
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert {one.gate.state for one in run.steps.values() if one.gate} == {"expired"}


async def test_killed_at_any_commit_every_item_is_done_and_in_its_place(tmp_path: Path) -> None:
    made = plan(
        block("all", each="[1, 2, 3]", concurrency=2, with_="${{ steps.next.output.n }}"),
        step("all.pause", "wait", with_={"for": "0s"}),
        step("all.next", after=["all.pause"], with_={"n": "${{ item + 1 }}"}),
        outputs="${{ steps.all.output }}",
    )

    async def live(service: Service) -> Run:
        return await ended(service, (await service.engine.start("sample", {}, actor=MINA, dedupe_key="one")).run)

    for point in range(5, 80, 3):
        run, _, reached = await survives(tmp_path / f"{point}.db", (made,), live, point)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, [2, 3, 4]), f"killed at {point}: {run.error}"
        if not reached:
            return
    raise AssertionError("there are more crash points than were tried")
