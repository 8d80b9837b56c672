"""Endpoints that are down: after several failures they are held, one step tries them, and nobody burns attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.recorded_answers import RecordedAnswers, Recording
from engine.clock import HandClock
from engine.endpoints import FAILURES_TO_HOLD, HOLD_MIN_MS
from engine.models import Models
from engine.rules.commands import Cancel
from engine.service import Service
from store import endpoints, history
from store.events import AttemptFailed, AttemptStarted
from store.model import Plan, Retry, Run, RunStatus, StepPlan
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio
DOWN = {"model": "gpt-x", "answers": [{"status": 529, "text": "too busy"}]}
UP = {"answers": [{"text": "Good"}]}
MANY = Retry(FAILURES_TO_HOLD, backoff_min_ms=1, backoff_max_ms=1)


def ask(name: str = "draft", model: Any = "writer", **more: Any) -> StepPlan:
    more = {"effect": "pure", "retry": MANY, **more}
    return step(name, "model", with_={"model": model, "prompt": f"Write {name}"}, **more)


ONE = plan(ask())


@asynccontextmanager
async def town(
    path: Path, clock: HandClock, made: Plan, server: RecordedAnswers, **entry: Any
) -> AsyncIterator[Service]:
    async with server.running() as url:
        writer = {"kind": "openai", "base_url": f"{url}/v1", "model": "gpt-x", **entry}
        backup = {"kind": "anthropic", "base_url": url, "model": "claude-x"}
        models = Models.parse({"writer": writer, "backup": backup}, "models.yml", {})
        async with running(path, made, models=models, clock=clock, allowed_hosts=("127.0.0.1",)) as service:
            yield service


def answering(*recordings: dict) -> RecordedAnswers:
    return RecordedAnswers.parse(list(recordings))


def now_answering(server: RecordedAnswers, *recordings: dict) -> None:
    server.recordings = [Recording.model_validate(one) for one in recordings]


async def held(service: Service) -> list[tuple[endpoints.Endpoint, int]]:
    return await service.engine.database.read(endpoints.held)


async def until(condition: Any, clock: HandClock | None = None, step_ms: int = 1) -> None:
    with anyio.fail_after(20):
        while not await condition():
            if clock is not None:
                clock.advance(step_ms)
            await anyio.sleep(0.005)


async def started(service: Service, count: int, **inputs: Any) -> list[Run]:
    return [(await service.engine.start("sample", inputs, actor=MINA)).run for _ in range(count)]


async def all_wait(service: Service, clock: HandClock, runs: list[Run]) -> endpoints.Endpoint:
    """The one endpoint that is held, once all these runs stand in line for it."""

    async def waiting() -> bool:
        return [n for _, n in await held(service)] == [len(runs)]

    await until(waiting, clock)
    return (await held(service))[0][0]


async def events(service: Service, run: Run, kind: type) -> list[Any]:
    entries = await service.engine.database.read(lambda tx: history.of(tx, run.id))
    return [entry.event for entry in entries if isinstance(entry.event, kind)]


async def test_a_model_that_is_down_is_left_alone_tried_by_one_and_then_serves_all(tmp_path: Path) -> None:
    clock, server = HandClock(), answering(DOWN)
    async with town(tmp_path / "a.db", clock, ONE, server) as service:
        runs = await started(service, 12)
        one = await all_wait(service, clock, runs)
        assert (one.name, one.code, one.holds) == ("model writer", "model_overloaded", 1)
        assert "too busy" in one.message
        asked = len(server.asked)
        assert asked >= FAILURES_TO_HOLD

        clock.advance(one.held_until - clock.now())
        await until(lambda: tried_again(service, 2))
        assert len(server.asked) == asked + 1, "one step tries it"
        one = (await held(service))[0][0]
        assert one.held_until == clock.now() + 2 * HOLD_MIN_MS, "it is left alone for longer each time"
        await all_wait(service, clock, runs)

        now_answering(server, UP)
        clock.advance(2 * HOLD_MIN_MS)
        for run in runs:
            after = await ended(service, run)
            assert after.status is RunStatus.SUCCEEDED, after.error
        assert await held(service) == []
        assert len(server.asked) == asked + 1 + 12
        await sound(service)


async def tried_again(service: Service, times: int) -> bool:
    return [one.holds for one, _ in await held(service)] == [times]


async def test_a_step_does_not_fail_of_an_endpoint_that_is_down_for_everybody(tmp_path: Path) -> None:
    clock, server = HandClock(), answering(DOWN)
    async with town(tmp_path / "a.db", clock, ONE, server) as service:
        run = (await started(service, 1))[0]
        await all_wait(service, clock, [run])
        for _ in range(6):
            clock.advance((await held(service))[0][0].held_until - clock.now())
            holds = (await held(service))[0][0].holds
            await until(lambda holds=holds: tried_again(service, holds + 1))
            await all_wait(service, clock, [run])
        failed = await events(service, run, AttemptFailed)
        assert Counter(one.counts for one in failed) == {True: FAILURES_TO_HOLD - 1, False: 7}
        assert (await service.engine.look(run.id)).steps["draft"].failures == FAILURES_TO_HOLD - 1
        now_answering(server, UP)
        clock.advance((await held(service))[0][0].held_until - clock.now())
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        await sound(service)


async def test_a_lone_run_fails_as_its_author_said_when_nobody_else_found_it_down(tmp_path: Path) -> None:
    clock, server = HandClock(), answering(DOWN)
    made = plan(ask(retry=Retry(2, backoff_min_ms=1, backoff_max_ms=1)))
    async with town(tmp_path / "a.db", clock, made, server) as service:
        run = (await started(service, 1))[0]

        async def over() -> bool:
            return (await service.engine.look(run.id)).status.finished

        await until(over, clock)
        run = await service.engine.look(run.id)
        assert (run.status, run.error.code) == (RunStatus.FAILED, "model_overloaded")
        assert await held(service) == []


async def test_an_answer_in_between_begins_the_count_anew(tmp_path: Path) -> None:
    clock = HandClock()
    server = answering({"model": "gpt-x", "answers": [{"status": 503}] * (FAILURES_TO_HOLD - 1) + [{"text": "Good"}]})
    async with town(tmp_path / "a.db", clock, ONE, server) as service:
        for _ in range(2):
            run = (await started(service, 1))[0]

            async def over(run: Run = run) -> bool:
                return (await service.engine.look(run.id)).status.finished

            await until(over, clock)
            assert (await service.engine.look(run.id)).status is RunStatus.SUCCEEDED
        assert await service.engine.database.read(endpoints.troubled) == {}


async def test_the_second_model_takes_over_without_asking_the_one_that_is_held(tmp_path: Path) -> None:
    clock, server = HandClock(), answering(DOWN, UP)
    made = plan(ask(model=["writer", "backup"]))
    async with town(tmp_path / "a.db", clock, made, server) as service:
        runs = await started(service, FAILURES_TO_HOLD)
        for run in runs:
            assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        assert [one.name for one, _ in await held(service)] == ["model writer"]
        server.asked.clear()
        after = await ended(service, (await started(service, 1))[0])
        receipt = after.steps["draft"].receipt
        assert receipt["endpoint"] == "backup"
        assert [(one["endpoint"], one["code"]) for one in receipt["tried"]] == [("writer", "model_held")]
        assert [one["model"] for one in server.asked] == ["claude-x"]
        now_answering(server, UP)
        clock.advance(HOLD_MIN_MS)
        after = await ended(service, (await started(service, 1))[0])
        assert after.steps["draft"].receipt["endpoint"] == "writer"
        assert await held(service) == []


async def test_what_is_held_is_held_after_a_restart(tmp_path: Path) -> None:
    clock, server, path = HandClock(), answering(DOWN), tmp_path / "a.db"
    async with town(path, clock, ONE, server) as service:
        runs = await started(service, 6)
        await all_wait(service, clock, runs)
    server.asked.clear()
    async with town(path, clock, ONE, server) as service:
        runs += await started(service, 1)
        await service.scheduler.run_once()
        one = await all_wait(service, clock, runs)
        assert server.asked == []
        now_answering(server, UP)
        clock.advance(one.held_until - clock.now())
        for run in runs:
            assert (await ended(service, run)).status is RunStatus.SUCCEEDED


async def test_people_are_told_once_that_it_is_down_and_once_that_it_is_up(tmp_path: Path) -> None:
    clock, server = HandClock(), answering(DOWN)
    with capture_logs() as lines:
        async with town(tmp_path / "a.db", clock, ONE, server) as service:
            database = service.engine.database
            runs = await started(service, 12)
            one = await all_wait(service, clock, runs)
            (notice,) = await database.read(endpoints.notices)
            assert (notice.down, notice.endpoint.name, notice.waiting) == (True, "model writer", 12)
            await database.write(lambda tx: endpoints.told(tx, notice))
            assert await database.read(endpoints.notices) == []
            clock.advance(one.held_until - clock.now())
            await until(lambda: tried_again(service, 2))
            assert await database.read(endpoints.notices) == [], "still down is no news"
            now_answering(server, UP)
            clock.advance(4 * HOLD_MIN_MS)
            for run in runs:
                await ended(service, run)
            (notice,) = await database.read(endpoints.notices)
            assert (notice.down, notice.endpoint.up_at) == (False, clock.now())
            await database.write(lambda tx: endpoints.told(tx, notice))
            assert await database.read(endpoints.notices) == []
    told = [line for line in lines if line["event"].startswith("endpoint.")]
    assert [line["event"] for line in told] == ["endpoint.held", "endpoint.recovered"]
    assert (told[0]["endpoint"], told[0]["log_level"]) == (one.name, "warning")


async def test_the_step_that_was_to_try_it_may_end_without_having_found_out(tmp_path: Path) -> None:
    clock, server = HandClock(), answering(DOWN)
    async with town(tmp_path / "a.db", clock, ONE, server) as service:
        runs = await started(service, 6)
        one = await all_wait(service, clock, runs)
        now_answering(server, {"answers": [{"text": "Good", "delay_ms": 60_000}]})
        clock.advance(one.held_until - clock.now())

        async def tries() -> bool:
            return (await held(service))[0][0].probe is not None

        await until(tries)
        probe = (await held(service))[0][0].probe
        now_answering(server, UP)
        await service.engine.perform(probe.run_id, Cancel(MINA))
        for run in runs:
            after = await ended(service, run)
            assert after.status is (RunStatus.CANCELLED if run.id == probe.run_id else RunStatus.SUCCEEDED)
        assert await held(service) == []


async def test_a_host_that_is_down_holds_the_requests_to_it_and_no_others(tmp_path: Path) -> None:
    clock, status = HandClock(), {"busy": 503, "other": 200}
    asked: Counter[str] = Counter()

    async def handler(request: web.Request) -> web.Response:
        asked[request.path] += 1
        return web.json_response({}, status=status[request.path.strip("/")])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    made = plan(
        step("call", "http", with_={"url": "http://${{ inputs.host }}/${{ inputs.path }}"}, effect="pure", retry=MANY)
    )
    try:
        ports = []
        for _ in range(2):
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            ports.append(site._server.sockets[0].getsockname()[1])
        busy, other = (f"127.0.0.1:{port}" for port in ports)
        async with town(tmp_path / "a.db", clock, made, answering()) as service:
            runs = await started(service, 8, host=busy, path="busy")
            one = await all_wait(service, clock, runs)
            assert (one.name, one.code) == (f"host {busy}", "http_status")
            went = (await started(service, 1, host=other, path="other"))[0]
            assert (await ended(service, went)).status is RunStatus.SUCCEEDED
            before = asked["/busy"]
            status["busy"] = 200
            clock.advance(one.held_until - clock.now())
            for run in runs:
                assert (await ended(service, run)).status is RunStatus.SUCCEEDED
            assert asked["/busy"] == before + 8
            started_in_all = [len(await events(service, run, AttemptStarted)) for run in runs]
            assert sum(started_in_all) == asked["/busy"]
    finally:
        await runner.cleanup()


async def test_a_host_that_answers_with_an_error_of_its_own_is_not_down(tmp_path: Path) -> None:
    clock = HandClock()

    async def handler(request: web.Request) -> web.Response:
        return web.json_response({}, status=500)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    made = plan(step("call", "http", with_={"url": f"http://127.0.0.1:{port}/"}, effect="pure", retry=Retry(1)))
    try:
        async with town(tmp_path / "a.db", clock, made, answering()) as service:
            for run in await started(service, FAILURES_TO_HOLD + 2):
                assert (await ended(service, run)).error.code == "http_status"
            assert await held(service) == []
    finally:
        await runner.cleanup()


async def test_a_host_that_says_that_work_goes_on_is_up(tmp_path: Path) -> None:
    """Work was given away; then the host went down, and answers again, though the work is not done yet."""
    clock, says = HandClock(), {"status": 200, "state": "going"}

    async def handler(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.json_response({"id": 7}, status=202)
        return web.json_response({"state": says["state"]}, status=says["status"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/work"
    poll = {"every": "1ms", "timeout": "10m", "until": "${{ response.body.state == 'done' }}", "url": "/work/7"}
    given = {"method": "POST", "url": url, "json": {}}
    made = plan(step("call", "http", with_=given, effect="idempotent", retry=MANY, spec={"poll": poll}))
    try:
        async with town(tmp_path / "a.db", clock, made, answering()) as service:
            run = (await started(service, 1))[0]

            async def was_asked() -> bool:
                return (await service.engine.look(run.id)).steps["call"].memo is not None

            await until(was_asked, clock)
            says["status"] = 503
            one = await all_wait(service, clock, [run])
            says["status"] = 200
            clock.advance(one.held_until - clock.now())

            async def none_is_held() -> bool:
                return await held(service) == []

            await until(none_is_held)
            says["state"] = "done"

            async def over() -> bool:
                return (await service.engine.look(run.id)).status.finished

            await until(over, clock)
            assert (await service.engine.look(run.id)).status is RunStatus.SUCCEEDED
            await sound(service)
    finally:
        await runner.cleanup()
