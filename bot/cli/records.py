"""The record: what happened to a run, and whether anybody touched it since."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.exits import Exit, emit, reported, say
from bot.cli.options import AsJson, RunRef

audit = typer.Typer(rich_markup_mode=None, help="Prove that the record is whole.", no_args_is_help=True)


def history(run: RunRef, as_json: AsJson = False) -> None:
    """Show everything that happened to a run, in order, with who did it."""
    from bot.cli import screen
    from bot.cli.door import looking
    from bot.requests import History

    with reported(as_json), looking() as door:
        entries = door.ask(History(ref=run))
        emit(entries) if as_json else say(screen.history(entries))


@audit.command("verify")
def verify(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run; left out: all of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Follow every hash of the record; exit code 1 when something was changed, cut or put in between."""
    from bot.cli.door import looking
    from bot.requests import Verify

    with reported(as_json), looking() as door:
        found = door.ask(Verify(ref=run))
        if as_json:
            emit(found)
        elif found["verified"]:
            say("The record is whole.")
        else:
            for problem in found["problems"]:
                say(f"{problem['run']} at {problem['seq']}: {problem['problem']}.")
    if not found["verified"]:
        raise typer.Exit(Exit.FAILED)


@audit.command("export")
def export(
    run: RunRef,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the bundle goes.")],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write all evidence of a run into one file, with a page to read and a script that checks it without Pointsman."""
    from bot import settings
    from bot.evidence.bundle import exported

    with reported(as_json):
        found = exported(settings.load().db, run, output, over=force)
        emit(found) if as_json else say(f"{found['file']} holds {found['events']} events of {found['name']}.")


def register(app: typer.Typer) -> None:
    app.command()(history)
    app.add_typer(audit, name="audit")
