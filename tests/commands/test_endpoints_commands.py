"""Endpoints at the command line: listed from the file alone, tried, and named when there is no such one."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.support.console import Console

TIDY = """\
workflow: tidy
title: Tidy up
steps:
  note: {uses: transform, with: {line: done}}
"""
SINCE = 1_763_800_000_000
ROW = ("host cms.example.com", 5, SINCE + 60_000, SINCE, 3, "http_status", "503 Service Unavailable", None, None)


@pytest.fixture
def console(tmp_path: Path) -> Console:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "tidy.yaml").write_text(TIDY)
    here = Console(tmp_path)
    assert here.run("run", "tidy", "--wait").code == 0
    return here


def broken(console: Console) -> None:
    database = next(console.folder.glob("*.db"))
    with sqlite3.connect(database) as file:
        names = "name, failures, held_until, held_since, holds, code, message, probe, up_at"
        file.execute(f"INSERT INTO endpoints ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", ROW)
    file.close()


def test_when_none_is_down_it_says_so(console: Console) -> None:
    assert "Every endpoint answered" in console.run("endpoints").out
    assert json.loads(console.run("endpoints", "list", "--json").out) == []


def test_what_is_down_is_listed_with_who_waits(console: Console) -> None:
    broken(console)
    told = console.run("endpoints").out
    assert "host cms.example.com  down since" in told
    assert "0 runs wait" in told
    assert "503 Service Unavailable" in told
    (one,) = json.loads(console.run("endpoints", "list", "--json").out)
    assert (one["endpoint"], one["tried"], one["runs_waiting"]) == ("host cms.example.com", 3, 0)
    assert one["down_since"] == "2025-11-22T08:26:40.000Z"


def test_one_is_tried_by_the_name_behind_its_kind(console: Console) -> None:
    broken(console)
    told = console.run("endpoints", "try", "cms.example.com")
    assert told.code == 0
    assert "tried by the next run that needs it" in told.out


def test_one_that_is_not_down_is_named_with_those_that_are(console: Console) -> None:
    broken(console)
    told = console.run("endpoints", "try", "printer")
    assert told.code == 2
    assert "No endpoint that is down is called printer." in told.err
    assert "Down are: host cms.example.com." in told.err
