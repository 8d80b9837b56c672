"""What operators and programs may ask of a service, and under which address: one table for both ends of the wire.

`bot/control.py` serves these addresses, `bot/client.py` calls them, and without a service `bot/headless.py` carries
the same requests out in this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TEXT_MAX = 3_000
VERSION = "/api/v1"


class Request(BaseModel):
    """Something that is asked; unknown keys are refused, so that a misspelt one does not go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Start(Request):
    """Start a run. `typed` tells whether inputs are JSON values or text as people type it."""

    workflow: str = Field(min_length=1)
    inputs: dict[str, Any] = {}
    typed: bool = True
    dedupe_key: str | None = Field(None, min_length=1, max_length=500)


class Status(Request):
    """How one run stands; with `wait`, answered when it rests or after so many seconds.

    A run rests when it is finished or only people can bring it on; `timers` counts a step that waits for a moment
    in time as resting too.
    """

    ref: str
    wait: float = Field(0, ge=0, le=60)
    timers: bool = False


class Runs(Request):
    """The newest runs. `since` is a moment, or a length of time such as 24h."""

    status: str | None = None
    workflow: str | None = None
    by: str | None = None
    since: str | None = None
    limit: int = Field(50, ge=1, le=1_000)


class History(Request):
    """Everything that happened to a run."""

    ref: str


class Workflows(Request):
    """What can be run here."""


class Decide(Request):
    """Answer at a gate in the approvers' place. `step` may be left out when just one gate is open.

    `choice` goes with `choose`, `content` with `answer`; `typed` tells whether its values are JSON or text as people
    type it. `confirm` says that steps may be repeated whose effect must not happen twice unseen.
    """

    ref: str
    step: str = ""
    verdict: Literal["approve", "reject", "changes", "choose", "answer"]
    comment: str = Field("", max_length=TEXT_MAX)
    override: str = Field("", max_length=TEXT_MAX)
    choice: str = Field("", max_length=TEXT_MAX)
    content: dict[str, Any] | None = None
    typed: bool = True
    confirm: bool = False


class Settle(Request):
    """Say what became of an effect that nobody can be sure of."""

    ref: str
    step: str
    answer: Literal["happened", "again", "fail"]
    output: Any = None
    reason: str = Field("", max_length=TEXT_MAX)

    @model_validator(mode="after")
    def _output_belongs_to_happened(self) -> Settle:
        if self.output is not None and self.answer != "happened":
            raise ValueError("output goes with the answer `happened` only")
        return self


class Cancel(Request):
    """End a run."""

    ref: str
    reason: str = Field("", max_length=TEXT_MAX)


class Pause(Request):
    """Let no further step of a run begin."""

    ref: str
    reason: str = Field("", max_length=TEXT_MAX)


class Resume(Request):
    """Let a paused run go on."""

    ref: str


class Retry(Request):
    """Let a run that has ended go on: what failed is done again, and all that depends on it.

    With `from_step` that step too, with `inputs` all that reads one of them, with `latest` by the newest version.
    """

    ref: str
    from_step: str = ""
    latest: bool = False
    inputs: dict[str, Any] = {}
    typed: bool = True
    reason: str = Field("", max_length=TEXT_MAX)
    confirm: bool = False


class Signal(Request):
    """Tell a run that something happened which it may be waiting for."""

    ref: str
    event: str = Field(min_length=1)
    data: Any = None


class Schedules(Request):
    """What starts runs by the clock, with the next times of each."""

    workflow: str | None = None
    upcoming: int = Field(3, ge=1, le=50)


class AddSchedule(Request):
    """Start runs by the clock from here on. `typed` tells whether inputs are JSON values or text as people type it."""

    workflow: str = Field(min_length=1)
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)
    cron: str = Field(min_length=1)
    timezone: str = "UTC"
    overlap: Literal["skip", "queue", "allow", "cancel"] = "skip"
    catch_up: Literal["none", "latest", "all"] = "latest"
    inputs: dict[str, Any] = {}
    typed: bool = True


class PauseSchedule(Request):
    """Let a schedule start nothing until it is resumed."""

    ref: str
    reason: str = Field("", max_length=TEXT_MAX)


class ResumeSchedule(Request):
    """Let a paused schedule go on with its next time."""

    ref: str


class RunSchedule(Request):
    """Start the run of a schedule at once."""

    ref: str


class DeleteSchedule(Request):
    """Forget a schedule that a person made."""

    ref: str


class Endpoints(Request):
    """The endpoints that are down, each with who waits for it."""


class TryEndpoint(Request):
    """Have an endpoint that is down tried at once, by the first in line."""

    ref: str


class Disable(Request):
    """Switch a workflow off: nothing of it starts, and no step of its runs begins."""

    ref: str
    reason: str = Field("", max_length=TEXT_MAX)


class Enable(Request):
    """Switch a workflow on again."""

    ref: str


class Reload(Request):
    """Read the workflows folder again.

    With `accept_handles`, names that were reported to mean somebody else than before are followed from here on.
    """

    accept_handles: bool = False


class Say(Request):
    """What the bot would answer to this person, without Slack."""

    text: str = Field(min_length=1, max_length=TEXT_MAX)
    user: str = Field(min_length=1)


class Verify(Request):
    """Does the record hold together? Of one run, or of all."""

    ref: str | None = None


class Trail(Request):
    """What people, operators and triggers did, over all runs. `since` and `until` are moments, or lengths of time."""

    who: str | None = Field(None, min_length=1)
    since: str | None = None
    until: str | None = None
    workflow: str | None = None
    limit: int = Field(500, ge=1, le=10_000)


class Prune(Request):
    """Erase what was written in runs that keep it no longer, and drop runs that ended longer ago than `older_than`.

    A large file is pruned piece by piece: what is answered as `after` is asked with next, until it is null.
    """

    older_than: str | None = None
    workflow: str | None = None
    dry_run: bool = False
    after: str | None = None


May = Literal["start", "see", "decide", "control"]
"""What a token of the API may be for."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request is sent, and what a caller must be allowed to.

    Words in braces are taken from the request; the rest goes as query or body.
    """

    request: type[Request]
    method: Literal["GET", "POST"]
    path: str
    may: May = "control"

    @property
    def in_path(self) -> frozenset[str]:
        return frozenset({"ref"} if "{ref}" in self.path else ())


_RUN, _SCHEDULE, _WORKFLOW = f"{VERSION}/runs/{{ref}}", f"{VERSION}/schedules/{{ref}}", f"{VERSION}/workflows/{{ref}}"
ROUTES = (
    Route(Start, "POST", f"{VERSION}/runs", "start"),
    Route(Runs, "GET", f"{VERSION}/runs", "see"),
    Route(Status, "GET", _RUN, "see"),
    Route(History, "GET", f"{_RUN}/history", "see"),
    Route(Decide, "POST", f"{_RUN}/decide", "decide"),
    Route(Settle, "POST", f"{_RUN}/settle", "decide"),
    Route(Signal, "POST", f"{_RUN}/signal", "start"),
    Route(Cancel, "POST", f"{_RUN}/cancel", "control"),
    Route(Retry, "POST", f"{_RUN}/retry", "control"),
    Route(Pause, "POST", f"{_RUN}/pause", "control"),
    Route(Resume, "POST", f"{_RUN}/resume", "control"),
    Route(Workflows, "GET", f"{VERSION}/workflows", "see"),
    Route(Disable, "POST", f"{_WORKFLOW}/disable", "control"),
    Route(Enable, "POST", f"{_WORKFLOW}/enable", "control"),
    Route(Schedules, "GET", f"{VERSION}/schedules", "see"),
    Route(AddSchedule, "POST", f"{VERSION}/schedules", "control"),
    Route(PauseSchedule, "POST", f"{_SCHEDULE}/pause", "control"),
    Route(ResumeSchedule, "POST", f"{_SCHEDULE}/resume", "control"),
    Route(RunSchedule, "POST", f"{_SCHEDULE}/run", "control"),
    Route(DeleteSchedule, "POST", f"{_SCHEDULE}/delete", "control"),
    Route(Endpoints, "GET", f"{VERSION}/endpoints", "see"),
    Route(TryEndpoint, "POST", f"{VERSION}/endpoints/{{ref}}/try", "control"),
    Route(Reload, "POST", f"{VERSION}/reload", "control"),
    Route(Prune, "POST", f"{VERSION}/prune", "control"),
    Route(Say, "POST", f"{VERSION}/say", "see"),
    Route(Verify, "GET", f"{VERSION}/audit", "see"),
    Route(Trail, "GET", f"{VERSION}/audit/trail", "see"),
)


def route_of(request: Request) -> Route:
    return next(route for route in ROUTES if route.request is type(request))


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one of several things that were given."""

    name: str
    message: str
    hint: str = ""


class Objection(Exception):
    """A request that was not carried out: why, and what to do instead. Nothing was changed.

    `problems` tells one by one what `message` and `hint` tell together, where several things are wrong at once.
    """

    def __init__(
        self, code: str, message: str, hint: str = "", *, status: int = 409, problems: Sequence[Trouble] = ()
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.status = status
        self.problems = tuple(problems)

    def as_json(self) -> dict[str, Any]:
        told = {"code": self.code, "message": self.message, "hint": self.hint}
        return {"error": told | ({"problems": [asdict(one) for one in self.problems]} if self.problems else {})}
