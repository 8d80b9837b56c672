"""The runs around a run: those that it started, the one that started it, and those before it in its queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from bot.views.run_message import root_key
from bot.views.scene import Kin
from store import anchors, lookups
from store.database import Reader
from store.model import Run, RunId, RunStatus

KIN_MAX = 30  # nobody follows more links


class Permalink(Protocol):
    """The address of a message."""

    def __call__(self, channel: str, ts: str, thread_ts: str | None = None) -> str: ...


def kin_of(tx: Reader, run: Run, permalink: Permalink) -> Mapping[RunId, Kin]:
    """The names of the runs that it started and of its parent, and where they stand in Slack."""
    ids = [step.child for step in run.steps.values() if step.child is not None][:KIN_MAX]
    if run.parent is not None:
        ids.append(run.parent.run_id)
    return {one: Kin(name, _address(tx, one, permalink)) for one, name in lookups.names(tx, ids).items()}


def ahead_of(tx: Reader, run: Run) -> int:
    """How many runs wait for their turn before this one."""
    if run.status is not RunStatus.QUEUED:
        return 0
    line = lookups.open_in_queue(tx, run.workflow, run.queue)
    return sum(status is RunStatus.QUEUED and (at, id) < (run.created_at, run.id) for id, _, status, at in line)


def _address(tx: Reader, run_id: RunId, permalink: Permalink) -> str:
    root = anchors.of(tx, root_key(run_id))
    return permalink(root.channel, root.ts, root.thread_ts) if root is not None and root.ts else ""
