"""Nothing of a command outlives the service that started it, whichever way that ends."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from engine.rules.commands import Cancel
from store.model import Retry, RunStatus, StepStatus
from tests.support.attempts import alive, own_children, until
from tests.support.console import Console
from tests.support.engines import MINA, ended, plan, running, step
from tests.support.mortal_attempt import attempting

pytestmark = pytest.mark.anyio

# A shell with a child in the background and a grandchild under another shell; all of them ignore being asked to stop.
FAMILY = """
trap '' TERM
sleep 1000 & child=$!
sh -c 'sleep 1000 & echo $! > grandchild; wait' &
while [ ! -s grandchild ]; do :; done
echo "$$ $child $! $(cat grandchild)." > pids
wait
"""


@pytest.fixture(autouse=True)
def tidy(tmp_path) -> Iterator[None]:
    """Whatever a failing test leaves behind ends with it."""
    yield
    for written in tmp_path.rglob("pids"):
        for pid in family(written.parent):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def family(folder: Path) -> list[int]:
    """The processes of a FAMILY, once they have been written down."""
    written = folder / "pids"
    text = written.read_text() if written.exists() else ""
    return [int(pid) for pid in text.removesuffix(".\n").split()] if text.endswith(".\n") else []


async def grown_up(folder: Path) -> list[int]:
    await until(lambda: family(folder), "the command's family")
    pids = family(folder)
    assert len(pids) == 4
    assert all(map(alive, pids))
    return pids


# One that wipes its environment is known by its process group alone, which is told in the moment after its start.
WIPES = ["sh", "-c", 'sleep 1; exec env -i PATH=/usr/bin:/bin sh "$@"', "sh"]


@pytest.mark.parametrize("argv", [["sh"], WIPES], ids=["plain", "wiped"])
async def test_a_command_and_all_it_started_die_with_a_service_that_is_killed(tmp_path, argv):
    """Also when the command wiped its environment."""
    with attempting(tmp_path, "command", {"argv": [*argv, "-c", FAMILY]}) as service:
        pids = await grown_up(tmp_path)
        service.kill()
        service.wait()
        await until(lambda: not any(map(alive, pids)), "the end of the command's family")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="without /proc that moment stays open")
async def test_a_command_dies_also_with_a_service_that_is_killed_in_the_moment_of_starting_it(tmp_path):
    dies_at_once = """
import os, signal
from anyio import open_process
async def mortal(argv, **given):
    process = await open_process(argv, **given)
    if argv[0] == "sh":
        os.kill(os.getpid(), signal.SIGKILL)  # before anybody could be told of the process
    return process
import anyio
anyio.open_process = mortal
"""
    slow = f"sleep 0.2; {FAMILY}"  # begins to grow when the service is long gone
    with attempting(tmp_path, "command", {"argv": ["sh", "-c", f"echo $$ > first; {slow}"]}, before=dies_at_once) as it:
        assert it.wait(30) == -signal.SIGKILL
        first = tmp_path / "first"
        await until(lambda: not (first.exists() and first.read_text() and alive(int(first.read_text()))), "its end")
        assert not any(map(alive, family(tmp_path)))


async def test_what_left_the_commands_group_on_purpose_lives_on(tmp_path):
    daemon = "import os, time; open('daemon', 'w').write(f'{os.getpid()}.'); time.sleep(1000)"
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {daemon!r}], start_new_session=True)\n"
        "time.sleep(1000)"
    )
    written = tmp_path / "daemon"
    with attempting(tmp_path, "command", {"argv": [sys.executable, "-c", code]}) as service:
        await until(lambda: written.exists() and written.read_text().endswith("."), "the daemon")
        daemon_pid = int(written.read_text().rstrip("."))
        command = os.getpgid(int(Path(f"/proc/{daemon_pid}/stat").read_text().rpartition(")")[2].split()[1]))
        service.kill()
        service.wait()
        await until(lambda: not alive(command), "the end of the command")
    assert alive(daemon_pid)
    os.kill(daemon_pid, signal.SIGKILL)


async def test_a_killed_warden_is_replaced_and_knows_what_already_runs(tmp_path):
    # The second command is started when the warden that was told of the first has been killed.
    second_starts = """
import os, signal
import anyio
from tests.support.attempts import alive, until
from tests.support import mortal_attempt
from engine.activities import ACTIVITIES
command = ACTIVITIES["command"]
async def twice(work):
    async with anyio.create_task_group() as group:
        group.start_soon(command, work)
        await until(lambda: (work.folder / "pids").exists(), "the first command")
        warden = work.tools.workers.warden.pid
        os.kill(warden, signal.SIGKILL)
        await until(lambda: not alive(warden), "the end of the warden")
        await command(mortal_attempt.beside(work, "second"))
ACTIVITIES["command"] = twice
"""
    (tmp_path / "second").mkdir()
    with attempting(tmp_path, "command", {"argv": ["sh", "-c", FAMILY]}, before=second_starts) as service:
        pids = await grown_up(tmp_path) + await grown_up(tmp_path / "second")
        service.kill()
        service.wait()
        await until(lambda: not any(map(alive, pids)), "the end of both families")


async def test_a_service_that_ends_in_order_leaves_no_process(desk):
    before, faults = own_children(), []

    async def attempt():
        faults.append(await desk.fault("command", {"argv": ["sh", "-c", FAMILY]}))

    async with anyio.create_task_group() as group:
        group.start_soon(attempt)
        pids = await grown_up(desk.folder)
        assert own_children() > before
        await desk.tools.workers.aclose()
    # The family may have grown up before its start was noted here: then it is the start that is told of.
    assert any(said in faults[0].message for said in ("killed by SIGKILL", "the service is closing"))
    await until(lambda: not any(map(alive, pids)), "the end of the command's family")
    assert own_children() == before
    late = await desk.fault("command", {"argv": ["true"]})
    assert (late.code, late.retryable) == ("command_failed", True)
    assert "the service is closing" in late.message


async def test_a_command_that_cannot_be_watched_over_is_not_started(desk, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    fault = await desk.fault("command", {"argv": ["touch", str(desk.folder / "started")]})
    assert (fault.code, fault.retryable) == ("command_failed", True)
    assert "no warden could be started" in fault.message
    assert not (desk.folder / "started").exists()
    monkeypatch.undo()
    assert (await desk.do("command", {"argv": ["echo", "well"]})).output == "well"


async def test_a_command_that_is_cancelled_while_it_starts_leaves_nothing(desk, monkeypatch):
    monkeypatch.setattr("engine.activities.command.GRACE_MS", 50)
    opened = anyio.Event()
    open_process = anyio.open_process

    async def slowly(argv, **given):
        process = await open_process(argv, **given)
        if argv[0] == "sh":
            opened.set()
            await grown_up(desk.folder)
        return process

    monkeypatch.setattr(anyio, "open_process", slowly)
    async with anyio.create_task_group() as group:
        group.start_soon(desk.do, "command", {"argv": ["sh", "-c", FAMILY]})
        await opened.wait()
        group.cancel_scope.cancel()
    pids = family(desk.folder)
    assert pids
    await until(lambda: not any(map(alive, pids)), "the end of the command's family")


async def test_a_step_that_takes_too_long_ends_with_its_whole_family(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.activities.command.GRACE_MS", 50)
    slow = step("slow", "command", with_={"argv": ["sh", "-c", FAMILY]}, attempt_timeout_ms=1_500, retry=Retry(1))
    async with running(tmp_path / "pointsman.db", plan(slow)) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        pids = await grown_up(tmp_path)
        run = await ended(service, run)
        assert (run.status, run.steps["slow"].error.code) == (RunStatus.FAILED, "timeout")
        assert not any(map(alive, pids[:1]))
        await until(lambda: not any(map(alive, pids)), "the end of the command's family")


async def test_a_run_that_is_cancelled_ends_with_the_whole_family_of_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.activities.command.GRACE_MS", 50)
    slow = step("slow", "command", with_={"argv": ["sh", "-c", FAMILY]}, effect="idempotent")
    async with running(tmp_path / "pointsman.db", plan(slow)) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        pids = await grown_up(tmp_path)
        await service.engine.perform(run.id, Cancel(MINA, "enough"))
        run = await ended(service, run)
        assert (run.status, run.steps["slow"].status) == (RunStatus.CANCELLED, StepStatus.CANCELLED)
        await until(lambda: not any(map(alive, pids)), "the end of the command's family")


WORKFLOW = """\
workflow: slow
title: Take a while, and notice whether somebody else is still at it
steps:
  work:
    uses: command
    with: {argv: [sh, family.sh]}
    effect: idempotent
"""
ALONE = """
[ -s pids ] && for pid in $(tr -d . < pids); do
    case $(cut -d')' -f2 /proc/$pid/stat 2>/dev/null) in '' | ' Z'*) ;; *) echo $pid >> overlaps ;; esac
done
rm -f pids grandchild; echo began >> begun
"""


async def test_a_resumed_run_repeats_its_command_after_the_end_of_the_old_one(tmp_path):
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    (workflows / "slow.yaml").write_text(WORKFLOW)
    (workflows / "family.sh").write_text(ALONE + FAMILY)
    console = Console(tmp_path)
    words = ("run", "slow", "--dedupe-key", "k", "--wait")
    with console.started(*words) as process:
        first = await grown_up(workflows)
        process.signal(signal.SIGKILL)
        process.wait()
    with console.started(*words) as process:
        await until(lambda: (workflows / "begun").read_text().count("began") == 2, "the second attempt")
        second = await grown_up(workflows)
        process.signal(signal.SIGKILL)
        process.wait()
    await until(lambda: not any(map(alive, first + second)), "the end of both families")
    assert not (workflows / "overlaps").exists()
