"""Recording what models say and answering from it, from the command line; and what the doctor says of endpoints."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import anyio
import pytest

from bot.recorded_answers import RecordedAnswers
from store import endpoints
from store.database import opened
from tests.support.console import Console

pytestmark = pytest.mark.anyio
ASKS = """
workflow: asks
inputs: {topic: {type: string}}
steps:
  draft: {uses: model, with: {model: writer, prompt: "Write about ${{ inputs.topic }}"}, output: {title: string}}
outputs: {title: "${{ steps.draft.output.title }}", calls: "${{ run.usage.calls }}"}
"""


@pytest.fixture
def console(tmp_path: Path) -> Console:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "asks.yaml").write_text(ASKS)
    return Console(tmp_path)


async def run(console: Console, *words: str, **given: str):
    return await anyio.to_thread.run_sync(partial(console.run, *words, "--json", **given))


async def outcome(console: Console, topic: str, **given: str):
    started = await run(console, "run", "asks", f"topic={topic}", "--wait", **given)
    return started.code, (await run(console, "status", started.json["run"])).json


async def test_a_run_is_recorded_and_then_carried_out_without_models_or_a_network(console: Console) -> None:
    server = RecordedAnswers.parse([{"answers": [{"json": {"title": "On points"}}]}])
    async with server.running() as url:
        models = {"writer": {"kind": "openai", "base_url": f"{url}/v1", "model": "m", "api_key": "env:KEY"}}
        (console.folder / "models.yaml").write_text(json.dumps(models))
        live = {"POINTSMAN_MODELS": "models.yaml", "KEY": "sk-a-key-for-tests"}
        code, status = await outcome(console, "points", POINTSMAN_RECORD="answers.jsonl", **live)
        assert (code, status["outputs"]) == (0, {"title": "On points", "calls": 1})
    assert "sk-a-key-for-tests" not in (console.folder / "answers.jsonl").read_text()

    code, status = await outcome(console, "points", POINTSMAN_REPLAY="answers.jsonl")
    assert (code, status["outputs"]) == (0, {"title": "On points", "calls": 1})
    assert len(server.asked) == 1

    code, status = await outcome(console, "wagons", POINTSMAN_REPLAY="answers.jsonl")
    assert (code, status["error"]["code"]) == (1, "model_not_recorded")
    assert "points" in status["error"]["message"]


async def test_the_doctor_reads_the_recordings_that_models_answer_from(console: Console) -> None:
    (console.folder / "models.yaml").write_text("writer: {kind: replay, file: answers.jsonl}\n")
    given = {"POINTSMAN_MODELS": "models.yaml"}
    found = {one["part"]: one for one in (await run(console, "doctor", **given)).json}
    assert found["model writer"]["state"] == "fail"
    assert "POINTSMAN_RECORD" in found["model writer"]["cure"]
    line = {"model": "writer", "kind": "openai", "asked": {}, "answer": {}}
    (console.folder / "answers.jsonl").write_text(json.dumps(line) + "\n")
    found = {one["part"]: one for one in (await run(console, "doctor", **given)).json}
    assert found["model writer"]["state"] == "ok"
    assert "1 recorded" in found["model writer"]["message"]


async def test_the_doctor_tells_of_endpoints_that_are_left_alone(console: Console) -> None:
    held = endpoints.Endpoint("host cms.example.com", 5, 2_000, 1_000, 1, "http_timeout", "it did not answer")
    async with opened(console.folder / "pointsman.db", now=0) as database:
        await database.write(lambda tx: endpoints.keep(tx, held))
        await database.write(lambda tx: endpoints.keep(tx, endpoints.Endpoint("model writer", up_at=5)))
    found = {one["part"]: one for one in (await run(console, "doctor")).json}
    assert found["host cms.example.com"]["state"] == "warn"
    assert "it did not answer" in found["host cms.example.com"]["message"]
    assert "0 steps wait" in found["host cms.example.com"]["message"]
    assert "model writer" not in found
