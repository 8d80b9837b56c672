"""What workflows say by their `message` steps: where each message goes. Said once for each time a step is done."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from bot.views.markup import escape, one_line
from bot.views.said_message import said_message
from bot.views.scene import Rendering, Scene, asked_markup
from store import history
from store.database import Reader
from store.events import StepSucceeded
from store.model import Json, Plan, Run, StepKey, StepStatus

IN_THREAD = frozenset({"thread", "channel", ""})
_USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class Saying:
    """A message of the workflow: in the run's thread, in a channel, or directly to a person."""

    key: str
    rendering: Rendering
    channel: str = ""
    person: str = ""


def say_key(run: Run, key: StepKey, round_: int) -> str:
    return f"say:{run.id}:{round_}:{key}"


def overtaken(tx: Reader, run: Run, plan: Plan, posted: Collection[str]) -> list[StepSucceeded]:
    """What message steps said in rounds before the one they are in, and nobody has posted: only the history has it."""
    said = _speaking(plan)
    earlier = {
        (row.key, n)
        for row in run.steps.values()
        if row.name in said
        for n in range(1, row.round)
        if say_key(run, row.key, n) not in posted
    }
    if not earlier:
        return []
    events = (one.event for one in history.of(tx, run.id, ("StepSucceeded",)))
    done = [event for event in events if isinstance(event, StepSucceeded)]
    return [event for event in done if (event.place.key, event.place.round) in earlier]


def _speaking(plan: Plan) -> set[str]:
    return {spec.name for spec in (*plan.steps, *plan.undo) if spec.uses == "message"}


def recipients(outputs: Mapping[str, Json]) -> list[str]:
    """The people, groups and channels that messages of this run are for, as written."""
    found = (output.get("to") for output in outputs.values() if isinstance(output, dict))
    return [to for to in found if isinstance(to, str) and to not in {*IN_THREAD, "requester"}]


def spoken(scene: Scene) -> dict[str, Json]:
    """What the message steps that are done gave, by the key of each message."""
    said, run = _speaking(scene.plan), scene.run
    if not said:
        return {}
    before = {say_key(run, one.place.key, one.place.round): scene.value(one.output) for one in scene.overtaken}
    rows = (row for row in run.steps.values() if row.name in said and row.status is StepStatus.SUCCEEDED)
    return before | {say_key(run, row.key, row.round): scene.value(row.output) for row in rows}


def sayings(scene: Scene) -> Iterator[Saying]:
    """Every message that the workflow says, as far as it got."""
    for key, output in spoken(scene).items():
        if not isinstance(output, dict):
            output = {"to": "thread", "text": str(output)}  # erased, or too large to be shown
        to, text = str(output.get("to") or "thread"), str(output.get("text") or "")
        yield _saying(scene, key, to, text)


def _saying(scene: Scene, key: str, to: str, text: str) -> Saying:
    requester = scene.run.requester
    if to == "requester" and requester.kind == "person" and _USER_ID.fullmatch(requester.id):
        return _directly(scene, key, requester.id, text)
    if to in IN_THREAD or to == "requester":
        return Saying(key, said_message(scene, text))
    found = scene.names.get(to, to)
    if _USER_ID.fullmatch(found):
        return _directly(scene, key, found, text)
    if to.startswith("#") or _CHANNEL_ID.fullmatch(found):
        return Saying(key, said_message(scene, text, note=f"{_title(scene)}:"), channel=found)
    return Saying(key, said_message(scene, text, mention=f"{asked_markup(scene, [to])}:"))


def _directly(scene: Scene, key: str, person: str, text: str) -> Saying:
    return Saying(key, said_message(scene, text, note=f"{_title(scene)}:"), channel=person, person=person)


def _title(scene: Scene) -> str:
    return escape(one_line(scene.title), 150)
