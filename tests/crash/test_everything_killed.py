"""Everything a run may do, done by a service that is killed at any point, and compared with one that never was."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import anyio
import pytest

from tests.support.crash_story import explained
from tests.support.mortal_service import DIED, NEVER, Fuse
from tests.support.yearbook_checks import Outcome, check, outcomes
from tests.support.yearbook_story import Publisher, publisher

ALL = os.environ.get("CRASH_ALL") == "1"
SEED = int(os.environ.get("PROOF_SEED") or int.from_bytes(os.urandom(3)))
SAMPLE = int(os.environ.get("CRASH_POINTS", "3"))
AT_ONCE = 6
POINTS = 420  # less than a life without an end comes past

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(12 * 3_600 if ALL else 300)]


async def lived(place: Publisher, fuse: Fuse, *later: Fuse) -> None:
    place.fuses = list(later)
    place.begin(fuse)
    await place.ask_for_books()
    await place.see_through()
    await place.stop()


async def without_a_death(folder: Path) -> tuple[dict[str, Outcome], list[str]]:
    async with publisher(folder) as twin:
        with explained(twin, "without a death"):
            await lived(twin, NEVER)
            came_out = outcomes(twin)
            check(twin, came_out)
        return came_out, twin.lives[0].points()


async def test_killed_at_any_point_everything_comes_out_as_if_nothing_had_happened(tmp_path: Path) -> None:
    print(f"PROOF_SEED={SEED}")
    luck = Random(SEED)
    wanted = list(range(1, POINTS)) if ALL else sorted(luck.sample(range(1, POINTS), SAMPLE))
    room, twin_known = anyio.CapacityLimiter(AT_ONCE), anyio.Event()
    twins: list[dict[str, Outcome]] = []
    died: list[int] = []
    found: list[Exception] = []

    async def twin() -> None:
        async with room:
            came_out, points = await without_a_death(tmp_path / "twin")
            assert len(points) >= POINTS
            twins.append(came_out)
            twin_known.set()

    async def live_and_die(point: int) -> None:
        async with room, publisher(tmp_path / str(point)) as place:
            try:
                with explained(place, f"PROOF_SEED={SEED}, killed at point {point}"):
                    await lived(place, Fuse(point))
                    await twin_known.wait()
                    check(place, twins[0])
            except Exception as error:  # the other points are worth knowing, too
                found.append(error)
            if place.lives[0].exit_code == DIED:
                died.append(point)

    async with anyio.create_task_group() as group:
        group.start_soon(twin)
        for point in wanted:
            group.start_soon(live_and_die, point)
    if found:
        raise ExceptionGroup(f"PROOF_SEED={SEED}", found)
    assert len(died) >= 0.75 * len(wanted)
