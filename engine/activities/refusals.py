"""Why a model gave no answer that can be used: each reason has a code of its own, and its own cure."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson

from engine.activities.dialects import Said
from engine.faults import ActivityFault
from engine.http import Response
from engine.models import Endpoint

# What is wrong with this endpoint at this moment; another one may well answer.
ANOTHER_MAY_HELP = frozenset(("model_unreachable", "model_overloaded", "model_quota"))
EXCERPT_CHARS = 300
_OVERLOADED = frozenset((HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, 529))
_DENIED = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN))
_QUOTA = frozenset(("insufficient_quota", "billing_hard_limit_reached"))


def require_whole(said: Said) -> None:
    """Raise the fault that a refused, cut off or filtered answer is."""
    excerpt = _short(said.refusal or said.text)
    match said.stop:
        case "refused":
            raise ActivityFault("model_refused", f"the model refused: {excerpt}", retryable=False)
        case "length":
            raise ActivityFault(
                "model_length",
                f"the answer was cut off after {said.output_tokens} tokens",
                retryable=False,
                hint="Allow more with max_tokens, or ask for less.",
            )
        case "filtered":
            raise ActivityFault("model_filtered", "the endpoint's content filter held the answer back", retryable=False)
        case "unknown":
            raise ActivityFault(
                "model_output_invalid", f"the answer ended with {said.finish_reason!r}", detail=_detail(said)
            )


def bad_status(endpoint: Endpoint, response: Response, retry_after_ms: int | None) -> ActivityFault:
    """The fault behind an HTTP status that is no success."""
    status, (kind, said) = response.status, _error_of(response)
    about = {"endpoint": endpoint.name, "status": status, "kind": kind}

    def fault(code: str, what: str, *, retryable: bool, hint: str = "") -> ActivityFault:
        message = f"{endpoint.name} {what} ({status}{f': {said}' if said else ''})"
        return ActivityFault(code, message, retryable=retryable, retry_after_ms=retry_after_ms, hint=hint, detail=about)

    if kind in _QUOTA:
        return fault("model_quota", "has no quota left", retryable=False, hint="The operator tops up the account.")
    if status in _OVERLOADED:
        return fault("model_overloaded", "is overloaded or limits us", retryable=True)
    if status in _DENIED:
        hint = "The operator checks api_key in the models file."
        return fault("model_denied", "does not let us in", retryable=False, hint=hint)
    if status == HTTPStatus.NOT_FOUND:
        hint = "The operator checks base_url and model in the models file."
        return fault("model_unknown", f"does not know the model {endpoint.model}", retryable=False, hint=hint)
    if kind == "content_filter":
        return fault("model_filtered", "held the question back in its content filter", retryable=False)
    if status >= 500 or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT):
        return fault("model_unreachable", "is down", retryable=True)
    return fault("model_request_invalid", "does not accept the question", retryable=False)


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


def not_understood(endpoint: Endpoint, text: str) -> ActivityFault:
    """An answer that is none of this kind of endpoint: usually something else listens there."""
    return ActivityFault(
        "model_unreachable",
        f"{endpoint.name} answered something that is no answer of kind {endpoint.kind}: {_short(text)}",
        hint="The operator checks kind and base_url in the models file.",
        detail={"endpoint": endpoint.name, "cause": "not_understood"},
    )


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
        detail={"tried": [{"endpoint": endpoint.name, "code": fault.code} for endpoint, fault in troubles]},
    )


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
