"""Pins what the workflows name when they are loaded, looks again from time to time, and reports what is odd.

A name that comes to mean somebody else is put into the log, into the answer to `pointsman reload`, and told to the
owners once. It is followed when an operator accepts it, and only as far as it was reported before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import anyio
import structlog

from bot.names import kind, normal
from bot.people import SlackPeople
from bot.references import References, Stranger, named_by, nested, strange
from bot.slack import Slack, SlackFault
from bot.views.markup import escape
from engine.api import Engine
from engine.bell import Bell
from store import handles, lookups, outbox, unshown
from store.database import Writer
from store.faults import StoreFault
from store.handles import Handle
from store.model import Actor, Json, Millis

log = structlog.get_logger("workflow")

AGAIN_MS = 15 * 60_000  # how often names are looked at when all is well,
ABSENT_AGAIN_MS = 5 * 60_000  # when somebody is missing who may be added any moment,
SILENT_AGAIN_MS = 30_000  # and when Slack could not say
RELOAD_SECONDS = 10.0  # how long an operator waits for the answer of Slack
A_GATE = "a waiting gate"  # in the place of a workflow, for what only older versions name
TOLD_MAX = 20  # people of one owning group who are written to


@dataclass(slots=True)
class Looked:
    """What came of one look."""

    strangers: list[Stranger] = field(default_factory=list)
    accepted: list[Handle] = field(default_factory=list)
    silent: bool = False  # Slack could not say everything


class Registrar:
    """Keeps the pins in order. `loop` looks by itself, `look` when the workflows were loaded."""

    def __init__(self, slack: Slack, engine: Engine, people: SlackPeople) -> None:
        self._slack = slack
        self._engine = engine
        self._people = people
        self._pins = people.pins
        self._bell = Bell()
        self._turn = anyio.Lock()
        self._said: set[Stranger] = set()
        self._told: set[tuple[str, str, str]] = set()  # who was written to about which change

    async def loop(self) -> None:
        """Look at the start and from time to time, and have what could not be shown tried again at the start."""
        clock, first = self._engine.clock, True
        while True:
            rung = self._bell.event()
            try:
                if first:
                    await self.try_again()
                again_ms, first = _when(await self.look()), False
            except StoreFault as fault:
                log.warning("handles.not_written", why=fault.message, hint=fault.hint)
                again_ms = SILENT_AGAIN_MS
            except Exception:
                # A bug here, or an answer in a shape of its own, must not stop the service: pins stay as they are.
                log.exception("handles.not_looked_up")
                again_ms = ABSENT_AGAIN_MS
            until = clock.now() + again_ms
            while clock.now() < until and not rung.is_set():
                await clock.wait(rung, until)

    async def reloaded(self, *, accept: bool, by: Actor) -> Json:
        """Look at what was loaded, and say what came of it. What takes too long is looked at beside."""
        self._said.clear()
        await self.try_again()
        looked = Looked(silent=True)
        try:
            with anyio.move_on_after(RELOAD_SECONDS):
                looked = await self.look(by if accept else None)
        except StoreFault:
            raise
        except Exception:
            log.exception("handles.not_looked_up")  # the workflows were taken all the same
        if looked.silent:
            self._bell.ring()
        return {
            "references": [
                {"workflow": one.workflow, "reference": one.reference, "message": one.message, "hint": one.cure}
                for one in looked.strangers
            ],
            "accepted": [
                {"reference": one.reference, "id": one.found, "before": one.pinned} for one in looked.accepted
            ],
            "references_checked": not looked.silent,
        }

    async def look(self, accept: Actor | None = None) -> Looked:
        """Look everything up that is named, pin what is new, and report. Raises StoreFault."""
        async with self._turn:
            known, looked = await self._named(), Looked()
            reported = {(one.reference, one.found) for one in self._pins.moved()}
            looked.silent = not await self._look_up([one for listed in known.values() for one in listed])
            if accept is not None:
                looked.accepted = await self._accepted(reported, accept)
            looked.strangers = self._strangers(known)
            await self._tell_owners(known)
            return looked

    async def invited(self, channel: str) -> None:
        """We were added to a channel: what could not be shown there is tried again."""
        facts = await self._people.channel(channel)
        names = [channel, *([f"#{facts.name}"] if facts.name else [])]
        count = await self._engine.database.write(lambda tx: unshown.reopen(tx, names))
        log.info("channel.joined", channel=channel, name=facts.name, runs=count)
        self._engine.told.ring()
        self._bell.ring()

    async def try_again(self) -> None:
        """Have every run that could not be shown try it once more."""
        if await self._engine.database.write(unshown.reopen_all):
            self._engine.told.ring()

    # Looking up -----------------------------------------------------------------------------------------------------

    async def _named(self) -> dict[str, list[str]]:
        """What each workflow names; and whoever is asked at an open gate of a version that is not loaded any more."""
        known = named_by(self._engine.definitions)
        named = {normal(one) for listed in known.values() for one in listed}
        asked = await self._engine.database.read(lookups.asked)
        left = [one for one in asked if normal(one) not in named]
        return known | ({A_GATE: left} if left else {})

    async def _look_up(self, named: Sequence[str]) -> bool:
        """Take in what Slack says of all these; False when it cannot say everything."""
        own = self._people.own_groups
        references = References(self._people.phonebook, self._engine.clock, own)
        silent: set[str] = set()  # about groups, channels or people: the next one would only wait in vain too
        for reference in dict.fromkeys(nested(named, own)):
            if kind(reference) not in silent and not await self._take_in(references, reference):
                silent.add(kind(reference))
        return not silent

    async def _take_in(self, references: References, reference: str) -> bool:
        before = self._pins.of(reference)
        try:
            sight = await references.look(reference, before.pinned if before else None)
        except SlackFault as fault:
            log.info("reference.not_looked_up", reference=reference, error=fault.code)
            return False
        after = await self._pins.note(reference, sight)
        was_missing = before is not None and before.state != "found"
        if was_missing != (after.state != "found"):
            await self._show_again(after)
        return True

    async def _show_again(self, handle: Handle) -> None:
        """Somebody is missing, or is there at last: the cards that ask them say so, and closed channels are tried."""
        database = self._engine.database
        asking = await database.read(lambda tx: handles.asking(tx, handle.reference))
        names = [handle.reference, handle.pinned or ""] if handle.state == "found" else []

        def again(tx: Writer) -> None:
            for run_id in asking:
                outbox.again(tx, run_id)
            unshown.reopen(tx, names)

        await database.write(again)
        self._engine.told.ring()

    # Accepting and reporting ----------------------------------------------------------------------------------------

    async def _accepted(self, reported: set[tuple[str, str | None]], by: Actor) -> list[Handle]:
        """Follow what was reported before and is still so; what has only just come up is reported first."""
        accepted = [one for one in self._pins.moved() if (one.reference, one.found) in reported]
        await self._pins.accept(accepted, by.name or by.id)
        for one in accepted:
            log.warning("handle.accepted", reference=one.reference, id=one.found, before=one.pinned, by=by.id)
            await self._show_again(one)
        return accepted

    def _strangers(self, known: Mapping[str, Sequence[str]]) -> list[Stranger]:
        """Everything odd, each said once in the log for as long as it is the same."""
        found = [
            stranger
            for workflow, references in known.items()
            for reference in dict.fromkeys(nested(references, self._people.own_groups))
            if (stranger := strange(workflow, reference, self._pins.of(reference))) is not None
        ]
        for one in found:
            if one not in self._said:
                about = {"workflow": one.workflow, "reference": one.reference}
                log.warning("workflow.names_stranger", **about, what=one.message, cure=one.cure)
        self._said = set(found)
        return found

    async def _tell_owners(self, known: Mapping[str, Sequence[str]]) -> None:
        """Write to the owners of the workflows that name somebody who has changed, once for each change."""
        untold = [one for one in self._pins.moved() if one.told_at is None]
        told = [one for one in untold if await self._tell_owners_of(one, known)]
        if told:
            await self._pins.told(told)

    async def _tell_owners_of(self, handle: Handle, known: Mapping[str, Sequence[str]]) -> bool:
        """Whether everybody was told who can be."""
        lines: dict[str, list[str]] = {}
        for workflow, references in known.items():
            written = (one for one in nested(references, self._people.own_groups) if normal(one) == handle.reference)
            reference = next(written, None)
            stranger = None if reference is None else strange(workflow, reference, handle)
            card = self._engine.workflow_of(workflow)
            if stranger is None or card is None or not card.owner:
                continue
            people = await self._people.behind(card.owner)
            if people is None:
                return False
            for person in people[:TOLD_MAX]:
                lines.setdefault(person, []).append(escape(f"{stranger.message} {stranger.cure}"))
        sent = [await self._wrote(person, handle, "\n".join(said)) for person, said in lines.items()]
        return all(sent)

    async def _wrote(self, person: str, handle: Handle, text: str) -> bool:
        """Whether this person needs no other try."""
        known = (person, handle.reference, handle.found or "")
        if known in self._told:
            return True
        try:
            await self._slack.post(await self._slack.open_dm(person), text)
        except SlackFault as fault:
            log.info("owner.not_told", user=person, reference=handle.reference, error=fault.code)
            return not fault.retryable
        self._told.add(known)
        return True


def _when(looked: Looked) -> Millis:
    if looked.silent:
        return SILENT_AGAIN_MS
    return ABSENT_AGAIN_MS if looked.strangers else AGAIN_MS
