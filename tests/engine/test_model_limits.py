"""Limits of endpoints: who may not go yet stays ready and stands in line, and no attempt of it is burnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from bot.recorded_answers import RecordedAnswers
from engine.clock import HandClock
from engine.models import Models
from engine.rules.commands import Cancel, Pause, Resume
from engine.service import Service
from store import due, endpoints, lookups
from store.model import Plan, Run, RunStatus, StepPlan
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio
MINUTE_MS = 60_000
OK = {"answers": [{"text": "Good"}]}


def ask(name: str = "draft", model: Any = "writer", **more: Any) -> StepPlan:
    return step(name, "model", with_={"model": model, "prompt": f"Write {name}"}, effect="pure", **more)


ONE = plan(ask())


class Busy(RecordedAnswers):
    """Knows how many asked at once."""

    now = most = 0

    async def _openai(self, request: Any) -> Any:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            return await super()._openai(request)
        finally:
            self.now -= 1


@asynccontextmanager
async def town(path: Path, clock: HandClock, made: Plan, *recordings: dict, **entry: Any) -> AsyncIterator[Any]:
    server = Busy.parse(list(recordings) or [OK])
    async with server.running() as url:
        writer = {"kind": "openai", "base_url": f"{url}/v1", "model": "gpt-x", **entry}
        backup = {"kind": "anthropic", "base_url": url, "model": "claude-x"}
        models = Models.parse({"writer": writer, "backup": backup}, "models.yml", {})
        async with running(path, made, models=models, clock=clock) as service:
            yield service, server


async def started(service: Service, count: int) -> list[Run]:
    return [(await service.engine.start("sample", {}, actor=MINA)).run for _ in range(count)]


async def until(condition: Any) -> None:
    with anyio.fail_after(20):
        while not await condition():
            await anyio.sleep(0.005)


async def statuses(service: Service, runs: list[Run], key: str = "draft") -> Counter[str]:
    looked = [await service.engine.look(run.id) for run in runs]
    return Counter(run.steps[key].status.value for run in looked if run)


async def line(service: Service, name: str = "model writer") -> int:
    return await service.engine.database.read(lambda tx: endpoints.waiting(tx, name))


async def settled(service: Service, runs: list[Run], **expected: int) -> None:
    async def as_expected() -> bool:
        return await statuses(service, runs) == Counter(expected)

    await until(as_expected)


async def test_no_more_requests_go_out_in_a_minute_than_are_allowed(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path / "a.db", clock, ONE, limits={"requests": "2/min"}) as (service, server):
        runs = await started(service, 5)
        await settled(service, runs, succeeded=2, ready=3)
        assert (len(server.asked), await line(service)) == (2, 3)
        clock.advance(MINUTE_MS - 1)
        await service.scheduler.run_once()
        assert len(server.asked) == 2
        clock.advance(1)
        await settled(service, runs, succeeded=4, ready=1)
        clock.advance(MINUTE_MS)
        for run in runs:
            after = await ended(service, run)
            assert after.status is RunStatus.SUCCEEDED
            assert after.steps["draft"].attempt == 1, "waiting burns no attempt"
        assert len(server.asked) == 5
        assert await line(service) == 0
        await sound(service)


async def test_who_came_first_goes_first(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path / "a.db", clock, ONE, limits={"requests": "1/min"}) as (service, _):
        order: list[str] = []
        runs = []
        for _ in range(4):
            clock.advance(1)
            runs += await started(service, 1)
        while len(order) < 4:
            looked = [await service.engine.look(run.id) for run in runs]
            order += [run.id for run in looked if run.status.finished and run.id not in order]
            if await line(service):
                clock.advance(MINUTE_MS // 4)
            await anyio.sleep(0.005)
        assert order == [run.id for run in runs]


async def test_who_comes_when_there_is_room_again_does_not_pass_the_line(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path / "a.db", clock, ONE, limits={"requests": "1/min"}) as (service, _):
        first, waiting = await started(service, 2)
        await settled(service, [first, waiting], succeeded=1, ready=1)
        clock.advance(MINUTE_MS)
        late = (await started(service, 1))[0]
        assert (await ended(service, waiting)).status is RunStatus.SUCCEEDED
        assert await statuses(service, [late]) == {"ready": 1}


async def test_who_stands_in_line_takes_no_room_from_others_when_its_run_changes(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(*(ask(f"part_{n}") for n in range(4)))
    async with town(tmp_path / "a.db", clock, made, limits={"requests": "1/min"}) as (service, _):
        run = (await started(service, 1))[0]

        async def three_wait() -> bool:
            looked = await service.engine.look(run.id)
            return Counter(one.status.value for one in looked.steps.values()) == Counter(succeeded=1, ready=3)

        await until(three_wait)

        def offered(tx: Any) -> tuple[int, int]:
            service.engine.change(tx, run.id, Pause(MINA, "wait"))
            service.engine.change(tx, run.id, Resume(MINA))
            stands = service.scheduler._endpoints.in_line
            return len(due.ready(tx, clock.now(), 9)), len(due.ready(tx, clock.now(), 9, in_line=stands))

        assert await service.engine.database.write(offered) == (3, 0)


async def test_windows_slide_so_that_no_minute_has_too_many(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path / "a.db", clock, ONE, limits={"requests": "2/min"}) as (service, server):
        first = await started(service, 1)
        await settled(service, first, succeeded=1)
        clock.advance(50_000)
        rest = await started(service, 3)
        await settled(service, rest, succeeded=1, ready=2)
        clock.advance(10_000)
        await settled(service, rest, succeeded=2, ready=1)
        clock.advance(49_999)
        await service.scheduler.run_once()
        assert len(server.asked) == 3
        clock.advance(1)
        await settled(service, rest, succeeded=3)


async def test_only_so_many_are_under_way_at_once_and_the_end_of_one_lets_the_next_go(tmp_path: Path) -> None:
    clock = HandClock()
    slow = {"answers": [{"text": "Good", "delay_ms": 50}]}
    async with town(tmp_path / "a.db", clock, ONE, slow, limits={"concurrent": 2}) as (service, server):
        runs = await started(service, 7)
        for run in runs:
            assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        assert (len(server.asked), server.most) == (7, 2)


async def test_tokens_are_counted_as_answers_tell_them(tmp_path: Path) -> None:
    clock = HandClock()
    long = {"answers": [{"text": "word " * 320}]}  # 400 tokens and a few of the prompt
    async with town(tmp_path / "a.db", clock, ONE, long, limits={"tokens": "1000/min"}) as (service, server):
        runs = await started(service, 5)
        await settled(service, runs, succeeded=2, ready=3)
        clock.advance(MINUTE_MS)
        await settled(service, runs, succeeded=4, ready=1)
        assert len(server.asked) == 4


async def test_the_line_and_what_was_used_outlive_the_service(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "a.db"
    async with town(path, clock, ONE, limits={"requests": "2/min"}) as (service, _):
        runs = await started(service, 4)
        await settled(service, runs, succeeded=2, ready=2)
    clock.advance(1_000)
    async with town(path, clock, ONE, limits={"requests": "2/min"}) as (service, server):
        await service.scheduler.run_once()
        assert (len(server.asked), await line(service)) == (0, 2)
        clock.advance(MINUTE_MS - 1_000)
        await settled(service, runs, succeeded=4)
        assert len(server.asked) == 2


async def test_who_is_cancelled_or_paused_leaves_the_line_to_the_others(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path / "a.db", clock, ONE, limits={"requests": "1/min"}) as (service, server):
        runs = await started(service, 1)
        await settled(service, runs, succeeded=1)
        cancelled, paused, last = await started(service, 3)
        assert await line(service) == 3
        await service.engine.perform(cancelled.id, Cancel(MINA))
        await service.engine.perform(paused.id, Pause(MINA, "wait"))
        clock.advance(MINUTE_MS)
        assert (await ended(service, last)).status is RunStatus.SUCCEEDED
        assert len(server.asked) == 2
        await service.engine.perform(paused.id, Resume(MINA))
        assert await line(service) == 1
        clock.advance(MINUTE_MS)
        assert (await ended(service, paused)).status is RunStatus.SUCCEEDED
        assert (await ended(service, cancelled)).status is RunStatus.CANCELLED


async def test_steps_of_one_run_stand_in_line_like_those_of_many(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(*(ask(f"part_{n}") for n in range(5)), step("free"))
    async with town(tmp_path / "a.db", clock, made, limits={"requests": "2/min"}) as (service, server):
        run = (await started(service, 1))[0]

        async def two_are_done() -> bool:
            looked = await service.engine.look(run.id)
            return Counter(one.status.value for one in looked.steps.values()) == Counter(succeeded=3, ready=3)

        await until(two_are_done)
        for _ in range(2):
            clock.advance(MINUTE_MS)
            await anyio.sleep(0.02)
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        assert len(server.asked) == 5
        attempts = await service.engine.database.read(lambda tx: lookups.attempts(tx, run.id))
        assert all(one.attempt == 1 for one in attempts)
        await sound(service)


async def test_a_model_named_by_an_expression_is_limited_too(tmp_path: Path) -> None:
    clock = HandClock()
    made = plan(ask(model="${{ inputs.model }}"))
    async with town(tmp_path / "a.db", clock, made, limits={"requests": "1/min"}) as (service, _):
        runs = [(await service.engine.start("sample", {"model": "writer"}, actor=MINA)).run for _ in range(2)]
        await settled(service, runs, succeeded=1, ready=1)
        other = (await service.engine.start("sample", {"model": "backup"}, actor=MINA)).run
        assert (await ended(service, other)).status is RunStatus.SUCCEEDED


async def test_an_endpoint_without_limits_writes_no_rows(tmp_path: Path) -> None:
    clock = HandClock()
    async with town(tmp_path / "a.db", clock, ONE) as (service, _):
        for run in await started(service, 3):
            await ended(service, run)
        uses = await service.engine.database.read(lambda tx: list(endpoints.uses(tx, "model writer", 0)))
        assert uses == []
        assert await service.engine.database.read(endpoints.troubled) == {}


async def test_a_step_may_stand_in_line_for_longer_than_its_tries_may_take(tmp_path: Path) -> None:
    clock, made = HandClock(), plan(ask(timeout_ms=10_000))
    async with town(tmp_path / "a.db", clock, made, limits={"requests": "1/min"}) as (service, server):
        runs = await started(service, 3)
        await settled(service, runs, succeeded=1, ready=2)
        for _ in range(2):
            clock.advance(MINUTE_MS)
            await service.scheduler.run_once()
        for run in runs:
            after = await ended(service, run)
            assert (after.status, after.steps["draft"].attempt) == (RunStatus.SUCCEEDED, 1), after.error
        assert len(server.asked) == 3
        await sound(service)
