"""Whatever a model answers: it is read, or told to be no answer; it never breaks us or costs less than nothing."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from hypothesis import given

from engine.faults import ActivityFault
from tests.support.asked_models import POST, models
from tests.support.twisting import TIMES, TWISTS, Twist, tries, twisted, written

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120 * TIMES)]

TEXT = '{"title": "On points", "claims": [{"id": 1}]}'
ANSWERS: dict[str, Any] = {
    "writer": {
        "id": "1",
        "model": "gpt-x",
        "choices": [{"finish_reason": "stop", "message": {"content": TEXT, "refusal": None}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 2}},
    },
    "writer's tool": {
        "id": "1",
        "choices": [{"message": {"tool_calls": [{"function": {"name": "answer", "arguments": TEXT}}]}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7},
    },
    "claude": {
        "id": "1",
        "model": "claude-x",
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": TEXT}],
        "usage": {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 2},
    },
    "claude's tool": {
        "id": "1",
        "stop_reason": "tool_use",
        "content": [{"type": "tool_use", "input": {"title": "On points", "claims": [{"id": 1}]}}],
        "usage": {"input_tokens": 5, "output_tokens": 7},
    },
}


@pytest.mark.parametrize("shape", [None, POST], ids=["text", "shape"])
@pytest.mark.parametrize("name", ANSWERS)
@tries(40)
@given(twists=TWISTS)
async def test_no_answer_of_an_endpoint_breaks_a_step_or_its_accounts(
    desk: Any, serve: Any, name: str, shape: Any, twists: list[Twist]
) -> None:
    body = written(twisted(ANSWERS[name], twists))

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    desk.tools.models = models(await serve(handler))
    with_ = {"model": name.split("'")[0], "prompt": "x"}
    try:
        result = await desk.do("model", with_, output_schema=shape)
        code, output, usage = "", result.output, result.usage
    except ActivityFault as fault:
        code, output, usage = fault.code, None, fault.usage
    assert code.startswith("model_") or isinstance(output, str if shape is None else dict), code
    assert all(0 <= amount < 2**53 for amount in (usage or {}).values()), usage
