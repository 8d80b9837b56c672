"""What the Python of a workflow may import: `from engine.kit import NonRetryable, current_attempt, effect`.

testing     for tests: workflows run here without Slack and network, and crash at every commit
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

Effect = Literal["pure", "idempotent", "once"]
Function = TypeVar("Function", bound=Callable[..., object])


class NonRetryable(Exception):
    """Raise this when trying again cannot help: the step fails at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The attempt that is calling this function.

    `idempotency_key` is the same for every attempt of one (run, step, item, round): hand it to whatever has the effect.
    """

    run_id: str
    run_name: str
    workflow: str
    step: str
    item: str | None
    round: int
    number: int
    idempotency_key: str
    traceparent: str


_current: Attempt | None = None


def current_attempt() -> Attempt:
    """The attempt this process is working on; LookupError outside one, as in a unit test of the function."""
    if _current is None:
        raise LookupError("no attempt is running: this function was called by something else than a step")
    return _current


def enter_attempt(attempt: Attempt | None) -> None:
    """Say which attempt runs from here on; the worker process calls it around each call."""
    global _current
    _current = attempt


def effect(kind: Effect) -> Callable[[Function], Function]:
    """Say beside the function what repeating it means: `@effect("once")`. Without it a function is idempotent."""
    if kind not in ("pure", "idempotent", "once"):
        raise ValueError(f'effect is "pure", "idempotent" or "once", not {kind!r}')

    def mark(function: Function) -> Function:
        function.__pointsman_effect__ = kind  # type: ignore[attr-defined]
        return function

    return mark
