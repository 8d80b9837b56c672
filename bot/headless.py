"""A complete engine in the process of one command: no Slack, no schedules, no other run than the one it is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from html import unescape
from typing import Any, TypeAlias

from bot import shapes
from bot.folder import broken, errors
from bot.objections import unknown_workflow
from bot.opening import Opening
from bot.operations import Operations
from bot.rehearsal import rehearse
from bot.requests import Request, Resume, Say, Start, Status
from engine.definitions import Loaded
from engine.service import Service, serving
from store import anchors
from store.model import Actor, Json, Run

Groups: TypeAlias = Mapping[str, Sequence[str]]


class Alone:
    """Carries requests out here. A run that is started or changed is driven on, and only that one."""

    def __init__(self, service: Service, loaded: Loaded, by: Actor, own_groups: Groups) -> None:
        self._service = service
        self._own_groups = own_groups
        self._loaded = loaded
        self._operations = Operations(service.engine, say=self._rehearse)
        self._by = by

    async def ask(self, request: Request) -> Any:
        if isinstance(request, Start):
            self._must_know(request.workflow)
        self._service.engine.tell = await self._is_shown(getattr(request, "ref", None))
        left = await self._left_behind(request.ref) if isinstance(request, Resume) else None
        if left is not None:
            await self._drive(left.id)
            return await self._operations.status(Status(ref=left.id))
        answer = await self._operations.carry_out(request, self._by)
        if type(request).__name__ in DRIVING:
            await self._drive(answer["run"])
        return answer

    async def _is_shown(self, ref: str | None) -> bool:
        """A run that stands in Slack is brought up to date there by the next service; one of ours leaves no backlog."""
        engine = self._service.engine
        at_gate = None if ref is None else await engine.resolve_gate(ref)
        run = at_gate[0] if at_gate is not None else None if ref is None else await engine.look(ref)
        if run is None:
            return False
        return bool(await engine.database.read(lambda tx: anchors.of_run(tx, run.id)))

    async def _left_behind(self, ref: str) -> Run | None:
        """A run in the middle of its work. We own the file, so whoever drove it is gone."""
        run = await self._service.engine.look(ref)
        return run if run is not None and shapes.standing(run) in ("moving", "timed") else None

    async def _drive(self, run_id: str) -> None:
        only = self._service.scheduler.only
        if only is None or run_id in only:
            return
        await self._service.drive_only(run_id)

    async def _rehearse(self, request: Say) -> Json:
        reply = await rehearse(self._service.engine, request.text, request.user, self._own_groups)
        return {"text": unescape(reply.text), "blocks": list(reply.blocks)}

    def _must_know(self, workflow: str) -> None:
        """A broken file stops only the workflow it describes: the others may run."""
        if workflow in self._service.engine.definitions:
            return
        if errors(self._loaded.problems):
            raise broken(self._loaded)
        raise unknown_workflow(workflow, self._service.engine.definitions)


DRAIN_SECONDS = 2.0  # whoever pressed Ctrl-C waits for it
DRIVING = frozenset({"Start", "Decide", "Settle", "Cancel", "Retry", "Resume", "Signal", "RunSchedule"})


@asynccontextmanager
async def alone(opened: Opening, by: Actor, *, start: bool) -> AsyncIterator[Alone]:
    """An engine for this process; `start` tells whether the workflows folder is needed. Raises StoreFault."""
    loaded = opened.folder.read() if start or opened.settings.workflows.exists() else None
    async with serving(replace(opened.options(), tell=False, drain_seconds=DRAIN_SECONDS)) as service:
        if loaded is not None:
            service.engine.settings = opened.folder.settings(loaded.definitions)
            await service.engine.use(loaded.definitions)
        yield Alone(service, loaded or Loaded({}, (), ()), by, opened.operator.people())
