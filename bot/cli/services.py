"""Services: the real one, the demo, and reading the workflows again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.exits import emit, note, reported, say
from bot.cli.options import AsJson

DEMO_PORT = 4380


def serve(
    watch: Annotated[bool, typer.Option("--watch", help="Read the workflows again whenever a file changes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Serve Slack (or whatever SLACK_API_URL names).

    SIGTERM drains and ends with 0; SIGHUP reads the workflows again.
    """
    from bot import service, settings

    with reported(as_json):
        service.serve(settings.load(), watch=watch)


def demo(
    port: Annotated[int, typer.Option("--port", metavar="N", min=1, max=65_534, help="Where to show it.")] = DEMO_PORT,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Keep what happens in this folder; left out: thrown away at the end."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try everything in the browser: a sandbox Slack, the bot and the examples; no account, key or network needed."""
    from bot.demo import town

    with reported(as_json):
        town.show(port=port, browser=not no_open, data=data, as_json=as_json)


def reload(
    accept_handles: Annotated[
        bool,
        typer.Option(
            "--accept-handles",
            help="Follow the @groups, #channels and addresses that were reported to mean somebody else than before.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have the running service read its workflows again; a broken set is refused and the old one stays.

    Names in them that nobody bears, or that somebody else bears than before, are reported.
    """
    from bot.cli.door import beside
    from bot.requests import Reload

    with reported(as_json):
        answer = beside().ask(Reload(accept_handles=accept_handles))
    if as_json:
        emit(answer)
        return
    for kind in ("added", "changed", "removed"):
        if answer[kind]:
            say(f"{kind}: {', '.join(answer[kind])}")
    for one in answer["accepted"]:
        say(f"accepted: {one['reference']} is {one['id']} from here on; it was {one['before']}")
    for one in answer["references"]:
        note(f"{one['message']}\n  {one['hint']}")
    if not answer["references_checked"]:
        note("Slack did not say everything about the names in them; the rest is looked up as soon as it does.")
    say(f"{len(answer['workflows'])} workflows are loaded.")


def register(app: typer.Typer) -> None:
    app.command()(demo)
    app.command()(serve)
    app.command()(reload)
