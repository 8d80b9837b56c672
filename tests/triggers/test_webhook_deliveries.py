"""Deliveries to webhooks, over real sockets to a real service: proved, put on disk, answered with their run."""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request

import pytest

from tests.support.console import free_port, until
from tests.support.services import sandbox, served, workspace

IDEA = """\
workflow: idea
title: Take an idea
inputs:
  topic: {type: string, maxLength: 40}
  from: {type: string, optional: true}
on:
  - webhook: cms_idea
    verify: {hmac_sha256: "${{ secrets.cms }}"}
    dedupe: "${{ event.body.id }}"
    inputs: {topic: "${{ event.body.title }}", from: "${{ event.headers['x-origin'] }}"}
secrets: {cms: "env:CMS_TOKEN"}
steps:
  note: {uses: transform, with: {line: "${{ inputs.topic }}"}}
outputs: {line: "${{ steps.note.output.line }}"}
"""
PUSHED = """\
workflow: pushed
title: See a push
inputs: {ref: {type: string}}
on:
  - {webhook: push, verify: {token: "${{ secrets.hub }}"}, inputs: {ref: "${{ event.body.ref }}"}}
  - {webhook: shared, inputs: {ref: "${{ event.body.ref }}"}}
secrets: {hub: "env:CMS_TOKEN"}
steps:
  note: {uses: transform, with: {ref: "${{ inputs.ref }}"}}
"""
PAID = """\
workflow: paid
title: Wait for the money
inputs: {order: {type: string, default: none}}
on:
  - {webhook: payment, verify: {hmac_sha256: "${{ secrets.cms }}"}, inputs: {order: "${{ event.body.order }}"}}
  - {webhook: shared, inputs: {order: "${{ event.body.ref }}"}}
secrets: {cms: "env:CMS_TOKEN"}
steps:
  money: {uses: wait, with: {event: {webhook: payment}, timeout: 30d}}
outputs: {sum: "${{ steps.money.output.data.sum }}"}
"""
SECRET = "the-secret-of-the-cms"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    (folder / "workflows").mkdir()
    for text in (IDEA, PUSHED, PAID):
        (folder / "workflows" / f"{text.split()[1]}.yaml").write_text(text)
    with sandbox() as api_url:
        console = workspace(folder, api_url, POINTSMAN_HTTP=f"127.0.0.1:{port}", CMS_TOKEN=SECRET)
        with served(console) as process:
            yield console, process, f"http://127.0.0.1:{port}/hooks"


def send(url, body, **headers):
    """The answer's status and JSON; header names are written with _ for -."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **named})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def signed(url, body, secret=SECRET, header="X_Signature", prefix="", **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    return send(url, data, **{header: prefix + digest}, **headers)


def count(console):
    return len(console.run("runs", "--limit", "1000", "--json").json)


@pytest.mark.parametrize(("header", "prefix"), [("X_Signature", ""), ("X_Hub_Signature_256", "sha256=")])
def test_a_signed_delivery_starts_a_run_with_its_inputs(service, header, prefix):
    console, _, url = service
    body = {"id": header, "title": "Ink"}
    status, told = signed(f"{url}/cms_idea", body, header=header, prefix=prefix, X_Origin="desk 7")
    assert (status, told["existing"]) == (202, False), told
    state = until(
        lambda: (one := console.run("status", told["name"], "--json").json)["ended_at"] and one, "the end of the run"
    )
    assert (state["status"], state["inputs"]) == ("succeeded", {"topic": "Ink", "from": "desk 7"})
    assert state["requester"] == {"kind": "trigger", "id": "webhook:idea/cms_idea", "name": "webhook cms_idea"}
    assert state["origin"] == {"surface": "webhook", "webhook": "idea/cms_idea"}


def test_a_second_delivery_gives_the_first_run_also_after_a_restart_and_with_other_words(tmp_path):
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "idea.yaml").write_text(IDEA)
    with sandbox() as api_url:
        port = free_port()
        console = workspace(tmp_path, api_url, POINTSMAN_HTTP=f"127.0.0.1:{port}", CMS_TOKEN=SECRET)
        url = f"http://127.0.0.1:{port}/hooks/cms_idea"
        with served(console) as process:
            _, first = signed(url, {"id": 7, "title": "Ink"}, X_Origin="a")
            process.signal(9)
            process.wait()
        with served(console):
            status, again = signed(url, {"id": 7, "title": "Ink again"}, X_Origin="b")
            assert (status, again["name"], again["existing"]) == (202, first["name"], True)
            assert signed(url, {"id": 8, "title": "Ink"}, X_Origin="a")[1]["name"] != first["name"]
            assert count(console) == 2


def test_without_dedupe_a_copy_is_known_by_its_content_and_the_senders_number(service):
    _, _, url = service
    names = [
        send(f"{url}/push", {"ref": ref}, X_Webhook_Token=SECRET, X_GitHub_Delivery=number)[1]["name"]
        for ref, number in (("main", "1"), ("main", "1"), ("main", "2"), ("next", "1"))
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 3


@pytest.mark.parametrize("header", ["X_Webhook_Token", "X_Gitlab_Token", "Authorization"])
def test_a_token_is_taken_from_the_headers_that_senders_use(service, header):
    _, _, url = service
    value = f"Bearer {SECRET}" if header == "Authorization" else SECRET
    assert send(f"{url}/push", {"ref": header}, **{header: value})[0] == 202
    assert send(f"{url}/push", {"ref": header}, **{header: value + "x"})[0] == 401


@pytest.mark.parametrize(
    "headers",
    [{}, {"X_Signature": "0" * 64}, {"X_Signature": "sha256="}, {"X_Signature": "é"}, {"X_Webhook_Token": SECRET}],
)
def test_a_delivery_that_proves_nothing_is_refused_and_the_log_holds_no_secret(service, headers):
    console, process, url = service
    before = count(console)
    status, told = send(f"{url}/cms_idea", {"id": "forged", "title": "Ink"}, **headers)
    assert (status, told["error"]["code"]) == (401, "not_proved")
    assert count(console) == before
    process.until('"webhook.refused"')
    assert SECRET not in process.text
    assert "forged" not in process.text


def test_a_signature_over_another_body_is_worth_nothing(service):
    _, _, url = service
    digest = hmac.new(SECRET.encode(), b'{"id": 1, "title": "x"}', hashlib.sha256).hexdigest()
    assert send(f"{url}/cms_idea", b'{"id": 1, "title": "y"}', X_Signature=digest)[0] == 401


@pytest.mark.parametrize("body", [b"{", b"topic=Ink", b"\xff\xfe", b'{"a": NaN}', b"[" * 5_000])
def test_a_body_that_is_no_json_is_told_so_after_it_proved_itself(service, body):
    _, _, url = service
    assert send(f"{url}/cms_idea", body)[0] == 401
    status, told = signed(f"{url}/cms_idea", body)
    assert (status, told["error"]["code"]) == (400, "bad_request"), told


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"id": "a"}, {"topic"}),
        ({"id": "b", "title": 7}, {"topic"}),
        ({"id": "c", "title": "x" * 41}, {"topic"}),
        ({"title": "Ink"}, {"dedupe"}),
        ({"id": None, "title": "Ink"}, {"dedupe"}),
        ([], {"topic", "from"}),
        (b"", {"topic", "from"}),
    ],
)
def test_what_does_not_fit_is_told_input_by_input_and_starts_nothing(service, body, wrong):
    console, _, url = service
    before = count(console)
    given = {} if wrong == {"topic", "from"} else {"X_Origin": "a"}
    status, told = signed(f"{url}/cms_idea", body, **given)
    assert status == 422, told
    assert {one["name"] for one in told["error"]["problems"]} == wrong
    assert count(console) == before


def test_what_may_not_start_now_is_answered_so_that_senders_try_again(service):
    console, _, url = service
    assert console.run("disable", "pushed", "The hub is down").code == 0
    try:
        status, told = send(f"{url}/push", {"ref": "later"}, X_Webhook_Token=SECRET)
        assert (status, "The hub is down" in told["error"]["message"]) == (503, True), told
    finally:
        assert console.run("enable", "pushed").code == 0
    assert send(f"{url}/push", {"ref": "later"}, X_Webhook_Token=SECRET)[0] == 202


def test_a_delivery_reaches_the_run_that_its_address_names(service):
    console, _, url = service
    started = console.run("run", "paid", "order=A", "--json").json
    other = console.run("run", "paid", "order=B", "--json").json
    status, told = signed(f"{url}/payment?run={started['run']}", {"order": "A", "sum": 9})
    assert (status, told["run"]) == (202, started["run"]), told
    state = until(lambda: (one := console.run("status", started["run"], "--json").json)["ended_at"] and one, "the end")
    assert (state["status"], state["outputs"]) == ("succeeded", {"sum": 9})
    assert console.run("status", other["run"], "--json").json["status"] == "running"
    again = signed(f"{url}/payment?run={started['run']}", {"order": "A", "sum": 9})
    assert (again[0], again[1]["run"]) == (202, started["run"])  # a copy
    late = signed(f"{url}/payment?run={started['run']}", {"order": "A", "sum": 10})
    assert (late[0], late[1]["error"]["code"]) == (409, "run_finished")
    assert signed(f"{url}/payment?run=R-NONE", {"sum": 1})[0] == 404
    idea = signed(f"{url}/cms_idea", {"id": "other workflow", "title": "Ink"}, X_Origin="a")[1]
    assert signed(f"{url}/payment?run={idea['run']}", {"sum": 1})[0] == 404


def test_a_copy_sent_to_another_run_changes_nothing(service):
    console, _, url = service
    one, two = (console.run("run", "paid", f"order={name}", "--json").json["run"] for name in "CD")
    assert signed(f"{url}/payment?run={one}", {"order": "C", "sum": 1})[1]["run"] == one
    assert signed(f"{url}/payment?run={two}", {"order": "C", "sum": 1})[1]["run"] == one
    assert console.run("status", two, "--json").json["status"] == "running"


def test_a_name_that_two_workflows_bear_is_sent_to_one_of_them(service):
    _, _, url = service
    status, told = send(f"{url}/shared", {"ref": "x"})
    assert (status, told["error"]["code"]) == (404, "which_webhook")
    assert send(f"{url}/pushed/shared", {"ref": "x"})[0] == 202
    assert send(f"{url}/nothing", {"ref": "x"})[0] == 404
    assert send(f"{url}/pushed/cms_idea", {"ref": "x"})[0] == 404


def test_a_body_that_is_too_large_is_not_read(service):
    _, _, url = service
    status, told = send(f"{url}/cms_idea", b'"' + b"x" * 1_100_000 + b'"')
    assert (status, told["error"]["code"]) == (413, "http")


def test_what_is_private_in_headers_and_query_reaches_no_expression():
    from engine.webhooks import Delivery

    headers = {
        "authorization": "Bearer x",
        "cookie": "a=b",
        "x-api-key": "k",
        "x-hub-signature-256": "s",
        "x-forwarded-for": "10.0.0.1",
        "x-github-event": "push",
        "user-agent": "u" * 2_000,
        "x-origin": "caf\udce9",
        "host": "h",
    }
    event = Delivery(b"{}", headers, {"access_token": "t", "page": "2"}).event()
    assert event["headers"] == {"x-github-event": "push", "user-agent": "u" * 1_000, "x-origin": "caf?"}
    assert event["query"] == {"page": "2"}
