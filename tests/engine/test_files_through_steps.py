"""Files go through steps: as paths, as bodies and as words, and what steps make enters the content folder once."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from aiohttp import web

import store.content
from engine.handed_in import taken_in
from store.model import Retry, Run, RunStatus, StepStatus
from store.values import Limits
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio

FILE = {"type": "object", "x-file": True}
UNDER_WAY = (StepStatus.PENDING, StepStatus.READY, StepStatus.RUNNING)
FUNCTIONS = """
import os
from pathlib import Path

from engine.kit import File, made, new_file


def upper(brief: Path) -> File:
    target = new_file("upper.txt")
    target.write_bytes(brief.read_bytes().upper())
    return made(target)


def split(brief: Path) -> dict:
    parts = []
    for n in range(2):
        target = new_file("part.txt")
        target.write_text(f"part {n}")
        parts.append(made(target, name=f"part-{n}.txt"))
    made(new_file_with("left behind"))
    return {"parts": parts, "same": made(brief, name="brief.txt")}


def new_file_with(text):
    target = new_file("left.txt")
    target.write_text(text)
    return target


def elsewhere(path: str) -> File:
    return made(path)


def commit(brief: Path) -> dict:
    return {"hash": "9fceb02", "patch": made(brief, name="9fceb02.patch")}


def forged(mark: str) -> dict:
    return {"name": "x", "media_type": "", "size": 1, "hash": mark}


def linked() -> File:
    target = new_file("link")
    os.symlink("/etc/passwd", target)
    return made(target)


def large() -> File:
    target = new_file("large.bin")
    target.write_bytes(bytes(300_000))
    return made(target)


def dies(brief: Path) -> File:
    new_file("half.txt").write_text("half")
    raise ValueError("no")
"""


def contents(folder: Path) -> dict[str, bytes]:
    """Everything below the content folder, by its path there."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def call(function: str, **with_: Any) -> Any:
    return step("make", "python", spec={"call": f"files.py:{function}"}, with_=with_)


def described(name: str, media_type: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "media_type": media_type, "size": len(data), "hash": hashlib.sha256(data).hexdigest()}


@asynccontextmanager
async def run_of(
    folder: Path, *steps: Any, text: bytes = b"the brief", **options: Any
) -> AsyncIterator[tuple[Run, Path]]:
    """A run of these steps with a file as `brief`, when it has ended; and the content folder."""
    folder.mkdir(exist_ok=True)
    (folder / "files.py").write_text(FUNCTIONS)
    (folder / "brief.txt").write_bytes(text)
    made = plan(*steps, inputs={"brief": FILE}, outputs={"got": f"${{{{ steps.{steps[-1].name}.output }}}}"})
    async with running(folder / "a.db", made, **options) as service:
        value = taken_in(service.engine.content, folder / "brief.txt")
        run = await ended(service, (await service.engine.start("sample", {"brief": value}, actor=MINA)).run)
        await sound(service)
        yield run, service.engine.content.folder


async def test_what_a_function_makes_is_moved_into_the_content_and_nothing_else_is_left(tmp_path: Path) -> None:
    async with run_of(tmp_path, call("upper", brief="${{ inputs.brief }}")) as (run, folder):
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run.outputs.value == {"got": described("upper.txt", "text/plain", b"THE BRIEF")}
        assert sorted(contents(folder).values()) == [b"THE BRIEF", b"the brief"]
        name = run.outputs.value["got"]["hash"]
        assert (folder / name[:2] / name).stat().st_mode & 0o777 == 0o400


async def test_a_file_beside_a_hash_of_something_else_is_kept(tmp_path: Path) -> None:
    async with run_of(tmp_path, call("commit", brief="${{ inputs.brief }}")) as (run, _):
        patch = described("9fceb02.patch", "text/x-diff", b"the brief")
        assert run.outputs.value == {"got": {"hash": "9fceb02", "patch": patch}}


async def test_files_stand_anywhere_in_what_is_given_back_and_one_that_was_given_is_not_copied(tmp_path: Path) -> None:
    async with run_of(tmp_path, call("split", brief="${{ inputs.brief }}")) as (run, folder):
        assert run.status is RunStatus.SUCCEEDED, run.error
        got = run.outputs.value["got"]
        assert got["parts"] == [
            described("part-0.txt", "text/plain", b"part 0"), described("part-1.txt", "text/plain", b"part 1")
        ]  # fmt: skip
        assert got["same"] == described("brief.txt", "text/plain", b"the brief")
        assert sorted(contents(folder).values()) == [b"part 0", b"part 1", b"the brief"]


async def test_a_file_from_elsewhere_stays_there_and_is_copied_once(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("a,b")
    async with run_of(tmp_path, call("elsewhere", path=str(path))) as (run, folder):
        assert run.outputs.value == {"got": described("report.csv", "text/csv", b"a,b")}
        assert path.read_text() == "a,b"
        assert sorted(contents(folder).values()) == [b"a,b", b"the brief"]


async def test_data_that_looks_like_a_mark_stays_data(tmp_path: Path) -> None:
    async with run_of(tmp_path, call("forged", mark="made:/etc/passwd")) as (run, folder):
        assert run.outputs.value["got"]["hash"] == "made:/etc/passwd"
        assert list(contents(folder).values()) == [b"the brief"]


async def test_a_link_is_no_file_of_the_step(tmp_path: Path) -> None:
    async with run_of(tmp_path, call("linked")) as (run, folder):
        assert run.status is RunStatus.FAILED
        assert "no plain file" in run.error.message
        assert list(contents(folder).values()) == [b"the brief"]


async def test_a_file_over_the_limit_fails_the_step_for_good_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.content, "LIMITS", Limits(file_bytes_max=100_000))
    async with run_of(tmp_path, call("large")) as (run, folder):
        assert (run.error.code, run.error.retryable) == ("output_too_large", False)
        assert "large.bin is too large: it has 300,000 bytes, and at most 100,000 are kept" in run.error.message
        assert "store it elsewhere" in run.error.hint
        assert list(contents(folder).values()) == [b"the brief"]


async def test_a_function_that_fails_leaves_no_half_behind(tmp_path: Path) -> None:
    async with run_of(tmp_path, call("dies", brief="${{ inputs.brief }}")) as (run, folder):
        assert run.status is RunStatus.FAILED
        assert list(contents(folder).values()) == [b"the brief"]


# Programs. ------------------------------------------------------------------------------------------------------------


def command(**with_: Any) -> Any:
    return step("make", "command", with_=with_, spec={"parse": "text"})


async def test_a_program_is_given_the_path_of_a_file_or_reads_it(tmp_path: Path) -> None:
    count = command(argv=["wc", "-c", "${{ inputs.brief }}"])
    async with run_of(tmp_path / "a", count, text=b"x" * 200_000) as (run, _):
        assert run.outputs.value["got"].startswith("200000 ")
    async with run_of(tmp_path / "b", command(argv=["wc", "-c"], stdin="${{ inputs.brief }}"), text=b"x" * 200_000) as (
        run,
        _,
    ):
        assert run.outputs.value["got"].strip() == "200000"


async def test_what_a_program_prints_is_kept_as_a_file(tmp_path: Path) -> None:
    upper = command(argv=["tr", "a-z", "A-Z"], stdin="${{ inputs.brief }}", save="upper.txt")
    text = b"abc\n" * 3_000_000  # more than any output that is no file
    async with run_of(tmp_path, upper, text=text) as (run, folder):
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert run.outputs.value == {"got": described("upper.txt", "text/plain", text.upper())}
        assert len(contents(folder)) == 2


async def test_a_program_writes_its_file_where_it_is_told(tmp_path: Path) -> None:
    copy = command(argv=["cp", "${{ inputs.brief }}", {"save": "copy of ${{ inputs.brief.name }}"}])
    async with run_of(tmp_path, copy) as (run, folder):
        assert run.outputs.value == {"got": described("copy of brief.txt", "text/plain", b"the brief")}
        assert list(contents(folder).values()) == [b"the brief"]


async def test_a_program_that_writes_no_file_is_told_on(tmp_path: Path) -> None:
    async with run_of(tmp_path, command(argv=["true", {"save": "report.pdf"}])) as (run, folder):
        assert "true did not write report.pdf" in run.error.message
        assert list(contents(folder).values()) == [b"the brief"]


# What may happen once only, when the disk does not take what came of it.

LINKS = 'echo done >> did.txt; ln -s /etc/hostname "$1"'
BLOCKS = "echo done >> did.txt; rm -rf a.db.content; touch a.db.content; seq 5000"


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["sh", "-c", LINKS, "sh", {"save": "report.pdf"}], "it is no plain file"),
        (["sh", "-c", BLOCKS], "could not be written"),
    ],
    ids=["a file that cannot be kept", "an output that cannot be kept"],
)
async def test_what_was_done_once_is_not_done_again_because_nothing_of_it_could_be_kept(
    tmp_path: Path, argv: list[Any], why: str
) -> None:
    with_ = {"argv": argv, "cwd": str(tmp_path)}
    patient = Retry(attempts=3, backoff_min_ms=1, backoff_max_ms=1)
    once = step("make", "command", effect="once", with_=with_, spec={"parse": "text"}, retry=patient)
    async with running(tmp_path / "a.db", plan(once)) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            run = await service.engine.wait_for(run.id, lambda run: run.steps["make"].status not in UNDER_WAY)
        made = run.steps["make"]
        assert (made.status, made.error.code) == (StepStatus.UNKNOWN, "store")
        assert why in made.error.message
        assert (tmp_path / "did.txt").read_text() == "done\n"


async def test_what_a_program_prints_over_the_limit_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.activities.command.LIMITS", Limits(file_bytes_max=100_000))
    async with run_of(tmp_path, command(argv=["yes"], save="endless.txt")) as (run, folder):
        assert (run.error.code, run.error.retryable) == ("output_too_large", False)
        assert "100000 are allowed" in run.error.message
        assert list(contents(folder).values()) == [b"the brief"]


# Web services. --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def site() -> AsyncIterator[str]:
    """A service that takes forms and gives files."""

    async def take(request: web.Request) -> web.Response:
        form = await request.post()
        files = [one for one in form.getall("file") if isinstance(one, web.FileField)]
        told = [[one.filename, one.content_type, len(one.file.read())] for one in files]
        return web.json_response({"files": told, "title": form["title"], "length": request.headers["Content-Length"]})

    async def give(request: web.Request) -> web.Response:
        if request.query.get("broken"):
            return web.Response(status=503, text="later")
        packed = gzip.compress(b"%PDF" * 1_000_000)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/pdf"})

    app = web.Application(client_max_size=10_000_000)
    app.add_routes([web.post("/take", take), web.get("/give", give)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_form_with_files_is_sent_from_where_they_stand(tmp_path: Path) -> None:
    async with site() as url:
        form = {"title": 'The "brief"', "file": ["${{ inputs.brief }}", "${{ inputs.brief }}"], "none": None}
        send = step("send", "http", with_={"method": "POST", "url": f"{url}/take", "form": form})
        async with run_of(tmp_path, send, text=b"x" * 600_000, allowed_hosts=("127.0.0.1",)) as (run, folder):
            assert run.status is RunStatus.SUCCEEDED, run.error
            got = run.outputs.value["got"]
            assert got["files"] == [["brief.txt", "text/plain", 600_000]] * 2
            assert got["title"] == 'The "brief"'
            assert int(got["length"]) > 1_200_000
            assert len(contents(folder)) == 1


async def test_an_answer_is_kept_as_a_file_unpacked_and_without_going_through_memory(tmp_path: Path) -> None:
    async with site() as url:
        fetch = step("fetch", "http", with_={"url": f"{url}/give", "save": "paper.pdf"})
        async with run_of(tmp_path, fetch, allowed_hosts=("127.0.0.1",)) as (run, _):
            assert run.status is RunStatus.SUCCEEDED, run.error
            assert run.outputs.value == {"got": described("paper.pdf", "application/pdf", b"%PDF" * 1_000_000)}


async def test_an_answer_over_the_limit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.content, "LIMITS", Limits(file_bytes_max=100_000))
    async with site() as url:
        fetch = step("fetch", "http", with_={"url": f"{url}/give", "save": "paper.pdf"})
        async with run_of(tmp_path, fetch, allowed_hosts=("127.0.0.1",)) as (run, folder):
            assert (run.error.code, run.error.retryable) == ("output_too_large", False)
            assert "more than 100,000 bytes, and at most 100,000 are kept" in run.error.message
            assert list(contents(folder).values()) == [b"the brief"]


async def test_a_refusal_is_read_as_text_and_not_kept(tmp_path: Path) -> None:
    async with site() as url:
        fetch = step("fetch", "http", with_={"url": f"{url}/give?broken=1", "save": "paper.pdf"})
        async with run_of(tmp_path, fetch, allowed_hosts=("127.0.0.1",)) as (run, folder):
            assert "answered 503 Service Unavailable: later" in run.error.message
            assert list(contents(folder).values()) == [b"the brief"]
