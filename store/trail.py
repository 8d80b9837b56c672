"""The audit trail: what people, operators and triggers did in all runs, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal

import orjson

from store import codec
from store.database import Reader
from store.events import KINDS, Event
from store.model import Actor, Millis, RunId

ACTED = tuple(sorted(name for name, kind in KINDS.items() if "actor" in {field.name for field in fields(kind)}))
"""Kinds of events that somebody brings about."""

# Word for word the condition of the index `events_with_actor`: only then does SQLite use it.
_LISTED = ", ".join(f"'{kind}'" for kind in ACTED)
_ALL = f"""
    SELECT events.run_id, events.seq, events.kind, events.header, events.content, runs.name, runs.workflow
      FROM events INDEXED BY events_with_actor JOIN runs ON runs.id = events.run_id
     WHERE events.kind IN ({_LISTED})
       AND json_extract(CAST(events.header AS TEXT), '$.at') BETWEEN :since AND :until
       AND (:workflow IS NULL OR runs.workflow = :workflow)
     ORDER BY events.id
    """  # noqa: S608 - our own names of kinds
_EVER: Millis = 1 << 62


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
    """What these kinds of actors did from `since` until just before `until`, in the order in which it was recorded."""
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
            header["at"],
            actor,
            row["kind"],
            header["step"],
            event,
        )
