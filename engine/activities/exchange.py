"""An exchange with a model: the first endpoint that is up answers, live, from what is kept, or from a recording.

What a service was answered before it died is kept too: it is read and not asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import orjson

from engine.activities import refusals
from engine.activities.dialects import DIALECTS, Question, Said, headers_of
from engine.activities.shapes import Shape
from engine.activities.work import Work
from engine.faults import ActivityFault
from engine.http import Request, Response
from engine.json_values import parse_json
from engine.models import Endpoint
from store.canon import digest
from store.model import NO_USAGE, Json


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question that was answered, what that cost, and what to keep the answer by when it turns out to be good."""

    endpoint: Endpoint
    said: Said
    receipt: Mapping[str, Json]
    usage: Mapping[str, int]
    request: str = ""
    body: Json = None


@dataclass(frozen=True, slots=True)
class _Sent:
    """A question in the words of one endpoint."""

    endpoint: Endpoint
    question: Question  # as it was asked of us
    spoken: Question  # as it is said to this endpoint
    body: Mapping[str, Json] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Json]:
        return {name: part for name, part in self.body.items() if name not in ("messages", "system", "model")}

    @property
    def request(self) -> str:
        """What tells requests apart, wherever an answer to one may be used for another."""
        one = self.endpoint
        return digest({"kind": one.kind, "base_url": one.base_url, "body": dict(self.body)})


async def ask_in_turn(work: Work, endpoints: Sequence[Endpoint], question: Question) -> Exchange:
    """The first that is up answers; when none is, the first one's trouble is told."""
    troubles: list[tuple[Endpoint, ActivityFault]] = []
    for index, endpoint in enumerate(endpoints):
        try:
            exchange = await _ask(work, endpoint, question, _timeout_ms(work, endpoint, len(endpoints) - index))
        except ActivityFault as fault:
            if fault.code not in refusals.ANOTHER_MAY_HELP:
                if troubles:
                    fault.receipt = {**fault.receipt, "tried": refusals.tried(troubles)}
                raise
            troubles.append((endpoint, fault))
            continue
        tried = {"tried": refusals.tried(troubles)} if troubles else {}
        return replace(exchange, receipt={**exchange.receipt, **tried})
    raise refusals.all_failed(troubles)


async def keep_for_later(work: Work, exchange: Exchange) -> None:
    """Let a good answer stand for the same request, where the operator wants that."""
    if exchange.endpoint.cache_ms is not None and work.tools.answers is not None and not exchange.receipt["cached"]:
        await work.tools.answers.keep(exchange.request, exchange.endpoint.name, exchange.body)


async def _ask(work: Work, endpoint: Endpoint, question: Question, timeout_ms: int) -> Exchange:
    if endpoint.kind == "replay":
        return await _from_recording(work, endpoint, question)
    spoken = _in_words(endpoint, question)
    sent = _Sent(endpoint, question, spoken, {**DIALECTS[endpoint.kind].body(endpoint, spoken), **endpoint.parameters})
    kept = await work.kept(sent.request)
    if isinstance(kept, Mapping) and "body" in kept:
        return await _read(work, sent, kept["body"], recovered=True)
    if endpoint.cache_ms is not None and work.tools.answers is not None:
        known = await work.tools.answers.find(sent.request, endpoint.cache_ms)
        if known is not None:
            return await _read(work, sent, known, cached=True)
    admission = await work.admits(endpoint.name)
    if admission.wait_ms:
        raise refusals.kept_away(endpoint, admission.held, admission.wait_ms)
    return await _live(work, sent, timeout_ms)


async def _live(work: Work, sent: _Sent, timeout_ms: int) -> Exchange:
    endpoint = sent.endpoint
    own = {"traceparent": work.traceparent, "Idempotency-Key": work.idempotency_key}
    request = Request(
        method="POST",
        url=DIALECTS[endpoint.kind].address(endpoint),
        headers={**headers_of(endpoint), **{name: value for name, value in own.items() if value}},
        body=orjson.dumps(sent.body),
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
    return await _read(work, sent, _body(response), response=response, latency_ms=latency_ms)


async def _from_recording(work: Work, endpoint: Endpoint, question: Question) -> Exchange:
    recording = None if endpoint.file is None else work.tools.recordings.get(endpoint.file)
    if recording is None:
        raise ActivityFault("model_not_recorded", f"{endpoint.name} has no recording.", retryable=False)
    line = recording.answer(endpoint.name, work.tools.redact(asked(question)))
    then = _Sent(replace(endpoint, kind=line["kind"]), question, question, line.get("settings") or {})
    return await _read(work, then, line["answer"], replayed=True)


async def _read(
    work: Work,
    sent: _Sent,
    body: Json,
    *,
    response: Response | None = None,
    latency_ms: int = 0,
    cached: bool = False,
    replayed: bool = False,
    recovered: bool = False,
) -> Exchange:
    """Keep the answer as it came, then read it: it is paid for, whatever it turns out to be worth."""
    endpoint, question = sent.endpoint, sent.question
    evidence = {
        "endpoint": endpoint.name,
        "model": endpoint.model,
        "prompt": {"system": question.system, "messages": list(sent.spoken.messages)},
        "settings": sent.settings,
        "status": response.status if response else None,
        "body": body,
    }
    if not recovered:  # else it stands on record already, and was counted by nobody
        await work.keep_raw("model_answer", evidence, "" if replayed or cached else sent.request)
    try:
        said = DIALECTS[endpoint.kind].read(body)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise refusals.not_understood(endpoint, body) from None
    usage = dict(NO_USAGE) if cached else _usage(endpoint, said)
    live = response is not None
    if live and work.tools.recorder is not None:
        exchange = {"kind": endpoint.kind, "asked": asked(question), "settings": sent.settings}
        work.tools.recorder.add(endpoint.name, {**exchange, "answer": body, "usage": usage})
    headers = response.headers if response else {}
    receipt: dict[str, Json] = {
        "endpoint": endpoint.name,
        "model_asked": endpoint.model,
        "model_answered": said.model,
        "request_id": headers.get("x-request-id") or headers.get("request-id") or "",
        "answer_id": said.answer_id,
        "finish_reason": said.finish_reason,
        **{name: amount for name, amount in usage.items() if name != "calls"},
        "latency_ms": latency_ms,
        "prompt_hash": prompt_hash(sent.spoken),
        "parameters": dict(question.parameters),
        "settings": {name: part for name, part in sent.settings.items() if name not in ("response_format", "tools")},
        "reasked": work.reask is not None,
        "cached": cached,
        "replayed": replayed,
        "server": headers.get("server", ""),
        **({"recovered": True} if recovered else {}),
    }
    return Exchange(endpoint, said, receipt, usage, sent.request if live or recovered else "", body)


def _usage(endpoint: Endpoint, said: Said) -> dict[str, int]:
    return {
        "calls": 1,
        "tokens_in": said.input_tokens,
        "tokens_out": said.output_tokens,
        "tokens_cached": said.cached_tokens,
        "usd_micros": endpoint.price.usd_micros(said.input_tokens, said.output_tokens, said.cached_tokens),
    }


def _body(response: Response) -> Json:
    text = response.body.decode("utf-8", errors="replace")
    try:
        return parse_json(text, "answer")
    except ValueError:
        return text


def asked(question: Question) -> dict[str, Json]:
    """The question as recordings know it: the same for every kind of endpoint."""
    return {
        "system": question.system,
        "messages": list(question.messages),
        "parameters": dict(question.parameters),
        "schema": None if question.shape is None else dict(question.shape.schema),
    }


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
