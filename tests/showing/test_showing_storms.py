"""Storms: random faults, restarts and decisions. When the weather clears, each message stands once and is true."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from bot.sandbox.server import Sandbox
from engine.clock import HandClock
from engine.rules.commands import Cancel, Pause, Resume
from store.model import Run
from tests.support.engines import OPERATOR, gate, plan, step
from tests.support.stage import Stage, staged

pytestmark = pytest.mark.anyio

LONG = plan(
    step("draft"), gate("first", ["draft"], due_ms=60_000), gate("second", ["first"]), step("publish", after=["second"])
)
METHODS = ("chat.postMessage", "chat.update", "conversations.history", "conversations.replies", "*")
WEATHER = ("drop_before", "drop_after", "http_500", "ratelimited")
ALERTS = {"alerts_failed": "#content-alerts"}


async def gust(stage: Stage, runs: list[Run], luck: Random) -> None:
    """One thing that happens, to Slack or to a run."""
    run = await stage.look(luck.choice(runs))
    match luck.randrange(8):
        case 0 | 1 | 2:
            stage.sandbox.faults.add(
                method=luck.choice(METHODS), kind=luck.choice(WEATHER), times=luck.randint(1, 3), retry_after=2
            )
        case 3 | 4:
            waiting = [key for key, one in run.steps.items() if one.gate is not None and one.gate.state == "open"]
            if waiting:
                await stage.decide(run, waiting[0], luck.choice(["approve", "approve", "reject"]), comment="because")
        case 5:
            await stage.perform(run, luck.choice([Pause(OPERATOR, "storm"), Resume(OPERATOR), Cancel(OPERATOR, "no")]))
        case 6:
            runs.append(await stage.start(origin={"channel": luck.choice(["C0CONTENT", "C0SUPPORT"])}))
        case _:
            stage.clock.advance(luck.randint(1, 90_000))
    for _ in range(luck.randint(0, 6)):
        await stage.projector.run_once(stage.clock.now())
        await stage.sender.run_once(stage.clock.now())
        stage.clock.advance(luck.choice([0, 200, 1_500]))


@pytest.mark.parametrize("seed", range(12))
async def test_after_a_storm_slack_shows_what_is_true(tmp_path: Path, seed: int) -> None:
    luck = Random(seed)
    clock = HandClock()
    sandbox = Sandbox(clock=clock)
    runs: list[Run] = []
    for _ in range(3):  # the service is started three times
        async with staged(tmp_path, LONG, sandbox=sandbox, clock=clock, **ALERTS) as stage:
            runs = runs or [await stage.start()]
            for _ in range(12):
                await gust(stage, runs, luck)
            sandbox.faults.clear()  # the next start asks Slack who we are
    async with staged(tmp_path, LONG, sandbox=sandbox, clock=clock, **ALERTS) as stage:
        await stage.settle(rounds=1_000)
        for run in runs:
            await stage.look_the_same(run)
