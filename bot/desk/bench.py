"""What everyone at the desk works with: the engine, the people, and where messages stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import anyio.to_thread

from bot.attached import Attached, NotTaken, Obstacle
from bot.desk import rights
from bot.digests import Digest, digests_in
from bot.kinship import Around, Permalink, around
from bot.operators import Operators
from bot.people import Acquaintance, People
from bot.slack import SlackFault
from bot.views.gate_words import digest_key, gate_key
from bot.views.scene import ERASED, Scene
from engine.api import Engine
from store import anchors, codec
from store.anchors import Anchor
from store.database import Reader
from store.faults import StoreFault
from store.model import Content, Gate, Json, Millis, Person, Run, Workflow


class NotYet(SlackFault):
    """Slack cannot say just now who somebody is. Nothing was changed, and what they asked for is taken up later."""

    def __init__(self, trouble: SlackFault, person: Person) -> None:
        super().__init__(trouble.code, retryable=True, retry_after_ms=trouble.retry_after_ms)
        self.person = person


OpenForm = Callable[[str, Json], Awaitable[object]]
UpdateForm = Callable[[str, Json], Awaitable[object]]
OpenDirect = Callable[[str], Awaitable[str]]
Invited = Callable[[str], Awaitable[None]]
Fetch = Callable[[Attached, str, str], Awaitable[Json]]
"""A file, who asks and where, to what an input says of it. Raises NotTaken."""
FilesOf = Callable[[str, str, str], Awaitable[tuple[Attached, ...]]]
"""The files of a message, by its channel, its ts, and that of its thread; none when we cannot read it."""


class Bench:
    """Shared by all that answer. Slack comes in as functions, so that lines can be tried without it."""

    def __init__(
        self,
        engine: Engine,
        people: People,
        *,
        permalink: Permalink,
        open_direct: OpenDirect,
        open_form: OpenForm,
        update_form: UpdateForm | None = None,
        invited: Invited | None = None,
        operators: Operators | None = None,
        fetch: Fetch | None = None,
        files_of: FilesOf | None = None,
        takes_files: bool = True,
    ) -> None:
        self.engine = engine
        self.people = people
        self.open_direct = open_direct
        self.open_form = open_form
        self.update_form = update_form or _no_windows
        self.invited = invited or _nothing_waits
        self.operators = operators or Operators()
        self.fetch = fetch or _no_files
        self.files_of = files_of or _none_there
        self.takes_files = takes_files  # whether the app may read files here
        self.permalink = permalink

    def now(self) -> Millis:
        return self.engine.clock.now()

    async def meet(self, user: str, references: Iterable[str] = (), *, anew: bool = False) -> Acquaintance:
        """Who this is now. Raises NotYet when Slack cannot say so for a reason that passes."""
        met = await self.glance(user, references, anew=anew)
        if met.trouble is not None and not met.person.member:
            raise NotYet(met.trouble, met.person)
        return met

    async def glance(self, user: str, references: Iterable[str] = (), *, anew: bool = False) -> Acquaintance:
        """As much as Slack says at this moment, for what cannot wait: a stranger when it says nothing."""
        return await self.people.meet(user, references, anew=anew)

    def workflow(self, run: Run) -> Workflow:
        """How the run's workflow is guarded now; when its file is gone, by nobody."""
        known = self.engine.workflow_of(run.workflow)
        return known or Workflow(run.workflow, "", run.version, access=rights.NOBODY)

    async def scene(self, run: Run) -> Scene:
        plan = await self.engine.plan_of(run.version)

        def look(tx: Reader) -> tuple[Around, Sequence[Digest], Mapping[str, str]]:
            digests = digests_in(tx, run)
            links = {key: self._address(anchors.of(tx, key)) for key in (digest_key(one.id) for one in digests)}
            return around(tx, run, self.permalink), digests, links

        by, digests, links = await self.engine.database.read(look)
        return Scene(
            run, plan, self.workflow(run), kin=by.kin, ahead=by.ahead, holders=by.holders, held=by.held, off=by.off,
            digests=digests, links=links,
        )  # fmt: skip

    async def digests(self, run: Run) -> Sequence[Digest]:
        """The cards that gates of this run share."""
        return await self.engine.database.read(lambda tx: digests_in(tx, run))

    async def content(self, content: Content) -> Json:
        """The value itself, wherever it is kept; a note in its place when it was erased."""
        if content.hash is None:
            return content.value
        try:
            return await anyio.to_thread.run_sync(self.engine.content.load, content.hash)
        except StoreFault:
            return ERASED

    async def address(self, key: str) -> str:
        """The address of what stands under this key; empty while it stands nowhere."""
        return self._address(await self.engine.database.read(lambda tx: anchors.of(tx, key)))

    def _address(self, anchor: Anchor | None) -> str:
        if anchor is None or anchor.ts is None or anchor.state == "gone":
            return ""
        return self.permalink(anchor.channel, anchor.ts, anchor.thread_ts)

    async def card_key(self, run: Run, gate: Gate) -> str:
        """The key of the card on which this gate stands: its own, or one that it shares."""
        digests = () if gate.terms.digest_ms is None else await self.digests(run)
        shared = next((one for one in digests if one.of(gate.id)), None)
        return gate_key(gate.id) if shared is None else digest_key(shared.id)

    async def card_address(self, run: Run, gate: Gate) -> str:
        return await self.address(await self.card_key(run, gate))


async def _none_there(channel: str, ts: str, thread_ts: str) -> tuple[Attached, ...]:
    return ()


async def _no_files(one: Attached, user: str, channel: str) -> Json:
    raise NotTaken(one.name, Obstacle("files are taken in Slack only"))


async def _no_windows(view_id: str, view: Json) -> None:
    """Where nobody opens windows there is none to change."""


async def _nothing_waits(channel: str) -> None:
    """Where nobody shows runs, nothing waits for a channel to open."""


def recipe(kind: str, **facts: Json) -> Json:
    """What to answer, as facts: kept in the commit of the change, told again after a crash."""
    return {"recipe": kind, **{name: codec.plain(fact) for name, fact in facts.items()}}
