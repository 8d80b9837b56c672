"""The doctor: what is wrong is found, said in a sentence, and comes with its cure."""

import json
import socket

import pytest
from aiohttp import web

from bot import settings
from bot.doctor import reach
from bot.sandbox.apps import App
from bot.sandbox.people import default_workspace
from bot.sandbox.server import Sandbox
from engine.definitions import load
from engine.models import Models
from tests.support.console import Console, free_port


@pytest.fixture
def console(tmp_path):
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "hello.yaml").write_text(
        "workflow: hello\nsteps: {a: {uses: transform, with: {said: hi}}}\n"
    )
    return Console(tmp_path)


def findings(console, **given):
    ended = console.run("doctor", "--json", **given)
    return ended.code, {one["part"]: one for one in ended.json}


def test_without_slack_and_models_it_warns_and_ends_with_0(console):
    code, found = findings(console)
    assert code == 0
    assert (found["settings"]["state"], found["models"]["state"]) == ("warn", "warn")
    assert "SLACK_BOT_TOKEN" in found["settings"]["message"]
    assert (found["database"]["state"], found["workflows"]["state"]) == ("ok", "ok")
    assert all(one["cure"] for one in found.values() if one["state"] != "ok")


def test_a_wrong_setting_is_all_it_can_say(console):
    code, found = findings(console, POINTSMAN_HTTP="nowhere")
    assert code == 1
    assert (list(found), found["settings"]["state"]) == (["settings"], "fail")


def test_a_damaged_database_fails(console):
    console.run("run", "hello")
    path = console.folder / "pointsman.db"
    data = bytearray(path.read_bytes())
    data[100:8000] = b"\xff" * 7900
    path.write_bytes(bytes(data))
    code, found = findings(console)
    assert (code, found["database"]["state"]) == (1, "fail")
    assert "backup" in found["database"]["cure"]


def test_a_broken_workflow_fails_and_points_to_check(console):
    (console.folder / "workflows" / "bad.yaml").write_text("workflow: bad\n")
    code, found = findings(console)
    assert (code, found["workflows"]["state"]) == (1, "fail")
    assert "pointsman check" in found["workflows"]["cure"]


def test_it_reads_well_at_a_terminal_too(console):
    ended = console.run("doctor")
    assert "ok    workflows: 1 are sound" in ended.out
    assert "WARN  models:" in ended.out


def test_a_models_file_is_tried_out(console):
    port = free_port()
    path = console.folder / "models.yaml"
    path.write_text(json.dumps({"writer": {"kind": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "model": "m"}}))
    code, found = findings(console, POINTSMAN_MODELS="models.yaml")
    assert (code, found["model writer"]["state"]) == (1, "fail")
    assert f"http://127.0.0.1:{port}/v1 cannot be reached" in found["model writer"]["message"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("kind", "header", "key", "state"),
    [
        ("openai", "Authorization", "Bearer right-key", "ok"),
        ("anthropic", "x-api-key", "right-key", "ok"),
        ("openai", "Authorization", "Bearer another-key", "fail"),
    ],
)
async def test_a_key_that_the_endpoint_does_not_take_fails(kind, header, key, state):
    async def listed(request):
        return web.json_response({}, status=200 if request.headers.get(header) == key else 401)

    application = web.Application()
    application.router.add_get("/v1/models", listed)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        entry = {
            "kind": kind,
            "base_url": f"http://127.0.0.1:{runner.addresses[0][1]}/v1",
            "model": "m",
            "api_key": "env:KEY",
        }
        (found,) = await reach.models(Models.parse({"writer": entry}, "models.yaml", {"KEY": "right-key"}))
    finally:
        await runner.cleanup()
    assert found.state == state
    assert "right-key" not in found.message + found.cure


@pytest.mark.anyio
async def test_methods_that_slack_does_not_offer_are_named_with_what_goes_without_them():
    sandbox = Sandbox()
    sandbox.disable_methods({"usergroups.list", "chat.update"})
    async with sandbox.running():
        given = settings.load(
            {
                "SLACK_BOT_TOKEN": sandbox.bot_token,
                "SLACK_APP_TOKEN": sandbox.app_token,
                "SLACK_API_URL": sandbox.api_url,
            }
        )
        found = {one.message.split()[0]: one for one in await reach.slack(given) if one.part == "methods"}
    assert {name: one.state for name, one in found.items()} == {"usergroups.list": "warn", "chat.update": "fail"}
    assert "operator's settings file" in found["usergroups.list"].message


@pytest.mark.anyio
async def test_looking_at_slack_leaves_no_trace_in_it():
    sandbox = Sandbox()
    async with sandbox.running():
        given = settings.load({"SLACK_BOT_TOKEN": sandbox.bot_token, "SLACK_API_URL": sandbox.api_url})
        found = await reach.slack(given)
        said = [sandbox.workspace.messages(channel) for channel in ("C0GENERAL", "C0CONTENT", "D0ADA")]
    assert {one.state for one in found} == {"ok"}
    assert said == [[], [], []]


@pytest.mark.anyio
async def test_a_slack_that_does_not_answer_is_one_finding():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/api/"
        given = settings.load({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_API_URL": address})
        (found,) = await reach.slack(given)
    assert (found.state, address in found.message) == ("fail", True)


@pytest.mark.anyio
async def test_people_groups_and_channels_that_are_not_there_are_named_with_their_workflow(tmp_path):
    (tmp_path / "post.yaml").write_text(
        """\
workflow: post
owner: nobody@nowhere.example
channel: "#nonexistent"
alerts: {failed: "#intake"}
steps:
  ask: {uses: approval, with: {question: "Go on?", approvers: ["@nosuchgroup", "@support", "@ours", U0NOBODY]}}
"""
    )
    loaded = load([tmp_path])
    assert not loaded.broken, loaded.problems
    sandbox = Sandbox()
    async with sandbox.running():
        given = settings.load({"SLACK_BOT_TOKEN": sandbox.bot_token, "SLACK_API_URL": sandbox.api_url})
        everything = await reach.slack(given, loaded.definitions, {"ours": ["U0ADA"]})
    found = [one for one in everything if one.part == "references"]
    assert {one.state for one in found} == {"warn"}
    named = [one.message.removeprefix("post names ").split(",")[0] for one in found]
    assert named == ["nobody@nowhere.example", "#nonexistent", "@nosuchgroup", "U0NOBODY"]
    assert all(one.cure for one in found)


LISTENS = """\
workflow: listens
inputs: {text: string}
on:
  - {message: "#intake", inputs: {text: "${{ event.text }}"}}
  - {message: "#random", inputs: {text: "${{ event.text }}"}}
  - {message: "#partners", inputs: {text: "${{ event.text }}"}}
  - {message: "#nowhere", inputs: {text: "${{ event.text }}"}}
steps: {a: {uses: transform, with: {said: "${{ inputs.text }}"}}}
"""


@pytest.mark.anyio
@pytest.mark.parametrize("may_read", [True, False])
async def test_each_channel_that_a_workflow_listens_to_is_looked_at(tmp_path, may_read):
    (tmp_path / "listens.yaml").write_text(LISTENS)
    app = App() if may_read else App(scopes=App().scopes - {"channels:history"})
    sandbox = Sandbox(default_workspace(app))
    async with sandbox.running():
        given = settings.load({"SLACK_BOT_TOKEN": sandbox.bot_token, "SLACK_API_URL": sandbox.api_url})
        told = await reach.slack(given, load([tmp_path]).definitions)
    found = {one.message.split()[2]: one for one in told if one.part == "messages"}
    assert found.keys() == {"#intake", "#random", "#partners"}
    if not may_read:
        assert {one.state for one in found.values()} == {"fail"}
        assert "lacks channels:history" in found["#intake"].message
        return
    assert {name: one.state for name, one in found.items()} == {"#intake": "ok", "#random": "warn", "#partners": "warn"}
    assert "Messages in #intake start listens" in found["#intake"].message
    assert "/invite @flow in #random" in found["#random"].cure
    assert "another organisation" in found["#partners"].message
    assert "#nowhere" in next(one.message for one in told if one.part == "references")
