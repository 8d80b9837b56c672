"""The page's HTTP interface, who may use it, and what survives a restart."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import anyio
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import Sandbox
from tests.support.bolt_app import bolt_app, by_socket, web_client
from tests.support.hand_clock import HandClock

pytestmark = pytest.mark.anyio


class Page:
    """A browser, as far as the server can tell."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.url = sandbox.url
        self.session = session

    async def get(self, path: str) -> dict:
        async with self.session.get(f"{self.url}{path}") as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def act(self, do: str, status: int = 200, person: str = "U0ADA", **details: object) -> dict:
        body = {"as": person, "do": do, **details}
        async with self.session.post(f"{self.url}/sandbox/act", json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session:
        yield Page(sandbox, session)


async def test_the_state_shows_what_one_person_sees(page: Page) -> None:
    ada = await page.get("/sandbox/state?as=U0ADA")
    gus = await page.get("/sandbox/state?as=gus")
    nora = await page.get("/sandbox/state?as=U0NORA")
    names = {one["name"]: one for one in ada["channels"]}
    assert (names["general"]["member"], names["partners"]["shared"]) == (True, True)
    assert "private-legal" not in names
    assert "private-legal" in {one["name"] for one in nora["channels"]}
    assert {one["name"] for one in gus["channels"]} == {"content", "gus"}
    assert {one["command"] for one in ada["commands"]} == {"/flow", "/invite"}
    assert next(one for one in ada["people"] if one["id"] == "U0OTTO")["is_outsider"]
    assert ada["app"]["bot_user_id"] == "U0BOT"
    assert set(names["partners"]["members"]) >= {"U0ADA", "U0OTTO", "U0BOT"}
    assert "U0GUS" not in names["general"]["members"]


async def test_the_state_holds_the_windows_that_a_person_has_open(
    page: Page, sandbox: Sandbox, client: AsyncWebClient
) -> None:
    said = {"type": "section", "text": {"type": "plain_text", "text": "Hello"}}
    view = {"type": "modal", "title": {"type": "plain_text", "text": "A window"}, "blocks": [said]}
    assert (await page.get("/sandbox/state?as=U0ADA"))["home"] is None
    await client.views_publish(user_id="U0ADA", view={"type": "home", "blocks": [said]})
    for _ in range(2):
        trigger = sandbox.parts.triggers.mint("U0ADA", view_id=_top(await page.get("/sandbox/state?as=U0ADA")))
        await client.views_open(trigger_id=trigger, view=view)
    ada = await page.get("/sandbox/state?as=U0ADA")
    assert ada["home"]["blocks"][0]["text"]["text"] == "Hello"
    assert [one["title"]["text"] for one in ada["views"]] == ["A window", "A window"]
    assert ada["views"][1]["previous_view_id"] == ada["views"][0]["id"]
    ravi = await page.get("/sandbox/state?as=U0RAVI")
    assert (ravi["home"], ravi["views"]) == (None, [])


def _top(state: dict) -> str | None:
    return state["views"][-1]["id"] if state["views"] else None


async def test_messages_hold_own_ephemerals_in_order_and_reading_clears_unread(
    page: Page, client: AsyncWebClient
) -> None:
    await client.chat_postMessage(channel="C0GENERAL", text="one")
    await client.chat_postEphemeral(channel="C0GENERAL", user="U0ADA", text="two")
    await client.chat_postMessage(channel="C0GENERAL", text="three")
    state = await page.get("/sandbox/state?as=U0ADA")
    assert next(one for one in state["channels"] if one["id"] == "C0GENERAL")["unread"] == 2
    seen = (await page.get("/sandbox/messages?as=U0ADA&channel=C0GENERAL"))["messages"]
    assert [(one["text"], one.get("ephemeral", False)) for one in seen] == [
        ("one", False),
        ("two", True),
        ("three", False),
    ]
    others = (await page.get("/sandbox/messages?as=U0RAVI&channel=C0GENERAL"))["messages"]
    assert [one["text"] for one in others] == ["one", "three"]
    state = await page.get("/sandbox/state?as=U0ADA")
    assert next(one for one in state["channels"] if one["id"] == "C0GENERAL")["unread"] == 0


async def test_the_live_line_pushes_what_this_person_may_see(
    page: Page, sandbox: Sandbox, client: AsyncWebClient
) -> None:
    async with page.session.ws_connect(f"{page.url}/sandbox/live?as=U0ADA") as line:
        await client.chat_postEphemeral(channel="C0GENERAL", user="U0RAVI", text="not for ada")
        posted = await client.chat_postMessage(channel="C0GENERAL", text="hello")
        await client.chat_update(channel="C0GENERAL", ts=posted["ts"], text="hello again")
        await client.chat_delete(channel="C0GENERAL", ts=posted["ts"])
        await sandbox.act_as("ada").command("/flow", "x")
        items = []
        while not items or items[-1]["type"] != "ephemeral":
            items.append(json.loads((await line.receive(timeout=5)).data))
    kinds = [one["type"] for one in items if one["type"] != "traffic"]
    assert kinds == ["message", "message_changed", "message_deleted", "warning", "ephemeral"]
    assert [one["entry"]["method"] for one in items if one["type"] == "traffic"][-1] == "slash_commands"


async def test_people_act_through_the_page(page: Page, sandbox: Sandbox, client: AsyncWebClient) -> None:
    app = bolt_app(sandbox, client)
    title = {"type": "plain_text", "text": "x"}
    field = {
        "type": "input",
        "block_id": "b",
        "label": title,
        "element": {"type": "plain_text_input", "action_id": "a"},
    }
    button = {"type": "button", "action_id": "go", "value": "1", "text": title}
    bodies = []

    @app.command("/flow")
    async def flow(ack, command, client) -> None:
        await ack("fine")
        view = {"type": "modal", "callback_id": "f", "title": title, "submit": title, "blocks": [field]}
        await client.views_open(trigger_id=command["trigger_id"], view=view)

    @app.view("f")
    async def form(ack, body) -> None:
        bodies.append(body)
        await ack()

    @app.action("go")
    async def go(ack, body) -> None:
        bodies.append(body)
        await ack()

    async with by_socket(sandbox, app):
        assert (await page.act("command", channel="C0GENERAL", text="/flow list"))["text"] == "fine"
        await sandbox.until(lambda: sandbox.act_as("ada").open_views)
        view_id = sandbox.act_as("ada").open_views[0]["id"]
        empty = await page.act("submit_view", view_id=view_id, values={})
        assert empty["errors"] == {"b": "Please complete this required field."}
        values = {"b": {"a": {"type": "plain_text_input", "value": "typed"}}}
        assert (await page.act("submit_view", view_id=view_id, values=values))["closed"]
        blocks = [{"type": "actions", "block_id": "act", "elements": [button]}]
        ts = (await client.chat_postMessage(channel="C0GENERAL", text="?", blocks=blocks))["ts"]
        assert (await page.act("click", channel="C0GENERAL", ts=ts, block_id="act", action_id="go", value="1"))["ok"]
    assert [one["type"] for one in bodies] == ["view_submission", "block_actions"]
    assert bodies[0]["view"]["state"]["values"]["b"]["a"]["value"] == "typed"


async def test_what_a_person_cannot_do_is_said_in_words(page: Page) -> None:
    assert "a person cannot 'fly'" in (await page.act("fly", status=400))["error"]
    assert "is not in #random" in (await page.act("say", 400, "U0GUS", channel="C0RANDOM", text="x"))["error"]
    assert "'channel' is missing" in (await page.act("say", 400, text="x"))["error"]
    assert "nobody here is called" in (await page.act("say", 404, "U0NOBODY", channel="C0GENERAL", text="x"))["error"]


async def test_an_uploaded_file_is_shown_and_the_app_reads_it_with_its_token(
    page: Page, sandbox: Sandbox, client: AsyncWebClient
) -> None:
    async with page.session.post(f"{page.url}/sandbox/upload?as=U0ADA&name=data.csv", data=b"a,b\n1,2\n") as answer:
        file = (await answer.json())["file"]
    await page.act("say", channel="C0GENERAL", text="@flow index this", files=[file["id"]])
    message = sandbox.workspace.messages("#general")[-1]
    assert (message["subtype"], message["files"][0]["name"]) == ("file_share", "data.csv")
    record = (await client.files_info(file=file["id"]))["file"]
    async with page.session.get(record["url_private_download"]) as answer:
        assert "Sign in" in await answer.text()
    headers = {"Authorization": f"Bearer {sandbox.bot_token}"}
    async with page.session.get(record["url_private_download"], headers=headers) as answer:
        assert await answer.read() == b"a,b\n1,2\n"
    async with page.session.get(record["permalink"]) as answer:
        assert answer.headers["Content-Disposition"] == "attachment"


async def test_the_app_uploads_a_file_in_two_steps(client: AsyncWebClient, sandbox: Sandbox) -> None:
    answer = await client.files_upload_v2(
        channel="C0GENERAL", filename="log.txt", content="it failed", title="The log", initial_comment="see"
    )
    message = sandbox.workspace.messages("#general")[-1]
    assert (message["text"], message["files"][0]["title"]) == ("see", "The log")
    assert sandbox.parts.files.content(answer["files"][0]["id"]) == b"it failed"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80", "Origin": "http://evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
)
async def test_other_names_and_origins_are_refused(page: Page, headers: dict[str, str]) -> None:
    for path in ("/sandbox/state?as=U0ADA", "/sandbox/live?as=U0ADA", "/api/api.test", "/"):
        async with page.session.get(f"{page.url}{path}", headers=headers) as answer:
            assert answer.status == 403


async def test_the_page_and_its_parts_are_served(page: Page) -> None:
    async with page.session.get(f"{page.url}/") as answer:
        assert answer.content_type == "text/html"
    async with page.session.get(f"{page.url}/page/../server.py") as answer:
        assert answer.status == 404


async def test_faults_and_settings_are_changed_from_the_page(
    page: Page, sandbox: Sandbox, client: AsyncWebClient
) -> None:
    fault = {"method": "chat.update", "kind": "delay", "times": 2, "ms": 10}
    async with page.session.post(f"{page.url}/sandbox/faults", json=fault) as answer:
        assert (await answer.json())["faults"] == [fault]
    async with page.session.post(f"{page.url}/sandbox/faults", json={"method": "x", "kind": "y"}) as answer:
        assert answer.status == 400
    async with page.session.delete(f"{page.url}/sandbox/faults") as answer:
        assert (await answer.json())["faults"] == []
    async with page.session.post(f"{page.url}/sandbox/settings", json={"limits": False, "edit_window_ms": 5}) as answer:
        assert (await answer.json())["ok"]
    assert (sandbox.limits.enabled, sandbox.settings.edit_window_ms) == (False, 5)
    await client.api_test()
    traffic = (await page.get("/sandbox/traffic?after=0"))["traffic"]
    assert [one["method"] for one in traffic] == ["api.test"]
    assert (await page.get(f"/sandbox/traffic?after={traffic[-1]['n']}"))["traffic"] == []


async def test_a_wait_in_vain_shows_what_was_said(sandbox: Sandbox) -> None:
    await sandbox.act_as("ada").say("#general", "hello")
    with pytest.raises(AssertionError, match=r"it did not happen within 0\.02 s(.|\n)*#general(.|\n)*'hello'"):
        await sandbox.until(lambda: False, deadline_seconds=0.02)


async def test_a_restarted_sandbox_keeps_what_was_said(tmp_path: Path, clock: HandClock) -> None:
    data = tmp_path / "slack.json"
    before = Sandbox(clock=clock, data=data)
    key = {"event_type": "run", "event_payload": {"k": "1"}}
    async with before.running(), web_client(before) as client:
        root = (await client.chat_postMessage(channel="C0GENERAL", text="root", metadata=key))["ts"]
        await before.act_as("ada").say("#general", "reply", thread_ts=root, files=[("a.txt", b"content")])
        before.change_group("editors", ["mina"])
    after = Sandbox(clock=clock, data=data)
    async with after.running(), web_client(after) as client:
        assert [one["text"] for one in after.workspace.thread("#general", root)] == ["root", "reply"]
        assert after.workspace.messages("#general")[0]["metadata"] == key
        assert after.workspace.group("editors").users == ("U0MINA",)
        file = after.workspace.thread("#general", root)[1]["files"][0]
        assert file["url_private"].startswith(after.url)
        assert after.parts.files.content(file["id"]) == b"content"
        assert (await client.chat_postMessage(channel="C0GENERAL", text="later"))["ts"] > root
        await client.chat_update(channel="C0GENERAL", ts=root, text="still ours")


async def test_no_id_of_a_restarted_sandbox_was_seen_before(tmp_path: Path, clock: HandClock) -> None:
    seen: list[set[str]] = []
    for _ in range(2):
        sandbox = Sandbox(clock=clock, data=tmp_path / "slack.json")
        async with sandbox.running():
            parts = sandbox.parts
            urls = parts.response_urls.mint(user_id="U0ADA", channel_id="C0GENERAL").rpartition("/")[2]
            event = parts.workspace.mint_id("Ev")
            seen.append({*(parts.triggers.mint("U0ADA") for _ in range(5)), urls, event})
    assert seen[0].isdisjoint(seen[1])


async def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    data = tmp_path / "slack.json"
    data.write_text("{}")
    with pytest.raises(ValueError, match="move it away"):
        Sandbox(data=data)


SERVING = """
import sys, anyio
from pathlib import Path
from bot.sandbox.server import serve
anyio.run(lambda: serve(0, Path(sys.argv[1]), tell=lambda sandbox: print(sandbox.url, sandbox.bot_token, flush=True)))
"""


async def test_a_killed_sandbox_comes_back_with_everything_it_answered_for(tmp_path: Path) -> None:
    data = tmp_path / "slack.json"
    posted = []
    for n in range(2):
        process = subprocess.Popen([sys.executable, "-c", SERVING, str(data)], stdout=subprocess.PIPE, text=True)
        try:
            url, token = (await anyio.to_thread.run_sync(process.stdout.readline)).split()
            async with aiohttp.ClientSession() as session:
                client = AsyncWebClient(token=token, base_url=f"{url}/api/", session=session)
                posted.append((await client.chat_postMessage(channel="C0GENERAL", text=f"life {n}"))["ts"])
                history = (await client.conversations_history(channel="C0GENERAL"))["messages"]
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
    assert [one["ts"] for one in reversed(history)] == posted


async def test_a_failure_inside_comes_out_as_it_is_and_the_address_stays(clock: HandClock) -> None:
    sandbox = Sandbox(clock=clock)

    async def fail() -> None:
        async with sandbox.running():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    port = sandbox.port
    async with sandbox.running(), web_client(sandbox) as client:
        assert sandbox.port == port
        assert (await client.auth_test())["ok"]
