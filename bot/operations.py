"""Carries out what operators and programs ask of the engine, whoever brings the request: socket, network or command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from bot import minding, shapes
from bot.acting import Acting, surface
from bot.objections import bad_inputs, not_started, unknown_endpoint, unknown_workflow
from bot.pruning import pruned
from bot.requests import (
    AddSchedule,
    Cancel,
    Decide,
    DeleteSchedule,
    Disable,
    Enable,
    Endpoints,
    History,
    Objection,
    Pause,
    PauseSchedule,
    Prune,
    Reload,
    Request,
    Resume,
    ResumeSchedule,
    Retry,
    Runs,
    RunSchedule,
    Say,
    Schedules,
    Settle,
    Signal,
    Start,
    Status,
    Trail,
    TryEndpoint,
    Verify,
    Workflows,
)
from bot.scheduling import Scheduling
from engine import switching
from engine.api import Engine, NotStarted, UnknownWorkflow
from engine.inputs import read_inputs
from store import definitions
from store.content import ContentFolder
from store.model import Actor, Json, Run

Reloaded = Callable[[Reload, Actor], Awaitable[Json]]
Saying = Callable[[Say], Awaitable[Json]]


async def _no_service(request: Reload, by: Actor) -> Json:
    raise Objection("no_service", "No service is running here, so there is nothing to reload.", status=409)


async def _nobody_to_say_it(request: Say) -> Json:
    raise Objection("no_service", "Nothing here can answer in words.", status=409)


class Operations(Acting):
    """What can be asked of a running engine."""

    def __init__(
        self,
        engine: Engine,
        *,
        reload: Reloaded = _no_service,
        say: Saying = _nobody_to_say_it,
    ) -> None:
        super().__init__(engine)
        self._scheduling = Scheduling(engine)
        self._reload = reload
        self._say = say

    @property
    def content(self) -> ContentFolder:
        """Where files go that are handed in."""
        return self._engine.content

    async def carry_out(self, request: Request, by: Actor) -> Json:
        """The answer as JSON. Raises Objection when it cannot be done; nothing was changed then."""
        match request:
            case Start():
                return await self.start(request, by)
            case Status():
                return await self.status(request)
            case Runs():
                return await self.runs(request)
            case History():
                return await self.history(request)
            case Verify():
                return await self.verify(request)
            case Trail():
                return await self.trail(request)
            case Workflows():
                return await self.workflows()
            case Schedules():
                return await self._scheduling.listed(request)
            case Endpoints():
                return await self.endpoints()
            case TryEndpoint():
                return await self.try_endpoint(request)
            case Disable():
                return await self.disable(request, by)
            case Enable():
                return await self.enable(request)
            case Reload():
                return await self._reload(request, by)
            case Prune():
                return await pruned(self._engine, request, by)
            case Say():
                return await self._say(request)
        return await self._changed(request, by)

    async def _changed(self, request: Request, by: Actor) -> Json:
        """What becomes of a run or a schedule."""
        match request:
            case Decide():
                return await self.decide(request, by)
            case Settle():
                return await self.settle(request, by)
            case Cancel():
                return await self.cancel(request, by)
            case Retry():
                return await self.retry(request, by)
            case Pause():
                return await self.pause(request, by)
            case Resume():
                return await self.resume(request, by)
            case Signal():
                return await self.signal(request, by)
            case AddSchedule():
                return await self._scheduling.add(request, by)
            case PauseSchedule():
                return await self._scheduling.pause(request, by)
            case ResumeSchedule():
                return await self._scheduling.resume(request)
            case RunSchedule():
                return await self._scheduling.run_now(request, by)
            case DeleteSchedule():
                return await self._scheduling.delete(request)
        raise AssertionError(f"{type(request).__name__} is not in the table of requests")

    async def start(self, request: Start, by: Actor) -> Json:
        definition = self._engine.definitions.get(request.workflow)
        if definition is None:
            raise unknown_workflow(request.workflow, self._engine.definitions)
        inputs = read_inputs(definition.plan, request.inputs, typed=request.typed)
        if inputs.problems:
            raise bad_inputs(request.workflow, inputs.problems)
        try:
            started = await self._engine.start(
                request.workflow,
                inputs.values,
                actor=by,
                origin={"surface": surface(by)},
                dedupe_key=request.dedupe_key,
            )
        except NotStarted as refused:
            raise not_started(refused) from None
        run = started.run
        return {"run": run.id, "name": run.name, "existing": started.existing, "status": run.status.value}

    async def status(self, request: Status) -> Json:
        run = await self._run(request.ref)
        if request.wait:
            run = await self.until_rest(run, timers=request.timers, seconds=request.wait)
        return await self._told(run)

    async def until_rest(self, run: Run, *, timers: bool, seconds: float | None) -> Run:
        """The run when it rests, or as it is when the time is up; `seconds` None waits for as long as it takes."""
        rests = ("finished", "resting", "timed") if timers else ("finished", "resting")
        with anyio.move_on_after(seconds):
            while self._standing(run) not in rests:
                bell = self._engine.told.event()  # taken before looking, so that no ring is missed
                run = await self._run(run.id)
                if self._standing(run) not in rests:
                    await bell.wait()
        return run

    def _standing(self, run: Run) -> shapes.Standing:
        return shapes.standing(run, held=run.workflow in self._engine.held)

    async def workflows(self) -> Json:
        loaded, off = self._engine.definitions, await self._engine.database.read(definitions.reasons_disabled)
        return [
            shapes.workflow(one, loaded[one.name].plan.inputs, off.get(one.name)) for one in self._engine.workflows()
        ]

    async def endpoints(self) -> Json:
        return [shapes.endpoint(one, runs) for one, runs in await minding.held(self._engine)]

    async def try_endpoint(self, request: TryEndpoint) -> Json:
        known = [one.name for one, _ in await minding.held(self._engine)]
        name = minding.meant(request.ref, known)
        if name is None:
            raise unknown_endpoint(request.ref, known)
        tried = await minding.try_now(self._engine, name)
        return {"endpoint": name, "tried": tried.state, "runs_waiting": tried.runs}

    async def disable(self, request: Disable, by: Actor) -> Json:
        try:
            why = await switching.disable(self._engine, request.ref, by, request.reason)
        except UnknownWorkflow:
            raise unknown_workflow(request.ref, self._engine.definitions) from None
        return {"workflow": request.ref, "disabled": why}

    async def enable(self, request: Enable) -> Json:
        try:
            was_off = await switching.enable(self._engine, request.ref)
        except UnknownWorkflow:
            raise unknown_workflow(request.ref, self._engine.definitions) from None
        return {"workflow": request.ref, "disabled": None, "was_disabled": was_off}
