"""All that a gate is about, in a window: what its card had no room for."""

from __future__ import annotations

import structlog

from bot.desk import rights
from bot.desk.bench import Bench
from bot.desk.place import Asker
from bot.intake import Clicked
from bot.slack import SlackFault
from bot.views import answers, decisions
from bot.views.content_view import content_view
from bot.views.reply import NOTHING, Reply
from store.model import Run

log = structlog.get_logger()


class Showing:
    """Opens the window for whoever may see the run."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def clicked(self, clicked: Clicked, asker: Asker) -> Reply:
        """Show it at once; or say why not."""
        found = await self._bench.engine.resolve_gate(clicked.value)
        gate = found[1].gate if found else None
        if found is None or gate is None:
            return decisions.not_the_card(None)
        barred = await self._barred(found[0], asker)
        if barred is not None:
            return barred
        if gate.id != clicked.value:
            return decisions.not_the_card(gate, await self._bench.card_address(found[0], gate))
        view = content_view(await self._bench.scene(found[0]), gate, await self._bench.content(gate.shown))
        try:
            await self._bench.open_form(clicked.trigger_id, view)
        except SlackFault as fault:
            log.warning("content.not_opened", gate=gate.name, run=found[0].name, error=fault.code)
            return decisions.content_missed()
        return NOTHING

    async def _barred(self, run: Run, asker: Asker) -> Reply | None:
        """Why not to show it to them. A window opens at once or never, so this cannot wait until Slack knows more."""
        workflow = self._bench.workflow(run)
        met = await self._bench.glance(asker.user, (*rights.references(workflow), *rights.asked(run)))
        if not met.person.member:
            return answers.not_a_member(met.person)
        return None if rights.may_see(met.person, workflow, run) else decisions.may_not_look()
