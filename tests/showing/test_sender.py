"""Messages reach Slack and stay right, whatever Slack or the network do. Real sandbox, real store, clock by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.server import Sandbox
from engine.clock import HandClock
from store import outbox, unshown
from store.anchors import Anchor
from store.model import Run
from store.unshown import Unshown
from tests.support.engines import gate, plan, step
from tests.support.stage import Stage, defined, staged

pytestmark = pytest.mark.anyio

REVIEWED = plan(step("draft"), gate("review", ["draft"]), step("publish", after=["review"]))
FAILING = plan(step("broken", with_={"x": "${{ 1 / 0 }}"}))


async def at_gate(stage: Stage, **start: Any) -> Run:
    return await stage.waits(await stage.start(**start))


async def through(stage: Stage, run: Run) -> None:
    """Approve, let the run end, and let Slack catch up."""
    await stage.decide(run, "review")
    await stage.ended(run)
    await stage.settle()


# Lost answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "http_500"])
@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_post_with_a_lost_answer_stands_once(tmp_path: Path, kind: str, times: int) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        stage.sandbox.faults.add(method="chat.postMessage", kind=kind, times=times)
        run = await at_gate(stage)
        await stage.settle()
        await stage.look_the_same(run)
        await through(stage, run)
        await stage.look_the_same(run)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "http_500"])
async def test_an_edit_with_a_lost_answer_is_made_again(tmp_path: Path, kind: str) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await at_gate(stage)
        await stage.settle()
        stage.sandbox.faults.add(method="chat.update", kind=kind, times=2)
        await through(stage, run)
        await stage.look_the_same(run)


async def test_a_card_that_was_lost_is_found_in_its_thread(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await at_gate(stage)
        await stage.projector.run_once(stage.clock.now())
        await stage.sender.run_once(stage.clock.now())
        stage.sandbox.faults.add(method="chat.postMessage", kind="drop_after")
        await stage.settle()
        assert len(stage.sandbox.traffic.of("conversations.replies")) == 1
        await stage.look_the_same(run)


async def test_a_lost_message_is_looked_for_only_after_slack_had_time_to_store_it(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        await at_gate(stage)
        stage.sandbox.faults.add(method="chat.postMessage", kind="drop_after")
        begun = stage.clock.now()
        await stage.settle()
        [looked] = stage.sandbox.traffic.of("conversations.history")
        assert looked.at - begun >= 2_000


async def test_the_same_message_is_sent_again_under_the_same_id(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        await at_gate(stage)
        stage.sandbox.faults.add(method="chat.postMessage", kind="drop_before")
        await stage.settle()
        lost, again, _ = stage.sandbox.traffic.of("chat.postMessage")
        assert lost.request["client_msg_id"] == again.request["client_msg_id"]
        assert lost.request["metadata"] == again.request["metadata"]


@pytest.mark.parametrize("way", ["unknown_method", "missing_scope"])
async def test_where_nothing_can_be_read_back_it_is_sent_again_and_said_once(tmp_path: Path, way: str) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        for method in ("conversations.history", "conversations.replies"):
            stage.sandbox.faults.add(method=method, kind="error", error=way, times=None)
        stage.sandbox.faults.add(method="chat.postMessage", kind="drop_before", times=2)
        run = await at_gate(stage)
        await stage.settle()
        await stage.look_the_same(run)
        assert [(lack.name, lack.code) for lack in stage.slack.capabilities.all()] == [("read back", way)]
        assert len(stage.sandbox.traffic.of("conversations.history")) == 1


# Crashes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reached", [True, False])
async def test_after_a_crash_between_intent_and_answer_the_message_stands_once(tmp_path: Path, reached: bool) -> None:
    clock = HandClock()
    sandbox = Sandbox(clock=clock)
    async with staged(tmp_path, REVIEWED, sandbox=sandbox, clock=clock) as stage:
        run = await at_gate(stage)
        sandbox.faults.add(method="chat.postMessage", kind="drop_after" if reached else "drop_before")
        await stage.projector.run_once(clock.now())
        await stage.sender.run_once(clock.now())
        assert (await stage.anchors(run))["run"].state == "sending"
        assert len(stage.said()) == int(reached)
    async with staged(tmp_path, REVIEWED, sandbox=sandbox, clock=clock) as stage:
        await stage.settle()
        await stage.look_the_same(run)
        assert len(stage.said()) == 2


async def test_after_a_restart_replies_stay_in_their_thread(tmp_path: Path) -> None:
    clock = HandClock()
    sandbox = Sandbox(clock=clock)
    async with staged(tmp_path, REVIEWED, sandbox=sandbox, clock=clock) as stage:
        run = await at_gate(stage)
        await stage.settle()
    async with staged(tmp_path, REVIEWED, sandbox=sandbox, clock=clock) as stage:
        await through(stage, run)
        root, card, end = stage.said()
        assert {card["thread_ts"], end["thread_ts"]} == {root["ts"]}
        await stage.look_the_same(run)


async def test_a_message_whose_intent_alone_was_kept_is_posted(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await at_gate(stage)
        await stage.keep(Anchor(f"run:{run.id}", run.id, "C0CONTENT", sent_at=stage.clock.now() - 60_000))
        await stage.settle()
        assert len(stage.sandbox.traffic.of("conversations.history")) == 1
        await stage.look_the_same(run)


# Pace --------------------------------------------------------------------------------------------------------------


async def test_a_pause_that_slack_asks_for_is_kept(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        stage.sandbox.faults.add(method="chat.postMessage", kind="ratelimited", retry_after=30)
        run = await at_gate(stage)
        await stage.settle()
        refused, again, *_ = stage.sandbox.traffic.of("chat.postMessage")
        assert again.at - refused.at >= 30_000
        assert stage.sandbox.traffic.of("conversations.history") == []  # it is known that nothing was posted
        await stage.look_the_same(run)


async def test_a_paused_channel_does_not_hold_another(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        stage.sandbox.faults.add(method="chat.postMessage", kind="ratelimited", retry_after=600)
        await at_gate(stage)
        await stage.projector.run_once(stage.clock.now())
        await stage.sender.run_once(stage.clock.now())
        begun = stage.clock.now()
        await at_gate(stage, origin={"channel": "C0SUPPORT"})
        for _ in range(10):
            await stage.projector.run_once(stage.clock.now())
            await stage.sender.run_once(stage.clock.now())
            stage.clock.advance(500)
        assert len(stage.said("C0SUPPORT")) == 2
        assert stage.said("#content") == []
        assert stage.clock.now() - begun < 600_000


async def test_a_busy_workspace_never_meets_slacks_limits(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        runs = [await at_gate(stage, origin={"channel": one}) for one in ("C0CONTENT", "C0SUPPORT") * 12]
        await stage.settle(rounds=2_000)
        for run in runs:
            await stage.decide(run, "review")
        for run in runs:
            await stage.ended(run)
        await stage.settle(rounds=2_000)
        assert [entry.status for entry in stage.sandbox.traffic if entry.status == "ratelimited"] == []
        for run in runs:
            await stage.look_the_same(run)


async def test_a_message_that_changes_all_the_time_is_edited_every_three_seconds_at_most(tmp_path: Path) -> None:
    many = plan(*(gate(f"g{n}", [f"g{n - 1}"] if n else []) for n in range(14)))
    async with staged(tmp_path, many) as stage:
        run = await stage.start()
        for n in range(14):
            await stage.engine.wait_for(run.id, lambda run, n=n: run.steps[f"g{n}"].status == "waiting")
            await stage.projector.run_once(stage.clock.now())
            for _ in range(4):
                await stage.sender.run_once(stage.clock.now())
            stage.clock.advance(1_500)
            await stage.decide(run, f"g{n}")
        await stage.ended(run)
        await stage.settle()
        root = (await stage.anchors(run))["run"].ts
        edits = [entry.at for entry in stage.sandbox.traffic.of("chat.update") if entry.request["ts"] == root]
        spaces = [after - before for before, after in pairwise(edits[:-1])]  # the last one says how it ended
        assert spaces
        assert all(space >= 3_000 for space in spaces), spaces
        await stage.look_the_same(run)


async def test_alarms_go_before_cards_and_cards_before_progress(tmp_path: Path) -> None:
    both = plan(step("broken", with_={"x": "${{ 1 / 0 }}"}), workflow="failing")
    async with staged(tmp_path, REVIEWED) as stage:
        loaded = {"sample": defined(REVIEWED), "failing": defined(both, alerts_failed="C0CONTENT")}
        await stage.engine.use(loaded)
        await at_gate(stage)
        failed = await stage.ended(await stage.start("failing"))
        await stage.settle()
        said = [message["metadata"]["event_payload"]["k"] for message in stage.said()]
        assert said[:2] == [f"run:{failed.id}", f"alert:{failed.id}:failed"], "an alarm, under the run it is about"


# Places ------------------------------------------------------------------------------------------------------------


async def unshown_of(stage: Stage, run: Run) -> list[Unshown]:
    return await stage.engine.database.read(lambda tx: unshown.of_run(tx, run.id))


@pytest.mark.parametrize("code", ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"])
async def test_where_we_may_not_write_the_requester_is_written_to_with_the_reason(tmp_path: Path, code: str) -> None:
    async with staged(tmp_path, REVIEWED, channel="C0SUPPORT") as stage:
        stage.entries.people["@editors"] = ("U0ADA", "U0MINA")
        stage.sandbox.faults.add(method="chat.postMessage", kind="error", error=code)
        run = await at_gate(stage, origin={"channel": "C0SUPPORT"})
        await stage.settle()
        [root] = stage.said("D0MINA")
        assert "<#C0SUPPORT>" in str(root["blocks"])
        assert "you get this directly" in str(root["blocks"])
        [card] = stage.said("D0ADA")
        assert "gate_approve" in str(card["blocks"])
        assert [(one.channel, one.code, one.state) for one in await unshown_of(stage, run)] == [
            ("C0SUPPORT", code, "closed")
        ]
        await through(stage, run)
        assert stage.said("C0SUPPORT") == []
        assert [one["metadata"]["event_payload"]["k"].split(":")[0] for one in stage.said("D0MINA")] == ["run", "end"]
        assert "gate_approve" not in str(stage.said("D0ADA")[0]["blocks"])
        await stage.look_the_same(run)


async def test_a_private_channel_that_we_are_not_in_is_met_the_same_way(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await at_gate(stage, origin={"channel": "C0LEGAL"})
        await stage.settle()
        assert len(stage.said("D0MINA")) == 1
        await stage.look_the_same(run)


async def test_when_the_channel_opens_everything_stands_there_and_the_copies_stay_true(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED, owner="U0LENA") as stage:
        stage.entries.people["@editors"] = ("U0ADA",)
        run = await at_gate(stage, origin={"channel": "C0LEGAL"})
        await stage.settle()
        [notice] = stage.said("D0LENA")
        assert "is not shown in Slack" in notice["text"]
        legal = stage.sandbox.workspace.channel("#private-legal")
        stage.sandbox.workspace.change_channel("C0LEGAL", members=legal.members | {stage.slack.me.bot_user_id})
        await stage.engine.database.write(lambda tx: unshown.reopen(tx, ["C0LEGAL"]))
        await stage.settle()
        root, card = stage.said("C0LEGAL")
        assert card["thread_ts"] == root["ts"]
        assert await unshown_of(stage, run) == []
        assert "That is over." in stage.said("D0LENA")[0]["text"]
        await through(stage, run)
        assert len(stage.said("C0LEGAL")) == 3
        for channel in ("D0MINA", "D0ADA"):
            [copy] = stage.said(channel)
            assert "gate_approve" not in str(copy["blocks"])
            assert "archives/C0LEGAL" in str(copy["blocks"])
        await stage.look_the_same(run)


async def test_a_try_that_fails_changes_nothing_and_is_told_to_nobody(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED, owner="U0LENA") as stage:
        runs = [await at_gate(stage, origin={"channel": "C0LEGAL"}) for _ in range(3)]
        await stage.settle()
        said = {channel: [dict(one) for one in stage.said(channel)] for channel in ("D0MINA", "D0LENA")}
        assert [len(one) for one in said.values()] == [3, 4], "one notice, and cards: nobody knows who the editors are"
        tried = len(stage.sandbox.traffic.of("chat.postMessage"))
        assert await stage.engine.database.write(unshown.reopen_all) == 3
        await stage.settle()
        assert len(stage.sandbox.traffic.of("chat.postMessage")) - tried == 1, "one try tells for all of them"
        assert {channel: stage.said(channel) for channel in said} == said
        for run in runs:
            assert [one.state for one in await unshown_of(stage, run)] == ["closed"]


async def test_a_run_that_loses_its_channel_goes_on_with_people_and_comes_back(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        stage.entries.people["@editors"] = ("U0ADA",)
        run = await at_gate(stage)
        await stage.settle()
        stage.sandbox.faults.add(method="chat.update", kind="error", error="is_archived")
        await stage.engine.database.write(lambda tx: outbox.again(tx, run.id))
        stage.names["@editors"] = "S0LEADS"  # something to correct on the card
        await stage.settle()
        assert [one.state for one in await unshown_of(stage, run)] == ["closed"]
        [copy] = stage.said("D0ADA")
        assert "gate_approve" in str(copy["blocks"])
        await stage.engine.database.write(unshown.reopen_all)
        await through(stage, run)
        root, card, _ = stage.said()
        assert "done" in str(root["blocks"])
        assert "gate_approve" not in str(card["blocks"])
        assert await unshown_of(stage, run) == []
        await stage.look_the_same(run)


async def test_an_alarm_without_its_channel_goes_to_who_keeps_the_workflow(tmp_path: Path) -> None:
    async with staged(tmp_path, FAILING, alerts_failed="#no-such-channel", owner="U0LENA") as stage:
        await stage.ended(await stage.start())
        await stage.settle()
        alert, notice = stage.said("D0LENA")
        assert "#no-such-channel" in str(alert["blocks"])
        assert "#no-such-channel" in notice["text"]


async def test_a_person_who_cannot_be_written_to_holds_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        stage.sandbox.faults.add(method="conversations.open", kind="error", error="user_not_found", times=None)
        run = await at_gate(stage, origin={"channel": "C0LEGAL"})
        await stage.settle()
        assert (await stage.anchors(run))[f"run:{run.id}:to:U0MINA"].state == "gone"
        assert await stage.pending() == []


# Edits that Slack refuses --------------------------------------------------------------------------------------------


async def test_a_deleted_root_is_posted_again_and_what_follows_hangs_under_it(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await at_gate(stage)
        await stage.settle()
        root, card = stage.said()
        for one in (card, root):
            stage.sandbox.workspace.delete("C0CONTENT", one["ts"])
        await through(stage, run)
        await stage.look_the_same(run)
        anchors = await stage.anchors(run)
        assert anchors["run"].generation == 2
        end = next(one for one in stage.said() if one["metadata"]["event_payload"]["k"].startswith("end:"))
        assert end["thread_ts"] == anchors["run"].ts


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message", "block_mismatch"])
async def test_what_may_not_be_edited_is_said_anew_in_the_thread(tmp_path: Path, code: str) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await at_gate(stage)
        await stage.settle()
        stage.clock.advance(120_000)
        stage.sandbox.faults.add(method="chat.update", kind="error", error=code, times=2)
        await through(stage, run)
        anchors = await stage.anchors(run)
        assert anchors["run"].generation == anchors["gate"].generation == 2
        first = stage.said()[0]
        renewed = stage.sandbox.workspace.said("C0CONTENT").get(anchors["run"].ts)
        assert renewed["thread_ts"] == first["ts"]
        assert "done" in str(renewed["blocks"]).casefold()


async def test_a_workspace_that_forbids_edits_is_not_flooded(tmp_path: Path) -> None:
    many = plan(*(gate(f"g{n}", [f"g{n - 1}"] if n else []) for n in range(4)))
    async with staged(tmp_path, many) as stage:
        stage.sandbox.faults.add(method="chat.update", kind="error", error="cant_update_message", times=None)
        run = await stage.start()
        for n in range(4):
            await stage.engine.wait_for(run.id, lambda run, n=n: run.steps[f"g{n}"].status == "waiting")
            await stage.settle()
            await stage.decide(run, f"g{n}")
        await stage.ended(run)
        await stage.settle()
        roots = [one for one in stage.said() if one["metadata"]["event_payload"]["k"].startswith("run:")]
        assert len(roots) == 2  # the first, and the one that tells the end
        assert stage.slack.capabilities.lacks("chat.update")


async def test_a_missing_thread_makes_the_root_anew(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await at_gate(stage)
        await stage.settle()
        root, card = stage.said()
        for one in (card, root):
            stage.sandbox.workspace.delete("C0CONTENT", one["ts"])
        anchors = await stage.anchors(run)
        await stage.keep(replace(anchors["gate"], ts=None, sent_at=None, state="sending", shown=""))
        await stage.engine.database.write(lambda tx: tx.execute("UPDATE outbox SET told = 0"))
        await stage.settle()
        await stage.look_the_same(run)


# Blocks and tokens ---------------------------------------------------------------------------------------------------


async def test_blocks_that_slack_refuses_are_replaced_by_plainer_ones(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        stage.sandbox.faults.add(method="chat.postMessage", kind="error", error="invalid_blocks")
        run = await at_gate(stage)
        await stage.settle()
        root = stage.said()[0]
        assert "plan" not in {block["type"] for block in root["blocks"]}
        assert "Draft" in str(root["blocks"])
        await stage.look_the_same(run)


async def test_when_no_blocks_are_taken_the_text_says_it_all(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        stage.sandbox.faults.add(method="chat.postMessage", kind="error", error="invalid_blocks", times=2)
        run = await at_gate(stage)
        await stage.settle()
        assert "blocks" not in stage.said()[0]
        assert "Waiting for a decision" in stage.said()[0]["text"]
        await stage.look_the_same(run)


async def test_plain_messages_are_a_setting(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED, simple=True) as stage:
        run = await at_gate(stage)
        await through(stage, run)
        kinds = {block["type"] for one in stage.said() for block in one["blocks"]}
        assert kinds <= {"section", "context", "actions"}


async def test_a_revoked_token_stops_the_sending_and_loses_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        token, stage.sandbox.settings.bot_token = stage.sandbox.bot_token, "xoxb-another"
        run = await at_gate(stage)
        for _ in range(5):
            await stage.projector.run_once(stage.clock.now())
            await stage.sender.run_once(stage.clock.now())
        assert stage.sender.halted
        assert len(stage.sandbox.traffic.of("chat.postMessage")) == 1
        stage.sandbox.settings.bot_token = token
        await stage.settle()
        assert not stage.sender.halted
        await stage.look_the_same(run)


async def test_secrets_do_not_reach_slack(tmp_path: Path) -> None:
    def redact(text: str) -> str:
        return text.replace("hunter<2>", "[secret]").replace("opensesame", "[secret]")

    telling = plan(
        gate("review", with_={"question": "Is opensesame right?", "show": {"note": "it is hunter<2>", "n": "x"}})
    )
    async with staged(tmp_path, telling, redact=redact) as stage:
        await at_gate(stage)
        await stage.settle()
        everything = str(stage.said())
        assert "opensesame" not in everything
        assert "hunter" not in everything
        assert "[secret]" in everything
