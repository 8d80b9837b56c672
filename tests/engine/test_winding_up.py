"""Taking steps back and the last steps, on a real engine: in order, durable, and not twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from engine.rules.commands import Cancel, Decide
from engine.service import Service
from engine.time_allowed import own_ms
from store.model import Plan, Retry, Run, RunStatus, StepPlan, StepStatus
from tests.support.engines import MINA, RAVI, block, ended, gate, person, plan, running, step, waits
from tests.support.proofs import sound, survives

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
APPEND = 'echo "$1" >> "$2"'


def note(folder: Path, name: str, word: str, after: tuple[str, ...] = (), **more: Any) -> StepPlan:
    """A step that writes a word into the file `log`, each time it runs."""
    argv = ["/bin/sh", "-c", APPEND, "sh", word, str(folder / "log")]
    return step(name, "command", after, with_={"argv": argv}, **{"effect": "idempotent", **more})


def trip(folder: Path, last: StepPlan) -> Plan:
    """Three steps that can be taken back, one that cannot, one that decides, and a last step."""
    return plan(
        note(folder, "hotel", "hotel"),
        note(folder, "flight", "flight", ("hotel",)),
        note(folder, "letter", "letter", ("flight",)),
        note(folder, "car", "car", ("letter",)),
        last,
        note(folder, "tell", "told ${{ run.outcome }}", phase="finally"),
        undo=tuple(note(folder, f"{name}:undo", f"no {name}") for name in ("hotel", "flight", "car")),
    )


def words(folder: Path) -> list[str]:
    return (folder / "log").read_text().splitlines()


FORTH = ["hotel", "flight", "letter", "car"]
BACK = ["no car", "no flight", "no hotel"]


async def test_a_failed_run_takes_back_what_it_did_latest_first_then_does_its_last_steps(tmp_path: Path) -> None:
    made = trip(tmp_path, step("pay", after=["car"], with_={"n": "${{ inputs.missing }}"}))
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert (run.status, run.error.code) == (RunStatus.FAILED, "mapping_failed")
        assert words(tmp_path) == [*FORTH, *BACK, "told failed"]
        assert {run.steps[f"{name}:undo"].status.value for name in ("hotel", "flight", "car")} == {"succeeded"}
        await sound(service)


@pytest.mark.parametrize("verdict", ["reject", "cancel"])
async def test_a_rejected_or_cancelled_run_takes_back_as_well(tmp_path: Path, verdict: str) -> None:
    async with running(tmp_path / "a.db", trip(tmp_path, gate("review", ["car"]))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        if verdict == "cancel":
            await engine.perform(run.id, Cancel(MINA, "enough"))
        else:
            facts = person(RAVI, "@editors", at=engine.clock.now())
            await engine.perform(run.id, Decide("review", RAVI, "reject"), person=facts)
        run = await ended(service, run)
        assert run.status.value == {"cancel": "cancelled", "reject": "rejected"}[verdict]
        assert words(tmp_path) == [*FORTH, *BACK, f"told {run.status.value}"]


async def test_a_run_that_went_well_takes_nothing_back_and_does_its_last_steps(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", trip(tmp_path, step("pay", after=["car"]))) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.SUCCEEDED
        assert words(tmp_path) == [*FORTH, "told succeeded"]
        await sound(service)


async def test_what_cannot_be_taken_back_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    made = plan(
        note(tmp_path, "hotel", "hotel"),
        note(tmp_path, "car", "car", ("hotel",)),
        step("pay", "stop", ["car"], with_={"outcome": "failed", "reason": "no money"}),
        undo=(
            note(tmp_path, "hotel:undo", "no hotel"),
            step("car:undo", "command", with_={"argv": ["false"]}, retry=Retry(2, backoff_min_ms=1, backoff_max_ms=1)),
        ),
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert words(tmp_path) == ["hotel", "car", "no hotel"]
        undo = run.steps["car:undo"]
        assert (undo.status.value, undo.failures, undo.error.code) == ("failed", 2, "command_failed")
        assert (run.status, run.error.message) == (RunStatus.FAILED, "no money")
        await sound(service)


async def test_items_are_taken_back_too(tmp_path: Path) -> None:
    made = plan(
        block("all", each="['a', 'b']", concurrency=1, key="item"),
        note(tmp_path, "all.book", "book ${{ item }}"),
        step("pay", "stop", ["all"], with_={"outcome": "rejected"}),
        undo=(note(tmp_path, "all.book:undo", "no ${{ item }}"),),
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.status is RunStatus.REJECTED
        assert words(tmp_path) == ["book a", "book b", "no b", "no a"]
        await sound(service)


async def test_an_undo_knows_what_its_step_gave(tmp_path: Path) -> None:
    made = plan(
        step("book", with_={"id": 42}),
        step("pay", "stop", ["book"], with_={"outcome": "failed"}),
        undo=(step("book:undo", with_={"cancelled": "${{ steps.book.output.id }}"}),),
    )
    async with running(tmp_path / "a.db", made) as service:
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.steps["book:undo"].output.value == {"cancelled": 42}


async def test_killed_at_any_commit_everything_is_taken_back_and_told(tmp_path: Path) -> None:
    async def live(service: Service) -> Run:
        started = await service.engine.start("sample", {}, actor=MINA, dedupe_key="one")
        return await ended(service, started.run)

    for point in range(6, 90, 3):
        folder = tmp_path / str(point)
        folder.mkdir()
        made = trip(folder, step("pay", "stop", ["car"], with_={"outcome": "failed"}))
        run, _, reached = await survives(folder / "a.db", (made,), live, point)
        assert run.status is RunStatus.FAILED
        first = list(dict.fromkeys(words(folder)))  # what was cut off is done again, as its effect allows
        assert first == [*FORTH, *BACK, "told failed"], f"killed at {point}"
        assert len(words(folder)) <= len(first) + 1, f"killed at {point}"
        if not reached:
            return
    raise AssertionError("there are more crash points than were tried")


async def test_stopping_the_service_in_the_middle_of_it_loses_nothing(tmp_path: Path) -> None:
    made = plan(
        note(tmp_path, "hotel", "hotel"),
        step("pay", "stop", ["hotel"], with_={"outcome": "failed"}),
        note(tmp_path, "tell", "told", phase="finally"),
        undo=(step("hotel:undo", "wait", with_={"for": "24h"}),),
    )
    async with running(tmp_path / "a.db", made) as service:
        run = (await service.engine.start("sample", {}, actor=MINA)).run
        with anyio.fail_after(20):
            await service.engine.wait_for(run.id, lambda run: "hotel:undo" in run.steps and _waits(run, "hotel:undo"))
    async with running(tmp_path / "a.db", made) as service:
        run = await service.engine.look(run.id)
        assert (run.status, _waits(run, "hotel:undo"), words(tmp_path)) == (RunStatus.ENDING, True, ["hotel"])
        await sound(service)


def _waits(run: Run, key: str) -> bool:
    return run.steps[key].status.value == "waiting"


def unclear(folder: Path, words: str) -> Plan:
    """A payment that was cut off half-way, and a step that fails after it; the payment is taken back by its output."""
    killed = {"argv": ["sh", "-c", "kill -KILL $$"]}
    back = note(folder, "pay:undo", words, retry=Retry(3, backoff_min_ms=1, backoff_max_ms=1))
    pay = step("pay", "command", with_=killed, effect="once", retry=Retry(1))
    fail = step("check", after=["review"], with_={"n": "${{ inputs.missing }}"})
    return plan(pay, gate("review"), fail, note(folder, "tell", "told", phase="finally"), undo=(back,))


async def fails_with_unknown(service: Service) -> Run:
    engine = service.engine
    run = (await engine.start("sample", {}, actor=MINA)).run
    with anyio.fail_after(20):
        run = await engine.wait_for(run.id, lambda run: run.steps["pay"].status is StepStatus.UNKNOWN)
    await waits(service, run)
    facts = person(RAVI, "@editors", at=engine.clock.now())
    await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)
    return await ended(service, run)


async def test_what_has_no_output_to_be_taken_back_by_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", unclear(tmp_path, "no ${{ steps.pay.output.id }}")) as service:
        run = await fails_with_unknown(service)
        undo = run.steps["pay:undo"]
        assert (run.status, undo.status, undo.attempt) == (RunStatus.FAILED, StepStatus.FAILED, 1), "told once"
        assert undo.error.code == "undo_without_output"
        assert undo.error.message.startswith("Nobody knows whether pay happened, so it has no output")
        assert "has(steps.pay.output)" in undo.error.hint
        assert (run.warnings, words(tmp_path)) == (True, ["told"])
        await sound(service)


async def test_what_provides_for_a_missing_output_is_taken_back_without_it(tmp_path: Path) -> None:
    guarded = "no ${{ has(steps.pay.output) ? steps.pay.output.id : run.name }}"
    async with running(tmp_path / "a.db", unclear(tmp_path, guarded)) as service:
        run = await fails_with_unknown(service)
        assert run.steps["pay:undo"].status is StepStatus.SUCCEEDED
        assert words(tmp_path) == [f"no {run.name}", "told"]


@pytest.mark.parametrize(
    ("spec", "expected_ms"),
    [
        (step("a", "command"), None),
        (step("a", "command", attempt_timeout_ms=90 * HOUR), 90 * HOUR),
        (step("a:undo", "command"), HOUR),
        (step("a", "command", phase="finally"), HOUR),
        (step("a", "command", phase="finally", attempt_timeout_ms=5), 5),
        (step("a", "command", phase="finally", timeout_ms=3 * HOUR), 3 * HOUR),
        (step("a:undo", "command", attempt_timeout_ms=90 * HOUR), 24 * HOUR),
    ],
)
def test_what_is_done_for_a_run_that_is_over_always_ends(spec: StepPlan, expected_ms: int | None) -> None:
    assert own_ms(spec) == expected_ms
