"""Worker processes within a whole service: ready beforehand, as many as allowed, and waited for without losing time."""

import time
from pathlib import Path

import anyio
import pytest

from engine.workers.process import WorkerOptions
from store.model import Retry, RunStatus, StepStatus
from tests.support.attempts import alive, own_children, until
from tests.support.engines import MINA, ended, plan, running, step

pytestmark = pytest.mark.anyio

FUNCTIONS = """
import os, time
def pid():
    return os.getpid()
def hold(folder):
    open(f"{folder}/held", "w").close()
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.005)
def note(folder):
    open(f"{folder}/noted", "w").close()
"""


def python(name, function, **more):
    return step(name, "python", spec={"call": f"functions.py:{function}"}, **{"with_": {}, **more})


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    return tmp_path


async def test_a_service_whose_workflow_calls_python_has_a_worker_ready_before_the_first_attempt(folder):
    async with running(
        folder / "pointsman.db", plan(python("ask", "pid"), outputs="${{ steps.ask.output }}")
    ) as service:
        workers = service.runner.tools.workers
        await until(lambda: workers.pids, "the worker")
        ready = workers.pids
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert {run.outputs.value} == ready


async def test_a_service_without_python_starts_no_process(folder):
    before = own_children()
    async with running(folder / "pointsman.db", plan(step("text"))) as service:
        await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert own_children() == before


async def test_a_worker_that_cannot_be_made_ready_stops_nothing(folder):
    made = plan(step("text")), plan(python("ask", "pid"), workflow="other")
    async with running(folder / "pointsman.db", *made, drive=False) as service:
        service.runner.tools.workers.options = WorkerOptions(python="/no/such/python")
        await service.drive_all()
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED


async def test_no_more_processes_are_made_ready_than_there_may_be(desk):
    desk.write("functions.py", FUNCTIONS)
    workers = desk.tools.workers
    spec, with_ = {"call": "functions.py:hold"}, {"folder": str(desk.folder)}
    async with anyio.create_task_group() as group:
        for _ in range(workers.size):
            group.start_soon(lambda: desk.do("python", with_, spec=spec))
        await until(lambda: len(workers.pids) == workers.size, "the calls")
        busy = workers.pids
        group.start_soon(workers.warm, workers.size)
        await anyio.wait_all_tasks_blocked()
        assert workers.pids == busy
        (desk.folder / "go").touch()
    assert workers.pids == busy
    assert all(map(alive, busy))


async def test_what_the_operator_allows_reaches_the_workers(folder):
    limits = {"python_workers": 2, "python_memory_bytes": 300 * 1024**2}
    async with running(folder / "pointsman.db", plan(step("text")), **limits) as service:
        workers = service.runner.tools.workers
        assert (workers.size, workers.options.memory_bytes) == (2, 300 * 1024**2)


async def test_waiting_for_a_worker_takes_nothing_from_the_time_of_an_attempt(folder):
    here = {"folder": str(folder)}
    made = (
        plan(python("long", "hold", with_=here), workflow="long"),
        plan(python("short", "note", with_=here, attempt_timeout_ms=1_000, retry=Retry(1)), workflow="short"),
    )
    async with running(folder / "pointsman.db", *made, python_workers=1) as service:
        long = (await service.engine.start("long", {}, actor=MINA)).run
        await until((folder / "held").exists, "the call that keeps the only worker")
        short = (await service.engine.start("short", {}, actor=MINA)).run
        await service.engine.wait_for(short.id, lambda run: run.steps["short"].status is StepStatus.RUNNING)
        over_at = time.monotonic() + 1.2
        await until(lambda: time.monotonic() > over_at, "more than the attempt may take")
        (folder / "go").touch()
        assert (await ended(service, short)).status is RunStatus.SUCCEEDED
        assert (await ended(service, long)).status is RunStatus.SUCCEEDED


async def test_waiting_for_a_worker_takes_nothing_from_the_time_of_the_step_either(folder):
    here = {"folder": str(folder)}
    made = (
        plan(python("long", "hold", with_=here), workflow="long"),
        plan(python("short", "note", with_=here, timeout_ms=1_000, effect="once", retry=Retry(1)), workflow="short"),
    )
    async with running(folder / "pointsman.db", *made, python_workers=1) as service:
        await service.engine.start("long", {}, actor=MINA)
        await until((folder / "held").exists, "the call that keeps the only worker")
        short = (await service.engine.start("short", {}, actor=MINA)).run
        await service.engine.wait_for(short.id, lambda run: run.steps["short"].status is StepStatus.RUNNING)
        over_at = time.monotonic() + 1.2
        await until(lambda: time.monotonic() > over_at, "more than the step may take")
        (folder / "go").touch()
        assert (await ended(service, short)).status is RunStatus.SUCCEEDED
        assert (folder / "noted").exists()
