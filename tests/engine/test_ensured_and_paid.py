"""What must hold of an output, and what a run may spend: asked of a model that answers from recordings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.recorded_answers import RecordedAnswers
from engine.models import Models
from engine.rules.commands import Retry as Again
from engine.service import Service
from store import lookups
from store.model import NO_USAGE, Budget, Ensure, Plan, Retry, RunStatus, StepPlan
from tests.support.engines import MINA, definition, ended, plan, running, step
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio

AT_ONCE = Retry(3, backoff_min_ms=1, backoff_max_ms=1)
LONG = Ensure("output.size() > 10", "Write more than ten letters")
PRICE = {"input": "1000", "output": "1000"}  # US dollars for a million tokens


def ask(name: str = "draft", after: tuple[str, ...] = (), **more: Any) -> StepPlan:
    more = {"with_": {"model": "writer", "prompt": f"Write {name}"}, "effect": "pure", "retry": AT_ONCE, **more}
    return step(name, "model", after, **more)


@asynccontextmanager
async def answered_by(path: Path, made: Plan, *recordings: dict) -> AsyncIterator[tuple[Service, RecordedAnswers]]:
    server = RecordedAnswers.parse(list(recordings))
    async with server.running() as url:
        writer = {"kind": "openai", "base_url": f"{url}/v1", "model": "gpt-x", "api_key": "env:KEY", "price": PRICE}
        models = Models.parse({"writer": writer}, "models.yml", {"KEY": "sk-test-key"})
        async with running(path, made, models=models) as service:
            yield service, server


async def test_a_model_is_asked_again_with_its_answer_and_the_reason(tmp_path: Path) -> None:
    short_then_long = {"answers": [{"text": "Short"}, {"text": "Long enough at last"}]}
    made = plan(ask(ensure=(LONG,)), outputs={"text": "${{ steps.draft.output }}"})
    async with answered_by(tmp_path / "a.db", made, short_then_long) as (service, server):
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, {"text": "Long enough at last"}), run.error
        first, second = (one["prompt"] for one in server.asked)
        assert "Write more than ten letters" not in first
        assert "Write more than ten letters" in second
        assert "Short" in second
        await sound(service)


async def test_an_answer_that_never_holds_fails_with_the_authors_words(tmp_path: Path) -> None:
    made = plan(ask(ensure=(Ensure("output.size() > 1"), LONG)))
    async with answered_by(tmp_path / "a.db", made, {"answers": [{"text": "Short"}]}) as (service, server):
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.error.code) == (RunStatus.FAILED, "ensure_failed")
        assert "Write more than ten letters" in run.error.message
        assert len(server.asked) == 3


async def test_what_is_ensured_may_look_at_other_data(tmp_path: Path) -> None:
    made = plan(
        step("limit", with_={"n": 5}),
        step(
            "use",
            "command",
            ["limit"],
            with_={"argv": ["echo", "${{ inputs.said }}"]},
            ensure=(Ensure("output.size() <= steps.limit.output.n", "Too long"),),
            retry=Retry(1),
            effect="idempotent",
        ),
    )
    async with running(tmp_path / "a.db", made) as service:
        for said, status in (("short", RunStatus.SUCCEEDED), ("longer", RunStatus.FAILED)):
            run = await ended(service, (await service.engine.start("sample", {"said": said}, actor=MINA)).run)
            assert run.status is status, run.error


async def test_a_condition_that_cannot_be_computed_fails_at_once_and_says_so(tmp_path: Path) -> None:
    made = plan(ask(ensure=(Ensure("output.size() > inputs.missing"),)))
    async with answered_by(tmp_path / "a.db", made, {"answers": [{"text": "Short"}]}) as (service, server):
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert "missing" in run.error.message
        assert len(server.asked) == 1


async def test_an_effect_that_happened_and_does_not_hold_is_for_a_person_to_settle(tmp_path: Path) -> None:
    made = plan(
        step("pay", "command", with_={"argv": ["echo", "no"]}, effect="once", ensure=(Ensure("output == 'yes'"),))
    )
    async with running(tmp_path / "a.db", made) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        run = await service.engine.wait_for(run.id, lambda run: run.steps["pay"].status == "unknown")
        assert run.steps["pay"].attempt == 1
        assert run.steps["pay"].error.code == "ensure_failed"


async def test_what_answers_cost_is_counted_whether_or_not_they_could_be_used(tmp_path: Path) -> None:
    answers = {"answers": [{"text": "Short"}, {"text": "Long enough at last"}]}
    made = plan(ask(ensure=(LONG,)), ask("more", ("draft",)), outputs={"used": "${{ run.usage.tokens_in }}"})
    async with answered_by(tmp_path / "a.db", made, answers) as (service, server):
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        attempts = await service.engine.database.read(lambda tx: lookups.attempts(tx, run.id))
        assert len(attempts) == len(server.asked) == 3
        assert all(one.usage["tokens_in"] > 0 for one in attempts)
        assert run.usage == {name: sum(one.usage[name] for one in attempts) for name in NO_USAGE}
        assert run.outputs.value == {"used": run.usage["tokens_in"]}
        await sound(service)


@pytest.mark.parametrize("budget", [Budget(tokens=6), Budget(usd=0.006)])
async def test_a_run_that_has_spent_its_budget_asks_no_more(tmp_path: Path, budget: Budget) -> None:
    made = plan(ask(), ask("more", ("draft",)), step("free", after=["draft"]), budget=budget)
    async with answered_by(tmp_path / "a.db", made, {"answers": [{"text": "Something"}]}) as (service, server):
        engine = service.engine
        run = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.error.code) == (RunStatus.FAILED, "budget_used_up")
        assert len(server.asked) == 1
        assert run.steps["more"].attempt == 1, "more tries would not help"
        richer = plan(*made.steps, budget=Budget(usd=100.0))
        await engine.use({"sample": definition(richer)})
        assert (await engine.perform(run.id, Again(MINA, newest=True))).refusal is None
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        await sound(service)
