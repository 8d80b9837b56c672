"""The audit trail: what people, operators and triggers did in all runs, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

import orjson

from store import codec
from store.database import Reader, Writer
from store.events import KINDS, Event
from store.model import Actor, Millis, RunId

ACTED = frozenset(name for name, kind in KINDS.items() if "actor" in {field.name for field in fields(kind)})
"""Kinds of events that somebody brings about."""

_NOTE = "INSERT INTO acts (run_id, seq, at) VALUES (?, ?, ?)"
_ALL = """
    SELECT acts.run_id, acts.seq, acts.at, events.kind, events.header, events.content, runs.name, runs.workflow
      FROM acts JOIN events USING (run_id, seq) JOIN runs ON runs.id = acts.run_id
     WHERE acts.at BETWEEN :since AND :until AND (:workflow IS NULL OR runs.workflow = :workflow)
     ORDER BY acts.at, events.id
    """
_OF = "SELECT seq FROM acts WHERE run_id = ? ORDER BY seq"
_EVER: Millis = 1 << 62


def note(tx: Writer, run_id: RunId, seq: int, kind: str, at: Millis) -> None:
    """Keep in mind where an event stands, when somebody brought it about."""
    if kind in ACTED:
        tx.later(_NOTE, (run_id, seq, at))


def noted(tx: Reader, run_id: RunId) -> list[int]:
    """The numbers of the events of a run that are known to be somebody's."""
    return [row["seq"] for row in tx.rows(_OF, (run_id,))]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody did. `event` is None when its content has been erased: who it was, and when, remains."""

    run_id: RunId
    run: str
    workflow: str
    seq: int
    at: Millis
    actor: Actor
    kind: str
    step: str | None
    event: Event | None

    def by(self, who: str) -> bool:
        """Whether it was this one, by id or by the whole name: part of a name may be somebody else's."""
        plain = who.removeprefix("@").casefold()
        return plain in (self.actor.id.casefold(), self.actor.name.casefold())


def acts(
    tx: Reader,
    *,
    since: Millis | None = None,
    until: Millis | None = None,
    workflow: str | None = None,
    kinds: frozenset[Literal["person", "operator", "trigger", "engine"]] = frozenset({"person", "operator", "trigger"}),
) -> Iterator[Act]:
    """What these kinds of actors did from `since` until just before `until`, in the order of time."""
    period = {"since": since or 0, "until": _EVER if until is None else until - 1, "workflow": workflow}
    for row in tx.each(_ALL, period):
        header = orjson.loads(row["header"])
        actor = codec.load(Actor, header["actor"])
        if actor.kind not in kinds:
            continue
        event = None if row["content"] is None else codec.load(KINDS[row["kind"]], orjson.loads(row["content"]))
        yield Act(
            row["run_id"],
            row["name"],
            row["workflow"],
            row["seq"],
            row["at"],
            actor,
            row["kind"],
            header["step"],
            event,
        )
