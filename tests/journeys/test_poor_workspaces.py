"""Workspaces that cannot do all that Slack can, and Slack on a bad day: what is missing is said, and work goes on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web

from bot.sandbox.server import Sandbox
from store.events import DecisionMade
from store.model import RunStatus
from tests.support.console import Console
from tests.support.service_with_sandbox import CMS_TOKEN, ServedOffice, served

pytestmark = pytest.mark.anyio

UNKNOWN_HERE = frozenset({"usergroups.list", "usergroups.users.list", "conversations.history"})


class PoorSandbox(Sandbox):
    """A server in Slack's place that knows fewer methods and does not say which scopes a token has."""

    def __init__(self) -> None:
        super().__init__()
        self.disable_methods(set(UNKNOWN_HERE))

    def _application(self) -> web.Application:
        application = super()._application()
        application.on_response_prepare.append(self._without_scopes)
        return application

    async def _without_scopes(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.popall("x-oauth-scopes", None)


async def doctor(office: ServedOffice) -> dict[str, list[dict[str, Any]]]:
    """What `pointsman doctor` finds, by part."""
    console = Console(office.folder, CMS_TOKEN=CMS_TOKEN, **office.environment)
    ended = await anyio.to_thread.run_sync(partial(console.run, "doctor", "--json"))
    parts: dict[str, list[dict[str, Any]]] = {}
    for finding in ended.json:
        parts.setdefault(finding["part"], []).append(finding)
    return parts


async def test_without_user_groups_nobody_counts_as_an_approver_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with served(tmp_path, sandbox=PoorSandbox()) as office:
        run = await office.start("mina", "publish_post topic=Moss")
        card = await office.card(run)
        await card.click("ada", "gate_approve")
        said = await office.whispered("ada")
        assert "Slack did not tell me who is in @editors, so I count nobody in." in said
        assert card.actions == ["gate_approve", "gate_edit", "gate_changes", "gate_reject"]
        assert await office.events(run, DecisionMade) == []
        found = await doctor(office)
    assert "Slack did not say which scopes the token has." in [one["message"] for one in found["scopes"]]
    lacking = {one["message"].split()[0]: one for one in found["methods"]}
    assert set(lacking) == UNKNOWN_HERE
    assert all(one["state"] == "warn" for one in lacking.values())
    assert "groups of approvers must stand in the operator's settings file" in lacking["usergroups.list"]["message"]
    assert "usergroups" in capsys.readouterr().out


async def test_the_operators_own_groups_stand_in_for_those_that_slack_cannot_tell(tmp_path: Path) -> None:
    async with served(tmp_path, sandbox=PoorSandbox(), groups={"editors": ["U0ADA"]}) as office:
        run = await office.start("mina", "publish_post topic=Moss")
        card = await office.card(run)
        await card.click("ravi", "gate_approve")
        assert "may decide" in await office.whispered("ravi")
        await card.click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED
        assert "<@U0MINA> *Publish a blog post*: done" in (await office.end(run)).text


async def test_on_a_bad_day_of_slack_every_message_still_stands_once(tmp_path: Path) -> None:
    async with served(tmp_path) as office:
        office.sandbox.faults.add(method="chat.postMessage", kind="drop_after")
        office.sandbox.faults.add(method="chat.update", kind="ratelimited", retry_after=1)
        run = await office.start("mina", "publish_post topic=Storms")
        card = await office.card(run)
        office.sandbox.faults.add(method="chat.postMessage", kind="http_500")
        office.sandbox.faults.add(method="chat.update", kind="drop_after", times=2)
        await card.click("ada", "gate_approve")
        await office.end(run)
        await (await office.root(run)).until("[x] Put it online")
        await card.until("*Approved* by <@U0ADA>")
        await office.sandbox.until(lambda: any(one.startswith("say:") for one in office.subjects()))
        subjects = office.subjects()
        assert len(subjects) == len(set(subjects))
        assert sorted(one.split(":")[0] for one in subjects) == ["end", "gate", "run", "say"]
        assert office.sandbox.faults.as_json() == []


async def test_a_card_that_was_shown_before_a_restart_still_works(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with served(tmp_path, sandbox=sandbox) as office:
        run = await office.start("mina", "publish_post topic=Tides")
        before = await office.card(run)
    async with served(tmp_path, "http", sandbox=sandbox) as office:
        card = await office.card(run)
        assert card.ts == before.ts
        await card.click("ada", "gate_approve")
        assert (await office.ended(run)).status is RunStatus.SUCCEEDED
        await office.end(run)
        subjects = office.subjects()
        assert len(subjects) == len(set(subjects))
