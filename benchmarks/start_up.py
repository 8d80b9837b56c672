"""Start-up: `pointsman serve` beside a sandbox Slack, the engine alone, and `--version`; timed from outside.

As a script: `start_up sandbox` serves a sandbox, `start_up engine PATH SYNCHRONOUS` an engine without Slack.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import anyio

from benchmarks.children import ROOT, running, say
from benchmarks.figures import Figure, figure
from benchmarks.place import Place, Synchronous
from benchmarks.plans import GATED, at_work

RAW = """
import sqlite3, sys, time
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("PRAGMA journal_mode = WAL")
raw.execute("PRAGMA synchronous = " + sys.argv[2])
raw.execute("CREATE TABLE decided (run INTEGER)")
raw.execute("INSERT INTO decided VALUES (1)")
print("true", flush=True)
time.sleep(600)
"""  # the least that a start can be: Python starts, opens the file and commits
MAIN = "from bot.main import main; main()"


def measured(place: Place) -> Iterator[Figure]:
    starts = range(place.sizes.restarts)
    raw = [raw_seconds(place) for _ in starts]
    note = "limit: Python, open and commit"
    with running("-m", "benchmarks.start_up", "sandbox") as sandbox:
        reach = sandbox.line()
        ours = [_serve_seconds(place, reach) for _ in starts]
    serving = f"beside a sandbox Slack, with the example workflows; {note}"
    yield figure("start_up_s", ours, raw, synchronous=place.synchronous, note=serving)
    engine = [_engine_seconds(place) for _ in starts]
    yield figure("start_up_engine_s", engine, raw, synchronous=place.synchronous, note=note)
    yield _version(place)


def raw_seconds(place: Place) -> float:
    """How long the least that a start can be takes."""
    with running("-c", RAW, place.fresh("start-raw"), place.synchronous) as child:
        child.line()
        return child.seconds


def _serve_seconds(place: Place, reach: Mapping[str, str]) -> float:
    database = place.fresh("serve")
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "POINTSMAN_"))},
        **reach,
        "POINTSMAN_DB": str(database),
        "POINTSMAN_WORKFLOWS": "workflows",
        "POINTSMAN_LOG": "json",
        "POINTSMAN_SYNCHRONOUS": place.synchronous,
    }
    with running("-c", MAIN, "serve", surroundings=settings) as child:
        while child.line().get("event") != "service.ready":
            pass
        return child.seconds


def _engine_seconds(place: Place) -> float:
    with running("-m", "benchmarks.start_up", "engine", place.fresh("start"), place.synchronous) as child:
        assert child.line() == "serving"
        return child.seconds


def _version(place: Place) -> Figure:
    script = Path(sys.executable).with_name("pointsman")
    ours = [str(script)] if script.exists() else [sys.executable, "-c", MAIN]
    commands = {"ours": [*ours, "--version"], "limit": [sys.executable, "-c", "pass"]}
    seconds: dict[str, list[float]] = {who: [] for who in commands}
    for _ in range(place.sizes.restarts):
        for who, command in commands.items():
            began = perf_counter()
            subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            seconds[who].append(perf_counter() - began)
    note = "limit: Python starts and ends"
    return figure("version_s", seconds["ours"], seconds["limit"], synchronous=place.synchronous, note=note)


# In the child ------------------------------------------------------------------------------------------------------


async def _sandbox() -> None:
    from bot.sandbox.server import Sandbox

    sandbox = Sandbox()
    async with sandbox.running():
        say(
            {
                "SLACK_API_URL": sandbox.api_url,
                "SLACK_BOT_TOKEN": sandbox.bot_token,
                "SLACK_APP_TOKEN": sandbox.app_token,
            }
        )
        await anyio.sleep_forever()


async def _engine(path: Path, synchronous: Synchronous) -> None:
    async with at_work(path, GATED, synchronous=synchronous):
        say("serving")
        await anyio.sleep_forever()


def main(what: str, *more: Any) -> None:
    if what == "sandbox":
        anyio.run(_sandbox)
    else:
        path, synchronous = more
        anyio.run(_engine, Path(path), cast(Synchronous, synchronous))


if __name__ == "__main__":
    main(*sys.argv[1:])
