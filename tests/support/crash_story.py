"""A small company whose service may be killed at any moment, while Slack and the people in it live on.

A writer starts a run, an editor approves, a command has its effect, and the outcome is told. Whoever is shown an error
by Slack does again what they did, as people do.
"""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import anyio

from bot.client import Client, NoService, Unreachable
from bot.requests import Settle
from bot.sandbox.apps import App
from bot.sandbox.clock import Clock
from bot.sandbox.entering import NotPossible
from bot.sandbox.people import default_workspace
from bot.sandbox.server import Sandbox
from store import lookups, outbox, receipts
from store.database import Reader
from store.model import Run, StepStatus
from tests.support.mortal_service import DIED, NEVER, Fuse, MortalService
from tests.support.readable import readable

T = TypeVar("T")
Message = dict[str, Any]

DEADLINE = 60.0  # for anything to happen; met only when it never will
DEATHS = (DIED, -signal.SIGKILL)
UNHEARD = -signal.SIGTERM  # asked to stop before it listened to signals
CHANNEL = "#content"
WEEK_MS = 7 * 24 * 3_600_000  # a gate is open for so long
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
class Gestures:
    """How often something was done in Slack, and how often without an error from Slack."""

    tried: int = 0
    acknowledged: int = 0


@dataclass
class Company:
    """Slack, its people, and the lives of the service so far."""

    folder: Path
    sandbox: Sandbox
    lives: list[MortalService] = field(default_factory=list)
    fuses: list[Fuse] = field(default_factory=list)  # of the lives after the first, one each while there are any
    starts: Gestures = field(default_factory=Gestures)
    clicks: Gestures = field(default_factory=Gestures)
    _approved: set[str] = field(default_factory=set)  # cards of which Slack took the click

    # The service ------------------------------------------------------------------------------------------------------

    @property
    def database(self) -> Path:
        return self.folder / "company.db"

    @property
    def workflows(self) -> Path:
        return self.folder / "workflows"

    @property
    def environment(self) -> dict[str, str]:
        """What the operator set."""
        return {
            "SLACK_API_URL": self.sandbox.api_url,
            "SLACK_BOT_TOKEN": self.sandbox.bot_token,
            "SLACK_APP_TOKEN": self.sandbox.app_token,
            "POINTSMAN_DB": str(self.database),
            "POINTSMAN_WORKFLOWS": str(self.workflows),
        }

    def begin(self, fuse: Fuse = NEVER) -> MortalService:
        """Start the service, for the first time or once more."""
        self.lives.append(MortalService(self.environment, fuse, self.folder, len(self.lives) + 1))
        return self.lives[-1]

    async def died(self) -> None:
        """Wait for the end of the life that has a fuse."""
        with anyio.fail_after(DEADLINE):
            code = await self.lives[-1].ended()
        assert code in DEATHS, f"the service ended by itself with {code}\n{self.lives[-1].log.read_text()}"

    def tend(self) -> None:
        """Start the service again if it died, as a supervisor does."""
        code = self.lives[-1].exit_code
        if code is None:
            return
        assert code in DEATHS, f"the service ended by itself with {code}\n{self.lives[-1].log.read_text()}"
        self.begin(self.fuses.pop(0) if self.fuses else NEVER)

    async def stop(self) -> None:
        """Ask the service to end in order; should it die over that, start it again and ask once more."""
        while True:
            await self.connected()
            self.lives[-1].stop()
            code = await self.lives[-1].ended()
            if code == 0:
                return
            self.begin() if code == UNHEARD else self.tend()
            await self.see_through()

    # People -----------------------------------------------------------------------------------------------------------

    async def once(self, count: Gestures, gesture: Callable[[], Awaitable[Any]]) -> Any:
        """Do something in Slack, whatever Slack says to it."""
        count.tried += 1
        outcome = await gesture()
        count.acknowledged += outcome.acked
        return outcome

    async def insist(self, count: Gestures, gesture: Callable[[], Awaitable[Any]]) -> None:
        """Do something in Slack, again and again until Slack shows no error."""
        with anyio.fail_after(DEADLINE):
            while True:
                await self.connected()
                if (await self.once(count, gesture)).acked:
                    return

    async def connected(self) -> None:
        """Wait until Slack reaches the service."""
        with anyio.fail_after(DEADLINE):
            while not self.sandbox.connections:
                self.tend()
                await self.something()

    async def start(self) -> None:
        """Mina wants a note published, and lets no error of Slack's stop her."""
        await self.insist(self.starts, self.command)

    async def start_once(self) -> Any:
        """Mina wants a note published."""
        await self.connected()
        return await self.once(self.starts, self.command)

    async def command(self) -> Any:
        return await self.sandbox.act_as("mina").command("/flow", START, CHANNEL)

    async def see_through(self) -> None:
        """Do what people do until nothing is left to do, whatever happens to the service meanwhile."""
        with anyio.fail_after(DEADLINE):
            while not self.at_rest():
                self.tend()
                await self.approve()
                await self.settle()
                await self.something()

    async def left_alone(self, run: Run) -> None:
        """Wait until no command of this run is at work any more."""
        with anyio.fail_after(DEADLINE):
            while at_work(run):
                await self.something()

    async def something(self) -> None:
        """Wait for a change in Slack, or a moment for what is not seen there."""
        with anyio.move_on_after(0.05):
            await self.sandbox.parts.feed.change()

    async def approve(self) -> None:
        """Ravi approves whatever waits for him."""
        for card in self.said("gate"):
            if card["ts"] in self._approved or not offers(card, "gate_approve"):
                continue
            with suppress(NotPossible):  # the card changed under his hand: his first click had counted
                await self.insist(self.clicks, lambda ts=card["ts"]: self.click("ravi", ts))
            self._approved.add(card["ts"])

    async def approve_once(self) -> Any:
        """Ravi approves, once he is asked."""
        card = await self.card()
        self._approved.add(card["ts"])
        return await self.once(self.clicks, lambda: self.click("ravi", card["ts"]))

    async def click(self, who: str, ts: str, action_id: str = "gate_approve") -> Any:
        return await self.sandbox.act_as(who).click(CHANNEL, ts, action_id)

    async def card(self) -> Message:
        """The card that asks for a decision, once it stands in Slack."""
        return await self.appears("gate", "gate_approve")

    async def appears(self, kind: str, action_id: str = "") -> Message:
        """The first message of a kind, once it is there and offers this button."""
        found: list[Message] = []

        def there() -> bool:
            found[:] = [one for one in self.said(kind) if not action_id or offers(one, action_id)]
            return bool(found)

        await self.sandbox.until(there, DEADLINE)
        return found[0]

    async def settle(self) -> None:
        """The operator tells what became of an effect that nobody knows of, from what stands in the file."""
        for run in self.runs() if self.said("alert") else ():
            if run.steps["publish"].status is not StepStatus.UNKNOWN or at_work(run):
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
        return [one for one in ours if key_of(one).startswith(kind)]

    def heard(self, who: str) -> list[str]:
        """What was whispered to this person."""
        whispers = [one for one in self.sandbox.act_as(who).ephemerals if one.get("bot_id")]
        return [readable(one["text"], one.get("blocks", ())) for one in whispers]

    def effects(self) -> list[str]:
        """The runs whose command had its effect, as often as it had."""
        return self.written("effects").split()

    def written(self, name: str) -> str:
        """What commands have written to a file of this name."""
        path = self.workflows / name
        return path.read_text() if path.exists() else ""

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
        """What is written in Slack and in the service's logs, for whoever looks for the reason of a failure."""
        shown = [readable(one["text"], one.get("blocks", ())) for one in self.said()]
        return "\n".join([*shown, *self.heard("mina"), *self.heard("ravi"), *map(_of_life, self.lives)])


@contextmanager
def explained(place: Company, where: str = "") -> Iterator[None]:
    """Tell, with an error, what stands in Slack and where the service died."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"{where}\n{place.told()}")
        raise


@asynccontextmanager
async def company(
    folder: Path, *, effect: str = "once", script: str = APPEND, clock: Clock | None = None
) -> AsyncIterator[Company]:
    """A company with one workflow, whose service was never started.

    It hears nothing that is said in channels: acknowledgements are counted, and the messages of our own app would be
    among them, now before a click and now after it.
    """
    workflows = folder / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "publish_note.yaml").write_text(WORKFLOW.format(effect=effect))
    (workflows / "publish.sh").write_text(script)
    app = App(events=App().events - {"message.channels", "message.groups"})
    sandbox = Sandbox(default_workspace(app), clock=clock)
    async with sandbox.running():
        made = Company(folder, sandbox)
        try:
            yield made
        finally:
            for life in made.lives:
                life.close()


def _of_life(life: MortalService) -> str:
    log = life.log.read_text() if life.log.exists() else ""
    return f"A life that ended with {life.exit_code} after {', '.join(life.points()[-4:])}:\n{log}"


def key_of(message: Message) -> str:
    return str(message["metadata"]["event_payload"]["k"])


def offers(message: Message, action_id: str) -> bool:
    elements = [element for block in message.get("blocks", ()) for element in block.get("elements", ())]
    return any(element.get("action_id") == action_id for element in elements)


def at_work(run: Run) -> bool:
    """Whether a command of this run outlived the service that had started it."""
    wanted = f"POINTSMAN_RUN={run.id}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                return True
    return False
