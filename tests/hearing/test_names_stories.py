"""People, groups and channels that workflows name: pinned when loaded, and reported when they come to mean others.

The whole service with its real Bolt app, against the sandbox Slack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from bot.client import Client
from bot.requests import Reload, Status
from bot.sandbox.people import UserGroup
from bot.sandbox.server import Sandbox
from store import handles
from store.events import DecisionMade
from store.model import Run, RunStatus
from tests.support.console import Console
from tests.support.service_with_sandbox import CMS_TOKEN, ServedOffice, served

pytestmark = pytest.mark.anyio

GATED = """\
workflow: gated
title: Wait for somebody
owner: lena@meadow.example
channel: "{channel}"
steps:
  ask:
    uses: approval
    with: {{question: "Go on?", approvers: [{approvers}]}}
"""
NOBODY = "Nobody can decide"


def write(folder: Path, approvers: str = '"@support"', channel: str = "#content") -> Path:
    """A folder with one workflow."""
    workflows = folder / "flows"
    workflows.mkdir(exist_ok=True)
    (workflows / "gated.yaml").write_text(GATED.format(approvers=approvers, channel=channel))
    return workflows


async def pinned(office: ServedOffice) -> dict[str, handles.Handle]:
    found = await office.service.service.engine.database.read(handles.everything)
    return {one.reference: one for one in found}


async def once_pinned(office: ServedOffice, *references: str) -> dict[str, handles.Handle]:
    with anyio.fail_after(20):
        while not set(references) <= (found := await pinned(office)).keys():
            await anyio.sleep(0.02)
    return found


async def reload(office: ServedOffice, *, accept: bool = False) -> Mapping[str, Any]:
    """`pointsman reload`, over the control socket."""
    client = Client(Path(office.environment["POINTSMAN_DB"]))
    answer: Mapping[str, Any] = await anyio.to_thread.run_sync(client.ask, Reload(accept_handles=accept))
    return answer


async def command(office: ServedOffice, *words: str) -> Any:
    """A command at a terminal beside the service."""
    console = Console(office.folder, CMS_TOKEN=CMS_TOKEN, **office.environment)
    return await anyio.to_thread.run_sync(partial(console.run, *words))


async def status(office: ServedOffice, run: Run) -> Mapping[str, Any]:
    client = Client(Path(office.environment["POINTSMAN_DB"]))
    found: Mapping[str, Any] = await anyio.to_thread.run_sync(client.ask, Status(ref=run.name))
    return found


def rename_group(sandbox: Sandbox, name: str, handle: str) -> None:
    sandbox.workspace.change_group(name, handle=handle)


def rename_channel(sandbox: Sandbox, name: str, other: str) -> None:
    channels = sandbox.workspace.channels
    found = sandbox.workspace.channel(name)
    channels[found.id] = replace(found, name=other)


def add_group(sandbox: Sandbox, group_id: str, handle: str, *users: str) -> None:
    made = UserGroup(id=group_id, handle=handle, name=handle.title(), users=users)
    sandbox.workspace.groups[made.id] = made


async def test_what_workflows_name_is_pinned_when_they_are_loaded(tmp_path: Path) -> None:
    workflows = write(tmp_path, '"@support", ravi@meadow.example, U0ADA')
    async with served(tmp_path, workflows=workflows) as office:
        found = await once_pinned(office, "@support", "#content", "ravi@meadow.example", "lena@meadow.example", "U0ADA")
        assert {one.reference: one.pinned for one in found.values()} == {
            "@support": "S0SUPPORT",
            "#content": "C0CONTENT",
            "ravi@meadow.example": "U0RAVI",
            "lena@meadow.example": "U0LENA",
            "U0ADA": "U0ADA",
        }
        write(tmp_path, '"@Editors"')
        assert (await reload(office))["references"] == []
        assert (await pinned(office))["@editors"].pinned == "S0EDITORS"


async def test_a_handle_that_passes_to_another_group_is_reported_and_not_followed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox, workflows = Sandbox(), write(tmp_path)
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        await once_pinned(office, "@support")
    rename_group(sandbox, "support", "old-support")
    add_group(sandbox, "S0NEW", "support", "U0ADA")
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        await sandbox.until(lambda: len(office.direct("lena")) > 0)
        [told] = office.direct("lena")
        assert "gated names @support, which means another group than before (S0NEW)" in told
        assert "(S0SUPPORT) stays in force" in told
        assert "pointsman reload --accept-handles" in told
        run = await office.start("mina", "gated")
        card = await office.card(run)
        await card.click("ada", "gate_approve")
        assert "may decide" in await office.whispered("ada")
        assert await office.events(run, DecisionMade) == []
        await card.click("omar", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED
        doctor = await command(office, "doctor", "--json")
        [found] = [one for one in doctor.json if one["part"] == "references"]
        assert (found["state"], "another group than before" in found["message"]) == ("warn", True)
        assert "--accept-handles" in found["cure"]
        [said] = (await reload(office))["references"]
        assert (said["workflow"], said["reference"]) == ("gated", "@support")
        await office.service.registrar.look()
        assert len(office.direct("lena")) == 1, "the owner is told once"
    assert "workflow.names_stranger" in capsys.readouterr().out


async def test_the_owner_is_told_once_across_restarts(tmp_path: Path) -> None:
    sandbox, workflows = Sandbox(), write(tmp_path)
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        await once_pinned(office, "@support")
        rename_group(sandbox, "support", "old-support")
        add_group(sandbox, "S0NEW", "support", "U0ADA")
        await reload(office)
        assert len(office.direct("lena")) == 1
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        await reload(office)
        assert len(office.direct("lena")) == 1


async def test_an_operator_accepts_what_was_reported_and_nothing_else(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with served(tmp_path, sandbox=sandbox, workflows=write(tmp_path)) as office:
        await once_pinned(office, "@support")
        rename_group(sandbox, "support", "old-support")
        add_group(sandbox, "S0NEW", "support", "U0ADA")
        first = await command(office, "reload", "--accept-handles", "--json")
        assert first.json["accepted"] == [], "nobody was told of it before"
        assert [one["reference"] for one in first.json["references"]] == ["@support"]
        assert (await pinned(office))["@support"].pinned == "S0SUPPORT"
        second = await command(office, "reload", "--accept-handles")
        assert "accepted: @support is S0NEW from here on; it was S0SUPPORT" in second.out
        kept = (await pinned(office))["@support"]
        assert (kept.pinned, kept.moved, bool(kept.pinned_by)) == ("S0NEW", False, True)
        assert (await reload(office))["references"] == []
        run = await office.start("mina", "gated")
        card = await office.card(run)
        await card.click("omar", "gate_approve")
        assert "may decide" in await office.whispered("omar")
        await card.click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED


async def test_a_channel_name_that_passes_to_another_channel_is_not_followed(tmp_path: Path) -> None:
    sandbox, workflows = Sandbox(), write(tmp_path, channel="#intake")
    async with served(tmp_path, sandbox=sandbox, workflows=workflows) as office:
        await once_pinned(office, "#intake")
        rename_channel(sandbox, "#intake", "ideas")
        rename_channel(sandbox, "#random", "intake")
        [said] = (await reload(office))["references"]
        assert "#intake, which means another channel than before (C0RANDOM)" in said["message"]
        await command(office, "run", "gated")
        [run] = await office.runs()
        assert (await office.card(run, "C0INTAKE")).text
        assert sandbox.workspace.said("C0RANDOM").roots() == []


async def test_a_channel_that_was_renamed_stays_the_same_channel_and_the_name_is_to_be_mended(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with served(tmp_path, sandbox=sandbox, workflows=write(tmp_path, channel="#intake")) as office:
        await once_pinned(office, "#intake")
        rename_channel(sandbox, "#intake", "ideas")
        [said] = (await reload(office))["references"]
        assert "no channel is called so any more" in said["message"]
        assert said["hint"] == "Write its present name."
        await command(office, "run", "gated")
        [run] = await office.runs()
        assert (await office.card(run, "C0INTAKE")).text


async def test_a_slack_that_cannot_say_at_the_start_is_asked_again(tmp_path: Path) -> None:
    sandbox = Sandbox()
    sandbox.faults.add(method="usergroups.list", kind="http_500", times=9)
    async with served(tmp_path, sandbox=sandbox, workflows=write(tmp_path)) as office:
        await once_pinned(office, "#content")
        assert "@support" not in await pinned(office)
        assert (await reload(office))["references_checked"] is False
        sandbox.faults.clear()
        assert (await reload(office))["references_checked"] is True
        assert (await pinned(office))["@support"].pinned == "S0SUPPORT"


# Nobody there ---------------------------------------------------------------------------------------------------------


async def test_a_gate_whose_group_does_not_exist_says_so_everywhere(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path, '"@nosuch"')) as office:
        await once_pinned(office, "@nosuch")
        [said] = (await reload(office))["references"]
        assert "names @nosuch, but there is no such group" in said["message"]
        run = await office.start("mina", "gated")
        card = await office.card(run)
        assert f"*{NOBODY}:* there is no group @nosuch" in await card.until(NOBODY)
        line = await office.found("#content", lambda one: "nobody can decide" in one["text"])
        assert "<@U0LENA>" in line.text
        assert f"pointsman approve {run.name} --override" in line.text
        assert "there is no group @nosuch" in await office.ask("mina", f"status {run.name}")
        assert "there is no group @nosuch" in await office.ask("mina", f"why {run.name}")
        state = await status(office, run)
        assert state["steps"]["ask"]["gate"]["nobody"] == "there is no group @nosuch"
        assert "nobody can decide: there is no group @nosuch" in (await command(office, "status", run.name)).out
        add_group(office.sandbox, "S0LATE", "nosuch", "U0ADA")
        assert (await reload(office))["references"] == []
        await office.sandbox.until(lambda: NOBODY not in card.text)
        await office.sandbox.until(lambda: "That is over." in line.text)
        assert (await status(office, run))["steps"]["ask"]["gate"]["nobody"] is None
        await card.click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED


async def test_a_group_that_is_missing_beside_others_is_named_and_the_others_decide(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path, '"@nosuch", U0ADA')) as office:
        await once_pinned(office, "@nosuch", "U0ADA")
        run = await office.start("mina", "gated")
        card = await office.card(run)
        await card.until("There is no group @nosuch; the others may decide.")
        assert (await status(office, run))["steps"]["ask"]["gate"]["nobody"] is None
        await card.click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED


async def test_a_group_that_is_taken_away_while_a_gate_waits_is_told_on_its_card(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        run = await office.start("mina", "gated")
        card = await office.card(run)
        await once_pinned(office, "@support")
        office.sandbox.workspace.change_group("support", disabled=True)
        await reload(office)
        await card.until(NOBODY)


async def test_whoever_is_asked_at_a_gate_of_an_older_version_is_reported_too(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        run = await office.start("mina", "gated")
        card = await office.card(run)
        write(tmp_path, "U0ADA")
        office.sandbox.workspace.change_group("support", disabled=True)
        [said] = (await reload(office))["references"]
        assert said["message"] == "a waiting gate names @support, but there is no such group."
        await card.until(NOBODY)


async def test_an_answer_of_slack_in_a_shape_of_its_own_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("bot.sandbox.web_api.shapes.group", lambda *given, **more: {"id": "S0ODD"})
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        run = await office.start("mina", "gated")
        assert await office.card(run)
    assert "handles.not_looked_up" in capsys.readouterr().out


async def test_the_operators_group_stands_in_for_one_that_slack_does_not_have(tmp_path: Path) -> None:
    workflows = write(tmp_path, '"@nosuch"')
    async with served(tmp_path, workflows=workflows, groups={"nosuch": ["ravi@meadow.example"]}) as office:
        await once_pinned(office, "@nosuch", "ravi@meadow.example")
        assert (await reload(office))["references"] == []
        run = await office.start("mina", "gated")
        card = await office.card(run)
        assert NOBODY not in card.text
        await card.click("ravi", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED


async def test_pins_of_another_workspace_are_forgotten(tmp_path: Path) -> None:
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        await once_pinned(office, "@support")
        database = office.service.service.engine.database
        kept = (await pinned(office))["@support"]
        elsewhere = handles.Handle("@far", "T0FAR", "S0FAR", "S0FAR", "found", kept.pinned_at)
        await database.write(lambda tx: handles.keep(tx, elsewhere))
    async with served(tmp_path, workflows=write(tmp_path)) as office:
        assert "@far" not in await pinned(office)
        assert (await pinned(office))["@support"] == kept
