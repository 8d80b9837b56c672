import json
import os
import signal
import sys
from pathlib import Path

import anyio
import pytest

from engine.activities import Secret
from engine.faults import Interrupted
from engine.workers.pool import WorkerPool
from engine.workers.process import Worker, WorkerOptions, tail
from engine.workers.signatures import read_signature, signature_schema
from engine.workers.warden import Warden
from tests.support.attempts import TRACE, alive, until
from tests.support.mortal_attempt import attempting

pytestmark = pytest.mark.anyio

FUNCTIONS = (Path(__file__).parents[1] / "support" / "authored_functions.py").read_text(encoding="utf-8")


@pytest.fixture
def functions(desk):
    desk.write("functions.py", FUNCTIONS)

    async def call(name, with_=None, **more):
        return await desk.do("python", with_, spec={"call": f"functions.py:{name}"}, **more)

    async def fault(name, with_=None, **more):
        return await desk.fault("python", with_, spec={"call": f"functions.py:{name}"}, **more)

    call.fault = fault
    return call


async def test_a_function_gets_its_arguments_by_their_types(functions):
    result = await functions("check", {"claim": {"id": 1, "text": "true"}, "kind": "plain", "on": "2026-11-22"})
    assert result.output == {"ok": True, "on": "2026-11-22"}
    assert len(result.receipt["fingerprint"]) == 64
    assert result.receipt["files"] == {"functions.py": result.receipt["fingerprint"]}
    assert result.receipt["duration_ms"] >= 0


async def test_plain_and_async_functions_give_back_json(functions):
    value = {"a": [1, 2.5, None, True, "Grüße"], "b": {}}
    assert (await functions("echo", value)).output == value
    assert (await functions("slow_echo", {"value": value})).output == value


async def test_secrets_are_revealed_to_the_function_only(functions):
    assert (await functions("echo", {"token": Secret("s3cret", "cms")})).output == {"token": "s3cret"}


async def test_the_function_knows_its_attempt(functions):
    output = (await functions("who", attempt=3)).output
    assert output == {"key": "run-1/publish//1", "trace": TRACE, "run": "R-7K2", "number": 3}


@pytest.mark.parametrize(
    ("with_", "said"),
    [
        ({"claim": {"id": "1", "text": "x"}}, "claim.id: Input should be a valid integer"),
        ({"claim": {"id": 1}}, "claim.text: Field required"),
        ({"claim": {"id": 1, "text": "x"}, "kind": "fancy"}, "kind: Input should be 'plain'"),
        ({"clam": {}}, "check does not take clam; it takes claim, kind, on"),
        ({}, "check also needs claim"),
    ],
)
async def test_wrong_arguments_are_told_by_name_and_path(functions, with_, said):
    fault = await functions.fault("check", with_, effect="once")
    assert (fault.code, fault.retryable, fault.maybe_happened) == ("input_invalid", False, False)
    assert said in fault.message


async def test_an_exception_is_a_failure_with_the_authors_own_lines(functions):
    fault = await functions.fault("fail")
    assert (fault.code, fault.message, fault.retryable) == ("python_error", "ValueError: the claim is odd", True)
    assert [frame["function"] for frame in fault.detail["frames"]] == ["fail", "deeper"]
    assert {frame["file"] for frame in fault.detail["frames"]} == {"functions.py"}
    assert 'raise ValueError("the claim is odd")' in fault.detail["frames"][-1]["code"]


async def test_an_author_may_say_that_trying_again_is_no_use(functions):
    fault = await functions.fault("fail_for_good")
    assert (fault.code, fault.retryable) == ("python_error", False)
    assert fault.message == "no such customer"


async def test_causes_and_rude_exceptions_are_told(functions):
    assert (await functions.fault("caused")).detail["cause"] == "ZeroDivisionError: division by zero"
    assert "cannot be read" in (await functions.fault("rude")).message


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("leave", "python_exit", "sys.exit('bye')"),
        ("vanish", "python_crashed", "exited with 7"),
        ("segfault", "python_crashed", "killed by SIGSEGV"),
        ("gorge", "python_crashed", "ran out of memory; 536870912 bytes"),
        ("garbage", "python_crashed", "out of step"),
    ],
)
async def test_the_death_of_a_worker_is_an_interruption_and_the_next_call_is_well(functions, name, code, said):
    fault = await functions.fault(name)
    assert isinstance(fault, Interrupted)
    assert (fault.code, fault.maybe_happened) == (code, True)
    assert said in fault.message
    assert (await functions("echo", {"still": "here"})).output == {"still": "here"}


async def test_last_words_of_a_crash_are_kept(functions):
    printed = (await functions.fault("segfault")).detail["printed"]
    assert printed.startswith("last words\n")
    assert "Segmentation fault" in printed


async def test_a_worker_that_dies_before_the_function_begins_has_done_nothing(desk):
    desk.write("early.py", "import os\nos._exit(3)\n")
    fault = await desk.fault("python", spec={"call": "early.py:anything"}, effect="once")
    assert (type(fault), fault.code, fault.maybe_happened) == (Interrupted, "python_crashed", False)


async def test_a_warm_worker_that_died_unseen_costs_nothing(desk, functions):
    first = (await functions("pid")).output
    os.kill(first, signal.SIGKILL)
    await until(lambda: not alive(first), "the worker's end")
    second = (await functions("pid")).output
    assert second != first


async def test_cancelling_kills_the_function_and_what_it_started(desk, functions, tmp_path):
    marker = tmp_path / "marker"
    async with anyio.create_task_group() as group:
        group.start_soon(functions, "block", {"marker": str(marker)})
        await until(lambda: marker.exists() and len(marker.read_text().split()) == 2, "the function")
        pids = [int(pid) for pid in marker.read_text().split()]
        assert all(map(alive, pids))
        group.cancel_scope.cancel()
    await until(lambda: not any(map(alive, pids)), "the end of the function and its child")
    assert (await functions("echo", {})).output == {}


async def test_a_blocking_function_does_not_block_the_loop(desk, functions, tmp_path):
    marker = tmp_path / "marker"
    async with anyio.create_task_group() as group:
        group.start_soon(functions, "block", {"marker": str(marker)})
        await until(lambda: marker.exists(), "the function")
        assert (await functions("echo", {"meanwhile": 1})).output == {"meanwhile": 1}
        group.cancel_scope.cancel()


async def test_a_warm_worker_serves_again_and_again(functions):
    assert (await functions("pid")).output == (await functions("pid")).output


@pytest.mark.parametrize("name", ["leak_thread", "leak_child", "leak_memory"])
async def test_a_worker_with_something_left_behind_is_replaced(functions, name):
    output = (await functions(name)).output
    pids = output if isinstance(output, list) else [output]
    assert (await functions("pid")).output not in pids
    await until(lambda: not any(map(alive, pids)), "the end of the worker and its child")


async def test_a_worker_is_replaced_after_its_calls(desk):
    desk.write("functions.py", FUNCTIONS)
    async with WorkerPool(size=1, calls_max=2) as workers:
        desk.tools.workers = workers
        spec = {"call": "functions.py:pid"}
        first, second, third = [(await desk.do("python", spec=spec)).output for _ in range(3)]
    assert first == second != third


async def test_what_is_printed_goes_to_the_receipt_and_never_into_the_protocol(functions):
    result = await functions("speak", {"lines": 2})
    assert result.output == 2
    assert sorted(result.receipt["printed"].splitlines()) == [
        "line 0",
        "line 1",
        "straight to the descriptor",
        "to stderr",
    ]
    assert "printed" not in (await functions("echo")).receipt


async def test_a_flood_of_output_is_bounded(functions):
    result = await functions("speak", {"lines": 300_000})
    assert result.output == 300_000
    assert len(result.receipt["printed"]) <= 4_000
    assert "line 299999" in result.receipt["printed"]


async def test_the_worker_sees_little_of_the_service(desk, functions, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-not-for-you")
    output = (await functions("where")).output
    assert "SLACK_BOT_TOKEN" not in output["environment"]
    assert output["cwd"] == str(desk.folder)
    assert output["stdin"] == ""
    assert str(desk.folder) not in output["path"]
    assert output["pid"] != os.getpid()
    assert "functions" not in sys.modules


async def test_meddling_ends_with_the_call(functions):
    await functions("meddle")
    output = (await functions("where")).output
    assert "MEDDLED" not in output["environment"]
    assert "/meddled" not in output["path"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nan", "output.rows[0].total: is nan"),
        ("big_number", "output.id: is a whole number beyond 64 bits"),
        ("a_set", "output.tags: is a set"),
        ("wrong_promise", "int"),
        ("cyclic", "nested deeper"),
        ("surrogate", "not valid Unicode"),
    ],
)
async def test_results_that_are_no_json_are_invalid_and_say_where(functions, name, said):
    fault = await functions.fault(name, effect="once")
    assert (fault.code, fault.retryable, fault.maybe_happened) == ("output_invalid", False, True)
    assert said in fault.message


async def test_large_results_pass_and_huge_ones_do_not(functions):
    assert len((await functions("huge", {"megabytes": 7})).output) == 7 * 1024 * 1024
    fault = await functions.fault("huge", {"megabytes": 9})
    assert (fault.code, fault.retryable) == ("output_too_large", False)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("nowhere.py:check", "there is no file nowhere.py"),
        ("functions.py:chek", "functions.py has no function chek; it has"),
        ("functions.py:not_a_function", "is a int"),
        ("../functions.py:check", "outside the folder"),
        ("/etc/functions.py:check", "outside the folder"),
        ("no.such.package:check", "there is no module no.such.package"),
        ("functions.py", "does not say what to call"),
    ],
)
async def test_what_is_not_there_is_told(desk, call, said):
    desk.write("functions.py", FUNCTIONS)
    fault = await desk.fault("python", spec={"call": call})
    assert (fault.code, fault.retryable) == ("python_not_found", False)
    assert said in fault.message


async def test_code_that_cannot_be_loaded_fails_for_good(desk):
    desk.write("broken.py", "def check(:\n")
    fault = await desk.fault("python", spec={"call": "broken.py:check"})
    assert (fault.code, fault.retryable) == ("python_error", False)
    assert "broken.py could not be loaded: SyntaxError" in fault.message


async def test_files_import_each_other_relatively_and_hide_nothing(desk):
    desk.write("json.py", "WORD = 'beside'\n")  # a name that the standard library has too
    desk.write("rules/deep.py", "from ..json import WORD\n")
    desk.write("main.py", "import json\nfrom . import json as ours\nfrom .rules.deep import WORD\n"
                          "def words(): return [json.dumps({}), ours.WORD, WORD]\n")  # fmt: skip
    result = await desk.do("python", spec={"call": "main.py:words"})
    assert result.output == ["{}", "beside", "beside"]
    assert sorted(result.receipt["files"]) == ["json.py", "main.py", "rules/deep.py"]


async def test_an_absolute_import_of_a_neighbour_gets_a_hint(desk):
    desk.write("neighbour.py", "")
    desk.write("main.py", "import neighbour\ndef f(): pass\n")
    fault = await desk.fault("python", spec={"call": "main.py:f"})
    assert "`from . import neighbour`" in fault.hint


async def test_two_folders_with_the_same_file_names_do_not_meet(desk):
    for name in ("a", "b"):
        desk.write(f"{name}/main.py", f"def f(): return {name!r}\n")
    outputs = [
        (await desk.do("python", spec={"call": "main.py:f"}, folder=desk.folder / name)).output
        for name in ("a", "b", "a")
    ]
    assert outputs == ["a", "b", "a"]


async def test_a_changed_file_is_run_as_it_is_now_even_within_the_same_second(desk):
    fingerprints = set()
    for number in range(3):
        desk.write("inner.py", f"N = {number}\n")
        desk.write("main.py", "from .inner import N\ndef f(): return N\n")
        result = await desk.do("python", spec={"call": "main.py:f"})
        assert result.output == number
        fingerprints.add(result.receipt["files"]["inner.py"])
    assert len(fingerprints) == 3
    assert not list(desk.folder.rglob("__pycache__"))


async def test_installed_packages_can_be_called(desk):
    assert (await desk.do("python", {"text": "  a"}, spec={"call": "textwrap:dedent"})).output == "a"


async def test_no_more_calls_run_at_once_than_there_are_workers(desk, functions, tmp_path):
    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(functions, "block", {"marker": str(tmp_path / f"marker{number}")})
        await until(lambda: len(list(tmp_path.glob("marker*"))) == 2, "two functions")
        assert len(desk.tools.workers.pids) == 2
        group.cancel_scope.cancel()


async def test_closing_the_pool_ends_every_process(desk):
    desk.write("functions.py", FUNCTIONS)
    async with WorkerPool(size=2) as workers:
        await workers.warm(2)
        pids = workers.pids
        assert len(pids) == 2
    assert not any(map(alive, pids))
    desk.tools.workers = workers
    fault = await desk.fault("python", spec={"call": "functions.py:pid"})
    assert (fault.code, fault.maybe_happened) == ("python_crashed", False)
    assert "closed" in fault.message


async def test_a_worker_that_cannot_be_started_is_told():
    async with WorkerPool(WorkerOptions(python="/no/such/python")) as workers:
        with pytest.raises(Interrupted, match="no worker process could be started"):
            await workers.describe(Path("/tmp"), "a.py:b")


@pytest.mark.parametrize("busy", ["time.sleep(0.01)", "re.match('(a+)+$', 'a' * 60 + 'b')"], ids=["waits", "holds on"])
async def test_a_function_and_what_it_started_die_with_a_service_that_is_killed(tmp_path, busy):
    """Also a function that never lets another thread of its process run, as a bad pattern does."""
    code = f"""
import os, re, subprocess, time
def busy():
    child = subprocess.Popen(["sleep", "1000"])
    with open("pids", "w") as written:
        written.write(f"{{os.getpid()}} {{child.pid}}.")
    while True:
        {busy}
"""
    (tmp_path / "busy.py").write_text(code)
    written = tmp_path / "pids"
    with attempting(tmp_path, "python", call="busy.py:busy") as service:
        await until(lambda: written.exists() and written.read_text().endswith("."), "the function")
        pids = [int(pid) for pid in written.read_text().rstrip(".").split()]
        assert all(map(alive, pids))
        service.kill()
        service.wait()
        await until(lambda: not any(map(alive, pids)), "the end of the worker and its child")


async def test_a_signature_is_read_without_its_code_entering_the_service(desk):
    desk.write("functions.py", FUNCTIONS)
    signature = await read_signature(desk.tools.workers, desk.folder, "functions.py:check")
    claim = signature.parameters["$defs"]["Claim"]
    assert signature.parameters["required"] == ["claim"]
    assert signature.parameters["additionalProperties"] is False
    assert claim["properties"]["id"]["type"] == "integer"
    assert signature.parameters["properties"]["kind"]["default"] == "plain"
    assert signature.returns["properties"]["on"] == {"format": "date", "title": "On", "type": "string"}
    assert (signature.effect, signature.description) == (None, "Check one claim.")
    charge = await read_signature(desk.tools.workers, desk.folder, "functions.py:charge")
    assert charge.effect == "once"
    assert charge.parameters["additionalProperties"] is True
    assert (await read_signature(desk.tools.workers, desk.folder, "functions.py:echo")).returns is None


async def test_a_signature_is_known_until_the_file_changes(desk):
    desk.write("typed.py", "def f(a: int) -> int: return a\n")
    first = await read_signature(desk.tools.workers, desk.folder, "typed.py:f")
    async with WorkerPool(WorkerOptions(python="/no/such/python")) as nobody:
        assert await read_signature(nobody, desk.folder, "typed.py:f") is first
    desk.write("typed.py", "def f(b: str) -> int: return 1\n")
    again = await read_signature(desk.tools.workers, desk.folder, "typed.py:f")
    assert list(again.parameters["properties"]) == ["b"]


async def test_a_missing_function_has_no_signature(desk):
    with pytest.raises(Exception, match=r"there is no file nowhere\.py") as caught:
        await read_signature(desk.tools.workers, desk.folder, "nowhere.py:f")
    assert caught.value.code == "python_not_found"


def test_a_signature_can_be_read_without_a_loop(tmp_path):
    (tmp_path / "typed.py").write_text("def f(a: int) -> list[str]: ...\n")
    signature = signature_schema(tmp_path, "typed.py:f")
    assert signature.returns == {"items": {"type": "string"}, "type": "array"}


async def test_the_end_of_a_text_begins_with_a_whole_line():
    assert tail(b"abc", 10) == "abc"
    assert tail(b"secret-value\nsecond line\n", 20) == "…\nsecond line\n"


async def test_output_of_json_size_is_exact(functions):
    result = await functions("echo", {"text": "\u2028\u0000"})
    assert json.dumps(result.output) == '{"text": "\\u2028\\u0000"}'


async def test_a_worker_starts_and_ends_by_itself():
    warden = Warden()
    worker = await Worker.start(WorkerOptions(memory_bytes=None), warden)
    assert worker.alive
    await worker.end()
    await warden.aclose()
    assert not worker.alive
    assert not alive(worker.pid)


async def test_closing_the_pool_interrupts_a_call_that_runs(desk, tmp_path):
    desk.write("functions.py", FUNCTIONS)
    faults = []
    async with WorkerPool(size=1) as workers, anyio.create_task_group() as group:
        desk.tools.workers = workers

        async def block():
            spec, with_ = {"call": "functions.py:block"}, {"marker": str(tmp_path / "marker")}
            faults.append(await desk.fault("python", with_, spec=spec))

        group.start_soon(block)
        await until(lambda: (tmp_path / "marker").exists(), "the function")
        await workers.aclose()
        await until(lambda: faults, "the interruption")
    assert (faults[0].code, faults[0].maybe_happened) == ("python_crashed", True)
    assert workers.pids == frozenset()


async def test_a_function_that_has_begun_is_never_begun_again_by_itself(functions, tmp_path):
    ledger = tmp_path / "ledger"
    fault = await functions.fault("count_and_vanish", {"ledger": str(ledger)})
    assert fault.maybe_happened
    assert ledger.read_text() == "entered\n"
