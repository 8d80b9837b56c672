"""The example workflows as they are shipped, on a real engine: with the demo's recorded answers and the site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import pytest

from bot.demo.site import Site
from bot.demo.town import recorded
from bot.folder import Folder
from bot.operator_file import OperatorFile
from bot.recorded_answers import RecordedAnswers
from engine.definitions import Loaded
from engine.models import Models
from engine.opening import bound
from engine.rules.commands import Decide, Refusal, SignalRun
from engine.service import Options, Service, serving
from store.model import Actor, Content, Json, Person, Run, StepPlan
from tests.support.leaping_clock import LeapingClock
from tests.support.proofs import sound

WORKFLOWS = Path(__file__).parents[2] / "workflows"
TOKEN = "site-token"
PRICE = {"input": 1, "output": 4}  # US dollars for a million tokens
MINUTE, HOUR = 60_000, 3_600_000
GROUPS = {
    "U0ADA": ("@editors",),
    "U0RAVI": ("@editors", "@support"),
    "U0LENA": ("@editors", "@content-leads"),
    "U0OMAR": ("@support",),
    "U0MINA": (),
}
ADA, RAVI, LENA, OMAR, MINA = (Actor("person", one, one.removeprefix("U0").title()) for one in GROUPS)


@cache
def read() -> Loaded:
    """The workflows as the check reads them; read once, as they do not change while tests run."""
    return Folder(WORKFLOWS, None, None).read()


@dataclass
class Meadow:
    """A publishing house at work, and what its people do."""

    service: Service
    clock: LeapingClock
    answers: RecordedAnswers
    site: Site
    folder: Path

    async def start(self, workflow: str, who: Actor = MINA, **inputs: Json) -> Run:
        """Start a run with these inputs, and the defaults of the others."""
        engine = self.service.engine
        defaults = {
            name: schema["default"]
            for name, schema in engine.definitions[workflow].plan.inputs.items()
            if "default" in schema
        }
        return (await engine.start(workflow, defaults | inputs, actor=who)).run

    async def until(self, run: Run, done: Callable[[Run], bool]) -> Run:
        """The run, once it is like this or has ended."""
        with anyio.fail_after(30):
            return await self.service.engine.wait_for(run.id, lambda run: run.status.finished or done(run))

    async def failed_once(self, run: Run, key: str) -> Run:
        """The run, once this step waits for its second attempt; its time comes at once."""

        def once(run: Run) -> bool:
            return key in run.steps and (run.steps[key].attempt, run.steps[key].status) == (1, "ready")

        run = await self.until(run, once)
        self.clock.leap(MINUTE)
        return run

    async def ended(self, run: Run) -> Run:
        return await self.until(run, lambda run: False)

    async def asks(self, run: Run, *keys: str, version: int = 1) -> Run:
        """The run, once these gates are open, each in this version, and only people can move it on."""

        def open_(run: Run) -> bool:
            gates = [run.steps[key].gate for key in keys if key in run.steps]
            states = [gate and (gate.state, gate.version) for gate in gates]
            return run.active_since is None and states == [("open", version)] * len(keys)

        return await self._stands(run, open_)

    async def waits(self, run: Run, key: str) -> Run:
        """The run, once this step waits, and nothing else is under way."""

        def waiting(run: Run) -> bool:
            return run.active_since is None and key in run.steps and run.steps[key].status == "waiting"

        return await self._stands(run, waiting)

    async def _stands(self, run: Run, so: Callable[[Run], bool]) -> Run:
        run = await self.until(run, so)
        assert not run.status.finished, (run.status, run.reason, run.error, statuses(run))
        return run

    async def decide(self, run: Run, key: str, who: Actor, verdict: Any = "approve", **more: Any) -> Refusal | None:
        """What becomes of somebody's answer at a gate; None when it is taken."""
        engine = self.service.engine
        facts = Person(who.id, who.name, True, GROUPS[who.id], self.clock.now())
        return (await engine.perform(run.id, Decide(key, who, verdict, **more), person=facts)).refusal

    async def edit(self, run: Run, key: str, who: Actor, **fields: Json) -> Refusal | None:
        """Approve with other values in these fields."""
        engine = self.service.engine
        gate = run.steps[key].gate
        shown = engine.content.value(gate.shown)
        content = shown | fields
        policy = self.spec(run, key).gate
        edits = {name: [shown[name], value] for name, value in fields.items()}
        digest = bound(policy, gate.question, content, gate.approvers)
        more = {"content": Content(content), "content_digest": digest, "edits": edits}
        return await self.decide(run, key, who, **more)

    async def happens(self, run: Run, event: str, data: Json = None) -> None:
        """Something happens outside that the run waits for."""
        assert (await self.service.engine.perform(run.id, SignalRun(OMAR, event, Content(data)))).refusal is None

    async def child(self, run: Run, key: str) -> Run:
        """The run that a step waits for."""
        child = await self.service.engine.look((await self.waits(run, key)).steps[key].child)
        assert child is not None
        return child

    def spec(self, run: Run, key: str) -> StepPlan:
        return self.service.engine.known_plan(run.version).step(run.steps[key].name)

    def value(self, content: Content | None) -> Any:
        return None if content is None else self.service.engine.content.value(content)

    def output(self, run: Run, key: str) -> Any:
        return self.value(run.steps[key].output)

    def outputs(self, run: Run) -> Any:
        assert run.status == "succeeded", (run.status, run.reason, run.error)
        return self.value(run.outputs)

    def asked(self, words: str) -> list[str]:
        """What models were asked that has these words in it."""
        return [one["prompt"] for one in self.answers.asked if words in one["prompt"]]


@asynccontextmanager
async def meadow(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    recordings: Iterable[Json] = (),
    site: type[Site] = Site,
    price: Json = PRICE,
) -> AsyncIterator[Meadow]:
    """The house for as long as the block lasts; `recordings` answer before those of the demo."""
    monkeypatch.setenv("CMS_TOKEN", TOKEN)
    answers = recorded()
    for one in answers.recordings:
        for index, answer in enumerate(one.answers):
            one.answers[index] = answer.model_copy(update={"delay_ms": 0})
    answers.recordings = [*RecordedAnswers.parse(list(recordings)).recordings, *answers.recordings]
    clock = LeapingClock()
    async with site(folder / "site", TOKEN).running() as place, answers.running() as url:
        options = Options(
            database=folder / "meadow.db",
            synchronous="normal",
            allowed_hosts=(place.url.removeprefix("http://"),),
            models=Models.parse({name: _endpoint(url, name, price) for name in ("writer", "backup")}, "models.yaml"),
        )
        async with serving(options, clock=clock) as service:
            service.engine.settings = _settings(folder, place.url)
            await service.engine.use(read().definitions)
            await service.drive_all()
            yield Meadow(service, clock, answers, place, folder)
            await sound(service)


def _endpoint(url: str, name: str, price: Json) -> dict[str, Json]:
    return {"kind": "openai", "base_url": f"{url}/v1", "model": f"recorded-{name}", "price": price}


def _settings(folder: Path, site_url: str) -> dict[str, Any]:
    operator = OperatorFile(
        settings={
            "publish_post": {"cms_url": site_url},
            "route_ticket": {"cms_url": site_url},
            "escalate_ticket": {"cms_url": site_url},
            "send_to_printer": {"printer_url": f"{site_url}/print-shop"},
            "intake_document": {"index_file": str(folder / "documents.db")},
        }
    )
    return {name: operator.for_workflow(one.plan) for name, one in read().definitions.items()}


def statuses(run: Run) -> dict[str, str]:
    return {key: step.status.value for key, step in run.steps.items()}
