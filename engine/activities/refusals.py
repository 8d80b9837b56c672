"""Why a model gave no answer that can be used: each reason has a code of its own, and its own cure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson

from engine.activities.dialects import Said
from engine.faults import ActivityFault
from engine.http import Response
from engine.models import Endpoint
from store.model import NO_USAGE, Json

# What is wrong with this endpoint at this moment; another one may well answer.
ANOTHER_MAY_HELP = frozenset(("model_unreachable", "model_overloaded", "model_quota", "model_held", "model_limited"))
EXCERPT_CHARS = 300
FILTER_HINT = "Change the prompt or the input; the provider's settings say what its filter holds back."
LONG_HINT = "Give it less: a shorter prompt or a part of the input. Or name a model that takes more."
_OVERLOADED = frozenset((HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, 529))
_DENIED = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN))
_QUOTA = frozenset(("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "billing_error"))
_UNKNOWN_MODEL = frozenset(("model_not_found", "not_found_error", "deployment_not_found"))
_FILTERED = frozenset(("content_filter", "content_policy_violation", "responsibleaipolicyviolation"))
_TOO_LONG = frozenset(("context_length_exceeded", "request_too_large"))
_TOO_LONG_WORDS = ("prompt is too long", "maximum context length")
_NO_CREDIT_WORDS = ("credit balance is too low",)


class _No(NamedTuple):
    """A way to say no: its code, what the endpoint does, the cure, and whether it passes by itself."""

    code: str
    what: str
    hint: str
    retryable: bool = False


_NO_QUOTA = _No("model_quota", "has no quota left", "The operator tops up the account.")
_BUSY = _No(
    "model_overloaded",
    "is overloaded or limits us",
    "It passes by itself; the operator may set limits in the models file, or name a second model.",
    retryable=True,
)
_LONG = _No("model_length", "cannot take so long a question", LONG_HINT)
_UNKNOWN = _No(
    "model_unknown", "does not know the model {model}", "The operator checks base_url and model in the models file."
)
_LOCKED = _No("model_denied", "does not let us in", "The operator checks api_key in the models file.")
_HELD_BACK = _No("model_filtered", "held the question back in its content filter", FILTER_HINT)
_DOWN = _No("model_unreachable", "is down", "It is asked again by itself.", retryable=True)
_INVALID = _No(
    "model_request_invalid",
    "does not accept the question",
    "Mend the parameters or the shape of the output in the workflow file, or `parameters` in the models file.",
)


def require_whole(said: Said) -> None:
    """Raise the fault that a refused, cut off or filtered answer is."""
    excerpt = _short(said.refusal or said.text)
    match said.stop:
        case "refused":
            raise ActivityFault(
                "model_refused",
                f"the model refused: {excerpt}",
                retryable=False,
                hint="Read what it was given; change the prompt or the input, then retry.",
            )
        case "length":
            raise ActivityFault(
                "model_length",
                f"the answer was cut off after {said.output_tokens} tokens",
                retryable=False,
                hint="Allow more with max_tokens, or ask for less.",
            )
        case "filtered":
            raise ActivityFault(
                "model_filtered",
                "the endpoint's content filter held the answer back",
                retryable=False,
                hint=FILTER_HINT,
            )
        case "unknown":
            raise ActivityFault(
                "model_output_invalid", f"the answer ended with {said.finish_reason!r}", detail=_detail(said)
            )


def bad_status(endpoint: Endpoint, response: Response, retry_after_ms: int | None) -> ActivityFault:
    """The fault behind an HTTP status that is no success."""
    status, (kind, said) = response.status, _error_of(response)
    no = _no(status, kind.lower(), said.lower())
    return ActivityFault(
        no.code,
        f"{endpoint.name} {no.what.format(model=endpoint.model)} ({status}{f': {said}' if said else ''})",
        retryable=no.retryable,
        retry_after_ms=retry_after_ms,
        hint=no.hint,
        detail={"endpoint": endpoint.name, "status": status, "kind": kind},
    )


def _no(status: int, kind: str, said: str) -> _No:
    """Which no it is: by what the error calls itself, by its words where it has no name, by its status."""
    if kind in _QUOTA or status == HTTPStatus.PAYMENT_REQUIRED or any(words in said for words in _NO_CREDIT_WORDS):
        return _NO_QUOTA
    if status in _OVERLOADED:
        return _BUSY
    if kind in _TOO_LONG or any(words in said for words in _TOO_LONG_WORDS):
        return _LONG
    if kind in _UNKNOWN_MODEL or status == HTTPStatus.NOT_FOUND:
        return _UNKNOWN
    if status in _DENIED:
        return _LOCKED
    if kind in _FILTERED:
        return _HELD_BACK
    if status >= 500 or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT):
        return _DOWN
    return _INVALID


def unreachable(endpoint: Endpoint, fault: ActivityFault) -> ActivityFault:
    """No answer at all."""
    if fault.code == "output_too_large":
        return fault
    return ActivityFault(
        "model_unreachable",
        f"{endpoint.name} cannot be reached: {fault.message}",
        retryable=fault.retryable,
        hint=fault.hint,
        detail={"endpoint": endpoint.name, "cause": fault.code},
    )


def not_understood(endpoint: Endpoint, body: Json) -> ActivityFault:
    """An answer that is none of this kind of endpoint: usually something else listens there."""
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    return ActivityFault(
        "model_unreachable",
        f"{endpoint.name} answered something that is no answer of kind {endpoint.kind}: {_short(text)}",
        hint="The operator checks kind and base_url in the models file.",
        detail={"endpoint": endpoint.name, "cause": "not_understood"},
        usage={**NO_USAGE, "calls": 1},
    )


def kept_away(endpoint: Endpoint, held: bool, wait_ms: int) -> ActivityFault:
    """We do not ask it at this moment, for its sake or by the operator's wish."""
    code = "model_held" if held else "model_limited"
    why = "is down and left alone for the moment" if held else "has had as many requests as the models file allows"
    return ActivityFault(
        code, f"{endpoint.name} {why}", retry_after_ms=wait_ms, detail={"endpoint": endpoint.name, "cause": code}
    )


def tried(troubles: Sequence[tuple[Endpoint, ActivityFault]]) -> list[dict[str, Json]]:
    """Which endpoints did not help, and why."""
    return [
        {
            "endpoint": endpoint.name,
            "code": fault.code,
            "message": fault.message,
            **({} if fault.retry_after_ms is None else {"retry_after_ms": fault.retry_after_ms}),
        }
        for endpoint, fault in troubles
    ]


def all_failed(troubles: Sequence[tuple[Endpoint, ActivityFault]]) -> ActivityFault:
    """The first one's fault, telling of the others; worth another try as soon as any of them is."""
    first = troubles[0][1]
    if len(troubles) == 1:
        return first
    waits = [fault.retry_after_ms for _, fault in troubles if fault.retryable]
    known = [wait for wait in waits if wait is not None]
    return ActivityFault(
        first.code,
        "; ".join(fault.message for _, fault in troubles),
        retryable=bool(waits),
        retry_after_ms=min(known) if known and len(known) == len(waits) else None,
        hint=first.hint,
        detail={"tried": tried(troubles)},
        usage=_summed([fault.usage for _, fault in troubles]),
    )


def _summed(usages: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(usage.get(name, 0) for usage in usages) for name in NO_USAGE} if any(usages) else {}


def _error_of(response: Response) -> tuple[str, str]:
    """The kind and the words of an error, as OpenAI, Anthropic and their likes write it."""
    try:
        body: Any = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return "", _short(response.body[: EXCERPT_CHARS * 4].decode("utf-8", errors="replace"))
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return "", _short(str(error))
    kind = error.get("code") or error.get("type") or ""
    return str(kind), _short(str(error.get("message") or ""))


def _detail(said: Said) -> dict[str, str]:
    return {"answer": said.text, "error": f"the answer ended with {said.finish_reason!r}"}


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= EXCERPT_CHARS else f"{words[:EXCERPT_CHARS]}…"
