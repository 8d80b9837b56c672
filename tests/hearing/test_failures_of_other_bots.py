"""What other bots are complained about, tried on this one: the real app, the real engine, and a strict Slack."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest

from store.events import DecisionMade
from store.model import GateState, Retry, RunStatus
from tests.support.asked import asked
from tests.support.engines import gate, plan, step
from tests.support.screenplay import HOUR, played
from tests.support.stage import staged
from tests.support.town import REVIEWED, read, town

pytestmark = pytest.mark.anyio

LINKED = re.compile(r"<(https?://[^|>]+)")
POSTING = plan(step("draft"), gate("review", ["draft"]), step("publish", after=["review"]), workflow="publish_post")


# Deciding. ------------------------------------------------------------------------------------------------------------


async def test_nothing_that_is_fetched_by_its_address_decides(tmp_path: Path) -> None:
    """A preview, a crawler or a curious click opens addresses; only what Slack signed is an answer."""
    async with asked(tmp_path, by="http") as here:
        card = here.place.sandbox.workspace.said(here.channel).get(here.ts)
        assert card is not None
        door = here.place.sandbox.http_url
        addresses = [*LINKED.findall(str(here.place.ours("#content"))), door, f"{door}?value={here.gate.id}"]
        buttons = [one for block in card["blocks"] if block["type"] == "actions" for one in block["elements"]]
        assert [one["action_id"] for one in buttons] == ["gate_approve", "gate_reject"]
        assert not any("url" in one for one in buttons)
        async with aiohttp.ClientSession() as session:
            statuses = [(await session.get(one)).status for one in addresses if "127.0.0.1" in one]
        assert statuses[-2:] == [405, 405]
        await here.place.all_answered()
        assert (await here.look()).state is GateState.OPEN
        assert await here.events(DecisionMade) == []


async def test_what_the_bot_posts_is_never_unfolded_into_a_preview(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        await here.click("ravi")
        await here.place.ended(here.run)
        posted = here.place.sandbox.traffic.of("chat.postMessage")
        assert posted
        for one in posted:
            assert (one.request["unfurl_links"], one.request["unfurl_media"]) == (False, False)


async def test_what_is_decided_elsewhere_takes_the_buttons_from_the_card_and_from_homes(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        place, other = here.place, here.place.sandbox.act_as("ada")
        await other.open_home()
        await place.sandbox.until(lambda: other.home and "gate_approve" in str(other.home))
        assert "You approved" in await place.dm("ravi", f"approve {here.gate.name}")
        said = place.sandbox.workspace.said(here.channel)
        await place.sandbox.until(lambda: "*Approved* by <@U0RAVI>" in read(said.get(here.ts)))
        assert "gate_approve" not in str(said.get(here.ts))
        await other.open_home()
        await place.sandbox.until(lambda: "gate_approve" not in str(other.home))


async def test_a_card_loses_its_buttons_when_its_time_is_over_without_anybody_pressing_them(tmp_path: Path) -> None:
    made = plan(gate("review", expires_ms=HOUR))
    async with staged(tmp_path, made) as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        assert "gate_approve" in str(stage.said()[1]["blocks"])
        stage.clock.advance(HOUR)
        await stage.ended(run)
        await stage.settle()
        card = stage.said()[1]
        assert "gate_approve" not in str(card["blocks"])
        assert "*Expired*" in read(card)


async def test_the_clock_of_a_gate_starts_when_it_opens_and_not_with_its_run(tmp_path: Path) -> None:
    made = plan(gate("first"), gate("second", ["first"], due_ms=HOUR, expires_ms=2 * HOUR))
    async with staged(tmp_path, made) as stage:
        run = await stage.waits(await stage.start())
        stage.clock.advance(5 * HOUR)
        await stage.decide(run, "first")
        run = await stage.engine.wait_for(run.id, lambda run: run.steps["second"].gate is not None)
        found = run.steps["second"].gate
        assert found is not None
        assert (found.state, found.opened_at) == (GateState.OPEN, stage.clock.now())
        assert (found.due_at, found.expires_at) == (stage.clock.now() + HOUR, stage.clock.now() + 2 * HOUR)


async def test_a_card_says_what_was_decided_and_the_run_what_became_of_it(tmp_path: Path) -> None:
    """An approval whose effect fails is an approval still, and nowhere does it read as done."""
    breaks = step("publish", after=["review"], with_={"x": "${{ 1 / 0 }}"}, title="Publish")
    made = plan(gate("review"), breaks)
    async with staged(tmp_path, made) as stage:
        run = await stage.waits(await stage.start())
        await stage.decide(run, "review")
        assert (await stage.ended(run)).status is RunStatus.FAILED
        await stage.settle()
        root, card, end = (read(one) for one in stage.said())
        assert "*Approved* by <@U0RAVI>" in card
        assert "PLAN Failed at Publish" in root
        assert "failed at *Publish*" in end
        assert not [one for one in (root, card, end) if "done." in one or "PLAN Done" in one]


async def test_a_card_keeps_what_it_asked_about_when_it_was_decided(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        said = here.place.sandbox.workspace.said(here.channel)
        before = read(said.get(here.ts))
        await here.click("ravi")
        await here.place.sandbox.until(lambda: "*Approved*" in read(said.get(here.ts)))
        after = read(said.get(here.ts))
        for kept in ("Publish it?", "the draft"):
            assert kept in before
            assert kept in after


# Talking. -------------------------------------------------------------------------------------------------------------

SAID_IN_THE_THREAD = (
    "<@U0BOT> looks good",
    "<@U0BOT> publish_post",
    "<@U0BOT> why is it waiting?",
    "<@U0BOT> status",
    "<@U0BOT> thanks!",
    "<@U0BOT> please make it shorter",
    "<@U0BOT> yes, publish it again",
)


async def test_in_the_thread_of_a_run_nothing_that_is_said_starts_another_or_decides_this_one(tmp_path: Path) -> None:
    async with asked(tmp_path) as here:
        _, root = await here.place.root(here.run)
        person = here.place.sandbox.act_as("ravi")
        for count, line in enumerate(SAID_IN_THE_THREAD, start=1):
            await person.say("#content", line, thread_ts=root)
            await here.place.sandbox.until(lambda count=count: _answers(here, root, count))
        await person.say("#content", "looks good to me", thread_ts=root)  # to other people: none of our business
        await here.place.all_answered()
        assert len(await here.place.runs()) == 1
        assert (await here.look()).state is GateState.OPEN
        assert await here.events(DecisionMade) == []


def _answers(here, root: str, count: int) -> bool:
    replies = [one for one in here.place.ours("#content") if one.get("thread_ts") == root and one["ts"] != root]
    answered = [one for one in replies if one["ts"] != here.ts]
    return len(answered) + len(here.place.heard("ravi")) >= count


EVERY_KIND_OF_LINE = (
    "",
    "help",
    "help nonsense",
    "list",
    "status",
    "status R-ZZZ9",
    "why",
    "waiting",
    "mine",
    "whoami",
    "ping",
    "endpoints",
    "run",
    "run publish_post",
    "run publish_post topic=“never closed",
    "cancel",
    "cancel R-ZZZ9",
    "retry R-ZZZ9",
    "approve",
    "approve G-999",
    "reject G-999",
    "changes G-999 x",
    "pause R-ZZZ9",
    "who",
    "frobnicate the widget",
    "👍",
    '"',
)


async def test_every_line_is_answered_and_none_of_these_changes_anything(tmp_path: Path) -> None:
    async with town(tmp_path, REVIEWED, shows=False) as place:
        for line in EVERY_KIND_OF_LINE:
            said = await place.command("mina", line)
            assert said.removeprefix("TEXT").strip(), line
        assert await place.runs() == []


# Noise. ---------------------------------------------------------------------------------------------------------------


async def test_tries_before_the_last_are_told_by_the_root_alone_and_the_last_one_aloud(tmp_path: Path) -> None:
    tries = Retry(attempts=3, backoff_min_ms=HOUR, backoff_max_ms=HOUR)
    failing = step("publish", "command", with_={"argv": ["false"]}, effect="idempotent", retry=tries, title="Publish")
    async with staged(tmp_path, plan(failing), alerts_failed="#content-alerts") as stage:
        run = await stage.start()
        for attempt in (1, 2):
            await stage.engine.wait_for(run.id, _waits_after(attempt))
            await stage.projector.run_once(stage.clock.now())
            await stage.sender.run_once(stage.clock.now())
            assert len(stage.said()) == 1
            assert stage.said("#content-alerts") == []
            stage.clock.advance(3 * HOUR)
        assert (await stage.ended(run)).status is RunStatus.FAILED
        await stage.settle()
        assert len(stage.said()) == 2
        assert len(stage.said("#content-alerts")) == 1


def _waits_after(attempt: int):
    return lambda run: run.steps["publish"].attempt == attempt and run.steps["publish"].status == "ready"


async def test_a_whole_conversation_leaves_one_message_in_the_channel_and_the_rest_in_its_thread(
    tmp_path: Path,
) -> None:
    async with played(tmp_path, "Quietly", POSTING) as play:
        await play.types("mina", "run publish_post")
        await play.writes("mina", "@flow why?", thread="publish_post".title())
        await play.presses("ravi", "Approve")
        roots = [one for one in play.stage.said() if one.get("thread_ts", one["ts"]) == one["ts"]]
        assert len(roots) == 1
        assert not [one for one in play.stage.said() if one.get("subtype") == "thread_broadcast"]
