"""What a model said was paid for: it is on disk before anybody looks into it, also when nobody can use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.recorded_answers import RecordedAnswers
from engine.models import Models
from engine.service import Service
from store import history
from store.database import Writer
from store.draft import changed_in
from store.events import AnswerKept
from store.faults import StoreFault
from store.model import Ensure, Plan, Retry, Run, RunStatus
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import Killed, kinds, sound, survives

pytestmark = pytest.mark.anyio

LONG = Ensure("output.size() > 10", "Write more than ten letters")
ANSWERS = {"answers": [{"text": "Short"}, {"text": "Long enough at last"}]}
MADE = plan(
    step(
        "draft",
        "model",
        with_={"model": "writer", "prompt": "Write"},
        effect="pure",
        retry=Retry(9, backoff_min_ms=1, backoff_max_ms=1),
        ensure=(LONG,),
    ),
)


def models(url: str, **more: object) -> Models:
    writer = {"kind": "openai", "base_url": f"{url}/v1", "model": "gpt-x", "api_key": "env:KEY", **more}
    return Models.parse({"writer": writer}, "models.yml", {"KEY": "sk-test-key"})


async def live(service: Service) -> Run:
    return await ended(service, (await service.engine.start("sample", {}, actor=MINA, dedupe_key="one")).run)


async def kept(service: Service, run: Run) -> list[str]:
    entries = await service.engine.database.read(lambda tx: history.of(tx, run.id))
    answers = [service.engine.content.value(one.event.answer) for one in entries if isinstance(one.event, AnswerKept)]
    return [answer["body"]["choices"][0]["message"]["content"] for answer in answers]


async def test_an_answer_is_on_record_before_the_verdict_on_it_and_the_next_try_is_another_attempt(
    tmp_path: Path,
) -> None:
    server = RecordedAnswers.parse([ANSWERS])
    async with server.running() as url, running(tmp_path / "a.db", MADE, models=models(url)) as service:
        run = await live(service)
        assert (run.status, run.steps["draft"].attempt) == (RunStatus.SUCCEEDED, 2), run.error
        told = [kind for kind in await kinds(service, run) if kind in ("AnswerKept", "AttemptFailed", "StepSucceeded")]
        assert told == ["AnswerKept", "AttemptFailed", "AnswerKept", "StepSucceeded"]
        assert await kept(service, run) == ["Short", "Long enough at last"]


async def test_killed_at_any_commit_no_more_than_the_answer_in_flight_is_missing_from_the_record(
    tmp_path: Path,
) -> None:
    reached, point = True, -2
    while reached:
        point += 3  # by turns before and after a commit
        assert point < 80, "it has more crash points than that"
        server = RecordedAnswers.parse([ANSWERS])
        path = tmp_path / f"{point}.db"
        async with server.running() as url:
            run, _, reached = await survives(path, (MADE,), live, point, models=models(url))
            assert run.status is RunStatus.SUCCEEDED, run.error
            async with running(path, MADE, models=models(url), drive=False) as service:
                found = await kept(service, run)
        assert len(server.asked) - len(found) in (0, 1), f"killed at point {point}"
        assert set(found) <= {"Short", "Long enough at last"}
    assert point > 6


async def dies_with_an_answer(path: Path, url: str, *made: Plan, **limits: object) -> None:
    """A service that dies after the commit that keeps an answer, and before anybody looks into it."""

    def fuse(where: str, tx: Writer) -> None:
        if where == "after commit" and any(one.kept for run in changed_in(tx).values() for one in run.steps.values()):
            raise Killed(where)

    async def mortal() -> None:
        async with running(path, *made, models=models(url, **limits), drain_seconds=0.05) as service:
            service.engine.database.fuse = fuse
            await live(service)

    with pytest.raises((StoreFault, Killed)):
        await mortal()


async def test_a_service_that_died_between_an_answer_and_its_verdict_reads_what_it_kept(tmp_path: Path) -> None:
    path, server = tmp_path / "a.db", RecordedAnswers.parse([{"answers": [{"text": "Long enough at once"}]}])
    async with server.running() as url:
        await dies_with_an_answer(path, url, MADE)
        assert len(server.asked) == 1
        async with running(path, MADE, models=models(url)) as service:
            run = await live(service)
            assert (run.status, run.steps["draft"].output.value) == (RunStatus.SUCCEEDED, "Long enough at once")
            assert (run.steps["draft"].attempt, run.steps["draft"].kept) == (2, None)
            assert run.steps["draft"].receipt["recovered"] is True
            assert run.usage["calls"] == 1, "it is counted once"
            assert await kept(service, run) == ["Long enough at once"]
            await sound(service)
    assert len(server.asked) == 1


async def test_what_was_kept_and_cannot_be_used_is_said_to_the_model_which_is_asked_again(tmp_path: Path) -> None:
    path, server = tmp_path / "a.db", RecordedAnswers.parse([ANSWERS])
    async with server.running() as url:
        await dies_with_an_answer(path, url, MADE)
        async with running(path, MADE, models=models(url)) as service:
            run = await live(service)
            assert (run.status, run.steps["draft"].attempt) == (RunStatus.SUCCEEDED, 3)
            assert run.usage["calls"] == 2
            assert await kept(service, run) == ["Short", "Long enough at last"]
    assert len(server.asked) == 2


async def test_what_was_kept_is_no_answer_to_another_request(tmp_path: Path) -> None:
    path, server = tmp_path / "a.db", RecordedAnswers.parse([ANSWERS])
    async with server.running() as url:
        await dies_with_an_answer(path, url, MADE)
        async with running(path, MADE, models=models(url, model="gpt-y")) as service:
            run = await live(service)
            assert (run.status, run.steps["draft"].attempt) == (RunStatus.SUCCEEDED, 2)
            assert run.steps["draft"].receipt["model_asked"] == "gpt-y"
    assert len(server.asked) == 2


async def test_who_was_answered_already_does_not_stand_in_line_for_the_endpoint(tmp_path: Path) -> None:
    path, server = tmp_path / "a.db", RecordedAnswers.parse([{"answers": [{"text": "Long enough at once"}]}])
    limits = {"limits": {"requests": "1/h"}}
    async with server.running() as url:
        await dies_with_an_answer(path, url, MADE, **limits)
        async with running(path, MADE, models=models(url, **limits)) as service:
            assert (await live(service)).status is RunStatus.SUCCEEDED
    assert len(server.asked) == 1
