"""A run keeps the definition that it began with, whatever its file says meanwhile and whichever service carries it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.rules.commands import Decide
from store import definitions
from store.model import RunStatus
from tests.support.engines import MINA, RAVI, definition, ended, gate, person, plan, running, step, waits

pytestmark = pytest.mark.anyio

OLD = plan(
    gate("review"), step("tell", after=["review"], with_={"says": "old"}), outputs="${{ steps.tell.output.says }}"
)
NEW = plan(
    gate("review"), step("tell", after=["review"], with_={"says": "new"}), outputs="${{ steps.tell.output.says }}"
)


async def test_a_file_that_changes_changes_no_run_under_way(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with running(path, OLD) as service:
        engine = service.engine
        before = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        await engine.use({"sample": definition(NEW)})
        after = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        assert (before.version, after.version) == (OLD.version, NEW.version)
    async with running(path, NEW) as service:  # which knows the old one from the database alone
        engine = service.engine
        said = []
        for run in (before, after):
            facts = person(RAVI, "@editors", at=engine.clock.now())
            assert (await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)).refusal is None
            run = await ended(service, run)
            assert run.status is RunStatus.SUCCEEDED, run.error
            said.append(run.outputs.value)
        assert said == ["old", "new"]


async def test_the_number_of_a_version_is_a_label_and_its_hash_decides(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", OLD) as service:
        engine = service.engine
        numbers = [engine.workflow_of("sample").number]
        for made in (NEW, OLD, NEW):
            await engine.use({"sample": definition(made)})
            numbers.append(engine.workflow_of("sample").number)
        assert numbers == [1, 2, 1, 2], "what was there before is the version that it was before"
        for made in (OLD, NEW):
            kept = await engine.database.read(lambda tx, version=made.version: definitions.plan(tx, version))
            assert kept == made, "nothing is written over what runs may still follow"
