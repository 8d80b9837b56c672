"""What workflows say by their `message` steps: where each message goes. Said once for each time a step is done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bot.views.markup import escape, one_line
from bot.views.said_message import said_message
from bot.views.scene import Rendering, Scene, asked_markup
from store.model import Json, Run, Step, StepStatus

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


def say_key(run: Run, step: Step) -> str:
    return f"say:{run.id}:{step.round}:{step.key}"


def recipients(outputs: Mapping[str, Json]) -> list[str]:
    """The people, groups and channels that messages of this run are for, as written."""
    found = (output.get("to") for output in outputs.values() if isinstance(output, dict))
    return [to for to in found if isinstance(to, str) and to not in {*IN_THREAD, "requester"}]


def spoken(scene: Scene) -> dict[str, Json]:
    """What the message steps that are done gave, by their rows."""
    said = {spec.name for spec in (*scene.plan.steps, *scene.plan.undo) if spec.uses == "message"}
    if not said:
        return {}
    rows = (row for row in scene.run.steps.values() if row.name in said and row.status is StepStatus.SUCCEEDED)
    return {row.key: scene.value(row.output) for row in rows}


def sayings(scene: Scene) -> Iterator[Saying]:
    """Every message that the workflow says, as far as it got."""
    for key, output in spoken(scene).items():
        step = scene.run.steps[key]
        if not isinstance(output, dict):
            output = {"to": "thread", "text": str(output)}  # erased, or too large to be shown
        to, text = str(output.get("to") or "thread"), str(output.get("text") or "")
        yield _saying(scene, say_key(scene.run, step), to, text)


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
