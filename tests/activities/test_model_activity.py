import json
import socket

import anyio
import pytest
from aiohttp import web

from bot.recorded_answers import NO_MATCH, SERVER, RecordedAnswers
from engine.models import Models
from engine.secrets import Redactor
from tests.support.asked_models import CLEAN, GOOD, POST, models
from tests.support.attempts import TRACE

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["writer", "claude"])
@pytest.mark.parametrize("structured", ["schema", "tool", "prompt"])
async def test_an_answer_of_the_wanted_shape(desk, ask, name, structured):
    server = await ask({"contains": "write about points", "answers": [{"json": GOOD}]}, structured=structured)
    with_ = {"model": name, "prompt": "Write about points", "system": "Be brief", "temperature": 0, "max_tokens": 300}
    if structured == "prompt":
        server.recordings = RecordedAnswers.parse(
            [{"answers": [{"text": f"```json\n{json.dumps(CLEAN)}\n```"}]}]
        ).recordings
    result = await desk.do("model", with_, output_schema=POST)
    assert result.output == CLEAN
    asked = server.asked[0]
    assert asked["headers"]["traceparent"] == TRACE
    assert asked["body"]["temperature"] == 0
    assert asked["body"]["max_tokens"] == 300
    key = asked["headers"]["Authorization"] if name == "writer" else asked["headers"]["x-api-key"]
    assert key.endswith("sk-test-key")
    assert "Be brief" in asked["prompt"]
    if structured == "prompt":
        assert '"maxLength":20' in asked["prompt"]


async def test_the_shape_is_sent_as_strict_modes_want_it(desk, ask):
    server = await ask({"answers": [{"json": GOOD}]})
    await desk.do("model", {"model": "writer", "prompt": "x"}, output_schema=POST)
    await desk.do("model", {"model": "claude", "prompt": "x"}, output_schema=POST)
    openai = server.asked[0]["body"]["response_format"]["json_schema"]
    claude = server.asked[1]["body"]["output_config"]["format"]
    assert openai["strict"] is True
    assert claude["type"] == "json_schema"
    for schema in (openai["schema"], claude["schema"]):
        assert schema["additionalProperties"] is False
        assert schema["required"] == ["title", "subtitle", "claims"]
        assert schema["properties"]["subtitle"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
        assert "maxLength" not in schema["properties"]["title"]
        assert schema["properties"]["title"]["description"] == "maxLength 20"


async def test_text_is_text(desk, ask):
    await ask({"answers": [{"text": "Just words."}]})
    result = await desk.do("model", {"model": "writer", "prompt": "x"}, output_schema={"type": "string"})
    assert result.output == "Just words."
    assert (await desk.do("model", {"model": "claude", "prompt": "x"})).output == "Just words."


async def test_the_receipt_tells_what_was_asked_and_what_it_cost(desk, ask):
    await ask({"answers": [{"json": GOOD}]})
    result = await desk.do("model", {"model": "writer", "prompt": "Write about points"}, output_schema=POST)
    receipt = result.receipt
    assert (receipt["endpoint"], receipt["model_asked"], receipt["model_answered"]) == ("writer", "gpt-x", "gpt-x")
    assert receipt["request_id"] == "recorded-1"
    assert receipt["answer_id"].startswith("chatcmpl-")
    assert receipt["finish_reason"] == "stop"
    assert receipt["latency_ms"] >= 0
    assert len(receipt["prompt_hash"]) == 64
    assert receipt["server"] == SERVER
    tokens_in, tokens_out = result.usage["tokens_in"], result.usage["tokens_out"]
    assert (tokens_in, tokens_out) == (receipt["tokens_in"], receipt["tokens_out"])
    assert result.usage["usd_micros"] == -(-(tokens_in * 2_500_000 + tokens_out * 10_000_000) // 1_000_000)
    again = await desk.do("model", {"model": "claude", "prompt": "Write about points"}, output_schema=POST)
    assert again.receipt["prompt_hash"] == receipt["prompt_hash"]


async def test_the_raw_answer_is_kept_before_it_is_read(desk, ask):
    await ask({"answers": [{"text": "no JSON at all"}]})
    fault = await desk.fault("model", {"model": "writer", "prompt": "x"}, output_schema=POST)
    assert fault.code == "model_output_invalid"
    [(name, raw)] = desk.raw
    assert name == "model_answer"
    assert raw["body"]["choices"][0]["message"]["content"] == "no JSON at all"
    assert "sk-test-key" not in json.dumps(raw)


async def test_an_answer_that_could_not_be_kept_is_not_used(desk, ask):
    await ask({"answers": [{"json": GOOD}]})

    async def full(name, value):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        await desk.do("model", {"model": "writer", "prompt": "x"}, output_schema=POST, keep_raw=full)


@pytest.mark.parametrize("name", ["writer", "claude"])
@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        ({"refusal": "I cannot help with that"}, "model_refused", False),
        ({"text": "half a sen", "finish": "length"}, "model_length", False),
        ({"text": '{"title": "a"', "finish": "stop"}, "model_output_invalid", True),
        ({"text": "I think that", "finish": "stop"}, "model_output_invalid", True),
        ({"json": [1]}, "model_output_invalid", True),
        ({"text": '{"title": "a", "claims": [{"id": 12345678901234567890123}]}'}, "model_output_invalid", True),
    ],
)
async def test_each_way_to_give_no_answer_has_its_code(desk, ask, name, answer, code, retryable):
    await ask({"answers": [answer]})
    fault = await desk.fault("model", {"model": name, "prompt": "x"}, output_schema=POST)
    assert (fault.code, fault.retryable) == (code, retryable)
    assert fault.usage["tokens_out"] > 0
    if code == "model_refused":
        assert "I cannot help" in fault.message


async def test_a_content_filter_has_its_code(desk, ask):
    await ask({"answers": [{"text": "", "finish": "content_filter"}]})
    assert (await desk.fault("model", {"model": "writer", "prompt": "x"})).code == "model_filtered"


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "model_request_invalid", False),
        (401, "model_denied", False),
        (403, "model_denied", False),
        (404, "model_unknown", False),
        (408, "model_unreachable", True),
        (429, "model_overloaded", True),
        (500, "model_unreachable", True),
        (503, "model_overloaded", True),
        (529, "model_overloaded", True),
        (302, "model_request_invalid", False),
    ],
)
async def test_each_status_has_its_code(desk, ask, status, code, retryable):
    await ask({"answers": [{"status": status, "retry_after": 3, "text": "because"}]})
    fault = await desk.fault("model", {"model": "writer", "prompt": "x"})
    assert (fault.code, fault.retryable, fault.retry_after_ms) == (code, retryable, 3000)
    assert "because" in fault.message
    assert fault.detail["endpoint"] == "writer"
    assert desk.raw == [], "nothing was answered, nothing was paid"


@pytest.mark.parametrize(
    ("kind", "code"), [("insufficient_quota", "model_quota"), ("content_filter", "model_filtered")]
)
async def test_some_errors_are_known_by_their_name(desk, serve, kind, code):
    async def handler(request):
        return web.json_response({"error": {"code": kind, "message": "no"}}, status=429 if "quota" in kind else 400)

    desk.tools.models = models(await serve(handler))
    fault = await desk.fault("model", {"model": "writer", "prompt": "x"})
    assert (fault.code, fault.retryable) == (code, False)


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"[]", b"null", b'{"choices": []}', b'{"choices": [1]}'])
async def test_something_else_that_listens_there_is_not_taken_for_a_model(desk, serve, body):
    async def handler(request):
        return web.Response(body=body)

    desk.tools.models = models(await serve(handler))
    fault = await desk.fault("model", {"model": "writer", "prompt": "x"})
    assert fault.code == "model_unreachable"
    assert "no answer of kind openai" in fault.message
    assert len(desk.raw) == 1


async def test_the_second_model_answers_when_the_first_is_overloaded(desk, ask):
    server = await ask(
        {"model": "gpt-x", "answers": [{"status": 429, "retry_after": 60}]},
        {"model": "claude-x", "answers": [{"text": "from the second"}]},
    )
    result = await desk.do("model", {"model": ["writer", "claude"], "prompt": "x"})
    assert result.output == "from the second"
    assert result.receipt["endpoint"] == "claude"
    assert [one["code"] for one in result.receipt["tried"]] == ["model_overloaded"]
    assert [one["model"] for one in server.asked] == ["gpt-x", "claude-x"]


async def test_the_second_model_answers_when_nobody_listens_at_the_first(desk, ask):
    await ask({"answers": [{"text": "from the second"}]})
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        down = {"kind": "openai", "base_url": f"http://127.0.0.1:{unused.getsockname()[1]}", "model": "m"}
        endpoints = {**Models.parse({"down": down}, "m").endpoints, **desk.tools.models.endpoints}
        desk.tools.models = Models(endpoints)
        assert (await desk.do("model", {"model": ["down", "writer"], "prompt": "x"})).output == "from the second"
        fault = await desk.fault("model", {"model": "down", "prompt": "x"})
    assert (fault.code, fault.retryable) == ("model_unreachable", True)


async def test_a_slow_first_model_leaves_time_for_the_second(desk, ask):
    await ask(
        {"model": "gpt-x", "answers": [{"text": "too late", "delay_ms": 60_000}]},
        {"model": "claude-x", "answers": [{"text": "in time"}]},
    )
    result = await desk.do("model", {"model": ["writer", "claude"], "prompt": "x"}, attempt_timeout_ms=1_000)
    assert result.output == "in time"


async def test_a_refusal_is_an_answer_and_no_reason_to_ask_another(desk, ask):
    server = await ask({"answers": [{"refusal": "no"}]})
    assert (await desk.fault("model", {"model": ["writer", "claude"], "prompt": "x"})).code == "model_refused"
    assert len(server.asked) == 1


async def test_when_all_are_down_the_shortest_wait_is_told(desk, ask):
    await ask(
        {"model": "gpt-x", "answers": [{"status": 429, "retry_after": 60}]},
        {"model": "claude-x", "answers": [{"status": 529, "retry_after": 5}]},
    )
    fault = await desk.fault("model", {"model": ["writer", "claude"], "prompt": "x"})
    assert (fault.code, fault.retryable, fault.retry_after_ms) == ("model_overloaded", True, 5_000)
    assert [one["endpoint"] for one in fault.detail["tried"]] == ["writer", "claude"]


async def test_cancelling_gives_up_the_question(desk, ask):
    server = await ask({"answers": [{"text": "too late", "delay_ms": 60_000}]})
    async with anyio.create_task_group() as group:
        group.start_soon(desk.do, "model", {"model": "writer", "prompt": "x"})
        with anyio.fail_after(20):
            while not server.asked:
                await anyio.sleep(0.005)
        group.cancel_scope.cancel()
    assert desk.raw == []


async def test_messages_and_other_parameters_are_passed_on(desk, ask):
    server = await ask({"answers": [{"text": "ok"}]}, parameters={"reasoning_effort": "low"})
    said = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}]
    with_ = {"messages": said, "stop": "END", "seed": 7, "parameters": {"top_k": 3}}
    await desk.do("model", {"model": "writer", **with_})
    await desk.do("model", {"model": "claude", **with_})
    openai, claude = (one["body"] for one in server.asked)
    assert openai["messages"] == said
    assert (openai["stop"], openai["seed"], openai["top_k"], openai["reasoning_effort"]) == ("END", 7, 3, "low")
    assert claude["messages"] == said[1:]
    assert claude["system"] == "Be brief"
    assert claude["stop_sequences"] == ["END"]
    assert claude["max_tokens"] == 4096


@pytest.mark.parametrize(
    ("with_", "said"),
    [
        ({"prompt": "x"}, "`model` must be a name"),
        ({"model": "nobody", "prompt": "x"}, "no model named nobody; the models file has writer, claude"),
        ({"model": "writer"}, "either `prompt` or `messages`"),
        ({"model": "writer", "prompt": ""}, "`prompt` is missing or empty"),
        ({"model": "writer", "messages": [{"role": "robot", "content": "x"}]}, "`messages[0]`"),
    ],
)
async def test_what_cannot_be_asked_is_told(desk, ask, with_, said):
    await ask()
    fault = await desk.fault("model", with_)
    assert (fault.code, fault.retryable) == ("input_invalid", False)
    assert said in fault.message


async def test_a_shape_that_cannot_be_strict_is_still_asked_for_and_checked(desk, ask):
    schema = {"type": "object", "additionalProperties": {"type": "integer"}}
    server = await ask({"answers": [{"json": {"a": 1}}, {"json": {"a": "x"}}]})
    assert (await desk.do("model", {"model": "writer", "prompt": "x"}, output_schema=schema)).output == {"a": 1}
    assert server.asked[0]["body"]["response_format"]["json_schema"]["strict"] is False
    assert (
        await desk.fault("model", {"model": "claude", "prompt": "x"}, output_schema=schema)
    ).code == "model_output_invalid"
    assert "tools" in server.asked[1]["body"], "the schema mode takes closed shapes only"


async def test_a_list_is_wrapped_for_the_endpoint_and_unwrapped_for_the_author(desk, ask):
    await ask({"answers": [{"json": {"answer": ["a", "b"]}}]})
    schema = {"type": "array", "items": {"type": "string"}}
    for name in ("writer", "claude"):
        assert (await desk.do("model", {"model": name, "prompt": "x"}, output_schema=schema)).output == ["a", "b"]


async def test_a_prompt_without_a_recording_is_answered_honestly(desk, ask):
    await ask()
    assert (await desk.do("model", {"model": "writer", "prompt": "x"})).output == NO_MATCH
    properties = {"body": {"type": "string"}, "tone": {"enum": ["plain"]}}
    schema = {"type": "object", "required": ["body"], "properties": properties}
    shaped = await desk.do("model", {"model": "claude", "prompt": "x"}, output_schema=schema)
    assert shaped.output == {"body": NO_MATCH, "tone": "plain"}


async def test_a_key_is_never_shown(desk, ask):
    await ask({"answers": [{"status": 401, "text": "bad key sk-test-key"}]})
    fault = await desk.fault("model", {"model": "writer", "prompt": "x"})
    redactor = Redactor()
    for secret in desk.tools.models.secrets():
        redactor.add(secret)
    assert "sk-test-key" not in redactor.text(fault.message)
    assert "sk-test-key" not in repr(desk.tools.models)


async def test_a_locked_door_is_told_and_not_walked_around(desk, ask):
    server = await ask({"model": "gpt-x", "answers": [{"status": 401}]}, {"answers": [{"text": "from the second"}]})
    fault = await desk.fault("model", {"model": ["writer", "claude"], "prompt": "x"})
    assert fault.code == "model_denied"
    assert len(server.asked) == 1


async def test_a_key_is_never_carried_along_a_redirect(desk, serve):
    paths = []

    async def handler(request):
        paths.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    desk.tools.models = models(await serve(handler))
    assert (await desk.fault("model", {"model": "writer", "prompt": "x"})).code == "model_request_invalid"
    assert paths == ["/v1/chat/completions"]
