"""Carries out what operators and programs ask of the engine, whoever brings the request: socket, network or command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from difflib import get_close_matches
from typing import Any

import anyio

from bot import shapes
from bot.looking import Looking
from bot.requests import (
    Cancel,
    Decide,
    History,
    Objection,
    Reload,
    Request,
    Resume,
    Runs,
    Say,
    Settle,
    Start,
    Status,
    Trouble,
    Verify,
    Workflows,
)
from bot.wording import Circumstances, refusal_text
from engine.api import Engine
from engine.inputs import read_inputs
from engine.rules import commands
from engine.rules.commands import Command
from store.model import Actor, Content, Json, Run, Step, StepStatus

Reloaded = Callable[[Reload, Actor], Awaitable[Json]]
Saying = Callable[[Say], Awaitable[Json]]


async def _no_service(request: Reload, by: Actor) -> Json:
    raise Objection("no_service", "No service is running here, so there is nothing to reload.", status=409)


async def _nobody_to_say_it(request: Say) -> Json:
    raise Objection("no_service", "Nothing here can answer in words.", status=409)


class Operations(Looking):
    """What can be asked of a running engine."""

    def __init__(
        self,
        engine: Engine,
        *,
        reload: Reloaded = _no_service,
        say: Saying = _nobody_to_say_it,
    ) -> None:
        super().__init__(engine.database.read, engine.content, engine.chain, engine.clock.now)
        self._engine = engine
        self._reload = reload
        self._say = say

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
            case Workflows():
                return self.workflows()
            case Decide():
                return await self.decide(request, by)
            case Settle():
                return await self.settle(request, by)
            case Cancel():
                return await self.cancel(request, by)
            case Resume():
                return await self.resume(request, by)
            case Reload():
                return await self._reload(request, by)
            case Say():
                return await self._say(request)
        raise AssertionError(f"{type(request).__name__} is not in the table of requests")

    async def start(self, request: Start, by: Actor) -> Json:
        definition = self._engine.definitions.get(request.workflow)
        if definition is None:
            raise unknown_workflow(request.workflow, self._engine.definitions)
        inputs = read_inputs(definition.plan, request.inputs, typed=request.typed)
        if inputs.problems:
            raise bad_inputs(request.workflow, inputs.problems)
        started = await self._engine.start(
            request.workflow,
            inputs.values,
            actor=by,
            origin={"surface": "cli" if by.id != "api" else "api"},
            dedupe_key=request.dedupe_key,
        )
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
            while shapes.standing(run) not in rests:
                bell = self._engine.told.event()  # taken before looking, so that no ring is missed
                run = await self._run(run.id)
                if shapes.standing(run) not in rests:
                    await bell.wait()
        return run

    def workflows(self) -> Json:
        definitions = self._engine.definitions
        return [shapes.workflow(one, definitions[one.name].plan.inputs) for one in self._engine.workflows()]

    async def decide(self, request: Decide, by: Actor) -> Json:
        run, step = await self._gate(request.ref, request.step)
        decide = commands.Decide(
            step.key,
            by,
            request.verdict,
            gate="" if step.gate is None else step.gate.id,
            comment=request.comment,
            surface="cli",
            override=request.override,
        )
        return await self._perform(run, decide, step)

    async def settle(self, request: Settle, by: Actor) -> Json:
        run = await self._run(request.ref)
        step = run.steps.get(request.step)
        if step is None:
            raise self._unknown_step(run, request.step)
        output = Content() if request.output is None else self._content.kept(request.output)
        settle = commands.Settle(step.key, by, request.answer, output=output, reason=request.reason)
        return await self._perform(run, settle, step)

    async def cancel(self, request: Cancel, by: Actor) -> Json:
        return await self._perform(await self._run(request.ref), commands.Cancel(by, request.reason))

    async def resume(self, request: Resume, by: Actor) -> Json:
        return await self._perform(await self._run(request.ref), commands.Resume(by))

    async def _perform(self, run: Run, command: Command, step: Step | None = None) -> Json:
        performed = await self._engine.perform(run.id, command)
        if performed.refusal is None:
            return await self._told(performed.run)
        raise Objection(
            performed.refusal.value, refusal_text(performed.refusal, self._about(performed.run, step)), status=409
        )

    def _about(self, run: Run, step: Step | None) -> Circumstances:
        now = self._now()
        if step is None:
            return Circumstances(run=run.name, ago_ms=None if run.ended_at is None else now - run.ended_at)
        gate = run.steps[step.key].gate
        if gate is None:
            return Circumstances(run=run.name, step=step.key, steps=tuple(run.steps))
        last = gate.decisions[-1] if gate.decisions else None
        closed = gate.closed_at
        return Circumstances(
            run=run.name,
            gate=gate.name,
            step=step.key,
            steps=tuple(run.steps),
            verdict="decided" if last is None else {"approve": "approved", "reject": "rejected"}[last.verdict],
            by="somebody" if last is None else last.actor.name or last.actor.id,
            ago_ms=None if closed is None else now - closed,
            approvers=", ".join(gate.approvers),
        )

    async def _gate(self, ref: str, step: str) -> tuple[Run, Step]:
        """The gate that is meant: by its own name, by its step, or the only open one of the run."""
        by_name = await self._engine.resolve_gate(ref)
        if by_name is not None and step in ("", by_name[1].key):
            return by_name
        run = await self._run(ref)
        if step:
            found = run.steps.get(step)
            if found is None:
                raise self._unknown_step(run, step)
            return run, found
        open_ones = [one for one in run.steps.values() if one.status is StepStatus.WAITING and one.gate is not None]
        if len(open_ones) != 1:
            names = ", ".join(one.key for one in open_ones)
            raise Objection(
                "which_step",
                f"{run.name} has {len(open_ones)} open gates.",
                f"Name the step: {names}." if names else f"`pointsman status {run.name}` shows what it is doing.",
                status=409,
            )
        return run, open_ones[0]

    def _unknown_step(self, run: Run, step: str) -> Objection:
        close = get_close_matches(step, run.steps, n=1)
        return Objection(
            "step_unknown_name",
            f"{run.name} has no step called {step}.",
            f"Did you mean {close[0]}?" if close else f"Its steps are: {', '.join(run.steps)}.",
            status=404,
        )


def unknown_workflow(name: str, known: Mapping[str, object]) -> Objection:
    close = get_close_matches(name.lower().replace("-", "_"), known, n=1)
    listed = ", ".join(sorted(known)) or "none; see `pointsman check`"
    return Objection(
        "unknown_workflow",
        f"I don't know a workflow called {name}.",
        f"Did you mean {close[0]}?" if close else f"There are: {listed}.",
        status=404,
    )


def bad_inputs(workflow: str, problems: Any) -> Objection:
    """Every wrong input at once, each with its cure."""
    message = "; ".join(one.message.rstrip(".") for one in problems)
    hints = " ".join(dict.fromkeys(one.hint for one in problems if one.hint))
    told = [Trouble(one.name, one.message, one.hint) for one in problems]
    return Objection("inputs_invalid", f"{workflow} cannot start: {message}.", hints, status=422, problems=told)
