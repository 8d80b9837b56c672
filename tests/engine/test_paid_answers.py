"""What a model said was paid for: it is on disk before anybody looks into it, also when nobody can use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.recorded_answers import RecordedAnswers
from engine.models import Models
from engine.service import Service
from store import history
from store.events import AnswerKept
from store.model import Ensure, Retry, Run, RunStatus
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import kinds, survives

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


def models(url: str) -> Models:
    writer = {"kind": "openai", "base_url": f"{url}/v1", "model": "gpt-x", "api_key": "env:KEY"}
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
