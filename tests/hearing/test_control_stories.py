"""People retry, pause and resume runs: by the buttons of messages and with the exact words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.desk import worker
from store.model import Access, Plan, Retry, RunStatus
from tests.support.engines import gate, plan, step
from tests.support.town import Town, defined, read, town

pytestmark = pytest.mark.anyio

ONE_TRY = Retry(attempts=1)


def needs_file(path: Path, effect: str = "pure", name: str = "publish") -> Plan:
    """A run that fails for as long as a file is missing."""
    return plan(
        step("draft", effect="once" if effect == "once" else "pure"),
        step(
            name, "command", ["draft"], with_={"argv": ["test", "-f", str(path)]}, effect=effect, retry=ONE_TRY,
            title="Publish the post",
        ),
        workflow="hello",
    )  # fmt: skip


async def failed(place: Town) -> Any:
    await place.command("mina", "run hello", channel="#content")
    run = await place.ended(await place.last_run())
    assert run.status is RunStatus.FAILED
    return run


async def said_at(place: Town, key: str, has: str) -> tuple[str, str, str]:
    """Channel, ts and text of a message of ours, once it says this."""
    workspace = place.sandbox.workspace

    def found() -> list[tuple[str, str, str]]:
        ours = [(where, one) for where in workspace.channels for one in workspace.said(where) if "metadata" in one]
        told = [(where, one["ts"], read(one)) for where, one in ours if one["metadata"]["event_payload"]["k"] == key]
        return [one for one in told if has in one[2]]

    await place.sandbox.until(lambda: bool(found()))
    return found()[0]


async def test_a_failed_run_is_retried_from_its_last_message_in_the_same_thread(tmp_path: Path) -> None:
    async with town(tmp_path, needs_file(tmp_path / "go")) as place:
        run = await failed(place)
        channel, ts, _ = await said_at(place, f"end:{run.id}:1", "Retry from Publish the post")
        (tmp_path / "go").touch()
        assert (await place.sandbox.act_as("mina").click(channel, ts, "run_retry")).acked
        assert "goes on where it broke" in await place.whispered("mina", 2)
        after = await place.engine.wait_for(run.id, lambda run: run.status is RunStatus.SUCCEEDED)
        assert after.steps["draft"].attempt == 1
        _, end, _ = await said_at(place, f"end:{run.id}:2", "done")
        assert end != ts
        _, _, old = await said_at(place, f"end:{run.id}:1", "Retried by <@U0MINA>")
        assert "run_retry" not in old
        root_channel, root = await place.root(run)
        assert root_channel == channel
        assert place.sandbox.workspace.said(channel).get(end)["thread_ts"] == root


async def test_only_who_started_or_controls_a_run_may_retry_it(tmp_path: Path) -> None:
    async with town(tmp_path, needs_file(tmp_path / "go"), cards={"hello": {"access": _leads()}}) as place:
        run = await failed(place)
        channel, ts, _ = await said_at(place, f"end:{run.id}:1", "Retry")
        assert (await place.sandbox.act_as("ravi").click(channel, ts, "run_retry")).acked
        assert "Only <@U0MINA> or @content-leads may retry" in await place.whispered("ravi")
        assert (await place.last_run()).status is RunStatus.FAILED


def _leads() -> Any:
    return Access(control=("@content-leads",))


async def test_what_would_happen_twice_is_asked_about_before_a_retry(tmp_path: Path) -> None:
    async with town(tmp_path, needs_file(tmp_path / "go")) as place:
        run = await failed(place)
        (tmp_path / "go").touch()
        await place.command("mina", f"retry {run.name}")
        await place.engine.wait_for(run.id, lambda run: run.status is RunStatus.SUCCEEDED)
    twice = plan(
        step("pay", "command", with_={"argv": ["true"]}, effect="once", title="Pay the author"),
        step("tell", after=["pay"], with_={"x": "${{ 1 / 0 }}"}),
        workflow="hello",
    )
    folder = tmp_path / "other"
    folder.mkdir()
    async with town(folder, twice) as place:
        run = await failed(place)
        said = await place.command("mina", f"retry {run.name} from pay")
        assert "would do this once more" in said
        assert "Pay the author" in said
        assert (await place.last_run()).status is RunStatus.FAILED
        person = place.sandbox.act_as("mina")
        assert (await person.click("#general", person.ephemerals[-1]["ts"], "run_retry_anyway")).acked
        await place.engine.wait_for(run.id, lambda run: run.steps["pay"].round == 2)


async def test_a_step_that_is_not_there_is_no_place_to_retry_from(tmp_path: Path) -> None:
    async with town(tmp_path, needs_file(tmp_path / "go")) as place:
        run = await failed(place)
        said = await place.command("mina", f"retry {run.name} from publsh")
        assert "has no step called “publsh”" in said
        assert "draft, publish" in said


async def test_a_run_is_paused_and_resumed_with_the_exact_words(tmp_path: Path) -> None:
    waiting = plan(step("draft"), gate("review", ["draft"]), workflow="hello")
    async with town(tmp_path, waiting) as place:
        await place.command("mina", "run hello", channel="#content")
        run, _ = await place.at_gate()
        assert "is paused" in await place.command("mina", f"pause {run.name} because the CMS moves house")
        paused = await place.last_run()
        assert (paused.status, paused.reason) == (RunStatus.PAUSED, "the CMS moves house")
        channel, ts, text = await said_at(place, f"alert:{run.id}:paused:1", "the CMS moves house")
        assert "/flow resume" in text
        assert (await place.sandbox.act_as("mina").click(channel, ts, "run_resume")).acked
        await place.engine.wait_for(run.id, lambda run: run.status is RunStatus.RUNNING)
        await said_at(place, f"alert:{run.id}:paused:1", "Resumed by <@U0MINA>")
        assert "is not paused" in await place.command("mina", f"resume {run.name}")


async def test_an_alert_tells_that_its_run_recovered(tmp_path: Path) -> None:
    card = {"alerts_failed": "#content-alerts"}
    async with town(tmp_path, needs_file(tmp_path / "go"), cards={"hello": card}) as place:
        run = await failed(place)
        channel, ts, _ = await said_at(place, f"alert:{run.id}:failed", "Retry from Publish the post")
        (tmp_path / "go").touch()
        assert (await place.sandbox.act_as("mina").click(channel, ts, "run_retry")).acked
        _, _, text = await said_at(place, f"alert:{run.id}:failed", "*Recovered*")
        assert "Retried by <@U0MINA>" in text
        assert "run_retry" not in text


# With another version, from a step, with other inputs. ----------------------------------------------------------------

TOPIC = {"topic": {"type": "string"}, "tone": {"type": "string", "default": "plain"}}


def publishes(path: Path, **changes: Any) -> Plan:
    """Drafts what is asked for, asks an editor, and publishes when a file is there."""
    return plan(
        step("draft", with_={"text": "${{ inputs.topic }}"}, title="Write the draft"),
        gate("review", ["draft"], with_={"question": "Publish it?", "show": "${{ steps.draft.output.text }}"}),
        step(
            "publish", "command", ["review"],
            with_={"argv": ["test", "-f", str(path)]}, retry=ONE_TRY, effect="pure", title="Publish the post",
        ),
        workflow="hello", inputs=TOPIC, **changes,
    )  # fmt: skip


async def failed_after_approval(place: Town) -> Any:
    await place.command("mina", 'run hello topic="WAL in production" tone=dry', channel="#content")
    _, waiting = await place.at_gate()
    assert waiting.gate is not None
    channel, ts = await place.card(waiting.gate.id)
    assert (await place.sandbox.act_as("ravi").click(channel, ts, "gate_approve")).acked
    run = await place.ended(await place.last_run())
    assert run.status is RunStatus.FAILED
    return run


@pytest.mark.parametrize("way", ["slash", "mention", "dm"])
async def test_a_run_is_retried_with_other_inputs_in_the_same_words_everywhere(tmp_path: Path, way: str) -> None:
    async with town(tmp_path, publishes(tmp_path / "go")) as place:
        run = await failed_after_approval(place)
        line = f"retry {run.name} topic='Other news' because it is over"
        match way:
            case "slash":
                said = await place.command("mina", line)
            case "dm":
                said = await place.dm("mina", line)
            case _:
                before = len(place.heard("mina"))
                await place.sandbox.act_as("mina").say("#content", f"<@U0BOT> {line}")
                said = await place.whispered("mina", before + 1)
        assert "Done again: Write the draft, Review and Publish the post" in said
        assert "Changed: `topic`" in said
        after = await place.engine.wait_for(run.id, lambda run: run.status is RunStatus.RUNNING)
        assert after.inputs.value == {"topic": "Other news", "tone": "dry"}


async def test_a_retry_that_cannot_be_says_what_was_understood_and_changes_nothing(tmp_path: Path) -> None:
    async with town(tmp_path, publishes(tmp_path / "go")) as place:
        run = await failed_after_approval(place)
        said = await place.command("mina", f"retry {run.name} from publish --version latest tpoic=x")
        assert "I did not retry" in said
        assert "`tpoic` is no input of hello" in said
        assert "Understood: from `publish`, by the newest version, `tpoic` = “x”" in said
        assert f"/flow retry {run.name} from publish --version latest" in said
        said = await place.command("mina", f"retry {run.name} --version 2")
        assert "“2” is no version" in said
        assert (await place.last_run()).seq == run.seq


async def test_the_newest_version_is_offered_only_when_there_is_one(tmp_path: Path) -> None:
    card = {"alerts_failed": "#content-alerts"}
    async with town(tmp_path, publishes(tmp_path / "go"), cards={"hello": card}) as place:
        run = await failed_after_approval(place)
        _, _, alert = await said_at(place, f"alert:{run.id}:failed", "Retry from Publish the post")
        assert "run_retry_latest" not in alert
        assert "run_retry_otherwise" in alert
        said = await place.command("mina", f"retry {run.name} --version latest")
        assert "followed the newest version already" in said
        run = await place.engine.wait_for(run.id, lambda one: one.status.finished and one.seq > run.seq)
        before = publishes(tmp_path / "go")
        publish = replace(before.steps[-1], with_={"argv": ["true"]})
        mended = replace(before, steps=(*before.steps[:-1], publish), version="2" * 64)
        key = f"alert:{run.id}:failed:2"
        await said_at(place, key, "Retry from Publish the post")
        await place.engine.use({"hello": defined(mended, tmp_path, **card)})
        channel, ts, _ = await said_at(place, key, "Retry with the Newest Version")
        assert (await place.sandbox.act_as("mina").click(channel, ts, "run_retry_latest")).acked
        after = await place.engine.wait_for(run.id, lambda run: run.status is RunStatus.SUCCEEDED)
        assert (after.version, after.steps["review"].gate.version) == ("2" * 64, 1)


async def test_other_inputs_are_asked_for_in_a_form_that_stands_filled_in(tmp_path: Path) -> None:
    async with town(tmp_path, publishes(tmp_path / "go")) as place:
        run = await failed_after_approval(place)
        channel, ts, _ = await said_at(place, f"end:{run.id}:1", "Retry with Other Inputs")
        mina = place.sandbox.act_as("mina")
        assert (await mina.click(channel, ts, "run_retry_otherwise")).acked
        await place.sandbox.until(lambda: bool(mina.open_views))
        view = mina.open_views[-1]
        inputs = [one for one in view["blocks"] if one["type"] == "input"]
        shown = {one["block_id"]: one["element"].get("initial_value") for one in inputs}
        assert shown == {"field:0": "WAL in production", "field:1": "dry"}
        assert (await mina.submit(view["id"], {"field:0": {"value": "Other news"}})).closed
        after = await place.engine.wait_for(run.id, lambda run: run.status is RunStatus.RUNNING)
        assert after.inputs.value == {"topic": "Other news", "tone": "dry"}
        await said_at(place, f"again:{run.id}:1", "topic")


async def test_the_form_opens_at_once_however_much_else_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path, publishes(tmp_path / "go")) as place:
        run = await failed_after_approval(place)
        channel, ts, _ = await said_at(place, f"end:{run.id}:1", "Retry with Other Inputs")
        await place.all_answered()
        monkeypatch.setattr(worker, "LANES_MAX", 0)  # nobody is served who has to wait for a turn
        mina = place.sandbox.act_as("mina")
        assert (await mina.click(channel, ts, "run_retry_otherwise")).acked
        await place.sandbox.until(lambda: bool(mina.open_views))


async def test_the_thread_tells_whether_an_approval_still_holds(tmp_path: Path) -> None:
    async with town(tmp_path, publishes(tmp_path / "go")) as place:
        run = await failed_after_approval(place)
        await said_at(place, f"end:{run.id}:1", "Retry")
        await place.command("mina", f"retry {run.name} from draft")
        run = await place.engine.wait_for(run.id, lambda one: one.status.finished and one.seq > run.seq)
        _, _, told = await said_at(place, f"again:{run.id}:1", "still holds")
        assert "Retried by <@U0MINA>" in told
        assert "The approval of Review by <@U0RAVI> still holds: what was shown is the same" in told
        await said_at(place, f"end:{run.id}:2", "Retry")
        await place.command("mina", f"retry {run.name} topic=other")
        await place.engine.wait_for(run.id, lambda one: one.steps["review"].gate.version == 2)
        _, _, told = await said_at(place, f"again:{run.id}:2", "is asked again")
        assert "Review is asked again: what was shown has changed" in told
