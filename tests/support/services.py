"""A sandbox Slack and a service against it, each in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.console import ROOT, Console, Process, environment, free_port, until

SANDBOX = """\
import sys, anyio
from bot.sandbox.apps import App, DEFAULT_SCOPES
from bot.sandbox.people import default_workspace
from bot.sandbox.server import Sandbox
async def main(port, without):
    sandbox = Sandbox(default_workspace(App(scopes=DEFAULT_SCOPES - set(without))), port=int(port))
    async with sandbox.running():
        print("ready", flush=True)
        await anyio.sleep_forever()
anyio.run(main, sys.argv[1], sys.argv[2:])
"""
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-sandbox-t0meadow", "SLACK_APP_TOKEN": "xapp-sandbox-t0meadow"}
SIGNING_SECRET = "sandbox-secret-t0meadow"


@contextmanager
def sandbox(*without: str) -> Iterator[str]:
    """A sandbox Slack, its app without these scopes; gives its base URL for the Web API."""
    port = free_port()
    process = Process([sys.executable, "-c", SANDBOX, str(port), *without], ROOT, environment(PYTHONPATH=str(ROOT)))
    try:
        process.until("ready")
        yield f"http://127.0.0.1:{port}/api/"
    finally:
        process.end()


def workspace(folder: Path, api_url: str, **given: str) -> Console:
    """A terminal whose environment is set up for serving against this sandbox."""
    return Console(folder, SLACK_API_URL=api_url, POINTSMAN_LOG="json", **{**TOKENS, **given})


@contextmanager
def served(console: Console, *words: str, **given: str) -> Iterator[Process]:
    """A service that is ready."""
    with console.started("serve", *words, **given) as process:
        process.until('"service.ready"')
        yield process


def lines_of(process: Process, event: str) -> list[str]:
    return [line for line in process.lines if f'"{event}"' in line]


def heard(process: Process, event: str, times: int = 1) -> list[str]:
    """The log lines of an event, once there are so many."""
    return until(
        lambda: len(found := lines_of(process, event)) >= times and found, f"{times} × {event}\n{process.text}"
    )
