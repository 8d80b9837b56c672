"""Runs: start them, look at them, list them, end them and let them go on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.exits import Exit, emit, note, reported, say
from bot.cli.options import AsJson, Reason, RunRef

if TYPE_CHECKING:
    from bot.cli.door import ActingDoor, Door

POLL_SECONDS = 20.0
WATCH_SECONDS = 0.5  # how often the person at the terminal is told what has changed


def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The workflow.", show_default=False)],
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Its inputs.", show_default=False)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the run is finished or waits for people.")] = False,
    dedupe_key: Annotated[
        str | None, typer.Option("--dedupe-key", metavar="K", help="A second start with the same key is the first run.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be done; nothing is started or written.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start a run of NAME with inputs as key=value; a file is handed in as key=@PATH.

    Beside a running service the service carries it out; with --wait the command stays until the run is finished or
    only people can bring it on. Without a service the run is carried out in this process, without Slack; --wait then
    also stays through pauses that the workflow makes.
    """
    from bot.cli.door import acting
    from bot.requests import Start

    with reported(as_json):
        given = pairs(inputs or [])
        if dry_run:
            foresee(name, given, as_json)
            return
        with acting(start=True) as door:
            given = with_files(door, name, given)
            started = door.ask(Start(workflow=name, inputs=given, typed=False, dedupe_key=dedupe_key))
            if not as_json:
                note(f"{'Found' if started['existing'] else 'Started'} {started['name']} ({name}).")
            if wait or not door.beside:
                state = follow(door, started["run"], timers=not wait, quiet=as_json)
                started |= {"status": state["status"]}
        if not wait:
            emit(started) if as_json else say(started["name"])
            return
        _finish(started, state, as_json)


def foresee(workflow: str, given: dict[str, str], as_json: bool) -> None:
    """Show what a run would do."""
    from bot.dry_run import dry_run, told

    foreseen = dry_run(workflow, given)
    emit(foreseen) if as_json else say(told(foreseen))


def pairs(given: list[str]) -> dict[str, str]:
    """`key=value` words as a mapping. Raises Objection for a word that is none, or a key given twice."""
    from bot.requests import Objection

    found: dict[str, str] = {}
    for word in given:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise Objection("bad_input", f"{word} is not key=value.", 'Write for instance topic="Ink".', status=422)
        if key in found:
            raise Objection("bad_input", f"{key} is given twice.", "Give every input once.", status=422)
        found[key] = value
    return found


def with_files(door: ActingDoor, workflow: str, given: dict[str, str]) -> dict[str, str]:
    """The inputs with every @PATH taken for the file that it names; whoever owns the database keeps its bytes."""
    if not any(value.startswith("@") for value in given.values()):
        return given
    import json

    from bot.requests import Objection, Workflows
    from store.arrivals import too_large
    from store.model import LIMITS

    inputs = {one["name"]: one["inputs"] for one in door.ask(Workflows())}
    known: dict[str, dict[str, Any]] = inputs.get(workflow, {})
    found = dict(given)
    for name, value in given.items():
        if value.startswith("@") and known.get(name, {}).get("x-file"):
            path = Path(value[1:]).expanduser()
            if not path.is_file():
                hint = "Write the path of a file after the @."
                raise Objection("bad_input", f"{name}: there is no file {path}.", hint, status=422)
            size = path.stat().st_size
            if size > LIMITS.file_bytes_max:
                fault = too_large(path.name, size, LIMITS.file_bytes_max)
                raise Objection("file_too_large", f"{name}: {fault.message}", fault.hint, status=422)
            found[name] = json.dumps(door.keep(path))
    return found


def follow(door: Door, ref: str, *, timers: bool, quiet: bool) -> dict[str, Any]:
    """The run once it rests, with a line for every step that changed meanwhile."""
    from bot.cli import screen
    from bot.requests import Status

    seen: dict[str, str] = {}
    pause = POLL_SECONDS if quiet else WATCH_SECONDS
    while True:
        state: dict[str, Any] = door.ask(Status(ref=ref, wait=pause, timers=timers))
        if not quiet:
            for line in screen.changes(state, seen):
                note(line)
        if state["standing"] in ("finished", "resting") or (timers and state["standing"] == "timed"):
            return state


def _finish(started: dict[str, Any], state: dict[str, Any], as_json: bool) -> None:
    """Show where the run stands, and end with the exit code that says so."""
    if as_json:
        emit(started | state)
    else:
        from bot.cli import screen

        say(screen.status(state))
    raise typer.Exit(outcome(state))


def outcome(state: dict[str, Any]) -> Exit:
    """The exit code for a run that rests."""
    if state["status"] == "succeeded":
        return Exit.GOOD
    return Exit.FAILED if state["status"] in ("failed", "rejected", "cancelled") else Exit.WAITING


def status(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run (R-7K2 or its id); left out: what is under way.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how a run stands, step by step; without RUN, everything that is under way."""
    from bot.cli import screen
    from bot.cli.door import looking
    from bot.requests import Runs, Status

    with reported(as_json), looking() as door:
        if run is not None:
            state = door.ask(Status(ref=run))
            emit(state) if as_json else say(screen.status(state))
            return
        found = [
            one
            for state in ("running", "paused", "queued", "ending")
            for one in door.ask(Runs(status=state, limit=200))
        ]
        emit(found) if as_json else say(screen.runs(found) if found else "Nothing is under way.")


def runs(
    status: Annotated[str | None, typer.Option("--status", metavar="S", help="Only runs of this status.")] = None,
    workflow: Annotated[str | None, typer.Option("--workflow", metavar="W", help="Only of this workflow.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="PERSON", help="Only started by this person (id).")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="T", help="Only started since: 24h, 7d, 2026-11-02.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    from bot.cli import screen
    from bot.cli.door import looking
    from bot.requests import Runs

    with reported(as_json), looking() as door:
        found = door.ask(Runs(status=status, workflow=workflow, by=by, since=since, limit=limit))
        emit(found) if as_json else say(screen.runs(found) if found else "No runs match.")


def workflows(as_json: AsJson = False) -> None:
    """List the workflows that can be run, with their inputs."""
    from bot.cli import screen
    from bot.cli.door import looking
    from bot.requests import Workflows

    with reported(as_json), looking() as door:
        found = door.ask(Workflows())
        emit(found) if as_json else say(screen.workflows(found) if found else "There are no workflows here.")


def cancel(run: RunRef, reason: Reason = "", as_json: AsJson = False) -> None:
    """End a run: its gates close, its retries stop, running activities are asked to stop."""
    from bot.requests import Cancel

    act(Cancel(ref=run, reason=reason), as_json)


def resume(run: RunRef, as_json: AsJson = False) -> None:
    """Let a paused run go on; without a service also one whose process has died."""
    from bot.requests import Resume

    act(Resume(ref=run), as_json)


def act(request: Any, as_json: bool) -> None:
    """Change a run and show how it stands; without a service, carry on with what follows from the change."""
    from bot.cli import screen
    from bot.cli.door import acting

    with reported(as_json), acting() as door:
        state = door.ask(request)
        if not door.beside:
            state = follow(door, state["run"], timers=True, quiet=as_json)
        emit(state) if as_json else say(screen.status(state))


def register(app: typer.Typer) -> None:
    app.command()(run)
    app.command()(status)
    app.command()(runs)
    app.command("list")(workflows)
    app.command()(cancel)
    app.command()(resume)
