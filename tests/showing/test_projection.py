"""What people see of a run from start to end, with a real engine and the sandbox Slack."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.rules.commands import Cancel, Decide, Pause, Resume
from store import outbox
from store.model import GateState, RunStatus
from tests.support.engines import OPERATOR, gate, plan, step
from tests.support.stage import MINA, RAVI, staged

pytestmark = pytest.mark.anyio

REVIEWED = plan(step("draft"), gate("review", ["draft"], due_ms=3_600_000), step("publish", after=["review"]))
FAILING = plan(step("broken", with_={"x": "${{ 1 / 0 }}"}))


async def test_a_run_is_one_root_with_its_card_and_its_end_in_the_thread(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED, title="Publish a post") as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        root, card = stage.said()
        assert card["thread_ts"] == root["ts"]
        assert "waiting for a decision" in str(root["blocks"])
        assert "gate_approve" in str(card["blocks"])
        await stage.decide(run, "review")
        await stage.ended(run)
        await stage.settle()
        root, card, end = stage.said()
        assert end["thread_ts"] == root["ts"]
        assert end["text"].startswith("<@U0MINA> Publish a post: done")
        assert "gate_approve" not in str(card["blocks"])
        assert "Approved" in str(card["blocks"])
        assert root["metadata"]["event_payload"] == {
            "k": f"run:{run.id}", "g": 1, "run": run.name, "trace": run.trace_id,
        }  # fmt: skip
        await stage.look_the_same(run)


async def test_buttons_leave_and_block_ids_change_with_the_decision(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        before = {block["block_id"] for block in stage.said()[1]["blocks"]}
        await stage.decide(run, "review", "reject", comment="not yet")
        await stage.settle()
        card = stage.said()[1]
        assert "not yet" in card["text"]
        questions = {one for one in before if one.startswith(("question", "decide"))}
        assert questions
        assert not questions & {block["block_id"] for block in card["blocks"]}


async def test_a_second_look_at_what_stands_sends_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        sent = len(list(stage.sandbox.traffic))
        await stage.engine.database.write(lambda tx: tx.execute("UPDATE outbox SET told = 0"))
        await stage.settle()
        assert len(list(stage.sandbox.traffic)) == sent
        await stage.look_the_same(run)


async def test_a_word_that_comes_late_does_not_bring_back_an_older_state(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await stage.waits(await stage.start())
        await stage.projector.run_once(stage.clock.now())  # seen at the gate, nothing sent yet
        await stage.decide(run, "review")
        await stage.ended(run)
        await stage.settle()
        root, card, _ = stage.said()
        assert "done" in str(root["blocks"])
        assert "gate_approve" not in str(card["blocks"])
        assert stage.sandbox.traffic.of("chat.update") == []
        await stage.look_the_same(run)


async def test_a_lost_word_heals_with_the_next_one(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await stage.waits(await stage.start())
        await stage.engine.database.write(lambda tx: outbox.told(tx, run.id, run.seq))
        await stage.settle()
        assert stage.said() == []
        await stage.decide(run, "review")
        await stage.ended(run)
        await stage.settle()
        assert len(stage.said()) == 3
        await stage.look_the_same(run)


async def test_a_run_counts_as_told_only_when_everything_stands(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await stage.waits(await stage.start())
        await stage.projector.run_once(stage.clock.now())
        await stage.sender.run_once(stage.clock.now())  # the root, but not its card
        await stage.projector.run_once(stage.clock.now())
        assert [one for one, _ in await stage.pending()] == [run.id]
        await stage.settle()
        assert await stage.pending() == []


async def test_a_run_that_is_shown_when_needed_appears_with_its_first_gate(tmp_path: Path) -> None:
    quiet = plan(step("one"), step("two", after=["one"]))
    async with staged(tmp_path, quiet, show="when_needed") as stage:
        await stage.ended(await stage.start())
        await stage.settle()
        assert stage.said() == []
    async with staged(tmp_path / "other", REVIEWED, show="when_needed") as stage:
        await stage.waits(await stage.start())
        await stage.settle()
        assert len(stage.said()) == 2


async def test_a_run_that_is_shown_when_needed_appears_with_its_failure(tmp_path: Path) -> None:
    async with staged(tmp_path, FAILING, show="when_needed") as stage:
        await stage.ended(await stage.start())
        await stage.settle()
        assert "failed" in stage.said()[0]["text"].casefold()


async def test_a_run_that_is_never_shown_still_raises_the_alarm_where_its_author_asked(tmp_path: Path) -> None:
    async with staged(tmp_path, FAILING, show="never", alerts_failed="#content-alerts") as stage:
        await stage.ended(await stage.start())
        await stage.settle()
        assert stage.said() == []
        assert len(stage.said("#content-alerts")) == 1


async def test_a_failure_is_told_in_the_channel_for_alerts_with_a_link_to_the_run(tmp_path: Path) -> None:
    async with staged(tmp_path, FAILING, alerts_failed="#content-alerts", owner="U0LENA") as stage:
        run = await stage.ended(await stage.start())
        await stage.settle()
        root = stage.said()[0]
        [alert] = stage.said("#content-alerts")
        assert f"archives/C0CONTENT/p{root['ts'].replace('.', '')}|{run.name}" in alert["text"]
        assert "<@U0LENA>" in str(alert["blocks"])
        await stage.look_the_same(run)


async def test_a_rejected_run_raises_no_alarm(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED, alerts_failed="#content-alerts") as stage:
        run = await stage.waits(await stage.start())
        await stage.decide(run, "review", "reject", comment="duplicate")
        assert (await stage.ended(run)).status is RunStatus.REJECTED
        await stage.settle()
        assert stage.said("#content-alerts") == []
        end = stage.said()[-1]
        assert "<@U0MINA>" in end["text"]
        assert "duplicate" in end["text"]


async def test_a_pause_is_told_once_and_then_that_it_is_over(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED, alerts_failed="#content-alerts") as stage:
        run = await stage.waits(await stage.start())
        await stage.perform(run, Pause(OPERATOR, "the CMS moves house"))
        await stage.settle()
        [notice] = stage.said("#content-alerts")
        assert "/flow resume" in notice["text"]
        await stage.perform(run, Resume(OPERATOR))
        await stage.settle()
        [notice] = stage.said("#content-alerts")
        assert "pointsman resume" not in str(notice["blocks"])
        await stage.perform(run, Pause(OPERATOR, "again"))
        await stage.settle()
        assert len(stage.said("#content-alerts")) == 2
        await stage.look_the_same(run)


async def test_an_overdue_gate_is_said_once_in_the_thread(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        stage.clock.advance(3_600_001)
        await stage.engine.wait_for(run.id, lambda run: run.steps["review"].gate.overdue)
        await stage.settle()
        root, card, line = stage.said()
        assert line["thread_ts"] == root["ts"]
        assert "was due" in line["text"]
        assert "overdue" in str(card["blocks"])
        await stage.decide(run, "review")
        await stage.ended(run)
        await stage.settle()
        assert sum("was due" in one["text"] for one in stage.said()) == 1


async def test_an_override_tells_the_owner_who_decided_and_why(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED, owner="@content-leads") as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        await stage.perform(run, Decide("review", OPERATOR, "approve", override="all editors are ill"))
        await stage.ended(run)
        await stage.settle()
        [told] = [one for one in stage.said() if "in the approvers' place. Reason" in one["text"]]
        assert told["text"].startswith("@content-leads: ")
        assert "all editors are ill" in told["text"]
        assert told["thread_ts"] == stage.said()[0]["ts"]


async def test_a_cancelled_run_withdraws_its_question(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        await stage.perform(run, Cancel(RAVI, "wrong topic"))
        run = await stage.ended(run)
        await stage.settle()
        assert run.steps["review"].gate.state is GateState.WITHDRAWN
        root, card, end = stage.said()
        assert "run_cancel" not in str(root["blocks"])
        assert "gate_approve" not in str(card["blocks"])
        assert end["text"] == f"<@{MINA.id}> Sample was cancelled by <@{RAVI.id}>: wrong topic"


async def test_a_card_does_not_hide_in_a_direct_message(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        run = await stage.waits(await stage.start(origin={"surface": "dm", "channel": "D0MINA", "user": "U0MINA"}))
        await stage.settle()
        assert len(stage.said("D0MINA")) == 1
        [card] = stage.said("#content")
        assert "gate_approve" in str(card["blocks"])
        await stage.look_the_same(run)


async def test_a_run_from_the_command_line_shows_itself_in_the_channel_of_its_workflow(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        await stage.waits(await stage.start(origin={"surface": "cli"}))
        await stage.settle()
        assert len(stage.said("#content")) == 2


async def test_a_directory_that_falls_silent_changes_no_message(tmp_path: Path) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        await stage.waits(await stage.start())
        await stage.settle()
        assert "<!subteam^S0EDITORS>" in str(stage.said()[1]["blocks"])
        stage.names.clear()
        edits = len(stage.sandbox.traffic.of("chat.update"))
        await stage.engine.database.write(lambda tx: tx.execute("UPDATE outbox SET told = 0"))
        await stage.settle()
        assert len(stage.sandbox.traffic.of("chat.update")) == edits


async def test_a_run_that_cannot_be_rendered_silences_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with staged(tmp_path, REVIEWED) as stage:
        bad = await stage.waits(await stage.start())
        good = await stage.waits(await stage.start(origin={"channel": "C0SUPPORT"}))
        render = stage.projector._messages

        async def broken(run_id: str) -> object:
            if run_id == bad.id:
                raise ZeroDivisionError
            return await render(run_id)

        monkeypatch.setattr(stage.projector, "_messages", broken)
        for _ in range(6):
            await stage.projector.run_once(stage.clock.now())
            await stage.sender.run_once(stage.clock.now())
        assert len(stage.said("C0SUPPORT")) == 2
        assert [one for one, _ in await stage.pending()] == [bad.id]
        monkeypatch.setattr(stage.projector, "_messages", render)
        await stage.settle()
        await stage.look_the_same(bad)
        await stage.look_the_same(good)


async def test_two_hundred_runs_are_all_told_in_the_end(tmp_path: Path) -> None:
    quick = plan(step("one"))
    async with staged(tmp_path, quick) as stage:
        stage.sandbox.limits.enabled = False
        channels = ("C0CONTENT", "C0SUPPORT", "C0INTAKE", "C0GENERAL")
        runs = [await stage.start(origin={"channel": channels[n % 4]}) for n in range(200)]
        for run in runs:
            await stage.ended(run)
        await stage.settle(rounds=2_000)
        assert sum(len(stage.said(channel)) for channel in channels) == 400
        for run in runs[:3]:
            await stage.look_the_same(run)
