"""The demo as a newcomer meets it: one command, a browser's requests, and every example from start to end."""

import json
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.console import Console, free_port, until

ROOT = Path(__file__).parents[2]


class Browser:
    """What the page does, by the addresses it uses."""

    def __init__(self, url):
        self.url = url

    def get(self, address, accept="application/json"):
        request = urllib.request.Request(self.url + address, headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read().decode()
        return json.loads(text) if accept == "application/json" else text

    def act(self, person, do, **details):
        body = json.dumps({"as": person, "do": do, **details}).encode()
        headers = {"Content-Type": "application/json", "Origin": self.url}
        request = urllib.request.Request(f"{self.url}/sandbox/act", body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def messages(self, channel, thread_ts=""):
        thread = f"&thread_ts={thread_ts}" if thread_ts else ""
        return self.get(f"/sandbox/messages?as=U0MINA&channel={channel}{thread}")["messages"]

    def root(self, channel, words):
        """The run's own message, once it says these words."""

        def look():
            said = [one for one in self.messages(channel) if not one.get("ephemeral")]
            return next((one for one in said if words in json.dumps(one, ensure_ascii=False)), None)

        return until(look, f"a message with {words!r} in {channel}")

    def reply(self, channel, ts, words):
        def look():
            replies = self.messages(channel, ts)[1:]
            return next((one for one in replies if words in json.dumps(one, ensure_ascii=False)), None)

        return until(look, f"a reply with {words!r}")


def button(message, action_id):
    for block in message["blocks"]:
        for element in block.get("elements", ()):
            if element.get("action_id") == action_id:
                return {"block_id": block["block_id"], "action_id": action_id, "value": element["value"]}
    raise AssertionError(f"no {action_id} in {json.dumps(message['blocks'])[:2000]}")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("demo"), free_port()
    console = Console(folder, POINTSMAN_WORKFLOWS=str(ROOT / "workflows"))
    with console.started("demo", "--no-open", "--port", str(port), "--data", str(folder / "town")) as process:
        process.until("Ctrl-C stops it")
        browser = Browser(f"http://127.0.0.1:{port}")
        yield console, browser, process


def test_the_address_and_three_things_to_try_are_printed(demo):
    _, browser, process = demo
    assert f"Pointsman demo: {browser.url}" in process.text
    assert len(re.findall(r"^  [123]\. ", process.text, re.MULTILINE)) == 3
    assert "recorded model answers; set POINTSMAN_MODELS for live ones" in process.text
    assert (
        browser.get("/sandbox/state?as=U0MINA")["banner"]
        == "recorded model answers; set POINTSMAN_MODELS for live ones"
    )


def test_a_post_is_drafted_approved_checked_and_published(demo):
    _, browser, _ = demo
    browser.act("U0MINA", "command", channel="C0CONTENT", text='/flow run publish_post topic="Why paper books last"')
    root = browser.root("C0CONTENT", "Publish a blog post")
    card = browser.reply("C0CONTENT", root["ts"], "gate_approve")
    assert "Why a book on good paper outlives its reader" in json.dumps(card)
    click = button(card, "gate_approve")
    browser.act("U0ADA", "click", channel="C0CONTENT", ts=card["ts"], **click)
    end = browser.reply("C0CONTENT", root["ts"], "/posts/1")
    url = re.search(r"http://127\.0\.0\.1:\d+/posts/1", json.dumps(end)).group()
    page = Browser(url).get("", accept="text/html")
    assert "<h1>Why a book on good paper outlives its reader</h1>" in page
    assert "https://www.iso.org/standard/17562.html" in page


def test_an_easy_ticket_is_answered_at_once(demo):
    console, browser, _ = demo
    line = '/flow run route_ticket subject="My parcel" message="Where is my parcel?"'
    browser.act("U0MINA", "command", channel="C0SUPPORT", text=line)
    root = browser.root("C0SUPPORT", "Route a support ticket")
    browser.reply("C0SUPPORT", root["ts"], "/tickets/1")
    found = console.run("runs", "--workflow", "route_ticket", "--json", POINTSMAN_DB="town/pointsman.db").json
    assert [(one["status"], one["outputs"]["queue"]) for one in found] == [("succeeded", "orders")]


def test_a_doubtful_line_of_a_document_is_looked_at_and_the_document_is_indexed(demo):
    console, browser, _ = demo
    browser.act("U0MINA", "command", channel="C0INTAKE", text="/flow run intake_document file=samples/invoice-2304.txt")
    root = browser.root("C0INTAKE", "Take in a document")
    card = browser.reply("C0INTAKE", root["ts"], "gate_approve")
    assert "the price list says 100.00, the document 95.00" in json.dumps(card)
    browser.act("U0OMAR", "click", channel="C0INTAKE", ts=card["ts"], **button(card, "gate_approve"))

    def done():
        answer = console.run("runs", "--workflow", "intake_document", "--json", POINTSMAN_DB="town/pointsman.db")
        return [one["outputs"] for one in answer.json if one["status"] == "succeeded"]

    ((outputs,),) = [until(done, "the end of the run")]
    assert (outputs["id"], outputs["number"], outputs["total"]) == (1, "LP-2304", "263.00")
    assert (console.folder / "town" / "documents.db").exists()


def test_prompts_are_evaluated_by_command(demo):
    console, browser, _ = demo
    browser.act("U0MINA", "command", channel="C0CONTENT", text="/flow run evaluate_prompts")

    def done():
        answer = console.run("runs", "--workflow", "evaluate_prompts", "--json", POINTSMAN_DB="town/pointsman.db")
        return [one["outputs"] for one in answer.json if one["status"] == "succeeded"]

    (outputs,) = until(done, "the end of the run")
    assert outputs["use_candidate"] is True
    assert "There is no last time to compare with." in outputs["chart"]


def test_manuscripts_are_summarised_and_the_doubtful_ones_are_asked_about_on_one_card(demo):
    console, browser, _ = demo
    doubtful = ("ferry-timetable", "remedies-of-the-hedge", "untitled")
    browser.act("U0MINA", "command", channel="C0CONTENT", text="/flow run summarise_batch")

    def waits():
        answer = console.run("runs", "--workflow", "summarise_batch", "--json", POINTSMAN_DB="town/pointsman.db")
        states = [console.run("status", one["run"], "--json", POINTSMAN_DB="town/pointsman.db") for one in answer.json]
        asked = [(one.json["run"], json.dumps(one.json["waiting_for"])) for one in states]
        return [run for run, waiting_for in asked if all(name in waiting_for for name in doubtful)]

    (run,) = until(waits, "the gates about the doubtful manuscripts")
    root = browser.root("C0CONTENT", "Summarise manuscripts")
    browser.reply("C0CONTENT", root["ts"], "0 of 3 decided")
    for name in doubtful:
        review = ("approve", run, f"manuscripts.review[{name}]", "--override", "The editors are away", "--json")
        assert console.run(*review, POINTSMAN_DB="town/pointsman.db").code == 0

    def manifest():
        found = console.run("status", run, "--json", POINTSMAN_DB="town/pointsman.db").json
        return found["outputs"] and found["outputs"]["manifest"]

    made = until(manifest, "the manifest")
    assert {one["manuscript"] for one in made["summaries"]} == {*doubtful, "salt-and-flour", "the-lamp-room"}


def test_a_failure_is_told_where_failures_are_told(demo):
    _, browser, _ = demo
    browser.act("U0MINA", "command", channel="C0CONTENT", text="/flow run send_to_printer")
    alert = browser.root("C0CALERTS", "503")
    assert "Order the print run" in json.dumps(alert) or "send" in json.dumps(alert)


def test_a_second_demo_on_the_same_port_says_where_to_go(demo):
    console, browser, _ = demo
    port = browser.url.rpartition(":")[2]
    ended = console.run("demo", "--no-open", "--port", port)
    assert ended.code == 4
    assert f"Port {port} is in use." in ended.err
    assert browser.url in ended.err
    assert "--port" in ended.err


def test_ctrl_c_stops_it_cleanly_and_a_named_folder_is_taken_up_again(tmp_path):
    port, data = free_port(), tmp_path / "kept"
    console = Console(tmp_path, POINTSMAN_WORKFLOWS=str(ROOT / "workflows"))
    words = ("demo", "--no-open", "--json", "--port", str(port), "--data", str(data))
    with console.started(*words) as process:
        process.until("}")
        browser = Browser(f"http://127.0.0.1:{port}")
        browser.act("U0MINA", "command", channel="C0CONTENT", text="/flow run publish_post topic=Lighthouses")
        root = browser.root("C0CONTENT", "Publish a blog post")
        card = browser.reply("C0CONTENT", root["ts"], "gate_approve")
        process.signal(signal.SIGINT)
        assert process.wait() == 0
        assert "Traceback" not in process.text
    with console.started(*words) as process:
        process.until("}")
        browser.act("U0ADA", "click", channel="C0CONTENT", ts=card["ts"], **button(card, "gate_approve"))
        browser.reply("C0CONTENT", root["ts"], "/posts/1")


def test_without_a_folder_nothing_is_left_behind(tmp_path):
    port = free_port()
    console = Console(tmp_path, POINTSMAN_WORKFLOWS=str(ROOT / "workflows"), TMPDIR=str(tmp_path))
    with console.started("demo", "--no-open", "--port", str(port)) as process:
        process.until("Ctrl-C stops it")
        assert list(tmp_path.glob("pointsman-demo-*"))
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
    assert list(tmp_path.iterdir()) == []
