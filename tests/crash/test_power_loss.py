"""The power goes, at any moment: whole commits may be lost, and none that anybody was told of."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from engine.rules.commands import Decide
from engine.rules.evolution import fold
from store import history, lookups
from store.connections import on_thread
from store.content import ContentFolder
from store.database import Database, opened
from store.faults import StoreFault
from store.history import Chain
from store.model import Content
from tests.support.engines import MINA, RAVI, gate, person, plan, running, step, waits
from tests.support.power import Disk, Moment, cut_during, cut_in_checkpoint, moment, read_wal

pytestmark = pytest.mark.anyio
SEED = int(os.environ.get("PROOF_SEED") or int.from_bytes(os.urandom(3)))
CUTS = int(os.environ.get("POWER_CUTS", "1"))  # of each commit
RUNS = int(os.environ.get("POWER_RUNS", "2"))
LONG = "a long story " * 2_000

BOOK = plan(
    step("draft", with_={"text": "${{ inputs.text }}", "of": "${{ run.id }}"}),
    step("same", with_={"text": "${{ inputs.text }}"}),
    gate("review", ["draft", "same"], with_={"question": "Good?", "show": "${{ steps.draft.output }}"}),
    step("last", after=["review"], with_={"again": "${{ steps.draft.output }}"}),
    inputs={"text": {"type": "string"}},
    outputs={"text": "${{ steps.last.output }}"},
)


@dataclasses.dataclass
class Watched:
    """A life of the service, commit by commit."""

    moments: list[Moment]
    answered: list[tuple[str, int]]  # what was answered: the run, and how long its history was


async def lived(folder: Path, disk: Disk) -> Watched:
    """A few runs that share large values, side by side, on a file that is checkpointed often."""
    path = folder / "a.db"
    seen = Watched([], [])
    async with running(path, BOOK) as service:
        engine = service.engine
        await often_checkpointed(engine.database)

        def commit(where: str, tx: Any) -> None:
            if where == "after commit":
                seen.moments.append(moment(path, disk, len(seen.answered)))

        engine.database.fuse = commit

        async def one(number: int) -> None:
            started = await engine.start("sample", {"text": LONG + str(number % 2)}, actor=MINA)
            await note(started.run.id)
            await waits(service, started.run)
            facts = person(RAVI, "@editors", at=engine.clock.now())
            await engine.perform(started.run.id, Decide("review", RAVI, "approve"), person=facts)
            await note(started.run.id)
            await engine.wait_for(started.run.id, lambda run: run.status.finished)
            await note(started.run.id)

        async def note(run_id: str) -> None:
            entries = await engine.database.read(lambda tx: history.of(tx, run_id))
            seen.answered.append((run_id, len(entries)))

        async def one_by_one() -> None:
            for number in range(RUNS):
                await one(number)

        async with anyio.create_task_group() as group:  # both write the same large values at the same time
            group.start_soon(one_by_one)
            group.start_soon(one_by_one)
        engine.database.fuse = lambda where, tx: None
    return seen


async def often_checkpointed(database: Database) -> None:
    def set_up(connection: sqlite3.Connection) -> int:
        connection.execute("PRAGMA wal_autocheckpoint = 40")
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    assert await on_thread(database._writer, set_up) == 2, "a commit is not synced before it is reported"


def told(path: Path) -> bytes:
    """A hash of everything that stands in the tables."""
    found = sha256()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        for table in sorted(
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ):
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):
                found.update(repr(row).encode())
    return found.digest()


def undamaged(one: Moment, folder: Path) -> bytes:
    folder.mkdir()
    path = folder / "a.db"
    path.write_bytes(one.database)
    Path(f"{path}-wal").write_bytes(one.wal)
    return told(path)


async def check(path: Path, answered: list[tuple[str, int]]) -> None:
    """Whatever is on record is whole, and all that was answered is on record."""
    folder = ContentFolder(path)
    async with opened(path, now=0) as database:
        assert await database.read(lambda tx: list(history.verify(tx, Chain()))) == []
        for run_id in await database.read(lambda tx: [row[0] for row in tx.rows("SELECT id FROM runs")]):
            run = await database.read(lambda tx, run_id=run_id: lookups.run(tx, run_id))
            entries = await database.read(lambda tx, run_id=run_id: history.of(tx, run_id))
            assert fold(None, [entry.event for entry in entries]) == run
            for content in contents((run, [entry.event for entry in entries])):
                assert folder.value(content) is not None
        for run_id, length in answered:
            assert len(await database.read(lambda tx, run_id=run_id: history.of(tx, run_id))) >= length


def contents(value: Any) -> Iterator[Content]:
    """Every value that is referred to, however deep."""
    if isinstance(value, Content):
        yield value
    elif dataclasses.is_dataclass(value):
        for one in dataclasses.fields(value):
            yield from contents(getattr(value, one.name))
    elif isinstance(value, dict):
        for one in value.values():
            yield from contents(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from contents(one)


async def test_when_the_power_goes_only_whole_commits_are_lost_and_none_that_was_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"PROOF_SEED={SEED}")
    luck = Random(SEED)
    with monkeypatch.context() as patched:
        seen = await lived(tmp_path, Disk(patched, tmp_path))
    moments = seen.moments
    assert len(moments) > 3 * RUNS
    assert len({read_wal(one.wal).salts for one in moments}) > 1, "the WAL never began anew"
    assert any(one.content for one in moments)
    states = [undamaged(one, tmp_path / f"state-{number}") for number, one in enumerate(moments)]
    outcomes = set()
    for number in range(1, len(moments)):
        for _ in range(CUTS):
            path = cut_during(moments[number - 1], moments[number], tmp_path / "cut", luck)
            state = told(path)
            where = f"PROOF_SEED={SEED}, commit {number}"
            assert state in (states[number - 1], states[number]), f"{where}: half a commit is there"
            outcomes.add(state == states[number])
            if state == states[number]:  # what it refers to was synced before it was written
                path = cut_with_content(path, moments[number])
            await check(path, seen.answered[: moments[number].answered])
    assert outcomes == {True, False}


def cut_with_content(path: Path, then: Moment) -> Path:
    for name, data in then.content:
        target = Path(f"{path}.content") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path


async def test_when_the_power_goes_while_the_wal_is_copied_back_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"PROOF_SEED={SEED}")
    luck = Random(SEED)
    with monkeypatch.context() as patched:
        seen = await lived(tmp_path, Disk(patched, tmp_path))
    for number, one in enumerate(seen.moments):
        path = cut_in_checkpoint(one, tmp_path / "cut", luck)
        assert told(path) == undamaged(one, tmp_path / f"state-{number}"), f"PROOF_SEED={SEED}, commit {number}"
        await check(path, seen.answered[: one.answered])


# What a commit refers to. ---------------------------------------------------------------------------------------------


def test_the_first_value_of_a_database_outlasts_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, tmp_path)
    folder = ContentFolder(tmp_path / "a.db")
    kept = folder.kept(LONG)
    assert disk.keeps(folder.path(str(kept.hash)))


def test_a_file_that_arrives_first_outlasts_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, tmp_path)
    (tmp_path / "brief.txt").write_text(LONG)
    folder = ContentFolder(tmp_path / "a.db")
    name, _ = folder.kept_file(tmp_path / "brief.txt")
    assert disk.keeps(folder.path(name))


def test_a_value_that_somebody_else_is_still_writing_is_not_referred_to_before_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, tmp_path)
    folder = ContentFolder(tmp_path / "a.db")
    named, go_on, sync = threading.Event(), threading.Event(), os.fsync

    def slow(handle: int) -> None:
        if threading.current_thread() is first and Path(os.readlink(f"/proc/self/fd/{handle}")).is_dir():
            named.set()
            assert go_on.wait(20)
        sync(handle)

    monkeypatch.setattr(os, "fsync", slow)
    first = threading.Thread(target=folder.kept, args=(LONG,))
    first.start()
    try:
        assert named.wait(20)
        kept = folder.kept(LONG)
        assert disk.keeps(folder.path(str(kept.hash)))
        assert folder.held(str(kept.hash))
    finally:
        go_on.set()
        first.join()


@pytest.mark.parametrize("again", ["kept", "held"])
def test_a_value_whose_folder_could_not_be_synced_is_synced_by_whoever_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    disk = Disk(monkeypatch, tmp_path)
    folder = ContentFolder(tmp_path / "a.db")
    with monkeypatch.context() as broken:
        sync = os.fsync

        def failing(handle: int) -> None:
            if Path(os.readlink(f"/proc/self/fd/{handle}")).is_dir():
                raise OSError(5, "Input/output error")
            sync(handle)

        broken.setattr(os, "fsync", failing)
        with pytest.raises(StoreFault):
            folder.kept(LONG)
    (path,) = Path(f"{tmp_path / 'a.db'}.content").glob("??/*")
    assert not disk.keeps(path)
    if again == "held":
        folder.held(path.name)
    else:
        folder.kept(LONG)
    assert disk.keeps(path)


def test_a_disk_forgets_what_was_not_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, tmp_path)
    (tmp_path / "below").mkdir()
    path = tmp_path / "below" / "a"
    path.write_text("a")
    assert not disk.keeps(path)
    for one in (path, tmp_path / "below"):
        assert not disk.keeps(path)
        synced(one)
    synced(tmp_path)
    assert disk.keeps(path)
    path.rename(path.with_name("b"))
    assert not disk.keeps(path.with_name("b"))


def synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
