"""For authors: do workflows do what their tests say?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import Exit, emit, note, reported, say
from bot.cli.options import AsJson

if TYPE_CHECKING:
    from bot.tested import Played
    from engine.cases import Verdict


def cases(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Tests, workflows or folders; left out: the folder of POINTSMAN_WORKFLOWS."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Play the cases of NAME.test.yaml beside each workflow; exit code 1 when one does not go as expected."""
    from bot import logs, settings
    from bot.opening import opening
    from bot.tested import played

    with reported(as_json):
        ready = opening(settings.load(), running=False)
        logs.configure("console", ready.redactor.text, level="critical")  # a failing step is what a test may be about
        found = played(ready.folder, paths or [], _silent if as_json else _tell, ready.operator.calendars)
    if as_json:
        keys = ("file", "line", "column", "severity", "code", "message", "hint")
        emit(
            {
                "files": list(found.files),
                "problems": [{key: getattr(one, key) for key in keys} for one in found.problems],
                "cases": [one.as_json() for one in found.verdicts],
            }
        )
    else:
        _sum_up(found)
    if not found.passed:
        raise typer.Exit(Exit.FAILED)


def _silent(verdict: Verdict) -> None:
    """Programs are told at the end."""


def _tell(verdict: Verdict) -> None:
    """A line for a case that went well; what is wrong and the story for one that did not."""
    if verdict.passed:
        say(f"✓ {verdict.file}: {verdict.case}")
        return
    say(f"✗ {verdict.file}:{verdict.spot.line}: {verdict.case}")
    for miss in verdict.misses:
        where = f"{verdict.file}:{miss.spot.line}:{miss.spot.column}"
        say(f"    {where}: {f'{miss.where}: ' if miss.where else ''}{miss.message}")
        if miss.hint:
            say(f"      hint: {miss.hint}")
    if verdict.story:
        say("    What happened:")
        for line in verdict.story:
            say(f"    {line}")


def _sum_up(found: Played) -> None:
    for one in found.problems:
        say(one.render() + "\n")
    failed = sum(not one.passed for one in found.verdicts)
    wrong = sum(one.severity == "error" for one in found.problems)
    count = len(found.verdicts)
    told = f"{count} case{'' if count == 1 else 's'}: {failed} failed"
    note(told + (f", {wrong} error{'' if wrong == 1 else 's'} in the files." if wrong else "."))


def register(app: typer.Typer) -> None:
    app.command("test")(cases)
