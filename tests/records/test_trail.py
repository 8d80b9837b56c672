"""Who did what over all runs: searched for by person and period, and exported as evidence."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.evidence import trail
from bot.evidence.collection import collected
from bot.requests import Objection, Trail
from engine.clock import HandClock
from engine.definitions.plan import version_of
from engine.rules.commands import Cancel, Decide
from store import history
from store import trail as rows
from store.glance import glance
from tests.support.engines import MINA, OPERATOR, RAVI, ended, gate, person, plan, running, step, waits

pytestmark = pytest.mark.anyio
DAY = 86_400_000
START = 1_795_392_000_000  # 2026-11-23T00:00:00Z


async def recorded(folder: Path) -> Path:
    """Mina starts a run a day for three days: Ravi approves the first, Mina may not approve hers, one is cancelled."""
    made = plan(step("draft"), gate("review", ["draft"], with_={"question": "Publish?"}), inputs={})
    made = replace(made, version=version_of(made))
    clock = HandClock(START)
    async with running(folder / "a.db", made, clock=clock) as service:
        engine = service.engine
        for day in range(3):
            run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
            if day == 0:
                await engine.perform(
                    run.id,
                    Decide("review", RAVI, "approve", comment="good"),
                    person=person(RAVI, "@editors", at=clock.now()),
                )
            elif day == 1:
                await engine.perform(
                    run.id, Decide("review", MINA, "approve"), person=person(MINA, "@editors", at=clock.now())
                )
                await engine.perform(run.id, Cancel(OPERATOR, reason="not needed"))
            if day < 2:
                await ended(service, run)
            clock.advance(DAY)
    return folder / "a.db"


def searched(database: Path, **asked: object) -> list[tuple[str, str]]:
    with glance(database) as tx:
        found = trail.found(tx, Trail(**asked), START + 3 * DAY)
    return [(act.actor.name, act.kind) for act in found.acts]


async def test_what_each_did_is_found_in_the_order_of_time(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    everything = searched(database)
    assert everything == [
        ("Mina", "RunStarted"),
        ("Ravi", "DecisionMade"),
        ("Mina", "RunStarted"),
        ("Mina", "DecisionRefused"),
        (OPERATOR.name, "CancelRequested"),
        ("Mina", "RunStarted"),
    ]
    assert searched(database, who="ravi") == [("Ravi", "DecisionMade")]
    assert searched(database, who=RAVI.id) == [("Ravi", "DecisionMade")]
    assert searched(database, who="@Mina") == [one for one in everything if one[0] == "Mina"]
    assert searched(database, workflow="sample") == everything
    assert searched(database, workflow="other") == []


async def test_a_period_has_its_first_moment_and_not_its_last_and_a_day_means_all_of_it(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    assert len(searched(database, since="2026-11-24", until="2026-11-24")) == 3
    assert len(searched(database, since="2026-11-24T00:00:00Z", until="2026-11-25T00:00:00Z")) == 3
    assert len(searched(database, until="2026-11-23")) == 2
    assert len(searched(database, since="24h")) == 1
    with pytest.raises(Objection, match="end before it begins"):
        searched(database, since="2026-11-24", until="2026-11-23T12:00:00Z")
    with pytest.raises(Objection, match="yesterday is not a time"):
        searched(database, since="yesterday")


async def test_half_a_name_finds_nobody_and_says_who_may_be_meant(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    with glance(database) as tx:
        found = trail.found(tx, Trail(who="Rav"), START)
        assert found.acts == ()
        assert (
            trail.told(Trail(who="Rav"), found)["note"]
            == f"Nobody called Rav did anything then; there were Ravi ({RAVI.id})."
        )
        few = trail.found(tx, Trail(limit=2), START)
        assert few.more
        assert "There is more than these 2" in trail.told(Trail(limit=2), few)["note"]


async def test_the_look_goes_over_no_more_than_what_people_did_in_that_time(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    with glance(database) as tx:
        asked = {"since": 0, "until": 1, "workflow": None}
        steps = [row["detail"] for row in tx.rows(f"EXPLAIN QUERY PLAN {rows._ALL}", asked)]
        acted = {row["kind"] for row in tx.rows("SELECT kind FROM acts JOIN events USING (run_id, seq)")}
    assert any("acts_by_time (at>? AND at<?)" in one for one in steps)
    assert not any("SCAN" in one for one in steps)
    assert acted == {"RunStarted", "DecisionMade", "DecisionRefused", "CancelRequested"}


async def test_who_takes_an_act_out_of_the_search_is_found(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    with glance(database) as tx:
        assert list(history.verify(tx, history.Chain())) == []
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("DELETE FROM acts WHERE seq > 3")
        raw.commit()
    with glance(database) as tx:
        found = list(history.verify(tx, history.Chain()))
    assert {one.problem for one in found} == {"what people did is not all to be found by a search"}


def test_an_older_file_is_told_the_same_kinds_of_acts() -> None:
    script = (Path(rows.__file__).parent / "migrations" / "0009_trail.sql").read_text()
    assert set(re.findall(r"'([A-Z]\w+)'", script)) == rows.ACTED


# As evidence -------------------------------------------------------------------------------------------------------


def checked(bundle: Path) -> tuple[int, str]:
    with zipfile.ZipFile(bundle if bundle.is_file() else bundle.with_suffix(".zip")) as archive:
        script = bundle.parent / "checks.py"
        script.write_bytes(archive.read("check.py"))
    done = subprocess.run([sys.executable, "-I", script, bundle], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def altered(bundle: Path, change: object) -> Path:
    """A copy in which files were changed; those that become None are left out."""
    copy = bundle.with_name("altered.zip")
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return copy


async def test_all_runs_that_somebody_did_something_in_are_one_archive_that_checks_itself(tmp_path: Path) -> None:
    database, bundle = await recorded(tmp_path), tmp_path / "ravi.zip"
    told = collected(database, Trail(who="Ravi"), bundle, START)
    assert (len(told["runs"]), told["acts"]) == (1, 1)
    assert collected(database, Trail(), tmp_path / "all.zip", START)["acts"] == 6
    code, said = checked(tmp_path / "all.zip")
    assert (code, said.count("head of the chain")) == (0, 3)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        archive.extractall(tmp_path / "all")
        page = archive.read("index.html").decode()
    assert checked(tmp_path / "all")[0] == 0
    for name in told["runs"]:
        assert f"href='{name}/index.html'" in page
        assert (tmp_path / "all" / name / "index.html").is_file()


async def test_a_changed_byte_a_missing_run_and_a_run_too_many_are_found(tmp_path: Path) -> None:
    database, bundle = await recorded(tmp_path), tmp_path / "all.zip"
    first, second, _ = collected(database, Trail(), bundle, START)["runs"]

    def byte(name: str, data: bytes) -> bytes:
        return data.replace(b"good", b"evil") if name == f"{first}/events.jsonl" else data

    def missing(name: str, data: bytes) -> bytes | None:
        return None if name.startswith(f"{first}/") else data

    def surplus(name: str, data: bytes) -> bytes:
        if name != "runs.json":
            return data
        about = json.loads(data)
        return json.dumps(about | {"runs": [run for run in about["runs"] if run["name"] != second]}).encode()

    code, said = checked(altered(bundle, byte))
    assert (code, "its content was changed" in said) == (1, True)
    code, said = checked(altered(bundle, missing))
    assert (code, f"{first} is not in the collection" in said) == (1, True)
    code, said = checked(altered(bundle, surplus))
    assert (code, f"{second} is in the collection, and not in its list" in said) == (1, True)


async def test_nothing_is_written_when_nothing_was_found(tmp_path: Path) -> None:
    database = await recorded(tmp_path)
    with pytest.raises(Objection, match="Nobody called Ada did anything then"):
        collected(database, Trail(who="Ada"), tmp_path / "ada.zip", START)
    with pytest.raises(Objection, match="More than 2 things"):
        collected(database, Trail(limit=2), tmp_path / "ada.zip", START)
    assert not (tmp_path / "ada.zip").exists()
    assert list(tmp_path.glob("*.half")) == []
