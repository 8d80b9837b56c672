"""Endpoints that are down: which, and having one tried at once, by operators and by who controls what waits for it."""

from __future__ import annotations

from bot import minding
from bot.desk.bench import Bench
from bot.desk.place import Asker
from bot.desk.rights import within
from bot.grammar import Endpoints
from bot.intake import Clicked
from bot.outages import owner_of
from bot.views import answers, decisions, outage
from bot.views.reply import Reply
from store import anchors, endpoints, receipts


class Minding:
    """Answers about endpoints."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def typed(self, ask: Endpoints, asker: Asker) -> Reply:
        held = await minding.held(self._bench.engine)
        if not ask.trying:
            return outage.listed(held, asker.place.prefix, self._bench.now())
        known = [one.name for one, _ in held]
        name = minding.meant(ask.trying, known)
        if name is None:
            return outage.unknown_endpoint(ask.trying, known, asker.place.prefix)
        return await self._try(name, asker)

    async def clicked(self, clicked: Clicked, asker: Asker) -> Reply:
        """The button of a notice; its value names the endpoint."""
        here = await self._bench.engine.database.read(
            lambda tx: anchors.by_message(tx, clicked.channel, clicked.message_ts)
        )
        if here is None or here.run_id != owner_of(clicked.value):
            return answers.unknown_button()
        return await self._try(clicked.value, asker)

    async def _try(self, name: str, asker: Asker) -> Reply:
        operators = self._bench.operators.people
        waiting = await self._bench.engine.database.read(lambda tx: endpoints.workflows_waiting(tx, name))
        cards = [card for one in waiting if (card := self._bench.engine.workflow_of(one)) is not None]
        who = [*operators, *(one for card in cards for one in card.access.control)]
        met = await self._bench.meet(asker.user, who)
        if not met.person.member:
            return answers.not_a_member(met.person)
        if not within(met.person, who):
            return outage.may_not_try(operators)
        if asker.key is None:
            return decisions.would(f"try {name}")
        tried = await minding.try_now(self._bench.engine, name)
        reply = outage.tried(name, tried.state, tried.runs)
        key, kept = asker.key, {"text": reply.text, "blocks": list(reply.blocks)}
        await self._bench.engine.database.write(lambda tx: receipts.performed(tx, key, kept))
        return reply
