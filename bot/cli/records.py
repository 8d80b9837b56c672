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


Who = Annotated[str | None, typer.Option("--who", metavar="WHO", help="Only what this one did: id or whole name.")]
Since = Annotated[str | None, typer.Option("--since", metavar="T", help="From then on: 24h, 7d, 2026-11-02.")]
Until = Annotated[str | None, typer.Option("--until", metavar="T", help="Until then; a day means all of it, in UTC.")]
OfWorkflow = Annotated[str | None, typer.Option("--workflow", metavar="W", help="Only in runs of this workflow.")]


@audit.command("search")
def search(
    who: Who = None,
    since: Since = None,
    until: Until = None,
    workflow: OfWorkflow = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 500,
    as_json: AsJson = False,
) -> None:
    """Find what people, operators and triggers did, over all runs, in the order of time."""
    from bot.cli import screen
    from bot.cli.door import looking
    from bot.requests import Trail

    with reported(as_json), looking() as door:
        found = door.ask(Trail(who=who, since=since, until=until, workflow=workflow, limit=limit))
        emit(found) if as_json else say(screen.trail(found))


@audit.command("export")
def export(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where the bundle goes.")],
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run; left out: what was searched for.")] = None,
    who: Who = None,
    since: Since = None,
    until: Until = None,
    workflow: OfWorkflow = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write all evidence of a run, or of all runs that somebody did something in, into one file.

    In it are a page to read and a script that checks it without Pointsman.
    """
    from bot import settings
    from bot.evidence.bundle import exported
    from bot.evidence.collection import collected
    from bot.requests import Objection, Trail
    from engine.clock import SystemClock

    with reported(as_json):
        asked = Trail(who=who, since=since, until=until, workflow=workflow, limit=10_000)
        searching = any((who, since, until, workflow))
        if searching == (run is not None):
            hint = "`pointsman audit export R-7KD -o FILE`, or --who, --since, --until, --workflow instead of the run."
            raise Objection("what_to_export", "Name a run, or what to search for.", hint, status=422)
        if run is not None:
            found = exported(settings.load().db, run, output, over=force)
            emit(found) if as_json else say(f"{found['file']} holds {found['events']} events of {found['name']}.")
            return
        many = collected(settings.load().db, asked, output, SystemClock().now(), over=force)
        emit(many) if as_json else say(f"{many['file']} holds {len(many['runs'])} runs: {', '.join(many['runs'])}.")


def register(app: typer.Typer) -> None:
    app.command()(history)
    app.add_typer(audit, name="audit")
