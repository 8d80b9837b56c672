"""For authors: a workflow to begin with, and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.exits import emit, note, reported, say
from bot.cli.options import AsJson


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How it is called: small letters, digits and _.")],
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where to; the folder of POINTSMAN_WORKFLOWS.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a first workflow with its test; nothing is ever overwritten."""
    from bot import settings
    from bot.first_workflow import write

    with reported(as_json):
        files = write(name, folder if folder is not None else settings.load().workflows)
    if as_json:
        emit({"workflow": name, "files": [str(path) for path in files]})
        return
    for path in files:
        say(f"Wrote {path}.")
    note(f"\nGo on with:\n  pointsman check {files[0]}\n  pointsman test {files[0]}")


def graph(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A workflow, by its name or its file.")] = "",
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="Show how far this run has come.")] = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write an .svg, .png or .txt; left out: text to read here."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a workflow, or a run of it: what needs what, and how far it has come."""
    from bot.drawn import drawn

    with reported(as_json):
        told = drawn(name, run, output)
    if as_json:
        emit({"title": told.title, "file": None if output is None else str(output), "text": told.text})
    elif output is None:
        say(told.text)
    else:
        note(f"Wrote {output}.")


def register(app: typer.Typer) -> None:
    app.command()(new)
    app.command()(graph)
