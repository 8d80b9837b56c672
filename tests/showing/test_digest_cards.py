"""The card that gates share, from the first that opens to the last decision: gathered, late, full, restarted, ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.digests import ITEMS_MAX
from engine.rules.commands import Cancel
from store.model import GateState, Plan, Run, RunStatus, StepStatus
from tests.support.engines import OPERATOR, block, gate, plan, step
from tests.support.readable import readable
from tests.support.stage import Stage, staged

pytestmark = pytest.mark.anyio

MINUTE, HOUR = 60_000, 3_600_000


def pages(*waits: str, digest_ms: int = 5 * MINUTE, **policy: Any) -> Plan:
    """A list of pages; each has its gate after so long."""
    items = [{"id": f"page-{n}", "genre": "Novel", "wait": wait} for n, wait in enumerate(waits, 1)]
    asks = {"question": "Is ${{ page.id }} good?", "show": "${{ page }}", "card": {"fields": ["genre"]}}
    policy.setdefault("on_reject", "continue")
    return plan(
        step("pages", with_={"all": items}),
        block("checks", ["pages"], each="steps.pages.output.all", as_="page", key="page.id", concurrency=200),
        step("checks.pause", "wait", with_={"for": "${{ page.wait }}"}),
        gate("checks.look", ["checks.pause"], with_=asks, digest_ms=digest_ms, **policy),
    )


async def open_gates(stage: Stage, run: Run, count: int) -> Run:
    """The run, once so many gates stand open."""

    def stand(run: Run) -> bool:
        return sum(step.gate is not None and step.gate.state is GateState.OPEN for step in run.steps.values()) == count

    return await stage.engine.wait_for(run.id, stand)


async def look(stage: Stage, rounds: int = 30) -> None:
    """Let both loops work as far as they come without waiting for a moment of later."""
    for _ in range(rounds):
        await stage.projector.run_once(stage.clock.now())
        await stage.sender.run_once(stage.clock.now())
        stage.clock.advance(10)


def cards(stage: Stage) -> list[str]:
    """Every card that gates share, as it reads."""
    shared = [one for one in stage.said() if one["metadata"]["event_payload"]["k"].startswith("digest:")]
    return [readable(one["text"], one["blocks"]) for one in shared]


async def begun(stage: Stage, open_now: int) -> Run:
    """A run in which every page waits for its time, and then those for a second have their gates."""

    def all_wait(run: Run) -> bool:
        fan = run.steps["checks"].fan
        waiting = [one for one in run.steps.values() if one.name == "checks.pause" and one.status is StepStatus.WAITING]
        return fan is not None and len(waiting) == fan.count

    run = await stage.start()
    await stage.engine.wait_for(run.id, all_wait)
    stage.clock.advance(2_000)
    return await open_gates(stage, run, open_now)


async def test_gates_are_gathered_for_so_long_and_then_stand_on_one_card(tmp_path: Path) -> None:
    async with staged(tmp_path, pages("1s", "1s", "2h")) as stage:
        run = await begun(stage, 2)
        await look(stage)
        assert cards(stage) == []
        assert "2 wait for" in readable(stage.said()[0]["text"], stage.said()[0]["blocks"])
        assert await stage.pending()
        assert (
            await stage.projector.run_once(stage.clock.now()) == (await first_gate(stage, run)).opened_at + 5 * MINUTE
        )
        stage.clock.advance(5 * MINUTE)
        await stage.settle()
        [card] = cards(stage)
        assert "page-1 · Novel" in card
        assert "0 of 2 decided" in card
        assert not await stage.pending()
        await stage.look_the_same(run)


async def first_gate(stage: Stage, run: Run) -> Any:
    return (await stage.look(run)).steps["checks.look[page-1]"].gate


async def test_a_list_in_which_all_have_their_gates_waits_no_longer(tmp_path: Path) -> None:
    async with staged(tmp_path, pages("1s", "1s")) as stage:
        run = await begun(stage, 2)
        opened_at = (await first_gate(stage, run)).opened_at
        await look(stage)
        [card] = cards(stage)
        assert "2 items" in card
        assert stage.clock.now() < opened_at + 5 * MINUTE
        await stage.look_the_same(run)


async def test_a_late_item_joins_the_card_by_an_edit(tmp_path: Path) -> None:
    async with staged(tmp_path, pages("1s", "1s", "20m")) as stage:
        run = await begun(stage, 2)
        stage.clock.advance(5 * MINUTE)
        await stage.settle()
        stage.clock.advance(20 * MINUTE)
        await open_gates(stage, run, 3)
        await stage.settle()
        [card] = cards(stage)
        assert "page-3 · Novel" in card
        assert "0 of 3 decided" in card
        await stage.look_the_same(run)


async def test_a_late_item_after_everything_was_decided_is_gathered_for_a_new_card(tmp_path: Path) -> None:
    async with staged(tmp_path, pages("1s", "1s", "20m", "21m")) as stage:
        run = await begun(stage, 2)
        stage.clock.advance(5 * MINUTE)
        for item in ("page-1", "page-2"):
            await stage.decide(run, f"checks.look[{item}]")
        await stage.settle()
        stage.clock.advance(30 * MINUTE)
        await open_gates(stage, run, 2)
        await stage.settle()
        first, second = cards(stage)
        assert "2 of 2 decided" in first
        assert "digest_decide" not in first
        assert "0 of 2 decided" in second
        await stage.look_the_same(run)


async def test_what_one_card_does_not_hold_goes_onto_a_second_and_a_third(tmp_path: Path) -> None:
    async with staged(tmp_path, pages(*["1s"] * (2 * ITEMS_MAX + 2))) as stage:
        run = await begun(stage, 2 * ITEMS_MAX + 2)
        await stage.settle()
        found = cards(stage)
        assert [one.count("→ digest_open") for one in found] == [ITEMS_MAX, ITEMS_MAX, 2]
        assert f"0 of {ITEMS_MAX} decided" in found[1]
        await stage.look_the_same(run)


async def test_a_lone_item_gets_its_whole_card(tmp_path: Path) -> None:
    async with staged(tmp_path, pages("1s")) as stage:
        run = await begun(stage, 1)
        await stage.settle()
        [card] = cards(stage)
        assert "gate_approve" in card
        assert "digest_decide" not in card
        await stage.look_the_same(run)


async def test_a_killed_service_posts_the_card_at_its_time_and_once(tmp_path: Path) -> None:
    made = pages("1s", "1s", "2h")
    async with staged(tmp_path, made) as stage:
        run = await begun(stage, 2)
        await look(stage)
        sandbox, clock = stage.sandbox, stage.clock
    async with staged(tmp_path, made, sandbox=sandbox, clock=clock) as stage:
        await look(stage)
        assert cards(stage) == []
        stage.clock.advance(5 * MINUTE)
        await stage.settle()
        assert len(cards(stage)) == 1
    async with staged(tmp_path, made, sandbox=sandbox, clock=clock) as stage:
        await stage.decide(run, "checks.look[page-1]")
        await stage.settle()
        [card] = cards(stage)
        assert "1 of 2 decided" in card
        await stage.look_the_same(run)


async def test_a_cancelled_run_closes_the_card_and_posts_none_that_nobody_needs(tmp_path: Path) -> None:
    async with staged(tmp_path, pages("1s", "1s", "2h")) as stage:
        run = await begun(stage, 2)
        await stage.perform(run, Cancel(OPERATOR))
        await stage.ended(run)
        await stage.settle()
        assert cards(stage) == []
    async with staged(tmp_path / "posted", pages("1s", "1s", "2h")) as stage:
        run = await begun(stage, 2)
        stage.clock.advance(5 * MINUTE)
        await stage.settle()
        await stage.decide(run, "checks.look[page-1]")
        await stage.perform(run, Cancel(OPERATOR))
        await stage.ended(run)
        await stage.settle()
        [card] = cards(stage)
        assert "withdrawn" in card
        assert "*Approved* by <@U0RAVI>" in card
        assert "ACTIONS" not in card
        await stage.look_the_same(run)


async def test_expired_items_are_told_as_such_and_nothing_can_be_pressed_any_more(tmp_path: Path) -> None:
    made = pages("1s", "1s", expires_ms=HOUR, on_expiry="continue")
    async with staged(tmp_path, made) as stage:
        run = await begun(stage, 2)
        await stage.settle()
        await stage.decide(run, "checks.look[page-2]", "reject", comment="Too thin")
        stage.clock.advance(2 * HOUR)
        done = await stage.ended(run)
        assert done.status is RunStatus.SUCCEEDED
        await stage.settle()
        [card] = cards(stage)
        assert "expired without a decision" in card
        assert "*Rejected* by <@U0RAVI>: “Too thin”" in card
        assert "ACTIONS" not in card


async def test_reminders_and_escalation_are_one_line_each_for_the_whole_card(tmp_path: Path) -> None:
    made = pages(
        *["1s"] * 6, "3m", "4m", due_ms=60 * MINUTE, remind_before_due_ms=(30 * MINUTE,),
        escalate_after_due_ms=10 * MINUTE, escalate_to=("U0LENA",), expires_ms=600 * MINUTE,
    )  # fmt: skip
    async with staged(tmp_path, made) as stage:
        run = await begun(stage, 6)
        stage.clock.advance(5 * MINUTE)
        await open_gates(stage, run, 8)
        await stage.settle()
        [before] = cards(stage)
        assert "8 items" in before
        for minutes in (31, 31, 15):
            for _ in range(minutes):
                stage.clock.advance(MINUTE)
                await stage.projector.run_once(stage.clock.now())
            await caught_up(stage, run)
            await stage.settle()
        lines = [one["text"] for one in stage.said() if ":digest:" in one["metadata"]["event_payload"]["k"]]
        assert [line.partition(" of ")[0] for line in lines] == [
            "<!subteam^S0EDITORS>: 8 items", "<!subteam^S0EDITORS>: 8 items",
            "<@U0LENA>: nobody has decided 8 items",
        ]  # fmt: skip
        assert "U0LENA" in cards(stage)[0]
        await stage.look_the_same(run)


async def caught_up(stage: Stage, run: Run) -> None:
    """Wait until the clock has said all it has to say about the gates."""
    now = stage.clock.now()
    await stage.engine.wait_for(
        run.id, lambda run: all(step.gate is None or step.gate.next_timer_at > now for step in run.steps.values())
    )
