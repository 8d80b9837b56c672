"""A small company whose service may be killed at any moment, while Slack and the people in it live on.

A writer starts a run, an editor approves, a command has its effect, and the outcome is told. Whoever is shown an error
by Slack does again what they did, as people do.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import anyio

from bot.client import Client, NoService, Unreachable
from bot.requests import Settle
from bot.sandbox.entering import NotPossible
from bot.sandbox.server import Sandbox
from engine.rules.evolution import fold
from store import anchors, history, lookups, outbox, receipts
from store.database import Reader
from store.history import Chain
from store.model import Run, RunStatus, StepStatus
from tests.support.mortal_service import DIED, NEVER, Fuse, MortalService
from tests.support.readable import readable

T = TypeVar("T")
Message = dict[str, Any]

DEADLINE = 60.0
KILLED = -9
COMMAND = "/flow"
START = "run publish_note topic=ink"

WORKFLOW = """\
workflow: publish_note
title: Publish a note
channel: "#content"
inputs:
  topic: string
steps:
  draft:
    uses: transform
    with: {{text: "A note about ${{{{ inputs.topic }}}}."}}
  review:
    uses: approval
    with:
      question: Publish it?
      show: ${{{{ steps.draft.output }}}}
      card: {{body: text}}
      approvers: ["@editors"]
  publish:
    uses: command
    needs: [review]
    with: {{argv: [/bin/sh, publish.sh]}}
    effect: {effect}
outputs:
  text: ${{{{ steps.review.output.content.text }}}}
"""
APPEND = 'echo "$POINTSMAN_RUN" >> effects\n'


@dataclass
class Company:
    """Slack, its people, and the lives of the service so far."""

    folder: Path
    sandbox: Sandbox
    lives: list[MortalService] = field(default_factory=list)
    tried: int = 0  # gestures that people made
    acknowledged: int = 0  # of these, the ones that Slack did not call failed
    _clicked: set[str] = field(default_factory=set)

    # The service ------------------------------------------------------------------------------------------------------

    @property
    def database(self) -> Path:
        return self.folder / "company.db"

    def begin(self, fuse: Fuse = NEVER) -> MortalService:
        """Start the service, for the first time or once more."""
        environment = {
            "SLACK_API_URL": self.sandbox.api_url,
            "SLACK_BOT_TOKEN": self.sandbox.bot_token,
            "SLACK_APP_TOKEN": self.sandbox.app_token,
            "POINTSMAN_DB": str(self.database),
            "POINTSMAN_WORKFLOWS": str(self.folder / "workflows"),
        }
        self.lives.append(MortalService(environment, fuse, self.folder, len(self.lives) + 1))
        return self.lives[-1]

    def tend(self) -> None:
        """Start the service again if it died, as a supervisor does."""
        code = self.lives[-1].exit_code
        if code is None:
            return
        assert code in (DIED, KILLED), f"the service ended by itself with {code}\n{self.lives[-1].log.read_text()}"
        self.begin()

    async def stop(self) -> None:
        """Ask the service to end in order; should it die of that, start it again and ask once more."""
        while True:
            self.lives[-1].stop()
            code = await self.lives[-1].ended()
            if code == 0:
                return
            self.tend()
            await self.see_through()

    # People -----------------------------------------------------------------------------------------------------------

    async def insist(self, gesture: Callable[[], Awaitable[Any]]) -> None:
        """Do something in Slack, again and again until Slack shows no error."""
        with anyio.fail_after(DEADLINE):
            while True:
                await self.connected()
                self.tried += 1
                outcome = await gesture()
                if outcome.acked:
                    self.acknowledged += 1
                    return

    async def connected(self) -> None:
        """Wait until Slack reaches the service."""
        with anyio.fail_after(DEADLINE):
            while not self.sandbox.connections:
                self.tend()
                await self.something()

    async def start(self) -> None:
        """Mina wants a note published."""
        await self.insist(lambda: self.sandbox.act_as("mina").command(COMMAND, START, "#content"))

    async def see_through(self) -> None:
        """Do what people do until nothing is left to do, whatever happens to the service meanwhile."""
        with anyio.fail_after(DEADLINE):
            while not self.at_rest():
                self.tend()
                await self.approve()
                await self.settle()
                await self.something()

    async def something(self) -> None:
        """Wait for a change in Slack, or a moment for what is not seen there."""
        with anyio.move_on_after(0.05):
            await self.sandbox.parts.feed.change()

    async def approve(self) -> None:
        """Ravi approves whatever waits for him."""
        for card in self.said("gate"):
            if card["ts"] in self._clicked or not _offers(card, "gate_approve"):
                continue
            with suppress(NotPossible):  # the card changed under his hand: it is decided
                await self.insist(lambda ts=card["ts"]: self._click(ts))
            self._clicked.add(card["ts"])

    async def _click(self, ts: str) -> Any:
        return await self.sandbox.act_as("ravi").click("#content", ts, "gate_approve")

    async def settle(self) -> None:
        """The operator tells what became of an effect that nobody knows of, from what stands in the file."""
        for run in self.runs() if self.said("alert") else ():
            if run.steps["publish"].status is not StepStatus.UNKNOWN or _at_work(run):
                continue
            happened = run.id in self.effects()
            request = Settle(ref=run.id, step="publish", answer="happened" if happened else "again")
            with suppress(NoService, Unreachable):  # it is down again: look once more when it is up
                await anyio.to_thread.run_sync(Client(self.database).ask, request)

    # What stands where ------------------------------------------------------------------------------------------------

    def said(self, kind: str = "") -> list[Message]:
        """The messages of runs, oldest first; of one kind: run, gate, alert, end."""
        said = [one for place in self.sandbox.workspace.channels for one in self.sandbox.workspace.said(place)]
        ours = [one for one in said if "metadata" in one]
        return [one for one in ours if _key(one).startswith(kind)]

    def heard(self, who: str) -> list[str]:
        """What was whispered to this person."""
        whispers = [one for one in self.sandbox.act_as(who).ephemerals if one.get("bot_id")]
        return [readable(one["text"], one.get("blocks", ())) for one in whispers]

    def effects(self) -> list[str]:
        """The runs whose command had its effect, as often as it had."""
        path = self.folder / "workflows" / "effects"
        return path.read_text().split() if path.exists() else []

    def look(self, do: Callable[[Reader], T]) -> T:
        """Look into the service's file, beside the service or after its death."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return do(Reader(connection))

    def runs(self) -> list[Run]:
        def all_runs(tx: Reader) -> Iterator[Run]:
            for row in lookups.run_list(tx):
                run = lookups.run(tx, row.id)
                assert run is not None
                yield run

        return self.look(lambda tx: list(all_runs(tx)))

    def at_rest(self) -> bool:
        """Everything that was asked is done, told and answered."""
        roots, ends = self.said("run"), self.said("end")
        if not roots or len(ends) < len(roots):
            return False
        return self.look(lambda tx: not outbox.pending(tx, 1) and not receipts.open(tx, 1))

    def told(self) -> str:
        """What is written in Slack about the runs, for a reader who is looking for the reason of a failure."""
        shown = [readable(one["text"], one.get("blocks", ())) for one in self.said()]
        lives = [f"life {n}: {life.exit_code} after {life.points()[-6:]}" for n, life in enumerate(self.lives, 1)]
        return "\n".join([*shown, *self.heard("mina"), *self.heard("ravi"), *lives])


@asynccontextmanager
async def company(folder: Path, *, effect: str = "once", script: str = APPEND) -> AsyncIterator[Company]:
    """A company with one workflow, whose service was never started."""
    workflows = folder / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "publish_note.yaml").write_text(WORKFLOW.format(effect=effect))
    (workflows / "publish.sh").write_text(script)
    sandbox = Sandbox()
    async with sandbox.running():
        made = Company(folder, sandbox)
        try:
            yield made
        finally:
            for life in made.lives:
                life.close()


def _key(message: Message) -> str:
    return str(message["metadata"]["event_payload"]["k"])


def _offers(message: Message, action_id: str) -> bool:
    elements = [element for block in message.get("blocks", ()) for element in block.get("elements", ())]
    return any(element.get("action_id") == action_id for element in elements)


def _at_work(run: Run) -> bool:
    """Whether a command of this run outlived the service that had started it."""
    wanted = f"POINTSMAN_RUN={run.id}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                return True
    return False
