"""Switching a workflow off and on: off, nothing of it starts, and no step of its runs begins."""

from __future__ import annotations

from engine.api import Engine, UnknownWorkflow
from engine.rules.gates import rfc3339
from store import definitions, outbox
from store.database import Writer
from store.model import Actor


async def disable(engine: Engine, workflow: str, by: Actor, reason: str) -> str:
    """Switch a workflow off; gives the words that say so at every door. What is under way is finished.

    Raises UnknownWorkflow.
    """
    when = rfc3339(engine.clock.now()).partition(".")[0].replace("T", " ")
    why = f"{by.name or by.id}, {when} UTC" + (f": {reason}" if reason else "")
    await _switch(engine, workflow, why)
    return why


async def enable(engine: Engine, workflow: str) -> bool:
    """Switch a workflow on again; what has waited goes on. Whether it was off. Raises UnknownWorkflow."""
    was_off = await engine.database.read(lambda tx: bool(definitions.disabled(tx, workflow)))
    await _switch(engine, workflow, "")
    return was_off


async def _switch(engine: Engine, workflow: str, why: str) -> None:
    def switch(tx: Writer) -> None:
        if not definitions.disable(tx, workflow, why):
            raise UnknownWorkflow(workflow)
        held = definitions.all_disabled(tx)
        if engine.tell:
            outbox.again_open(tx, workflow)  # their messages say that they are held
            tx.after_commit(engine.told.ring)
        tx.after_commit(lambda: _hold(engine, held))

    await engine.database.write(switch)
    if not why:
        await engine.database.nudge()  # claims what has waited


def _hold(engine: Engine, held: frozenset[str]) -> None:
    engine.held = held
