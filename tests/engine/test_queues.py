"""How many runs may be open at once, and what becomes of one more: counted in the commit that starts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.api import NotStarted
from engine.clock import HandClock
from engine.rules.commands import Cancel, Decide, Refusal, Retry
from engine.service import Service
from store.model import Concurrency, Plan, Run, RunStatus, StartRate
from tests.support.engines import MINA, RAVI, definition, ended, gate, person, plan, running, step, waits
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio


def limited(count: int = 1, when_full: Any = "queue", per: str | None = None, **more: Any) -> Plan:
    return plan(gate("review"), concurrency=Concurrency(count, per, when_full), **more)


async def begin(service: Service, clock: HandClock, **inputs: object) -> Run:
    clock.advance(1)  # who comes first is told by the clock
    return (await service.engine.start("sample", inputs, actor=MINA)).run


async def approve(service: Service, run: Run) -> None:
    engine = service.engine
    await waits(service, run)
    facts = person(RAVI, "@editors", at=engine.clock.now())
    assert (await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)).refusal is None


async def statuses(service: Service, *runs: Run) -> list[str]:
    return [(await service.engine.look(run.id)).status.value for run in runs]


async def test_one_too_many_waits_and_begins_when_another_ends_first_come_first_served(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(2), clock=clock) as service:
        found = [await begin(service, clock) for _ in range(5)]
        assert await statuses(service, *found) == ["running", "running", "queued", "queued", "queued"]
        assert found[2].active_since is None, "its clock does not run"
        await approve(service, found[1])
        await ended(service, found[1])
        assert await statuses(service, *found) == ["running", "succeeded", "running", "queued", "queued"]
        await approve(service, found[0])
        await approve(service, found[2])
        for run in found[3:]:
            await approve(service, run)
            assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        await sound(service)


async def test_two_starts_in_one_commit_do_not_both_take_the_last_place(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", limited(1)) as service:
        started: list[Run] = []

        async def start() -> None:
            started.append((await service.engine.start("sample", {}, actor=MINA)).run)

        before = service.engine.database.commits
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(start)
        assert service.engine.database.commits - before <= 3
        assert sorted(run.status.value for run in started) == ["queued", "queued", "queued", "running"]
        await sound(service)


async def test_two_ends_in_one_commit_let_two_in(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(2), clock=clock) as service:
        found = [await begin(service, clock) for _ in range(5)]
        async with anyio.create_task_group() as group:
            for run in found[:2]:
                group.start_soon(service.engine.perform, run.id, Cancel(MINA, "both at once"))
        for run in found[:2]:
            await ended(service, run)
        assert await statuses(service, *found[2:]) == ["running", "running", "queued"]
        await sound(service)


async def test_who_comes_while_a_place_is_being_passed_on_does_not_slip_in(tmp_path: Path) -> None:
    """The end of one run, and the start of another that did not wait, in one commit."""
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1), clock=clock) as service:
        first, waiting = await begin(service, clock), await begin(service, clock)
        late: list[Run] = []

        async def start() -> None:
            late.append((await service.engine.start("sample", {}, actor=MINA)).run)

        clock.advance(1)
        async with anyio.create_task_group() as group:
            group.start_soon(service.engine.perform, first.id, Cancel(MINA, "make room"))
            group.start_soon(start)
        await ended(service, first)
        assert await statuses(service, waiting, late[0]) == ["running", "queued"]


async def test_places_are_counted_apart_for_each_value(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1, per="inputs.site"), clock=clock) as service:
        found = [await begin(service, clock, site=site) for site in ("a", "b", "a", "b")]
        assert await statuses(service, *found) == ["running", "running", "queued", "queued"]
        await approve(service, found[1])
        await ended(service, found[1])
        assert await statuses(service, *found) == ["running", "succeeded", "queued", "running"]


async def test_a_full_workflow_that_refuses_says_who_is_in_the_way(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1, "refuse", per="inputs.site"), clock=clock) as service:
        first = await begin(service, clock, site="a")
        await begin(service, clock, site="b")
        with pytest.raises(NotStarted, match="1 runs of sample are open for a") as refused:
            await begin(service, clock, site="a")
        assert first.name in refused.value.hint
        await approve(service, first)
        await ended(service, first)
        assert (await begin(service, clock, site="a")).status is RunStatus.RUNNING


async def test_the_oldest_makes_way_for_the_newest(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(2, "cancel_oldest"), clock=clock) as service:
        found = [await begin(service, clock) for _ in range(4)]
        for run in found[:2]:
            ending = await ended(service, run)
            assert (ending.status, "newer" in ending.reason) == (RunStatus.CANCELLED, True)
        assert await statuses(service, *found[2:]) == ["running", "running"]


async def test_one_that_is_slow_to_end_does_not_count_as_the_oldest_again(tmp_path: Path) -> None:
    clock = HandClock()
    last = step("last", "command", with_={"argv": ["sleep", "30"]}, phase="finally")
    made = plan(gate("review"), last, concurrency=Concurrency(1, None, "cancel_oldest"))
    async with running(tmp_path / "a.db", made, clock=clock, drain_seconds=0.1) as service:
        found = [await begin(service, clock) for _ in range(3)]
        found = [await service.engine.look(run.id) for run in found]
        assert [run.status.value for run in found] == ["ending", "ending", "running"]
        assert all(run.outcome is RunStatus.CANCELLED for run in found[:2])


async def test_a_queued_run_is_cancelled_at_once_and_takes_no_place(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1), clock=clock) as service:
        found = [await begin(service, clock) for _ in range(3)]
        await service.engine.perform(found[1].id, Cancel(MINA, "not needed"))
        assert await statuses(service, *found) == ["running", "cancelled", "queued"]
        await approve(service, found[0])
        await ended(service, found[0])
        assert await statuses(service, found[2]) == ["running"]
        await sound(service)


async def test_who_waits_is_not_forgotten_over_a_restart(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "a.db"
    async with running(path, limited(1), clock=clock) as service:
        first, second = await begin(service, clock), await begin(service, clock)
    async with running(path, limited(1), clock=clock) as service:
        await approve(service, first)
        await ended(service, first)
        await approve(service, second)
        assert (await ended(service, second)).status is RunStatus.SUCCEEDED


async def test_a_place_that_came_free_while_nobody_drove_is_taken_at_the_next_start(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "a.db"
    async with running(path, limited(1), clock=clock) as service:
        first, second = await begin(service, clock), await begin(service, clock)
    async with running(path, limited(1), clock=clock, drive=False) as service:
        await service.engine.perform(first.id, Cancel(MINA, "beside no service"))
        assert await statuses(service, first, second) == ["cancelled", "queued"]
    async with running(path, limited(1), clock=clock) as service:
        await approve(service, second)
        assert (await ended(service, second)).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("count", [3, None])
async def test_a_limit_that_is_raised_or_dropped_lets_those_in_who_wait(tmp_path: Path, count: int | None) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1), clock=clock) as service:
        found = [await begin(service, clock) for _ in range(3)]
        made = plan(gate("review")) if count is None else limited(count)
        await service.engine.use({"sample": definition(made)})
        assert await statuses(service, *found) == ["running", "running", "running"]


async def test_a_limit_that_came_later_counts_runs_of_before(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", plan(gate("review")), clock=clock) as service:
        first = await begin(service, clock)
        await service.engine.use({"sample": definition(limited(1))})
        second = await begin(service, clock)
        assert await statuses(service, first, second) == ["running", "queued"]
        await approve(service, first)
        await ended(service, first)
        assert await statuses(service, second) == ["running"]


async def test_the_time_allowed_counts_from_when_a_queued_run_begins(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(step("long", "command", with_={"argv": ["sleep", "30"]}), concurrency=Concurrency(1), duration_ms=1_000)
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        first, second = await begin(service, clock), await begin(service, clock)
        clock.advance(999)
        await service.engine.perform(first.id, Cancel(MINA, "make room"))
        await ended(service, first)
        assert await statuses(service, second) == ["running"]
        clock.advance(999)
        assert await statuses(service, second) == ["running"]
        clock.advance(2)
        second = await ended(service, second)
        assert (second.status, second.error.code) == (RunStatus.FAILED, "run_timeout")


async def test_no_more_runs_start_than_the_rate_allows(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(step("only"), rate=StartRate(2, 60_000))
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        await begin(service, clock)
        clock.advance(10_000)
        await begin(service, clock)
        with pytest.raises(NotStarted, match="2 runs of sample have started in the last minute") as refused:
            await begin(service, clock)
        assert refused.value.hint.endswith("2023-11-14T22:14:20.001Z.")
        clock.advance(49_999)
        assert (await begin(service, clock)).id


async def test_a_start_at_the_limit_with_a_known_key_gives_the_first_run(tmp_path: Path) -> None:
    made = limited(1, "refuse", dedupe="inputs.id")
    async with running(tmp_path / "a.db", made) as service:
        first = await service.engine.start("sample", {"id": "x7"}, actor=MINA)
        again = await service.engine.start("sample", {"id": "x7"}, actor=RAVI)
        assert (again.run.id, again.existing) == (first.run.id, True)


@pytest.mark.parametrize(("given", "key"), [({"id": "x"}, "x"), ({"id": 7}, "7")])
async def test_a_workflow_may_name_the_key_of_its_runs(tmp_path: Path, given: dict, key: str) -> None:
    async with running(tmp_path / "a.db", plan(step("only"), dedupe="inputs.id")) as service:
        assert (await service.engine.start("sample", given, actor=MINA)).run.dedupe_key == key
        own = await service.engine.start("sample", given, actor=MINA, dedupe_key="mine")
        assert (own.existing, own.run.dedupe_key) == (False, "mine")


@pytest.mark.parametrize("given", [{"id": None}, {"id": [1]}, {}, {"id": True}])
async def test_a_key_that_is_none_starts_nothing_and_says_why(tmp_path: Path, given: dict) -> None:
    async with running(tmp_path / "a.db", plan(step("only"), dedupe="inputs.id")) as service:
        with pytest.raises(NotStarted, match="dedupe"):
            await service.engine.start("sample", given, actor=MINA)
        assert await sound(service) == []


async def failed(service: Service, clock: HandClock, **inputs: object) -> Run:
    """A run that was rejected, so that it can be retried."""
    run = await begin(service, clock, **inputs)
    await waits(service, run)
    facts = person(RAVI, "@editors", at=service.engine.clock.now())
    await service.engine.perform(run.id, Decide("review", RAVI, "reject", comment="no"), person=facts)
    return await ended(service, run)


async def test_a_run_that_is_retried_takes_its_place_at_the_end_of_the_queue(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1), clock=clock) as service:
        old = await failed(service, clock)
        first, second = await begin(service, clock), await begin(service, clock)
        clock.advance(1)
        assert (await service.engine.perform(old.id, Retry(MINA))).refusal is None
        third = await begin(service, clock)
        assert await statuses(service, old, first, second, third) == ["queued", "running", "queued", "queued"]
        assert (await service.engine.look(old.id)).active_since is None, "its clock does not run"
        for run in (first, second, old, third):
            assert await statuses(service, run) == ["running"]
            await approve(service, run)
            assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        await sound(service)


async def test_a_retry_where_there_is_room_begins_at_once_and_counts(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1), clock=clock) as service:
        old = await failed(service, clock)
        await service.engine.perform(old.id, Retry(MINA))
        later = await begin(service, clock)
        assert await statuses(service, old, later) == ["running", "queued"]
        await sound(service)


async def test_a_retry_is_refused_where_one_more_run_would_be(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1, "refuse"), clock=clock) as service:
        old = await failed(service, clock)
        other = await begin(service, clock)
        assert (await service.engine.perform(old.id, Retry(MINA))).refusal is Refusal.TOO_MANY_OPEN
        assert await statuses(service, old, other) == ["rejected", "running"]
        await sound(service)


async def test_for_a_retry_the_oldest_makes_way_where_it_would_for_a_start(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", limited(1, "cancel_oldest"), clock=clock) as service:
        old = await failed(service, clock)
        other = await begin(service, clock)
        clock.advance(1)
        await service.engine.perform(old.id, Retry(MINA))
        assert await statuses(service, old, other) == ["running", "cancelled"]
        newest = await begin(service, clock)
        assert await statuses(service, old, newest) == ["cancelled", "running"], "the retried one is the oldest"
        await sound(service)


async def test_a_retry_with_another_input_stands_in_the_queue_of_that(tmp_path: Path) -> None:
    clock, made = HandClock(), limited(1, per="inputs.team", inputs={"team": {"type": "string"}})
    async with running(tmp_path / "a.db", made, clock=clock) as service:
        old, busy = await failed(service, clock, team="red"), await begin(service, clock, team="blue")
        blue = service.engine.content.kept({"team": "blue"})
        await service.engine.perform(old.id, Retry(MINA, inputs=blue, changed=("team",)))
        assert await statuses(service, old, busy) == ["queued", "running"]
        assert (await service.engine.look(old.id)).queue == "blue"
        await sound(service)


async def test_a_queued_retry_is_cancelled_and_outlives_a_restart(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "a.db"
    async with running(path, limited(1), clock=clock) as service:
        old, other = await failed(service, clock), await failed(service, clock)
        busy = await begin(service, clock)
        for run in (old, other):
            await service.engine.perform(run.id, Retry(MINA))
    async with running(path, limited(1), clock=clock) as service:
        await service.engine.perform(old.id, Cancel(MINA, "enough"))
        assert await statuses(service, old, other, busy) == ["cancelled", "queued", "running"]
        await approve(service, busy)
        await approve(service, other)
        assert (await ended(service, other)).status is RunStatus.SUCCEEDED
        await sound(service)
