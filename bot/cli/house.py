"""Keeping house: is everything as it should be, and the manifest of the Slack app."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.exits import Exit, emit, fail, reported, say
from bot.cli.options import AsJson

WorkflowName = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow.", show_default=False)]
MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def doctor(as_json: AsJson = False) -> None:
    """Look at settings, database, workflows, Slack, models and the machine; exit code 1 when something is broken."""
    from bot.doctor import examine

    with reported(as_json):
        findings = examine()
    if as_json:
        keys = ("part", "state", "message", "cure")
        emit([{key: getattr(one, key) for key in keys} for one in findings])
    else:
        for one in findings:
            say(f"{MARKS[one.state]}  {one.part}: {one.message}")
            if one.cure:
                say(f"        {one.cure}")
    if any(one.state == "fail" for one in findings):
        raise typer.Exit(Exit.FAILED)


def manifest(
    http: Annotated[
        str | None, typer.Option("--http", metavar="URL", help="For HTTP mode: where Slack reaches this service.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the manifest of the Slack app, for Socket Mode or with --http URL for HTTP mode."""
    from bot import manifest as model

    if http is not None and not http.startswith("https://"):
        fail(
            Exit.USAGE,
            "bad_url",
            f"{http} is not an https address; Slack sends to no other.",
            "Write for instance --http https://bot.example.com",
            as_json=as_json,
        )
    emit(model.manifest(http)) if as_json else say(model.render(http).rstrip("\n"))


def disable(
    workflow: WorkflowName,
    reason: Annotated[str, typer.Argument(metavar="[REASON]", help="Why; said to who wants to start it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Switch a workflow off: nothing of it starts, and no step of its runs begins; what is under way is finished."""
    from bot.cli.door import acting
    from bot.requests import Disable

    with reported(as_json), acting(start=True) as door:
        answer = door.ask(Disable(ref=workflow, reason=reason))
        emit(answer) if as_json else say(f"{workflow} is switched off ({answer['disabled']}).")


def enable(workflow: WorkflowName, as_json: AsJson = False) -> None:
    """Switch a workflow on again; what has waited goes on."""
    from bot.cli.door import acting
    from bot.requests import Enable

    with reported(as_json), acting(start=True) as door:
        answer = door.ask(Enable(ref=workflow))
        was = "switched on again" if answer["was_disabled"] else "on already"
        emit(answer) if as_json else say(f"{workflow} is {was}.")


def register(app: typer.Typer) -> None:
    app.command()(doctor)
    app.command()(manifest)
    app.command()(disable)
    app.command()(enable)
