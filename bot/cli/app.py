"""The tree of commands. Each command imports what it needs when it runs, so that `pointsman --help` is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli import acts, authors, endpoints, gates, house, keeping, records, runs, schedules, services
from bot.cli.exits import say

EPILOG = """\
Exit codes: 0 good · 1 the run or the check failed, or the answer was no · 2 wrong use · 3 the run waits for people ·
4 something cannot be reached or opened.
"""

app = typer.Typer(
    name="pointsman",
    help="Bounded, repeatable workflows that wait for people and survive every crash.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain text: it wraps well, and scripts can read it
    pretty_exceptions_enable=False,  # it prints the values of local variables, and some are secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"pointsman {version('pointsman')}")
        raise typer.Exit


@app.callback()
def pointsman(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Bounded, repeatable workflows that wait for people and survive every crash."""


for noun in (services, runs, gates, acts, schedules, endpoints, records, authors, house, keeping):
    noun.register(app)
