"""Pausing and resuming a run, by whoever started it or controls its workflow."""

from __future__ import annotations

from typing import TypeAlias

from bot.desk import rights
from bot.desk.bench import Bench, recipe
from bot.desk.place import Asker
from bot.desk.runs import find, is_its_message
from bot.grammar import Pause, Resume
from bot.intake import Clicked
from bot.views import answers, controls, decisions
from bot.views.reply import Reply
from bot.views.run_message import root_key
from engine.rules import commands
from store import history
from store.events import Event, RunPaused, RunReopened, RunResumed
from store.model import LIMITS, Actor, Run
from store.receipts import Receipt

Control: TypeAlias = Pause | Resume

DONE: dict[type[Control], str] = {Pause: "paused", Resume: "resumed"}
TOLD_BY: dict[str, type[Event]] = {"retried": RunReopened, "paused": RunPaused, "resumed": RunResumed}


class Controlling:
    """Lets runs stand still and go on."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def typed(self, ask: Control, asker: Asker) -> Reply:
        run = await find(self._bench, ask.run, asker)
        if run is None:
            return answers.no_such_run(ask.run, asker.place.prefix)
        return await self._carry_out(run, ask, asker)

    async def clicked(self, clicked: Clicked, asker: Asker) -> Reply:
        """The button that resumes, on a message of the run."""
        run = await find(self._bench, clicked.value, asker)
        if run is None or not await is_its_message(self._bench, clicked, run):
            return answers.unknown_button()
        return await self._carry_out(run, Resume(run.id), asker)

    async def told_again(self, what: str, run_id: str, receipt: Receipt) -> Reply:
        """The answer to what was dealt with before a crash, from what the history says of it."""
        run = await self._bench.engine.look(run_id)
        if run is None:
            return decisions.carried_out()
        kinds = [TOLD_BY[what].__name__]
        entries = await self._bench.engine.database.read(lambda tx: history.of(tx, run.id, kinds))
        user, since = receipt.payload.get("user"), receipt.received_at
        if not any(entry.actor.id == user and entry.at >= since for entry in entries):
            return decisions.carried_out()
        scene, address = await self._bench.scene(run), await self._bench.address(root_key(run))
        return controls.done(what, scene, address)

    async def _carry_out(self, run: Run, ask: Control, asker: Asker) -> Reply:
        workflow, verb, what = self._bench.workflow(run), type(ask).__name__.lower(), DONE[type(ask)]
        met = await self._bench.meet(asker.user, workflow.access.control)
        scene, address = await self._bench.scene(run), await self._bench.address(root_key(run))
        if not rights.may_control(met.person, workflow, run):
            return controls.may_not(verb, scene, address)
        if asker.key is None:
            return decisions.would(f"{verb} {run.name}")
        command = _command(ask, Actor("person", asker.user, met.person.name))
        facts = recipe(what, run=run.id)
        done = await self._bench.engine.perform(run.id, command, person=met.person, receipt=asker.key, answer=facts)
        if done.refusal is not None:
            return controls.refused(scene, done.refusal, self._bench.now(), address=address)
        return controls.done(what, await self._bench.scene(done.run), address)


def _command(ask: Control, actor: Actor) -> commands.Pause | commands.Resume:
    match ask:
        case Pause(reason=reason):
            return commands.Pause(actor, reason[: LIMITS.comment_max])
        case Resume():
            return commands.Resume(actor)
