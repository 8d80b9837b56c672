"""What the end of an attempt says about the endpoints it used: one is up, is down, or is kept from us by ourselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.needing import HOST, MODEL
from store.events import (
    AttemptFailed,
    AttemptInterrupted,
    StepCancelled,
    StepFailed,
    StepPolled,
    StepSucceeded,
    StepUnknown,
)
from store.model import Failure, Json, StepPlan

ENDS = frozenset({StepSucceeded, AttemptFailed, StepFailed, StepUnknown, AttemptInterrupted, StepPolled, StepCancelled})
DOWN = frozenset(("model_overloaded", "model_unreachable", "http_connection", "http_timeout"))
FULL = frozenset(("model_held", "model_limited"))  # said by ourselves: nothing was found out
DOWN_STATUSES = frozenset((429, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one endpoint."""

    name: str
    down: bool = False
    full: bool = False
    code: str = ""
    message: str = ""
    retry_after_ms: int | None = None


def verdicts(spec: StepPlan, error: Failure | None, receipt: Json) -> list[Verdict]:
    """What the outcome of an attempt says, of each endpoint that it tried."""
    return list(_of_host(error, receipt) if spec.uses == "http" else _of_models(error, receipt))


def _of_models(error: Failure | None, receipt: Json) -> Iterator[Verdict]:
    seen = receipt if isinstance(receipt, Mapping) else {}
    told = error.detail if error is not None and isinstance(error.detail, Mapping) else {}
    tried = [*_listed(seen.get("tried")), *_listed(told.get("tried"))]
    for one in tried:
        yield _verdict(f"{MODEL}{one.get('endpoint')}", str(one.get("code")), str(one.get("message") or ""), one)
    if error is not None and not tried and told.get("endpoint"):
        more = {"retry_after_ms": error.retry_after_ms}
        yield _verdict(f"{MODEL}{told['endpoint']}", error.code, error.message, more)
    elif seen.get("endpoint") and not seen.get("cached") and not seen.get("recovered"):
        yield Verdict(f"{MODEL}{seen['endpoint']}")


def _of_host(error: Failure | None, receipt: Json) -> Iterator[Verdict]:
    seen = receipt if isinstance(receipt, Mapping) else {}
    told = error.detail if error is not None and isinstance(error.detail, Mapping) else {}
    host = told.get("endpoint") or seen.get("endpoint")
    if not host:
        return
    name = f"{HOST}{host}"
    if error is None:
        yield Verdict(name)
    elif error.code in DOWN or (error.code == "http_status" and told.get("status") in DOWN_STATUSES):
        yield Verdict(name, True, False, error.code, error.message, error.retry_after_ms)
    elif seen:
        yield Verdict(name)


def _verdict(name: str, code: str, message: str, more: Mapping[str, Json]) -> Verdict:
    wait = more.get("retry_after_ms")
    return Verdict(name, code in DOWN, code in FULL, code, message, wait if isinstance(wait, int) else None)


def _listed(value: Json) -> list[Mapping[str, Json]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
