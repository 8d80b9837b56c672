"""A local server of recorded model answers, for the demo and for tests: it speaks the OpenAI and the Anthropic style.

It never pretends to be a model: every answer names it in the `server` header, and a prompt that no recording fits gets
an answer that says so. Recordings are a YAML or JSON list; the first that fits answers:

    - model: "writer*"                 # name as asked for, may hold *; left out: any
      contains: [blog post, plain]     # all of these in the prompt, whatever the case
      matches: "topic: (?P<topic>.+)"  # or a regular expression; its named groups may be used in answers
      answers:                         # one after the other within a run; the last repeats
        - json: {title: "On {{topic}}", body: …}
        - text: Some text
        - {refusal: I cannot help with that}
        - {status: 429, retry_after: 2}
        - {status: 429, error: insufficient_quota, text: You have spent everything}
        - {text: Half a sen, finish: length}
        - {text: Slow, delay_ms: 5000}
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import anyio
import orjson
import yaml
from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from engine.faults import SettingsFault
from store.model import Json

SERVER = "pointsman recorded answers"
FINGERPRINT = "pointsman-recorded-answers"
NO_MATCH = "No recorded answer fits this prompt. Set POINTSMAN_MODELS to a file of live models for real answers."
PROMPT_BYTES_MAX = 16 * 1024 * 1024
SEQUENCES_MAX = 10_000
_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_FINISH = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


class RecordedAnswer(BaseModel):
    """One answer: text, JSON, a refusal or a failing status; slow when asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str | None = None
    json_: Json = Field(default=None, alias="json")
    refusal: str | None = None
    status: Annotated[int, Field(ge=200, le=599)] = 200
    retry_after: float | None = None
    error: str = "recorded"  # what a failing status calls itself
    finish: Annotated[str, Field(pattern="^(stop|length|content_filter)$")] = "stop"
    delay_ms: Annotated[int, Field(ge=0)] = 0


class Recording(BaseModel):
    """Which prompts it fits, and what it answers to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = "*"
    contains: list[str] = []
    matches: Annotated[str, AfterValidator(_pattern)] | None = None
    answers: Annotated[list[RecordedAnswer], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _one_word(cls, data: Any) -> Any:
        """`contains: word` is short for a list of one."""
        if isinstance(data, dict) and isinstance(data.get("contains"), str):
            return {**data, "contains": [data["contains"]]}
        return data

    def fit(self, model: str, prompt: str) -> dict[str, str] | None:
        """The named groups of the expression when the recording fits, else None."""
        lower = prompt.lower()
        if not fnmatchcase(model, self.model) or not all(part.lower() in lower for part in self.contains):
            return None
        if self.matches is None:
            return {}
        found = re.search(self.matches, prompt)
        return None if found is None else {name: text or "" for name, text in found.groupdict().items()}


@dataclass(slots=True)
class RecordedAnswers:
    """Answers from recordings; `asked` counts what was asked, for tests and the curious."""

    recordings: Sequence[Recording] = ()
    asked: list[dict[str, Json]] = field(default_factory=list)
    asked_max: int = 200
    _turns: Counter[tuple[int, str]] = field(default_factory=Counter)

    @classmethod
    def load(cls, path: Path) -> "RecordedAnswers":
        """Read a file of recordings; SettingsFault says what is wrong in it."""
        try:
            return cls.parse(yaml.safe_load(path.read_text(encoding="utf-8")) or [])
        except (OSError, yaml.YAMLError, ValidationError) as error:
            said = " ".join(str(error).split())
            raise SettingsFault(f"{path} holds no recorded answers: {said}", hint="Correct the file.") from None

    @classmethod
    def parse(cls, recordings: Json) -> "RecordedAnswers":
        return cls(TypeAdapter(list[Recording]).validate_python(recordings))

    def answer(self, model: str, prompt: str, sequence: str, schema: Json) -> RecordedAnswer:
        """The answer whose turn it is. `sequence` names what is counted together: a run."""
        for index, recording in enumerate(self.recordings):
            words = recording.fit(model, prompt)
            if words is not None:
                return _filled(recording.answers[self._turn(index, sequence, len(recording.answers))], words)
        if schema is None:
            return RecordedAnswer(text=NO_MATCH)
        return RecordedAnswer(json=_standing_in(schema, schema))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=PROMPT_BYTES_MAX)
        app.router.add_post("/v1/chat/completions", self._openai)
        app.router.add_post("/v1/messages", self._anthropic)
        app.on_response_prepare.append(_sign)
        return app

    @asynccontextmanager
    async def running(self, port: int = 0, host: str = "127.0.0.1") -> AsyncIterator[str]:
        """Serve until the block ends; yields the URL without a path, as http://127.0.0.1:4321."""
        runner = web.AppRunner(self.app(), access_log=None, handler_cancellation=True, shutdown_timeout=2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            yield f"http://{host}:{runner.addresses[0][1]}"
        finally:
            with anyio.CancelScope(shield=True):
                await runner.cleanup()

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        body = await request.json(loads=orjson.loads)
        form = (body.get("response_format") or {}).get("json_schema") or {}
        tools = body.get("tools") or []
        schema = form.get("schema") or (tools[0]["function"].get("parameters") if tools else None)
        found = self._found(request, body, _said(body["messages"]), schema)
        await anyio.sleep(found.delay_ms / 1000)
        if found.status != 200:
            return _failure(found, {"error": {"message": found.text or "recorded failure", "code": found.error}})
        text = _text_of(found)
        message: dict[str, Json] = {"role": "assistant", "content": text, "refusal": found.refusal}
        if tools and found.refusal is None:
            call = {"id": "call_1", "type": "function"}
            message |= {"content": None, "tool_calls": [{**call, "function": {"name": "answer", "arguments": text}}]}
        answered = {
            "id": f"chatcmpl-{_digest(body)}",
            "object": "chat.completion",
            "model": body["model"],
            "system_fingerprint": FINGERPRINT,
            "choices": [{"index": 0, "message": message, "finish_reason": found.finish}],
            "usage": {"prompt_tokens": _tokens(_said(body["messages"])), "completion_tokens": _tokens(text)},
        }
        return web.json_response(answered, headers={"x-request-id": f"recorded-{len(self.asked)}"})

    async def _anthropic(self, request: web.Request) -> web.StreamResponse:
        body = await request.json(loads=orjson.loads)
        tools = body.get("tools") or []
        form = (body.get("output_config") or {}).get("format") or {}
        schema = form.get("schema") or (tools[0].get("input_schema") if tools else None)
        prompt = f"{body.get('system') or ''}\n{_said(body['messages'])}"
        found = self._found(request, body, prompt, schema)
        await anyio.sleep(found.delay_ms / 1000)
        if found.status != 200:
            error = {"type": found.error, "message": found.text or "recorded failure"}
            return _failure(found, {"type": "error", "error": error})
        text, refused = _text_of(found), found.refusal is not None
        content: dict[str, Json] = {"type": "text", "text": found.refusal if refused else text}
        if tools and not refused:
            content = {"type": "tool_use", "id": "toolu_1", "name": "answer", "input": orjson.loads(text)}
        answered = {
            "id": f"msg_{_digest(body)}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "system_fingerprint": FINGERPRINT,
            "content": [content],
            "stop_reason": "refusal" if refused else _FINISH[found.finish],
            "usage": {"input_tokens": _tokens(prompt), "output_tokens": _tokens(text)},
        }
        return web.json_response(answered, headers={"request-id": f"recorded-{len(self.asked)}"})

    def _found(self, request: web.Request, body: Mapping[str, Json], prompt: str, schema: Json) -> RecordedAnswer:
        # Turns are counted within a run, whose trace id every request carries: each run hears the same story.
        sequence = [*request.headers.get("traceparent", "").split("-"), ""][1]
        self.asked.append(
            {"model": body["model"], "prompt": prompt, "headers": dict(request.headers), "body": dict(body)}
        )
        del self.asked[: -self.asked_max]
        return self.answer(str(body["model"]), prompt, sequence, schema)

    def _turn(self, index: int, sequence: str, count: int) -> int:
        if len(self._turns) > SEQUENCES_MAX:
            self._turns.clear()
        turn = self._turns[index, sequence]
        self._turns[index, sequence] += 1
        return min(turn, count - 1)


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = SERVER


def _failure(found: RecordedAnswer, body: Json) -> web.Response:
    headers = {} if found.retry_after is None else {"Retry-After": f"{found.retry_after:g}"}
    return web.json_response(body, status=found.status, headers=headers)


def _said(messages: Any) -> str:
    """All that was said to the model, as one text."""
    parts: list[str] = []
    for message in messages:
        content = message.get("content")
        blocks = content if isinstance(content, list) else [{"text": content}]
        parts += [str(block.get("text") or "") for block in blocks if isinstance(block, dict)]
    return "\n".join(parts)


def _filled(answer: RecordedAnswer, words: Mapping[str, str]) -> RecordedAnswer:
    if not words:
        return answer
    return answer.model_copy(update={"text": _fill(answer.text, words), "json_": _fill(answer.json_, words)})


def _fill(value: Json, words: Mapping[str, str]) -> Json:
    """The value with {{name}} replaced by what the recording's expression found."""
    if isinstance(value, str):
        return _PLACE.sub(lambda place: words.get(place[1], place[0]).strip(), value)
    if isinstance(value, dict):
        return {name: _fill(part, words) for name, part in value.items()}
    if isinstance(value, list):
        return [_fill(part, words) for part in value]
    return value


def _text_of(answer: RecordedAnswer) -> str:
    return answer.text if answer.text is not None else orjson.dumps(answer.json_).decode()


def _tokens(text: str) -> int:
    """A plausible count; recorded answers cost nothing."""
    return max(len(text) // 4, 1)


def _digest(body: Json) -> str:
    return sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:24]


def _standing_in(schema: Any, root: Any, depth: int = 0) -> Json:
    """The plainest value of a schema, in which every free text says that no recording fits."""
    if not isinstance(schema, dict) or depth > 20:
        return NO_MATCH
    if isinstance(schema.get("$ref"), str):
        name = schema["$ref"].rsplit("/", 1)[-1]
        return _standing_in({**root.get("$defs", {}), **root.get("definitions", {})}.get(name), root, depth + 1)
    if "const" in schema or schema.get("enum"):
        return schema["const"] if "const" in schema else schema["enum"][0]
    if schema.get("anyOf"):
        return _standing_in(schema["anyOf"][0], root, depth + 1)
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    match kinds[0] if isinstance(kinds, list) else kinds:
        case "object":
            properties = schema.get("properties", {})
            return {name: _standing_in(part, root, depth + 1) for name, part in properties.items()}
        case "array":
            return []
        case "integer" | "number":
            return 0
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return NO_MATCH
