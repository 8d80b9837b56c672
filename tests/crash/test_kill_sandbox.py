"""Slack's stand-in is killed while a run is under way, and comes back with what it had answered for."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox.server import Sandbox
from tests.support.crash_checks import check_messages, check_record, check_run
from tests.support.crash_story import APPEND, DEADLINE, WORKFLOW, Company

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", ["run", "gate", "end"])
async def test_a_sandbox_that_is_killed_leaves_no_message_missing_or_doubled(tmp_path: Path, kind: str) -> None:
    data = tmp_path / "slack.json"
    first = Sandbox(data=data)
    place = Company(tmp_path, first)
    place.workflows.mkdir()
    (place.workflows / "publish_note.yaml").write_text(WORKFLOW.format(effect="once"))
    (place.workflows / "publish.sh").write_text(APPEND)
    try:
        async with first.running():
            place.begin()
            await place.start()
            if kind == "end":
                await place.approve_once()
            await first.until(lambda: place.said(kind), DEADLINE)
            place.lives[-1].hold()  # it must not knock at a door that is just being closed
            await place.something()
            on_disk = data.read_bytes() if data.exists() else None
        data.unlink()  # what was not on disk by then is gone, as if it had been killed
        if on_disk is not None:
            data.write_bytes(on_disk)
        second = Sandbox(data=data, port=first.port)
        place.sandbox = second
        async with second.running():
            place.lives[-1].go_on()
            await place.see_through()
            await place.stop()
            (run,) = place.runs()
            check_record(place)
            check_run(run)
            check_messages(place, run)
            assert place.effects() == [run.id]
    finally:
        for life in place.lives:
            life.close()
