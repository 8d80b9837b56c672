"""Values that every noun is made of: content, actors, failures, places. And the bounds that keep them small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list or dict with string keys."""

Millis: TypeAlias = int
RunId: TypeAlias = str
StepKey: TypeAlias = str
"""Where a step stands in its run: its path, with the item's key in brackets when it belongs to an item."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that keep every run and every row small enough to be handled whole."""

    steps_max: int = 200  # a plan is loaded, folded and rendered as one value
    output_bytes_max: int = 50_000_000  # over this a step fails for good: passing it on would never work
    file_bytes_max: int = 500_000_000  # of one file that is handed in with a run
    inline_bytes_max: int = 8_192  # larger values live once, by hash, in the content folder
    input_text_max: int = 20_000  # what a person may type into one input
    comment_max: int = 3_000  # Slack's own limit for a text field in a modal
    claims_per_pass: int = 512  # one commit's worth; the rest waits for the next, moments later
    items_max: int = 10_000  # of one list that a block is done for
    children_depth_max: int = 5  # runs that start runs that start runs
    signals_max: int = 100  # kept of what happened before anybody waited for it
    last_step_ms: int = 24 * 3_600_000  # what is done for a run that is over may not take longer, …
    last_attempt_ms: int = 3_600_000  # … and an attempt of it for which no time was said no longer than this
    attempts_running_max: int = 256  # how many activities may be under way at once in this process


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asked: a person, an operator at the command line, a trigger, or the engine itself."""

    kind: Literal["person", "operator", "trigger", "engine"]
    id: str
    name: str = ""


ENGINE = Actor("engine", "engine", "Pointsman")


@dataclass(frozen=True, slots=True)
class Content:
    """A JSON value: held here when it is small, else by its hash in the content folder."""

    value: Json = None
    hash: str | None = None  # sha256 of the canonical bytes, when the value is kept outside
    size: int = 0  # bytes of the canonical form, when the value is kept outside


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt, a step or a run did not succeed."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    retry_after_ms: int | None = None
    maybe_happened: bool = False  # the effect may have taken place although no answer came back
    detail: Json = None


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Exactly which piece of work an event or a report speaks of."""

    step: str
    item: str | None = None
    round: int = 1
    attempt: int = 0
    deed: Literal["do", "undo"] = "do"

    @property
    def key(self) -> StepKey:
        return self.step if self.item is None else f"{self.step}[{self.item}]"
