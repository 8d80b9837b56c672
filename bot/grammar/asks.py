"""Everything one may ask the bot in words.

A run is written `R-7K2`, `last` (the asker's latest), `this` (the one whose thread it is) or as its opaque id; a gate
`G-41` or its opaque id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Value: TypeAlias = str | tuple[str, ...]
"""What was given for an input: text as it was typed, or several texts (`tags+=a tags+=b`)."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the grammar may know about the place where a line was written."""

    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # workflow -> names of its inputs, in order
    surface: Literal["slash", "mention", "dm", "cli"] = "slash"
    in_run_thread: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Start a run. `loose` holds values that belong to no declared input, `positional` the inputs given by position."""

    workflow: str
    given: tuple[tuple[str, Value], ...] = ()
    loose: tuple[str, ...] = ()
    dry_run: bool = False
    positional: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class ListWorkflows:
    search: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How a run stands; without a run, how my runs stand and what waits for me."""

    run: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    run: str


@dataclass(frozen=True, slots=True)
class WhoDecides:
    """Who may decide at a gate: `about` names the gate, or the run that waits at it."""

    about: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for me."""


@dataclass(frozen=True, slots=True)
class Mine:
    """My runs."""


@dataclass(frozen=True, slots=True)
class Cancel:
    run: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Approve:
    gate: str
    version: int | None = None  # `approve G-41 v2` means that version or none
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    gate: str
    reason: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Ask for changes at a gate; the comment says which."""

    gate: str
    comment: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Let a run that has ended go on where it broke, or from a step; `confirmed` also when effects would repeat."""

    run: str
    step: str = ""
    latest: bool = False  # by the newest version of its workflow
    given: tuple[tuple[str, Value], ...] = ()  # inputs that change first
    confirmed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    run: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    run: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Which endpoints are down; with `trying`, have this one tried at once."""

    trying: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    topic: str = ""


@dataclass(frozen=True, slots=True)
class WhoAmI:
    pass


@dataclass(frozen=True, slots=True)
class Ping:
    pass


@dataclass(frozen=True, slots=True)
class Pleasantry:
    """Words of courtesy, as people say them to anybody. They ask for nothing."""

    word: Literal["hello", "thanks", "ok"]


@dataclass(frozen=True, slots=True)
class Misunderstanding:
    """A line that asks for nothing the bot can do: nothing happens, and the answer says what to type instead."""

    understood: str
    wrong: str
    suggestion: str = ""
    verdict: Literal["approve", "reject"] | None = None  # free prose that sounds like a decision: it never is one


Ask: TypeAlias = (
    Start
    | ListWorkflows
    | Status
    | Why
    | WhoDecides
    | Waiting
    | Mine
    | Cancel
    | Approve
    | Reject
    | Changes
    | Retry
    | Pause
    | Resume
    | Endpoints
    | Help
    | WhoAmI
    | Ping
    | Pleasantry
)
