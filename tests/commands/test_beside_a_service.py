"""Commands beside a running service: it carries them out, and they answer as they do alone."""

import json
import socket
import stat
import urllib.error
import urllib.request

import pytest

from tests.support.console import Console, free_port, until
from tests.support.services import SIGNING_SECRET, heard, sandbox, served, workspace

GREETING = """\
workflow: greet
title: Greet somebody
channel: "#general"
inputs:
  name: {type: string, default: world}
steps:
  text: {uses: transform, with: {line: "Hello, ${{ inputs.name }}!"}}
outputs: {line: "${{ steps.text.output.line }}"}
"""
GATED = """\
workflow: gated
title: Wait for somebody
channel: "#general"
steps:
  ask:
    uses: approval
    with: {question: "Go on?", approvers: ["@editors"]}
  after: {uses: transform, needs: [ask], with: {said: "${{ steps.ask.output.verdict }}"}}
outputs: {said: "${{ steps.after.output.said }}"}
"""
TOKEN = "a-long-random-text-for-the-api"


@pytest.fixture(scope="module")
def slack():
    with sandbox() as api_url:
        yield api_url


@pytest.fixture(scope="module")
def service(slack, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    workflows = folder / "workflows"
    workflows.mkdir()
    (workflows / "greet.yaml").write_text(GREETING)
    (workflows / "gated.yaml").write_text(GATED)
    address = f"127.0.0.1:{port}"
    console = workspace(folder, slack, POINTSMAN_HTTP=address, POINTSMAN_API_TOKEN=TOKEN)
    with served(console) as process:
        yield console, process, f"http://{address}"


def call(url, method="GET", body=None, token=TOKEN):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_run_is_started_waited_for_and_ends_with_its_exit_code(service):
    console, _, _ = service
    ended = console.run("run", "greet", "name=Ada", "--wait", "--json")
    assert (ended.code, ended.json["status"]) == (0, "succeeded"), ended
    assert ended.json["outputs"] == {"line": "Hello, Ada!"}
    assert console.run("run", "gated", "--wait").code == 3


def test_without_wait_a_run_is_only_started(service):
    console, _, _ = service
    ended = console.run("run", "gated", "--json")
    assert ended.code == 0
    assert ended.json.keys() == {"run", "name", "existing", "status"}


def test_the_operator_is_known_from_the_socket(service):
    console, _, _ = service
    name = console.run("run", "gated", "--json").json["name"]
    until(lambda: console.run("status", name, "--json").json["waiting_for"] == ["ask"], "the gate")
    assert console.run("approve", name, "ask").code == 1
    done = console.run("approve", name, "ask", "--override", "Nobody is there", "--json")
    assert done.code == 0, done
    (made,) = done.json["steps"]["ask"]["gate"]["decisions"]
    assert made["actor"] == console.run("status", name, "--json").json["requester"]
    assert made["actor"]["kind"] == "operator"


def test_looking_answers_as_it_does_alone(service):
    console, _, _ = service
    name = console.run("run", "greet", "--wait", "--json").json["name"]
    assert console.run("status", name, "--json").json["status"] == "succeeded"
    assert name in [one["name"] for one in console.run("runs", "--workflow", "greet", "--json").json]
    assert console.run("history", name, "--json").json[0]["event"] == "RunStarted"
    assert console.run("audit", "verify", name, "--json").json["verified"] is True
    assert {one["name"] for one in console.run("list", "--json").json} >= {"greet", "gated"}


@pytest.mark.parametrize(
    ("words", "code"),
    [(["status", "R-NONE"], 2), (["run", "gret"], 2), (["run", "greet", "nmae=x"], 2), (["resume", "R-NONE"], 2)],
)
def test_errors_have_the_same_exit_codes_as_alone(service, words, code):
    console, _, _ = service
    ended = console.run(*words)
    assert ended.code == code, ended


def test_only_this_user_may_use_the_socket(service):
    console, _, _ = service
    path = console.folder / "pointsman.db.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_ISSOCK(path.stat().st_mode)


def test_say_shows_what_the_bot_would_answer(service):
    console, _, _ = service
    ended = console.run("say", "list", "--as", "U0MINA")
    assert ended.code == 0, ended
    assert "greet" in ended.out
    before = len(console.run("runs", "--json").json)
    assert console.run("say", "run greet name=Bo", "--as", "U0MINA").code == 0
    assert len(console.run("runs", "--json").json) == before


def test_a_second_service_on_the_same_database_is_refused_at_once(service):
    console, _, _ = service
    ended = console.run_cold("serve", POINTSMAN_HTTP="")
    assert ended.code == 4, ended
    assert "in use by another Pointsman" in ended.err
    assert "POINTSMAN_DB" in ended.err


def test_reload_takes_a_sound_set_and_refuses_a_broken_one(service):
    console, _, _ = service
    path = console.folder / "workflows" / "late.yaml"
    path.write_text(GREETING.replace("workflow: greet", "workflow: late"))
    ended = console.run("reload", "--json")
    assert (ended.code, ended.json["added"], ended.json["changed"]) == (0, ["late"], [])
    path.write_text("workflow: late\nsteps: {a: {uses: nothing}}\n")
    ended = console.run("reload")
    assert ended.code == 1, ended
    assert "late.yaml" in ended.err
    assert console.run("run", "late", "--wait").code == 0
    path.unlink()
    assert console.run("reload", "--json").json["removed"] == ["late"]


def test_sighup_reads_the_workflows_again(service):
    import signal

    console, process, _ = service
    path = console.folder / "workflows" / "sighup.yaml"
    path.write_text(GREETING.replace("workflow: greet", "workflow: hung_up"))
    process.signal(signal.SIGHUP)
    until(lambda: "hung_up" in {one["name"] for one in console.run("list", "--json").json}, "the new workflow")
    path.unlink()
    process.signal(signal.SIGHUP)
    until(lambda: "hung_up" not in {one["name"] for one in console.run("list", "--json").json}, "its end")


def test_one_line_is_logged_for_each_committed_event_and_none_holds_a_token(service):
    console, process, _ = service
    name = console.run("run", "gated", "--json").json["name"]
    until(lambda: any(name in line and "gate.opened" in line for line in process.lines), "the line")
    for line in process.lines:
        assert json.loads(line)["event"]
    assert not any("xoxb-sandbox" in line or "xapp-sandbox" in line or TOKEN in line for line in process.lines)


# The network -----------------------------------------------------------------------------------------------------


def test_the_api_starts_decides_and_looks_with_json_values(service):
    _, _, url = service
    status, started = call(f"{url}/api/v1/runs", "POST", {"workflow": "gated", "dedupe_key": "api-1"})
    assert (status, started["existing"]) == (200, False)
    assert call(f"{url}/api/v1/runs", "POST", {"workflow": "gated", "dedupe_key": "api-1"})[1]["existing"] is True
    status, state = call(f"{url}/api/v1/runs/{started['name']}?wait=20")
    assert (status, state["waiting_for"]) == (200, ["ask"])
    assert state["requester"] == {"kind": "operator", "id": "api", "name": "API"}
    body = {"step": "ask", "verdict": "reject", "override": "By program", "comment": "no"}
    status, state = call(f"{url}/api/v1/runs/{started['run']}/decide", "POST", body)
    assert (status, state["status"]) == (200, "rejected")
    status, refused = call(f"{url}/api/v1/runs/{started['run']}/decide", "POST", body)
    assert (status, refused["error"].keys()) == (409, {"code", "message", "hint"})
    events = [entry["event"] for entry in call(f"{url}/api/v1/runs/{started['run']}/history")[1]]
    assert events[-2:] == ["RunFinished", "DecisionRefused"]
    assert call(f"{url}/api/v1/workflows")[0] == 200
    assert call(f"{url}/api/v1/runs?workflow=gated&limit=1")[1][0]["workflow"] == "gated"


@pytest.mark.parametrize("token", [None, "wrong", f"{TOKEN}x"])
@pytest.mark.parametrize("address", ["/api/v1/runs", "/api/v1/workflows", "/api/v1/nowhere"])
def test_without_the_right_token_there_is_nothing(service, token, address):
    _, _, url = service
    status, answer = call(url + address, token=token)
    assert (status, answer["error"]["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({}, 400, "workflow"),
        ({"workflow": "greet", "imputs": {}}, 400, "imputs"),
        ({"workflow": "nothing"}, 404, "nothing"),
        ({"workflow": "greet", "inputs": {"name": 7}}, 422, "name"),
    ],
)
def test_a_request_that_is_wrong_is_told_what_is_wrong(service, body, status, says):
    _, _, url = service
    code, answer = call(f"{url}/api/v1/runs", "POST", body)
    assert code == status
    assert says in answer["error"]["message"]


def test_health_is_open_and_holds_no_secret(service):
    _, _, url = service
    status, health = call(f"{url}/healthz", token=None)
    assert (status, health["status"]) == (200, "ok")
    until(lambda: call(f"{url}/healthz", token=None)[1]["slack"]["connected"] > 0, "a connection")
    text = json.dumps(health)
    assert "xox" not in text
    assert TOKEN not in text


def test_the_doctor_finds_everything_well(service):
    console, _, _ = service
    ended = console.run("doctor", "--json")
    assert ended.code == 0, ended
    found = {one["part"]: one for one in ended.json}
    for part in ("database", "service", "workflows", "slack", "methods", "socket mode", "clock", "disk"):
        assert found[part]["state"] == "ok", found[part]
    assert {"part", "state", "message", "cure"} == found["slack"].keys()
    assert "a service runs" in found["service"]["message"]


# Beginning and ending --------------------------------------------------------------------------------------------


@pytest.fixture
def console(slack, tmp_path):
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "greet.yaml").write_text(GREETING)
    (tmp_path / "workflows" / "gated.yaml").write_text(GATED)
    return workspace(tmp_path, slack)


def test_a_stop_signal_drains_and_ends_with_0_and_the_next_service_goes_on(console):
    import signal

    with served(console) as process:
        name = console.run("run", "gated", "--json").json["name"]
        process.signal(signal.SIGTERM)
        assert process.wait() == 0, process.text
        assert "service.stopped" in process.text
        assert "Traceback" not in process.text
    assert not (console.folder / "pointsman.db.sock").exists()
    with served(console):
        assert console.run("approve", name, "ask", "--override", "x").code == 0
        done = until(lambda: (state := console.run("status", name, "--json").json)["ended_at"] and state, "the end")
    assert done["status"] == "succeeded"


def test_a_killed_service_leaves_a_socket_that_stops_nobody(console):
    with served(console) as process:
        process.signal(9)
        process.wait()
    assert (console.folder / "pointsman.db.sock").exists()
    assert console.run("run", "greet", "--wait").code == 0
    with served(console):
        assert console.run("run", "greet", "--wait").code == 0


def test_watching_takes_a_changed_file_and_keeps_the_old_set_when_it_is_broken(console):
    path = console.folder / "workflows" / "greet.yaml"
    with served(console, "--watch") as process:
        path.write_text(GREETING.replace("Hello", "Good day"))
        heard(process, "workflows.loaded", times=2)
        assert "Good day" in console.run("run", "greet", "--wait", "--json").json["outputs"]["line"]
        path.write_text("workflow: greet\n")
        heard(process, "workflows.refused")
        assert "Good day" in console.run("run", "greet", "--wait", "--json").json["outputs"]["line"]


def test_a_database_path_too_long_for_a_socket_works_all_the_same(console):
    deep = console.folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    long = str(deep / "pointsman.db")
    temporary = console.folder / "t"
    temporary.mkdir()
    with served(console, POINTSMAN_DB=long, TMPDIR=str(temporary)):
        ended = console.run("run", "gated", "--wait", "--json", POINTSMAN_DB=long, TMPDIR=str(temporary))
        assert (ended.code, ended.json["waiting_for"]) == (3, ["ask"])


def test_a_broken_set_of_workflows_stops_the_start(console):
    (console.folder / "workflows" / "bad.yaml").write_text("workflow: bad\n")
    ended = console.run_cold("serve")
    assert ended.code == 1, ended
    assert "bad.yaml" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, ("SLACK_BOT_TOKEN", "invalid_auth", "OAuth & Permissions")),
        ({"SLACK_APP_TOKEN": "xapp-wrong"}, ("SLACK_APP_TOKEN", "invalid_auth", "connections:write")),
        ({"SLACK_BOT_TOKEN": ""}, ("SLACK_BOT_TOKEN", "pointsman demo")),
        ({"POINTSMAN_WORKFLOWS": "nowhere"}, ("nowhere", "POINTSMAN_WORKFLOWS")),
    ],
)
def test_what_keeps_it_from_starting_is_one_sentence_with_its_cure(console, given, says):
    ended = console.run("serve", **given)
    assert ended.code == 4, ended
    assert all(word in ended.err for word in says), ended
    assert "Traceback" not in ended.err


def test_an_address_that_is_taken_is_named(console):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = console.run("serve", POINTSMAN_HTTP=address)
    assert ended.code == 4
    assert f"POINTSMAN_HTTP={address}" in ended.err


def test_a_slack_that_is_not_there_is_named(console):
    ended = console.run("serve", SLACK_API_URL=f"http://127.0.0.1:{free_port()}/api/")
    assert ended.code == 4, ended
    assert "cannot be reached" in ended.err
    assert "SLACK_API_URL" in ended.err


def test_missing_scopes_stop_the_start_and_the_doctor_names_what_is_lost(tmp_path):
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "greet.yaml").write_text(GREETING)
    with sandbox("usergroups:read", "im:write", "files:read") as api_url:
        console = workspace(tmp_path, api_url)
        ended = console.run("serve")
        assert ended.code == 4, ended
        assert "im:write, usergroups:read" in ended.err
        assert "manifest" in ended.err
        findings = console.run("doctor", "--json")
        assert findings.code == 1
        scopes = {one["message"].split()[0]: one["state"] for one in findings.json if one["part"] == "scopes"}
        assert scopes == {"im:write": "fail", "usergroups:read": "fail", "files:read": "warn"}


def test_without_a_token_for_it_the_network_offers_no_api(console):
    port = free_port()
    with served(console, POINTSMAN_HTTP=f"127.0.0.1:{port}"):
        assert call(f"http://127.0.0.1:{port}/healthz", token=None)[0] == 200
        assert call(f"http://127.0.0.1:{port}/api/v1/runs", token="")[0] == 404
        assert call(f"http://127.0.0.1:{port}/api/v1/runs", token="anything")[0] == 404


def test_reload_without_a_service_says_so(tmp_path):
    ended = Console(tmp_path).run("reload")
    assert ended.code == 4
    assert "pointsman serve" in ended.err


def test_http_mode_takes_what_slack_signed_and_nothing_else(tmp_path):
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "greet.yaml").write_text(GREETING)
    address = f"127.0.0.1:{free_port()}"
    with sandbox() as api_url:
        page = api_url.removesuffix("/api/")
        console = workspace(
            tmp_path, api_url, SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET=SIGNING_SECRET, POINTSMAN_HTTP=address
        )
        with served(console):
            url = f"http://{address}/slack/events"
            assert post(f"{page}/sandbox/settings", {"deliver_by": "http", "http_url": url}) == 200
            assert post(f"{page}/sandbox/act", command("/flow run greet name=Ada")) == 200
            found = until(lambda: console.run("runs", "--json").json, "the run")
            assert (found[0]["requester"]["id"], found[0]["inputs"]) == ("U0MINA", {"name": "Ada"})
            assert post(url, command("/flow run greet name=Forged")) == 401
            assert len(console.run("runs", "--json").json) == 1


def command(text):
    return {"as": "U0MINA", "do": "command", "channel": "C0GENERAL", "text": text}


def post(url, body):
    headers = {"Content-Type": "application/json", "X-Slack-Signature": "v0=00", "X-Slack-Request-Timestamp": "1"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
