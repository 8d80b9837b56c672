"""What everyone at the desk works with: the engine, the people, and where messages stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from bot.desk import rights
from bot.people import Acquaintance, People
from bot.views.scene import Scene
from engine.api import Engine
from store import anchors, codec
from store.model import Json, Millis, Run, Workflow

OpenForm = Callable[[str, Json], Awaitable[object]]
OpenDirect = Callable[[str], Awaitable[str]]


class Permalink(Protocol):
    """The address of a message."""

    def __call__(self, channel: str, ts: str, thread_ts: str | None = None) -> str: ...


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
    ) -> None:
        self.engine = engine
        self.people = people
        self.open_direct = open_direct
        self.open_form = open_form
        self._permalink = permalink

    def now(self) -> Millis:
        return self.engine.clock.now()

    async def meet(self, user: str, references: Iterable[str] = (), *, anew: bool = False) -> Acquaintance:
        return await self.people.meet(user, references, anew=anew)

    def workflow(self, run: Run) -> Workflow:
        """How the run's workflow is guarded now; when its file is gone, by nobody."""
        known = self.engine.workflow_of(run.workflow)
        return known or Workflow(run.workflow, "", run.version, access=rights.NOBODY)

    async def scene(self, run: Run) -> Scene:
        return Scene(run, await self.engine.plan_of(run.version), self.workflow(run))

    async def address(self, key: str) -> str:
        """The address of what stands under this key; empty while it stands nowhere."""
        anchor = await self.engine.database.read(lambda tx: anchors.of(tx, key))
        if anchor is None or anchor.ts is None or anchor.state == "gone":
            return ""
        return self._permalink(anchor.channel, anchor.ts, anchor.thread_ts)


def recipe(kind: str, **facts: Json) -> Json:
    """What to answer, as facts: kept in the commit of the change, told again after a crash."""
    return {"recipe": kind, **{name: codec.plain(fact) for name, fact in facts.items()}}
