"""People retry, pause and resume runs: by the buttons of messages and with the exact words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store.model import Access, Plan, Retry, RunStatus
from tests.support.engines import gate, plan, step
from tests.support.town import Town, read, town

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
