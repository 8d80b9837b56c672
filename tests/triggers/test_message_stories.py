"""What somebody writes in a channel starts runs: for whom, in which words, how often, and what is heard of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.intake import Message, Posted
from bot.sandbox.apps import App
from bot.sandbox.people import default_workspace
from bot.sandbox.server import Sandbox
from bot.slack import READ_TRIES_MAX
from engine.definitions import load
from store import codec, receipts
from store.receipts import Receipt
from tests.support.town import Town, town

pytestmark = pytest.mark.anyio

IDEA = """\
workflow: take_idea
title: Take an idea
inputs:
  topic: {type: string, minLength: 5, maxLength: 40}
  by: {type: string}
  link: {type: string, format: uri}
  place: {type: string}
on:
  - message: "#intake"
    matches: "(?i)^idea: "
    inputs:
      topic: "${{ event.text.substring(6) }}"
      by: ${{ event.user }}
      link: ${{ event.permalink }}
      place: ${{ event.channel + ' ' + event.ts + ' ' + event.thread }}
steps:
  note: {uses: transform, with: {line: "${{ inputs.topic }}"}}
"""
EVERY = """\
workflow: every_word
title: Hear every word
inputs: {text: string}
on:
  - {message: "#support", replies: true, inputs: {text: "${{ event.text }}"}}
  - {message: "#support", matches: urgent, inputs: {text: "twice"}}
steps:
  note: {uses: transform, with: {line: "${{ inputs.text }}"}}
"""
LEADS = """\
workflow: for_leads
title: Only for leads
access: {start: "@content-leads", see: "@content-leads", control: "@content-leads"}
inputs: {text: string}
on:
  - {message: "#content", inputs: {text: "${{ event.text }}"}}
steps:
  note: {uses: transform, with: {line: "${{ inputs.text }}"}}
"""
NAMED = """\
workflow: from_ravi
title: What Ravi says
inputs: {text: string}
on:
  - {message: "#content-alerts", from: [U0RAVI], inputs: {text: "${{ event.text }}"}}
steps:
  note: {uses: transform, with: {line: "${{ inputs.text }}"}}
"""
SHARED = """\
workflow: shared_words
title: What partners say
inputs: {text: string}
on:
  - {message: "#partners", inputs: {text: "${{ event.text }}"}}
steps:
  note: {uses: transform, with: {line: "${{ inputs.text }}"}}
"""
FILES = """\
workflow: take_file
title: Take a file
inputs: {brief: file, more: {type: file, optional: true}, said: {type: string, default: nothing}}
on:
  - {message: "#intake", matches: "^file", inputs: {brief: "${{ event.files[1] }}", said: "${{ event.text }}"}}
steps:
  note: {uses: transform, with: {name: "${{ inputs.brief.name }}"}}
"""
ONCE = """\
workflow: one_a_topic
title: One run a topic
inputs: {topic: string}
dedupe: ${{ inputs.topic }}
on:
  - {message: "#intake", matches: "^once ", inputs: {topic: "${{ event.text }}"}}
steps:
  note: {uses: transform, with: {line: "${{ inputs.topic }}"}}
"""
FULL = """\
workflow: one_at_a_time
title: One at a time
inputs: {text: string}
limits: {concurrency: {max: 1, when_full: refuse}}
on:
  - {message: "#intake", matches: "^slow", inputs: {text: "${{ event.text }}"}}
steps:
  ask: {uses: approval, with: {question: "Go on?", show: "${{ inputs.text }}", approvers: ["@editors"]}}
"""
ALL = (IDEA, EVERY, LEADS, NAMED, SHARED, FILES, ONCE, FULL)


@asynccontextmanager
async def listening(
    path: Path, *, by: str = "socket", sandbox: Sandbox | None = None, looked: bool = True
) -> AsyncIterator[Town]:
    """A town whose workflows listen; with `looked`, it has just been told of the channels."""
    async with town(path, by=by, sandbox=sandbox) as place:
        folder = path / "workflows"
        folder.mkdir(exist_ok=True)
        for text in ALL:
            (folder / f"{text.split()[1]}.yaml").write_text(text)
        loaded = load([folder])
        assert not loaded.broken, loaded.problems
        await place.engine.use(loaded.definitions)
        for name in ("#intake", "#support", "#content", "#content-alerts", "#partners"):
            await place.reception.people.id_of(name)  # pins it, as a service does at its start
            if looked:
                await place.reception.people.channel(name)
        yield place


async def say(place: Town, who: str, channel: str, text: str, thread_ts: str | None = None, **more: Any) -> Any:
    """Somebody says something, and what it starts has been started."""
    message = await place.sandbox.act_as(who).say(channel, text, thread_ts, **more)
    await arrived(place, message["ts"])
    return message


async def arrived(place: Town, ts: str) -> None:
    """The app has acknowledged the message, and carried out what it put down."""

    def acknowledged() -> bool:
        sent = [one.request for one in place.sandbox.traffic.of("events_api")]
        return any(event_of(one).get("type") == "message" and ts_of(event_of(one)) == ts for one in sent)

    await place.sandbox.until(acknowledged)
    await place.all_answered()


def event_of(request: Any) -> Any:
    body = request.get("payload", request)
    return body.get("event", {})


def ts_of(event: Any) -> str:
    return str((event.get("message") or event).get("ts"))


async def started(place: Town) -> list[Any]:
    return [await place.engine.look(row.id) for row in await place.runs()]


@pytest.mark.parametrize("by", ["socket", "http"])
async def test_a_message_that_fits_starts_a_run_for_who_wrote_it(tmp_path: Path, by: str) -> None:
    async with listening(tmp_path, by=by) as place:
        message = await say(place, "mina", "#intake", "Idea: Bridges & <rivers>")
        [run] = await started(place)
        link = place.slack.me.permalink("C0INTAKE", message["ts"])
        assert (run.workflow, run.requester.kind, run.requester.id) == ("take_idea", "person", "U0MINA")
        assert run.inputs.value == {
            "topic": "Bridges & <rivers>",
            "by": "U0MINA",
            "link": link,
            "place": f"C0INTAKE {message['ts']} ",
        }
        assert run.origin == {"surface": "message", "channel": "C0INTAKE", "user": "U0MINA", "message": link}
        channel, _ = await place.root(run)
        assert channel == "C0INTAKE"
        assert place.heard("mina") == []
        assert place.direct("mina") == []


async def test_what_does_not_fit_starts_nothing_and_is_not_even_kept(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        message = await say(place, "mina", "#intake", "an idea: none")
        assert await started(place) == []
        assert await place.engine.database.read(lambda tx: receipts.of(tx, f"posted:C0INTAKE:{_id(message)}")) is None


async def test_a_message_starts_one_run_through_slacks_retries_and_a_restart(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        async with listening(tmp_path, sandbox=sandbox) as place:
            message = await say(place, "mina", "#intake", "idea: Bridges")
            body = next(
                one.request
                for one in sandbox.traffic.of("events_api")
                if event_of(one.request).get("ts") == message["ts"]
            )
            body = body.get("payload", body)
            assert (await sandbox.parts.delivery.event(body)).acked
            # The same words once more under another number and moment, as Slack has been seen to send them.
            twin = {**body, "event_id": "EvTWIN", "event": {**body["event"], "ts": "1.000001"}}
            assert (await sandbox.parts.delivery.event(twin)).acked
            await place.all_answered()
            assert len(await started(place)) == 1
        async with listening(tmp_path, sandbox=sandbox) as place:
            await place.engine.database.write(lambda tx: receipts.prune(tx, 2**60))  # a day and more has passed
            assert (await sandbox.parts.delivery.event(body)).acked
            await place.all_answered()
            assert len(await started(place)) == 1


async def test_apps_edits_joins_and_words_to_the_bot_start_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        said = await say(place, "mina", "#support", "first")
        edited = await place.sandbox.act_as("mina").edit("#support", said["ts"], "second")
        assert edited["text"] == "second"
        ours = await place.slack.post("C0SUPPORT", "What the bot says")
        await arrived(place, ours)
        await say(place, "mina", "#support", "<@U0BOT> status")
        await place.sandbox.until(
            lambda: [
                one
                for one in place.sandbox.traffic.of("events_api")
                if event_of(one.request).get("subtype") == "message_changed"
                and event_of(one.request)["message"]["user"] == "U0MINA"
            ]
        )
        await place.all_answered()
        assert [run.inputs.value["text"] for run in await started(place)] == ["first"]


async def test_who_joins_a_channel_starts_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        workspace = place.sandbox.workspace
        workspace.change_channel("C0SUPPORT", members=workspace.channels["C0SUPPORT"].members - {"U0OMAR"})
        await place.sandbox.act_as("mina").command("/invite", "@omar", channel="#support")
        join = next(one for one in workspace.said("C0SUPPORT") if one.get("subtype") == "channel_join")
        await arrived(place, join["ts"])
        assert await started(place) == []


async def test_several_triggers_of_a_workflow_that_fit_start_one_run(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        await say(place, "mina", "#support", "urgent!")
        assert [run.inputs.value["text"] for run in await started(place)] == ["urgent!"]


async def test_words_in_threads_count_only_where_the_workflow_says_so(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        root = await say(place, "mina", "#support", "root")
        await say(place, "ravi", "#support", "reply", root["ts"])
        assert {run.inputs.value["text"] for run in await started(place)} == {"root", "reply"}
        first = await say(place, "mina", "#intake", "hello")
        await say(place, "mina", "#intake", "idea: in a thread", first["ts"])
        assert len(await started(place)) == 2


async def test_who_may_not_start_it_hears_nothing_and_the_log_tells(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        with structlog.testing.capture_logs() as logged:
            await say(place, "mina", "#content", "a word")
            await say(place, "gus", "#content", "a word of a guest")
        assert await started(place) == []
        assert (place.heard("mina"), place.direct("mina"), place.heard("gus"), place.direct("gus")) == ([], [], [], [])
        passed = [one for one in logged if one["event"] == "message.passed_over"]
        assert {(one["user"], one["why"]) for one in passed} == {
            ("U0MINA", "who wrote it may not start it"),
            ("U0GUS", "who wrote it is no member: guest"),
        }
        await say(place, "lena", "#content", "a word of a lead")
        assert [run.requester.id for run in await started(place)] == ["U0LENA"]


async def test_from_names_whose_messages_count(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        await say(place, "mina", "#content-alerts", "from Mina")
        await say(place, "ravi", "#content-alerts", "from Ravi")
        assert [run.inputs.value["text"] for run in await started(place)] == ["from Ravi"]


async def test_a_channel_that_is_shared_with_others_starts_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        with structlog.testing.capture_logs() as logged:
            await say(place, "mina", "#partners", "a word")
            await say(place, "otto", "#partners", "a word from outside")
        assert await started(place) == []
        whys = {one["why"] for one in logged if one["event"] == "message.passed_over"}
        assert whys == {"the channel is shared with another organisation"}


async def test_who_may_start_it_is_told_alone_what_is_missing(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        await say(place, "mina", "#intake", "idea: x")
        told = await place.whispered("mina")
        assert "I did not start *Take an idea* from" in told
        assert "`topic` needs at least 5 characters" in told
        assert await started(place) == []
        assert place.direct("mina") == []


async def test_a_workflow_that_is_full_says_so_to_who_wrote(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        await say(place, "mina", "#intake", "slow one")
        await say(place, "mina", "#intake", "slow two")
        assert "1 runs of one_at_a_time are open" in await place.whispered("mina")
        assert len(await started(place)) == 1


async def test_the_workflows_own_key_makes_two_messages_one_run(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        await say(place, "mina", "#intake", "once upon a time")
        await say(place, "ravi", "#intake", "once upon a time")
        assert [run.requester.id for run in await started(place)] == ["U0MINA"]


async def test_the_files_of_a_message_are_fetched_for_the_inputs_that_name_them(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        files = [("a.txt", b"first"), ("b.txt", b"the second")]
        await say(place, "mina", "#intake", "file it", files=files)
        [run] = await started(place)
        given = run.inputs.value
        assert (given["brief"]["name"], given["more"]["name"], given["said"]) == ("b.txt", "a.txt", "file it")
        assert place.engine.content.path(given["brief"]["hash"]).read_bytes() == b"the second"


async def test_a_message_without_the_file_that_is_needed_starts_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        await say(place, "mina", "#intake", "file nothing", files=[("a.txt", b"only one")])
        assert "`brief` could not be computed" in await place.whispered("mina")
        assert await started(place) == []


async def test_what_was_put_down_before_a_crash_is_carried_out_at_the_next_start(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        async with listening(tmp_path, sandbox=sandbox) as place:
            message = Message("C0INTAKE", "7.1", "idea: Bridges", "U0MINA")
            heard = Posted(message, "U0MINA")
            payload = {"heard": "Posted", **codec.plain(heard)}
            receipt = Receipt("posted:C0INTAKE:7.1", "event", payload, place.engine.clock.now())
            await place.engine.database.write(lambda tx: receipts.put(tx, receipt))  # and nobody rings a bell
        async with listening(tmp_path, sandbox=sandbox) as place:
            await place.all_answered()
            assert [run.inputs.value["topic"] for run in await started(place)] == ["Bridges"]
            again = replace(receipt, state="received")
            await place.engine.database.write(
                lambda tx: tx.execute("UPDATE receipts SET state = 'received' WHERE key = ?", (again.key,))
            )
            place.engine.received.ring()
            await place.all_answered()
            assert len(await started(place)) == 1


async def test_while_slack_cannot_say_who_wrote_it_nothing_is_decided(tmp_path: Path) -> None:
    async with listening(tmp_path) as place:
        place.sandbox.faults.add(
            method="users.info", kind="error", detail={"error": "internal_error"}, times=READ_TRIES_MAX
        )
        await say(place, "mina", "#intake", "idea: Bridges")
        assert [run.requester.id for run in await started(place)] == ["U0MINA"]
        assert place.heard("mina") == []
        assert place.direct("mina") == []


async def test_while_slack_cannot_say_whose_channel_it_is_nothing_is_lost(tmp_path: Path) -> None:
    async with listening(tmp_path, looked=False) as place:
        place.sandbox.faults.add(
            method="conversations.info", kind="error", detail={"error": "internal_error"}, times=READ_TRIES_MAX
        )
        await say(place, "mina", "#intake", "idea: Bridges")
        assert place.sandbox.faults.as_json() == []
        assert [run.inputs.value["topic"] for run in await started(place)] == ["Bridges"]


async def test_without_the_scope_nothing_is_heard(tmp_path: Path) -> None:
    app = App()
    sandbox = Sandbox(default_workspace(replace(app, scopes=app.scopes - {"channels:history"})))
    async with sandbox.running(), listening(tmp_path, sandbox=sandbox) as place:
        await sandbox.act_as("mina").say("#support", "nobody hears")
        await place.dm("mina", "ping")
        assert await started(place) == []
        assert not [
            one for one in sandbox.traffic.of("events_api") if event_of(one.request).get("channel_type") == "channel"
        ]


def _id(message: Any) -> str:
    return str(message["client_msg_id"])
