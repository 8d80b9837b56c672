"""What several commands take alike."""

from __future__ import annotations

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer with JSON.")]
RunRef = Annotated[str, typer.Argument(metavar="RUN", help="A run: its name (R-7K2) or its id.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the history.")]
Confirm = Annotated[
    bool, typer.Option("--confirm", help="Also repeat steps whose effect must not happen twice unseen; they are named.")
]
