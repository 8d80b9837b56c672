"""model: one question to a language model, with an answer of the shape the step asks for."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import orjson

from engine.activities import arguments, refusals
from engine.activities.dialects import DIALECTS, Question, Said, headers_of
from engine.activities.outputs import require_output, validate_output
from engine.activities.shapes import Shape, shape_of
from engine.activities.work import Result, Work
from engine.faults import ActivityFault
from engine.http import Request, Response
from engine.json_values import parse_json
from engine.models import Endpoint
from engine.secrets import reveal
from store.model import Json

ANSWER_CHARS_MAX = 20_000  # of an answer that did not fit, shown to the model again
PARAMETERS = ("temperature", "top_p", "max_tokens", "stop", "seed")
ROLES = ("system", "user", "assistant")
_FENCE = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n\s*```\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A question that was answered, and what that cost."""

    endpoint: Endpoint
    said: Said
    receipt: Mapping[str, Json]
    usage: Mapping[str, int]


async def run(work: Work) -> Result:
    """Ask the first endpoint that answers; read, check and give back what it said.

    `with`: model (a name, or names in order of preference), prompt or messages, system, temperature, top_p,
    max_tokens, stop, seed, parameters (whatever else the endpoint takes).
    """
    with_ = arguments.mapping(work.with_, "model")
    endpoints = _endpoints(work, with_.get("model"))
    question = _question(work, with_)
    try:
        exchange = await _ask_in_turn(work, endpoints, question)
    except ActivityFault as fault:
        fault.detail = _with_reask(fault.detail, work.reask)
        raise
    try:
        output = _output(work, question.shape, exchange.said)
    except ActivityFault as fault:
        fault.receipt, fault.usage = exchange.receipt, exchange.usage
        raise
    return Result(output=output, receipt=exchange.receipt, usage=exchange.usage)


def _with_reask(detail: Json, reask: Mapping[str, str] | None) -> Json:
    """What failed, and what the model has not been told yet because of it: the next attempt tells it."""
    if reask is None:
        return detail
    return {**(detail if isinstance(detail, Mapping) else {}), "reask": dict(reask)}


def _endpoints(work: Work, names: Json) -> list[Endpoint]:
    named = [names] if isinstance(names, str) else names
    if not isinstance(named, list | tuple) or not named or not all(isinstance(name, str) for name in named):
        raise arguments.wrong("`model` must be a name from the models file, or a list of such names")
    found = [(name, work.tools.models.get(name)) for name in named]
    missing = [name for name, endpoint in found if endpoint is None]
    if missing:
        known = ", ".join(work.tools.models.endpoints) or "none"
        raise arguments.wrong(
            f"there is no model named {', '.join(missing)}; the models file has {known}",
            hint="The operator adds it to the file that POINTSMAN_MODELS names.",
        )
    return [endpoint for _, endpoint in found if endpoint is not None]


def _question(work: Work, with_: Mapping[str, Json]) -> Question:
    messages = _messages(with_)
    if work.reask is not None:
        messages += _again(work.reask)
    parameters = {name: with_[name] for name in PARAMETERS if with_.get(name) is not None}
    system = with_.get("system")
    return Question(
        messages=messages,
        system=None if system is None else arguments.text("`system`", system),
        shape=_shape(work.output_schema),
        parameters={**parameters, **reveal(with_.get("parameters") or {})},
    )


def _messages(with_: Mapping[str, Json]) -> list[dict[str, Json]]:
    prompt, messages = with_.get("prompt"), with_.get("messages")
    if (prompt is None) == (messages is None):
        raise arguments.wrong("a model step has either `prompt` or `messages`")
    if prompt is not None:
        return [{"role": "user", "content": arguments.required_text(with_, "prompt")}]
    if not isinstance(messages, list | tuple) or not messages:
        raise arguments.wrong("`messages` must be a list of {role, content}")
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping) or message.get("role") not in ROLES or not message.get("content"):
            raise arguments.wrong(f"`messages[{index}]` must have a role ({', '.join(ROLES)}) and a content")
    return [dict(reveal(message)) for message in messages]


def _again(reask: Mapping[str, str]) -> list[dict[str, Json]]:
    """What went wrong last time, said to the model as one would say it to a colleague."""
    answer = reask.get("answer", "")[:ANSWER_CHARS_MAX]
    wish = f"Your answer cannot be used: {reask.get('error', '')}\nAnswer again, whole and corrected."
    return [*([{"role": "assistant", "content": answer}] if answer.strip() else []), {"role": "user", "content": wish}]


def _shape(schema: Mapping[str, Json] | None) -> Shape | None:
    # Text needs no shape: the model simply says it.
    return None if not schema or schema.get("type") == "string" else shape_of(schema)


async def _ask_in_turn(work: Work, endpoints: Sequence[Endpoint], question: Question) -> _Exchange:
    """The first that is up answers; when none is, the first one's trouble is told."""
    troubles: list[tuple[Endpoint, ActivityFault]] = []
    for index, endpoint in enumerate(endpoints):
        try:
            exchange = await _ask(work, endpoint, question, _timeout_ms(work, endpoint, len(endpoints) - index))
        except ActivityFault as fault:
            if fault.code not in refusals.ANOTHER_MAY_HELP:
                raise
            troubles.append((endpoint, fault))
            continue
        tried = [{"endpoint": other.name, "code": fault.code, "message": fault.message} for other, fault in troubles]
        return replace(exchange, receipt={**exchange.receipt, **({"tried": tried} if tried else {})})
    raise refusals.all_failed(troubles)


async def _ask(work: Work, endpoint: Endpoint, question: Question, timeout_ms: int) -> _Exchange:
    dialect = DIALECTS[endpoint.kind]
    question = _in_words(endpoint, question)
    sent = {**dialect.body(endpoint, question), **endpoint.parameters}
    own = {"traceparent": work.traceparent, "Idempotency-Key": work.idempotency_key}
    request = Request(
        method="POST",
        url=dialect.address(endpoint),
        headers={**headers_of(endpoint), **{name: value for name, value in own.items() if value}},
        body=orjson.dumps(sent),
        timeout_ms=timeout_ms,
        redirects_max=0,  # a key is for the address it was given for
        allow=(*work.tools.allowed_hosts, endpoint.host),
    )
    began = time.monotonic()
    try:
        response = await work.tools.http.send(request)
    except ActivityFault as fault:
        raise refusals.unreachable(endpoint, fault) from fault
    latency_ms = round((time.monotonic() - began) * 1000)
    if not 200 <= response.status < 300:
        raise refusals.bad_status(endpoint, response, work.tools.http.retry_after_ms(response.headers))
    return await _received(work, endpoint, question, sent, response, latency_ms)


async def _received(
    work: Work, endpoint: Endpoint, question: Question, sent: Mapping[str, Json], response: Response, latency_ms: int
) -> _Exchange:
    """Keep the answer as it came, then read it: it is paid for, whatever it turns out to be worth."""
    text = response.body.decode("utf-8", errors="replace")
    try:
        body: Json = parse_json(text, "answer")
    except ValueError:
        body = None
    settings = {name: part for name, part in sent.items() if name not in ("messages", "system", "model")}
    raw = {"endpoint": endpoint.name, "model": endpoint.model, "settings": settings, "status": response.status}
    await work.keep_raw("model_answer", {**raw, "body": text if body is None else body})
    try:
        said = DIALECTS[endpoint.kind].read(body)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise refusals.not_understood(endpoint, text) from None
    micro_usd = endpoint.price.micro_usd(said.input_tokens, said.output_tokens, said.cached_tokens)
    receipt: dict[str, Json] = {
        "endpoint": endpoint.name,
        "model_asked": endpoint.model,
        "model_answered": said.model,
        "request_id": response.headers.get("x-request-id") or response.headers.get("request-id") or "",
        "answer_id": said.answer_id,
        "finish_reason": said.finish_reason,
        "input_tokens": said.input_tokens,
        "output_tokens": said.output_tokens,
        "cached_tokens": said.cached_tokens,
        "micro_usd": micro_usd,
        "latency_ms": latency_ms,
        "prompt_hash": prompt_hash(question),
        "parameters": dict(question.parameters),
        "reasked": work.reask is not None,
        "server": response.headers.get("server", ""),
    }
    usage = {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens, "micro_usd": micro_usd}
    return _Exchange(endpoint, said, receipt, usage)


def prompt_hash(question: Question) -> str:
    """One hash for all that was said to the model, so that equal prompts can be recognised without keeping them."""
    said = {"system": question.system, "messages": question.messages}
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _in_words(endpoint: Endpoint, question: Question) -> Question:
    """For endpoints without a mode for shapes: the wish is part of the prompt."""
    if question.shape is None or endpoint.structured != "prompt":
        return question
    schema = orjson.dumps(question.shape.schema).decode()
    wish = {"role": "user", "content": f"Answer with JSON only, without a word around it. Its JSON Schema: {schema}"}
    plain = Shape(question.shape.schema, strict=False, wrapped=False, schema=question.shape.schema)
    return replace(question, messages=[*question.messages, wish], shape=plain)


def _timeout_ms(work: Work, endpoint: Endpoint, left: int) -> int:
    """An endpoint's own limit, and no more than its share of the attempt, so that the next one gets a turn."""
    if work.attempt_timeout_ms is None:
        return endpoint.timeout_ms
    return max(min(endpoint.timeout_ms, work.attempt_timeout_ms * 49 // (50 * left)), 1)


def _output(work: Work, shape: Shape | None, said: Said) -> Json:
    refusals.require_whole(said)
    if shape is None:
        output: Json = said.text
    else:
        output = _shaped(shape, said)
    problems = validate_output(work.output_schema, output)
    if problems:
        raise _not_fitting(said, "; ".join(problems))
    require_output(output)
    return output


def _shaped(shape: Shape, said: Said) -> Json:
    fenced = _FENCE.fullmatch(said.text)
    try:
        answer = parse_json(fenced[1] if fenced else said.text)
    except ValueError as error:
        raise _not_fitting(said, f"it is not JSON: {error}") from None
    return shape.restore(answer)


def _not_fitting(said: Said, error: str) -> ActivityFault:
    return ActivityFault(
        "model_output_invalid",
        f"the model's answer does not fit: {error}",
        detail={"answer": said.text[:ANSWER_CHARS_MAX], "error": error},
    )
