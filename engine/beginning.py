"""Beginning: a run that is started comes to be, in a write, or the one that was started before is found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.handed_in import files_of
from engine.outgrown import outgrown
from engine.rules.commands import Cancel, StartRun
from engine.rules.evolution import fold
from engine.rules.lifecycle import handle
from engine.starting import NotStarted, berth, previous_outputs, within_rate
from store import definitions, names, pruning, runs
from store.content import ContentFolder
from store.database import Writer
from store.faults import StoreFault
from store.history import START
from store.model import ENGINE, Facts, Json, Plan, Run, RunId

if TYPE_CHECKING:
    from engine.api import Engine, Request, Started  # which is asked to start it


def has_files(plan: Plan, inputs: Mapping[str, Json]) -> bool:
    """Whether there is a file among the inputs."""
    return any(files_of(schema, inputs.get(name)) for name, schema in plan.inputs.items())


def require_files(content: ContentFolder, plan: Plan, inputs: Mapping[str, Json]) -> None:
    """Raise NotStarted when a file among the inputs is none that was handed in."""
    for name, schema in plan.inputs.items():
        for file in files_of(schema, inputs.get(name)):
            try:
                size = content.held(str(file["hash"]))
            except StoreFault as missing:
                raise NotStarted(f"`{name}` is no file that was handed in: {missing.message}") from None
            if size != file["size"]:
                raise NotStarted(f"`{name}` is not the file it says: it has {size:,} bytes.")


def first(engine: Engine, tx: Writer, run_id: RunId) -> Run:
    """The run that was started with a dedupe key before. Raises NotStarted when it has been dropped."""
    left = pruning.tombstone(tx, run_id)
    if left is not None:
        raise NotStarted(
            f"This was started before, as {left.name}, which has been dropped since: {left.why}.",
            "To do it anew, start it with another dedupe key.",
        )
    return engine.run_in(tx, run_id)


def begun(engine: Engine, tx: Writer, plan: Plan, request: Request) -> Run:
    """A run that was not there before. Raises NotStarted."""
    why_off = definitions.disabled(tx, plan.workflow)
    if why_off:
        hint = f"Switch it on again: pointsman enable {plan.workflow}"
        raise NotStarted(f"{plan.workflow} is switched off: {why_off}", hint)
    now = engine.clock.now()
    within_rate(tx, plan, now)
    place = berth(tx, plan, request.inputs)
    for oldest in place.makes_way:
        engine.change(tx, oldest, Cancel(ENGINE, "a newer run took its place"))
    command = StartRun(
        id=names.run_id(now),
        name=names.run_name(names.counted(tx, "run")),
        actor=request.actor,
        origin=request.origin,
        inputs=request.kept,
        trace_id=os.urandom(16).hex(),
        dedupe_key=request.dedupe_key or request.gesture,
        parent=request.parent,
        previous=previous_outputs(tx, plan),
        queue=place.queue,
        queued=place.queued,
    )
    facts = Facts(content=engine.content.values, settings=engine.settings_of(plan))
    answered = handle(plan, None, command, facts, now)
    events = outgrown(engine.content, answered.events, request.kept)
    run = answered.run if events is answered.events and answered.run else fold(None, events)
    for key in dict.fromkeys(one for one in (request.dedupe_key, request.gesture) if one is not None):
        runs.keep_dedupe_key(tx, plan.workflow, key, run.id)
    run, events = engine.claim_ready(tx, plan, run, events, now)
    engine.save(tx, None, run, events, START)
    return run


def started_by(tx: Writer, plan: Plan, key: str | None) -> RunId | None:
    """The run of a workflow that was started with this key."""
    return None if key is None else runs.by_dedupe_key(tx, plan.workflow, key)


def named(answer: Json, started: Started) -> Json:
    """The answer with the run it speaks of; the name is only known once the run is."""
    if not isinstance(answer, dict):
        return answer
    run, existing = started.run, started.existing and not started.same
    return answer | {"run": run.id, "name": run.name} | ({"existing": True} if existing else {})
