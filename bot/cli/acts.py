"""Acts on a run as a whole: do it again, hold it, tell it what happened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.exits import Exit, emit, fail, note, reported, say
from bot.cli.options import AsJson, Confirm, Reason, RunRef
from bot.cli.runs import act, follow, pairs, with_files

if TYPE_CHECKING:
    from bot.cli.door import ActingDoor


def retry(
    run: RunRef,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Inputs to change first.", show_default=False),
    ] = None,
    from_step: Annotated[
        str, typer.Option("--from", metavar="STEP", help="Do this step again, and all that depends on it.")
    ] = "",
    version: Annotated[
        str, typer.Option("--version", metavar="latest", help="Go on by the newest version of the workflow.")
    ] = "",
    reason: Reason = "",
    confirm: Confirm = False,
    as_json: AsJson = False,
) -> None:
    """Let a run that has ended go on: what failed is done again, and all that depends on it; the rest is kept.

    Says what is done again. Approvals of what did not change still hold.
    """
    from bot.cli.door import acting
    from bot.requests import Retry

    if version not in ("", "latest"):
        fail(Exit.USAGE, "bad_version", f"--version {version} is none.", "Write --version latest.", as_json=as_json)
    with reported(as_json), acting(start=version == "latest") as door:
        request = Retry(
            ref=run,
            from_step=from_step,
            latest=version == "latest",
            inputs=_inputs(door, run, inputs or []),
            typed=False,
            reason=reason,
            confirm=confirm,
        )
        state = door.ask(request)
        redone = state["redone"]
        if not as_json:
            note(f"Done again: {', '.join(redone)}." if redone else "Nothing is done again; the run goes on.")
        if not door.beside:
            state = follow(door, state["run"], timers=True, quiet=as_json) | {"redone": redone}
        emit(state) if as_json else say(_shown(state))


def _inputs(door: ActingDoor, run: str, words: list[str]) -> dict[str, str]:
    given = pairs(words)
    if not any(value.startswith("@") for value in given.values()):
        return given
    from bot.requests import Status

    return with_files(door, str(door.ask(Status(ref=run))["workflow"]), given)


def _shown(state: dict[str, Any]) -> str:
    from bot.cli import screen

    return screen.status(state)


def pause(
    run: RunRef,
    reason: Annotated[str, typer.Argument(metavar="[REASON]", help="Why; kept in the history.")] = "",
    as_json: AsJson = False,
) -> None:
    """Let no further step of a run begin; what is under way is finished. `resume` lets it go on."""
    from bot.requests import Pause

    act(Pause(ref=run, reason=reason), as_json)


def signal(
    run: RunRef,
    event: Annotated[
        str, typer.Argument(metavar="EVENT", help="What a step of the run waits for.", show_default=False)
    ],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="What there is to know of it, as texts.", show_default=False),
    ] = None,
    data: Annotated[
        str, typer.Option("--data", metavar="JSON", help="What there is to know of it, as JSON.", show_default=False)
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Tell a run that something happened which a step of it waits for; one that comes early is kept for its step."""
    from bot.requests import Signal

    with reported(as_json):
        request = Signal(ref=run, event=event, data=_data(values or [], data, as_json))
    act(request, as_json)


def _data(words: list[str], data: str, as_json: bool) -> Any:
    if not data:
        return pairs(words) or None
    if words:
        fail(Exit.USAGE, "bad_data", "There are both key=value and --data.", "Give one of them.", as_json=as_json)
    try:
        return json.loads(data)
    except ValueError as error:
        hint = """Write for instance --data '{"sum": 7}'."""
        fail(Exit.USAGE, "bad_data", f"--data is not JSON: {error}.", hint, as_json=as_json)


def register(app: typer.Typer) -> None:
    app.command()(retry)
    app.command()(pause)
    app.command()(signal)
