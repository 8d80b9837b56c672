"""http steps that give work away and ask for it until it is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web

from engine.activities import Result, Secret
from engine.clock import HandClock
from engine.faults import ActivityFault, Later
from engine.rules.commands import Cancel, Retry, Settle
from engine.service import Service
from store import lookups
from store.model import Retry as RetryPolicy
from store.model import Run, RunStatus, StepPlan
from tests.support.attempts import Desk
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import sound, survives

pytestmark = pytest.mark.anyio

LOOPBACK: dict[str, Any] = {"allowed_hosts": ("127.0.0.1",)}
POLL = {
    "every": "5s",
    "timeout": "10m",
    "until": "${{ response.body.state == 'done' }}",
    "fail_when": "${{ response.body.state == 'broken' }}",
    "url": "/work/${{ response.body.id }}",
}


class Works:
    """A service that takes work with POST and tells of it with GET; done after so many questions."""

    def __init__(self, questions: int = 2, **ends: Any) -> None:
        self.questions = questions
        self.end = {"state": "done", "result": 42, **ends}
        self.taken: list[dict[str, str]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.troubles: list[web.Response] = []
        self.headers: dict[str, str] = {}

    async def __call__(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.taken.append(dict(request.headers))
            return web.json_response({"id": 7}, status=202, headers=self.headers)
        self.asked.append((request.path_qs, dict(request.headers)))
        if self.troubles:
            return self.troubles.pop(0)
        done = len(self.asked) >= self.questions
        return web.json_response(self.end if done else {"state": "going"}, headers=self.headers)


def given(base: str, **more: Any) -> dict[str, Any]:
    return {
        "method": "POST",
        "url": f"{base}/work?key=1",
        "json": {"size": 3},
        "headers": {"Authorization": Secret("Bearer s3cret", "cms")},
        **more,
    }


async def attempt(desk: Desk, with_: Any, memo: Any = None, **more: Any) -> Result | Later:
    spec = {"poll": {**POLL, **more.pop("poll", {})}}
    try:
        return await desk.do("http", with_, memo=memo, spec={**spec, **more.pop("spec", {})}, **more)
    except Later as later:
        return later


async def test_the_work_is_given_away_once_and_asked_for_until_it_is_done(desk, serve) -> None:
    works = Works(questions=3)
    with_ = given(await serve(works))
    first = await attempt(desk, with_, effect="once")
    assert isinstance(first, Later)
    assert first.wait_ms == 5_000
    assert (len(works.taken), works.asked) == (1, [])
    assert "s3cret" not in str(first.memo)
    memo, waits = first.memo, []
    while isinstance(later := await attempt(desk, with_, memo, effect="once"), Later):
        waits.append(later.wait_ms)
        memo = later.memo
    assert isinstance(later, Result)
    assert later.output == {"state": "done", "result": 42}
    assert (later.receipt["method"], later.receipt["asked"], waits) == ("GET", 3, [5_000, 5_000])
    assert (len(works.taken), [path for path, _ in works.asked]) == (1, ["/work/7"] * 3)
    asked = works.asked[0][1]
    assert asked["Authorization"] == "Bearer s3cret"
    assert not {"Idempotency-Key", "Content-Type"} & asked.keys()


async def test_what_is_done_at_once_is_not_asked_for(desk, serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"id": 1, "state": "done"})

    result = await attempt(desk, given(await serve(handler)))
    assert isinstance(result, Result)
    assert result.receipt["asked"] == 0


async def test_secrets_are_not_told_to_another_host(desk, serve) -> None:
    works, elsewhere = Works(), Works()
    other = (await serve(elsewhere)).replace("127.0.0.1", "localhost")
    desk.tools.allowed_hosts = ("127.0.0.1", "localhost")
    with_ = given(await serve(works))
    later = await attempt(desk, with_, poll={"url": f"{other}/work/${{{{ response.body.id }}}}"})
    assert isinstance(later, Later)
    await attempt(desk, with_, later.memo)
    ((path, headers),) = elsewhere.asked
    assert path == "/work/7"
    assert "Authorization" not in headers
    assert "traceparent" in headers


async def test_without_an_address_the_answer_says_where_to_ask(desk, serve) -> None:
    works = Works()
    works.headers = {"Location": "/tickets/9"}
    with_ = given(await serve(works))
    later = await attempt(desk, with_, poll={"url": None})
    assert isinstance(later, Later)
    await attempt(desk, with_, later.memo, poll={"url": None})
    assert works.asked[0][0] == "/tickets/9"


async def test_a_question_is_asked_again_where_it_was_asked(desk, serve) -> None:
    works = Works()
    with_ = {"url": f"{await serve(works)}/state", "query": {"of": "x"}}
    later = await attempt(desk, with_, poll={"url": None})
    assert isinstance(later, Later)
    assert later.memo["url"] is None
    await attempt(desk, with_, later.memo, poll={"url": None})
    assert [path for path, _ in works.asked] == ["/state?of=x"] * 2


async def failure(work: Callable[[], Awaitable[object]]) -> ActivityFault:
    with pytest.raises(ActivityFault) as raised:
        await work()
    return raised.value


async def test_an_answer_that_does_not_say_where_to_ask_is_told_with_the_cure(desk, serve) -> None:
    with_ = given(await serve(Works()))
    for poll in ({"url": None}, {"url": "/work/${{ response.body.ticket }}"}):
        fault = await failure(lambda poll=poll: attempt(desk, with_, poll=poll, effect="once"))
        assert (fault.code, fault.retryable, fault.maybe_happened) == ("input_invalid", False, True)
        assert "poll.url" in fault.hint


async def test_work_that_failed_is_begun_anew_or_for_good(desk, serve) -> None:
    with_ = given(await serve(Works(questions=1, state="broken")))
    for effect, retryable in (("idempotent", True), ("once", False)):
        later = await attempt(desk, with_, effect=effect)
        assert isinstance(later, Later)
        fault = await failure(lambda later=later, effect=effect: attempt(desk, with_, later.memo, effect=effect))
        assert (fault.code, fault.anew, fault.retryable, fault.maybe_happened) == (
            "poll_failed",
            True,
            retryable,
            False,
        )
        assert fault.receipt["status"] == 200


async def test_trouble_with_asking_is_not_trouble_with_the_work(desk, serve) -> None:
    works = Works()
    works.troubles = [web.Response(status=503, headers={"Retry-After": "9"}, text="busy")]
    with_ = given(await serve(works))
    later = await attempt(desk, with_)
    assert isinstance(later, Later)
    fault = await failure(lambda: attempt(desk, with_, later.memo))
    assert (fault.code, fault.retryable, fault.retry_after_ms, fault.anew) == ("http_status", True, 9_000, False)


async def test_the_service_may_ask_for_more_patience(desk, serve) -> None:
    works = Works(questions=9)
    works.headers = {"Retry-After": "60"}
    with_ = given(await serve(works))
    first = await attempt(desk, with_)
    assert isinstance(first, Later)
    assert first.wait_ms == 60_000
    second = await attempt(desk, with_, first.memo)
    assert isinstance(second, Later)
    assert second.wait_ms == 60_000


async def test_it_is_asked_a_last_time_when_the_time_is_up_and_then_given_up(desk, serve) -> None:
    with_ = given(await serve(Works(questions=99)))
    first = await attempt(desk, with_, poll={"timeout": 12_000})
    assert isinstance(first, Later)
    desk.tools.clock.at += 9_000
    second = await attempt(desk, with_, first.memo, poll={"timeout": 12_000})
    assert isinstance(second, Later)
    assert second.wait_ms == 3_000
    desk.tools.clock.at += 3_000
    fault = await failure(lambda: attempt(desk, with_, second.memo, poll={"timeout": 12_000}))
    assert (fault.code, fault.retryable, fault.anew) == ("poll_timeout", False, False)
    assert "12 s" in fault.message


async def test_a_condition_that_does_not_fit_the_answers_is_told(desk, serve) -> None:
    with_ = given(await serve(Works()))
    poll = {"until": "response.body.progress >= 100"}
    later = await attempt(desk, with_, poll=poll)
    assert isinstance(later, Later), "the first answer only says that the work was taken"
    fault = await failure(lambda: attempt(desk, with_, later.memo, poll=poll))
    assert (fault.code, "progress" in fault.message) == ("poll_invalid", True)


# With an engine -----------------------------------------------------------------------------------------------------


def export(base: str, **more: Any) -> StepPlan:
    poll = {**POLL, **more.pop("poll", {})}
    more.setdefault("retry", RetryPolicy(3, backoff_min_ms=1, backoff_max_ms=1))
    with_ = {"method": "POST", "url": f"{base}/work", "json": {"size": 3}}
    return step("export", "http", with_=with_, spec={"poll": poll}, effect="once", **more)


async def going(service: Service, run: Run, attempts: int) -> Run:
    def asked(run: Run) -> bool:
        export = run.steps["export"]
        return run.status.finished or (export.status == "ready" and export.attempt == attempts)

    with anyio.fail_after(20):
        return await service.engine.wait_for(run.id, asked)


async def test_a_run_waits_for_the_work_over_a_restart_and_sends_it_once(tmp_path: Path, serve) -> None:
    works, clock = Works(questions=2), HandClock()
    made = plan(export(await serve(works)), outputs="${{ steps.export.output.result }}")
    async with running(tmp_path / "a.db", made, clock=clock, **LOOPBACK) as service:
        run = await going(service, (await service.engine.start("sample", {}, actor=MINA)).run, 1)
        assert run.active_since is not None
        await sound(service)
    clock.advance(5_000)
    async with running(tmp_path / "a.db", made, clock=clock, **LOOPBACK) as service:
        await going(service, run, 2)
        clock.advance(5_000)
        run = await ended(service, run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, 42), run.error
        assert (len(works.taken), len(works.asked)) == (1, 2)
        attempts = await service.engine.database.read(lambda tx: lookups.attempts(tx, run.id))
        assert [one.outcome for one in attempts] == ["waiting", "waiting", "succeeded"]
        await sound(service)


async def test_killed_at_any_commit_the_work_is_never_sent_twice(tmp_path: Path, serve) -> None:
    for point in range(5, 60):
        works = Works(questions=2)
        made = plan(export(await serve(works), poll={"every": 100}))

        async def live(service: Service) -> Run:
            run = (await service.engine.start("sample", {}, actor=MINA, dedupe_key="one")).run
            with anyio.fail_after(20):
                run = await service.engine.wait_for(
                    run.id, lambda run: run.status.finished or run.steps["export"].status == "unknown"
                )
            if not run.status.finished:  # it was cut off before it could say whether the work was taken
                await service.engine.perform(run.id, Settle("export", MINA, "happened"))
            return await ended(service, run)

        run, _, reached = await survives(tmp_path / f"{point}.db", (made,), live, point, **LOOPBACK)
        assert run.status is RunStatus.SUCCEEDED, f"killed at {point}: {run.error}"
        assert len(works.taken) <= 1, f"killed at {point}"
        if not reached:
            assert (len(works.taken), len(works.asked)) == (1, 2)
            return
    raise AssertionError("there are more crash points than were tried")


async def test_bad_answers_in_between_do_not_send_the_work_again(tmp_path: Path, serve) -> None:
    works = Works(questions=4)
    works.troubles = [web.Response(status=500), web.Response(status=500)]
    made = plan(export(await serve(works), poll={"every": 100}))
    async with running(tmp_path / "a.db", made, **LOOPBACK) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert (len(works.taken), len(works.asked)) == (1, 4)
        await sound(service)


async def test_a_service_that_answers_no_more_leaves_the_work_for_a_person_to_settle(tmp_path: Path, serve) -> None:
    works = Works(questions=99)
    works.troubles = [web.Response(status=500) for _ in range(3)]
    made = plan(export(await serve(works), poll={"every": 100}))
    async with running(tmp_path / "a.db", made, **LOOPBACK) as service:
        engine = service.engine
        run = (await engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            run = await engine.wait_for(run.id, lambda run: run.steps["export"].status == "unknown")
        assert run.steps["export"].error.code == "http_status"
        assert len(works.taken) == 1
        await engine.perform(run.id, Settle("export", MINA, "fail"))
        run = await ended(service, run)
        assert (await engine.perform(run.id, Retry(MINA))).refusal is not None, "it may have been done"
        await sound(service)


async def test_cancelling_ends_the_asking(tmp_path: Path, serve) -> None:
    works, clock = Works(questions=99), HandClock()
    async with running(tmp_path / "a.db", plan(export(await serve(works))), clock=clock, **LOOPBACK) as service:
        run = await going(service, (await service.engine.start("sample", {}, actor=MINA)).run, 1)
        await service.engine.perform(run.id, Cancel(MINA, "enough"))
        assert (await ended(service, run)).status is RunStatus.CANCELLED
        clock.advance(60_000)
        await service.scheduler.run_once()
        assert works.asked == []
