"""For authors: is a workflow sound, and what would the bot answer?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.exits import Exit, emit, note, reported, say
from bot.cli.options import AsJson


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Files or folders; left out: the folder of POINTSMAN_WORKFLOWS."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that workflows are sound before anything runs; exit code 1 when one is not."""
    from bot import settings
    from bot.folder import errors
    from bot.opening import opening

    with reported(as_json):
        loaded = opening(settings.load(), running=False).folder.read(paths or [])
    problems = loaded.problems
    if as_json:
        keys = ("file", "line", "column", "severity", "code", "message", "hint")
        emit({"files": list(loaded.files), "problems": [{key: getattr(one, key) for key in keys} for one in problems]})
    else:
        for one in problems:
            say(one.render() + "\n")
        wrong, files = len(errors(problems)), len(loaded.files)
        warned = len(problems) - wrong
        told = f"{files} file{'' if files == 1 else 's'}: {wrong} error{'' if wrong == 1 else 's'}"
        note(told + (f", {warned} warning{'' if warned == 1 else 's'}." if warned else "."))
    if errors(problems):
        raise typer.Exit(Exit.FAILED)


def speak(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is said to the bot.", show_default=False)],
    user: Annotated[str, typer.Option("--as", metavar="USER", help="Who says it: a user id.")],
    as_json: AsJson = False,
) -> None:
    """Show what the bot would answer to this, without Slack."""
    from bot.cli.door import acting
    from bot.requests import Say

    with reported(as_json), acting(start=True) as door:
        answer = door.ask(Say(text=text, user=user))
        emit(answer) if as_json else say(answer["text"])


def register(app: typer.Typer) -> None:
    app.command()(check)
    app.command("say")(speak)
