"""People ask how things stand, in commands, threads and direct messages; and stop runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.rehearsal import rehearse
from store.model import RunStatus
from tests.support.parked import park
from tests.support.town import Town, town

pytestmark = pytest.mark.anyio


async def _waiting_run(place: Town) -> str:
    await place.command("mina", "run publish_post topic=x", channel="#content")
    run, step = await place.at_gate()
    assert step.gate is not None
    await place.card(step.gate.id)
    return run.name


async def _in_thread(place: Town, who: str, text: str) -> str:
    """Mention the bot in the thread of the latest run and read its public reply."""
    root_ts = (await place.root(await place.last_run()))[1]
    before = len(place.sandbox.workspace.thread("#content", root_ts))
    await place.sandbox.act_as(who).say("#content", f"<@U0BOT> {text}", thread_ts=root_ts)

    def replies() -> list[str]:
        thread = place.sandbox.workspace.thread("#content", root_ts)[before:]
        return [one["text"] for one in thread if one.get("bot_id") and "metadata" not in one]

    await place.sandbox.until(replies)
    return replies()[-1]


async def test_status_tells_steps_gate_and_link(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        name = await _waiting_run(place)
        said = await place.command("mina", f"status {name.lower()}")
        assert "waiting for a decision" in said
        assert "1. Draft: done" in said
        assert "2. Review: waiting" in said
        assert "3. Publish: not started" in said
        assert "https://meadow-press.slack.com/archives/C0CONTENT/p" in said


async def test_in_its_thread_this_is_implied_and_everyone_reads_along(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        name = await _waiting_run(place)
        assert name in await _in_thread(place, "omar", "status")
        said = await _in_thread(place, "omar", "why is it waiting?")
        assert "@editors may decide" in said
        assert "Nothing is broken." in said
        assert "<@U0MINA>, who started the run, may not" in await _in_thread(place, "omar", "who can approve this?")


async def test_a_question_in_a_channel_is_answered_privately(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        name = await _waiting_run(place)
        before = len(place.ours("#content"))
        await place.sandbox.act_as("omar").say("#content", f"<@U0BOT> how is {name}?")
        assert name in await place.whispered("omar")
        assert len(place.ours("#content")) == before


async def test_outside_a_thread_this_is_no_run(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await _waiting_run(place)
        assert "This is no run's thread." in await place.command("mina", "status this")
        assert "You have not started a run yet." in await place.command("omar", "why")


async def test_what_waits_is_listed_for_those_who_may_decide(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        assert "Nothing waits for you." in await place.dm("ravi", "what's waiting for me?")
        name = await _waiting_run(place)
        said = await place.dm("ravi", "what's waiting for me?")
        assert "Waiting for you: 1 gate" in said
        assert name in said
        assert "`approve G-1`" in said
        assert "Nothing waits for you." in await place.dm("mina", "what's waiting for me?")
        assert "Nothing waits for you." in await place.dm("omar", "what's waiting for me?")


async def test_what_waits_is_found_behind_any_number_of_gates_that_wait_for_others(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        name = await _waiting_run(place)
        run = await place.last_run()
        await place.engine.database.write(lambda tx: park(tx, run, 600, approvers=["@legal", "omar@meadow.example"]))
        said = await place.dm("ravi", "what's waiting for me?")
        assert "Waiting for you: 1 gate" in said
        assert name in said
        person = place.sandbox.act_as("ravi")
        await person.open_home()
        await place.sandbox.until(lambda: person.home)
        assert name in str(person.home)
        assert "Waiting for you: 600 gates" in await place.dm("omar", "what's waiting for me?")
        assert "Waiting for you: 600 gates" in await place.dm("nora", "what's waiting for me?")


async def test_where_more_waits_than_anybody_reads_the_longest_waiting_are_shown(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        name = await _waiting_run(place)
        run = await place.last_run()
        await place.engine.database.write(lambda tx: park(tx, run, 1_500, approvers=["@editors", "U0RAVI"]))
        said = await place.dm("ravi", "what's waiting for me?")
        assert "Waiting for you: more than 1,000 gates" in said
        assert [f"R-C{n}" in said for n in (1, 2, 3, 11)] == [True, True, True, False]
        assert name not in said
        person = place.sandbox.act_as("ravi")
        await person.open_home()
        await place.sandbox.until(lambda: person.home)
        assert "… and more than 985 more." in str(person.home)


async def test_mine_and_status_list_my_runs(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        assert "You have not started a run yet." in await place.command("mina", "mine")
        name = await _waiting_run(place)
        assert f"|{name}> Publish a blog post: waiting for a decision" in await place.command("mina", "mine")
        assert name in await place.command("mina", "status")
        assert name not in await place.command("omar", "mine")


async def test_list_and_help_show_only_what_one_may_start(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.command("mina", "list")
        assert "`publish_post`" in said
        assert "`pay_out`" not in said
        assert "`pay_out`" in await place.command("lena", "list")
        said = await place.command("mina", "help publish-post")
        assert "`topic` (text, required)" in said
        assert '/flow run publish_post topic="…"' in said
        assert "There is no help on “pay_out”" in await place.command("mina", "help pay_out")
        assert "Starts a run" in await place.command("mina", "help run")
        assert "workflows" in await place.command("mina", "")


async def test_whoami_tells_the_groups(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        assert "You are in: @content-leads, @legal" not in await place.command("lena", "whoami")
        assert "@content-leads" in await place.command("lena", "whoami")
        assert "no group of approvers" in await place.command("mina", "whoami")


async def test_a_run_that_one_may_not_see_does_not_exist(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await place.command("nora", "run fire_everybody", channel="#content")
        name = (await place.last_run()).name
        assert f"I know no run `{name}`" in await place.command("mina", f"status {name}")
        assert f"I know no run `{name}`" in await place.command("mina", f"cancel {name}")
        assert "Hush" in await place.command("nora", f"status {name}")


async def test_what_is_not_understood_gets_a_line_to_type(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.command("mina", "stauts R-7K2")
        assert "/flow status R-7K2" in said
        assert "I don't know" in await place.dm("mina", "the weather is nice")


async def test_the_requester_cancels_by_name(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        name = await _waiting_run(place)
        said = await place.command("mina", f"cancel {name} because we changed our minds")
        assert "cancelled" in said
        run = await place.last_run()
        assert (run.status, run.reason) == (RunStatus.CANCELLED, "we changed our minds")
        assert "has already finished" in await place.command("mina", f"cancel {name}")


async def test_cancel_last_asks_first(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        name = await _waiting_run(place)
        assert f"cancel {name}" in await place.command("mina", "cancel last")
        assert (await place.last_run()).status is RunStatus.RUNNING
        person = place.sandbox.act_as("mina")
        assert (await person.click("#general", person.ephemerals[-1]["ts"], "run_cancel")).acked
        assert (await place.ended(await place.last_run())).status is RunStatus.CANCELLED


async def test_the_button_of_the_root_message_cancels(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await _waiting_run(place)
        channel, ts = await place.root(await place.last_run())
        await place.sandbox.act_as("mina").click(channel, ts, "run_cancel")
        assert "cancelled" in await place.whispered("mina", 2)
        assert (await place.last_run()).status is RunStatus.CANCELLED


async def test_who_may_not_cancel_is_told_who_may(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await place.command("lena", "run pay_out", channel="#content")
        run = await place.last_run()
        said = await place.command("mina", f"cancel {run.name}")
        assert "Only <@U0LENA> or @content-leads may cancel" in said


async def test_home_of_a_guest_shows_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await _waiting_run(place)
        person = place.sandbox.act_as("gus")
        await person.open_home()
        await place.sandbox.until(lambda: person.home)
        assert len(person.home["blocks"]) == 1
        assert "members of this organisation" in str(person.home)


async def test_a_line_can_be_tried_without_slack_and_changes_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        name = await _waiting_run(place)
        groups = {"editors": ["U0RAVI"]}
        tried = {
            "run publish_post topic=x": "This would start *Publish a blog post*",
            "run publish_post": "`topic` is missing",
            "approve G-1": "This would approve G-1 v1",
            "reject G-1 because no": "This would reject G-1 v1",
            f"cancel {name}": f"This would cancel {name}",
            f"status {name}": "waiting for a decision",
            "list": "`publish_post`",
        }
        for line, answer in tried.items():
            assert answer in (await rehearse(place.engine, line, "U0RAVI", groups)).text
        assert "Only @editors may decide" in (await rehearse(place.engine, "approve G-1", "U0OMAR", groups)).text
        assert "This would cancel" in (await place.reception.say(f"cancel {name}", "U0MINA")).text
        assert len(await place.runs()) == 1
        assert (await place.last_run()).status is RunStatus.RUNNING
