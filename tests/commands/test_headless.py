"""Commands without a service: each does its work in its own process, without Slack."""

import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.console import SCRIPT, Console, environment, until

GREETING = """\
workflow: greet
title: Greet somebody
inputs:
  name: {type: string, default: world}
  times: {type: integer, default: 1, minimum: 1, maximum: 5}
steps:
  text: {uses: transform, with: {line: "Hello, ${{ inputs.name }}!"}}
outputs: {line: "${{ steps.text.output.line }}", times: "${{ inputs.times }}"}
"""
GATED = """\
workflow: gated
title: Wait for somebody
steps:
  ask:
    uses: approval
    with: {question: "Go on?", approvers: ["@editors"]}
  after: {uses: transform, needs: [ask], with: {said: "${{ steps.ask.output.verdict }}"}}
outputs: {said: "${{ steps.after.output.said }}"}
"""
PILE = """\
workflow: pile
steps:
  pages:
    foreach: "${{ ['a', 'b', 'c'] }}"
    as: page
    key: ${{ page }}
    steps:
      look:
        uses: approval
        when: ${{ page == 'b' }}
        with: {question: "Keep ${{ page }}?", approvers: ["@editors"]}
"""
FAILING = """\
workflow: failing
title: Fail
steps:
  order:
    uses: command
    with: {argv: [sh, -c, "echo no such order >&2; exit 3"]}
    retry: {attempts: 1}
"""
ONCE = """\
workflow: unsure
title: Not know whether it happened
steps:
  send:
    uses: command
    with: {argv: [sh, -c, "sleep 60"]}
    effect: once
    attempt_timeout: 300ms
    retry: {attempts: 1}
outputs: {ok: "${{ steps.send.status }}"}
"""
SLOW = """\
workflow: slow
title: Take a while
steps:
  first: {uses: transform, with: {done: true}}
  wait: {uses: command, needs: [first], with: {argv: [sleep, "60"]}, effect: idempotent}
"""


@pytest.fixture
def console(tmp_path):
    folder = tmp_path / "workflows"
    folder.mkdir()
    for text in (GREETING, GATED, FAILING, ONCE):
        (folder / f"{text.split()[1]}.yaml").write_text(text)
    return Console(tmp_path)


def test_a_run_is_carried_out_to_its_end_and_answers_with_the_documented_keys(console):
    ended = console.run("run", "greet", "name=Ada", "times=3", "--wait", "--json")
    assert ended.code == 0, ended
    answer = ended.json
    assert {"run", "name", "existing", "status"} <= answer.keys()
    assert (answer["existing"], answer["status"]) == (False, "succeeded")
    assert answer["outputs"] == {"line": "Hello, Ada!", "times": 3}


def test_status_has_every_documented_key(console):
    name = console.run("run", "gated", "--wait", "--json").json["name"]
    state = console.run("status", name.lower(), "--json").json
    documented = "run name workflow version status requester started_at ended_at trace_id inputs outputs error steps"
    assert set(documented.split()) <= state.keys()
    assert {"status", "attempts", "output", "error", "gate"} <= state["steps"]["ask"].keys()
    gate = state["steps"]["ask"]["gate"]
    assert {"id", "version", "state", "due_at", "digest", "decisions"} <= gate.keys()
    assert (gate["state"], gate["version"], gate["decisions"]) == ("open", 1, [])
    assert state["started_at"].endswith("Z")
    assert state["steps"]["after"]["gate"] is None


def test_a_run_that_waits_for_people_ends_the_command_with_3(console):
    ended = console.run("run", "gated", "--wait")
    assert ended.code == 3, ended
    assert "waiting for people at ask" in ended.out


def test_a_gate_in_a_list_ends_the_command_with_3_although_the_blocks_around_it_run(console, tmp_path):
    (tmp_path / "workflows" / "pile.yaml").write_text(PILE)
    ended = console.run("run", "pile", "--wait")
    assert ended.code == 3, ended
    assert "waiting for people at pages.look[b]" in ended.out


def test_a_run_that_fails_ends_the_command_with_1_and_says_why(console):
    ended = console.run("run", "failing", "--wait")
    assert ended.code == 1, ended
    assert "no such order" in ended.out


def test_without_a_service_a_run_is_carried_out_also_without_wait(console):
    ended = console.run("run", "greet", "--json")
    assert (ended.code, ended.json["status"]) == (0, "succeeded")


def test_an_operator_approves_with_a_reason_and_it_is_on_record(console):
    name = console.run("run", "gated", "--json").json["name"]
    without = console.run("approve", name, "ask", "--json")
    assert (without.code, without.json["error"]["code"]) == (1, "override_needs_reason")
    done = console.run("approve", name, "ask", "--override", "Editors are away", "--comment", "fine", "--json")
    assert done.code == 0, done
    assert (done.json["status"], done.json["outputs"]) == ("succeeded", {"said": "approved"})
    (made,) = done.json["steps"]["ask"]["gate"]["decisions"]
    assert (made["actor"]["kind"], made["override"], made["comment"]) == ("operator", "Editors are away", "fine")
    events = [entry["event"] for entry in console.run("history", name, "--json").json]
    assert events.index("DecisionRefused") < events.index("DecisionMade")


def test_a_gate_is_found_by_its_name_too(console):
    console.run("run", "gated", "--wait")
    ended = console.run("reject", "G-1", "--reason", "Not now", "--override", "Clearing up", "--json")
    assert (ended.code, ended.json["status"]) == (0, "rejected")
    assert ended.json["steps"]["ask"]["gate"]["decisions"][0]["comment"] == "Not now"


def test_a_late_decision_is_refused_in_words(console):
    name = console.run("run", "gated", "--json").json["name"]
    console.run("approve", name, "ask", "--override", "x")
    ended = console.run("approve", name, "ask", "--override", "x")
    assert ended.code == 1
    assert "already" in ended.err.lower()


def test_cancelling_ends_a_waiting_run(console):
    name = console.run("run", "gated", "--json").json["name"]
    ended = console.run("cancel", name, "--reason", "No longer needed", "--json")
    assert (ended.code, ended.json["status"], ended.json["reason"]) == (0, "cancelled", "No longer needed")
    assert console.run("cancel", name).code == 1


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [(["--happened", "--output", '"sent"'], "succeeded", 0), (["--fail", "--reason", "lost"], "failed", 0)],
)
def test_an_unknown_effect_is_settled_by_an_operator(console, words, status, code):
    started = console.run("run", "unsure", "--wait", "--json")
    assert (started.code, started.json["steps"]["send"]["status"]) == (3, "unknown")
    ended = console.run("settle", started.json["name"], "send", *words, "--json")
    assert (ended.code, ended.json["status"]) == (code, status)


@pytest.mark.parametrize(
    "words",
    [[], ["--happened", "--again"], ["--again", "--output", "{}"], ["--happened", "--output", "{no"]],
)
def test_settling_takes_exactly_one_answer(console, words):
    assert console.run("settle", "R-1", "send", *words).code == 2


def test_the_same_dedupe_key_is_the_same_run(console):
    first = console.run("run", "greet", "--dedupe-key", "monday", "--wait", "--json").json
    again = console.run("run", "greet", "name=Bo", "--dedupe-key", "monday", "--wait", "--json").json
    assert (again["run"], again["existing"]) == (first["run"], True)
    assert again["outputs"] == {"line": "Hello, world!", "times": 1}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "gret"], "Did you mean greet?"),
        (["run", "greet", "nmae=x"], "nmae"),
        (["run", "greet", "times=9"], "times"),
        (["run", "greet", "times"], "key=value"),
        (["run", "greet", "name=a", "name=b"], "twice"),
        (["runs", "--status", "done"], "succeeded"),
        (["runs", "--since", "tomorow"], "24h"),
        (["frobnicate"], "frobnicate"),
        (["run"], "NAME"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_to_write(console, words, says):
    console.run("run", "greet")
    ended = console.run(*words)
    assert ended.code == 2, ended
    assert says in ended.err


def test_an_unknown_run_or_step_is_wrong_use(console):
    name = console.run("run", "gated", "--json").json["name"]
    assert console.run("status", "R-NONE").code == 2
    ended = console.run("approve", name, "aks", "--override", "x")
    assert ended.code == 2
    assert "Did you mean ask?" in ended.err


def test_with_json_an_error_is_json_too(console):
    console.run("run", "greet")
    ended = console.run("status", "R-NONE", "--json")
    assert ended.json["error"].keys() == {"code", "message", "hint"}
    assert ended.json["error"]["code"] == "unknown_run"


def test_a_database_that_is_not_there_is_named_and_looking_does_not_make_it(console):
    ended = console.run("runs")
    assert ended.code == 4
    assert "pointsman.db" in ended.err
    assert not (console.folder / "pointsman.db").exists()


def test_a_database_that_cannot_be_read_ends_with_4(console):
    (console.folder / "pointsman.db").write_text("this is no database, it is a letter " * 50)
    for words in (["runs"], ["run", "greet"]):
        ended = console.run(*words)
        assert ended.code == 4, ended
        assert "Traceback" not in ended.err


def test_a_database_from_the_future_is_refused_by_every_command(console):
    console.run("run", "greet")
    with closing(sqlite3.connect(console.folder / "pointsman.db")) as raw:
        raw.execute("PRAGMA user_version = 999")
    for words in (["runs"], ["run", "greet"], ["history", "R-1"]):
        ended = console.run(*words)
        assert (ended.code, "newer" in ended.err) == (4, True), ended


def test_a_missing_folder_of_workflows_is_named_with_its_variable(tmp_path):
    ended = Console(tmp_path, POINTSMAN_WORKFLOWS="nowhere").run("run", "greet")
    assert ended.code == 4
    assert "nowhere" in ended.err
    assert "POINTSMAN_WORKFLOWS, or begin with `pointsman new hello`" in ended.err


def test_a_wrong_setting_is_named(console):
    ended = console.run("runs", POINTSMAN_LOG="yaml")
    assert ended.code == 4
    assert "POINTSMAN_LOG" in ended.err


def test_runs_are_listed_newest_first_and_filtered(console):
    names = [console.run("run", name, "--json").json["name"] for name in ("greet", "gated", "greet")]
    assert [one["name"] for one in console.run("runs", "--json").json] == names[::-1]
    assert [one["name"] for one in console.run("runs", "--workflow", "gated", "--json").json] == [names[1]]
    assert [one["name"] for one in console.run("runs", "--status", "succeeded", "--json").json] == [names[2], names[0]]
    assert console.run("runs", "--by", "nobody", "--json").json == []
    assert len(console.run("runs", "--since", "1h", "--limit", "2", "--json").json) == 2
    assert "steps" not in console.run("runs", "--json").json[0]
    assert [one["name"] for one in console.run("status", "--json").json] == [names[1]]


def test_the_list_of_workflows_has_a_line_to_type(console):
    assert "pointsman run greet" in console.run("list").out
    listed = {one["name"]: one for one in console.run("list", "--json").json}
    assert listed["greet"]["inputs"]["times"]["maximum"] == 5


def test_a_broken_file_stops_its_own_workflow_and_no_other(console):
    (console.folder / "workflows" / "broken.yaml").write_text("workflow: broken\nsteps: {a: {uses: nothing}}\n")
    assert console.run("run", "greet", "--wait").code == 0
    ended = console.run("run", "broken")
    assert ended.code == 1
    assert "broken.yaml" in ended.err
    assert "pointsman check" in ended.err


def test_check_answers_with_the_documented_keys_and_1_when_something_is_wrong(console):
    good = console.run("check", "--json")
    assert (good.code, good.json["problems"], len(good.json["files"])) == (0, [], 4)
    (console.folder / "bad.yaml").write_text("workflow: bad\nsteps:\n  a: {uses: transfrom, with: 1}\n")
    bad = console.run("check", "bad.yaml", "--json")
    assert bad.code == 1
    (problem,) = bad.json["problems"]
    assert {"file", "line", "column", "severity", "code", "message", "hint"} <= problem.keys()
    assert (problem["file"], problem["line"], problem["severity"]) == ("bad.yaml", 3, "error")
    assert "^" in console.run("check", "bad.yaml").out


def test_the_history_is_a_list_with_the_documented_keys_and_the_audit_holds(console):
    name = console.run("run", "greet", "--json").json["name"]
    entries = console.run("history", name, "--json").json
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert {"seq", "at", "actor", "event", "step", "data", "hash"} <= entries[0].keys()
    assert (entries[0]["event"], entries[0]["actor"]["kind"]) == ("RunStarted", "operator")
    assert entries[-1]["actor"] == {"kind": "engine", "id": "engine", "name": "Pointsman"}
    verified = console.run("audit", "verify", name, "--json")
    assert (verified.code, verified.json["verified"]) == (0, True)


def test_a_record_that_was_touched_fails_the_audit(console):
    name = console.run("run", "greet", "--json").json["name"]
    with closing(sqlite3.connect(console.folder / "pointsman.db")) as raw, raw:
        raw.execute("UPDATE events SET content = CAST(replace(content, 'world', 'Ada') AS BLOB) WHERE seq = 1")
    ended = console.run("audit", "verify", name, "--json")
    assert (ended.code, ended.json["verified"]) == (1, False)
    assert ended.json["problems"][0]["seq"] == 1


def test_two_commands_at_once_take_turns(console):
    running = [
        subprocess.Popen(
            [SCRIPT, "run", "greet", f"name={number}", "--json"],
            cwd=console.folder,
            env=console.environment,
            stdout=subprocess.PIPE,
        )
        for number in range(3)
    ]
    answers = [json.loads(one.communicate(timeout=60)[0]) for one in running]
    assert [one["status"] for one in answers] == ["succeeded"] * 3
    assert len({one["name"] for one in answers}) == 3


def test_looking_is_possible_while_a_command_is_at_work(console):
    (console.folder / "workflows" / "slow.yaml").write_text(SLOW)
    with console.started("run", "slow", "--wait") as process:
        process.until("wait")
        (listed,) = console.run("runs", "--json").json
        assert listed["status"] == "running"
        process.end()


def test_a_killed_command_is_taken_up_by_the_same_command(console):
    (console.folder / "workflows" / "slow.yaml").write_text(SLOW)
    with console.started("run", "slow", "--dedupe-key", "k", "--wait") as process:
        process.until("wait")
        process.signal(9)
        process.wait()
    name = console.run("runs", "--json").json[0]["name"]
    state = console.run("status", name, "--json").json
    assert state["steps"]["wait"]["status"] == "running"
    with console.started("run", "slow", "--dedupe-key", "k", "--wait") as process:
        until(
            lambda: console.run("status", name, "--json").json["steps"]["wait"]["attempts"] == 2, "the second attempt"
        )
        assert console.run("status", name, "--json").json["steps"]["first"]["attempts"] == 1


def test_resume_carries_on_a_run_whose_process_was_killed(console):
    (console.folder / "workflows" / "slow.yaml").write_text(SLOW)
    with console.started("run", "slow", "--wait") as process:
        process.until("wait")
        process.signal(9)
        process.wait()
    name = console.run("runs", "--json").json[0]["name"]
    with console.started("resume", name) as process:
        until(
            lambda: console.run("status", name, "--json").json["steps"]["wait"]["attempts"] == 2, "the second attempt"
        )
        assert console.run("status", name, "--json").json["steps"]["first"]["attempts"] == 1
    assert console.run("resume", "R-NONE").code == 2


def test_a_run_that_waits_for_people_is_not_resumed(console):
    name = console.run("run", "gated", "--json").json["name"]
    assert console.run("resume", name, "--json").json["error"]["code"] == "run_not_paused"


def test_an_unknown_step_names_the_command_that_settles_it(console):
    name = console.run("run", "unsure", "--wait", "--json").json["name"]
    told = console.run("status", name).out
    assert f"pointsman settle {name} send --happened|--again|--fail" in told
    assert "Look at the other end whether it happened" in told


def test_a_paused_run_names_the_command_that_resumes_it(console):
    name = console.run("run", "gated", "--json").json["name"]
    with closing(sqlite3.connect(console.folder / "pointsman.db")) as raw, raw:
        raw.execute("UPDATE runs SET status = 'paused', reason = 'out of ink' WHERE name = ?", (name,))
    assert f"pointsman resume {name}" in console.run("status", name).out


def test_a_cancelled_run_with_an_unknown_step_waits_for_nobody(console):
    name = console.run("run", "unsure", "--wait", "--json").json["name"]
    ended = console.run("cancel", name).out
    assert "cancelled, nobody can say whether send happened" in ended
    assert "waiting for people" not in ended
    assert "pointsman settle" not in ended
    state = console.run("status", name, "--json").json
    assert (state["waiting_for"], state["unsettled"]) == ([], ["send"])


def test_wrong_inputs_stand_on_a_line_each_and_in_a_list_for_programs(console):
    words = ("run", "greet", "times=9", "nmae=x")
    lines = console.run(*words).err.splitlines()
    assert lines[0] == "pointsman: greet cannot start:"
    assert ["times" in lines[1], "nmae" in lines[2], len(lines)] == [True, True, 3]
    error = console.run(*words, "--json").json["error"]
    assert [one["name"] for one in error["problems"]] == ["times", "nmae"]
    assert all(one.keys() == {"name", "message", "hint"} for one in error["problems"])


def test_the_list_has_the_number_of_a_version_once_it_is_known(console):
    assert {one["number"] for one in console.run("list", "--json").json} == {None}
    console.run("run", "greet")
    assert {one["number"] for one in console.run("list", "--json").json} == {1}


def test_a_headless_run_leaves_other_runs_alone(console):
    first = console.run("run", "gated", "--json").json["name"]
    second = console.run("run", "gated", "--json").json["name"]
    console.run("approve", second, "--override", "x")
    states = {one["name"]: one["status"] for one in console.run("runs", "--json").json}
    assert states == {first: "running", second: "succeeded"}


def test_the_version_is_printed_without_importing_the_world():
    done = subprocess.run(
        [SCRIPT, "--version"], env=environment(PYTHONPROFILEIMPORTTIME="1"), capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("pointsman ")
    for heavy in ("typer", "pydantic", "structlog", "aiohttp", "slack_bolt", "httpx"):
        assert f" {heavy}\n" not in done.stderr, f"{heavy} was imported"


def test_every_shipped_workflow_is_sound():
    done = Console(Path(__file__).parents[2]).run("check", "workflows", "--json")
    assert (done.code, done.json["problems"]) == (0, [])
    assert len(done.json["files"]) >= 5


def test_ctrl_c_ends_the_command_and_leaves_the_run_to_be_taken_up(console):
    (console.folder / "workflows" / "slow.yaml").write_text(SLOW)
    with console.started("run", "slow", "--dedupe-key", "k", "--wait") as process:
        process.until("wait  running")
        process.signal(2)
        assert process.wait() == 130, process.text
        assert "Traceback" not in process.text
    name = console.run("runs", "--json").json[0]["name"]
    assert console.run("status", name, "--json").json["status"] == "running"
    assert console.run("cancel", name, "--json").json["status"] == "cancelled"
