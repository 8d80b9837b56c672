"""Whatever the API and the webhooks are sent: an answer that says what is wrong, and the next one is served.

A service of its own process, over real sockets, well authorised: who holds a token may still send anything.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.requests import ROUTES
from tests.support.console import Process, free_port
from tests.support.services import sandbox, served, workspace
from tests.support.twisting import CANARY, JSON, TIMES, TWISTS, Twist, tries, twisted, written

pytestmark = pytest.mark.timeout(120 * TIMES)

WORKFLOW = """\
workflow: gated
title: Wait for somebody
inputs: {topic: {type: string, default: ink, maxLength: 40}, secret: {type: string, optional: true, sensitive: true}}
on:
  - webhook: idea
    verify: {hmac_sha256: "${{ secrets.cms }}"}
    dedupe: "${{ event.body.id }}"
    inputs: {topic: "${{ event.body.title }}"}
secrets: {cms: "env:CMS_TOKEN"}
steps:
  ask:
    uses: approval
    with: {question: "Go on?", approvers: ["@editors"]}
"""
SETTINGS = "api: {tokens: [{name: all, token: env:TOKEN, may: [start, see, decide, control]}]}\n"
TOKEN, SECRET = "token-0123456789abcdef", "the-secret-of-the-cms"
NO_RUN = "R-ZZZ"
GOOD: dict[str, dict[str, Any]] = {
    "Start": {"workflow": "gated", "inputs": {"topic": CANARY, "secret": CANARY}, "typed": True, "dedupe_key": "one"},
    "Runs": {"status": "waiting", "workflow": "gated", "by": "mina", "since": "24h", "limit": 5},
    "Status": {"timers": True},
    "History": {},
    "Decide": {"step": "ask", "verdict": "approve", "comment": CANARY, "override": "", "content": {"a": 1}},
    "Settle": {"step": "ask", "answer": "happened", "output": {"a": [CANARY]}, "reason": CANARY},
    "Signal": {"event": "paid", "data": {"sum": 3, "of": [CANARY]}},
    "Cancel": {"reason": CANARY},
    "Retry": {"from_step": "ask", "latest": True, "inputs": {"topic": CANARY}, "reason": CANARY},
    "Pause": {"reason": CANARY},
    "Resume": {},
    "Workflows": {},
    "Disable": {"reason": CANARY},
    "Enable": {},
    "Schedules": {"workflow": "gated", "upcoming": 3},
    "AddSchedule": {"workflow": "gated", "name": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Berlin",
                    "inputs": {"topic": CANARY}},
    "PauseSchedule": {"reason": CANARY},
    "ResumeSchedule": {},
    "RunSchedule": {},
    "DeleteSchedule": {},
    "Endpoints": {},
    "TryEndpoint": {},
    "Reload": {"accept_handles": False},
    "Prune": {"older_than": "90d", "workflow": "gated", "dry_run": True, "after": "x"},
    "Say": {"text": f"status {CANARY}", "user": "U0MINA"},
    "Verify": {"ref": NO_RUN},
    "Trail": {"who": "mina", "since": "24h", "until": "1h", "workflow": "gated", "limit": 5},
}  # fmt: skip


@dataclass(frozen=True)
class Server:
    """A service that listens on the network."""

    process: Process
    port: int

    def ask(self, method: str, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {TOKEN}", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def raw(self, sent: bytes) -> bytes:
        """What comes back for these bytes, until the other end or its patience ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
            got = b""
            try:
                connection.sendall(sent)
                while piece := connection.recv(65_536):
                    got += piece
            except (TimeoutError, ConnectionError):
                pass
            return got

    def is_well(self) -> bool:
        return self.ask("GET", "/healthz", b"")[0] == 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    (folder / "workflows").mkdir()
    (folder / "workflows" / "gated.yaml").write_text(WORKFLOW)
    (folder / "settings.yaml").write_text(SETTINGS)
    given_ = {"POINTSMAN_HTTP": f"127.0.0.1:{port}", "POINTSMAN_SETTINGS": "settings.yaml"}
    with sandbox() as api_url:
        console = workspace(folder, api_url, TOKEN=TOKEN, CMS_TOKEN=SECRET, **given_)
        with served(console) as process:
            yield Server(process, port)


def told(status: int, body: bytes) -> dict[str, Any]:
    """The answer as it was meant: JSON that says what is wrong, or a wait."""
    assert status < 500 or status == 503, (status, body)
    read = json.loads(body)
    if status >= 400:
        assert read["error"]["code"], read
        assert read["error"]["message"], read
    return read if isinstance(read, dict) else {}


REFS = st.sampled_from((NO_RUN, "gated", "G-1", "%00", "../..", "R-" + "9" * 5_000, "a" * 200, "é", "' OR 1=1 --"))


def test_every_address_is_attacked() -> None:
    assert set(GOOD) == {route.request.__name__ for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.request.__name__)
@tries(8)
@given(twists=TWISTS, ref=REFS)
def test_no_request_to_the_api_is_met_with_an_error_of_ours(
    server: Server, route: Any, twists: list[Twist], ref: str
) -> None:
    made = twisted(GOOD[route.request.__name__], twists)
    path = route.path.format(ref=quote(ref, safe=""))
    if route.method == "GET":
        flat = {str(name)[:200]: str(value)[:2_000] for name, value in made.items()}
        path, body = f"{path}?{urlencode(flat, errors='replace')}", b""
    else:
        body = written(made)
    told(*server.ask(route.method, path, body))


@tries(40)
@given(body=st.binary(max_size=300) | JSON.map(written) | st.sampled_from((b"[" * 50_000, b'{"a":' * 50_000, b"NaN")))
def test_no_bytes_are_too_odd_to_be_told_what_is_wrong(server: Server, body: bytes) -> None:
    answer = told(*server.ask("POST", "/api/v1/runs", body))
    assert "error" in answer


@tries(40)
@given(twists=TWISTS, forged=st.sampled_from(("", "", "", "other", "none", "garbage", "short")))
def test_no_delivery_to_a_webhook_is_met_with_an_error_of_ours_and_none_forged_starts_anything(
    server: Server, twists: list[Twist], forged: str
) -> None:
    body = written(twisted({"id": "7", "title": CANARY, "more": {"list": [1, 2, {"a": CANARY}]}}, twists))
    good = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    marks = {"": good, "other": "sha256=" + "0" * 64, "none": "", "garbage": "sha256=\xe9", "short": good[:-1]}
    headers = {"X-Hub-Signature-256": marks[forged]} if marks[forged] else {}
    status, answer = server.ask("POST", "/hooks/idea", body, **headers)
    read = told(status, answer)
    assert (status == 401) == bool(forged), read


RAW = {
    "no request": b"\x00\x01\x02\xff\r\n\r\n",
    "a word": b"HELLO\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a length below zero": b"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
    "a length that is no number": b"POST /api/v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\nhello",
    "two lengths": b"POST /hooks/idea HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a length and pieces": (
        b"POST /hooks/idea HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a piece without end": (
        b"POST /hooks/idea HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx"
    ),
    "a length that is a lie": b"POST /hooks/idea HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\nhello",
    "a body longer than it says": (
        b"POST /hooks/idea HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET /healthz HTTP/1.1\r\n\r\n"
    ),
    "thousands of headers": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)) + b"\r\n"
    ),
    "an enormous header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "an enormous address": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header across lines": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n",
    "a nought in a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: %s\x00c\r\n\r\n" % CANARY.encode(),
    "half of a request": b"POST /api/v1/runs HTT",
    "a packed bomb": (
        b"POST /hooks/idea HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"
    ),
}


@pytest.mark.parametrize("sent", RAW.values(), ids=RAW.keys())
def test_what_is_no_request_is_refused_and_the_next_one_is_served(server: Server, sent: bytes) -> None:
    answer = server.raw(sent)
    status = answer.split(b" ", 2)[1][:3] if answer.startswith(b"HTTP/1.") else b""
    assert not status.startswith(b"5"), answer[:300]
    assert b"Traceback" not in answer
    assert server.is_well()


def test_after_all_of_that_the_record_holds_and_the_log_tells_nothing_that_was_sent(server: Server) -> None:
    status, answer = server.ask("GET", "/api/v1/audit", b"")
    assert status == 200, answer
    assert json.loads(answer)["problems"] == []
    log = server.process.text
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:2_000]
    assert CANARY not in log, log[log.index(CANARY) - 500 :][:1_000]
    assert TOKEN not in log
