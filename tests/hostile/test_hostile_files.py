"""A database of which bytes were changed or lost is refused, or the audit tells it: nothing wrong passes for right."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import audit
from engine.clock import HandClock
from engine.rules.commands import Decide
from store import history, lookups
from store.database import Reader, opened
from store.faults import StoreFault
from store.glance import glance
from store.history import Chain
from tests.support.engines import MINA, RAVI, ended, gate, person, plan, running, step, waits
from tests.support.twisting import TIMES, tries

pytestmark = pytest.mark.timeout(120 * TIMES)

START = 1_795_392_000_000


class Sound:
    """A file as it was written, and what is told of it."""

    def __init__(self, raw: bytes, told: Any) -> None:
        self.raw, self.told = raw, told

    def changed(self, path: Path, changes: Iterable[tuple[float, int]]) -> Path:
        """The same with other bytes in some places, at this path."""
        raw = bytearray(self.raw)
        for where, other in changes:
            raw[int(where * len(raw))] ^= other
        return self.put(path, bytes(raw))

    def differs(self, told: Any) -> str:
        """Where something else is told than was written; nothing, where it is refused or known to be wrong."""
        for known, found in zip(self.told, self.told if told is None else told, strict=True):
            for one, other in zip((known[0], *known[1]), (found[0], *found[1]), strict=True):
                if one != other:
                    return f"{one}\n{other}"
        return ""

    def put(self, path: Path, raw: bytes) -> Path:
        for beside in path.parent.glob(f"{path.name}*"):
            beside.unlink()
        path.write_bytes(raw)
        return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """A file with a run that was approved and one that waits."""
    path = tmp_path_factory.mktemp("sound") / "a.db"
    anyio.run(_written, path)
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    found = Sound(path.read_bytes(), served(path))
    assert found.told
    return found


async def _written(path: Path) -> None:
    made = plan(step("draft"), gate("review", ["draft"], with_={"question": "Publish it?"}), inputs={})
    clock = HandClock(START)
    async with running(path, made, clock=clock) as service:
        first = await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        facts = person(RAVI, "@editors", at=clock.now())
        await service.engine.perform(first.id, Decide("review", RAVI, "approve", comment="good"), person=facts)
        await ended(service, first)
        await waits(service, (await service.engine.start("sample", {}, actor=MINA)).run)


def told(tx: Reader) -> Any:
    """All that is kept of runs, as people are shown it."""
    return [(lookups.run(tx, row.id), history.of(tx, row.id)) for row in lookups.run_list(tx)]


def served(path: Path) -> Any:
    """What is read there, or None when it is refused or known to be wrong."""
    try:
        with glance(path) as tx:
            return None if list(audit.verify(tx, Chain())) else told(tx)
    except StoreFault:
        return None


async def _opens(path: Path) -> bool:
    try:
        async with opened(path, now=START) as database:
            return bool(await database.read(lambda tx: list(audit.verify(tx, Chain()))) == [])
    except StoreFault:
        return False


CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=6)


@tries(60)
@given(changes=CHANGES)
def test_changed_bytes_never_pass_for_what_was_written(
    sound: Sound, tmp_path: Path, changes: list[tuple[float, int]]
) -> None:
    assert not sound.differs(served(sound.changed(tmp_path / "changed.db", changes)))


@tries(20)
@given(part=st.floats(0, 1, exclude_max=True))
def test_a_file_that_breaks_off_is_refused(sound: Sound, tmp_path: Path, part: float) -> None:
    assert served(sound.put(tmp_path / "short.db", sound.raw[: int(part * len(sound.raw))])) is None


@tries(10)
@given(changes=CHANGES)
def test_a_service_refuses_a_changed_file_or_its_audit_tells(
    sound: Sound, tmp_path: Path, changes: list[tuple[float, int]]
) -> None:
    path = sound.changed(tmp_path / "opened.db", changes)
    if anyio.run(_opens, path):
        assert not sound.differs(served(path))
