"""The line that starts a run once more, as a person types it."""

from __future__ import annotations

from bot.attached import takes_file, takes_files
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
RETRY_LATEST = "run_retry_latest"
RETRY_LATEST_ANYWAY = "run_retry_latest_anyway"
RETRY_OTHERWISE = "run_retry_otherwise"
RETRY_OTHERWISE_LATEST = "run_retry_otherwise_latest"
OPENS_FORM = frozenset({RETRY_OTHERWISE, RETRY_OTHERWISE_LATEST})
RETRIES = frozenset({RETRY, RETRY_ANYWAY, RETRY_LATEST, RETRY_LATEST_ANYWAY})


def retry_button(
    run: Run, label: str = "", *, anyway: bool = False, step: str = "", latest: bool = False
) -> blocks.Element:
    """Lets a run that has ended go on where it broke; `anyway` also when steps repeat whose effect took place."""
    text = clip(one_line(label), blocks.BUTTON_MAX) or "Retry"
    version = ", by the newest version" if latest else ""
    if anyway:
        action = RETRY_LATEST_ANYWAY if latest else RETRY_ANYWAY
        told = f"Retry {run.name} all the same{version}"
        return blocks.button(text, action, f"{run.id} {step}".strip(), style="danger", label=told)
    if latest:
        return blocks.button(text, RETRY_LATEST, run.id, label=f"Retry {run.name}{version}")
    return blocks.button(text, RETRY, run.id, style="primary", label=f"Retry {run.name}")


def retry_buttons(scene: Scene, label: str) -> list[blocks.Element]:
    """Every way to let the run go on: as it was, by the newest version when there is one, with other inputs."""
    run, newer = scene.run, has_newer_version(scene)
    found = [retry_button(run, label)]
    if newer:
        found.append(retry_button(run, "Retry with the Newest Version", latest=True))
    if any(not _is_fixed(schema) for schema in scene.plan.inputs.values()):
        found.append(other_inputs_button(run, latest=newer))
    return found


def other_inputs_button(run: Run, *, latest: bool) -> blocks.Element:
    """Opens a form with what the run was given; a newer version may ask for more."""
    action = RETRY_OTHERWISE_LATEST if latest else RETRY_OTHERWISE
    return blocks.button("Retry with Other Inputs", action, run.id, label=f"Retry {run.name} with other inputs")


def has_newer_version(scene: Scene) -> bool:
    """Whether the workflow has been changed since the version by which this run goes."""
    return bool(scene.workflow.number) and scene.workflow.version != scene.run.version


def _is_fixed(schema: Json) -> bool:
    """Whether an input is none that a form may ask for: a file or a secret."""
    return isinstance(schema, dict) and bool(takes_file(schema) or takes_files(schema) or schema.get("sensitive"))


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
        name: TO_FILL_IN if _is_fixed(schema) else _typed(given[name])
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
