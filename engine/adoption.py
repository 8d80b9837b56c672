"""Adoption: a set of definitions becomes current, all of them at once. Runs under way keep their versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.letters import send
from engine.rules.commands import Admit
from engine.starting import next_in_line
from store import definitions, lookups, outbox
from store.database import Writer
from store.model import Millis, Workflow

if TYPE_CHECKING:
    from engine.api import AlsoLoaded, Engine
    from engine.definitions import Definition


def adopted(
    engine: Engine, tx: Writer, loaded: Mapping[str, Definition], now: Millis, also: AlsoLoaded | None
) -> dict[str, Workflow]:
    """Make these current, in one commit, and let those begin that waited under another limit; gives their cards."""
    for name, d in loaded.items():
        before = definitions.workflow(tx, name)
        if before is not None and before.version != d.plan.version:
            outbox.again_failed(tx, name)  # they may be retried with this version
            tx.after_commit(engine.told.ring)
    cards = {name: definitions.keep(tx, d.workflow, d.plan, d.source, now) for name, d in sorted(loaded.items())}
    definitions.drop_others(tx, loaded)
    for workflow, queue in lookups.queues(tx):
        if workflow in loaded:
            for waiting in next_in_line(tx, loaded[workflow].plan, queue):
                send(engine, tx, waiting, Admit())
    if also is not None:
        also(tx, cards)
    return cards
