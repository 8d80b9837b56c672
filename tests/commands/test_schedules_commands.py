"""Schedules at the command line: shown with their next times, paused, added, started; with a service and alone."""

from __future__ import annotations

import pytest

from tests.support.console import Console, until
from tests.support.services import sandbox, served, workspace

TIDY = """\
workflow: tidy
title: Tidy up
inputs: {what: {type: string, default: desk}}
on:
  - {schedule: nightly, cron: "30 2 * * *", timezone: Europe/Berlin, inputs: {what: "${{ event.schedule }}"}}
  - {schedule: weekly, cron: "0 9 * * 1", timezone: Europe/Berlin, overlap: queue, catch_up: all}
steps:
  note: {uses: transform, with: {line: "${{ inputs.what }}"}}
outputs: {line: "${{ steps.note.output.line }}"}
"""
ORDERS = """\
workflow: orders
title: Look at the orders
inputs: {limit: {type: integer}}
steps:
  note: {uses: transform, with: {n: "${{ inputs.limit }}"}}
"""


def filled(folder):
    (folder / "workflows").mkdir()
    (folder / "workflows" / "tidy.yaml").write_text(TIDY)
    (folder / "workflows" / "orders.yaml").write_text(ORDERS)


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    filled(folder)
    with sandbox() as api_url:
        console = workspace(folder, api_url)
        with served(console):
            yield console


@pytest.fixture
def alone(tmp_path):
    filled(tmp_path)
    return Console(tmp_path)


def named(console, *words):
    return {one["schedule"]: one for one in console.run("schedules", *words, "--json").json}


def test_schedules_of_files_are_kept_and_shown_with_their_next_times(console):
    found = named(console)
    assert {"tidy/nightly", "tidy/weekly"} <= found.keys()
    weekly = named(console, "list", "--workflow", "tidy", "--next", "5")["tidy/weekly"]
    assert (weekly["overlap"], weekly["catch_up"], weekly["state"], weekly["source"]) == (
        "queue",
        "all",
        "active",
        "file",
    )
    assert len(weekly["next"]) == 5
    assert all(slot["local"].split()[1] == "09:00" for slot in weekly["next"])
    shown = console.run("schedules")
    assert "tidy/weekly" in shown.out
    assert "0 9 * * 1 Europe/Berlin" in shown.out
    assert "No service" not in shown.err


def test_days_on_which_the_clocks_change_are_marked(console):
    # Half past two comes twice on one night of the year and never on another: fifty nights need not hold one.
    console.run("schedules", "add", "tidy", "gap", "30 2 25-31 3 0", "--timezone", "Europe/Berlin")
    console.run("schedules", "add", "tidy", "fold", "30 2 25-31 10 0", "--timezone", "Europe/Berlin")
    found = named(console, "list", "--next", "12")
    assert "gap" in {slot["unusual"] for slot in found["tidy/gap"]["next"]}
    assert "fold" in {slot["unusual"] for slot in found["tidy/fold"]["next"]}
    text = console.run("schedules", "list", "--next", "12").out
    assert "the clocks go forward" in text
    assert "its time comes twice: it fires once" in text
    assert {console.run("schedules", "delete", name).code for name in ("gap", "fold")} == {0}


def test_a_schedule_is_paused_with_its_reason_and_goes_on(console):
    paused = console.run("schedules", "pause", "weekly", "--reason", "holidays", "--json")
    assert (paused.code, paused.json["state"], paused.json["next"]) == (0, "paused", []), paused
    assert "holidays" in paused.json["why"]
    assert console.run("reload").code == 0
    assert named(console)["tidy/weekly"]["state"] == "paused"
    assert "paused" in console.run("schedules").out
    assert console.run("schedules", "resume", "tidy/weekly", "--json").json["state"] == "active"


def test_a_schedule_is_added_by_an_operator_who_counts_as_its_requester(console):
    words = ["schedules", "add", "orders", "hourly", "0 * * * *", "limit=5"]
    added = console.run(*words, "--json")
    assert (added.code, added.json["source"], added.json["inputs"]) == (0, "person", {"limit": 5}), added
    assert added.json["creator"]["kind"] == "operator"
    again = console.run(*words)
    assert (again.code, "already" in again.err) == (1, True)
    assert console.run("reload").code == 0
    assert "orders/hourly" in named(console)
    assert console.run("schedules", "delete", "hourly").code == 0
    assert "orders/hourly" not in named(console)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["pause", "weeky"], 2, "Did you mean tidy/weekly?"),
        (["delete", "weekly"], 1, "tidy.yaml"),
        (["add", "ordres", "x", "@daily"], 2, "Did you mean orders?"),
        (["add", "orders", "x", "@daily"], 2, "limit"),
        (["add", "orders", "x", "@daily", "limit=many"], 2, "limit"),
        (["add", "orders", "x", "0 9 *", "limit=1"], 2, "five"),
        (["add", "orders", "x", "@daily", "limit=1", "--timezone", "Mars/Olympus"], 2, "Mars/Olympus"),
        (["add", "orders", "Not a name", "@daily", "limit=1"], 2, "small letters"),
        (["add", "orders", "x", "@daily", "--overlap", "perhaps"], 2, "perhaps"),
    ],
)
def test_what_is_not_understood_is_told_with_what_to_write(console, words, code, says):
    before = named(console)
    ended = console.run("schedules", *words)
    assert (ended.code, says in ended.err) == (code, True), ended
    assert named(console).keys() == before.keys()


def test_a_run_is_started_at_once_and_tells_its_slot(console):
    started = console.run("schedules", "run-now", "nightly", "--json")
    assert started.code == 0, started
    name = started.json["name"]
    state = until(lambda: (one := console.run("status", name, "--json").json)["ended_at"] and one, "the end")
    assert state["outputs"] == {"line": "nightly"}
    assert state["origin"]["schedule"] == "tidy/nightly"
    assert state["origin"]["slot"] in console.run("runs").out
    assert "for tidy/nightly of" in console.run("status", name).out
    (last,) = named(console)["tidy/nightly"]["last"]
    assert (last["outcome"], last["run"]) == ("started", name)
    off = console.run("disable", "tidy", "Not today")
    refused = console.run("schedules", "run-now", "nightly")
    assert (off.code, refused.code, "Not today" in refused.err) == (0, 1, True), refused
    assert console.run("enable", "tidy").code == 0


def test_alone_schedules_are_shown_from_the_files_and_it_is_said_that_none_fires(alone):
    shown = alone.run("schedules")
    assert shown.code == 0, shown
    assert "tidy/nightly" in shown.out
    assert "No service is running" in shown.err
    assert not (alone.folder / "pointsman.db").exists()
    assert alone.run("run", "tidy").code == 0
    assert alone.run("schedules", "--json").json == alone.run("schedules", "list", "--json").json


def test_alone_a_schedule_is_added_paused_and_started(alone):
    assert alone.run("schedules", "add", "orders", "hourly", "0 * * * *", "limit=5").code == 0
    assert alone.run("schedules", "pause", "hourly").code == 0
    assert named(alone)["orders/hourly"]["state"] == "paused"
    started = alone.run("schedules", "run-now", "orders/hourly", "--json")
    assert (started.code, started.json["status"]) == (0, "succeeded"), started
    assert alone.run("status", started.json["name"], "--json").json["inputs"] == {"limit": 5}
