"""backup, restore and prune as commands: beside a running service, and alone."""

import sqlite3
from contextlib import closing

import pytest

from tests.support.console import Console
from tests.support.services import sandbox, served, workspace

NOTED = """\
workflow: noted
title: Note something
channel: "#general"
inputs: {text: string}
keep: {content: 90d}
steps:
  note: {uses: transform, with: {said: "${{ inputs.text }}"}}
outputs: {said: "${{ steps.note.output.said }}"}
"""
LONG_AGO_MS = 200 * 86_400_000


def folder_with(folder):
    workflows = folder / "workflows"
    workflows.mkdir()
    (workflows / "noted.yaml").write_text(NOTED)
    return folder


def aged(folder, name):
    """Let a run have happened long ago, as far as what is kept goes."""
    with closing(sqlite3.connect(folder / "pointsman.db")) as raw:
        sql = "UPDATE runs SET created_at = created_at - ?, ended_at = ended_at - ? WHERE name = ?"
        raw.execute(sql, (LONG_AGO_MS, LONG_AGO_MS, name))
        raw.commit()


@pytest.fixture
def console(tmp_path):
    return Console(folder_with(tmp_path))


def test_beside_a_service_a_backup_is_made_and_old_runs_are_dropped(tmp_path):
    with sandbox() as api_url:
        console = workspace(folder_with(tmp_path), api_url)
        first = console.run("run", "noted", "text=first", "--wait", "--json").json["name"]
        aged(tmp_path, first)
        with served(console):
            second = console.run("run", "noted", "text=second", "--wait", "--json").json["name"]
            told = console.run("backup", "a.backup", "--json")
            assert (told.code, told.json["runs"], told.json["missing"]) == (0, 2, [])
            ahead = console.run("prune", "--older-than", "180d", "--dry-run", "--json").json
            assert ahead["pruned"] == [first]
            done = console.run("prune", "--older-than", "180d", "--json").json
            assert (done["dry_run"], done["pruned"]) == (False, [first])
            gone = console.run("status", first)
            assert (gone.code, "was dropped on" in gone.err) == (1, True)
            assert console.run("status", second, "--json").json["status"] == "succeeded"
            assert console.run("audit", "verify").code == 0
            refused = console.run("restore", "a.backup", "--force")
            assert (refused.code, "is in use by another Pointsman" in refused.err) == (4, True)


def test_alone_everything_works_the_same_and_a_restore_brings_back_what_was(console, tmp_path):
    name = console.run("run", "noted", "text=secret words", "--wait", "--json").json["name"]
    assert console.run("backup", "a.backup").out.startswith("a.backup holds 1 runs")
    again = console.run("backup", "a.backup")
    assert (again.code, "is there already" in again.err) == (1, True)
    aged(tmp_path, name)
    assert console.run("prune").out.startswith("1 runs erased, 0 runs dropped")
    erased = console.run("status", name, "--json").json
    assert (erased["inputs"], erased["steps"]["note"]["output"]) == ({"text": "(erased)"}, "(erased)")
    assert {line["data"] for line in console.run("history", name, "--json").json} == {"(erased)"}
    refused = console.run("restore", "a.backup")
    assert (refused.code, "--force" in refused.err) == (4, True)
    done = console.run("restore", "a.backup", "--force")
    assert done.code == 0
    assert "put aside" not in done.err
    assert "pointsman.db.replaced-1" in done.out
    assert console.run("status", name, "--json").json["inputs"] == {"text": "secret words"}
    elsewhere = console.run("restore", "a.backup", "--to", "other/b.db", "--json").json
    assert (elsewhere["runs"], elsewhere["put_aside"]) == (1, None)
    assert console.run("audit", "verify", POINTSMAN_DB="other/b.db").out == "The record is whole.\n"


@pytest.mark.parametrize(("words", "says"), [("soon", "not a length of time"), ("5m", "at least an hour")])
def test_a_wrong_time_is_said_to_be_wrong(console, words, says):
    wrong = console.run("prune", "--older-than", words)
    assert (wrong.code, says in wrong.err) == (2, True)


def test_a_file_that_is_no_backup_is_said_to_be_none(console, tmp_path):
    (tmp_path / "a.backup").write_text("no zip")
    wrong = console.run("restore", "a.backup")
    assert (wrong.code, "no backup" in wrong.err) == (4, True)
    assert not (tmp_path / "pointsman.db").exists()
