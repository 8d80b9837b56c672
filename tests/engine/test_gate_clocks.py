"""Gates that remind, become overdue and ask others, and what people find of it: on a real file, by a hand clock."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from engine.clock import HandClock
from engine.rules.commands import Decide, Refusal
from store import lookups
from store.model import RunStatus
from tests.support.engines import MINA, RAVI, ended, gate, person, plan, running, waits
from tests.support.proofs import kinds, sound

pytestmark = pytest.mark.anyio
HOUR = 3_600_000


async def test_a_gate_that_nobody_answers_reminds_then_asks_others_who_find_it_and_may_decide(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "a.db"
    made = plan(
        gate(
            "review",
            approvers=("@authors", "@editors"),
            due_ms=4 * HOUR,
            remind_before_due_ms=(HOUR,),
            remind_after_due_ms=(HOUR,),
            escalate_after_due_ms=2 * HOUR,
            escalate_to=("@leads", "@editors"),
        )
    )
    async with running(path, made, clock=clock) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        leads = person(RAVI, "@leads", at=clock.now())
        assert (await engine.perform(run.id, Decide("review", RAVI, "approve"), person=leads)).refusal is (
            Refusal.ACTOR_NOT_APPROVER
        )
        for hour, what in ((3, "reminded=1"), (4, "overdue"), (5, "reminded=2")):
            clock.advance(3 * HOUR if hour == 3 else HOUR)
            with anyio.fail_after(20):
                await engine.wait_for(run.id, lambda run, what=what: _stands(run.steps["review"].gate, what))
    clock.advance(HOUR)
    async with running(path, made, clock=clock) as service:
        engine = service.engine
        with anyio.fail_after(20):
            run = await engine.wait_for(run.id, lambda run: run.steps["review"].gate.escalated)
        assert run.steps["review"].gate.approvers == ("@authors", "@editors", "@leads")
        found = await engine.database.read(lambda tx: lookups.gates_for(tx, "U0RAVI", ["@leads"], 5))
        assert found == [(run.id, "review")]
        asked = await engine.database.read(lookups.asked)
        assert asked == ["@authors", "@editors", "@leads"]
        leads = person(RAVI, "@leads", at=clock.now())
        assert (await engine.perform(run.id, Decide("review", RAVI, "approve"), person=leads)).refusal is None
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        assert await engine.database.read(lookups.asked) == []
        said = [kind for kind in await kinds(service, run) if kind.startswith("Gate")]
        assert said == ["GateOpened", "GateReminded", "GateOverdue", "GateReminded", "GateEscalated", "GateClosed"]
        await sound(service)


def _stands(gate: object, what: str) -> bool:
    name, _, value = what.partition("=")
    return bool(getattr(gate, name) == int(value) if value else getattr(gate, name))
