"""Schedules: what starts runs by the clock, when it does so next, and what operators do with it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from bot.cli.exits import emit, note, reported, say
from bot.cli.options import AsJson, Reason
from bot.cli.runs import follow, pairs

schedules = typer.Typer(rich_markup_mode=None, help="What starts runs by the clock.", invoke_without_command=True)

Ref = Annotated[
    str,
    typer.Argument(metavar="SCHEDULE", help="Its name, or WORKFLOW/NAME where several bear it.", show_default=False),
]
Workflow = Annotated[str | None, typer.Option("--workflow", metavar="W", help="Only of this workflow.")]
Upcoming = Annotated[int, typer.Option("--next", metavar="N", min=1, max=50, help="Show so many of the next times.")]


@schedules.callback()
def listed_by_default(context: typer.Context, as_json: AsJson = False) -> None:
    """What starts runs by the clock; without a further word, list them."""
    if context.invoked_subcommand is None:
        listed(as_json=as_json)


@schedules.command("list")
def listed(workflow: Workflow = None, upcoming: Upcoming = 3, as_json: AsJson = False) -> None:
    """Every schedule with its next times; days on which the clocks change are marked."""
    from bot.cli import screen_schedules as screen
    from bot.cli.door import looking
    from bot.requests import Schedules

    with reported(as_json), looking() as door:
        found = door.ask(Schedules(workflow=workflow, upcoming=upcoming))
        emit(found) if as_json else say(screen.schedules(found) if found else "There are no schedules.")
    if found and not door.beside and not as_json:
        note("No service is running here, so none of them fires.")


@schedules.command()
def pause(schedule: Ref, reason: Reason = "", as_json: AsJson = False) -> None:
    """Let a schedule start nothing until it is resumed; what it misses meanwhile is not caught up on."""
    from bot.requests import PauseSchedule

    _change(PauseSchedule(ref=schedule, reason=reason), as_json)


@schedules.command()
def resume(schedule: Ref, as_json: AsJson = False) -> None:
    """Let a paused schedule go on with its next time."""
    from bot.requests import ResumeSchedule

    _change(ResumeSchedule(ref=schedule), as_json)


@schedules.command()
def delete(schedule: Ref, as_json: AsJson = False) -> None:
    """Forget a schedule that was added here; one of a workflow file is taken out there."""
    from bot.requests import DeleteSchedule

    with reported(as_json):
        answer = _asked(DeleteSchedule(ref=schedule))
        emit(answer) if as_json else say(f"{answer['schedule']} is gone.")


@schedules.command()
def add(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="What it starts.", show_default=False)],
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called.", show_default=False)],
    cron: Annotated[str, typer.Argument(metavar="CRON", help='When: "0 9 * * 1", @daily.', show_default=False)],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="The inputs of its runs.", show_default=False),
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Such as Europe/Berlin.")] = "UTC",
    overlap: Annotated[
        Literal["skip", "queue", "allow", "cancel"],
        typer.Option("--overlap", help="What to do when the run before it has not ended."),
    ] = "skip",
    catch_up: Annotated[
        Literal["none", "latest", "all"],
        typer.Option("--catch-up", help="What to do about times at which no service was running."),
    ] = "latest",
    as_json: AsJson = False,
) -> None:
    """Start runs by the clock from here on; you count as their requester."""
    from bot.requests import AddSchedule, Objection

    with reported(as_json):
        try:
            request = AddSchedule(
                workflow=workflow,
                name=name,
                cron=cron,
                timezone=timezone,
                overlap=overlap,
                catch_up=catch_up,
                inputs=pairs(inputs or []),
                typed=False,
            )
        except ValueError:
            hint = "Use small letters, digits and _, beginning with a letter."
            raise Objection("bad_name", f"{name} is no name for a schedule.", hint, status=422) from None
        _tell(_asked(request, start=True), as_json)


@schedules.command("run-now")
def run_now(schedule: Ref, as_json: AsJson = False) -> None:
    """Start the run of a schedule at once, as yours; its times stay as they are."""
    from bot.cli.door import acting
    from bot.requests import RunSchedule

    with reported(as_json), acting(start=True) as door:
        started: dict[str, Any] = door.ask(RunSchedule(ref=schedule))
        if not door.beside:
            started |= {"status": follow(door, started["run"], timers=True, quiet=as_json)["status"]}
        emit(started) if as_json else say(started["name"])


def _asked(request: Any, *, start: bool = False) -> Any:
    from bot.cli.door import acting

    with acting(start=start) as door:
        return door.ask(request)


def _change(request: Any, as_json: bool) -> None:
    with reported(as_json):
        _tell(_asked(request), as_json)


def _tell(answer: Any, as_json: bool) -> None:
    from bot.cli import screen_schedules as screen

    emit(answer) if as_json else say(screen.schedules([answer]))


def register(app: typer.Typer) -> None:
    app.add_typer(schedules, name="schedules")
