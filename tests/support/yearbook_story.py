"""A publisher who makes yearbooks: a service that may be killed at any moment, and people who do their part whatever.

What is to be done next is read from the record each time, so that nobody depends on what came before a death. Whoever
was shown an error does it again; what Slack took without an error is never done twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from bot.client import Client, NoService, Unreachable
from bot.recorded_answers import RecordedAnswers
from bot.requests import Objection, Request, Resume, Settle, Signal
from bot.sandbox.entering import NotPossible
from bot.sandbox.server import Sandbox
from store import anchors, outbox, receipts
from store.model import Gate, Run, RunStatus, Step, StepStatus
from tests.support.crash_story import CHANNEL, DEADLINE, Company, Gestures, Message, at_work, key_of, offers
from tests.support.mortal_service import NEVER, Fuse, MortalService
from tests.support.yearbook import World, recorded, write_settings, write_workflows

PATIENCE = 2 * DEADLINE  # a yearbook takes long, and several are made at once
STREET = "Ink Lane 7"
TITLE = "Third"
STARTS = {"run yearbook": CHANNEL, "run yearbook spoil=yes": "#support"}  # Slack's pace is by channel


@dataclass
class Publisher(Company):
    """Slack, the world outside, the people, and the lives of the service so far."""

    world: World = field(default_factory=World)
    models: RecordedAnswers = field(default_factory=recorded)
    given: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Gestures] = field(default_factory=lambda: {line: Gestures() for line in STARTS})
    _done: set[tuple[str, int, str]] = field(default_factory=set)  # gestures that Slack took

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self.given

    def begin(self, fuse: Fuse = NEVER) -> MortalService:
        life = MortalService(self.environment, fuse, self.folder, len(self.lives) + 1, outside=True)
        self.lives.append(life)
        return life

    def at_rest(self) -> bool:
        runs = self.runs()
        if any(not run.status.finished for run in runs):
            return False
        return self.look(lambda tx: not outbox.pending(tx, 1) and not receipts.open(tx, 1))

    async def ask_for_books(self) -> None:
        """Mina wants two yearbooks: a good one, and behind it in the queue one that is spoilt."""
        for line, count in self.asked.items():
            await self.insist(count, lambda line=line: self._start(line))

    async def _start(self, line: str) -> Any:
        return await self.sandbox.act_as("mina").command("/flow", line, STARTS[line])

    async def see_through(self) -> None:
        with anyio.fail_after(PATIENCE):
            while not self.at_rest():
                self.tend()
                for run in self.runs():
                    await self._bring_on(run)
                await self.something()

    async def _bring_on(self, run: Run) -> None:
        """What people do for this run as it stands."""
        if run.status is RunStatus.PAUSED:  # it was cut off too often; somebody looked, and lets it go on
            await self._operate(Resume(ref=run.id))
        for step in run.steps.values():
            if step.status is StepStatus.UNKNOWN:
                await self._settle(run, step)
            elif step.gate is not None and step.status is StepStatus.WAITING:
                with suppress(NotPossible):  # the card changed meanwhile: look again
                    await self._answer(run, step, step.gate)
            elif step.name == "paid" and step.status is StepStatus.WAITING and not run.status.finished:
                await self._operate(Signal(ref=run.id, event="paid", data={"sum": 18.5}))

    async def _operate(self, request: Request) -> None:
        """Ask the service by its socket; when it is down, somebody looks once more later."""
        with suppress(NoService, Unreachable, Objection):
            await anyio.to_thread.run_sync(Client(self.database).ask, request)

    async def _settle(self, run: Run, step: Step) -> None:
        """The operator says what became of it, by what the world saw."""
        if at_work(run):
            return
        happened = self.happened(step.name, run.id)
        output: Any = {"number": "A-1"} if step.name == "order" else ""
        given = {"answer": "happened", "output": output} if happened else {"answer": "again"}
        await self._operate(Settle(ref=run.id, step=step.name, **given))

    def happened(self, step: str, run_id: str) -> list[str]:
        """The keys under which a step of a run had its effect, one each time."""
        noted = (line.split() for line in self.written("effects").splitlines())
        own = [key for what, of, key in noted if (what, of) == (step, run_id)]
        return own + self.world.keys(step, run_id)

    async def _answer(self, run: Run, step: Step, gate: Gate) -> None:
        """What people answer at a gate, once its card stands there."""
        card = self._card(run, gate)
        match step.name:
            case "agree" if gate.version == 1:
                await self._once(gate, "changes", lambda: self._form(card, "gate_changes", "shorter"))
            case "agree":
                await self._once(gate, "edit", lambda: self._form(card, "gate_edit", TITLE))
            case "binding":
                await self._once(gate, "choose", lambda: self.click("ravi", card["ts"], "gate_choice:1"))
            case "address":
                await self._once(gate, "answer", lambda: self._form(card, "gate_answer", STREET))
            case "pages.look":
                await self._approve_all(card)

    def _card(self, run: Run, gate: Gate) -> Message:
        """The message at which this gate can be answered. Raises NotPossible while there is none."""
        shared = [one.key for one in self.look(lambda tx: anchors.of_run(tx, run.id)) if one.key.startswith("digest:")]
        for message in self.said():
            if key_of(message) in (f"gate:{gate.id}", *shared):
                return message
        raise NotPossible("nobody was asked yet")

    async def _approve_all(self, card: Message) -> None:
        """Approve what several gates ask on one card; what it did not show yet is asked again."""
        if not self.sandbox.connections or self.look(lambda tx: receipts.open(tx, 1)):
            return
        every = "digest_approve_all"
        action = every if offers(card, every) else "gate_approve"
        await self.once(self.clicks, lambda: self.click("ravi", card["ts"], action))

    async def _once(self, gate: Gate, what: str, gesture: Callable[[], Awaitable[Any]]) -> None:
        mark = (gate.id, gate.version, what)
        if mark in self._done or not self.sandbox.connections:
            return
        if (await self.once(self.clicks, gesture)).acked:
            self._done.add(mark)

    async def _form(self, card: Message, action: str, text: str) -> Any:
        """Open the form behind a button, fill in its first field, and send it."""
        person = self.sandbox.act_as("ravi")
        for view in person.open_views:
            await person.close(view["id"], all_of_them=True)
        opened = await self.click("ravi", card["ts"], action)
        if not opened.acked:
            return opened
        with anyio.move_on_after(5):
            while not self._filled(person) and self.sandbox.connections:
                await self.something()
        if not self._filled(person):
            raise NotPossible("the form did not open")
        view = person.open_views[-1]
        block = next(one for one in view["blocks"] if one["type"] == "input")
        return await person.submit(view["id"], {block["block_id"]: {block["element"]["action_id"]: text}})

    def _filled(self, person: Any) -> bool:
        """Whether a form is open that has something to fill in: at first it may say that it is being made."""
        return any(one["type"] == "input" for view in person.open_views[-1:] for one in view["blocks"])


@asynccontextmanager
async def publisher(folder: Path) -> AsyncIterator[Publisher]:
    """A publisher whose service was never started."""
    folder.mkdir(exist_ok=True, parents=True)
    world, models, sandbox = World(), recorded(), Sandbox()
    async with world.running(), models.running() as models_url, sandbox.running():
        made = Publisher(folder, sandbox, world=world, models=models, given=write_settings(folder, world, models_url))
        write_workflows(made.workflows)
        try:
            yield made
        finally:
            for life in made.lives:
                life.close()
