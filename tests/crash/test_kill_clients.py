"""Whoever asks the service from a process of their own may be killed over it, before, while or after it is answered."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from bot.client import Client
from bot.requests import Start
from store.model import RunStatus
from tests.support.crash_checks import check_record
from tests.support.crash_story import DEADLINE, company
from tests.support.mortal_service import DIED, FORKS

pytestmark = pytest.mark.anyio
REQUEST = Start(workflow="publish_note", inputs={"topic": "ink"}, dedupe_key="ink-1")
WAITS_FOR_PEOPLE = 3  # it may have heard so already
MOMENTS = ("before it is sent", "before it is answered", "after it is answered")


def ask_and_die(database: Path, moment: str) -> None:
    """What the process does that is killed."""

    def die(*_: Any, **__: Any) -> Any:
        os._exit(DIED)

    if moment == "before it is sent":
        http.client.HTTPConnection.request = die  # type: ignore[method-assign]
    if moment == "before it is answered":
        http.client.HTTPConnection.getresponse = die  # type: ignore[method-assign]
    Client(database).ask(REQUEST)
    die()


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_start_whose_process_was_killed_is_one_run_when_it_is_asked_for_again(
    tmp_path: Path, moment: str
) -> None:
    async with company(tmp_path) as place:
        place.begin()
        await place.connected()
        asking = FORKS.Process(target=ask_and_die, args=(place.database, moment), daemon=True)
        asking.start()
        await place.sandbox.until(lambda: asking.exitcode is not None, DEADLINE)
        assert asking.exitcode == DIED
        if moment == "after it is answered":
            assert len(place.runs()) == 1, "an answer was given for what is not on record"
        answer = await anyio.to_thread.run_sync(Client(place.database).ask, REQUEST)
        (run,) = place.runs()
        assert answer["run"] == run.id
        await place.see_through()
        await place.stop()
        check_record(place)
        assert place.effects() == [run.id]


async def test_a_command_that_waits_for_its_run_may_be_killed_without_harm_to_the_run(tmp_path: Path) -> None:
    async with company(tmp_path) as place:
        place.begin()
        await place.connected()
        command = [sys.executable, "-c", "from bot.main import main; main()"]
        asked = [*command, "run", "publish_note", "topic=ink", "--wait", "--dedupe-key", "ink-1"]
        with subprocess.Popen(
            asked,
            cwd=tmp_path,
            env={**os.environ, **place.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                await place.sandbox.until(place.runs, DEADLINE)
            finally:
                process.kill()
        assert process.returncode in (-signal.SIGKILL, WAITS_FOR_PEOPLE)
        await place.see_through()
        await place.stop()
        (run,) = place.runs()
        assert run.status is RunStatus.SUCCEEDED
        check_record(place)
        assert place.effects() == [run.id]
