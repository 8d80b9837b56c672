"""The whole service, killed at any moment while Slack and the people in it live on, and started again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import anyio
import pytest

from bot import service, settings
from bot.opening import opening
from store import anchors, receipts
from store.model import GateState, RunStatus, StepStatus
from tests.support.crash_checks import check, check_record, reading
from tests.support.crash_story import DEADLINE, START, WEEK_MS, Company, company, explained, key_of, offers
from tests.support.leaping_clock import LeapingClock
from tests.support.mortal_service import DIED, Fuse

ALL = os.environ.get("CRASH_ALL") == "1"
EVERY = 1 if ALL else 6  # of so many crash points one is tried
AT_ONCE = 3

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(1_200 if ALL else 120)]

HANGING = """\
echo "$IDEMPOTENCY_KEY $POINTSMAN_ATTEMPT" >> begun
hang() { if [ "$POINTSMAN_ATTEMPT" = 1 ]; then touch hanging; sleep 60; exit 1; fi; }
"""
EFFECT = 'echo "$POINTSMAN_RUN" >> effects\n'
BEFORE_ITS_EFFECT = f"{HANGING}hang\n{EFFECT}"
AFTER_ITS_EFFECT = f"{HANGING}{EFFECT}hang\n"
"""Commands whose first attempt never ends, and dies with the service."""


async def without_a_crash(folder: Path) -> tuple[list[str], list[str]]:
    async with company(folder) as twin:
        twin.begin()
        await twin.start()
        await twin.see_through()
        await twin.stop()
        said = reading(twin, twin.runs()[0])
        check(twin, said)
        return said, twin.lives[0].points()


async def goes_on(place: Company, twin: list[str]) -> None:
    """Start the service again, and find everything as if nothing had happened."""
    place.begin()
    await place.see_through()
    await place.stop()
    check(place, twin)


@pytest.fixture(scope="module")
def uncrashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """What is read in Slack when nothing crashes, and the crash points that the service came past."""
    return anyio.run(without_a_crash, tmp_path_factory.mktemp("uncrashed"))


@pytest.fixture
def twin(uncrashed: tuple[list[str], list[str]]) -> list[str]:
    return uncrashed[0]


# Any point. -----------------------------------------------------------------------------------------------------------


async def test_killed_at_any_point_the_service_ends_what_it_began(
    tmp_path: Path, uncrashed: tuple[list[str], list[str]]
) -> None:
    twin, points = uncrashed
    wanted = range(1, len(points) + 1, EVERY)
    died: list[int] = []
    room = anyio.CapacityLimiter(AT_ONCE)

    async def live_and_die(point: int) -> None:
        async with room, company(tmp_path / str(point)) as place:
            place.begin(Fuse(point))
            with explained(place, f"killed at point {point}"):
                await place.start()
                await place.see_through()
                await place.stop()
                check(place, twin)
            if place.lives[0].exit_code == DIED:
                died.append(point)

    async with anyio.create_task_group() as group:
        for point in wanted:
            group.start_soon(live_and_die, point)
    # Commits share a batch by chance, so that a life may have a few points less than another.
    assert len(died) >= 0.8 * len(wanted)


@pytest.mark.parametrize("luck", range(20 if ALL else 1))
async def test_killed_again_and_again_the_service_ends_what_it_began(
    tmp_path: Path, twin: list[str], luck: int
) -> None:
    async with company(tmp_path) as place:
        first, *place.fuses = [Fuse(nth) for nth in Random(luck).choices(range(2, 32), k=7)]
        place.begin(first)
        with explained(place, f"killed at {first} and {place.fuses}"):
            await place.start()
            await place.see_through()
            await place.stop()
            check(place, twin)
        assert len(place.lives) > 2


# In the middle of a step. ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "attempts"), [(BEFORE_ITS_EFFECT, ["1", "2"]), (AFTER_ITS_EFFECT, ["1"])], ids=["not yet", "it did"]
)
async def test_killed_in_the_middle_of_a_step_that_may_happen_once_somebody_is_asked_whether_it_happened(
    tmp_path: Path, twin: list[str], script: str, attempts: list[str]
) -> None:
    async with company(tmp_path, script=script) as place:
        await killed_while_it_hangs(place)
        before = place.effects()
        place.begin()
        await place.appears("alert")
        (run,) = place.runs()
        assert run.steps["publish"].status is StepStatus.UNKNOWN
        assert place.effects() == before
        await place.see_through()
        await place.stop()
        check(place, twin)
        assert [line.split()[1] for line in place.written("begun").splitlines()] == attempts


async def test_killed_in_the_middle_of_a_step_that_may_be_repeated_it_is_repeated_under_the_same_key(
    tmp_path: Path, twin: list[str]
) -> None:
    async with company(tmp_path, effect="idempotent", script=BEFORE_ITS_EFFECT) as place:
        await killed_while_it_hangs(place)
        await goes_on(place, twin)
        first, second = (line.split() for line in place.written("begun").splitlines())
        assert (first[0], first[1], second[1]) == (second[0], "1", "2")
        (run,) = place.runs()
        await place.left_alone(run)
        assert place.effects() == [run.id]


async def killed_while_it_hangs(place: Company) -> None:
    place.begin()
    await place.start_once()
    await place.approve_once()
    await place.sandbox.until(lambda: (place.workflows / "hanging").exists(), DEADLINE)
    place.lives[-1].kill()
    await place.died()


# At an open gate. -----------------------------------------------------------------------------------------------------


async def test_a_gate_outlives_the_process_of_the_real_command_that_was_killed(tmp_path: Path, twin: list[str]) -> None:
    async with company(tmp_path) as place:
        command = [sys.executable, "-c", "from bot.main import main; main()", "serve"]
        log = (tmp_path / "serve.log").open("wb")
        with (
            log,
            subprocess.Popen(
                command, cwd=tmp_path, env={**os.environ, **place.environment}, stdout=log, stderr=log
            ) as process,
        ):
            try:
                await place.sandbox.until(lambda: place.sandbox.connections, DEADLINE)
                await place.start_once()
                card = await place.card()
            finally:
                process.kill()
        await place.sandbox.until(lambda: not place.sandbox.connections, DEADLINE)
        assert (await place.once(place.clicks, lambda: place.click("ravi", card["ts"]))).error == "dispatch_failed"
        await goes_on(place, twin)
        assert place.said("gate")[0]["ts"] == card["ts"]


async def test_a_gate_whose_time_ran_out_while_the_service_was_dead_expires_when_it_is_back(tmp_path: Path) -> None:
    clock = LeapingClock()
    async with company(tmp_path, clock=clock) as place:
        place.begin()
        await place.start_once()
        card = await place.card()
        place.lives[-1].kill()
        await place.died()
        clock.leap(WEEK_MS)
        async with service.running(opening(settings.load(place.environment, env_file=None)), clock=clock):
            with anyio.fail_after(DEADLINE):
                while not place.at_rest():
                    await place.something()
        (run,) = place.runs()
        assert run.status is RunStatus.REJECTED
        assert run.steps["review"].gate is not None
        assert run.steps["review"].gate.state is GateState.EXPIRED
        assert [(one["ts"], offers(one, "gate_approve")) for one in place.said("gate")] == [(card["ts"], False)]
        assert place.effects() == []
        check_record(place)


# Between what is on disk and what is in Slack. ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["run", "gate", "end"])
async def test_killed_between_a_commit_and_its_message_it_is_posted_once(
    tmp_path: Path, twin: list[str], kind: str
) -> None:
    async with company(tmp_path) as place:
        place.begin(Fuse(1, f"before chat.postMessage {kind}"))
        await until_killed(place, kind)
        assert place.said(kind) == []
        assert unfinished(place) == [kind]
        await goes_on(place, twin)
        assert posts(place, kind) == 1


@pytest.mark.parametrize("kind", ["run", "gate", "end"])
async def test_a_message_whose_posting_was_not_remembered_is_found_again_and_not_doubled(
    tmp_path: Path, twin: list[str], kind: str
) -> None:
    async with company(tmp_path) as place:
        place.begin(Fuse(1, f"after chat.postMessage {kind}"))
        await until_killed(place, kind)
        (posted,) = place.said(kind)
        assert unfinished(place) == [kind]
        await goes_on(place, twin)
        assert [one["ts"] for one in place.said(kind)] == [posted["ts"]]
        assert posts(place, kind) == 1


async def until_killed(place: Company, kind: str) -> None:
    """What people do before a message of this kind is posted."""
    await place.start_once()
    if kind == "end":
        await place.approve_once()
    await place.died()


def unfinished(place: Company) -> list[str]:
    """The kinds of messages of which the service does not know whether Slack has them."""
    found = place.look(lambda tx: anchors.unfinished(tx, 10))
    assert all(anchor.ts is None for anchor in found)
    return [anchor.key.split(":")[0] for anchor in found]


def posts(place: Company, kind: str) -> int:
    """How often Slack was given a message of this kind."""
    requests = [entry.request for entry in place.sandbox.traffic.of("chat.postMessage")]
    return sum(key_of(request).startswith(kind) for request in requests)


# Between what was received and what is answered. ----------------------------------------------------------------------


async def test_killed_between_the_receipt_of_a_command_and_the_run_it_is_started_later(
    tmp_path: Path, twin: list[str]
) -> None:
    async with company(tmp_path) as place:
        place.sandbox.faults.add(method="users.info", kind="delay", ms=1_000)  # so that nothing can be begun yet
        place.begin(Fuse(1, "after ack"))
        await place.start_once()
        await place.died()
        assert place.runs() == []
        assert states(place) == ["received"]
        await goes_on(place, twin)
        assert (place.starts.tried, len(place.runs()), len(place.heard("mina"))) == (1, 1, 1)


async def test_killed_between_the_receipt_of_a_click_and_the_decision_it_is_decided_later(
    tmp_path: Path, twin: list[str]
) -> None:
    async with company(tmp_path) as place:
        place.sandbox.faults.add(method="usergroups.users.list", kind="delay", ms=1_000)
        place.begin(Fuse(2, "after ack"))
        await place.start_once()
        await place.approve_once()
        await place.died()
        (run,) = place.runs()
        assert run.steps["review"].gate is not None
        assert run.steps["review"].gate.decisions == ()
        assert states(place) == ["received"]
        await goes_on(place, twin)
        assert (place.clicks.tried, len(place.heard("ravi"))) == (1, 1)


@pytest.mark.parametrize(("nth", "who"), [(1, "mina"), (2, "ravi")])
async def test_killed_between_what_was_asked_and_its_answer_it_is_answered_once(
    tmp_path: Path, twin: list[str], nth: int, who: str
) -> None:
    async with company(tmp_path) as place:
        place.begin(Fuse(nth, "before answer"))
        await place.start_once()
        if who == "ravi":
            await place.approve_once()
        await place.died()
        assert place.heard(who) == []
        assert states(place) == ["performed"]
        await goes_on(place, twin)
        assert len(place.heard(who)) == 1


async def test_killed_between_a_refusal_and_its_answer_the_refusal_is_told(tmp_path: Path) -> None:
    async with company(tmp_path) as place:
        place.begin(Fuse(3, "before answer"))
        await place.start_once()
        await place.approve_once()
        await place.see_through()
        (run,) = place.runs()
        await place.sandbox.act_as("mina").command("/flow", f"cancel {run.name}", "#content")
        await place.died()
        assert states(place) == ["performed"]
        place.begin()
        await place.sandbox.until(lambda: len(place.heard("mina")) == 2, DEADLINE)
        assert "has already finished" in place.heard("mina")[1]
        assert "cancel" not in place.heard("mina")[1]


async def test_a_command_that_slack_called_failed_is_carried_out_when_it_was_on_disk(
    tmp_path: Path, twin: list[str]
) -> None:
    async with company(tmp_path) as place:
        place.sandbox.faults.add(method="users.info", kind="delay", ms=1_000)
        place.begin(Fuse(1, "before ack"))
        answer = await place.start_once()
        assert (answer.acked, answer.error) == (False, "operation_timeout")
        await place.died()
        assert states(place) == ["received"]
        await goes_on(place, twin)
        assert len(place.heard("mina")) == 1


async def test_words_that_slack_delivers_again_after_a_crash_start_one_run(tmp_path: Path, twin: list[str]) -> None:
    async with company(tmp_path) as place:
        delivery = place.sandbox.parts.delivery
        place.begin(Fuse(1, "before ack"))
        await place.connected()
        place.starts.tried += 1
        await place.sandbox.act_as("mina").say("#content", f"<@U0BOT> {START}")
        await place.died()
        await place.sandbox.until(lambda: delivery.retries, DEADLINE)
        place.begin()
        await place.connected()
        await delivery.run_due(everything=True)
        assert not delivery.retries
        await place.see_through()
        await place.stop()
        check(place, twin)
        assert len(place.runs()) == 1


def states(place: Company) -> list[str]:
    """How far the service has come with what it received and has not answered."""
    return [receipt.state for receipt in place.look(lambda tx: receipts.open(tx, 10))]
