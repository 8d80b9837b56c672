"""An attempt that is under way while its step is sent back: its process ends, and what it still says counts nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.rules.commands import Decide
from engine.service import Service
from store import history
from store.events import ReportIgnored, StepSucceeded
from store.model import Changes, Run, RunStatus, StepStatus
from tests.support.attempts import alive, until
from tests.support.engines import MINA, RAVI, block, ended, gate, person, plan, running, step, waits
from tests.support.proofs import sound

pytestmark = pytest.mark.anyio

# The first attempt works until it is told to stop, and then claims that all went well; the others are quick.
SLOW = """
trap 'echo late; exit 0' TERM
[ "$POINTSMAN_ATTEMPT" = 1 ] || { echo "attempt $POINTSMAN_ATTEMPT, round $POINTSMAN_ROUND"; exit 0; }
sleep 1000 & echo "$$ $!." > "$1"
wait
"""


def slow(name: str, folder: Path, file: str = "pids", **more: object) -> object:
    argv = ["sh", "-c", SLOW, "slow", str(folder / file)]
    return step(name, "command", ["draft"], with_={"argv": argv}, effect="idempotent", **more)


def reviewed() -> object:
    return gate("review", ["draft"], changes=Changes("draft"))


async def working(file: Path) -> list[int]:
    await until(lambda: file.exists() and file.read_text().endswith(".\n"), "the command that takes its time")
    pids = [int(pid) for pid in file.read_text().removesuffix(".\n").split()]
    assert all(map(alive, pids))
    return pids


async def answered(service: Service, run: Run, verdict: str, **more: object) -> None:
    await waits(service, run)
    facts = person(RAVI, "@editors", at=service.engine.clock.now())
    decide = Decide("review", RAVI, verdict, comment="shorter", **more)
    assert (await service.engine.perform(run.id, decide, person=facts)).refusal is None


async def test_a_round_of_review_ends_what_it_sends_back(tmp_path: Path) -> None:
    made = plan(step("draft"), slow("long", tmp_path), reviewed())
    async with running(tmp_path / "a.db", made) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        pids = await working(tmp_path / "pids")
        await answered(service, run, "changes")
        await until(lambda: not any(map(alive, pids)), "the end of its processes")
        await service.engine.wait_for(run.id, lambda run: run.steps["long"].status is StepStatus.SUCCEEDED)
        await answered(service, run, "approve")
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED
        assert run.steps["long"].output.value == "attempt 2, round 2"
        assert await said(service, run, "long") == (["attempt 2, round 2"], ["interrupted"])
        await sound(service)


async def test_items_of_a_list_that_is_sent_back_end_as_well(tmp_path: Path) -> None:
    argv = ["sh", "-c", SLOW, "slow", f"{tmp_path}/${{{{ item }}}}"]
    made = plan(
        step("draft"),
        block("all", ["draft"], each="['a', 'b']", concurrency=2),
        step("all.long", "command", with_={"argv": argv}, effect="idempotent"),
        reviewed(),
    )
    async with running(tmp_path / "a.db", made) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        pids = [*await working(tmp_path / "a"), *await working(tmp_path / "b")]
        await answered(service, run, "changes")
        await until(lambda: not any(map(alive, pids)), "the end of its processes")
        await answered(service, run, "approve")
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        outputs = [one.output.value for key, one in run.steps.items() if key.startswith("all.long[")]
        assert all(one.startswith("attempt 2") for one in outputs)
        assert len(outputs) == 2
        await sound(service)


async def test_what_may_happen_once_is_only_sent_back_knowingly(tmp_path: Path) -> None:
    argv = ["sh", "-c", SLOW, "slow", str(tmp_path / "pids")]
    made = plan(step("draft"), step("long", "command", ["draft"], with_={"argv": argv}, effect="once"), reviewed())
    async with running(tmp_path / "a.db", made) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        pids = await working(tmp_path / "pids")
        await waits(service, run)
        facts = person(RAVI, "@editors", at=service.engine.clock.now())
        decide = Decide("review", RAVI, "changes", comment="shorter")
        assert (await service.engine.perform(run.id, decide, person=facts)).steps == ("long",)
        assert all(map(alive, pids)), "nothing was changed"
        await answered(service, run, "changes", confirmed=True)
        await until(lambda: not any(map(alive, pids)), "the end of its processes")
        await answered(service, run, "approve")
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        await sound(service)


async def said(service: Service, run: Run, key: str) -> tuple[list[object], list[str]]:
    """What counted of a step, and what was put aside."""
    entries = await service.engine.database.read(lambda tx: history.of(tx, run.id))
    events = [entry.event for entry in entries if entry.event is not None]
    counted = [one.output.value for one in events if isinstance(one, StepSucceeded) and one.place.key == key]
    return counted, [one.report for one in events if isinstance(one, ReportIgnored) and one.place.key == key]
