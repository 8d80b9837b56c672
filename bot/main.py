"""The console script. Only the version is answered here; everything else is imported when it is needed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from importlib.metadata import version

        sys.stdout.write(f"pointsman {version('pointsman')}\n")
        return
    from engine import collector

    collector.look_seldom()
    from bot.cli.app import app

    app()
