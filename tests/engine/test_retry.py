"""Letting a run that has ended go on, through the one door of a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.rules.commands import Decide, Refusal
from engine.rules.commands import Retry as Again
from engine.service import Service
from store import lookups
from store.model import Content, Retry, Run, RunStatus, StepPlan
from tests.support.engines import MINA, RAVI, definition, ended, gate, person, plan, running, step, waits
from tests.support.proofs import kinds, sound

pytestmark = pytest.mark.anyio


def count(folder: Path, name: str, after: tuple[str, ...] = (), **more: Any) -> StepPlan:
    """A step that counts how often it ran, and fails while there is no file `good`."""
    script = 'echo x >> "$1"; [ -e "$2" ] && wc -l < "$1"'
    argv = ["/bin/sh", "-c", script, "sh", str(folder / name), str(folder / more.pop("needs_file", "good"))]
    more = {"effect": "idempotent", "retry": Retry(1), "spec": {"parse": "json"}, **more}
    return step(name, "command", after, with_={"argv": argv, "env": {"TOPIC": "${{ inputs.topic }}"}}, **more)


def times(folder: Path, name: str) -> int:
    path = folder / name
    return len(path.read_text().split()) if path.exists() else 0


async def approve(service: Service, run: Run) -> None:
    engine = service.engine
    facts = person(RAVI, "@editors", at=engine.clock.now())
    assert (await engine.perform(run.id, Decide("review", RAVI, "approve"), person=facts)).refusal is None


async def test_what_failed_is_done_again_and_what_was_done_or_approved_stays(tmp_path: Path) -> None:
    (tmp_path / "always").touch()
    made = plan(
        count(tmp_path, "draft", needs_file="always"),
        gate("review", ["draft"], with_={"question": "Go?", "show": "${{ steps.draft.output }}"}),
        count(tmp_path, "publish", ("review",)),
        step("tell", after=["publish"]),
        outputs={"n": "${{ steps.publish.output }}"},
    )
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {"topic": "ink"}, actor=MINA)).run)
        await approve(service, run)
        run = await ended(service, run)
        assert run.status is RunStatus.FAILED
        approved = run.steps["review"].gate
        (tmp_path / "good").touch()
        assert (await engine.perform(run.id, Again(RAVI, "the disk is back"))).refusal is None
        run = await ended(service, run)
        assert (run.status, run.outputs.value) == (RunStatus.SUCCEEDED, {"n": 2}), run.error
        assert times(tmp_path, "draft") == 1
        assert run.steps["review"].gate == approved
        assert run.ended_at is not None
        await sound(service)
        attempts = await engine.database.read(lambda tx: lookups.attempts(tx, run.id))
        assert [(one.attempt, one.outcome) for one in attempts if one.key == "publish"] == [
            (1, "failed"),
            (2, "succeeded"),
        ]


async def test_from_a_step_on_everything_is_done_again_and_people_are_asked_again(tmp_path: Path) -> None:
    (tmp_path / "good").touch()
    made = plan(
        count(tmp_path, "draft"),
        gate("review", ["draft"], with_={"question": "Go?", "show": "${{ steps.draft.output }}"}),
        count(tmp_path, "publish", ("review",)),
    )
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {"topic": "ink"}, actor=MINA)).run)
        await approve(service, run)
        run = await ended(service, run)
        first = run.steps["review"].gate
        assert (await engine.perform(run.id, Again(MINA, from_step="draft"))).refusal is None
        run = await waits(service, run)
        second = run.steps["review"].gate
        assert (second.number, second.version) == (first.number, first.version + 1)
        assert second.digest != first.digest
        await approve(service, run)
        run = await ended(service, run)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert (times(tmp_path, "draft"), times(tmp_path, "publish")) == (2, 2)
        assert run.steps["publish"].round == 2
        await sound(service)


async def test_with_other_inputs_what_reads_them_is_done_again(tmp_path: Path) -> None:
    made = plan(
        step("title", with_={"is": "${{ inputs.topic }}"}),
        step("fixed", with_={"n": 1}),
        step("price", after=["fixed"], with_={"n": "${{ 10 / inputs.by }}"}, retry=Retry(1)),
    )
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = await ended(service, (await engine.start("sample", {"topic": "ink", "by": 0}, actor=MINA)).run)
        assert run.status is RunStatus.FAILED
        inputs = engine.content.kept({"topic": "ink", "by": 5, "text": "x" * 20_000})
        answered = await engine.perform(run.id, Again(MINA, inputs=inputs, changed=("by",)))
        assert answered.refusal is None
        run = await ended(service, run)
        assert (run.status, run.steps["price"].output.value) == (RunStatus.SUCCEEDED, {"n": 2}), run.error
        assert (run.steps["title"].attempt, run.steps["fixed"].attempt) == (1, 1)
        assert run.inputs.hash is not None
        await sound(service)


async def test_a_failed_run_goes_on_with_the_newest_version(tmp_path: Path) -> None:
    old = plan(step("first", with_={"n": 4}), step("bad", after=["first"], with_={"n": "${{ inputs.missing }}"}))
    new = plan(
        step("first", with_={"n": 4}),
        step("bad", after=["first"], with_={"n": "${{ steps.first.output.n + 1 }}"}),
        step("added", after=["bad"], with_={"n": "${{ steps.bad.output.n + 1 }}"}),
        outputs={"n": "${{ steps.added.output.n }}"},
    )
    path = tmp_path / "a.db"
    async with running(path, old) as service:
        engine = service.engine
        run = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        assert (await engine.perform(run.id, Again(MINA, newest=True))).refusal is None, "it is the newest"
        await ended(service, run)
        await engine.use({"sample": definition(new)})
        assert (await engine.perform(run.id, Again(MINA, newest=True))).refusal is None
        run = await ended(service, run)
        assert (run.status, run.outputs.value, run.version) == (RunStatus.SUCCEEDED, {"n": 6}, new.version), run.error
        assert run.steps["first"].attempt == 1
        await sound(service)
    async with running(path, new) as service:
        assert (await service.engine.plan_of(run.version)).step("added").name == "added"
        await sound(service)


async def test_a_version_that_needs_what_the_run_was_not_given_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(step("bad", with_={"n": "${{ inputs.missing }}"}))) as service:
        engine = service.engine
        run = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        needy = plan(step("bad"), inputs={"topic": {"type": "string"}})
        await engine.use({"sample": definition(needy)})
        refused = await engine.perform(run.id, Again(MINA, newest=True))
        assert refused.refusal is Refusal.VERSION_DOES_NOT_FIT
        assert (await engine.look(run.id)).status is RunStatus.FAILED


async def test_a_step_whose_effect_must_not_happen_twice_asks_for_a_word_first(tmp_path: Path) -> None:
    (tmp_path / "always").touch()
    made = plan(count(tmp_path, "pay", needs_file="always", effect="once"), count(tmp_path, "tell", ("pay",)))
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        run = await ended(service, (await engine.start("sample", {"topic": "x"}, actor=MINA)).run)
        before = await kinds(service, run)
        refused = await engine.perform(run.id, Again(MINA, from_step="pay"))
        assert refused.refusal is Refusal.ONCE_WOULD_REPEAT
        assert await kinds(service, run) == before
        (tmp_path / "good").touch()
        assert (await engine.perform(run.id, Again(MINA, from_step="pay", confirmed=True))).refusal is None
        run = await ended(service, run)
        assert (run.status, times(tmp_path, "pay")) == (RunStatus.SUCCEEDED, 2)


async def test_a_run_under_way_is_not_retried_and_one_that_went_well_has_nothing_to_retry(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(gate("review"))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        assert (await engine.perform(run.id, Again(MINA))).refusal is Refusal.RUN_NOT_FINISHED
        await approve(service, run)
        await ended(service, run)
        assert (await engine.perform(run.id, Again(MINA))).refusal is Refusal.NOTHING_TO_RETRY


async def test_a_retried_run_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    made = plan(count(tmp_path, "first"), gate("review", ["first"]), step("last", after=["review"]))
    async with running(path, made) as service:
        run = await ended(service, (await service.engine.start("sample", {"topic": "x"}, actor=MINA)).run)
        (tmp_path / "good").touch()
    async with running(path, made, drive=False) as service:
        assert (await service.engine.perform(run.id, Again(MINA))).refusal is None
    async with running(path, made) as service:
        run = await waits(service, run)
        await approve(service, run)
        assert (await ended(service, run)).status is RunStatus.SUCCEEDED
        await sound(service)


async def test_what_the_last_good_run_gave_is_known_to_the_next(tmp_path: Path) -> None:
    made = plan(
        step("add", with_={"n": "${{ (previous.outputs == null ? 0 : previous.outputs.n) + inputs.by }}"}),
        outputs={"n": "${{ steps.add.output.n }}"},
    )
    async with running(tmp_path / "a.db", made) as service:
        engine = service.engine
        given = []
        for by in (1, 2, None, 4):
            run = await ended(service, (await engine.start("sample", {"by": by}, actor=MINA)).run)
            given.append(run.outputs.value["n"] if run.outputs else None)
        assert given == [1, 3, None, 7], "a failed run leaves nothing"
        assert run.previous == Content({"n": 3})
        await sound(service)


async def test_a_workflow_that_does_not_look_back_is_given_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "a.db", plan(step("only"), outputs={"n": 1})) as service:
        await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        run = await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        assert run.previous is None
