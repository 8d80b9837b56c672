"""The setting: a workflow is put on stage, in a world that is made up for it."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog

from engine.calendars import Calendar, calendar_from
from engine.clock import HandClock
from engine.definitions import Definition, load
from engine.mapping import moment
from engine.outside import Outside
from engine.rehearsal.company import Company
from engine.rehearsal.fakes import Fake, Fakes
from engine.rehearsal.stage import Rehearsal
from engine.rehearsal.world import MONDAY_MORNING, World
from engine.service import Options, serving
from engine.workers.pool import WorkerPool
from store.database import Writer
from store.model import Json, Millis


class Unsound(Exception):
    """The workflow cannot be rehearsed: there is no such file, or the check finds errors in it."""


@asynccontextmanager
async def life(world: World) -> AsyncIterator[Rehearsal]:
    """An engine on the world's file, for as long as the block lasts."""
    options = Options(
        database=world.database,
        synchronous="normal",
        settings={world.workflow: world.settings},
        calendars=world.calendars or None,
        tell=False,
        drain_seconds=0,
    )
    outside = Outside(world.fakes.activity, world.fakes.secret, world.workers)
    with _quiet():
        async with _on_stage(options, outside, world) as on_stage:
            yield on_stage


@contextmanager
def _quiet() -> Iterator[None]:
    """Unless somebody has set up logs, they tell of faults only: the story tells the rest."""
    if structlog.is_configured():
        yield
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        yield
    finally:
        structlog.reset_defaults()


@asynccontextmanager
async def _on_stage(options: Options, outside: Outside, world: World) -> AsyncIterator[Rehearsal]:
    async with serving(options, clock=world.clock, outside=outside) as service:
        await service.engine.use(world.definitions)
        if world.fuse is not None:
            service.engine.database.fuse = world.fuse
        on_stage = Rehearsal(service, world)
        await on_stage.wake()
        yield on_stage


def _calendar(written: Calendar | Mapping[str, Json]) -> Calendar:
    return written if isinstance(written, Calendar) else calendar_from(written)


def prepared(
    folder: Path,
    definitions: Mapping[str, Definition],
    workflow: str,
    *,
    fakes: Mapping[str, Fake] | None = None,
    settings: Mapping[str, Json] | None = None,
    people: Mapping[str, Sequence[str] | str] | None = None,
    calendars: Mapping[str, Calendar | Mapping[str, Json]] | None = None,
    requester: str = "U0REQUESTER",
    at: str | Millis = MONDAY_MORNING,
    workers: WorkerPool | None = None,
    fuse: Callable[[str, Writer], None] | None = None,
) -> World:
    """The world of a rehearsal, with its file in this folder."""
    plan = definitions[workflow].plan
    named = {f"{step}.each" if plan.knows(f"{step}.each") else step: fake for step, fake in (fakes or {}).items()}
    unknown = next((step for step in named if not plan.knows(step)), None)
    if unknown is not None:
        raise Unsound(f"{workflow} has no step {unknown}; its steps are {', '.join(one.name for one in plan.steps)}")
    defaults = {name: schema["default"] for name, schema in plan.settings.items() if "default" in (schema or {})}
    return World(
        database=folder / "rehearsal.db",
        workflow=workflow,
        definitions=definitions,
        fakes=Fakes(workflow, named),
        company=Company(requester, people or {}),
        settings={**defaults, **(settings or {})},
        clock=HandClock(moment(at)),
        calendars={name: _calendar(one) for name, one in (calendars or {}).items()},
        workers=workers,
        fuse=fuse,
    )


@asynccontextmanager
async def rehearsal(workflow: Path | str, **made_up: Any) -> AsyncIterator[Rehearsal]:
    """Put the workflow of this file on stage; `made_up` says how the world is, see `prepared`. Raises Unsound."""
    definitions, name = sound(Path(workflow))
    with tempfile.TemporaryDirectory(prefix="pointsman-") as folder:
        async with life(prepared(Path(folder), definitions, name, **made_up)) as on_stage:
            yield on_stage


def sound(path: Path) -> tuple[Mapping[str, Definition], str]:
    """The workflows of the file's folder, and the name of its own. Raises Unsound with every problem of the file."""
    if not path.is_file():
        raise Unsound(f"there is no file {path} here ({Path.cwd()})")
    loaded = load([path.parent])
    for name, one in loaded.definitions.items():
        if Path(one.workflow.file).resolve() == path.resolve():
            return loaded.definitions, name
    wrong = [one.render() for one in load([path]).problems if one.severity == "error"]
    raise Unsound("\n".join(wrong) or f"{path} holds no workflow")
