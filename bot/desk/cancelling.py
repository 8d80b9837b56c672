"""Stopping a run, by whoever started it or controls its workflow."""

from __future__ import annotations

from bot.desk import rights
from bot.desk.bench import Bench, recipe
from bot.desk.place import Asker
from bot.desk.runs import find, is_its_message
from bot.grammar import Cancel
from bot.intake import Clicked
from bot.views import answers, decisions
from bot.views.reply import Reply
from bot.views.run_message import root_key
from engine.rules import commands
from engine.rules.commands import Refusal
from store import history
from store.events import CancelRequested
from store.model import LIMITS, Actor, Run
from store.receipts import Receipt


class Cancelling:
    """Cancels runs. A run named exactly is cancelled at once; `last` and `this` are confirmed first."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def typed(self, ask: Cancel, asker: Asker) -> Reply:
        run = await find(self._bench, ask.run, asker)
        if run is None:
            return answers.no_such_run(ask.run, asker.place.prefix)
        if ask.run in ("last", "this") and not asker.trying and not run.status.finished:
            return decisions.sure_to_cancel(await self._bench.scene(run), await self._address(run))
        return await self._cancel(run, ask.reason, asker)

    async def clicked(self, clicked: Clicked, asker: Asker) -> Reply:
        run = await find(self._bench, clicked.value, asker)
        if run is None or not await is_its_message(self._bench, clicked, run):
            return answers.unknown_button()
        return await self._cancel(run, "", asker)

    async def told_again(self, run_id: str, receipt: Receipt) -> Reply:
        """The answer to a cancel that was dealt with, from what the history says of it."""
        run = await self._bench.engine.look(run_id)
        if run is None:
            return decisions.carried_out()
        scene, address = await self._bench.scene(run), await self._address(run)
        if await self._was_requested(run, receipt):
            return decisions.cancelling(scene, address)
        refusal = Refusal.RUN_FINISHED if run.status.finished else Refusal.RUN_ENDING
        return decisions.not_cancelled(scene, refusal, self._bench.now(), address)

    async def _was_requested(self, run: Run, receipt: Receipt) -> bool:
        """Whether the cancel of this receipt is in the history; a refused one leaves nothing there."""
        user, since = receipt.payload.get("user"), receipt.received_at
        entries = await self._bench.engine.database.read(lambda tx: history.of(tx, run.id))
        return any(
            isinstance(entry.event, CancelRequested) and entry.actor.id == user and entry.at >= since
            for entry in entries
        )

    async def _cancel(self, run: Run, reason: str, asker: Asker) -> Reply:
        workflow = self._bench.workflow(run)
        met = await self._bench.meet(asker.user, workflow.access.control)
        scene, address = await self._bench.scene(run), await self._address(run)
        if not rights.may_control(met.person, workflow, run):
            return decisions.may_not_cancel(scene, address)
        if asker.key is None:
            return decisions.would(f"cancel {run.name}")
        command = commands.Cancel(Actor("person", asker.user, met.person.name), reason[: LIMITS.comment_max])
        facts = recipe("cancelled", run=run.id)
        done = await self._bench.engine.perform(run.id, command, person=met.person, receipt=asker.key, answer=facts)
        if done.refusal is not None:
            return decisions.not_cancelled(scene, done.refusal, self._bench.now(), address)
        return decisions.cancelling(await self._bench.scene(done.run), address)

    async def _address(self, run: Run) -> str:
        return await self._bench.address(root_key(run))
