"""For authors: is a workflow sound, and what would the bot answer?"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import sketching, testing
from bot.cli.exits import Exit, emit, note, reported, say
from bot.cli.options import AsJson

if TYPE_CHECKING:
    from bot.impact import Impact
    from bot.opening import Opening
    from engine.definitions import Loaded, Problem


class Schema(StrEnum):
    """A kind of file that editors may know the keys of."""

    WORKFLOW = "workflow"
    TEST = "test"


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Files or folders; left out: the folder of POINTSMAN_WORKFLOWS."),
    ] = None,
    impact: Annotated[
        bool, typer.Option("--impact", help="Also tell which open runs the files leave behind, by the database.")
    ] = False,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask Slack for the people, groups and channels that are named.")
    ] = False,
    schema: Annotated[
        Schema | None, typer.Option("--schema", help="Only print the JSON Schema of this kind of file, for editors.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that workflows are sound before anything runs; exit code 1 when one is not."""
    if schema is not None:
        emit(_schema(schema))
        return
    from bot import settings
    from bot.folder import errors
    from bot.opening import opening

    with reported(as_json):
        ready = opening(settings.load(), running=False)
        loaded = ready.folder.read(paths or [])
        problems = list(loaded.problems)
        if online:
            from bot.online import strangers

            problems += strangers(ready, loaded.definitions)
        left = _left_behind(ready, loaded, whole=not paths) if impact else None
    if as_json:
        emit(_as_json(loaded.files, problems, left))
    else:
        for one in problems:
            say(one.render() + "\n")
        _sum_up(len(loaded.files), problems)
        _tell_impact(left)
    if errors(problems):
        raise typer.Exit(Exit.FAILED)


def _schema(kind: Schema) -> dict[str, Any]:
    from engine.cases.shape import cases_schema
    from engine.definitions import file_schema

    return file_schema() if kind is Schema.WORKFLOW else cases_schema()


def _left_behind(ready: Opening, loaded: Loaded, *, whole: bool) -> list[Impact] | None:
    """What the files change; nothing can be said of a set that would not be loaded."""
    from bot.impact import impact

    return None if loaded.broken else impact(ready.settings.db, loaded.definitions, whole=whole)


def _as_json(files: Sequence[str], problems: Sequence[Problem], left: list[Impact] | None) -> dict[str, Any]:
    keys = ("file", "line", "column", "severity", "code", "message", "hint")
    told: dict[str, Any] = {
        "files": list(files),
        "problems": [{key: getattr(one, key) for key in keys} for one in problems],
    }
    return told | ({} if left is None else {"impact": [one.as_json() for one in left]})


def _sum_up(files: int, problems: Sequence[Problem]) -> None:
    wrong = sum(one.severity == "error" for one in problems)
    warned = len(problems) - wrong
    told = f"{files} file{'' if files == 1 else 's'}: {wrong} error{'' if wrong == 1 else 's'}"
    note(told + (f", {warned} warning{'' if warned == 1 else 's'}." if warned else "."))


def _tell_impact(left: list[Impact] | None) -> None:
    if left is not None:
        from bot.impact import told

        say(told(left))


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
    testing.register(app)
    sketching.register(app)
    app.command("say")(speak)
