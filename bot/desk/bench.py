"""What everyone at the desk works with: the engine, the people, and where messages stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio.to_thread

from bot.desk import rights
from bot.kinship import Permalink, ahead_of, kin_of
from bot.people import Acquaintance, People
from bot.slack import SlackFault
from bot.views.scene import ERASED, Scene
from engine.api import Engine
from store import anchors, codec
from store.faults import StoreFault
from store.model import Content, Json, Millis, Person, Run, Workflow


class NotYet(SlackFault):
    """Slack cannot say just now who somebody is. Nothing was changed, and what they asked for is taken up later."""

    def __init__(self, trouble: SlackFault, person: Person) -> None:
        super().__init__(trouble.code, retryable=True, retry_after_ms=trouble.retry_after_ms)
        self.person = person


OpenForm = Callable[[str, Json], Awaitable[object]]
OpenDirect = Callable[[str], Awaitable[str]]
Invited = Callable[[str], Awaitable[None]]


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
        invited: Invited | None = None,
    ) -> None:
        self.engine = engine
        self.people = people
        self.open_direct = open_direct
        self.open_form = open_form
        self.invited = invited or _nothing_waits
        self._permalink = permalink

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
        kin, ahead = await self.engine.database.read(lambda tx: (kin_of(tx, run, self._permalink), ahead_of(tx, run)))
        return Scene(run, plan, self.workflow(run), kin=kin, ahead=ahead)

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
        anchor = await self.engine.database.read(lambda tx: anchors.of(tx, key))
        if anchor is None or anchor.ts is None or anchor.state == "gone":
            return ""
        return self._permalink(anchor.channel, anchor.ts, anchor.thread_ts)


async def _nothing_waits(channel: str) -> None:
    """Where nobody shows runs, nothing waits for a channel to open."""


def recipe(kind: str, **facts: Json) -> Json:
    """What to answer, as facts: kept in the commit of the change, told again after a crash."""
    return {"recipe": kind, **{name: codec.plain(fact) for name, fact in facts.items()}}
