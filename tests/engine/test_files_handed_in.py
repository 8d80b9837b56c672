"""Files that are handed in with a run: kept once as they are, read by steps where they stand."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from engine.api import NotStarted
from engine.handed_in import taken_in
from store import content as content_module
from store.content import ContentFolder, ContentMissing
from store.faults import StoreFault
from store.model import RunStatus
from store.values import Limits
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio

BRIEF = {"type": "object", "x-file": True}
FUNCTIONS = """
from pathlib import Path


def measure(brief: Path, other: Path | None = None) -> dict:
    return {"size": len(brief.read_bytes()), "other": other is not None}


def tell(brief: dict) -> list:
    return [brief["name"], brief["media_type"], Path(brief["path"]).read_bytes()[:3].hex()]
"""


@pytest.fixture
def brief(tmp_path: Path) -> Path:
    path = tmp_path / "brief.pdf"
    path.write_bytes(b"\x00\xff%PDF" * 500_000)
    (tmp_path / "files.py").write_text(FUNCTIONS)
    return path


def call(name: str, function: str, **with_: Any) -> Any:
    with_ = {"brief": "${{ inputs.brief }}", **with_}
    return step(name, "python", spec={"call": f"files.py:{function}"}, with_=with_)


def stands_in(folder: ContentFolder) -> list[Path]:
    return [path for path in folder.folder.rglob("*") if path.is_file()]


def test_a_file_is_kept_once_as_it_is_for_reading_only(tmp_path: Path, brief: Path) -> None:
    folder = ContentFolder(tmp_path / "a.db")
    value = taken_in(folder, brief)
    assert value == taken_in(folder, brief)
    assert value == {
        "name": "brief.pdf",
        "media_type": "application/pdf",
        "size": 3_000_000,
        "hash": sha256(brief.read_bytes()).hexdigest(),
    }
    (kept,) = stands_in(folder)
    assert kept == folder.path(value["hash"])
    assert kept.read_bytes() == brief.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o400


def test_a_file_beyond_the_limit_leaves_nothing_behind(tmp_path: Path, brief: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(content_module, "LIMITS", Limits(file_bytes_max=1_000_000))
    folder = ContentFolder(tmp_path / "a.db")
    with pytest.raises(StoreFault, match="1,000,000"):
        folder.kept_file(brief)
    assert stands_in(folder) == []


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = ContentFolder(tmp_path / "a.db")
    with pytest.raises(StoreFault, match=r"nothing\.pdf"):
        folder.kept_file(tmp_path / "nothing.pdf")
    for name in ("0" * 64, "../../etc/passwd", ""):
        with pytest.raises(ContentMissing):
            folder.path(name)


async def test_functions_are_given_its_path_or_all_that_is_known_of_it(tmp_path: Path, brief: Path) -> None:
    made = plan(
        call("measure", "measure"),
        call("tell", "tell"),
        inputs={"brief": BRIEF},
        outputs={"size": "${{ steps.measure.output.size }}", "told": "${{ steps.tell.output }}"},
    )
    async with running(tmp_path / "a.db", made) as service:
        value = taken_in(service.engine.content, brief)
        run = await ended(service, (await service.engine.start("sample", {"brief": value}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run.outputs.value == {"size": 3_000_000, "told": ["brief.pdf", "application/pdf", "00ff25"]}
        assert len(stands_in(service.engine.content)) == 1, "no step was given a copy"
        assert "path" not in json.dumps(run.inputs.value)
        await sound(service)


async def test_a_request_sends_the_file_from_where_it_stands(tmp_path: Path, brief: Path) -> None:
    got: list[tuple[str, int, str]] = []

    async def handler(request: web.Request) -> web.Response:
        if request.path == "/first":
            raise web.HTTPTemporaryRedirect("/second")
        body = await request.read()
        got.append((request.headers["Content-Type"], len(body), sha256(body).hexdigest()))
        return web.json_response({"taken": request.headers["Content-Length"]})

    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/first"
        with_ = {"method": "PUT", "url": url, "body": "${{ inputs.brief }}"}
        made = plan(step("send", "http", with_=with_), inputs={"brief": BRIEF}, outputs="${{ steps.send.output }}")
        async with running(tmp_path / "a.db", made, allowed_hosts=("127.0.0.1",)) as service:
            value = taken_in(service.engine.content, brief)
            run = await ended(service, (await service.engine.start("sample", {"brief": value}, actor=MINA)).run)
            assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, {"taken": "3000000"}), run.error
            assert got == [("application/pdf", 3_000_000, value["hash"])]
    finally:
        await runner.cleanup()


async def test_a_file_that_was_never_handed_in_starts_nothing(tmp_path: Path) -> None:
    made = plan(call("measure", "measure"), inputs={"brief": BRIEF})
    value = {"name": "a", "media_type": "text/plain", "size": 1, "hash": "0" * 64}
    async with running(tmp_path / "a.db", made) as service:
        with pytest.raises(NotStarted, match="brief"):
            await service.engine.start("sample", {"brief": value}, actor=MINA)
        assert await sound(service) == []


async def test_one_of_several_files_that_was_never_handed_in_starts_nothing(tmp_path: Path, brief: Path) -> None:
    made = plan(call("tell", "tell"), inputs={"briefs": {"type": "array", "items": BRIEF}})
    async with running(tmp_path / "a.db", made) as service:
        given = taken_in(service.engine.content, brief)
        with pytest.raises(NotStarted, match="`briefs` is no file that was handed in"):
            await service.engine.start("sample", {"briefs": [given, given | {"hash": "0" * 64}]}, actor=MINA)
        with pytest.raises(NotStarted, match="`briefs` is not the file it says"):
            await service.engine.start("sample", {"briefs": [given | {"size": 1}]}, actor=MINA)
        assert await sound(service) == []


async def test_a_file_that_is_gone_fails_its_step_with_the_cure(tmp_path: Path, brief: Path) -> None:
    made = plan(step("pause", "wait", with_={"for": "1ms"}), call("measure", "measure"), inputs={"brief": BRIEF})
    async with running(tmp_path / "a.db", made, drive=False) as service:
        value = taken_in(service.engine.content, brief)
        run = (await service.engine.start("sample", {"brief": value}, actor=MINA)).run
        service.engine.content.path(value["hash"]).unlink()
        await service.drive_all()
        run = await ended(service, run)
        assert run.error.code == "input_invalid"
        assert "brief.pdf" in run.error.message
        assert "backup" in run.error.hint
