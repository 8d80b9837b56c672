"""Decisions on a card that several gates share: one by one in a form, all that are open at once, or one by its card.

Each is an answer at its own gate, given by the same way as a click on a card of its own. When a batch is cut off, what
it had reached counts, and the rest follows when the receipt is taken up again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import anyio
import structlog

from bot.desk import rights
from bot.desk.bench import Bench
from bot.desk.gate_answers import Given
from bot.desk.place import Asker
from bot.desk.verdicts import Outcome, Verdicts
from bot.digests import Digest, Item
from bot.intake import Clicked, Submitted
from bot.people import Acquaintance
from bot.slack import SlackFault
from bot.views import answers, decisions, digest_answers
from bot.views.blocks import Block
from bot.views.digest_answers import Counted
from bot.views.digest_form import (
    Asked,
    Pick,
    digest_page,
    nothing_to_pick,
    picked,
    place_before,
    reasons_missing,
    seen_of,
    sent,
)
from bot.views.digest_words import is_carried, seen_in
from bot.views.gate_card import gate_card
from bot.views.gate_words import digest_key
from bot.views.markup import bold, one_line
from bot.views.reply import NOTHING, Reply
from bot.views.scene import Scene
from engine.api import Poisoned
from engine.rules import gates
from engine.rules.commands import Refusal
from store import anchors, receipts
from store.model import Gate, GateState, Millis, Run

log = structlog.get_logger()

LOOK_SECONDS = 1.0  # who may decide what is looked up for so long; the rules look again at the answers


class Digesting:
    """Carries the answers of one gesture to the gates they are meant for."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._verdicts = Verdicts(bench)

    # One by one -----------------------------------------------------------------------------------------------------

    async def clicked_form(self, clicked: Clicked, asker: Asker) -> Reply:
        """Open the first page at once; or say why nothing here is for this person."""
        found = await self._found(clicked.value)
        wrong = await self._wrong_card(clicked, found)
        if wrong is not None:
            return wrong
        assert found is not None
        run, digest = found
        items = [one for one in digest.open if is_carried(one.gate)]
        mine, met = await self._for(run, items, asker.user)
        if items and not mine and met is not None:
            scene = await self._bench.scene(run)
            return self._refused(scene, items[0].gate, self._foreseen(run, items[0], met), met)
        try:
            await self._bench.open_form(clicked.trigger_id, await self._page(run, digest, mine, asker.user, 1))
        except SlackFault as fault:
            log.warning("form.not_opened", digest=digest.id, run=run.name, error=fault.code)
            return digest_answers.page_missed()
        return NOTHING

    def complaint(self, submitted: Submitted) -> dict[str, str]:
        """Errors under what is missing on a page, so that it stays open."""
        return reasons_missing(submitted.values)

    async def onward(self, submitted: Submitted) -> Block | None:
        """The page after one that was sent; None when that was the last."""
        page = sent(submitted.private_metadata)
        found = await self._found(page.digest)
        if found is None:
            return None
        run, digest = found
        left = [one for one in digest.open if is_carried(one.gate) and one.gate.number > page.last]
        mine, _ = await self._for(run, left, submitted.user)
        return await self._page(run, digest, mine, submitted.user, page.page + 1) if mine else None

    async def submitted(self, submitted: Submitted, asker: Asker) -> Reply:
        """A page came back: each item that was not left open is answered."""
        page = sent(submitted.private_metadata)
        found = await self._found(page.digest)
        if found is None:
            return digest_answers.not_this_card()
        run, digest = found
        since = await self._received_at(asker)
        wishes = [wish for one in digest.items if (wish := _wish(one, page.seen, submitted, since)) is not None]
        if not wishes:
            more = any(one.gate.number > page.last and is_carried(one.gate) for one in digest.open)
            return NOTHING if more or page.page > 1 else digest_answers.nothing_picked()
        return await self._decide(run, digest, wishes, asker)

    async def _page(self, run: Run, digest: Digest, items: Sequence[Item], user: str, page: int) -> Block:
        scene = await self._bench.scene(run)
        if not items:
            return nothing_to_pick(scene, digest)
        asked = [Asked(one, await self._bench.content(one.gate.shown), place_before(one.gate, user)) for one in items]
        others = sum(one not in items for one in digest.open) if page == 1 else 0
        return digest_page(scene, digest, asked, page, others)

    async def _for(self, run: Run, items: Sequence[Item], user: str) -> tuple[list[Item], Acquaintance | None]:
        """The items at which this person's answer would count; all of them when Slack does not say so in time."""
        with anyio.move_on_after(LOOK_SECONDS):
            asked = dict.fromkeys(one for item in items for one in (*item.gate.approvers, *item.gate.terms.among))
            met = await self._bench.glance(user, asked)
            if met.trouble is None:
                refusals = ((one, self._foreseen(run, one, met)) for one in items)
                return [one for one, why in refusals if why in (None, Refusal.ALREADY_DECIDED)], met
        return list(items), None

    def _foreseen(self, run: Run, item: Item, met: Acquaintance) -> Refusal | None:
        given = Given("choose", choice=item.gate.terms.choices[0].value) if item.gate.terms.choices else Given("reject")
        return self._verdicts.foreseen(run, item.gate, item.gate.id, given, met)

    # All that are open ----------------------------------------------------------------------------------------------

    async def clicked_all(self, clicked: Clicked, asker: Asker) -> Reply:
        """Approve what was open on the card as this person saw it."""
        digest_id, _, token = clicked.value.partition(".")
        found = await self._found(digest_id)
        wrong = await self._wrong_card(clicked, found)
        if wrong is not None:
            return wrong
        assert found is not None
        run, digest = found
        seen = seen_in(token)
        shown = [one for one in digest.items if one.gate.number in seen]
        wishes = [(one, Given("approve", digest=seen_of(one.gate, seen[one.gate.number]))) for one in shown]
        return await self._decide(run, digest, wishes, asker)

    # The card of one of them ----------------------------------------------------------------------------------------

    async def clicked_open(self, clicked: Clicked, asker: Asker) -> Reply:
        """Show the card of one gate to whoever asked, with everything that can be done there."""
        found = await self._bench.engine.resolve_gate(clicked.value)
        gate = found[1].gate if found else None
        if found is None or gate is None:
            return decisions.not_the_card(None)
        run, step = found
        barred = await self._barred(run, asker)
        if barred is not None:
            return barred
        scene = await self._bench.scene(run)
        kept = {} if gate.shown.hash is None else {gate.shown.hash: await self._bench.content(gate.shown)}
        card = gate_card(replace(scene, contents=kept), step.key, gate)
        return Reply(card.text, card.blocks)

    async def _barred(self, run: Run, asker: Asker) -> Reply | None:
        workflow = self._bench.workflow(run)
        met = await self._bench.meet(asker.user, (*rights.references(workflow), *rights.asked(run)))
        if not met.person.member:
            return answers.not_a_member(met.person)
        return None if rights.may_see(met.person, workflow, run) else decisions.may_not_look()

    # The decisions --------------------------------------------------------------------------------------------------

    async def _decide(self, run: Run, digest: Digest, wishes: Sequence[tuple[Item, Given]], asker: Asker) -> Reply:
        """Give them one after the other, what may end the run last."""
        since, scene = await self._received_at(asker), await self._bench.scene(run)
        results: list[Counted] = []
        for item, given in sorted(wishes, key=lambda wish: wish[1].verdict == "reject"):
            step = run.steps[item.key]
            if step.gate is not None and _is_done(step.gate, item.gate.id, given, asker.user, since):
                results.append(Counted(item, given.verdict))
                continue
            try:
                done = await self._verdicts.give(run, step, item.gate.id, given, asker, None)
            except Poisoned:
                results.append(Counted(item, given.verdict, "something broke on my side, and the run is paused."))
                continue
            run = done.run
            results.append(Counted(item, given.verdict, self._why_not(replace(scene, run=run), done)))
        address = await self._bench.address(digest_key(digest.id))
        ordered = sorted(results, key=lambda one: one.item.gate.number)
        return digest_answers.items_decided(scene, digest, ordered, address)

    def _why_not(self, scene: Scene, done: Outcome) -> str:
        """The sentence for one answer that did not count, in which the item needs no name."""
        if done.refusal is None:
            return ""
        reply = self._refused(scene, done.gate, done.refusal, done.met)
        return one_line(reply.text).replace(bold(f"{done.gate.name} v{done.gate.version}"), "it")

    def _refused(self, scene: Scene, gate: Gate, refusal: Refusal | None, met: Acquaintance) -> Reply:
        if refusal is None:
            return digest_answers.nothing_to_decide()
        if not met.person.member:
            return answers.not_a_member(met.person)
        return decisions.refused(scene, gate, refusal, met.person, self._bench.now(), unsure=met.unsure)

    async def _received_at(self, asker: Asker) -> Millis:
        """When the gesture was heard: what was recorded of this person since, it may have asked for."""
        key = asker.key or ""
        receipt = await self._bench.engine.database.read(lambda tx: receipts.of(tx, key))
        return receipt.received_at if receipt is not None else self._bench.now()

    # The card -------------------------------------------------------------------------------------------------------

    async def _found(self, digest_id: str) -> tuple[Run, Digest] | None:
        """The run and the card that began with this gate."""
        found = await self._bench.engine.resolve_gate(digest_id)
        digests = await self._bench.digests(found[0]) if found else ()
        digest = next((one for one in digests if one.id == digest_id), None)
        return (found[0], digest) if found and digest else None

    async def _wrong_card(self, clicked: Clicked, found: tuple[Run, Digest] | None) -> Reply | None:
        """A button counts only on the card that we stored for these gates, on Home, and where nobody else sees it."""
        if found is None:
            return digest_answers.not_this_card()
        if clicked.container in ("home", "ephemeral") or clicked.channel.startswith("D"):
            return None
        key = digest_key(found[1].id)
        here, card = await self._bench.engine.database.read(
            lambda tx: (anchors.by_message(tx, clicked.channel, clicked.message_ts), anchors.of(tx, key))
        )
        if here is not None and here.key == key:
            return None
        if here is None and card is not None and card.channel == clicked.channel and card.state == "sending":
            return None  # it stands in Slack, and where exactly is just being written down
        return digest_answers.not_this_card(await self._bench.address(key))


def _wish(
    item: Item, seen: Mapping[int, tuple[int, str]], submitted: Submitted, since: Millis
) -> tuple[Item, Given] | None:
    """What somebody answered about an item; None when they left it as it was."""
    gate = item.gate
    if gate.number not in seen:
        return None
    pick = picked(gate, submitted.values)
    if pick.left or _was_theirs(gate, pick, submitted.user, since):
        return None
    reason = pick.reason if pick.verdict == "reject" else ""
    return item, Given(pick.verdict, reason, pick.choice, seen_of(gate, seen[gate.number]))


def _was_theirs(gate: Gate, pick: Pick, user: str, since: Millis) -> bool:
    """Whether this is how they had answered before the page was sent, at a gate that is still open."""
    own = gates.latest(gate.decisions).get(user) if gate.state is GateState.OPEN else None
    if own is None or own.at >= since:
        return False
    return (own.verdict, own.choice, own.digest) == (pick.verdict, pick.choice, gate.digest)


def _is_done(gate: Gate, gate_id: str, given: Given, user: str, since: Millis) -> bool:
    """Whether this very answer was counted before, for the same receipt."""
    return gate.id == gate_id and any(
        (one.actor.id, one.verdict, one.choice) == (user, given.verdict, given.choice) and one.at >= since
        for one in gate.decisions
    )
