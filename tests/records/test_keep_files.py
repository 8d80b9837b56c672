"""Files are erased with the runs that have them; one that several runs have lives until the last lets go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import audit
from engine.clock import HandClock
from engine.handed_in import taken_in
from engine.keeping import Keeping
from engine.service import Service
from store import erasure, uses
from store.backup import backed_up
from store.model import Run, RunStatus
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.written import DAY, aged

pytestmark = pytest.mark.anyio

FILE = {"type": "object", "x-file": True}
FUNCTIONS = """
from pathlib import Path

from engine.kit import made, new_file


def upper(brief: Path) -> dict:
    target = new_file("upper.txt")
    target.write_bytes(brief.read_bytes().upper())
    return {"made": made(target), "much": "x" * 20_000}
"""


def files(service: Service) -> set[bytes]:
    """The files in the content folder that hold what people or steps wrote."""
    held = [one.read_bytes() for one in service.engine.content.folder.rglob("?" * 64)]
    return {one for one in held if not one.startswith((b"{", b'"'))}


async def run_of(service: Service, folder: Path, text: str) -> Run:
    (folder / "brief.txt").write_text(text)
    value = taken_in(service.engine.content, folder / "brief.txt")
    run = await ended(service, (await service.engine.start("sample", {"brief": value}, actor=MINA)).run)
    assert run.status is RunStatus.SUCCEEDED, run.error
    return run


async def test_a_file_lives_until_the_last_run_that_has_it_lets_go(tmp_path: Path) -> None:
    (tmp_path / "files.py").write_text(FUNCTIONS)
    call = step("make", "python", spec={"call": "files.py:upper"}, with_={"brief": "${{ inputs.brief }}"})
    clock = HandClock()
    async with running(tmp_path / "a.db", plan(call, inputs={"brief": FILE}), clock=clock) as service:
        first, second = await run_of(service, tmp_path, "shared"), await run_of(service, tmp_path, "shared")
        other = await run_of(service, tmp_path, "own")
        everything = {b"shared", b"SHARED", b"own", b"OWN"}
        assert files(service) == everything
        aged(tmp_path / "a.db", clock.now())
        clock.advance(3 * DAY)
        keeping, engine = Keeping(service.engine), service.engine
        left = {first.id: everything, other.id: {b"shared", b"SHARED"}, second.id: set()}
        for run_id, expected in left.items():
            await engine.database.write(
                lambda tx, one=run_id: erasure.erase(tx, engine.chain, [one], clock.now(), MINA, "asked")
            )
            await keeping.sweep()
            assert files(service) == expected
        assert await engine.database.read(lambda tx: list(audit.verify(tx, engine.chain))) == []
        assert await engine.database.read(lambda tx: uses.everything(tx)) == []


async def test_a_file_inside_of_a_large_value_is_in_use_as_long_as_that(tmp_path: Path) -> None:
    (tmp_path / "files.py").write_text(FUNCTIONS)
    call = step("make", "python", spec={"call": "files.py:upper"}, with_={"brief": "${{ inputs.brief }}"})
    clock = HandClock()
    async with running(tmp_path / "a.db", plan(call, inputs={"brief": FILE}), clock=clock) as service:
        await run_of(service, tmp_path, "brief")
        aged(tmp_path / "a.db", clock.now())
        clock.advance(3 * DAY)
        assert await Keeping(service.engine).sweep() == 0
        assert files(service) == {b"brief", b"BRIEF"}
        about = backed_up(tmp_path / "a.db", tmp_path / "a.zip", clock.now())
        assert (about.values, about.missing) == (3, ())


async def test_a_file_that_no_run_took_up_is_kept_for_a_day_and_then_goes(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "a.db", plan(step("only")), clock=clock) as service:
        (tmp_path / "brief.txt").write_text("never used")
        value = taken_in(service.engine.content, tmp_path / "brief.txt")
        path = service.engine.content.path(value["hash"])
        keeping, now = Keeping(service.engine), clock.now() / 1000
        os.utime(path, (now, now))
        clock.advance(DAY - 1_000)
        assert await keeping.sweep() == 0
        clock.advance(2_000)
        assert await keeping.sweep() == 1
        assert not path.exists()
