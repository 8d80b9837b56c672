"""Endpoints that are down: which, who waits for them, and having one tried at once."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bot.cli.exits import emit, reported, say
from bot.cli.options import AsJson

endpoints = typer.Typer(rich_markup_mode=None, help="Endpoints that are down.", invoke_without_command=True)

Name = Annotated[
    str,
    typer.Argument(metavar="ENDPOINT", help="Its name: of a model, or of a host.", show_default=False),
]
TRIED = {
    "now": "{endpoint} is tried now, by the first of {runs_waiting} in line.",
    "under_way": "{endpoint} is being tried at this moment.",
    "up": "{endpoint} is not held: whoever needs it asks it at once.",
}


@endpoints.callback()
def listed_by_default(context: typer.Context, as_json: AsJson = False) -> None:
    """Endpoints that are down; without a further word, list them."""
    if context.invoked_subcommand is None:
        listed(as_json=as_json)


@endpoints.command("list")
def listed(as_json: AsJson = False) -> None:
    """The endpoints that are down, longest first, with who waits for them."""
    from bot.cli.door import looking
    from bot.requests import Endpoints

    with reported(as_json), looking() as door:
        found = door.ask(Endpoints())
        emit(found) if as_json else say(_text(found))


@endpoints.command("try")
def try_now(endpoint: Name, as_json: AsJson = False) -> None:
    """Have the first run in line try an endpoint at once."""
    from bot.cli.door import acting
    from bot.requests import TryEndpoint

    with reported(as_json), acting() as door:
        answer = door.ask(TryEndpoint(ref=endpoint))
        nobody = f"{answer['endpoint']} is tried by the next run that needs it; no run waits for it now."
        waits = answer["runs_waiting"] or answer["tried"] != "now"
        emit(answer) if as_json else say(TRIED[answer["tried"]].format(**answer) if waits else nobody)


def _text(found: list[dict[str, Any]]) -> str:
    from bot.cli.screen import clock

    if not found:
        return "Every endpoint answered when it was asked last."
    lines = []
    for one in found:
        waits = "1 run waits" if one["runs_waiting"] == 1 else f"{one['runs_waiting']} runs wait"
        lines.append(f"{one['endpoint']}  down since {clock(one['down_since'])}  {waits}")
        lines.append(f"  tried again {clock(one['tried_again_at'])}; the last time: {one['message']}")
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    app.add_typer(endpoints, name="endpoints")
