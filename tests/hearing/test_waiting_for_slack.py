"""Slack makes us wait before it tells who somebody is: nothing that people asked for is lost, and they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from bot.desk import worker
from store.events import DecisionMade, DecisionRefused
from store.model import GateState
from tests.support.asked import Asked, asked
from tests.support.leaping_clock import LeapingClock

pytestmark = pytest.mark.anyio

WAITING = "I am waiting for Slack"


@asynccontextmanager
async def limited(tmp_path: Path, method: str = "users.info", seconds: int = 30) -> AsyncIterator[tuple[Asked, Any]]:
    """A run at its gate in a Slack that lets nobody look somebody up until it says otherwise."""
    clock = LeapingClock()
    async with asked(tmp_path, clock=clock) as here:
        here.place.sandbox.faults.add(method=method, kind="ratelimited", retry_after=seconds, times=None)
        yield here, clock


async def let_through(here: Asked, clock: LeapingClock, seconds: int = 30) -> None:
    await tried(here, 1)
    here.place.sandbox.faults.clear()
    clock.leap(seconds * 1_000)


@pytest.mark.parametrize("method", ["users.info", "usergroups.users.list"])
async def test_a_click_that_slack_lets_nobody_judge_is_told_so_at_once_and_decided_later(
    tmp_path: Path, method: str
) -> None:
    async with limited(tmp_path, method) as (here, clock):
        assert WAITING in await here.click("ravi")
        assert (await here.look()).state is GateState.OPEN
        [receipt] = await here.place.open_receipts()
        assert receipt.state == "received"
        await let_through(here, clock)
        assert "You approved" in await here.place.whispered("ravi", 2)
        await here.place.all_answered()
        assert len(here.place.heard("ravi")) == 2
        assert len(await here.events(DecisionMade)) == 1
        assert await here.events(DecisionRefused) == []


async def test_slack_is_not_asked_again_before_it_said_so_and_the_person_is_told_once(tmp_path: Path) -> None:
    async with limited(tmp_path) as (here, clock):
        assert WAITING in await here.click("ravi")
        await tried(here, 1)
        clock.leap(25_000)
        await here.place.command("mina", "ping")
        assert len(lookups_of_ravi(here)) == 1
        clock.leap(5_000)
        await tried(here, 2)
        assert len(lookups_of_ravi(here)) == 2
        await let_through(here, clock)
        assert "You approved" in await here.place.whispered("ravi", 2)
        assert len([said for said in here.place.heard("ravi") if WAITING in said]) == 1


def lookups_of_ravi(here: Asked) -> list[Any]:
    return [one for one in here.place.sandbox.traffic.of("users.info") if one.request["user"] == "U0RAVI"]


async def tried(here: Asked, times: int) -> None:
    """Wait until it was tried in vain so often to carry out what Ravi asked for."""

    async def tries() -> int:
        return max((one.tries for one in await here.place.open_receipts() if "U0RAVI" in str(one.payload)), default=0)

    with anyio.fail_after(20):
        while await tries() < times:
            await here.place.engine.received.wait(20)


async def test_who_waits_longer_than_a_moment_is_told_so_before_the_answer(tmp_path: Path) -> None:
    async with limited(tmp_path, seconds=8) as (here, clock):
        assert (await here.place.sandbox.act_as("ravi").click(here.channel, here.ts, "gate_approve")).acked
        await here.place.sandbox.until(lambda: lookups_of_ravi(here))
        here.place.sandbox.faults.clear()
        await leapt_until(here, clock, lambda: here.place.heard("ravi"))
        assert WAITING in here.place.heard("ravi")[0]
        assert (await here.look()).state is GateState.OPEN
        await leapt_until(here, clock, lambda: len(here.place.heard("ravi")) == 2)
        assert "You approved" in here.place.heard("ravi")[1]


async def leapt_until(here: Asked, clock: LeapingClock, condition: Any) -> None:
    """Let a second go by again and again until something is so."""
    for _ in range(20):
        with anyio.move_on_after(0.2):
            await here.place.sandbox.until(condition)
            return
        clock.leap(1_000)
    raise AssertionError(here.place.heard("ravi"))


async def test_who_waits_no_longer_than_a_moment_hears_only_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MOMENT_MS", 60_000)  # however slow this machine is today
    async with asked(tmp_path) as here:
        here.place.sandbox.faults.add(method="users.info", kind="ratelimited", retry_after=1)
        assert "You approved" in await here.click("ravi")
        await here.place.all_answered()
        assert len(here.place.heard("ravi")) == 1


async def test_a_click_that_waited_for_slack_counts_only_if_the_gate_is_still_open(tmp_path: Path) -> None:
    async with limited(tmp_path) as (here, clock):
        await here.click("ravi")
        here.place.sandbox.faults.clear()
        assert "You approved" in await here.click("ada")
        clock.leap(30_000)
        assert "Already approved by <@U0ADA>" in await here.place.whispered("ravi", 2)
        assert [made.actor.id for made in await here.events(DecisionMade)] == ["U0ADA"]


async def test_a_reason_that_was_given_while_slack_made_us_wait_is_not_lost(tmp_path: Path) -> None:
    async with asked(tmp_path, clock=(clock := LeapingClock())) as here:
        view = await here.form("ravi")
        here.place.sandbox.faults.add(method="users.info", kind="ratelimited", retry_after=30, times=None)
        clock.leap(60_000)  # what Slack said about Ravi when the form was opened is too old by then
        await here.place.sandbox.act_as("ravi").submit(view["id"], {"reason": {"reason": "too long"}})
        assert WAITING in await here.place.whispered("ravi")
        await let_through(here, clock)
        assert "You rejected" in await here.place.whispered("ravi", 2)
        [made] = await here.events(DecisionMade)
        assert made.comment == "too long"


async def test_when_slack_never_says_who_it_was_the_click_is_answered_with_a_no_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TRIES_MAX", 3)
    async with limited(tmp_path) as (here, clock):
        assert WAITING in await here.click("ravi")
        for times in (1, 2):
            await tried(here, times)
            clock.leap(30_000)
        assert "Slack cannot tell me who you are at the moment" in await here.place.whispered("ravi", 2)
        await here.place.all_answered()
        assert (await here.look()).state is GateState.OPEN
        assert await here.events(DecisionMade) == []


async def test_words_and_home_wait_for_slack_as_clicks_do(tmp_path: Path) -> None:
    async with limited(tmp_path) as (here, clock):
        person = here.place.sandbox.act_as("ravi")
        assert WAITING in await here.place.dm("ravi", f"approve {here.gate.name}")
        await person.open_home()
        await let_through(here, clock)
        assert "You approved" in await here.place.written("ravi", 2)
        await here.place.sandbox.until(lambda: "Waiting for you" in str(person.home))
        assert "members of this organisation" not in str(person.home)
