"""What is around a run: runs that it started, the one that started it, those before it in its queue, endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.views.run_message import root_key
from bot.views.scene import Held, Kin
from bot.wording import NEEDS_A_PERSON, RUN_STATES, WAITS_FOR_A_DECISION, endpoint_text
from store import anchors, definitions, endpoints, lookups
from store.database import Reader
from store.lookups import RunInShort
from store.model import Run, RunId, RunStatus, StepKey

KIN_MAX = 30  # nobody follows more links
HOLDERS_MAX = 3
HELD_MAX = 5


class Permalink(Protocol):
    """The address of a message."""

    def __call__(self, channel: str, ts: str, thread_ts: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class Around:
    """What a scene holds beside its run, under the same names."""

    kin: Mapping[RunId, Kin] = field(default_factory=dict)
    ahead: int = 0
    holders: tuple[Kin, ...] = ()
    held: Mapping[StepKey, Held] = field(default_factory=dict)
    off: str = ""


def around(tx: Reader, run: Run, permalink: Permalink) -> Around:
    """All of it, as committed."""
    ahead, holders = before_it(tx, run, permalink)
    off = "" if run.status.finished else definitions.disabled(tx, run.workflow)
    return Around(kin_of(tx, run, permalink), ahead, holders, held_of(tx, run), off)


def kin_of(tx: Reader, run: Run, permalink: Permalink) -> Mapping[RunId, Kin]:
    """The runs that it started and its parent: how they are called, how they stand, and where in Slack."""
    ids = [step.child for step in run.steps.values() if step.child is not None][:KIN_MAX]
    parent = None if run.parent is None else run.parent.run_id
    ids += [] if parent is None else [parent]
    return {
        one: _kin(tx, one, short.name, short.workflow, _state(short, started=one != parent), permalink)
        for one, short in lookups.in_short(tx, ids).items()
    }


def _state(short: RunInShort, *, started: bool) -> str:
    """How it stands: of a run that this one started also whether it waits for people."""
    if started and short.unknown:
        return NEEDS_A_PERSON
    return WAITS_FOR_A_DECISION if started and short.asks else RUN_STATES[short.status]


def before_it(tx: Reader, run: Run, permalink: Permalink) -> tuple[int, tuple[Kin, ...]]:
    """How many runs wait for their turn before this one, and those that go on: all wait for the end of one of these."""
    if run.status is not RunStatus.QUEUED:
        return 0, ()
    line = lookups.open_in_queue(tx, run.workflow, run.queue)
    ahead = sum(status is RunStatus.QUEUED and (at, id) < (run.stands_since, run.id) for id, _, status, at in line)
    going = [
        (one, name, run.workflow, RUN_STATES[status]) for one, name, status, _ in line if status is not RunStatus.QUEUED
    ]
    return ahead, tuple(_kin(tx, *one, permalink) for one in going[:HOLDERS_MAX])


def held_of(tx: Reader, run: Run) -> Mapping[StepKey, Held]:
    """The steps that could begin and stand in line for an endpoint."""
    if run.active_since is None:  # nothing is ready
        return {}
    found = {}
    for key, name, place in endpoints.places(tx, run.id, HELD_MAX):
        one = endpoints.find(tx, name)
        found[key] = Held(endpoint_text(name), place, one.held_since, one.held_until, one.message)
    return found


def _kin(tx: Reader, run_id: RunId, name: str, workflow: str, state: str, permalink: Permalink) -> Kin:
    card = definitions.workflow(tx, workflow)
    return Kin(name, _address(tx, run_id, permalink), card.title if card else "", state)


def _address(tx: Reader, run_id: RunId, permalink: Permalink) -> str:
    root = anchors.of(tx, root_key(run_id))
    return permalink(root.channel, root.ts, root.thread_ts) if root is not None and root.ts else ""
