"""The nouns of an attempt: what it is given, what it may use, what it gives back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from engine.answers import KeptAnswers
from engine.clock import Clock
from engine.http import HttpClient
from engine.models import Models
from engine.tape import Recorder, Recording
from engine.workers.pool import WorkerPool
from store.content import ContentFolder
from store.faults import StoreFault
from store.model import Effect, Json


def _no_files(name: str) -> Path:
    raise StoreFault("nothing is kept here.")


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a model may be asked: at once, or after so many milliseconds, as it is held or as it is limited."""

    wait_ms: int = 0
    held: bool = False


async def _nothing(request: str) -> Json:
    return None


async def _welcome(model: str) -> Admission:
    return Admission()


@dataclass(slots=True, kw_only=True)
class Tools:
    """What attempts share: opened once by the service, closed with it."""

    http: HttpClient
    workers: WorkerPool
    models: Models
    allowed_hosts: tuple[str, ...]
    clock: Clock
    redact: Callable[[Json], Json] = lambda value: value
    answers: KeptAnswers | None = None  # of models whose answers stand for a while
    recorder: Recorder | None = None
    recordings: Mapping[Path, Recording] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Everything one attempt may use.

    `with_` is mapped already; secrets in it are still wrapped. `spec` holds the step's own static keys (call, parse …).
    `attempt_timeout_ms` is for information: who calls the activity enforces it by cancelling.
    """

    kind: str
    run_id: str
    run_name: str
    workflow: str
    folder: Path  # where the workflow file lies
    step: str
    item: str | None
    round: int
    attempt: int
    idempotency_key: str
    traceparent: str
    effect: Effect
    with_: Mapping[str, Json]
    spec: Mapping[str, Json]
    output_schema: Mapping[str, Json] | None
    attempt_timeout_ms: int | None
    tools: Tools
    # Saves a raw answer durably before anyone looks into it: it was paid for, and it is evidence. Takes what it is, the
    # answer, and what tells the request from others.
    keep_raw: Callable[[str, Json, str], Awaitable[None]]
    # What was saved of the answer to the same request by an attempt that was cut off before it could look into it.
    kept: Callable[[str], Awaitable[Json]] = _nothing
    # The latest answer that did not fit, {"answer", "error"}: a model is asked again with both.
    reask: Mapping[str, str] | None = None
    # Whether this attempt may ask a model, by its name; when it may, it is counted among those who did.
    admits: Callable[[str], Awaitable[Admission]] = _welcome
    # What in the data names the host of the URL: only hosts that the operator lists may be reached then.
    host_from: str = ""
    # What an earlier attempt left that gave its work away and has to ask for it; see engine.faults.Later.
    memo: Json = None
    # Where the bytes of a file stand that was handed in, by its hash.
    file_path: Callable[[str], Path] = _no_files
    # Where files are kept that it makes; nowhere in a test that has none.
    content: ContentFolder | None = None
    # Called by an activity that may have to wait for its turn, when its work begins: from then on its time counts.
    began: Callable[[], None] = lambda: None

    @property
    def once(self) -> bool:
        return self.effect == "once"

    @property
    def leaves_traces(self) -> bool:
        """Whether it may have changed something, so that it has to be taken back though it did not succeed."""
        return self.effect != "pure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What an attempt gives back: its output, its receipt (how it went, as evidence) and what it used up."""

    output: Json
    receipt: Mapping[str, Json] = field(default_factory=dict)
    usage: Mapping[str, int] = field(default_factory=dict)


Activity: TypeAlias = Callable[[Work], Awaitable[Result]]
