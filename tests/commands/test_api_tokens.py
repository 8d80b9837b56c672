"""The API over real sockets: who may ask for what, how often, and the numbers for monitoring."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import pytest

from bot.callers import Throttle
from bot.requests import Objection
from engine.quantities import Rate
from tests.support.console import free_port, until
from tests.support.services import sandbox, served, workspace

WORKFLOWS = {
    "gated": """\
workflow: gated
title: Wait for somebody
inputs: {topic: {type: string, default: ink}}
steps:
  ask:
    uses: approval
    with: {question: "Go on?", approvers: ["@editors"]}
  after: {uses: transform, needs: [ask], with: {said: "${{ steps.ask.output.verdict }}"}}
outputs: {said: "${{ steps.after.output.said }}"}
""",
    "hearing": """\
workflow: hearing
title: Wait for the money
on: [{schedule: nightly, cron: "30 2 * * *", timezone: Europe/Berlin}]
steps:
  paid: {uses: wait, with: {event: paid, timeout: 30d}}
outputs: {sum: "${{ steps.paid.output.data.sum }}"}
""",
}
SETTINGS = """\
api:
  tokens:
    - {name: starter, token: env:STARTER, may: [start]}
    - {name: looker, token: env:LOOKER, may: [see]}
    - {name: decider, token: env:DECIDER, may: [decide, see]}
    - {name: controller, token: env:CONTROLLER, may: [control]}
"""
TOKENS = {name.upper(): f"{name}-{'0123456789abcdef'}" for name in ("starter", "looker", "decider", "controller")}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    (folder / "workflows").mkdir()
    for name, text in WORKFLOWS.items():
        (folder / "workflows" / f"{name}.yaml").write_text(text)
    (folder / "settings.yaml").write_text(SETTINGS)
    with sandbox() as api_url:
        given = {"POINTSMAN_HTTP": f"127.0.0.1:{port}", "POINTSMAN_SETTINGS": "settings.yaml", **TOKENS}
        console = workspace(folder, api_url, **given)
        with served(console) as process:
            yield console, process, f"http://127.0.0.1:{port}"


def call(url, name, method="GET", body=None):
    """Status and answer; `name` is that of a token, or empty for none."""
    headers = {"Authorization": f"Bearer {TOKENS[name.upper()]}"} if name else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            text = answer.read().decode()
            return answer.status, json.loads(text) if "json" in answer.headers["Content-Type"] else text
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def started(url, workflow="gated", **inputs):
    status, told = call(f"{url}/api/v1/runs", "starter", "POST", {"workflow": workflow, "inputs": inputs})
    assert status == 200, told
    return told["run"]


def waits(url, run):
    return until(lambda: call(f"{url}/api/v1/runs/{run}?wait=5", "looker")[1]["waiting_for"], "the gate")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "runs", {"starter"}),
        ("GET", "runs", {"looker", "decider"}),
        ("GET", "runs/{run}", {"looker", "decider"}),
        ("GET", "runs/{run}/history", {"looker", "decider"}),
        ("GET", "schedules", {"looker", "decider"}),
        ("POST", "runs/{run}/decide", {"decider"}),
        ("POST", "runs/{run}/signal", {"starter"}),
        ("POST", "runs/{run}/cancel", {"controller"}),
        ("POST", "runs/{run}/retry", {"controller"}),
        ("POST", "schedules/hearing%2Fnightly/pause", {"controller"}),
        ("POST", "workflows/gated/disable", {"controller"}),
    ],
)
def test_a_token_opens_what_it_is_for_and_nothing_else(service, method, path, allowed):
    _, _, url = service
    address = f"{url}/api/v1/{path.format(run='R-NONE')}"
    for name in ("starter", "looker", "decider", "controller"):
        status, told = call(address, name, method, {"unknown": 1} if method == "POST" else None)
        if name in allowed:
            assert status in (200, 400, 404), (name, told)
        else:
            assert (status, told["error"]["code"]) == (403, "forbidden"), (name, told)
            assert "lacks" in told["error"]["message"]
    assert call(address, "", method)[0] == 401


def test_a_run_goes_its_way_by_tokens_alone_and_each_is_on_record_by_name(service):
    _, _, url = service
    run = started(url, topic="paper")
    waits(url, run)
    body = {"step": "ask", "verdict": "approve", "override": "By program"}
    status, state = call(f"{url}/api/v1/runs/{run}/decide", "decider", "POST", body)
    assert status == 200, state
    ended = until(lambda: (s := call(f"{url}/api/v1/runs/{run}?wait=5", "looker")[1])["ended_at"] and s, "the end")
    assert (ended["status"], ended["outputs"]) == ("succeeded", {"said": "approved"})
    assert ended["requester"] == {"kind": "operator", "id": "api:starter", "name": "starter"}
    assert ended["origin"] == {"surface": "api"}
    (made,) = ended["steps"]["ask"]["gate"]["decisions"]
    assert (made["actor"]["id"], made["surface"], made["override"]) == ("api:decider", "api", "By program")


def test_who_may_act_and_not_look_is_told_no_more_than_that_it_was_done(service):
    _, _, url = service
    run = started(url, topic="a secret topic")
    waits(url, run)
    status, told = call(f"{url}/api/v1/runs/{run}/cancel", "controller", "POST", {"reason": "Enough"})
    assert (status, told["status"]) == (200, "cancelled")
    assert "a secret topic" not in json.dumps(told)
    status, told = call(f"{url}/api/v1/runs/{run}/retry", "controller", "POST", {})
    assert (status, told["redone"]) == (200, ["ask", "after"]), told


def test_what_happened_is_signalled_with_json_values(service):
    _, _, url = service
    run = started(url, "hearing")
    status, told = call(f"{url}/api/v1/runs/{run}/signal", "starter", "POST", {"event": "paid", "data": {"sum": 9}})
    assert status == 200, told
    ended = until(lambda: (s := call(f"{url}/api/v1/runs/{run}?wait=5", "looker")[1])["ended_at"] and s, "the end")
    assert ended["outputs"] == {"sum": 9}
    status, told = call(f"{url}/api/v1/runs/{run}/signal", "starter", "POST", {"event": "piad"})
    assert (status, told["error"]["hint"]) == (404, "Did you mean paid?")


def test_a_name_with_a_slash_in_it_is_found_by_its_address(service):
    _, _, url = service
    address = f"{url}/api/v1/schedules/hearing%2Fnightly"
    status, told = call(f"{address}/pause", "controller", "POST", {"reason": "holidays"})
    assert (status, told["state"], told["why"]) == (200, "paused", "controller: holidays"), told
    assert call(f"{address}/resume", "controller", "POST", {})[1]["state"] == "active"


def test_the_numbers_are_read_with_a_token_and_count_what_happens(service):
    console, _, url = service
    assert call(f"{url}/metrics", "")[0] == 401
    assert call(f"{url}/metrics", "controller")[0] == 403
    before = numbers(call(f"{url}/metrics", "looker")[1])
    run = started(url)
    waits(url, run)
    during = numbers(call(f"{url}/metrics", "looker")[1])
    name, gates = "pointsman_runs_started_total", "pointsman_gates_open"
    assert during[name] == before[name] + 1
    assert during[gates] == before[gates] + 1
    assert during['pointsman_runs_open{status="running"}'] >= 1
    assert during["pointsman_due_lateness_seconds"] == 0
    assert console.run("approve", run, "--override", "x").code == 0
    ended, steps = 'pointsman_runs_ended_total{status="succeeded"}', 'pointsman_steps_ended_total{status="succeeded"}'
    after = until(
        lambda: (n := numbers(call(f"{url}/metrics", "looker")[1])).get(ended, 0) > before.get(ended, 0) and n,
        "the end in the numbers",
    )
    assert after[steps] >= before.get(steps, 0) + 2
    assert after[gates] == before[gates]
    assert after["pointsman_events_total"] > during["pointsman_events_total"]


def numbers(text):
    """Every line as Prometheus reads it; anything else in the text is an error."""
    found, typed = {}, set()
    for line in text.splitlines():
        if line.startswith("#"):
            typed.add(line.split()[2])
            continue
        name, value = re.fullmatch(r"(pointsman_[a-z_]+(?:\{[a-z_]+=\"[^\"]*\"\})?) (\S+)", line).groups()
        assert name.partition("{")[0] in typed, line
        found[name] = float(value)
    return found


def test_no_token_is_in_the_log_or_in_what_breaks(service):
    _, process, url = service
    call(f"{url}/api/v1/runs", "starter", "POST", {"workflow": TOKENS["STARTER"]})
    assert not [token for token in TOKENS.values() if token in process.text]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("api: {tokens: [{name: a, token: secret-in-clear-text, may: [see]}]}", "env:DEPLOY_TOKEN"),
        ("api: {tokens: [{name: a, token: env:NOT_SET, may: [see]}]}", "env:NOT_SET"),
        ("api: {tokens: [{name: a, token: env:SHORT, may: [see]}]}", "16 characters"),
        ("api: {tokens: [{name: a, token: env:LONG, may: [all]}]}", "start"),
        ("api: {tokens: [{name: a, token: env:LONG, may: []}]}", "may"),
        ("api: {rate: often}", "500/min"),
    ],
)
def test_a_wrong_token_setting_stops_the_start_with_its_cure(tmp_path, settings, says):
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "gated.yaml").write_text(WORKFLOWS["gated"])
    (tmp_path / "settings.yaml").write_text(settings)
    with sandbox() as api_url:
        given = {"POINTSMAN_HTTP": f"127.0.0.1:{free_port()}", "POINTSMAN_SETTINGS": "settings.yaml"}
        ended = workspace(tmp_path, api_url, SHORT="short", LONG="x" * 32, **given).run("serve")
    assert ended.code == 4, ended
    assert says in ended.err
    assert "secret-in-clear-text" not in ended.err


def test_over_the_rate_a_caller_is_told_how_long_to_wait_and_others_are_not():
    throttle = Throttle(Rate(3, 60_000))
    for _ in range(3):
        throttle.use("a", 90_000)
    with pytest.raises(Objection, match="too many") as refused:
        throttle.use("a", 100_000)
    assert (refused.value.status, refused.value.hint) == (429, "Wait 20 s, then go on.")
    throttle.use("b", 100_000)
    throttle.use("a", 120_000)


def test_strangers_are_slowed_down_and_those_with_a_token_are_not():
    from bot.callers import Caller, Callers, Token
    from store.model import Actor

    callers = Callers([Token(Caller(Actor("operator", "api:a", "a")), "x" * 20)])
    codes = []
    for _ in range(70):
        with pytest.raises(Objection) as refused:
            callers.identify("Bearer wrong", "10.0.0.1", 1_000)
        codes.append(refused.value.status)
    assert (codes[0], codes[-1]) == (401, 429)
    assert callers.identify("Bearer " + "x" * 20, "10.0.0.1", 1_000).actor.id == "api:a"
