"""Runs whose channel cannot be written to: they say so, ask their people directly, and move in when the channel opens.

The whole service with its real Bolt app, against the sandbox Slack.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from bot.sandbox.server import Sandbox
from store.model import Run, RunStatus
from tests.support.console import Console
from tests.support.service_with_sandbox import CMS_TOKEN, Card, ServedOffice, served

pytestmark = pytest.mark.anyio

GATED = """\
workflow: gated
title: Wait for somebody
owner: "{owner}"
{channel}
steps:
  ask:
    uses: approval
    with: {{question: "Go on?", approvers: ["@editors"]}}
"""
QUIET = """\
workflow: quiet
steps: {a: {uses: transform, with: {said: hi}}}
"""
FAILING = """\
workflow: failing
title: Break
owner: U0LENA
channel: "#private-legal"
steps: {a: {uses: transform, with: {said: "${{ 1 / 0 }}"}}}
"""
LEGAL = 'channel: "#private-legal"'
NOT_IN_LEGAL = "the bot is not in #private-legal"


def write(folder: Path, *, owner: str = "@content-leads", channel: str = LEGAL) -> Path:
    """A folder with these workflows."""
    workflows = folder / "flows"
    workflows.mkdir(exist_ok=True)
    (workflows / "gated.yaml").write_text(GATED.format(owner=owner, channel=channel))
    (workflows / "quiet.yaml").write_text(QUIET)
    (workflows / "failing.yaml").write_text(FAILING)
    return workflows


async def command(office: ServedOffice, *words: str) -> Any:
    """A command at a terminal beside the service."""
    console = Console(office.folder, CMS_TOKEN=CMS_TOKEN, **office.environment)
    return await anyio.to_thread.run_sync(partial(console.run, *words))


async def by_operator(office: ServedOffice, name: str = "gated") -> Run:
    started = await command(office, "run", name, "--json")
    run = await office.service.service.engine.look(started.json["name"])
    assert run is not None
    return run


async def status(office: ServedOffice, run: Run) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (await command(office, "status", run.name, "--json")).json
    return found


async def noted(office: ServedOffice, run: Run) -> Mapping[str, Any]:
    """What stands in the way of a run, once it is known."""
    with anyio.fail_after(20):
        while (await status(office, run))["shown"] is None:
            await anyio.sleep(0.05)
    found: Mapping[str, Any] = (await status(office, run))["shown"]
    return found


async def copy(office: ServedOffice, run: Run, who: str) -> Card:
    """The card that this person got directly."""
    return await office.card(run, f"D0{who.upper()}")


def roots(office: ServedOffice, channel: str) -> list[str]:
    said = office.sandbox.workspace.said(channel).roots()
    return [one["metadata"]["event_payload"]["k"].split(":")[0] for one in said if "metadata" in one]


async def test_a_run_that_an_operator_started_where_we_are_not_says_so(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        run = await by_operator(office)
        shown = await noted(office, run)
        assert shown.keys() == {"channel", "problem", "hint"}
        assert shown["channel"] == "#private-legal"
        assert shown["problem"].startswith(NOT_IN_LEGAL)
        assert "/invite @flow" in shown["hint"]
        assert f"Not shown in Slack: {NOT_IN_LEGAL}" in (await command(office, "status", run.name)).out
        said = await office.ask("lena", f"status {run.name}")
        assert "Not shown in Slack: I am not in #private-legal" in said
        assert "Invite me with /invite @flow" in said
        [found] = [one for one in (await command(office, "doctor", "--json")).json if one["part"] == "shown"]
        assert found["state"] == "warn"
        assert f"{run.name} is not shown in Slack: {NOT_IN_LEGAL}" in found["message"]
        assert "/invite @flow" in found["cure"]
    assert (await status(office, run))["shown"] == shown, "the file tells it too, without a service"


async def test_its_approvers_get_the_card_directly_and_decide_there(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        run = await by_operator(office)
        cards = [await copy(office, run, who) for who in ("ada", "ravi", "lena")]
        assert "I am not in #private-legal" in cards[0].text
        assert office.direct("omar") == []
        await cards[0].click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED
        for card in cards:
            await card.until("*Approved* by <@U0ADA>")
            assert "gate_approve" not in card.actions
        subjects = office.subjects()
        assert len(subjects) == len(set(subjects))


async def test_where_approvers_cannot_be_listed_the_owner_gets_the_card(tmp_path: Path) -> None:
    sandbox = Sandbox()
    sandbox.disable_methods({"usergroups.list", "usergroups.users.list"})
    async with served(tmp_path, sandbox=sandbox, workflows=write(tmp_path, owner="nora@meadow.example")) as office:
        run = await by_operator(office)
        card = await copy(office, run, "nora")
        assert "Nobody can decide:* Slack does not say who is behind @editors" in await card.until("Slack does not say")


async def test_the_owner_is_told_once_for_all_runs_of_a_workflow_there(tmp_path: Path) -> None:
    sandbox, workflows = Sandbox(), write(tmp_path, owner="nora@meadow.example")
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        runs = [await by_operator(office) for _ in range(3)]
        for run in runs:
            await noted(office, run)
            await copy(office, run, "ada")
        await sandbox.until(lambda: office.direct("nora"))
        [told] = office.direct("nora")
        assert f"*Wait for somebody* {runs[0].name} is not shown in Slack: I am not in #private-legal" in told
        await command(office, "reload")
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        run = await by_operator(office)
        await copy(office, run, "ada")
        assert office.direct("nora") == [told]


async def test_when_we_are_invited_what_waits_is_shown_there(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        waiting, over = await by_operator(office), await by_operator(office)
        direct = await copy(office, waiting, "ada")
        other = await copy(office, over, "ada")
        await other.click("ada", "gate_approve")
        await office.ended(over)
        await other.until("*Approved*")
        await office.sandbox.act_as("nora").command("/invite", "@flow", channel="#private-legal")
        card = await office.card(waiting, "#private-legal")
        root = await office.root(waiting, "#private-legal")
        assert card.message["thread_ts"] == root.ts
        assert roots(office, "C0LEGAL") == ["run"], "what is over is not told late"
        assert (await status(office, waiting))["shown"] is None
        assert (await status(office, over))["shown"]["hint"] == ""
        await direct.until("This stands <https://meadow-press.slack.com/archives/C0LEGAL/")
        await card.click("lena", "gate_approve")
        await office.end(waiting, "#private-legal")
        await direct.until("*Approved* by <@U0LENA>")
        later = await by_operator(office)
        assert await office.card(later, "#private-legal")


async def test_an_invitation_while_we_were_away_is_found_at_the_next_start(tmp_path: Path) -> None:
    sandbox, workflows = Sandbox(), write(tmp_path)
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        run = await by_operator(office)
        await copy(office, run, "ada")
    legal = sandbox.workspace.channel("#private-legal")
    sandbox.workspace.change_channel("C0LEGAL", members=legal.members | {sandbox.workspace.app.bot_user_id})
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        assert await office.card(run, "#private-legal")


async def test_a_workflow_that_names_another_channel_shows_its_runs_there_after_a_reload(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        run = await by_operator(office)
        await noted(office, run)
        write(tmp_path, channel='channel: "#support"')
        await command(office, "reload")
        assert await office.card(run, "#support")
        assert (await status(office, run))["shown"] is None


async def test_a_person_who_starts_a_run_there_has_it_directly_and_so_have_its_approvers(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        said = await office.ask("mina", "run gated", "#random")
        assert "Starting" in said
        [run] = await office.runs()
        card = await copy(office, run, "ada")
        assert await office.root(run, "D0MINA")
        await card.click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED
        assert await office.end(run, "D0MINA")


async def test_a_failure_that_cannot_be_told_in_its_channel_reaches_the_owner(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        run = await by_operator(office, "failing")
        await office.sandbox.until(lambda: any("*Break* failed" in one for one in office.direct("lena")))
        assert (await office.ended(run)).status is RunStatus.FAILED


# No channel at all ---------------------------------------------------------------------------------------------------


async def test_a_workflow_without_a_channel_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        run = await by_operator(office, "quiet")
        shown = await noted(office, run)
        assert (shown["channel"], shown["problem"]) == (None, "the workflow names no channel")
        assert "Not shown in Slack: the workflow names no channel." in (await command(office, "status", run.name)).out
        assert [one for one in (await command(office, "doctor", "--json")).json if one["part"] == "shown"] == []
    lines = capsys.readouterr().out.splitlines()
    [line] = [one for one in lines if "run.not_shown" in one and run.name in one]
    assert "info" in line
    assert not [one for one in lines if "message.given_up" in one or "[error" in one]


async def test_a_gate_of_a_workflow_without_a_channel_asks_its_approvers_directly(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path, channel="")) as office:
        run = await by_operator(office)
        card = await copy(office, run, "ada")
        assert "The workflow names no channel" in card.text
        await card.click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED


async def test_a_gate_of_a_run_that_was_started_in_a_direct_message_asks_its_approvers_directly(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path, channel="")) as office:
        assert "Starting" in await office.write("mina", "run gated")
        [run] = await office.runs()
        card = await copy(office, run, "ada")
        await card.until("You get this directly, because you may decide.")
        await card.click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED
