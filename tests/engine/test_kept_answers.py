"""Answers that stand for the same request for a while, recordings, budgets and evidence, on a whole engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.recorded_answers import RecordedAnswers
from engine.clock import HandClock
from engine.models import Models
from engine.secrets import Redactor
from engine.service import Service
from engine.tape import Recording
from store import history, lookups
from store.events import AnswerKept
from store.model import Budget, Ensure, Plan, Retry, Run, RunStatus, StepPlan
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio
DAY_MS = 86_400_000
ANSWERS = {"answers": [{"text": "An answer to remember"}]}
PRICE = {"input": 1000, "output": 1000, "cached": 0}  # US dollars for a million tokens
ZERO = dict.fromkeys(("calls", "tokens_in", "tokens_out", "tokens_cached", "usd_micros"), 0)


def ask(name: str = "draft", after: tuple[str, ...] = (), prompt: str = "Write", **more: Any) -> StepPlan:
    return step(name, "model", after, with_={"model": "writer", "prompt": prompt}, effect="pure", **more)


@asynccontextmanager
async def town(
    path: Path, made: Plan, *recordings: dict, clock: HandClock | None = None, entry: Any = None, **options: Any
) -> AsyncIterator[tuple[Service, RecordedAnswers]]:
    server = RecordedAnswers.parse(list(recordings) or [ANSWERS])
    async with server.running() as url:
        writer = {"kind": "openai", "base_url": f"{url}/v1", "model": "gpt-x", "price": PRICE, **(entry or {})}
        models = Models.parse({"writer": writer}, "models.yml", {})
        async with running(path, made, models=models, clock=clock, **options) as service:
            yield service, server


async def done(service: Service, **inputs: Any) -> Run:
    run = await ended(service, (await service.engine.start("sample", inputs, actor=MINA)).run)
    assert run.status is RunStatus.SUCCEEDED, run.error
    return run


async def kept(service: Service, run: Run) -> list[Any]:
    entries = await service.engine.database.read(lambda tx: history.of(tx, run.id))
    found = [entry.event for entry in entries if isinstance(entry.event, AnswerKept)]
    return [service.engine.content.value(one.answer) for one in found]


async def test_the_same_request_gets_the_same_answer_for_as_long_as_the_operator_wants(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "a.db"
    made = plan(ask(prompt="Write ${{ inputs.what }}"), outputs={"text": "${{ steps.draft.output }}"})
    async with town(path, made, clock=clock, entry={"cache": "7d"}) as (service, server):
        first = await done(service, what="this")
        assert (first.steps["draft"].receipt["cached"], first.usage["calls"]) == (False, 1)
        clock.advance(7 * DAY_MS)
        again = await done(service, what="this")
        assert again.outputs == first.outputs
        assert again.steps["draft"].receipt["cached"] is True
        assert again.steps["draft"].receipt["model_answered"] == "gpt-x"
        assert again.usage == ZERO
        assert len(await kept(service, again)) == 1, "what it was given is evidence all the same"
        await done(service, what="that")
        assert len(server.asked) == 2
        clock.advance(1)
        assert (await done(service, what="this")).steps["draft"].receipt["cached"] is False
        assert len(server.asked) == 3
        await sound(service)
    async with town(path, made, clock=clock, entry={"cache": True}) as (service, server):
        clock.advance(1000 * DAY_MS)
        assert (await done(service, what="this")).steps["draft"].receipt["cached"] is False, "another address"
        clock.advance(1000 * DAY_MS)
        assert (await done(service, what="this")).steps["draft"].receipt["cached"] is True
        assert len(server.asked) == 1


async def test_an_answer_that_was_of_no_use_is_not_kept_for_others(tmp_path: Path) -> None:
    made = plan(ask(output={"type": "object"}, retry=Retry(1)))
    answers = {"answers": [{"text": "no JSON"}]}
    async with town(tmp_path / "a.db", made, answers, entry={"cache": True}) as (service, server):
        for _ in range(2):
            run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
            assert run.error.code == "model_output_invalid"
        assert len(server.asked) == 2


async def test_a_large_answer_is_kept_in_the_content_folder(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "a.db"
    long = {"answers": [{"text": "word " * 4_000}]}
    async with town(path, plan(ask()), long, clock=clock, entry={"cache": True}) as (service, server):
        first, again = await done(service), await done(service)
        assert again.steps["draft"].output == first.steps["draft"].output
        assert len(server.asked) == 1
        for file in service.engine.content.folder.glob("??/*"):
            file.unlink()
        assert (await done(service)).steps["draft"].receipt["cached"] is False, "what was pruned is asked for anew"


async def test_a_run_is_recorded_and_the_recording_answers_it_without_a_server(tmp_path: Path) -> None:
    tape = tmp_path / "answers.jsonl"
    short_then_long = {"answers": [{"text": "Short"}, {"text": "Long enough at last"}]}
    made = plan(
        ask(ensure=(Ensure("output.size() > 10", "Longer"),), retry=Retry(3, backoff_min_ms=1, backoff_max_ms=1)),
        ask("more", ("draft",), prompt="Go on from ${{ steps.draft.output }}"),
        outputs={"text": "${{ steps.more.output }}"},
    )
    async with town(tmp_path / "a.db", made, short_then_long, record=tape) as (service, server):
        live = await done(service)
        assert len(server.asked) == 3
    recording = Recording.load(tape)
    assert len(recording.lines) == 3
    for n, models in enumerate(
        (
            Models().replaying(tape, recording.models),
            Models.parse({"writer": {"kind": "replay", "file": tape.name}}, str(tmp_path / "models.yml"), {}),
        )
    ):
        async with running(tmp_path / f"{n}.db", made, models=models) as service:
            again = await done(service)
            assert again.outputs == live.outputs
            assert again.usage == {**live.usage, "usd_micros": 0}
            await sound(service)


async def test_calls_of_one_run_that_are_asked_at_once_share_its_budget(tmp_path: Path) -> None:
    """Each takes 25 tokens in and 5 out at least: two fit, the third would pass the budget."""
    prompt = "x" * 100
    made = plan(*(ask(f"part_{n}", prompt=prompt) for n in range(5)), budget=Budget(tokens=70))
    slow = {"answers": [{"text": "y" * 20, "delay_ms": 100}]}
    async with town(tmp_path / "a.db", made, slow) as (service, server):
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.error.code) == (RunStatus.FAILED, "budget_used_up")
        assert len(server.asked) <= 2
        assert run.usage.get("tokens_in", 0) + run.usage.get("tokens_out", 0) <= 70
        await sound(service)


async def test_a_budget_is_not_passed_by_a_whole_call_and_the_error_says_what_was_used(tmp_path: Path) -> None:
    made = plan(ask(), ask("long", ("draft",), prompt="x" * 4_000), budget=Budget(usd=0.5))
    async with town(tmp_path / "a.db", made) as (service, server):
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.error.code == "budget_used_up"
        assert len(server.asked) == 1, "a thousand tokens at a tenth of a cent each would cost a dollar"
        used = run.usage["usd_micros"] / 1_000_000
        assert f"has used {used:.6f}".rstrip("0") in run.error.message
        assert "of 0.50 US dollars" in run.error.message
        assert "takes at least 1.00 more" in run.error.message


async def test_what_was_said_is_evidence_without_the_secrets_in_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("CODE_WORD", "open-sesame-42")
    made = plan(ask(prompt="The word is ${{ secrets.word }}"), secrets={"word": "env:CODE_WORD"})
    echo = {"answers": [{"text": "You said open-sesame-42"}]}
    async with town(tmp_path / "a.db", made, echo, redactor=Redactor()) as (service, server):
        run = await done(service)
        assert server.asked[0]["prompt"] == "The word is open-sesame-42"
        (evidence,) = await kept(service, run)
        assert evidence["prompt"]["messages"] == [{"role": "user", "content": "The word is ‹secret›"}]
        assert (evidence["endpoint"], evidence["model"]) == ("writer", "gpt-x")
        assert run.steps["draft"].output.value == "You said ‹secret›"
        receipt = run.steps["draft"].receipt
        assert len(receipt["prompt_hash"]) == 64
        attempts = await service.engine.database.read(lambda tx: lookups.attempts(tx, run.id))
        everything = json.dumps([evidence, receipt, [one.usage for one in attempts]])
        assert "open-sesame" not in everything


async def test_expressions_see_what_was_used_from_the_first_step_on(tmp_path: Path) -> None:
    made = plan(
        step("before", with_={"calls": "${{ run.usage.calls }}"}),
        ask(after=("before",)),
        step("after", after=["draft"], with_={"usage": "${{ run.usage }}"}),
        outputs={"before": "${{ steps.before.output.calls }}", "after": "${{ steps.after.output.usage }}"},
    )
    async with town(tmp_path / "a.db", made) as (service, _):
        outputs = (await done(service)).outputs.value
        assert outputs["before"] == 0
        assert outputs["after"].keys() == ZERO.keys()
        assert (outputs["after"]["calls"], outputs["after"]["tokens_out"]) == (1, 5)
