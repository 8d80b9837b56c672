"""The real service against a real sandbox Slack in this process: everything of the demo but the browser.

The service reaches Slack over real sockets, by Socket Mode or by signed HTTP; the site and the recorded model answers
are the demo's own.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import anyio
import pytest
import yaml

from bot import settings
from bot.demo.site import Site
from bot.demo.town import recorded
from bot.manifest import EVENTS_PATH
from bot.opening import opening
from bot.recorded_answers import RecordedAnswers
from bot.sandbox.server import Sandbox
from bot.service import Running, running
from engine.clock import Clock
from store import history, lookups, receipts
from store.model import Run
from tests.support.console import ROOT, free_port
from tests.support.readable import readable

CMS_TOKEN = "token-of-the-site"
WAYS = ("socket", "http")
RUN_NAME = re.compile(r"\bR-[0-9A-Z]+\b")
DEADLINE_SECONDS = 20


@dataclass
class Card:
    """A message of ours as it stands now."""

    office: ServedOffice
    channel: str
    ts: str

    @property
    def message(self) -> Mapping[str, Any]:
        found = self.office.sandbox.workspace.said(self.channel).get(self.ts)
        assert found is not None
        return found

    @property
    def text(self) -> str:
        return readable(self.message["text"], self.message.get("blocks", ()))

    @property
    def actions(self) -> list[str]:
        """The ids of its buttons."""
        blocks = self.message.get("blocks", ())
        return [one["action_id"] for block in blocks if block["type"] == "actions" for one in block["elements"]]

    async def click(self, who: str, action: str) -> None:
        outcome = await self.office.sandbox.act_as(who).click(self.channel, self.ts, action)
        assert outcome.acked, outcome

    async def until(self, *words: str) -> str:
        """Its text, once it says all of this."""
        await self.office.sandbox.until(lambda: all(word in self.text for word in words))
        return self.text


@dataclass
class ServedOffice:
    """People and what they see, a service that serves them, and the site where things end up."""

    sandbox: Sandbox
    service: Running
    site: Site
    folder: Path
    environment: Mapping[str, str]

    # People

    async def ask(self, who: str, line: str, channel: str = "#content") -> str:
        """Type `/flow …` and read the private answer."""
        before = len(self.whispers(who))
        answer = await self.sandbox.act_as(who).command("/flow", line, channel=channel)
        assert answer.acked, answer
        return await self.whispered(who, before + 1)

    async def write(self, who: str, text: str) -> str:
        """Write to the bot directly and read the answer."""
        before = len(self.direct(who))
        await self.sandbox.act_as(who).say("dm", text)
        await self.sandbox.until(lambda: len(self.direct(who)) > before)
        return self.direct(who)[-1]

    async def start(self, who: str, line: str, channel: str = "#content") -> Run:
        """Start a run by command."""
        said = await self.ask(who, f"run {line}", channel)
        name = RUN_NAME.search(said)
        assert "Starting" in said, said
        assert name is not None
        run = await self.service.service.engine.look(name.group())
        assert run is not None
        return run

    def whispers(self, who: str) -> list[str]:
        """What only this person saw of ours, oldest first."""
        return [_read(one) for one in self.sandbox.act_as(who).ephemerals if one.get("bot_id")]

    async def whispered(self, who: str, count: int = 1) -> str:
        await self.sandbox.until(lambda: len(self.whispers(who)) >= count)
        return self.whispers(who)[-1]

    def direct(self, who: str) -> list[str]:
        """What the bot wrote to this person directly, oldest first."""
        return [_read(one) for one in self.sandbox.workspace.said(f"D0{who.upper()}") if one.get("bot_id")]

    # Messages

    async def found(self, channel: str, fits: Callable[[Mapping[str, Any]], bool]) -> Card:
        """The newest message of ours here that fits, once there is one."""
        place = self.sandbox.workspace.channel(channel).id

        def look() -> list[Mapping[str, Any]]:
            return [one for one in self.sandbox.workspace.said(place) if one.get("bot_id") and fits(one)]

        await self.sandbox.until(look)
        return Card(self, place, look()[-1]["ts"])

    async def root(self, run: Run, channel: str = "#content") -> Card:
        return await self.found(channel, lambda one: _key(one) == f"run:{run.id}")

    async def card(self, run: Run, channel: str = "#content") -> Card:
        """The card of the run's gate, once it asks."""
        return await self.found(channel, lambda one: _key(one).startswith("gate:") and run.name in one["text"])

    async def end(self, run: Run, channel: str = "#content") -> Card:
        """The last word in the run's thread."""
        return await self.found(channel, lambda one: _key(one).startswith(f"end:{run.id}"))

    def subjects(self) -> list[str]:
        """What every message of ours is about, in all channels: each stands once."""
        said = [one for place in self.sandbox.workspace.channels for one in self.sandbox.workspace.said(place)]
        return sorted(_key(one) for one in said if _key(one))

    # What is remembered

    async def runs(self) -> list[Run]:
        """All runs, the newest first."""
        engine = self.service.service.engine
        rows = await engine.database.read(lambda tx: lookups.run_list(tx))
        return [run for row in rows if (run := await engine.look(row.id)) is not None]

    async def ended(self, run: Run) -> Run:
        with anyio.fail_after(DEADLINE_SECONDS):
            return await self.service.service.engine.wait_for(run.id, lambda one: one.status.finished)

    async def events(self, run: Run, kind: type) -> list[Any]:
        database = self.service.service.engine.database
        entries = await database.read(lambda tx: history.of(tx, run.id))
        return [entry.event for entry in entries if isinstance(entry.event, kind)]

    async def all_answered(self) -> None:
        """Nothing that was heard is still to be answered."""
        database = self.service.service.engine.database

        async def left() -> bool:
            return bool(await database.read(lambda tx: receipts.open(tx, 100)))

        with anyio.fail_after(DEADLINE_SECONDS):
            while await left():
                await self.service.service.engine.received.wait(20)


def _read(message: Mapping[str, Any]) -> str:
    return readable(message["text"], message.get("blocks", ()))


def _key(message: Mapping[str, Any]) -> str:
    """What one of our messages is about; empty for the words of people and for answers."""
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return str(payload.get("k", ""))


@asynccontextmanager
async def served(
    folder: Path,
    by: str = "socket",
    *,
    sandbox: Sandbox | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    workflows: Path = ROOT / "workflows",
    clock: Clock | None = None,
) -> AsyncIterator[ServedOffice]:
    """The service on the database of this folder, for as long as the block lasts; `groups` are the operator's own."""
    sandbox = sandbox or Sandbox()
    async with AsyncExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("CMS_TOKEN", CMS_TOKEN)
        answers = await stack.enter_async_context(_recorded_without_pauses().running())
        site = await stack.enter_async_context(Site(folder / "site", CMS_TOKEN).running())
        await stack.enter_async_context(sandbox.running())
        environment = _environment(folder, sandbox, by, answers) | {
            "POINTSMAN_SETTINGS": _operator_file(folder, site.url, groups or {}),
            "POINTSMAN_WORKFLOWS": str(workflows),
        }
        service = await stack.enter_async_context(running(opening(settings.load(environment)), clock=clock))
        await _connected(sandbox, by, environment)
        yield ServedOffice(sandbox, service, site, folder, environment)


def _recorded_without_pauses() -> RecordedAnswers:
    """The demo's recordings. There they take as long as a model would; here nobody watches."""
    quick = [
        one.model_copy(update={"answers": [answer.model_copy(update={"delay_ms": 0}) for answer in one.answers]})
        for one in recorded().recordings
    ]
    return RecordedAnswers(quick)


async def _connected(sandbox: Sandbox, by: str, environment: Mapping[str, str]) -> None:
    sandbox.deliver_by = by
    if by == "socket":
        await sandbox.until(lambda: sandbox.connections > 0)
        return
    sandbox.http_url = f"http://{environment['POINTSMAN_HTTP']}{EVENTS_PATH}"
    assert await sandbox.verify_url()


def _environment(folder: Path, sandbox: Sandbox, by: str, answers_url: str) -> dict[str, str]:
    """What an operator would set."""
    endpoint = {"kind": "openai", "base_url": f"{answers_url}/v1", "model": "recorded"}
    way = {"SLACK_APP_TOKEN": sandbox.app_token}
    if by == "http":
        way = {"SLACK_SIGNING_SECRET": sandbox.signing_secret, "POINTSMAN_HTTP": f"127.0.0.1:{free_port()}"}
    return {
        **way,
        "SLACK_BOT_TOKEN": sandbox.bot_token,
        "SLACK_API_URL": sandbox.api_url,
        "POINTSMAN_DB": str(folder / "office.db"),
        "POINTSMAN_MODELS": _written(folder / "models.yaml", {"writer": endpoint, "backup": endpoint}),
    }


def _operator_file(folder: Path, site_url: str, groups: Mapping[str, Sequence[str]]) -> str:
    operator = {
        "settings": {
            "publish_post": {"cms_url": site_url},
            "route_ticket": {"cms_url": site_url},
            "escalate_ticket": {"cms_url": site_url},
            "send_to_printer": {"printer_url": f"{site_url}/print-shop"},
            "intake_document": {"index_file": str(folder / "documents.db")},
        },
        "groups": {name: list(people) for name, people in groups.items()},
        "hosts": [site_url.removeprefix("http://")],
    }
    return _written(folder / "settings.yaml", operator)


def _written(path: Path, content: Any) -> str:
    path.write_text(yaml.safe_dump(content), "utf-8")
    return str(path)


# Signed HTTP, by hand. ------------------------------------------------------------------------------------------------


def signed_command(office: ServedOffice, text: str, *, age_seconds: int = 0, secret: str = "") -> dict[str, Any]:
    """A slash command of Mina's as Slack would post it: what `post` needs."""
    parts = office.sandbox.parts
    mina = parts.workspace.user("mina")
    place = parts.workspace.channel("#content")
    url = parts.response_urls.mint(user_id=mina.id, channel_id=place.id)
    payload = parts.payloads.command(
        mina, place, command="/flow", text=text, trigger_id=parts.triggers.mint(mina.id), response_url=url
    )
    body = urlencode(payload).encode()
    at = str(int(time.time()) - age_seconds)
    signed = f"v0:{at}:".encode() + body
    digest = hmac.new((secret or office.sandbox.signing_secret).encode(), signed, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={digest}",
    }
    return {"data": body, "headers": headers}


async def post(office: ServedOffice, request: Mapping[str, Any]) -> int:
    """Send a request to the service's own door; gives the status of its answer."""
    url = f"http://{office.environment['POINTSMAN_HTTP']}{EVENTS_PATH}"
    async with aiohttp.ClientSession() as session, session.post(url, **request) as answer:
        await answer.read()
        return answer.status
