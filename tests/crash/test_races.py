"""Two things at the same moment, over real connections: one of them wins, and whoever lost is told what is so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from bot import service, settings
from bot.opening import opening
from store.model import Gate, GateState, Run, RunStatus
from tests.support.crash_checks import check_record
from tests.support.crash_story import DEADLINE, START, WEEK_MS, Company, Message, company, explained, key_of
from tests.support.leaping_clock import LeapingClock
from tests.support.town import town

pytestmark = pytest.mark.anyio

PLACES = ("#general", "#content", "#content-alerts", "#support", "#intake")  # Slack's pace is by channel
Gesture = Callable[[], Awaitable[Any]]


async def at_once(*gestures: Gesture) -> None:
    """Have several people do something at the same moment."""
    async with anyio.create_task_group() as group:
        for gesture in gestures:
            group.start_soon(gesture)


async def waiting_everywhere(place: Company) -> list[tuple[str, Run]]:
    """A run that waits for its decision in each channel."""
    await place.connected()
    found: list[tuple[str, Run]] = []
    for channel in PLACES:
        answer = await place.sandbox.act_as("mina").command("/flow", START, channel)
        assert answer.acked
    await place.sandbox.until(lambda: len(place.said("gate")) == len(PLACES), DEADLINE)
    for channel in PLACES:
        channel_id = place.sandbox.workspace.channel(channel).id
        found += [(channel, run) for run in place.runs() if run.origin["channel"] == channel_id]
    assert len(found) == len(PLACES)
    return found


async def all_rest(place: Company) -> None:
    """Wait until every run has ended, and all is told and answered."""
    with anyio.fail_after(DEADLINE):
        while not place.at_rest():
            await place.something()


def message(place: Company, key: str) -> Message:
    return next(one for one in place.said() if key_of(one) == key)


def gate_of(run: Run) -> Gate:
    gate = run.steps["review"].gate
    assert gate is not None
    return gate


def heard_of(place: Company, who: str, *names: str) -> list[str]:
    """What was whispered to this person about something of one of these names."""
    return [said for said in place.heard(who) if any(name in said for name in names)]


async def test_of_two_who_approve_at_the_same_moment_one_decides_and_the_other_is_told(tmp_path: Path) -> None:
    async with company(tmp_path) as place:
        place.begin()
        outcomes: list[Any] = []

        async def click(who: str, channel: str, run: Run) -> None:
            card = message(place, f"gate:{gate_of(run).id}")
            outcomes.append(await place.sandbox.act_as(who).click(channel, card["ts"], "gate_approve"))

        for number, (channel, run) in enumerate(await waiting_everywhere(place)):
            first, second = ("ada", "ravi") if number % 2 else ("ravi", "ada")
            await at_once(
                lambda who=first, channel=channel, run=run: click(who, channel, run),
                lambda who=second, channel=channel, run=run: click(who, channel, run),
            )
        await all_rest(place)
        assert all(outcome.acked for outcome in outcomes)
        for run in place.runs():
            gate = gate_of(run)
            (decision,) = gate.decisions
            winner, loser = ("ada", "ravi") if decision.actor.id == "U0ADA" else ("ravi", "ada")
            (told,) = heard_of(place, winner, f"{gate.name} v")
            assert "You approved" in told
            assert f"Already approved by <@{decision.actor.id}>" in "".join(place.heard(loser))
            assert not heard_of(place, loser, f"{gate.name} v")
            assert place.effects().count(run.id) == 1
        assert len(place.heard("ada")) == len(place.heard("ravi")) == len(PLACES)
        check_record(place)


async def test_of_an_approval_and_a_cancel_at_the_same_moment_what_happened_is_told_to_both(tmp_path: Path) -> None:
    async with company(tmp_path) as place:
        place.begin()

        async def approve(channel: str, run: Run) -> None:
            card = message(place, f"gate:{gate_of(run).id}")
            assert (await place.sandbox.act_as("ravi").click(channel, card["ts"], "gate_approve")).acked

        async def cancel(channel: str, run: Run) -> None:
            root = message(place, f"run:{run.id}")
            assert (await place.sandbox.act_as("mina").click(channel, root["ts"], "run_cancel")).acked

        waiting = await waiting_everywhere(place)
        started = len(place.heard("mina"))
        for number, (channel, run) in enumerate(waiting):
            both: list[Gesture] = [
                lambda channel=channel, run=run: approve(channel, run),
                lambda channel=channel, run=run: cancel(channel, run),
            ]
            await at_once(*(both if number % 2 else reversed(both)))
        await all_rest(place)
        with explained(place):
            assert (len(place.heard("ravi")), len(place.heard("mina")) - started) == (len(PLACES), len(PLACES))
            for run in place.runs():
                told_ravi = heard_of(place, "ravi", f"{gate_of(run).name} v")
                told_mina = heard_of(place, "mina", run.name)[1:]  # the first said that it was started
                check_told(run, told_ravi, told_mina, place.effects().count(run.id))
            check_record(place)


def check_told(run: Run, told_ravi: list[str], told_mina: list[str], effects: int) -> None:
    """The approver and the canceller were both told what is so, and nothing was done after a no."""
    (to_ravi,), (to_mina,) = told_ravi, told_mina
    approved = gate_of(run).state is GateState.APPROVED
    assert approved or gate_of(run).state is GateState.WITHDRAWN
    assert len(gate_of(run).decisions) == approved
    assert ("You approved" in to_ravi) == approved
    assert ("is not open for decisions" in to_ravi) == (not approved)
    if run.status is RunStatus.CANCELLED:
        assert "cancelled" in to_mina
        assert effects <= approved
        return
    assert (run.status, effects, approved) == (RunStatus.SUCCEEDED, 1, True)
    assert "has already finished" in to_mina


async def test_what_is_answered_while_the_desk_looks_for_open_receipts_is_not_served_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as place:
        worker, looks, old = place.reception.worker, 0, anyio.Event()
        look = worker._open

        async def slow_look() -> Any:
            nonlocal looks
            found = await look()
            looks += bool(found)
            if looks == 2:  # Mina's receipt is under way; what this look has found is old when it is used
                await worker._idle.wait()
                old.set()
            return found

        monkeypatch.setattr(worker, "_open", slow_look)
        place.sandbox.faults.add(method="users.info", kind="delay", ms=200)
        await at_once(
            lambda: place.sandbox.act_as("mina").command("/flow", "run hello", "#content"),
            lambda: place.sandbox.act_as("ravi").command("/flow", "ping", "#content"),
        )
        with anyio.fail_after(DEADLINE):
            await old.wait()
            await place.dm("ada", "ping")  # the desk has gone round once more, with what the old look had found
            await worker._idle.wait()
        assert (len(place.heard("mina")), len(place.heard("ravi"))) == (1, 1)


@pytest.mark.parametrize("moment", ["before", "with", "after"])
async def test_of_an_approval_and_the_end_of_its_time_at_the_same_moment_one_counts(
    tmp_path: Path, moment: str
) -> None:
    clock = LeapingClock()
    async with company(tmp_path, clock=clock) as place:
        opened = opening(settings.load(place.environment, env_file=None))
        async with service.running(opened, clock=clock):
            await place.connected()
            await place.start()
            card = await place.card()

            async def time_is_up() -> None:
                clock.leap(WEEK_MS)

            async def approve() -> None:
                assert (await place.click("ravi", card["ts"])).acked

            if moment == "before":
                await time_is_up()
            if moment == "with":
                await at_once(approve, time_is_up)
            else:
                await approve()
            if moment == "after":
                await time_is_up()
            await all_rest(place)
        (run,) = place.runs()
        check_in_time_or_not(run, place)
        check_record(place)


def check_in_time_or_not(run: Run, place: Company) -> None:
    """Either the approval counted and the effect took place, or the gate expired and nothing did."""
    (told,) = place.heard("ravi")
    gate = gate_of(run)
    if gate.state is GateState.APPROVED:
        assert (run.status, len(gate.decisions), len(place.effects())) == (RunStatus.SUCCEEDED, 1, 1)
        assert gate.decisions[0].at < gate.expires_at
        assert "You approved" in told
        return
    assert (gate.state, run.status) == (GateState.EXPIRED, RunStatus.REJECTED)
    assert (gate.decisions, place.effects()) == ((), [])
    assert f"{gate.name} v1> expired" in told
