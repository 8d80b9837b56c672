import hashlib
import os
import sys
from pathlib import Path

import anyio
import pytest

from engine.activities import Secret, programs
from tests.support.attempts import TRACE, alive, until

pytestmark = pytest.mark.anyio
PYTHON = sys.executable


def script(code: str) -> dict[str, list[str]]:
    return {"argv": [PYTHON, "-c", code]}


async def test_output_is_text_unless_it_is_parsed(desk):
    printed = {"argv": ["printf", "a\\nb\\n"]}
    assert (await desk.do("command", printed)).output == "a\nb"
    assert (await desk.do("command", printed, spec={"parse": "lines"})).output == ["a", "b"]
    number = {"argv": ["printf", '{"a": [1, 2.5]}']}
    assert (await desk.do("command", number, spec={"parse": "json"})).output == {"a": [1, 2.5]}


async def test_arguments_are_never_read_by_a_shell(desk):
    words = ["$HOME", "; rm -rf /", "`id`", "a b", "*", Secret("s3cret", "x"), 5, True]
    result = await desk.do("command", {"argv": ["printf", "%s\\n", *words]}, spec={"parse": "lines"})
    assert result.output == ["$HOME", "; rm -rf /", "`id`", "a b", "*", "s3cret", "5", "true"]


async def test_it_runs_beside_the_workflow_with_input_and_a_small_environment(desk, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-for-you")
    desk.write("sub/note.txt", "beside")
    code = "import json, os, sys; print(json.dumps([open('note.txt').read(), sys.stdin.read(), dict(os.environ)]))"
    with_ = {
        **script(code),
        "stdin": "typed",
        "cwd": "sub",
        "env": {"TOKEN": Secret("s3cret", "t"), "N": 1, "NO": None},
    }
    note, typed, environment = (await desk.do("command", with_, spec={"parse": "json"}, item="a")).output
    assert (note, typed) == ("beside", "typed")
    assert environment["TOKEN"] == "s3cret"
    assert environment["N"] == "1"
    assert environment["IDEMPOTENCY_KEY"] == "run-1/publish//1"
    assert environment["TRACEPARENT"] == TRACE
    assert environment["POINTSMAN_RUN_NAME"] == "R-7K2"
    assert environment["POINTSMAN_ITEM"] == "a"
    assert not {"SLACK_BOT_TOKEN", "NO"} & environment.keys()


async def test_a_program_beside_the_workflow_can_be_called(desk):
    desk.write("tool.sh", "#!/bin/sh\necho $1\n").chmod(0o755)
    assert (await desk.do("command", {"argv": ["./tool.sh", "hello"]})).output == "hello"


async def test_a_failing_command_tells_its_status_and_last_words(desk):
    with_ = script("import sys; print('first', file=sys.stderr); sys.exit('no disk left')")
    fault = await desk.fault("command", with_, effect="once")
    assert (fault.code, fault.retryable, fault.maybe_happened) == ("command_failed", True, False)
    assert fault.message.endswith("exited with 1: no disk left")
    assert fault.detail == {"exit_code": 1, "stderr": "first\nno disk left"}
    assert fault.receipt["exit_code"] == 1


async def test_a_command_killed_half_way_may_have_done_it(desk):
    fault = await desk.fault("command", {"argv": ["sh", "-c", "kill -KILL $$"]}, effect="once")
    assert (fault.code, fault.maybe_happened) == ("command_failed", True)
    assert "killed by SIGKILL" in fault.message


@pytest.mark.parametrize(
    ("with_", "code", "said"),
    [
        ({"argv": ["no-such-program"]}, "command_not_found", "no program no-such-program"),
        ({"argv": ["./plain.txt"]}, "command_not_found", "may not be executed"),
        ({"argv": "ls -l"}, "input_invalid", "`argv` must be a list"),
        ({"argv": []}, "input_invalid", "`argv` must be a list"),
        ({"argv": ["a", {"b": 1}]}, "input_invalid", "`argv[1]` must be text, not a mapping"),
        ({"argv": ["echo", "a\0b"]}, "input_invalid", "NUL"),
        ({"argv": ["echo"], "cwd": "nowhere"}, "input_invalid", "`cwd`"),
        ({"argv": ["echo"], "env": {"A=B": "c"}}, "input_invalid", "`env`"),
        ({"argv": ["echo"], "env": ["A"]}, "input_invalid", "`env` must be a mapping"),
    ],
)
async def test_what_cannot_be_run_is_told(desk, with_, code, said):
    desk.write("plain.txt", "text")
    fault = await desk.fault("command", with_)
    assert (fault.code, fault.retryable) == (code, False)
    assert said in fault.message


async def test_output_that_is_no_json_is_invalid_and_the_effect_took_place(desk):
    fault = await desk.fault("command", {"argv": ["echo", "{"]}, spec={"parse": "json"}, effect="once")
    assert (fault.code, fault.maybe_happened) == ("output_invalid", True)
    assert fault.detail == {"stdout": "{\n"}


async def test_endless_output_is_stopped(desk):
    fault = await desk.fault("command", {"argv": ["yes"]}, effect="once")
    assert (fault.code, fault.retryable, fault.maybe_happened) == ("output_too_large", False, True)


async def test_much_to_say_on_stderr_is_kept_from_its_end(desk):
    with_ = script("import sys\nfor n in range(20000): print('line', n, file=sys.stderr)")
    stderr = (await desk.do("command", with_)).receipt["stderr"]
    assert len(stderr) < 9_000
    assert stderr.startswith("…\nline ")
    assert stderr.endswith("line 19999")


async def test_input_that_nobody_reads_is_no_failure(desk):
    assert (await desk.do("command", {"argv": ["true"], "stdin": "x" * 1_000_000})).output == ""


async def test_large_input_and_output_do_not_wait_for_each_other(desk):
    text = "0123456789" * 200_000
    assert (await desk.do("command", {"argv": ["cat"], "stdin": text})).output == text


async def test_cancelling_asks_it_to_stop_and_kills_what_it_started(desk):
    code = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
def stop(*_):
    open("stopped", "w").write("yes"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
open("pids", "w").write(f"{child.pid}.")
time.sleep(1000)
"""
    pids = desk.folder / "pids"
    async with anyio.create_task_group() as group:
        group.start_soon(desk.do, "command", script(code))
        await until(lambda: pids.exists() and pids.read_text().endswith("."), "the command")
        group.cancel_scope.cancel()
    child = int(pids.read_text().rstrip("."))
    await until(lambda: not alive(child), "the end of its child")
    assert (desk.folder / "stopped").read_text() == "yes"


async def test_a_command_that_will_not_stop_is_killed(desk, monkeypatch):
    monkeypatch.setattr("engine.activities.command.GRACE_MS", 50)
    code = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("pid", "w").write(f"{os.getpid()}.")
time.sleep(1000)
"""
    pid = desk.folder / "pid"
    async with anyio.create_task_group() as group:
        group.start_soon(desk.do, "command", script(code))
        await until(lambda: pid.exists() and pid.read_text().endswith("."), "the command")
        group.cancel_scope.cancel()
    assert not alive(int(pid.read_text().rstrip(".")))


async def test_what_a_command_leaves_behind_ends_with_it(desk, monkeypatch):
    monkeypatch.setattr("engine.activities.command.LINGER_MS", 600_000)
    result = await desk.do("command", {"argv": ["sh", "-c", "sleep 1000 & echo $!"]})
    await until(lambda: not alive(int(result.output)), "the end of what was left behind")


async def test_output_held_open_from_outside_its_group_does_not_hold_the_step(desk, monkeypatch):
    monkeypatch.setattr("engine.activities.command.LINGER_MS", 50)
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True)
print(child.pid)
"""
    result = await desk.do("command", script(code))
    child = int(result.output)
    assert alive(child)
    os.kill(child, 9)


async def test_the_receipt_says_which_program_it_was_and_which_files_of_the_workflow_it_was_given(desk):
    tool = desk.write("tools/count.py", "print(1)\n")
    first = (await desk.do("command", {"argv": [PYTHON, "tools/count.py", "no/such.txt", "/etc/hostname"]})).receipt
    assert first["path"] == os.path.realpath(PYTHON)
    assert first["fingerprint"] == hashlib.sha256(Path(PYTHON).read_bytes()).hexdigest()
    assert first["files"] == {"tools/count.py": hashlib.sha256(tool.read_bytes()).hexdigest()}
    desk.write("tools/count.py", "print(2)\n")
    second = (await desk.do("command", {"argv": [PYTHON, "tools/count.py"]})).receipt
    assert second["fingerprint"] == first["fingerprint"]
    assert second["files"] != first["files"], "a changed script shows"


async def test_a_program_is_found_as_the_system_finds_it(desk):
    tool = desk.write("sub/tool.sh", "#!/bin/sh\necho hello\n")
    tool.chmod(0o755)
    there = {"argv": ["./tool.sh"], "cwd": "sub"}
    by_path = {"argv": ["tool.sh"], "env": {"PATH": f"{tool.parent}:{os.environ['PATH']}"}}
    for with_ in (there, by_path):
        receipt = (await desk.do("command", with_)).receipt
        assert receipt["path"] == str(tool.resolve())
        assert receipt["fingerprint"] == hashlib.sha256(tool.read_bytes()).hexdigest()


async def test_a_command_that_fails_says_which_program_it_was_too(desk):
    fault = await desk.fault("command", script("import sys; sys.exit(3)"))
    assert fault.receipt["fingerprint"] == programs.fingerprint(Path(os.path.realpath(PYTHON)))


async def test_a_file_too_large_to_be_read_for_it_has_no_fingerprint(desk, monkeypatch):
    tool = desk.write("tool.sh", "#!/bin/sh\necho hello\n")
    tool.chmod(0o755)
    monkeypatch.setattr(programs, "HASHED_BYTES_MAX", 5)
    receipt = (await desk.do("command", {"argv": ["./tool.sh"]})).receipt
    assert (receipt["path"], receipt["fingerprint"]) == (str(tool.resolve()), "")
