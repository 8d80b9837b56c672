"""A process that carries one run through, and dies at the n-th crash point. Run as a script by the crash tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio

from engine.rules.commands import Decide, Resume, Settle
from store import database
from store.model import Plan, Run, RunStatus, StepStatus
from tests.support.engines import MINA, RAVI, gate, person, plan, running, step

NOTE = "import os, sys; f = open(sys.argv[1], 'a'); f.write(sys.argv[2] + '\\n'); f.flush(); os.fsync(f.fileno())"


def crash_plan(folder: Path) -> Plan:
    """Every way a step can go: computed, run once, decided by a person, waited for, run again after a failure."""

    def note(word: str) -> dict[str, object]:
        return {"argv": [sys.executable, "-c", NOTE, str(folder / "effects"), word]}

    return plan(
        step("draft", with_={"text": "${{ inputs.topic }}"}),
        step("charge", "command", ["draft"], with_=note("charge"), effect="once"),
        gate("review", ["charge"], with_={"question": "Publish?", "show": "${{ steps.draft.output }}"}),
        step("pause", "wait", ["review"], with_={"for": "1ms"}),
        step("publish", "command", ["pause"], with_=note("publish"), effect="idempotent"),
        outputs={"text": "${{ steps.review.output.content.text }}"},
    )


def arm(at: int) -> None:
    """Die, without any good-bye, at the n-th crash point."""
    left = at

    def fuse(where: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(9)

    database.fuse = fuse


async def carry_through(path: Path) -> Run:
    """Start the run unless it was started, decide what needs deciding, and see it to its end."""
    made = crash_plan(path.parent)
    async with running(path, made) as service:
        engine = service.engine
        started = await engine.start("sample", {"topic": "crashes"}, actor=MINA, dedupe_key="once")
        run = started.run
        while True:
            run = await engine.wait_for(run.id, lambda run: run.status.finished or _stands(run))
            if run.status.finished:
                return run
            if run.status is RunStatus.PAUSED:  # it was interrupted too often; somebody looked, and lets it go on
                await engine.perform(run.id, Resume(MINA))
            elif run.steps["review"].status is StepStatus.WAITING:
                facts = person(RAVI, "@editors", at=engine.clock.now())
                await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)
            elif run.steps["charge"].status is StepStatus.UNKNOWN:
                happened = (path.parent / "effects").exists()
                await engine.perform(run.id, Settle("charge", MINA, "happened" if happened else "again"))


def _stands(run: Run) -> bool:
    if run.status is RunStatus.PAUSED:
        return True
    return run.steps["review"].status is StepStatus.WAITING or run.steps["charge"].status is StepStatus.UNKNOWN


if __name__ == "__main__":
    arm(int(sys.argv[2]))
    anyio.run(carry_through, Path(sys.argv[1]))
