"""Large documents reach a service in a process of its own through every door: once on disk, never in its memory."""

from __future__ import annotations

import http.client
import json
import os
import signal
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.console import Console, Process, free_port, until
from tests.support.services import sandbox, served, workspace

DOCUMENT_BYTES = 50_000_000
GROWTH_MAX_BYTES = 32_000_000  # of the service's memory, while a document goes through
DATABASE_GROWTH_MAX_BYTES = 1_000_000
MEASURE = """\
workflow: measure
title: Measure a document
inputs:
  document: {type: file}
steps:
  size:
    uses: python
    call: sizes.py:size
    with: {document: "${{ inputs.document }}"}
    output: {bytes: integer, copy: file}
  words: {uses: command, with: {argv: [wc, -c, "${{ steps.size.output.copy }}"]}}
  about: {uses: transform, with: {name: "${{ inputs.document.name }}", size: "${{ inputs.document.size }}"}}
  again:
    uses: python
    needs: [words, about]
    call: sizes.py:size
    with: {document: "${{ steps.size.output.copy }}"}
outputs: {bytes: "${{ steps.again.output.bytes }}", sha256: "${{ inputs.document.hash }}"}
"""
SIZES = """\
from pathlib import Path

from engine.kit import made


def size(document: Path) -> dict:
    return {"bytes": document.stat().st_size, "copy": made(document, name="copy.pdf")}
"""
TOKEN = "token-0123456789abcdef"


class Place:
    """A service, the sandbox that it serves, and what stands on its disk."""

    def __init__(self, folder: Path, console: Console, api_url: str, http: str) -> None:
        self.folder = folder
        self.console = console
        self.slack = api_url.removesuffix("/api/")
        self.http = http

    def files(self) -> list[Path]:
        return [one for one in (self.folder / "pointsman.db.content").rglob("*") if one.is_file()]

    def database_bytes(self) -> int:
        return sum(one.stat().st_size for one in self.folder.glob("pointsman.db*") if one.is_file())

    def upload(self, name: str, path: Path) -> str:
        """Drop a file into Slack as Mina; its id."""
        where = f"{self.slack}/sandbox/upload?{urlencode({'as': 'U0MINA', 'name': name})}"
        with path.open("rb") as file:
            request = urllib.request.Request(where, file, {"Content-Length": str(path.stat().st_size)}, method="POST")
            return str(json.load(urllib.request.urlopen(request, timeout=60))["file"]["id"])

    def act(self, what: str, **details: Any) -> Any:
        return self.tell("/sandbox/act", {"as": "U0MINA", "do": what, **details})

    def tell(self, address: str, body: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.slack}{address}", json.dumps(body).encode(), headers)
        return json.load(urllib.request.urlopen(request, timeout=20))

    def runs(self) -> list[Any]:
        return list(self.console.run("runs", "--json").json)

    def finished(self, count: int) -> Any:
        """The outputs of the newest run, once so many have succeeded."""

        def look() -> Any:
            runs = self.runs()
            return len(runs) == count and runs[0]["status"] == "succeeded" and runs[0]

        run = until(look, f"{count} runs")
        return self.console.run("status", run["run"], "--json").json["outputs"]

    def post(self, address: str, body: Any, **headers: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}", **{name.replace("_", "-"): one for name, one in headers.items()}}
        request = urllib.request.Request(f"{self.http}{address}", body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing that any disk or library could make smaller."""
    path = tmp_path_factory.mktemp("documents") / "contract.pdf"
    path.write_bytes(os.urandom(DOCUMENT_BYTES))
    return path


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    folder, port = tmp_path, free_port()
    (folder / "workflows").mkdir()
    (folder / "workflows" / "measure.yaml").write_text(MEASURE)
    (folder / "workflows" / "sizes.py").write_text(SIZES)
    with sandbox() as api_url:
        given = {"POINTSMAN_HTTP": f"127.0.0.1:{port}", "POINTSMAN_API_TOKEN": TOKEN}
        yield Place(folder, workspace(folder, api_url, **given), api_url, f"http://127.0.0.1:{port}")


def memory(process: Process, name: str) -> int:
    """Bytes of a line of /proc/PID/status: VmRSS is what it has, VmHWM the most it had."""
    (line,) = [one for one in Path(f"/proc/{process.pid}/status").read_text().splitlines() if one.startswith(name)]
    return int(line.split()[1]) * 1024


def announced(place: Place, size: int) -> tuple[int, Any]:
    """The answer to an upload of which only the length is sent."""
    connection = http.client.HTTPConnection(place.http.removeprefix("http://"), timeout=20)
    connection.putrequest("POST", "/api/v1/files?name=huge.bin")
    connection.putheader("Authorization", f"Bearer {TOKEN}")
    connection.putheader("Content-Length", str(size))
    connection.endheaders()
    try:
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def digest(path: Path) -> str:
    with path.open("rb") as file:
        hashed = sha256()
        while part := file.read(1_000_000):
            hashed.update(part)
    return hashed.hexdigest()


def test_fifty_megabytes_from_slack_stand_once_on_disk_and_never_in_memory(place: Place, document: Path) -> None:
    small = place.folder / "small.pdf"
    small.write_bytes(b"%PDF")
    with served(place.console) as process:
        place.act("say", channel="dm", text="run measure", files=[place.upload("small.pdf", small)])
        assert place.finished(1)["bytes"] == 4  # everything that is imported late has been imported
        file_id = place.upload("contract.pdf", document)
        database = place.database_bytes()
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # VmHWM begins anew
        before = memory(process, "VmRSS")
        place.act("say", channel="dm", text="run measure", files=[file_id])
        assert place.finished(2) == {"bytes": DOCUMENT_BYTES, "sha256": digest(document)}
        assert memory(process, "VmHWM") - before < GROWTH_MAX_BYTES
        assert place.database_bytes() - database < DATABASE_GROWTH_MAX_BYTES
        large = [one for one in place.files() if one.stat().st_size > 1_000_000]
        assert [(one.name, one.stat().st_size) for one in large] == [(digest(document), DOCUMENT_BYTES)]
        assert [one for one in place.files() if one.suffix == ".half"] == []


def test_a_service_killed_in_the_middle_of_a_download_takes_it_up_again(place: Place, document: Path) -> None:
    file_id = place.upload("contract.pdf", document)
    place.tell("/sandbox/faults", {"method": "download", "kind": "stall"})
    with served(place.console) as process:
        place.act("say", channel="dm", text="run measure", files=[file_id])
        until(lambda: any(one.stat().st_size > 10_000_000 for one in place.files()), "half a download")
        process.signal(signal.SIGKILL)
        process.wait()
    (half,) = [one for one in place.files() if one.stat().st_size > 1_000_000]
    assert half.suffix == ".half"
    assert place.runs() == []
    with served(place.console):
        assert place.finished(1)["sha256"] == digest(document)
        assert half.exists(), "it is young, and could be somebody's"
        os.utime(half, (0, 0))
        assert place.console.run("prune", "--older-than", "30d").code == 0
        assert [one.name for one in place.files() if one.stat().st_size > 1_000_000] == [digest(document)]


def test_a_document_is_handed_in_over_the_network_as_it_is_or_with_the_start(place: Place, document: Path) -> None:
    hashed = digest(document)
    with served(place.console) as process:
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        before = memory(process, "VmRSS")
        shown = f"sha-256=:{b64encode(bytes.fromhex(hashed)).decode()}:"
        with document.open("rb") as file:
            length = {"Content_Length": str(DOCUMENT_BYTES), "Content_Type": "application/pdf"}
            where = "/api/v1/files?name=contract.pdf"
            status, told = place.post(where, file, Content_Digest=shown, **length)
        assert (status, told["hash"], told["size"]) == (201, hashed, DOCUMENT_BYTES)
        start = {"workflow": "measure", "inputs": {"document": told}}
        assert place.post("/api/v1/runs", json.dumps(start).encode())[0] == 200
        assert place.finished(1)["sha256"] == hashed
        form = b'--b\r\nContent-Disposition: form-data; name="workflow"\r\n\r\nmeasure\r\n'
        form += (
            b'--b\r\nContent-Disposition: form-data; name="document"; filename="../a b.txt"\r\n\r\nhello\r\n--b--\r\n'
        )
        assert place.post("/api/v1/runs", form, Content_Type="multipart/form-data; boundary=b")[0] == 200
        assert place.finished(2)["bytes"] == 5
        run = place.console.run("status", place.runs()[0]["run"], "--json").json
        assert run["inputs"]["document"]["name"] == "a b.txt"
        assert memory(process, "VmHWM") - before < GROWTH_MAX_BYTES


def test_what_did_not_arrive_as_it_was_sent_is_refused_and_not_kept(place: Place) -> None:
    with served(place.console):
        other = sha256(b"other").hexdigest()
        status, told = place.post(f"/api/v1/files?name=a.txt&sha256={other}", b"hello")
        assert (status, told["error"]["code"]) == (422, "file_not_whole")
        status, told = place.post("/api/v1/files?name=a.txt&sha256=nonsense", b"hello")
        assert "digest cannot be read" in told["error"]["message"]
        status, told = place.post("/api/v1/files", b"hello", Authorization="Bearer wrong")
        assert status == 401
        assert place.files() == []
        lie = {
            "name": "a.txt",
            "media_type": "text/plain",
            "size": 1,
            "hash": place.post("/api/v1/files", b"hello")[1]["hash"],
        }
        start = {"workflow": "measure", "inputs": {"document": lie}}
        status, told = place.post("/api/v1/runs", json.dumps(start).encode())
        assert "is not the file it says: it has 5 bytes" in told["error"]["message"]


def test_the_command_line_hands_a_document_to_the_service_which_writes_it(place: Place, document: Path) -> None:
    with served(place.console) as process:
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        before = memory(process, "VmRSS")
        ended = place.console.run("run", "measure", f"document=@{document}", "--wait", "--json")
        assert ended.code == 0, ended
        assert ended.json["outputs"] == {"bytes": DOCUMENT_BYTES, "sha256": digest(document)}
        assert memory(process, "VmHWM") - before < GROWTH_MAX_BYTES
        assert len([one for one in place.files() if one.stat().st_size > 1_000_000]) == 1


def test_a_file_over_the_limit_is_refused_at_the_command_line_with_both_numbers(place: Place) -> None:
    huge = place.folder / "huge.bin"
    with huge.open("wb") as file:
        file.truncate(600_000_000)  # a hole: it takes no room
    ended = place.console.run("run", "measure", f"document=@{huge}", "--wait")
    assert ended.code == 2, ended
    assert "it has 600,000,000 bytes, and at most 500,000,000 are kept" in ended.err
    assert "hand in its address" in ended.err


def test_a_file_over_the_limit_is_refused_over_the_network_before_a_byte_of_it_is_read(place: Place) -> None:
    with served(place.console):
        status, told = announced(place, 600_000_000)
        assert (status, told["error"]["code"]) == (413, "file_too_large")
        assert "it has 600,000,000 bytes, and at most 500,000,000 are kept" in told["error"]["message"]
        assert "hand in its address" in told["error"]["hint"]
        assert place.files() == []
