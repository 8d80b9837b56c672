"""An answer that does not fit is asked again with the reason, whatever happens in between."""

import pytest

from bot.recorded_answers import RecordedAnswers
from store.model import Retry
from tests.support.asked_models import CLEAN, GOOD, POST, models
from tests.support.engines import MINA, ended, plan, running, step

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["writer", "claude"])
async def test_an_answer_that_does_not_fit_is_asked_again_with_the_reason(desk, ask, name):
    wrong = {**GOOD, "title": "A title that is far too long to fit"}
    server = await ask({"answers": [{"json": wrong}, {"json": GOOD}]})
    with_ = {"model": name, "prompt": "Write"}
    fault = await desk.fault("model", with_, output_schema=POST)
    assert (fault.code, fault.retryable) == ("model_output_invalid", True)
    assert "output.title: the value is longer than 20 characters" in fault.detail["error"]
    assert "far too long" in fault.detail["answer"]
    assert fault.usage["usd_micros"] > 0, "a bad answer is paid for like a good one"
    result = await desk.do("model", with_, output_schema=POST, attempt=2, reask=fault.detail)
    assert result.output == CLEAN
    assert result.receipt["reasked"] is True
    roles = [message["role"] for message in server.asked[1]["body"]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert fault.detail["error"] in server.asked[1]["prompt"]


@pytest.mark.parametrize("trouble", [{"status": 429}, {"status": 503, "text": "busy"}, {"text": "{}", "status": 500}])
async def test_trouble_at_the_endpoint_does_not_make_the_reason_for_asking_again_forgotten(tmp_path, trouble):
    wrong = {**GOOD, "title": "A title that is far too long to fit"}
    server = RecordedAnswers.parse([{"answers": [{"json": wrong}, trouble, trouble, {"json": GOOD}]}])
    at_once = Retry(attempts=4, backoff_min_ms=1, backoff_max_ms=1)
    draft = step("draft", "model", with_={"model": "writer", "prompt": "Write"}, output=POST, retry=at_once)
    async with server.running() as url:
        hosts = {"models": models(url), "allowed_hosts": ("127.0.0.1",)}
        async with running(tmp_path / "a.db", plan(draft), **hosts) as service:
            started = await service.engine.start("sample", {}, actor=MINA)
            run = await ended(service, started.run)
    assert run.status == "succeeded", run.error
    roles = [[message["role"] for message in one["body"]["messages"]] for one in server.asked]
    assert roles == [["user"], *[["user", "assistant", "user"]] * 3]
    assert server.asked[3]["prompt"] == server.asked[1]["prompt"]
    assert "output.title: the value is longer than 20 characters" in server.asked[3]["prompt"]


async def test_what_is_told_of_an_endpoint_in_trouble_is_its_own_trouble(desk, ask):
    await ask({"model": "gpt-x", "answers": [{"status": 503}]}, {"model": "claude-x", "answers": [{"status": 429}]})
    before = {"answer": "{}", "error": "it has no title"}
    alone = await desk.fault("model", {"model": "writer", "prompt": "x"}, output_schema=POST, reask=before)
    assert alone.detail == {"endpoint": "writer", "status": 503, "kind": "recorded", "reask": before}
    both = await desk.fault("model", {"model": ["writer", "claude"], "prompt": "x"}, output_schema=POST, reask=before)
    assert [one["endpoint"] for one in both.detail["tried"]] == ["writer", "claude"]
    assert both.detail["reask"] == before


async def test_a_second_answer_that_does_not_fit_takes_the_place_of_the_first(desk, ask):
    await ask({"answers": [{"text": "not JSON"}]})
    before = {"answer": "{}", "error": "it has no title"}
    fault = await desk.fault("model", {"model": "writer", "prompt": "x"}, output_schema=POST, reask=before)
    assert fault.detail["answer"] == "not JSON"
    assert "reask" not in fault.detail
