"""Each way in which providers say no, in the words of both kinds of endpoint: one code, one cure."""

import pytest

from bot.recorded_answers import RecordedAnswers
from tests.support.asked_models import POST, models

pytestmark = pytest.mark.anyio

# What it is: status, what the error calls itself in each style, what it says, our code, whether later may help.
ERRORS = {
    "overload": (429, "rate_limit_exceeded", "rate_limit_error", "Slow down", "model_overloaded", True),
    "overload of theirs": (529, "server_overloaded", "overloaded_error", "Overloaded", "model_overloaded", True),
    "quota": (429, "insufficient_quota", "billing_error", "You exceeded your quota", "model_quota", False),
    "payment": (402, "payment_required", "billing_error", "Pay first", "model_quota", False),
    "credit": (400, "x", "invalid_request_error", "Your credit balance is too low to go on", "model_quota", False),
    "key": (401, "invalid_api_key", "authentication_error", "Incorrect API key", "model_denied", False),
    "permission": (403, "permission_denied", "permission_error", "Not for you", "model_denied", False),
    "model": (404, "model_not_found", "not_found_error", "The model does not exist", "model_unknown", False),
    "model of others": (403, "model_not_found", "not_found_error", "No access to the model", "model_unknown", False),
    "question too long": (400, "context_length_exceeded", "x", "prompt is too long: 9 > 8", "model_length", False),
    "body too long": (413, "request_too_large", "request_too_large", "Too large", "model_length", False),
    "filter": (400, "content_filter", "content_filter", "Held back by policy", "model_filtered", False),
    "question": (
        400,
        "invalid_request_error",
        "invalid_request_error",
        "No such parameter",
        "model_request_invalid",
        False,
    ),
    "server": (500, "server_error", "api_error", "Oh no", "model_unreachable", True),
    "gateway": (504, "timeout", "timeout_error", "Too slow", "model_unreachable", True),
}


@pytest.mark.parametrize("name", ["writer", "claude"])
@pytest.mark.parametrize("what", ERRORS)
async def test_a_no_of_a_provider_is_told_apart_and_comes_with_a_cure(desk, ask, name, what):
    status, openai, anthropic, said, code, retryable = ERRORS[what]
    await ask({"answers": [{"status": status, "error": openai if name == "writer" else anthropic, "text": said}]})
    fault = await desk.fault("model", {"model": name, "prompt": "x"}, output_schema=POST)
    assert (fault.code, fault.retryable) == (code, retryable)
    assert said in fault.message
    assert fault.message.startswith(name), "people are told which endpoint it was"
    assert fault.hint
    assert fault.detail["status"] == status


@pytest.mark.parametrize("name", ["writer", "claude"])
@pytest.mark.parametrize(
    ("answer", "code", "hint"),
    [
        ({"refusal": "I cannot help with that"}, "model_refused", "prompt"),
        ({"text": "half a sen", "finish": "length"}, "model_length", "max_tokens"),
        ({"text": "no JSON"}, "model_output_invalid", ""),
    ],
)
async def test_an_answer_that_is_none_is_kept_counted_and_has_a_receipt(desk, ask, name, answer, code, hint):
    await ask({"answers": [answer]})
    fault = await desk.fault("model", {"model": name, "prompt": "Say it", "system": "Be brief"}, output_schema=POST)
    assert fault.code == code
    assert hint in fault.hint
    assert fault.usage["calls"] == 1
    assert fault.usage["usd_micros"] > 0
    assert fault.receipt["endpoint"] == name
    ((label, kept),) = desk.raw
    assert label == "model_answer"
    assert kept["prompt"] == {"system": "Be brief", "messages": [{"role": "user", "content": "Say it"}]}
    assert kept["body"]
    assert "messages" not in kept["settings"]


async def test_a_filter_is_told_apart_from_a_refusal(desk, ask):
    await ask({"answers": [{"text": "", "finish": "content_filter"}]})
    fault = await desk.fault("model", {"model": "writer", "prompt": "x"})
    assert (fault.code, fault.retryable) == ("model_filtered", False)
    assert "prompt" in fault.hint


async def test_what_was_asked_and_with_which_settings_stands_in_the_receipt(desk):
    server = RecordedAnswers.parse([{"answers": [{"text": "ok"}]}])
    async with server.running() as url:
        desk.tools.models = models(url, parameters={"top_k": 3})
        result = await desk.do("model", {"model": "writer", "prompt": "x", "temperature": 0.5})
    assert result.receipt["parameters"] == {"temperature": 0.5}
    assert result.receipt["settings"] == {"temperature": 0.5, "top_k": 3}
    assert (result.receipt["cached"], result.receipt["replayed"]) == (False, False)
    assert set(result.usage) == {"calls", "tokens_in", "tokens_out", "tokens_cached", "usd_micros"}
