"""A real engine on a real file, with plans made by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio

from engine.clock import Clock
from engine.service import Options, Service, serving
from store.canon import digest
from store.codec import plain
from store.model import Actor, Edge, Fanout, GatePlan, Person, Plan, Run, StepPlan, Workflow

MINA = Actor("person", "U0MINA", "Mina")
RAVI = Actor("person", "U0RAVI", "Ravi")
OPERATOR = Actor("operator", "root", "root")


def step(name: str, uses: str = "transform", after: Iterable[str] = (), **more: Any) -> StepPlan:
    """A step of a plan; `after` names the steps it needs."""
    more.setdefault("with_", {"of": name})
    return StepPlan(name, uses, needs=tuple(Edge(needed) for needed in after), **more)


def gate(name: str, after: Iterable[str] = (), *, approvers: Iterable[str] = ("@editors",), **policy: Any) -> StepPlan:
    """A gate of a plan."""
    with_ = policy.pop("with_", {"question": "Go on?", "show": {"text": "what is decided on"}})
    more = {key: policy.pop(key) for key in ("when", "on_failure", "phase") if key in policy}
    made = GatePlan(tuple(approvers), **policy)
    return step(name, "approval", after, with_=with_, gate=made, effect="idempotent", **more)


def block(name: str, after: Iterable[str] = (), **more: Any) -> StepPlan:
    """A block of a plan, done for each element of a list when there is an `each`.

    What stands in it has a name that begins with the block's.
    """
    each, fan = more.pop("each", None), {}
    for key in ("as_", "key", "concurrency", "tolerate", "tolerate_percent"):
        if key in more:
            fan[key] = more.pop(key)
    more.setdefault("with_", None)
    return step(name, "block", after, fanout=None if each is None else Fanout(each, **fan), **more)


def plan(*steps: StepPlan, workflow: str = "sample", **more: Any) -> Plan:
    made = Plan(workflow, more.pop("inputs", {}), steps, **more)
    return replace(made, version=digest(plain(made)))


def definition(made: Plan, folder: Path = Path()) -> Any:
    return SimpleNamespace(
        workflow=Workflow(made.workflow, made.workflow.title(), made.version), plan=made, source="", folder=folder
    )


def person(actor: Actor, *matches: str, at: int, member: bool = True) -> Person:
    return Person(actor.id, actor.name, member, matches, at, "" if member else "guest")


@asynccontextmanager
async def running(
    path: Path, *plans: Plan, clock: Clock | None = None, drive: bool = True, **options: Any
) -> AsyncIterator[Service]:
    """A service on this file with these plans loaded."""
    async with serving(Options(database=path, **options), clock=clock) as service:
        await service.engine.use({made.workflow: definition(made, path.parent) for made in plans})
        if drive:
            await service.drive_all()
        yield service


async def ended(service: Service, run: Run, seconds: float = 20) -> Run:
    """The run when it has ended."""
    with anyio.fail_after(seconds):
        return await service.engine.wait_for(run.id, lambda run: run.status.finished)


async def waits(service: Service, run: Run, seconds: float = 20) -> Run:
    """The run when only people or the clock can move it on."""
    with anyio.fail_after(seconds):
        return await service.engine.wait_for(
            run.id, lambda run: run.status.finished or any(s.status == "waiting" for s in run.steps.values())
        )
