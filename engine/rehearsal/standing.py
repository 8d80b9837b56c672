"""How a rehearsal stands: the run, its steps, its history, and what the world outside was asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from engine import audit
from engine.rehearsal import story
from engine.rehearsal.company import asked
from engine.rehearsal.fakes import Call, Fake
from engine.rehearsal.world import World
from engine.service import Service
from store import history
from store.events import Event, StepSucceeded
from store.model import Content, Json, Millis, Run, Step


class Standing:
    """What can be seen of a rehearsal between two deeds."""

    def __init__(self, service: Service, world: World) -> None:
        self._service = service
        self._world = world
        self._engine = service.engine
        self._run: Run | None = None
        self.history: tuple[Event, ...] = ()

    @property
    def run(self) -> Run:
        """The run that was started last, as it stood after the last deed."""
        assert self._run is not None, "no run was started"
        return self._run

    @property
    def begun(self) -> bool:
        """Whether a run was started."""
        return self._run is not None

    @property
    def status(self) -> str:
        return self.run.status.value

    def value(self, content: Content | None) -> Json:
        """A value of the run, wherever it is held."""
        return self._engine.content.value(content)

    @property
    def outputs(self) -> Json:
        return self._engine.content.value(self.run.outputs)

    @property
    def took_ms(self) -> int:
        """How long the run took, by the clock of the rehearsal."""
        return (self.run.ended_at or self.now) - self.run.created_at

    @property
    def now(self) -> Millis:
        return self._world.clock.now()

    @property
    def calls(self) -> list[Call]:
        """The faked attempts so far, in order."""
        return self._world.fakes.calls

    @property
    def missed(self) -> list[str]:
        """Steps that would have reached outside although nobody said what would come of it."""
        return self._world.fakes.missed

    def step(self, name: str, item: str | None = None) -> Step:
        """A step as it stands; `item` is the key of an element, of a step in a list. LookupError when there is none."""
        key = self._key(name, item)
        if key not in self.run.steps:
            block = key.partition("[")[0]
            keys = sorted(one.removeprefix(f"{block}[")[:-1] for one in self.run.steps if one.startswith(f"{block}["))
            raise LookupError(f"there is no {key}; the elements so far: {', '.join(keys) or 'none'}")
        return self.run.steps[key]

    def output(self, name: str, item: str | None = None) -> Json:
        return self._engine.content.value(self.step(name, item).output)

    @property
    def asked(self) -> list[str]:
        """The steps at which people are asked at this moment."""
        return asked(self.run)

    def shown(self, step: str, item: str | None = None) -> Json:
        """What stands at a gate to be decided on."""
        gate = self.step(step, item).gate
        return None if gate is None else self._engine.content.value(gate.shown)

    @property
    def messages(self) -> list[Mapping[str, Json]]:
        """What `message` steps have said."""
        return [
            self._engine.content.value(event.output)
            for event in self.history
            if isinstance(event, StepSucceeded)
            and self._engine.known_plan(self.run.version).step(event.place.step).uses == "message"
        ]

    def events(self, kind: type[Event] | str, step: str = "") -> list[Any]:
        """What happened to the run, of one kind and perhaps to one step."""
        name = kind if isinstance(kind, str) else kind.__name__
        found = [event for event in self.history if type(event).__name__ == name]
        return [event for event in found if not step or getattr(getattr(event, "place", None), "step", "") == step]

    def happened(self, *kinds: type[Event] | str) -> None:
        """AssertionError, with the story, unless events of these kinds follow each other, with others in between."""
        left = [kind if isinstance(kind, str) else kind.__name__ for kind in kinds]
        for event in self.history:
            if left and type(event).__name__ == left[0]:
                del left[0]
        if left:
            raise AssertionError(f"{left[0]} did not happen in its place.\n{self.told}")

    @property
    def told(self) -> str:
        """Everything that happened, in words."""
        return "\n".join(story.told(self.history, self._engine.content.values))

    def fake(self, step: str, fake: Fake) -> None:
        """Say what comes of a step from here on."""
        self._world.fakes.fake(self._known(step), fake)

    async def verified(self) -> list[str]:
        """Where the record does not hold together, or says something else than the rows; nowhere, normally."""
        breaks = await self._engine.database.read(lambda tx: list(audit.verify(tx, self._engine.chain)))
        return [f"{one.run_id}, event {one.seq}: {one.problem}" for one in breaks]

    async def _look(self) -> Run:
        run = await self._engine.look(self._world.runs[-1])
        assert run is not None, "a run that was started is there"
        entries = await self._engine.database.read(lambda tx: history.of(tx, run.id))
        await self._engine.plan_of(run.version)
        self._run, self.history = run, tuple(entry.event for entry in entries if entry.event is not None)
        return run

    def _key(self, name: str, item: str | None) -> str:
        step = self._known(name)
        return name if item is None else f"{step}[{item}]"

    def _known(self, name: str) -> str:
        """The step of the plan: what is done for each element of a list without a block is called `each`."""
        plan = self._world.definition.plan
        if plan.knows(f"{name}.each"):
            return f"{name}.each"
        short = name.partition("[")[0]
        if plan.knows(short):
            return name
        names = [one.name for one in plan.steps if not one.name.endswith(".each")]
        near = get_close_matches(short, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"its steps are {', '.join(names)}"
        raise LookupError(f"{plan.workflow} has no step {short}; {hint}")
