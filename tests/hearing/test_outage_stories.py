"""An endpoint goes down: who keeps things running hears of it once, and may have it tried; runs say why they wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from bot import outages
from bot.operators import Operators
from bot.recorded_answers import RecordedAnswers, Recording
from bot.sandbox.server import Sandbox
from engine.endpoints import FAILURES_TO_HOLD
from engine.models import Models
from store import anchors, endpoints
from store.model import Access, Plan, Retry, RunStatus
from tests.support.engines import plan, step
from tests.support.full_disk import full_at_first
from tests.support.town import Town, read, town

pytestmark = pytest.mark.anyio

DOWN = {"model": "gpt-x", "answers": [{"status": 503, "text": "the writers are on strike"}]}
UP = {"answers": [{"text": "Good"}]}
MANY = Retry(FAILURES_TO_HOLD, backoff_min_ms=1, backoff_max_ms=1)
OPS = Operators(("@content-leads",))
CARD = {"hello": {"alerts_failed": "#content-alerts"}}


def writes() -> Plan:
    asked = {"model": "writer", "prompt": "Write ${{ inputs.topic }}"}
    drafted = step("draft", "model", with_=asked, effect="pure", retry=MANY, title="Write the draft")
    return plan(drafted, workflow="hello", inputs={"topic": {"type": "string", "default": "x"}})


@asynccontextmanager
async def office(
    path: Path, sandbox: Sandbox | None = None, server: RecordedAnswers | None = None, **more: Any
) -> AsyncIterator[tuple[Town, RecordedAnswers]]:
    server = server or RecordedAnswers.parse([DOWN])
    async with server.running() as url:
        entry = {"kind": "openai", "base_url": f"{url}/v1", "model": "gpt-x"}
        models = Models.parse({"writer": entry}, "models.yml", {})
        more = {"operators": OPS, "cards": CARD, **more}
        async with town(path, writes(), sandbox=sandbox, models=models, allowed_hosts=("127.0.0.1",), **more) as place:
            yield place, server


def about(place: Town, channel: str) -> list[Mapping[str, Any]]:
    """The messages about endpoints in a channel, oldest first."""
    found = place.ours(channel)
    return [one for one in found if _key(one).startswith("endpoint:")]


def _key(message: Mapping[str, Any]) -> str:
    return str(((message.get("metadata") or {}).get("event_payload") or {}).get("k", ""))


async def noticed(place: Town, has: str, channel: str = "#content-alerts") -> Mapping[str, Any]:
    """The latest of them, once it says this."""

    def found() -> bool:
        return any(has in read(one) for one in about(place, channel))

    await place.sandbox.until(found)
    return next(one for one in reversed(about(place, channel)) if has in read(one))


async def held(place: Town) -> endpoints.Endpoint | None:
    return next((one for one, _ in await place.engine.database.read(endpoints.held)), None)


async def test_an_endpoint_that_is_down_is_told_once_and_closed_when_it_answers(tmp_path: Path) -> None:
    async with office(tmp_path) as (place, server):
        for _ in range(3):
            await place.command("mina", "run hello", channel="#content")
        notice = await noticed(place, "3 runs wait for it")
        told = read(notice)
        assert "*The model writer* is down since" in told
        assert "the writers are on strike" in told
        assert "goes on by itself as soon as it answers" in told
        assert len(about(place, "#content-alerts")) == 1
        server.recordings = [Recording.model_validate(UP)]
        assert (await place.sandbox.act_as("lena").click("#content-alerts", notice["ts"], "endpoint_try")).acked
        assert "is tried now, by the first of 3 runs in line" in await place.whispered("lena")
        run = await place.ended(await place.last_run())
        assert run.status is RunStatus.SUCCEEDED
        reply = await noticed(place, "answers again")
        assert reply["thread_ts"] == notice["ts"]
        closed = await noticed(place, "was down from")
        assert closed["ts"] == notice["ts"]
        assert "endpoint_try" not in read(closed)

        async def forgotten() -> bool:
            return not await place.engine.database.read(lambda tx: anchors.owners(tx, "endpoint:"))

        with anyio.fail_after(10):
            while not await forgotten():
                await anyio.sleep(0.05)
        assert await held(place) is None


async def test_the_operators_have_a_channel_of_their_own_for_it(tmp_path: Path) -> None:
    operators = Operators(("@content-leads",), "#content")
    async with office(tmp_path, operators=operators) as (place, _):
        await place.command("mina", "run hello", channel="#general")
        assert "1 run waits for it" in read(await noticed(place, "is down since", "#content"))
        assert about(place, "#content-alerts") == []


async def test_when_the_operators_channel_is_closed_it_is_told_where_the_alerts_of_those_who_wait_go(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, operators=Operators((), "#nowhere")) as (place, _):
        await place.command("mina", "run hello", channel="#content")
        await noticed(place, "1 run waits for it")


@pytest.mark.parametrize("channel", ["", "#nowhere"])
async def test_where_no_channel_is_open_it_is_told_directly_once_and_to_the_end(tmp_path: Path, channel: str) -> None:
    card = {"hello": {"alerts_failed": channel, "channel": channel, "owner": "U0RAVI"}}
    sandbox = Sandbox()
    async with sandbox.running():
        async with office(tmp_path, sandbox, cards=card, operators=Operators(("U0LENA",), channel)) as (place, _):
            await place.command("mina", "run hello", channel="#content")
            notice = await noticed(place, "1 run waits for it", "D0LENA")
            assert "No channel for alerts is open to me, so you get this directly." in read(notice)
        async with office(tmp_path, sandbox, cards=card, operators=Operators(("U0LENA",), channel)) as (place, server):
            await place.command("mina", "run hello", channel="#content")
            await noticed(place, "2 runs wait for it", "D0LENA")
            server.recordings = [Recording.model_validate(UP)]
            assert (await place.sandbox.act_as("lena").click("D0LENA", notice["ts"], "endpoint_try")).acked
            reply = await noticed(place, "answers again", "D0LENA")
            assert reply["thread_ts"] == notice["ts"]
            assert [one["ts"] for one in about(place, "D0LENA")] == [notice["ts"], reply["ts"]]
            assert about(place, "D0RAVI") == about(place, "D0MINA") == []


async def test_where_there_are_no_operators_the_owner_of_what_waits_is_told(tmp_path: Path) -> None:
    card = {"hello": {"owner": "U0RAVI"}}
    async with office(tmp_path, cards=card, operators=Operators()) as (place, _):
        await place.command("mina", "run hello", channel="#content")
        await noticed(place, "is down since", "D0RAVI")


async def test_a_restart_in_between_posts_nothing_twice(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        async with office(tmp_path, sandbox) as (place, _):
            await place.command("mina", "run hello", channel="#content")
            first = await noticed(place, "is down since", "#content-alerts")
        async with office(tmp_path, sandbox) as (place, server):
            await place.command("ravi", "run hello", channel="#content")
            await noticed(place, "2 runs wait for it")
            server.recordings = [Recording.model_validate(UP)]
            assert "is tried now" in await place.command("lena", "endpoints try writer")
            await noticed(place, "answers again")
            notice, reply = about(place, "#content-alerts")
            assert (notice["ts"], reply["thread_ts"]) == (first["ts"], first["ts"])


async def test_a_run_says_for_which_endpoint_it_waits_since_when_and_at_which_place(tmp_path: Path) -> None:
    async with office(tmp_path) as (place, _):
        await place.command("mina", "run hello", channel="#content")
        await noticed(place, "1 run waits for it")
        await place.command("mina", "run hello topic=other", channel="#content")
        await noticed(place, "2 runs wait for it")
        run = await place.last_run()
        for line in (f"why {run.name}", f"status {run.name}"):
            said = await place.command("mina", line)
            assert "*Write the draft* waits for the model writer, which is down since" in said
            assert "It is 2nd in line" in said
            assert "the writers are on strike" in said
            assert "Nothing is broken" not in said
        channel, ts = await place.root(run)
        message = place.sandbox.workspace.said(channel)
        await place.sandbox.until(lambda: "Waits for the model writer, which is down" in read(message.get(ts)))


async def test_the_endpoints_that_are_down_are_listed_in_words_and_tried_only_by_who_may(tmp_path: Path) -> None:
    async with office(tmp_path, cards={"hello": {**CARD["hello"], "access": _theirs()}}) as (place, _):
        assert "Every endpoint answered" in await place.command("mina", "endpoints")
        await place.command("mina", "run hello", channel="#content")
        await noticed(place, "1 run waits for it")
        listed = await place.dm("mina", "endpoints")
        assert "1 endpoint is down" in listed
        assert "*The model writer* is down since" in listed
        assert "1 run waits" in listed
        refused = await place.command("ravi", "endpoints try writer")
        assert "Only @content-leads, or who controls a workflow that waits for it, may try" in refused
        assert "I know no endpoint `printer` that is down" in await place.command("lena", "endpoints try printer")
        before = await held(place)
        assert before is not None
        assert "is tried now" in await place.command("lena", "endpoints try model writer")


def _theirs() -> Access:
    return Access(control=("@editors-in-chief",))


async def test_a_notice_waits_for_a_disk_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with office(tmp_path) as (place, _):
        refused = full_at_first(monkeypatch, "bot.outages")
        await place.command("mina", "run hello", channel="#content")
        await noticed(place, "1 run waits for it")
        await place.sandbox.until(lambda: refused == ["bot.outages"])
        await place.sandbox.until(lambda: len(place.ours("#content-alerts")) == 1)
        await place.command("mina", "ping")


async def test_a_notice_that_cannot_be_made_stops_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make, tried = outages.down_notice, []

    def breaks_at_first(outage: Any) -> Any:
        tried.append(outage)
        if len(tried) == 1:
            raise ValueError("a bug of ours")
        return make(outage)

    monkeypatch.setattr(outages, "down_notice", breaks_at_first)
    async with office(tmp_path) as (place, _):
        await place.command("mina", "run hello", channel="#content")
        await place.sandbox.until(lambda: tried)
        await place.command("mina", "run hello", channel="#content")
        await noticed(place, "2 runs wait for it")
