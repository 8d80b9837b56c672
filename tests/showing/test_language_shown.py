"""What people see of blocks, messages, reminders, policies, queues and undoing, with a real engine and the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.rules.commands import Retry as RetryRun
from store.model import Changes, Choice, Concurrency, Retry, RunStatus, StepPlan, StepStatus
from tests.support.engines import block, gate, plan, step
from tests.support.readable import readable
from tests.support.stage import MINA, Stage, defined, staged

pytestmark = pytest.mark.anyio

MINUTE = 60_000
CLAIMS = [{"id": f"c{n}", "ok": n not in (2, 3)} for n in range(1, 7)]
CHECKED = plan(
    step("draft"),
    block("checks", ["draft"], each="${{ inputs.claims }}", as_="claim", key="${{ claim.id }}", tolerate=2,
          with_={"ok": "${{ steps.verify.output.ok }}"}),
    step("checks.verify", with_={"ok": "${{ claim.ok }}", "id": "${{ claim.id }}"}),
    gate("checks.dispute", ["checks.verify"], when="${{ !steps.verify.output.ok }}",
         with_={"question": "Keep ${{ claim.id }}?", "show": "${{ claim }}"}, on_reject="continue"),
    inputs={"claims": {"type": "array"}},
)  # fmt: skip


def texts(stage: Stage, channel: str = "#content") -> list[str]:
    return [readable(one["text"], one.get("blocks", ())) for one in stage.said(channel)]


def message(name: str, to: str, text: str, after: Any = (), **more: Any) -> StepPlan:
    return step(name, "message", after, with_={"to": to, "text": text}, effect="idempotent", **more)


# Blocks. --------------------------------------------------------------------------------------------------------------


async def test_a_block_is_one_card_with_numbers_and_the_items_that_need_somebody(tmp_path: Path) -> None:
    async with staged(tmp_path, CHECKED) as stage:
        run = await stage.start(claims=CLAIMS)
        run = await stage.engine.wait_for(
            run.id, lambda run: sum(s.status == "waiting" for s in run.steps.values()) == 2 and run.active_since is None
        )
        await stage.settle()
        root, *cards = texts(stage)
        assert "Checks · 4 of 6 done, 2 waiting" in root
        assert "*c2: Dispute* waits for @editors" in root
        assert root.count("[~]") == 1
        assert "step 2 of 2" in root
        assert ["Keep c2?" in one or "Keep c3?" in one for one in cards] == [True, True]
        assert any("· c2" in one for one in cards)
        for key in ("checks.dispute[c2]", "checks.dispute[c3]"):
            await stage.decide(run, key)
        assert (await stage.ended(run)).status is RunStatus.SUCCEEDED
        await stage.settle()
        assert "[x] Checks · 6 of 6 done" in texts(stage)[0]


async def test_what_failed_in_a_block_is_named_on_its_card_and_in_the_alert(tmp_path: Path) -> None:
    broken = plan(
        block("checks", each="${{ inputs.claims }}", as_="claim", key="${{ claim.id }}"),
        step("checks.verify", with_={"x": "${{ 1 / (claim.ok ? 1 : 0) }}"}),
        inputs={"claims": {"type": "array"}},
    )
    async with staged(tmp_path, broken, alerts_failed="#content-alerts") as stage:
        run = await stage.start(claims=CLAIMS[:3])
        assert (await stage.ended(run)).status is RunStatus.FAILED
        await stage.settle()
        assert "*c2: Verify* failed" in texts(stage)[0]
        [alert] = texts(stage, "#content-alerts")
        assert "failed at *Verify (c" in alert


# Messages. ------------------------------------------------------------------------------------------------------------


async def test_messages_go_where_they_are_for_once_and_nothing_in_them_acts(tmp_path: Path) -> None:
    said = "<!channel> *see* https://blog.example/a?b=1&c=2. ${{ inputs.pin }}"
    speaking = plan(
        message("here", "thread", said),
        message("me", "requester", "Hello", ["here"]),
        message("there", "#content", "For all", ["me"]),
        message("ada", "U0ADA", "For Ada", ["there"]),
        message("group", "@editors", "For editors", ["ada"]),
        inputs={"pin": {"type": "string", "sensitive": True}},
    )
    async with staged(tmp_path, speaking) as stage:
        run = await stage.start(pin="7781")
        await stage.ended(run)
        await stage.settle()
        root, *_ = stage.said()
        thread = [one for one in stage.said() if one.get("thread_ts") == root["ts"] and one is not root]
        here = next(one for one in thread if "blog.example" in one["text"])
        assert here["text"].startswith("&lt;!channel&gt; ∗see* https://blog.example")
        assert {"type": "link", "url": "https://blog.example/a?b=1&c=2"} in here["blocks"][0]["elements"][0]["elements"]
        assert "7781" not in str(stage.said())
        assert "(not shown)" in here["text"]
        assert any(one["text"].startswith("<!subteam^S0EDITORS>: For editors") for one in thread)
        assert [one["text"] for one in stage.said() if "thread_ts" not in one or one["thread_ts"] == one["ts"]][
            -1
        ] == "For all"
        assert [one["text"] for one in stage.said("D0MINA")] == ["Hello"]
        assert [one["text"] for one in stage.said("D0ADA")] == ["For Ada"]
        await stage.look_the_same(run)


async def test_a_message_that_was_sent_back_before_anybody_posted_it_is_said_all_the_same_and_once(
    tmp_path: Path,
) -> None:
    speaking = plan(
        step("draft"),
        message("tell", "thread", "Round ${{ review.round }}", ["draft"]),
        message("ada", "U0ADA", "For Ada, ${{ review.round }}", ["draft"]),
        gate("review", ["draft"], changes=Changes("draft")),
    )
    async with staged(tmp_path, speaking) as stage:
        run = await stage.waits(await stage.start())  # nobody shows anything yet
        await stage.decide(run, "review", "changes", comment="again")
        run = await stage.engine.wait_for(
            run.id, lambda run: run.steps["tell"].round == 2 and run.steps["review"].status is StepStatus.WAITING
        )
        await stage.settle()
        thread = [one["text"] for one in stage.said() if one["text"].startswith("Round")]
        assert sorted(thread) == ["Round 1", "Round 2"]
        assert sorted(one["text"] for one in stage.said("D0ADA")) == ["For Ada, 1", "For Ada, 2"]
        await stage.decide(run, "review")
        await stage.ended(run)
        await stage.settle()
        assert [one["text"] for one in stage.said() if one["text"].startswith("Round")] == thread
        assert len(stage.said("D0ADA")) == 2


async def test_a_message_that_was_posted_before_it_was_sent_back_is_not_posted_again(tmp_path: Path) -> None:
    speaking = plan(
        step("draft"),
        message("tell", "thread", "Round ${{ review.round }}", ["draft"]),
        gate("review", ["draft"], changes=Changes("draft")),
    )
    async with staged(tmp_path, speaking) as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        await stage.decide(run, "review", "changes", comment="again")
        await stage.engine.wait_for(run.id, lambda run: run.steps["review"].round == 2)
        await stage.waits(run)
        await stage.settle()
        assert [one["text"] for one in stage.said() if one["text"].startswith("Round")] == ["Round 1", "Round 2"]


# The clock. -----------------------------------------------------------------------------------------------------------


async def test_people_are_reminded_and_others_called_in_once_each(tmp_path: Path) -> None:
    asked = plan(
        gate("review", due_ms=60 * MINUTE, remind_before_due_ms=(30 * MINUTE,), escalate_after_due_ms=10 * MINUTE,
             escalate_to=("U0LENA",), expires_ms=600 * MINUTE)
    )  # fmt: skip
    async with staged(tmp_path, asked) as stage:
        run = await stage.waits(await stage.start())
        await stage.settle()
        for minutes in (31, 30, 10, 20):
            stage.clock.advance(minutes * MINUTE)
            await stage.engine.wait_for(run.id, _clock_spoke(stage))
            await stage.settle()
        lines = [one["text"] for one in stage.said()[2:]]
        assert len(lines) == 3
        assert "still waits for you and is due" in lines[0]
        assert lines[0].startswith("<!subteam^S0EDITORS>")
        assert "was due" in lines[1]
        assert lines[2].startswith("<@U0LENA>: nobody has decided")
        assert "<@U0LENA>" in stage.said()[1]["blocks"][1]["text"]["text"]


def _clock_spoke(stage: Stage) -> Any:
    return lambda run: run.steps["review"].due_at is None or run.steps["review"].due_at > stage.clock.now()


async def test_what_the_workflow_decides_by_itself_is_told_in_the_thread_without_a_card(tmp_path: Path) -> None:
    auto = [{"verdict": "approve", "when": True, "comment": "Small enough"}]
    made = plan(gate("review", with_={"question": "Go?", "show": 1, "auto": auto}))
    async with staged(tmp_path, made) as stage:
        await stage.ended(await stage.start())
        await stage.settle()
        told = [one["text"] for one in stage.said()[1:]]
        assert [one for one in told if "own policy" in one] == [
            "*Review* was approved by the workflow's own policy; nobody was asked. “Small enough”"
        ]
        assert not [one for one in told if "Review needed" in one]


# Runs. ----------------------------------------------------------------------------------------------------------------


async def test_a_run_that_waits_for_its_turn_says_its_place_in_line(tmp_path: Path) -> None:
    narrow = plan(gate("review"), concurrency=Concurrency(1))
    async with staged(tmp_path, narrow) as stage:
        first, second, third = [await stage.start() for _ in range(3)]
        await stage.waits(first)
        await stage.settle()
        assert (await stage.look(third)).status is RunStatus.QUEUED
        assert [text.count("Queued: ") for text in texts(stage)] == [0, 0, 2, 2]
        assert "Queued: 2nd in line of sample" in texts(stage)[3]
        assert (await stage.look(second)).status is RunStatus.QUEUED


async def test_what_is_taken_back_and_the_last_steps_show(tmp_path: Path) -> None:
    made = plan(
        step("publish", title="Publish"),
        step("broken", after=["publish"], with_={"x": "${{ 1 / 0 }}"}, retry=Retry(1)),
        message("tell", "thread", "It is over: ${{ run.outcome }}", phase="finally"),
        undo=(step("publish:undo", with_={"gone": True}),),
    )
    async with staged(tmp_path, made) as stage:
        assert (await stage.ended(await stage.start())).status is RunStatus.FAILED
        await stage.settle()
        root = texts(stage)[0]
        assert "[x] Take back: Publish" in root
        assert "[x] Tell" in root
        assert "Failed at Broken" in root
        assert any(one["text"] == "It is over: failed" for one in stage.said())
        assert any("Taken back: Publish." in one["text"] for one in stage.said())


async def test_a_retry_makes_the_root_live_again(tmp_path: Path) -> None:
    going = tmp_path / "go"
    made = plan(step("ask", "command", with_={"argv": ["test", "-f", str(going)]}, effect="pure", retry=Retry(1)),
                gate("review", ["ask"]))  # fmt: skip
    async with staged(tmp_path, made) as stage:
        run = await stage.ended(await stage.start())
        await stage.settle()
        assert "run_cancel" not in str(stage.said()[0]["blocks"])
        going.touch()
        await stage.perform(run, RetryRun(MINA))
        await stage.waits(run)
        await stage.settle()
        root = stage.said()[0]
        assert "run_cancel" in str(root["blocks"])
        assert "waiting for a decision" in str(root["blocks"])
        assert any("Retried by <@U0MINA>" in str(one["blocks"]) for one in stage.said())


async def test_a_child_run_is_named_with_a_link_and_says_what_it_is_part_of(tmp_path: Path) -> None:
    child = plan(gate("review", choices=(Choice("a"), Choice("b"))), workflow="child")
    parent = plan(step("call", "workflow", with_={}, spec={"call": "child"}), workflow="sample")
    async with staged(tmp_path, parent) as stage:
        await stage.engine.use({"sample": defined(parent), "child": defined(child)})
        run = await stage.waits(await stage.start())
        await stage.settle()
        found = [text for text in texts(stage) if "Waiting for the end of Child <" in text]
        assert len(found) == 1
        assert any("Part of" in text and run.name in text for text in texts(stage)), texts(stage)
