"""Runs that depend on each other say so: those in a queue, those that start others, and what they say is kept true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine import switching
from store.model import Concurrency, Plan, Run
from tests.support.engines import OPERATOR, gate, plan, step
from tests.support.town import Town, read, town

pytestmark = pytest.mark.anyio


def one_at_a_time() -> Plan:
    return plan(step("draft"), gate("review", ["draft"]), workflow="hello", concurrency=Concurrency(1))


async def root_says(place: Town, run: Run, *words: str) -> str:
    """The root message of a run, once it says all of this."""
    channel, ts = await place.root(run)
    said = place.sandbox.workspace.said(channel)

    def text() -> str:
        return read(said.get(ts))

    try:
        await place.sandbox.until(lambda: all(word in text() for word in words), 6)
    except AssertionError:
        raise AssertionError(text()) from None
    return text()


async def started(place: Town, line: str = "run hello") -> Run:
    said = await place.command("mina", line, channel="#content")
    name = re.search(r"Starting .* \((R-\w+)\)", said)
    assert name is not None, said
    run = await place.engine.look(name[1])
    assert run is not None
    return run


async def test_runs_in_a_queue_say_their_place_and_who_holds_it_and_move_up(tmp_path: Path) -> None:
    async with town(tmp_path, one_at_a_time()) as place:
        first = await started(place)
        await place.root(first)
        second, third = await started(place), await started(place)
        told = await root_says(place, third, "Queued: 2nd in line of hello", "Under way before it")
        assert f"|{first.name}> (running)" in told
        status = await place.command("mina", f"why {third.name}")
        assert "It is 2nd in line of hello: as many runs of it as allowed are under way" in status
        assert "Under way before it: Say hello <" in status
        await place.command("mina", f"cancel {first.name}")
        told = await root_says(place, third, "Queued: 1st in line of hello", f"|{second.name}> (running)")
        assert first.name not in told
        await place.command("mina", f"cancel {second.name}")
        await root_says(place, third, "waiting for a decision")


async def test_the_list_of_runs_is_kept_true_when_one_in_the_middle_gives_up(tmp_path: Path) -> None:
    async with town(tmp_path, one_at_a_time()) as place:
        await started(place)
        second, third = await started(place), await started(place)
        await root_says(place, third, "2nd in line")
        await place.command("mina", f"cancel {second.name}")
        await root_says(place, third, "1st in line")


async def test_parent_and_child_link_to_each_other_and_say_how_the_other_stands(tmp_path: Path) -> None:
    child = plan(step("draft"), gate("review", ["draft"]), workflow="hello")
    parent = plan(step("hand_over", "workflow", with_={}, spec={"call": "hello"}), workflow="publish_post")
    async with town(tmp_path, parent, child) as place:
        mother = await started(place, "run publish_post")
        _, _ = await place.at_gate()
        daughter = await place.last_run()
        assert daughter.parent is not None
        told = await root_says(place, mother, "Say hello <https", f"|{daughter.name}> (waiting for a decision)")
        told = await root_says(place, daughter, "Part of Publish a blog post <https", f"|{mother.name}> (running)")
        await place.command("mina", f"pause {daughter.name} because of rain")
        told = await root_says(place, mother, f"|{daughter.name}> (paused)")
        await place.command("mina", f"pause {mother.name}")
        told = await root_says(place, daughter, f"|{mother.name}> (paused)")
        assert "running)" not in told
        why = await place.command("mina", f"status {mother.name}")
        assert daughter.name in why


async def test_a_run_whose_workflow_is_switched_off_says_so_until_it_is_switched_on(tmp_path: Path) -> None:
    made = plan(step("draft"), gate("review", ["draft"]), step("publish", "wait", after=["review"]), workflow="hello")
    async with town(tmp_path, made) as place:
        run = await started(place)
        _, waiting = await place.at_gate()
        assert waiting.gate is not None
        await switching.disable(place.engine, "hello", OPERATOR, "the CMS moves house")
        channel, ts = await place.card(waiting.gate.id)
        assert (await place.sandbox.act_as("ravi").click(channel, ts, "gate_approve")).acked
        await root_says(place, run, "Held: the workflow is switched off")
        why = await place.command("mina", f"why {run.name}")
        assert "The workflow is switched off (" in why
        assert "the CMS moves house" in why
        assert "*Publish* begins when the workflow is switched on again" in why
        for line in ("run hello", "run hello --dry-run"):
            refused = await place.command("mina", line)
            assert "switched off: " in refused
            assert "the CMS moves house" in refused
        for line in ("list", "help hello"):
            told = await place.command("mina", line)
            assert "*Switched off* by root, " in told
            assert "the CMS moves house" in told
        mina = place.sandbox.act_as("mina")
        await mina.open_home()
        await place.sandbox.until(lambda: "*Switched off* by root, " in str(mina.home))
        await switching.enable(place.engine, "hello")
        assert "Switched off" not in await place.command("mina", "list")
        channel, ts = await place.root(run)
        said = place.sandbox.workspace.said(channel)
        await place.sandbox.until(lambda: "Held" not in read(said.get(ts)))
