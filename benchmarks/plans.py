"""Plans made by hand, and an engine that serves them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from benchmarks.place import Synchronous
from engine import collector
from engine.definitions import Definition
from engine.service import Options, Service, serving
from store.canon import digest
from store.codec import plain
from store.model import Actor, Edge, GatePlan, Json, Millis, Person, Plan, StepPlan, Workflow

MINA = Actor("person", "U0MINA", "Mina")
RAVI = Actor("person", "U0RAVI", "Ravi")
INPUTS: Json = {"topic": "benchmarks", "size": 3}


def _step(name: str, uses: str = "transform", after: Iterable[str] = (), **more: Any) -> StepPlan:
    more.setdefault("with_", {"text": f"what {name} computed", "n": 42})
    return StepPlan(name, uses, needs=tuple(Edge(needed) for needed in after), **more)


def _plan(workflow: str, *steps: StepPlan) -> Plan:
    made = Plan(workflow, {}, steps)
    return replace(made, version=digest(plain(made)))


W3 = _plan("w3", _step("one"), _step("two", after=["one"]), _step("three", after=["two"]))

GATED = _plan(
    "gated",
    _step("draft"),
    _step(
        "review",
        "approval",
        ["draft"],
        with_={"question": "Publish it?", "show": {"text": "what is decided on, about as long as a short paragraph"}},
        gate=GatePlan(("@editors",)),
    ),
    _step("publish", after=["review"]),
)


def fan(width: int) -> Plan:
    """Steps side by side, and one that needs them all."""
    names = [f"part_{n}" for n in range(width)]
    return _plan("fan", *(_step(name) for name in names), _step("join", after=names))


def approver(now: Millis) -> Person:
    """Facts about somebody who may decide, fetched just now."""
    return Person(RAVI.id, RAVI.name, True, ("@editors",), now)


@asynccontextmanager
async def at_work(path: Path, *plans: Plan, synchronous: Synchronous = "full") -> AsyncIterator[Service]:
    """An engine as the service runs it, on this file, with these plans current."""
    silence()
    async with serving(Options(database=path, synchronous=synchronous)) as service:
        await service.engine.use({made.workflow: _definition(made, path.parent) for made in plans})
        await service.drive_all()
        collector.settle()
        yield service


def _definition(made: Plan, folder: Path) -> Definition:
    return Definition(Workflow(made.workflow, made.workflow.title(), made.version), made, "", folder)


def silence() -> None:
    """No log lines below a warning: whoever wants figures does not want to measure a terminal."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
