"""Keeping the file: backups, bringing one back, and letting go of what is old."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.exits import Exit, emit, note, reported, say
from bot.cli.options import AsJson

NAMES_SHOWN = 20


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup goes.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the database and all content into one file, also beside a running service."""
    from dataclasses import asdict

    from bot import settings
    from bot.requests import Objection
    from engine.clock import SystemClock
    from store.backup import backed_up

    with reported(as_json):
        if file.exists() and not force:
            raise Objection("file_exists", f"{file} is there already.", "Name another file, or say --force.")
        about = backed_up(settings.load().db, file, SystemClock().now())
    if as_json:
        emit({"file": str(file), "bytes": file.stat().st_size, **asdict(about)})
    else:
        size = f"{file.stat().st_size:,} bytes"
        say(f"{file} holds {about.runs:,} runs with {about.events:,} events and {about.values:,} values ({size}).")
        for name in about.missing:
            note(f"  MISSING in the content folder, or damaged: {name}")
    if about.missing:
        raise typer.Exit(Exit.FAILED)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.", show_default=False)],
    to: Annotated[Path | None, typer.Option("--to", metavar="DB", help="Instead of POINTSMAN_DB.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Put a database aside that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a backup, every hash of it, and put it in place; a database that is there is never written over."""
    from bot import settings, shapes
    from engine import audit
    from store.history import Chain
    from store.restoring import restored

    with reported(as_json):
        given = settings.load()
        key = b"" if given.audit_key is None else given.audit_key.get_secret_value().encode()
        done = restored(file, to or given.db, lambda tx: list(audit.verify(tx, Chain(key))), force=force)
    told: dict[str, Any] = {
        "database": str(done.database),
        "made_at": shapes.moment(done.about.made_at),
        "runs": done.about.runs,
        "events": done.about.events,
        "values": done.about.values,
        "values_added": done.values,
        "missing": list(done.about.missing),
        "put_aside": None if done.put_aside is None else str(done.put_aside),
        "brought_up_to_date": done.brought_up_to_date,
    }
    if as_json:
        emit(told)
        return
    say(f"The backup of {told['made_at']} is sound: its record holds together, and its content is whole.")
    say(
        f"{done.database} has {done.about.runs:,} runs with {done.about.events:,} events; {done.values:,} values added."
    )
    if done.put_aside is not None:
        say(f"The database that was there is now {done.put_aside}.")
    if done.brought_up_to_date:
        say("It was made by an older Pointsman and has been brought up to date.")
    for name in done.about.missing:
        note(f"  It was missing already when the backup was made: {name}")


def prune(
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="TIME", help="Drop runs that ended longer ago, such as 180d.")
    ] = None,
    workflow: Annotated[str | None, typer.Option("--workflow", metavar="NAME", help="Only runs of this one.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase content that workflows keep no longer; with --older-than also drop whole runs, leaving tombstones."""
    from bot.cli.door import acting
    from bot.requests import Prune

    erased, files = 0, 0
    names: list[str] = []
    after: str | None = None
    with reported(as_json), acting(start=True) as door:
        while True:
            told = door.ask(Prune(older_than=older_than, workflow=workflow, dry_run=dry_run, after=after))
            erased, files, names = erased + told["erased"], files + told["files"], names + told["pruned"]
            after = told["after"]
            if after is None:
                break
    if as_json:
        emit({"dry_run": dry_run, "erased": erased, "pruned": names, "files": files})
        return
    would = "would be " if dry_run else ""
    say(f"{erased:,} runs {would}erased, {len(names):,} runs {would}dropped, {files:,} values removed.")
    shown, more = ", ".join(names[:NAMES_SHOWN]), len(names) - NAMES_SHOWN
    if names:
        say(f"Dropped: {shown}{f' and {more:,} more' if more > 0 else ''}.")


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)
    app.command()(prune)
