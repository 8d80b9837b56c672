"""A whole stage for messages: a real engine on a real file, the sandbox Slack, and the two loops between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bot.message import Message
from bot.projection import Projector
from bot.sandbox.server import Sandbox
from bot.sender import Sender
from bot.slack import Slack, connected
from engine.api import Engine
from engine.clock import HandClock
from engine.rules.commands import Command, Decide
from store import anchors, lookups, outbox
from store.anchors import Anchor
from store.model import Actor, Json, Plan, Run, Workflow
from tests.support.engines import person, running, waits
from tests.support.entries import Entries
from tests.support.readable import readable

NAMES = {"@editors": "S0EDITORS", "#content": "C0CONTENT", "#content-alerts": "C0CALERTS"}
MINA = Actor("person", "U0MINA", "Mina Park")
RAVI = Actor("person", "U0RAVI", "Ravi Shah")
ORIGIN = {"surface": "slash", "channel": "C0CONTENT", "user": "U0MINA"}
ROUNDS_MAX = 300


@dataclass
class Stage:
    """Everything on the stage, and a few gestures."""

    clock: HandClock
    engine: Engine
    service: Any
    sandbox: Sandbox
    slack: Slack
    projector: Projector
    sender: Sender
    names: dict[str, str] = field(default_factory=lambda: dict(NAMES))
    entries: Entries = field(default_factory=lambda: Entries(NAMES))

    async def start(self, workflow: str = "sample", origin: Json = None, **inputs: Json) -> Run:
        origin = ORIGIN if origin is None else origin
        return (await self.engine.start(workflow, inputs, actor=MINA, origin=origin)).run

    async def waits(self, run: Run) -> Run:
        return await waits(self.service, run)

    async def ended(self, run: Run) -> Run:
        return await self.engine.wait_for(run.id, lambda run: run.status.finished)

    async def decide(self, run: Run, step: str, verdict: Any = "approve", who: Actor = RAVI, comment: str = "") -> Any:
        facts = person(who, "@editors", at=self.clock.now())
        return await self.engine.perform(run.id, Decide(step, who, verdict, comment=comment), person=facts)

    async def perform(self, run: Run, command: Command) -> Any:
        return await self.engine.perform(run.id, command)

    async def settle(self, rounds: int = ROUNDS_MAX) -> None:
        """Let both loops work until everything is told, moving the clock where they would wait."""
        for _ in range(rounds):
            moments = [await self.projector.run_once(self.clock.now()), await self.sender.run_once(self.clock.now())]
            if not await self.pending():
                return
            due = [at for at in moments if at is not None]
            if due and min(due) > self.clock.now():
                self.clock.advance(min(due) - self.clock.now())
        raise AssertionError(f"still pending after {rounds} rounds: {await self.pending()}\n{self.transcript()}")

    async def pending(self) -> list[tuple[str, int]]:
        return await self.engine.database.read(lambda tx: outbox.pending(tx, 1_000))

    async def anchors(self, run: Run) -> dict[str, Anchor]:
        found = await self.engine.database.read(lambda tx: anchors.of_run(tx, run.id))
        return {one.key.split(":")[0] if one.key.count(":") == 1 else one.key: one for one in found}

    async def keep(self, anchor: Anchor) -> None:
        await self.engine.database.write(lambda tx: anchors.keep(tx, anchor))

    async def look(self, run: Run) -> Run:
        found = await self.engine.database.read(lambda tx: lookups.run(tx, run.id))
        assert found is not None
        return found

    def said(self, channel: str = "#content") -> list[dict[str, Any]]:
        """Every message of ours in a channel, roots before their replies."""
        place = self.sandbox.workspace.find_channel(channel) if channel.startswith("#") else None
        told = self.sandbox.workspace.said(place.id if place else channel)
        return [one for one in told if one.get("bot_id") == self.slack.me.bot_id]

    def transcript(self) -> str:
        shown = []
        for channel in ("#content", "#content-alerts", "D0MINA"):
            for one in self.said(channel):
                indent = "    " if one.get("thread_ts", one["ts"]) != one["ts"] else ""
                text = readable(one["text"], one.get("blocks", ())).replace("\n", f"\n{indent}")
                shown.append(f"{channel} {indent}{text}")
        return "\n".join(shown)

    async def look_the_same(self, run: Run) -> None:
        """Assert that Slack shows what is true: every wanted message stands once and says the latest."""
        messages, standing = await self.projector._messages(run.id)
        for message in messages:
            anchor = standing.get(message.key)
            assert anchor is not None, f"{message.key} is nowhere\n{self.transcript()}"
            assert anchor.state == "posted", f"{message.key} is {anchor.state}\n{self.transcript()}"
            found = self.sandbox.workspace.said(anchor.channel).get(anchor.ts or "")
            assert found is not None, f"{message.key} is not in Slack"
            assert found["text"] == message.rendering.text
        self.assert_once(messages)

    def assert_once(self, messages: Sequence[Message]) -> None:
        places = self.sandbox.workspace.channels
        keys = [
            one["metadata"]["event_payload"]["k"] for place in places for one in self.said(place) if "metadata" in one
        ]
        for message in messages:
            assert keys.count(message.key) == 1, f"{message.key} stands {keys.count(message.key)} times"


def defined(plan: Plan, **card: Any) -> Any:
    """A definition with the given title, channel, alerts and so on."""
    workflow = replace(Workflow(plan.workflow, plan.workflow.title(), plan.version, channel="#content"), **card)
    return SimpleNamespace(workflow=workflow, plan=plan, source="", folder=Path())


@asynccontextmanager
async def staged(
    path: Path,
    plan: Plan,
    *,
    sandbox: Sandbox | None = None,
    clock: HandClock | None = None,
    simple: bool = False,
    redact: Any = str,
    **card: Any,
) -> AsyncIterator[Stage]:
    """A stage on this file; give the same sandbox and clock again to play a restart."""
    clock = clock or HandClock()
    sandbox = sandbox or Sandbox(clock=clock)
    names = dict(NAMES)

    entries = Entries(names)
    async with (
        sandbox.running(),
        running(path / "stage.db", plan, clock=clock) as service,
        connected(sandbox.bot_token, api_url=sandbox.api_url, clock=clock, redact=redact) as slack,
    ):
        engine = service.engine
        await engine.use({plan.workflow: defined(plan, **card)})
        projector = Projector(engine.database, engine.content, clock, engine.told, slack.me, entries)
        sender = Sender(slack, engine.database, clock, projector.compose, simple=simple)
        projector.hand_to(sender)
        yield Stage(clock, engine, service, sandbox, slack, projector, sender, names, entries)
