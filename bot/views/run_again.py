"""The line that starts a run once more, as a person types it."""

from __future__ import annotations

from bot.grammar import Start, render
from bot.grammar.asks import Value
from bot.views import blocks
from bot.views.blocks import Block
from bot.views.markup import clip, one_line, width
from bot.views.scene import Scene
from store.model import Json, Run

TO_FILL_IN = "…"
VALUE_MAX = 400
LINE_MAX = 2_000


RETRY = "run_retry"
RETRY_ANYWAY = "run_retry_anyway"


def retry_button(run: Run, label: str = "", *, anyway: bool = False, step: str = "") -> blocks.Element:
    """Lets a run that has ended go on where it broke; `anyway` also when steps repeat whose effect took place."""
    text = clip(one_line(label), blocks.BUTTON_MAX) or "Retry"
    if anyway:
        return blocks.button(
            text, RETRY_ANYWAY, f"{run.id} {step}".strip(), style="danger", label=f"Retry {run.name} all the same"
        )
    return blocks.button(text, RETRY, run.id, style="primary", label=f"Retry {run.name}")


def retry_label(place: str) -> str:
    """`Retry from Publish`"""
    return f"Retry from {place}" if place else "Retry"


def run_again(scene: Scene, *advice: str) -> list[Block]:
    """The line to copy, under advice and what it does; what is secret or too long is left to fill in."""
    given = _given(scene)
    line = f"/flow {render(Start(scene.run.workflow, tuple(given.items())))}"
    if width(line) > LINE_MAX:
        line = f"/flow {render(Start(scene.run.workflow))} {TO_FILL_IN}"
    same = "complete and send" if TO_FILL_IN in line else "send"
    return [
        blocks.section("\n".join([*advice, f"To run it again from the beginning, {same}:"])),
        blocks.rich_text(blocks.rich_preformatted(line)),
    ]


def _given(scene: Scene) -> dict[str, Value]:
    """The inputs that are not what they would be anyway."""
    inputs = scene.value(scene.run.inputs)
    given = inputs if isinstance(inputs, dict) else {}
    schemas = {name: schema if isinstance(schema, dict) else {} for name, schema in scene.plan.inputs.items()}
    wanted = {name: schema for name, schema in schemas.items() if given.get(name) not in (None, "", [], {})}
    return {
        name: TO_FILL_IN if schema.get("sensitive") else _typed(given[name])
        for name, schema in wanted.items()
        if "default" not in schema or schema["default"] != given[name]
    }


def _typed(value: Json) -> Value:
    if isinstance(value, list) and value and all(isinstance(part, str | int | float) for part in value):
        return tuple(_word(part) for part in value)
    return _word(value)


def _word(value: Json) -> str:
    """A value as it is typed; what cannot be typed on a line is left to fill in."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value) if isinstance(value, str | int | float) else TO_FILL_IN
    return text if width(text) <= VALUE_MAX and text == one_line(text) else TO_FILL_IN
