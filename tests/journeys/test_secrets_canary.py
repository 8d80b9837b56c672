"""A secret goes wherever one may go, every end gives it back in every form it can, and afterwards it is nowhere."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import structlog
import yaml
from aiohttp import web

from bot import logs, settings
from bot.evidence.bundle import exported
from bot.looking import Looking
from bot.opening import opening
from bot.requests import History, Runs, Status
from bot.sandbox.server import Sandbox
from bot.service import Running, running
from engine.rules.commands import Decide
from store import lookups
from tests.support.engines import OPERATOR, ended, waits

pytestmark = pytest.mark.anyio

CANARY = 'Kan"arien/+&=vogel-4711'
MODEL_KEY = "Papagei+key/4712=="
FRAGMENTS = ("vogel-4711", "Papagei+key")

WORKFLOW = """\
workflow: leaky
title: Try to leak
channel: "#content"
owner: ada@meadow.example
secrets: {token: "env:CANARY"}
settings: {base: {type: string}}
inputs: {exit: {type: integer, default: 0}}
defaults:
  http: {retry: {attempts: 1}}
  model: {retry: {attempts: 1}}
  python: {retry: {attempts: 1}}
  command: {retry: {attempts: 1}}
steps:
  get:
    uses: http
    with:
      url: ${{ settings.base }}/echo
      headers: {Authorization: "Bearer ${{ secrets.token }}", X-Key: "${{ secrets.token }}"}
      query: {key: "${{ secrets.token }}"}
  json:
    uses: http
    with: {method: PUT, url: "${{ settings.base }}/echo", json: {deep: [{token: "${{ secrets.token }}"}]}}
  form:
    uses: http
    with: {method: PUT, url: "${{ settings.base }}/echo", form: {token: "${{ secrets.token }}"}}
  text:
    uses: http
    with: {method: PUT, url: "${{ settings.base }}/text", body: "token ${{ secrets.token }}"}
  moved:
    uses: http
    with: {url: "${{ settings.base }}/moved", query: {key: "${{ secrets.token }}"}}
  large:
    uses: http
    with: {url: "${{ settings.base }}/large", headers: {X-Key: "${{ secrets.token }}"}}
  polled:
    uses: http
    with:
      url: ${{ settings.base }}/poll
      headers: {X-Key: "${{ secrets.token }}"}
      poll: {until: "response.body.done", every: 100ms, url: "${{ response.body.next }}"}
  broken:
    uses: http
    on_failure: continue
    with: {url: "${{ settings.base }}/broken", headers: {X-Key: "${{ secrets.token }}"}}
  misshapen:
    uses: http
    on_failure: continue
    with: {url: "${{ settings.base }}/echo", headers: {X-Key: "${{ secrets.token }}"}}
    output: {type: object, required: [missing], properties: {missing: {type: string}}}
  unreachable:
    uses: http
    on_failure: continue
    with: {url: "http://127.0.0.1:9/x", query: {key: "${{ secrets.token }}"}}
  unsendable:
    uses: http
    on_failure: continue
    with: {url: "${{ settings.base }}/echo", headers: {X-Key: "line\\nbreak ${{ secrets.token }}"}}
  command:
    uses: command
    with:
      argv:
        - sh
        - -c
        - echo "out $TOKEN"; echo "err $TOKEN" >&2; printf %s "$TOKEN" | base64; exit "$0"
        - ${{ inputs.exit }}
      env: {TOKEN: "${{ secrets.token }}"}
    parse: text
  failing:
    uses: command
    on_failure: continue
    with: {argv: [sh, -c, 'echo "$TOKEN"; echo "bad $TOKEN" >&2; exit 3'], env: {TOKEN: "${{ secrets.token }}"}}
  python: {uses: python, call: "code.py:look", with: {seen: "${{ steps.get.output }}"}}
  raising: {uses: python, call: "code.py:fail", with: {seen: "${{ steps.get.output }}"}, on_failure: continue}
  model: {uses: model, with: {model: good, prompt: "What is in ${{ steps.text.output }}?"}}
  denied: {uses: model, with: {model: bad, prompt: "Hello?"}, on_failure: continue}
  items:
    foreach: "[1, 2]"
    steps:
      one: {uses: http, with: {url: "${{ settings.base }}/echo", headers: {X-Key: "${{ secrets.token }}"}}}
  child: {uses: workflow, call: below, with: {seen: "${{ steps.command.output }}"}}
  ask:
    uses: approval
    after:
      - items
      - python
      - child
      - denied
      - raising
      - failing
      - broken
      - misshapen
      - unreachable
      - unsendable
      - polled
      - large
      - moved
      - form
      - json
    with:
      question: Is it in ${{ steps.command.output }}?
      show: {get: "${{ steps.get.output }}", model: "${{ steps.model.output }}", large: "${{ steps.large.output }}"}
      approvers: [ada@meadow.example]
  tell:
    uses: message
    needs: [ask]
    with: {to: thread, text: "Seen: ${{ steps.command.output }} ${{ steps.text.output }}"}
  last:
    uses: http
    needs: [tell]
    with: {url: "${{ settings.base }}/broken", headers: {X-Key: "${{ secrets.token }}"}}
finally:
  after_all:
    uses: http
    with: {url: "${{ settings.base }}/echo", headers: {X-Key: "${{ secrets.token }}"}}
outputs: {get: "${{ has(steps.get.output) ? steps.get.output : null }}"}
"""
BELOW = """\
workflow: below
title: A run below
secrets: {token: "env:CANARY"}
inputs: {seen: {type: string}}
steps:
  said: {uses: command, with: {argv: [sh, -c, 'echo "$TOKEN"'], env: {TOKEN: "${{ secrets.token }}"}}, parse: text}
outputs: {said: "${{ steps.said.output }}", seen: "${{ inputs.seen }}"}
"""
CODE = """\
import os
from typing import Any


def look(seen: Any) -> dict[str, Any]:
    print("printed", os.environ.get("CANARY"), seen)
    return {"environment": dict(os.environ), "seen": seen}


def fail(seen: Any) -> None:
    raise RuntimeError(f"{os.environ.get('CANARY')} {seen}")
"""


def forms(text: str) -> dict[str, str]:
    """Every form in which a secret may come back."""
    both = f"user:{text}"
    return {
        "plain": text,
        "quoted": quote(text, safe=""),
        "plus": quote_plus(text),
        "escaped": json.dumps(text),
        "base64": b64encode(text.encode()).decode(),
        "urlsafe": urlsafe_b64encode(text.encode()).decode(),
        "basic": b64encode(both.encode()).decode(),
        "inside": b64encode(f"xy{text}z".encode()).decode(),
    }


def needles() -> set[bytes]:
    """What must be found nowhere: a piece that all plain forms share, and what only these bytes give in base64."""
    found = {piece.encode() for piece in FRAGMENTS} | {quote(piece).encode() for piece in FRAGMENTS}
    for secret in (CANARY, MODEL_KEY):
        for shift in range(3):
            for encode in (b64encode, urlsafe_b64encode):
                whole = encode(b"\0" * shift + secret.encode())
                found.add(whole[-(-shift * 8 // 6) : (shift + len(secret.encode())) * 8 // 6])
    return found


async def echo(request: web.Request) -> web.Response:
    given = {"headers": dict(request.headers), "query": request.query_string, "body": await request.text()}
    return web.json_response(
        {**given, "forms": forms(CANARY)}, headers={"X-Token": CANARY, "X-Basic": forms(CANARY)["basic"]}
    )


async def text(request: web.Request) -> web.Response:
    return web.Response(text=f"{await request.text()} {' '.join(forms(CANARY).values())}")


async def moved(request: web.Request) -> web.Response:
    raise web.HTTPFound(f"/echo/{quote(CANARY, safe='')}?again={quote(CANARY)}")


async def large(request: web.Request) -> web.Response:
    return web.json_response({"lines": [f"{n} {one}" for n in range(300) for one in forms(CANARY).values()]})


async def poll(request: web.Request) -> web.Response:
    if "asked" in request.query:
        return web.json_response({"done": True, "told": CANARY})
    return web.json_response({"done": False, "next": f"/poll?asked={quote_plus(CANARY)}"}, status=202)


async def broken(request: web.Request) -> web.Response:
    return web.Response(status=500, text=f"No {' '.join(forms(CANARY).values())}", headers={"X-Token": CANARY})


async def chat(request: web.Request) -> web.Response:
    if request.headers["Authorization"] != f"Bearer {MODEL_KEY}" or "denied" in request.path:
        return web.json_response({"error": {"type": "auth", "message": f"Wrong key {MODEL_KEY}, {CANARY}"}}, status=401)
    said = f"Your key is {' '.join(forms(MODEL_KEY).values())}, and {CANARY}."
    choice = {"message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
    return web.json_response(
        {"id": MODEL_KEY, "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    )


@asynccontextmanager
async def leaking() -> AsyncIterator[str]:
    """A server that gives back what it was told in every form."""
    app = web.Application()
    for path, handler in (("/echo{rest:.*}", echo), ("/text", text), ("/moved", moved), ("/large", large)):
        app.router.add_route("*", path, handler)
    for path, handler in (("/poll", poll), ("/broken", broken), ("/{way}/chat/completions", chat)):
        app.router.add_route("*", path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    before = logging.getLogger().handlers, logging.getLogger().level
    yield io.StringIO()
    logging.getLogger().handlers, level = before
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


@asynccontextmanager
async def serving_leaks(folder: Path, log: io.StringIO) -> AsyncIterator[tuple[Running, Sandbox]]:
    (folder / "workflows").mkdir()
    for name, content in (("leaky.yaml", WORKFLOW), ("below.yaml", BELOW), ("code.py", CODE)):
        (folder / "workflows" / name).write_text(content)
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("CANARY", CANARY)
        patch.setenv("MODEL_KEY", MODEL_KEY)
        url = await stack.enter_async_context(leaking())
        models = {
            name: {"kind": "openai", "base_url": f"{url}/{way}", "model": "m", "api_key": "env:MODEL_KEY"}
            for name, way in (("good", "v1"), ("bad", "denied"))
        }
        operator = {"settings": {"leaky": {"base": url}}, "hosts": ["127.0.0.1"]}
        (folder / "models.yaml").write_text(yaml.safe_dump(models))
        (folder / "settings.yaml").write_text(yaml.safe_dump(operator))
        sandbox = Sandbox()
        await stack.enter_async_context(sandbox.running())
        opened = opening(
            settings.load(
                {
                    "SLACK_BOT_TOKEN": sandbox.bot_token,
                    "SLACK_APP_TOKEN": sandbox.app_token,
                    "SLACK_API_URL": sandbox.api_url,
                    "POINTSMAN_DB": str(folder / "leaky.db"),
                    "POINTSMAN_WORKFLOWS": str(folder / "workflows"),
                    "POINTSMAN_SETTINGS": str(folder / "settings.yaml"),
                    "POINTSMAN_MODELS": str(folder / "models.yaml"),
                    "POINTSMAN_RECORD": str(folder / "models.record"),
                }
            )
        )
        logs.configure("json", opened.redactor.text, level="debug", stream=log)
        service = await stack.enter_async_context(running(opened))
        await sandbox.until(lambda: sandbox.connections > 0)
        yield service, sandbox


def leaks(place: str, data: bytes) -> list[str]:
    return [f"{place}: …{data[max(0, at - 200) : at + 60]!r}" for one in needles() if (at := data.find(one)) >= 0]


def written(folder: Path) -> list[str]:
    """Where it stands in what the service wrote, the log of the database included."""
    kept = [file for file in folder.rglob("*") if file.is_file() and file.parent.name != "workflows"]
    return [leak for file in kept for leak in leaks(file.name, file.read_bytes())]


def packed(bundle: Path) -> list[str]:
    with zipfile.ZipFile(bundle) as archive:
        return [leak for name in archive.namelist() for leak in leaks(name, archive.read(name))]


def said_in(sandbox: Sandbox) -> str:
    """Everything that went to Slack and came from it."""
    return json.dumps([entry.as_json() for entry in sandbox.traffic.after()], ensure_ascii=False)


EXPECTED = {
    **dict.fromkeys(
        ("get", "json", "form", "text", "moved", "large", "polled", "python", "model", "items"), "succeeded"
    ),
    **dict.fromkeys(("child", "ask", "tell", "after_all", "command"), "succeeded"),
    **dict.fromkeys(
        ("broken", "misshapen", "unreachable", "unsendable", "failing", "raising", "denied", "last"), "failed"
    ),
}


async def test_a_secret_is_found_nowhere_after_every_kind_of_step_was_done_and_failed(
    tmp_path: Path, log: io.StringIO
) -> None:
    async with serving_leaks(tmp_path, log) as (service, sandbox):
        engine = service.service.engine
        origin = {"surface": "command", "channel": sandbox.workspace.channel("#content").id}
        started = await engine.start("leaky", {"exit": 0}, actor=OPERATOR, origin=origin)
        run = await waits(service.service, started.run)
        run = await engine.wait_for(run.id, lambda one: one.status.finished or one.steps["ask"].gate is not None)
        await engine.perform(run.id, Decide("ask", OPERATOR, "approve", override="to see"))
        run = await ended(service.service, run)
        stood = {key: step.status.value for key, step in run.steps.items() if "[" not in key and "." not in key}
        assert {**stood} == EXPECTED
        assert "‹secret›" in json.dumps(engine.content.value(run.steps["get"].output), ensure_ascii=False)
        second = (await engine.start("leaky", {"exit": 3}, actor=OPERATOR, origin=origin)).run
        second = await ended(service.service, second)
        assert second.error is not None
        assert second.steps["command"].error is not None
        await sandbox.until(lambda: run.name in said_in(sandbox) and second.name in said_in(sandbox))
        await sandbox.until(lambda: service.sender.backlog == 0)

        told: list[Any] = []
        look = Looking(engine.database.read, engine.content, engine.chain, engine.clock.now)
        rows = await engine.database.read(lambda tx: lookups.run_list(tx))
        assert {row.workflow for row in rows} == {"leaky", "below"}
        for row in rows:
            told += [await look.status(Status(ref=row.id)), await look.history(History(ref=row.id))]
            exported(tmp_path / "leaky.db", row.id, tmp_path / "run.zip", over=True)
            assert packed(tmp_path / "run.zip") == []
        told.append(await look.runs(Runs()))
        assert leaks("status and history", json.dumps(told, ensure_ascii=False).encode()) == []
        assert leaks("Slack", said_in(sandbox).encode()) == []
        assert Path(tmp_path / "leaky.db-wal").stat().st_size > 0
        assert written(tmp_path) == []
    assert written(tmp_path) == []
    assert "‹secret›" in (tmp_path / "models.record").read_text()
    assert run.name in log.getvalue() or "run.finished" in log.getvalue()
    assert leaks("log", log.getvalue().encode()) == []


def test_the_needles_are_found_where_a_secret_stands() -> None:
    for secret in (CANARY, MODEL_KEY):
        for name, form in forms(secret).items():
            assert leaks(name, f"before {form} after".encode()), (secret, name)
