"""The two loops as they live in the service: on the machine's clock, without busy waiting."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from bot.projection import Projector
from bot.sandbox.server import Sandbox
from bot.sender import Sender
from bot.slack import connected
from engine.clock import SystemClock
from engine.rules.commands import Decide
from tests.support.engines import MINA, RAVI, gate, person, plan, running, step
from tests.support.stage import defined, staged

pytestmark = pytest.mark.anyio

REVIEWED = plan(step("draft"), gate("review", ["draft"]), step("publish", after=["review"]))


async def test_a_run_shows_itself_by_the_loops_alone(tmp_path: Path) -> None:
    clock, sandbox = SystemClock(), Sandbox()
    async with (
        sandbox.running(),
        running(tmp_path / "a.db", REVIEWED, clock=clock) as service,
        connected(sandbox.bot_token, api_url=sandbox.api_url, clock=clock) as slack,
        anyio.create_task_group() as group,
    ):
        engine = service.engine
        await engine.use({"sample": defined(REVIEWED)})
        projector = Projector(engine.database, engine.content, clock, engine.told, slack.me)
        sender = Sender(slack, engine.database, clock, projector.compose)
        projector.hand_to(sender)
        group.start_soon(projector.loop)
        group.start_soon(sender.loop)

        def said(channel: str) -> list[str]:
            return [one["text"] for one in sandbox.workspace.said(channel) if one.get("bot_id") == "B0BOT"]

        # A channel that hangs does not hold the other.
        sandbox.faults.add(method="chat.postMessage", kind="delay", ms=60_000)
        await engine.start("sample", {}, actor=MINA, origin={"channel": "C0CONTENT"})
        await sandbox.until(lambda: sandbox.faults.as_json() == [])
        run = (await engine.start("sample", {}, actor=MINA, origin={"channel": "C0SUPPORT"})).run
        await sandbox.until(lambda: len(said("C0SUPPORT")) == 2)
        assert said("C0CONTENT") == []

        facts = person(RAVI, "@editors", at=clock.now())
        await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)
        await sandbox.until(lambda: len(said("C0SUPPORT")) == 3 and "Done" in said("C0SUPPORT")[0])
        group.cancel_scope.cancel()


async def test_when_everything_stands_neither_loop_has_anything_to_wake_for(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        await stage.waits(await stage.start())
        await stage.settle()
        assert await stage.projector.run_once(stage.clock.now()) is None
        assert await stage.sender.run_once(stage.clock.now()) is None


async def test_a_loop_that_waits_for_its_time_is_woken_by_the_clock_alone(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage, anyio.create_task_group() as group:
        stage.sandbox.faults.add(method="chat.postMessage", kind="ratelimited", retry_after=30)
        group.start_soon(stage.projector.loop)
        group.start_soon(stage.sender.loop)
        await stage.start()
        while len(stage.said()) < 2:
            await anyio.wait_all_tasks_blocked()
            stage.clock.advance(100)
        refused, again, *_ = stage.sandbox.traffic.of("chat.postMessage")
        assert again.at - refused.at >= 30_000
        group.cancel_scope.cancel()
