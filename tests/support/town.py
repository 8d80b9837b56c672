"""A whole town: the sandbox Slack, a real engine, everything that shows and everything that hears and answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio

from bot.projection import Projector
from bot.sandbox.server import Sandbox
from bot.sender import Sender
from bot.slack import Slack, connected
from engine.api import Engine
from engine.clock import Clock, SystemClock
from store import anchors, lookups, receipts
from store.model import Access, Plan, Run, Step, Workflow
from tests.support.engines import gate, plan, running, step
from tests.support.entries import Entries
from tests.support.readable import readable
from tests.support.reception import Reception, receiving

NAMES = {"@editors": "S0EDITORS", "#content": "C0CONTENT"}
INPUTS = {
    "topic": {"type": "string", "maxLength": 12_000},
    "tone": {"type": "string", "enum": ["plain", "playful"], "default": "plain"},
    "password": {"type": "string", "optional": True, "sensitive": True},
}
REVIEWED = plan(
    step("draft", with_={"text": "${{ inputs.topic }}"}),
    gate("review", ["draft"], with_={"question": "Publish it?", "show": {"text": "the draft"}}),
    step("publish", after=["review"]),
    workflow="publish_post",
    inputs=INPUTS,
)
QUICK = plan(step("hello"), workflow="hello")
LEADS_ONLY = plan(step("go"), workflow="pay_out")
SECRET = plan(step("go"), workflow="fire_everybody")
CARDS: dict[str, dict[str, Any]] = {
    "publish_post": {"title": "Publish a blog post", "description": "Editors decide.", "channel": "#content"},
    "hello": {"title": "Say hello"},
    "pay_out": {"title": "Pay authors", "access": Access(start=("@content-leads",), control=("@content-leads",))},
    "fire_everybody": {"title": "Hush", "access": Access(start=("@legal",), see=("@legal",), control=("@legal",))},
}  # fmt: skip
ALL = (REVIEWED, QUICK, LEADS_ONLY, SECRET)


@dataclass
class Town:
    """Everything in it, and what one can find out about it."""

    sandbox: Sandbox
    engine: Engine
    slack: Slack
    reception: Reception

    def heard(self, who: str) -> list[str]:
        """What was whispered to this person, oldest first, as it can be read."""
        return [read(one) for one in self.sandbox.act_as(who).ephemerals if one.get("bot_id")]

    def direct(self, who: str) -> list[str]:
        """What the bot wrote to this person directly."""
        return [read(one) for one in self.sandbox.workspace.said(f"D0{who.upper()}") if one.get("bot_id")]

    def ours(self, channel: str) -> list[dict[str, Any]]:
        place = self.sandbox.workspace.channel(channel).id
        return [one for one in self.sandbox.workspace.said(place) if one.get("bot_id")]

    async def whispered(self, who: str, count: int = 1) -> str:
        """The latest whisper to this person, once there are so many."""
        await self.sandbox.until(lambda: len(self.heard(who)) >= count)
        return self.heard(who)[-1]

    async def written(self, who: str, count: int = 1) -> str:
        """The latest direct message to this person, once there are so many."""
        await self.sandbox.until(lambda: len(self.direct(who)) >= count)
        return self.direct(who)[-1]

    async def command(self, who: str, text: str, channel: str = "#general") -> str:
        """Type `/flow …` and read the answer."""
        before = len(self.heard(who))
        answer = await self.sandbox.act_as(who).command("/flow", text, channel=channel)
        assert answer.acked, answer
        return await self.whispered(who, before + 1)

    async def dm(self, who: str, text: str) -> str:
        """Write to the bot and read the answer."""
        before = len(self.direct(who))
        await self.sandbox.act_as(who).say("dm", text)
        return await self.written(who, before + 1)

    async def runs(self) -> list[Any]:
        return await self.engine.database.read(lambda tx: lookups.run_list(tx))

    async def last_run(self) -> Run:
        run = await self.engine.look((await self.runs())[0].id)
        assert run is not None
        return run

    async def at_gate(self, *, quorum: int = 1) -> tuple[Run, Step]:
        """The latest run, once it waits at its gate."""
        with anyio.fail_after(20):
            run = await self.engine.wait_for(
                (await self.last_run()).id, lambda run: any(one.gate for one in run.steps.values())
            )
        return run, next(one for one in run.steps.values() if one.gate)

    async def card(self, gate_id: str) -> tuple[str, str]:
        """Channel and ts of a gate's card, once it stands in Slack."""
        with anyio.fail_after(20):
            while True:
                found = await self.engine.database.read(lambda tx: anchors.of(tx, f"gate:{gate_id}"))
                if found is not None and found.ts is not None:
                    return found.channel, found.ts
                await self.engine.told.wait(20)

    async def root(self, run: Run) -> tuple[str, str]:
        """Channel and ts of a run's root message, once it stands in Slack."""
        with anyio.fail_after(20):
            while True:
                found = await self.engine.database.read(lambda tx: anchors.of(tx, f"run:{run.id}"))
                if found is not None and found.ts is not None:
                    return found.channel, found.ts
                await self.engine.told.wait(20)

    async def ended(self, run: Run) -> Run:
        with anyio.fail_after(20):
            return await self.engine.wait_for(run.id, lambda run: run.status.finished)

    async def open_receipts(self) -> list[receipts.Receipt]:
        return await self.engine.database.read(lambda tx: receipts.open(tx, 100))

    async def all_answered(self) -> None:
        with anyio.fail_after(20):
            while await self.open_receipts():
                await self.engine.received.wait(20)


def read(message: Mapping[str, Any]) -> str:
    return readable(message["text"], message.get("blocks", ()))


def defined(made: Plan, folder: Path, **card: Any) -> Any:
    card = {**CARDS.get(made.workflow, {}), **card}
    workflow = replace(Workflow(made.workflow, made.workflow.title(), made.version), **card)
    return SimpleNamespace(workflow=workflow, plan=made, source="", folder=folder)


@asynccontextmanager
async def town(
    path: Path,
    *plans: Plan,
    sandbox: Sandbox | None = None,
    clock: Clock | None = None,
    by: str = "socket",
    own_groups: Mapping[str, Sequence[str]] | None = None,
    shows: bool = True,
    cards: Mapping[str, Mapping[str, Any]] | None = None,
) -> AsyncIterator[Town]:
    """A town on this file. Give a sandbox that runs already to play a restart of the service alone."""
    clock = clock or SystemClock()
    if sandbox is None:
        sandbox = Sandbox(clock=clock)
        async with (
            sandbox.running(),
            town(
                path, *plans, sandbox=sandbox, clock=clock, by=by, own_groups=own_groups, shows=shows, cards=cards
            ) as built,
        ):
            yield built
        return
    async with (
        running(path / "town.db", clock=clock) as service,
        connected(sandbox.bot_token, api_url=sandbox.api_url, clock=clock) as slack,
    ):
        engine = service.engine
        await engine.use(
            {made.workflow: defined(made, path, **(cards or {}).get(made.workflow, {})) for made in plans or ALL}
        )
        projector = Projector(engine.database, engine.content, clock, engine.told, slack.me, Entries(NAMES))
        sender = Sender(slack, engine.database, clock, projector.compose)
        projector.hand_to(sender)
        way: dict[str, Any] = {"app_token": sandbox.app_token} if by == "socket" else {}
        async with anyio.create_task_group() as group:
            if shows:
                group.start_soon(projector.loop)
                group.start_soon(sender.loop)
            async with receiving(
                engine, slack, signing_secret=sandbox.signing_secret, own_groups=own_groups, **way
            ) as reception:
                built = Town(sandbox, engine, slack, reception)
                if reception.door is None:
                    sandbox.deliver_by = "socket"
                    await sandbox.until(lambda: sandbox.connections == 2)
                    yield built
                else:
                    async with reception.door.open_at("127.0.0.1", 0) as port:
                        sandbox.deliver_by = "http"
                        sandbox.http_url = f"http://127.0.0.1:{port}/slack/events"
                        yield built
            group.cancel_scope.cancel()
