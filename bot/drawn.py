"""What `pointsman graph` draws: a workflow of the folder, a file, or a run with the plan that it follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot import run_picture, settings
from bot.folder import Folder, errors
from bot.objections import unknown_workflow
from bot.opening import opening
from bot.picture.drawing import draw
from bot.picture.graph import Standing, graph
from bot.picture.layout import lay_out
from bot.picture.outline import outlined
from bot.picture.pixels import NoPixels, png
from bot.requests import Objection
from store.model import Plan

FORMS = (".svg", ".png", ".txt")
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as text, and what it is called."""

    title: str
    text: str


def drawn(name: str, run: str, output: Path | None) -> Drawn:
    """Draw it, and write it where it is wished. Raises Objection, SettingsFault, StoreFault."""
    if output is not None and output.suffix.lower() not in FORMS:
        raise Objection(
            "bad_form", f"{output} is none of {', '.join(FORMS)}.", "Name it for instance run.svg.", status=422
        )
    given = settings.load()
    if run:
        found, plan = run_picture.look_up(given.db, run)
        title, standings = f"{found.name} · {plan.workflow} · {found.status.value}", run_picture.standings(found, plan)
    elif name:
        plan, standings = _plan(opening(given, running=False).folder, name), {}
        title = plan.workflow
    else:
        raise Objection(
            "nothing_named", "Nothing is named that could be drawn.", "Name a workflow, or --run RUN.", status=422
        )
    text = outlined(graph(plan, standings), title)
    if output is not None:
        _write(output, title, plan, standings, text)
    return Drawn(title, text)


def _plan(folder: Folder, name: str) -> Plan:
    path = Path(name)
    is_file = path.suffix in SUFFIXES
    loaded = folder.read([path] if is_file else [])
    if not is_file and name in loaded.definitions:
        return loaded.definitions[name].plan
    if is_file and loaded.definitions:
        return next(iter(loaded.definitions.values())).plan
    wrong = [one for one in errors(loaded.problems) if is_file or Path(one.file).stem == name]
    if wrong:
        hint = "`pointsman check` shows all that is wrong, with its place."
        raise Objection("workflows_broken", f"It cannot be drawn: {wrong[0].message}.", hint, status=409)
    raise unknown_workflow(name, loaded.definitions)


def _write(output: Path, title: str, plan: Plan, standings: Mapping[str, Standing], text: str) -> None:
    nodes = graph(plan, standings)
    try:
        match output.suffix.lower():
            case ".txt":
                output.write_text(text + "\n", "utf-8")
            case ".svg":
                output.write_text(draw(nodes, title), "utf-8")
            case _:
                width, height = lay_out(nodes).size
                output.write_bytes(png(draw(nodes, title), round(width), round(height)))
    except NoPixels as reason:
        raise Objection("no_pixels", reason.message, reason.hint, status=500) from None
    except OSError as error:
        raise Objection(
            "not_written", f"{output} cannot be written: {error.strerror}.", "Name another place.", status=500
        ) from None
