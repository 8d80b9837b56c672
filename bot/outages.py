"""Endpoints that are down: one notice in each channel for alerts, kept true, and closed when it answers again.

Where no such channel is open to us, those who keep things running get it directly.

Level-triggered like the messages of runs: what should stand is worked out from the rows, so that a restart in between
posts nothing twice. A notice is one outage's, by the moment since which the endpoint is held:

    answers ──held──▶ notice posted ──count, next try──▶ edited ──answers──▶ edited, a reply below ──▶ forgotten
    held again before that was told: the old notice is closed, and another one begins
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial

import anyio
import structlog

from bot.copies import PEOPLE_MAX
from bot.delivery import Compose
from bot.message import Message, Priority
from bot.names import USER_ID
from bot.operators import Operators
from bot.projection import DIRECTORY_SECONDS, Directory
from bot.sender import Sender
from bot.tickets import differs, ticket_for
from bot.views.outage import Outage, answered_again, closed_notice, directly, down_notice
from bot.views.scene import Rendering
from engine.bell import Bell
from engine.clock import Clock
from store import anchors, definitions, endpoints, outbox, unshown
from store.anchors import Anchor
from store.database import Database, Reader, Writer
from store.endpoints import Endpoint, Notice
from store.faults import StoreFault
from store.model import Millis, RunId

log = structlog.get_logger("slack")

OWNER = "endpoint:"  # before the endpoint's name where the messages of a run have the run's id
REPLY = ":up"
LOOK_EVERY_MS = 1_000
REFRESHED_MAX = 50  # runs in line whose own messages say that it is down, or up


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of one endpoint, and where something about it stands."""

    endpoint: Endpoint
    runs: int  # that wait for it
    places: tuple[str, ...]  # channels as written, or the ids of people
    anchors: Mapping[str, Anchor] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    told_down: bool = False
    keepers: tuple[tuple[str, ...], ...] = ()  # whom to tell while no channel is open, those to be asked first first


def owner_of(endpoint: str) -> RunId:
    return f"{OWNER}{endpoint}"


def notice_key(endpoint: str, since: Millis, place: str) -> str:
    """`endpoint:host cms.example.com:1763800000000:#ops`"""
    return f"{owner_of(endpoint)}:{since}:{place}"


def wanted(sight: Sight) -> list[Message]:
    """Every message that should stand about it. Pure."""
    one, found = sight.endpoint, []
    standing = {key: _parts(one.name, key) for key in sight.anchors if not key.endswith(REPLY)}
    places = dict.fromkeys(place for since, place in standing.values() if since == one.held_since)
    if one.held_since is not None:
        told = down_notice(Outage(one.name, one.held_since, sight.runs, one.held_until, one.message))
        for place in dict.fromkeys([*places, *sight.places]):
            shown = directly(told) if _is_person(place) else told
            found.append(_message(sight, notice_key(one.name, one.held_since, place), place, shown))
    for key, (since, place) in standing.items():
        if since != one.held_since:
            up_at = one.up_at if one.up_at is not None and one.up_at >= since else None
            outage = Outage(one.name, since, 0, None, one.message)
            found.append(_message(sight, key, place, closed_notice(outage, up_at)))
            found.append(_message(sight, f"{key}{REPLY}", place, answered_again(outage, up_at), under=key))
    return found


class Outages:
    """The loop that has these messages brought up to date."""

    def __init__(
        self, database: Database, clock: Clock, changed: Bell, directory: Directory, operators: Operators
    ) -> None:
        self._database = database
        self._clock = clock
        self._changed = changed
        self._directory = directory
        self._operators = operators
        self._sender: Sender | None = None
        self._known: dict[str, str] = {}

    def hand_to(self, sender: Sender) -> None:
        """Name the sender: each needs the other."""
        self._sender = sender

    async def loop(self) -> None:
        """Look for as long as the service lives, whenever something happened, and not too often."""
        assert self._sender is not None, "hand_to was not called"
        while True:
            rung = self._changed.event()
            more = await self._pass()
            soon = self._clock.now() + LOOK_EVERY_MS
            await self._clock.wait(anyio.Event(), soon)
            if not more:
                await self._clock.wait(rung, None)

    async def _pass(self) -> bool:
        """A look; one that comes to nothing is taken again, and stops nothing else: all is in the rows."""
        try:
            return await self.run_once()
        except StoreFault as fault:
            if fault.fatal:
                raise
            log.warning("notices.wait", why=fault.message, hint=fault.hint)
            return True
        except Exception:
            log.exception("notices.not_looked_at")
            return False

    async def run_once(self) -> bool:
        """Hand what differs to the sender, and note what has been told; whether there is more to come."""
        assert self._sender is not None
        more = False
        for sight in await self._sights():
            messages = wanted(sight)
            different = [one for one in messages if differs(one, sight.anchors)]
            for message in different:
                self._sender.want(ticket_for(message, sight.anchors))
            more = more or bool(different)
            if not different and not _is_told(sight):
                await self._database.write(partial(_told, sight=sight))
        return more

    async def compose(self, run_id: RunId, key: str) -> Message | None:
        """One of these messages as it should be now; None when there should be none."""
        name = run_id.removeprefix(OWNER)
        sight = await self._named(await self._database.read(lambda tx: self._look(tx, endpoints.find(tx, name))))
        return next((one for one in wanted(sight) if one.key == key), None)

    # What is known --------------------------------------------------------------------------------------------------

    async def _sights(self) -> list[Sight]:
        def look(tx: Reader) -> list[Sight]:
            spoken_of = {one.removeprefix(OWNER) for one in anchors.owners(tx, OWNER)}
            return [self._look(tx, endpoints.find(tx, name)) for name in sorted(endpoints.told_of(tx) | spoken_of)]

        return [await self._named(sight) for sight in await self._database.read(look)]

    def _look(self, tx: Reader, one: Endpoint) -> Sight:
        owner = owner_of(one.name)
        standing = {anchor.key: anchor for anchor in anchors.of_run(tx, owner)}
        closed = [row for row in unshown.of_run(tx, owner) if row.state == "closed"]
        shut = {name for row in closed for name in (row.channel, row.name)}
        places = self._places(tx, one, shut) if one.held else ()
        keepers = self._keepers(tx, one) if one.held and not places else ()
        told_down = endpoints.is_told_down(tx, one.name)
        return Sight(one, endpoints.runs_waiting(tx, one.name), places, standing, {}, told_down, keepers)

    def _places(self, tx: Reader, one: Endpoint, shut: Set[str]) -> tuple[str, ...]:
        """The operators' channel; when there is none, or it is closed to us, those of the workflows that wait."""
        if self._operators.channel and self._operators.channel not in shut:
            return (self._operators.channel,)
        cards = [definitions.workflow(tx, name) for name in endpoints.workflows_waiting(tx, one.name)]
        channels = [card.alerts_failed or card.channel for card in cards if card is not None]
        return tuple(dict.fromkeys(channel for channel in channels if channel and channel not in shut))

    def _keepers(self, tx: Reader, one: Endpoint) -> tuple[tuple[str, ...], ...]:
        """Whom to tell where no channel is open: the operators; when none can be listed, the owners of what waits."""
        cards = [definitions.workflow(tx, name) for name in endpoints.workflows_waiting(tx, one.name)]
        owners = dict.fromkeys(card.owner for card in cards if card is not None and card.owner)
        return (self._operators.people, tuple(owners))

    async def _people(self, sight: Sight) -> tuple[str, ...]:
        """The people whom it is told directly, by id; none while Slack does not say who they are."""
        for references in sight.keepers:
            behind = await self._directory.behind(references)
            people = dict.fromkeys(person for one in references for person in behind.get(one, ())[:PEOPLE_MAX])
            if people:
                return tuple(people)[:PEOPLE_MAX]
        return ()

    async def _named(self, sight: Sight) -> Sight:
        """With the ids of its channels, or those that were known before when Slack says nothing."""
        try:
            with anyio.move_on_after(DIRECTORY_SECONDS):
                sight = replace(sight, places=sight.places or await self._people(sight))
        except Exception:
            log.exception("directory.failed")
        written = [*sight.places, *(place for _, place in (_parts(sight.endpoint.name, key) for key in sight.anchors))]
        try:
            with anyio.move_on_after(DIRECTORY_SECONDS):
                self._known.update(await self._directory.ids(list(dict.fromkeys(written))))
        except Exception:
            log.exception("directory.failed")
        names = {one: self._known[one] for one in written if one in self._known}
        return replace(sight, names=names)


def either(outages: Outages, of_runs: Compose) -> Compose:
    """What a message says, be it about an endpoint or a run."""

    async def compose(owner: RunId, key: str) -> Message | None:
        return await (outages.compose if owner.startswith(OWNER) else of_runs)(owner, key)

    return compose


def _is_told(sight: Sight) -> bool:
    """Whether all this is noted already."""
    one = sight.endpoint
    return one.held == sight.told_down and all(_is_of(one, key) for key in sight.anchors)


def _told(tx: Writer, sight: Sight) -> None:
    """All that should stand stands: this outage is told, and those that are over are forgotten."""
    one = sight.endpoint
    endpoints.told(tx, Notice(one, one.held, sight.runs))
    for key in sight.anchors:
        if not _is_of(one, key):
            anchors.forget(tx, key)
    for run_id in endpoints.runs_in_line(tx, one.name, REFRESHED_MAX):
        outbox.again(tx, run_id)


def _is_of(one: Endpoint, key: str) -> bool:
    """Whether a message is about the outage that lasts."""
    return one.held_since is not None and _parts(one.name, key)[0] == one.held_since


def _parts(endpoint: str, key: str) -> tuple[Millis, str]:
    """Since when the outage lasts that a message is about, and where the message stands."""
    since, _, place = key.removeprefix(f"{owner_of(endpoint)}:").removesuffix(REPLY).partition(":")
    return int(since), place


def _is_person(place: str) -> bool:
    return USER_ID.fullmatch(place) is not None


def _message(sight: Sight, key: str, place: str, rendering: Rendering, under: str = "") -> Message:
    return Message(
        key=key,
        run_id=owner_of(sight.endpoint.name),
        run=sight.endpoint.name,
        trace_id="",
        seq=0,
        channel=sight.names.get(place, place),
        under=under,
        priority=Priority.ALERT,
        order=0,
        final=bool(under),
        recipients=(),
        rendering=rendering,
        person=place if _is_person(place) else "",
        place=place,
    )
