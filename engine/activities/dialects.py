"""How endpoints are spoken to: the OpenAI style and the Anthropic style, each a question out and an answer in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import orjson

from engine.activities.shapes import Shape
from engine.models import Endpoint, Kind
from engine.secrets import reveal
from store.model import Json

TOOL = "answer"
ANTHROPIC_VERSION = "2023-06-01"
ANTHROPIC_MAX_TOKENS = 4_096  # its interface insists on a number

TOKENS_MAX = 1_000_000_000  # of one answer

Stop = Literal["done", "length", "refused", "filtered", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: messages of {"role", "content"}, in the order they were said."""

    messages: list[dict[str, Json]]
    system: str | None = None
    shape: Shape | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came back. `input_tokens` include the cached ones."""

    text: str
    stop: Stop
    finish_reason: str
    model: str
    answer_id: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    refusal: str = ""


class Dialect(Protocol):
    def address(self, endpoint: Endpoint) -> str: ...
    def headers(self, endpoint: Endpoint) -> dict[str, str]: ...
    def body(self, endpoint: Endpoint, question: Question) -> dict[str, Json]: ...
    def read(self, body: Any) -> Said: ...


class OpenAi:
    """`/chat/completions`, as OpenAI, Azure, Ollama, vLLM and many others serve it."""

    def address(self, endpoint: Endpoint) -> str:
        return f"{endpoint.base_url}/chat/completions"

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        return {} if endpoint.api_key is None else {"Authorization": f"Bearer {endpoint.api_key.reveal()}"}

    def body(self, endpoint: Endpoint, question: Question) -> dict[str, Json]:
        parameters = dict(question.parameters)
        limit = parameters.pop("max_tokens", endpoint.max_tokens)
        system = [{"role": "system", "content": question.system}] if question.system else []
        return {
            "model": endpoint.model,
            "messages": [*system, *question.messages],
            **({} if limit is None else {endpoint.max_tokens_field: limit}),
            **parameters,
            **self._form(endpoint, question.shape),
        }

    def read(self, body: Any) -> Said:
        choice, usage = body["choices"][0], body.get("usage") or {}
        message, finish = choice["message"], str(choice.get("finish_reason") or "stop")
        calls, refusal = message.get("tool_calls"), message.get("refusal") or ""
        stops: dict[str, Stop] = {
            "stop": "done",
            "tool_calls": "done",
            "length": "length",
            "content_filter": "filtered",
        }
        return Said(
            text=_text(calls[0]["function"]["arguments"] if calls else message.get("content")),
            stop="refused" if refusal else stops.get(finish, "unknown"),
            finish_reason=finish,
            model=str(body.get("model", "")),
            answer_id=str(body.get("id", "")),
            input_tokens=_count(usage.get("prompt_tokens")),
            output_tokens=_count(usage.get("completion_tokens")),
            cached_tokens=_count((usage.get("prompt_tokens_details") or {}).get("cached_tokens")),
            refusal=str(refusal),
        )

    def _form(self, endpoint: Endpoint, shape: Shape | None) -> dict[str, Json]:
        if shape is None or endpoint.structured == "prompt":
            return {}
        if endpoint.structured == "tool":
            function = {"name": TOOL, "parameters": shape.wire, "strict": shape.strict}
            chosen = {"type": "function", "function": {"name": TOOL}}
            return {"tools": [{"type": "function", "function": function}], "tool_choice": chosen}
        named = {"name": TOOL, "schema": shape.wire, "strict": shape.strict}
        return {"response_format": {"type": "json_schema", "json_schema": named}}


class Anthropic:
    """`/v1/messages`."""

    def address(self, endpoint: Endpoint) -> str:
        return f"{endpoint.base_url.removesuffix('/v1')}/v1/messages"

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        key = {} if endpoint.api_key is None else {"x-api-key": endpoint.api_key.reveal()}
        return {"anthropic-version": ANTHROPIC_VERSION, **key}

    def body(self, endpoint: Endpoint, question: Question) -> dict[str, Json]:
        parameters = dict(question.parameters)
        if "stop" in parameters:
            stop = parameters.pop("stop")
            parameters["stop_sequences"] = [stop] if isinstance(stop, str) else stop
        said = [message for message in question.messages if message["role"] != "system"]
        systems = [str(message["content"]) for message in question.messages if message["role"] == "system"]
        system = "\n\n".join(filter(None, (question.system, *systems)))
        return {
            "model": endpoint.model,
            "max_tokens": parameters.pop("max_tokens", None) or endpoint.max_tokens or ANTHROPIC_MAX_TOKENS,
            "messages": said,
            **({"system": system} if system else {}),
            **parameters,
            **self._form(endpoint, question.shape),
        }

    def read(self, body: Any) -> Said:
        usage, reason = body.get("usage") or {}, str(body.get("stop_reason") or "end_turn")
        tools = [part["input"] for part in body["content"] if part.get("type") == "tool_use"]
        texts = "".join(part.get("text", "") for part in body["content"] if part.get("type") == "text")
        cached = _count(usage.get("cache_read_input_tokens"))
        fresh = _count(usage.get("input_tokens")) + _count(usage.get("cache_creation_input_tokens"))
        stops: dict[str, Stop] = {
            **dict.fromkeys(("end_turn", "stop_sequence", "tool_use"), "done"),
            **dict.fromkeys(("max_tokens", "model_context_window_exceeded"), "length"),
            "refusal": "refused",
        }
        return Said(
            text=orjson.dumps(tools[0]).decode() if tools else texts,
            stop=stops.get(reason, "unknown"),
            finish_reason=reason,
            model=str(body.get("model", "")),
            answer_id=str(body.get("id", "")),
            input_tokens=fresh + cached,
            output_tokens=_count(usage.get("output_tokens")),
            cached_tokens=cached,
            refusal=texts if reason == "refusal" else "",
        )

    def _form(self, endpoint: Endpoint, shape: Shape | None) -> dict[str, Json]:
        if shape is None or endpoint.structured == "prompt":
            return {}
        # Its schema mode takes closed shapes only; a tool's input may be open.
        if endpoint.structured == "tool" or not shape.strict:
            tool = {"name": TOOL, "description": "Give your answer.", "input_schema": shape.wire}
            return {"tools": [tool], "tool_choice": {"type": "tool", "name": TOOL}}
        return {"output_config": {"format": {"type": "json_schema", "schema": shape.wire}}}


def _text(said: Any) -> str:
    """What was said. Some servers give the arguments of a tool as the object that they stand for."""
    if isinstance(said, dict):
        return orjson.dumps(said).decode()
    if said is not None and not isinstance(said, str):
        raise TypeError("an answer is text")
    return said or ""


def _count(tokens: Any) -> int:
    """How many tokens, within what anybody has: a budget must never grow by what a server says."""
    return min(max(int(tokens or 0), 0), TOKENS_MAX)


DIALECTS: Mapping[Kind, Dialect] = {"openai": OpenAi(), "anthropic": Anthropic()}


def headers_of(endpoint: Endpoint) -> dict[str, str]:
    """Everything the endpoint wants to see, the operator's own headers last."""
    return {"Content-Type": "application/json", **DIALECTS[endpoint.kind].headers(endpoint), **reveal(endpoint.headers)}
