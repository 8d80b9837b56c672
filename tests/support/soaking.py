"""A process that carries many runs at once and may be killed at any moment. Run as a script by the soak test."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import httpx

from engine.api import Engine
from engine.rules.commands import Decide, Resume, Settle
from store.model import Plan, Run, RunStatus, StepStatus
from tests.support.crashing import arm
from tests.support.engines import MINA, RAVI, gate, person, plan, running, step


def soak_plan(url: str) -> Plan:
    """What may happen once, what may be repeated, a person, a moment, and a large value."""

    def told(what: str) -> dict[str, object]:
        return {"method": "POST", "url": f"{url}/{what}", "query": {"run": "${{ run.id }}"}, "json": {}}

    return plan(
        step("draft", with_={"text": "${{ inputs.text }}", "long": "word " * 2_000}),
        step("charge", "http", ["draft"], with_=told("charge"), effect="once"),
        gate("review", ["charge"], with_={"question": "Publish?", "show": "${{ steps.draft.output }}"}),
        step("pause", "wait", ["review"], with_={"for": "5ms"}),
        step("publish", "http", ["pause"], with_=told("publish"), effect="idempotent"),
        inputs={"text": {"type": "string"}},
        outputs={"text": "${{ steps.draft.output.text }}"},
    )


async def carry_all_through(path: Path, url: str, count: int) -> None:
    """Start every run that was not started yet, and see all of them to their end."""
    async with (
        running(path, soak_plan(url), allowed_hosts=(url.removeprefix("http://"),)) as service,
        httpx.AsyncClient(base_url=url) as world,
        anyio.create_task_group() as group,
    ):
        for number in range(count):
            group.start_soon(_carry, service.engine, world, number)


async def _carry(engine: Engine, world: httpx.AsyncClient, number: int) -> None:
    request = {"text": f"book {number}"}
    run = (await engine.start("sample", request, actor=MINA, dedupe_key=f"book-{number}")).run
    while not run.status.finished:
        run = await engine.wait_for(run.id, lambda run: run.status.finished or _stands(run))
        if run.status is RunStatus.PAUSED:  # it was cut off too often; somebody looked, and lets it go on
            await engine.perform(run.id, Resume(MINA))
        elif run.steps["review"].status is StepStatus.WAITING:
            facts = person(RAVI, "@editors", at=engine.clock.now())
            await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)
        elif run.steps["charge"].status is StepStatus.UNKNOWN:
            happened = (await world.get("/charge", params={"run": run.id})).json()
            await engine.perform(run.id, Settle("charge", MINA, "happened" if happened else "again"))


def _stands(run: Run) -> bool:
    if run.status is RunStatus.PAUSED:
        return True
    return run.steps["review"].status is StepStatus.WAITING or run.steps["charge"].status is StepStatus.UNKNOWN


if __name__ == "__main__":
    if int(sys.argv[4]):
        arm(int(sys.argv[4]))
    anyio.run(carry_all_through, Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
