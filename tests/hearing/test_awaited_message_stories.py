"""A run waits for what somebody writes: in its thread or in a channel, whose words count, and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import structlog

from bot.sandbox.server import Sandbox
from bot.slack import READ_TRIES_MAX
from engine.definitions import load
from store.model import Run
from tests.support.engines import MINA
from tests.support.town import Town, town

pytestmark = pytest.mark.anyio

IN_THREAD = """\
workflow: ask_in_thread
title: Ask in the thread
steps:
  word: {uses: wait, with: {event: {message: thread, matches: "(?i)^ship it"}, timeout: 3d}}
  more: {uses: wait, needs: [word], with: {event: {message: thread}, timeout: 3d}}
outputs: {said: "${{ steps.word.output.data.text }}", by: "${{ steps.word.output.by }}",
  more: "${{ steps.more.output.data.text }}", link: "${{ steps.word.output.data.permalink }}"}
"""
IN_CHANNEL = """\
workflow: ask_in_channel
title: Ask in a channel
access: {start: "@content-leads", see: members, control: "@content-leads"}
steps:
  support: {uses: wait, with: {event: {message: "#support"}, timeout: 3d}}
  intake: {uses: wait, with: {event: {message: "#intake", matches: "^go "}, timeout: 3d}}
outputs: {support: "${{ steps.support.output.data.text }}", intake: "${{ steps.intake.output.data.text }}"}
"""
SHARED = """\
workflow: ask_partners
title: Ask partners
steps:
  word: {uses: wait, with: {event: {message: "#partners"}, timeout: 3d}}
"""


@asynccontextmanager
async def waiting(path: Path, *, sandbox: Sandbox | None = None) -> AsyncIterator[Town]:
    """A town whose workflows wait for words."""
    async with town(path, sandbox=sandbox) as place:
        folder = path / "workflows"
        folder.mkdir(exist_ok=True)
        for text in (IN_THREAD, IN_CHANNEL, SHARED):
            (folder / f"{text.split()[1]}.yaml").write_text(text)
        loaded = load([folder])
        assert not loaded.broken, loaded.problems
        await place.engine.use(loaded.definitions)
        for name in ("#intake", "#support", "#partners"):
            await place.reception.people.id_of(name)
            await place.reception.people.channel(name)
        yield place


async def asked(place: Town, workflow: str, *steps: str) -> Run:
    """A run of this workflow, started by Mina and shown in #content, that waits at these steps."""
    origin = {"surface": "mention", "channel": "C0CONTENT"}
    run = (await place.engine.start(workflow, {}, actor=MINA, origin=origin)).run
    return await waits(place, run, *steps)


async def waits(place: Town, run: Run, *steps: str) -> Run:
    with anyio.fail_after(20):
        return await place.engine.wait_for(
            run.id, lambda run: all(key in run.steps and run.steps[key].status == "waiting" for key in steps)
        )


async def say(place: Town, who: str, channel: str, text: str, thread_ts: str | None = None) -> Any:
    """Somebody says something, and whatever it brings about has come about."""
    message = await place.sandbox.act_as(who).say(channel, text, thread_ts)

    def acknowledged() -> bool:
        events = [
            one.request.get("payload", one.request).get("event", {}) for one in place.sandbox.traffic.of("events_api")
        ]
        return any(one.get("type") == "message" and str(one.get("ts")) == message["ts"] for one in events)

    await place.sandbox.until(acknowledged)
    await place.all_answered()
    return message


async def now(place: Town, run: Run) -> dict[str, str]:
    found = await place.engine.look(run.id)
    assert found is not None
    return {key: one.status.value for key, one in found.steps.items()}


async def test_a_word_in_the_thread_of_a_run_lets_it_go_on(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        run = await asked(place, "ask_in_thread", "word")
        channel, root = await place.root(run)
        await say(place, "mina", channel, "not yet", root)
        await say(place, "mina", channel, "ship it")
        assert (await now(place, run))["word"] == "waiting", "it does not fit, or stands elsewhere"
        said = await say(place, "mina", channel, "*Ship it* now", root)
        assert (await now(place, run))["word"] == "waiting", "its markup is read as well"
        said = await say(place, "mina", channel, "Ship it now", root)
        await waits(place, run, "more")
        await say(place, "ravi", channel, "thanks", root)
        outputs = (await place.ended(run)).outputs.value
        assert (outputs["said"], outputs["by"], outputs["more"]) == ("Ship it now", "U0MINA", "thanks")
        assert said["ts"].replace(".", "") in outputs["link"]


async def test_each_message_goes_to_the_step_that_waits_for_such_a_one(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        run = await asked(place, "ask_in_channel", "support", "intake")
        await say(place, "mina", "#intake", "go ahead")
        assert await now(place, run) == {"support": "waiting", "intake": "succeeded"}
        root = await say(place, "mina", "#general", "elsewhere")
        await say(place, "mina", "#general", "answer", root["ts"])
        assert (await now(place, run))["support"] == "waiting"
        await say(place, "mina", "#support", "here")
        assert (await place.ended(run)).outputs.value == {"support": "here", "intake": "go ahead"}


async def test_an_answer_in_a_thread_is_no_message_in_the_channel(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        before = await say(place, "mina", "#support", "before the run")
        run = await asked(place, "ask_in_channel", "support")
        await say(place, "mina", "#support", "answer", before["ts"])
        assert (await now(place, run))["support"] == "waiting"


async def test_one_message_goes_to_every_run_that_waits_and_once_to_each(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        runs = [await asked(place, "ask_in_channel", "support") for _ in range(2)]
        await say(place, "mina", "#support", "for all")
        for run in runs:
            assert (await now(place, run))["support"] == "succeeded"


async def test_a_message_that_is_carried_out_again_after_a_crash_is_not_taken_for_another(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        run = await asked(place, "ask_in_thread", "word")
        channel, root = await place.root(run)
        await say(place, "mina", channel, "ship it", root)
        await waits(place, run, "more")
        await place.engine.database.write(
            lambda tx: tx.execute("UPDATE receipts SET state = 'received' WHERE key LIKE 'posted:%'")
        )
        place.engine.received.ring()
        await place.all_answered()
        assert (await now(place, run))["more"] == "waiting"


async def test_who_may_neither_start_nor_control_it_is_passed_over(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        run = await asked(place, "ask_in_channel", "support")
        with structlog.testing.capture_logs() as logged:
            await say(place, "ravi", "#support", "me too")
        assert (await now(place, run))["support"] == "waiting"
        [line] = [one for one in logged if one["event"] == "message.passed_over"]
        assert (line["run"], line["user"]) == (run.name, "U0RAVI")
        assert line["why"] == "who wrote it may neither start nor control the workflow"
        await say(place, "mina", "#support", "it is mine")
        assert (await now(place, run))["support"] == "succeeded", "the requester may"


async def test_a_channel_that_is_shared_with_others_brings_nothing(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        run = await asked(place, "ask_partners", "word")
        await say(place, "mina", "#partners", "hello")
        assert (await now(place, run))["word"] == "waiting"


async def test_while_slack_cannot_say_who_wrote_it_nothing_is_lost(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        run = await asked(place, "ask_in_channel", "support")
        place.sandbox.faults.add(
            method="users.info", kind="error", detail={"error": "internal_error"}, times=READ_TRIES_MAX
        )
        await say(place, "mina", "#support", "here")
        assert (await now(place, run))["support"] == "succeeded"


async def test_what_no_run_waits_for_is_not_even_put_down(tmp_path: Path) -> None:
    async with waiting(tmp_path) as place:
        await asked(place, "ask_in_channel", "support", "intake")
        await say(place, "mina", "#intake", "does not fit")
        await say(place, "mina", "#general", "elsewhere")
        kept = await place.engine.database.read(lambda tx: tx.rows("SELECT key FROM receipts WHERE kind = 'event'"))
        assert [row[0] for row in kept if row[0].startswith("posted:")] == []
