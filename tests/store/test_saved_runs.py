"""A run is the same after it was saved and loaded, in every field of every noun, and follows from its history."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from hypothesis import given, settings

from engine import audit
from engine.rules.evolution import fold
from store import codec, definitions, history, runs
from store.database import Database, Writer, opened
from store.events import GateOverdue, ReportIgnored
from store.history import START, Chain
from store.model import Content, Gate, GateState, Run, RunStatus, Step, Workflow
from store.tally import counted
from tests.support.engines import plan, step
from tests.support.plan_strategies import Driven, a_story, chances
from tests.support.strange_rows import VERSIONS, OddRows

FOLLOWS = {"active", "large", "busy", "held"}  # from the steps, and counted anew when a run is loaded
IDENTITY = {
    *("id", "name", "workflow", "requester", "origin", "trace_id", "created_at", "dedupe_key", "parent", "previous"),
    "erased_at",
}


def on_a_file(story: Callable[[Database], Awaitable[None]]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with opened(Path(folder) / "a.db", now=0, synchronous="normal") as database:
                await database.write(_versions)
                await story(database)

    anyio.run(run)


def _versions(tx: Writer) -> None:
    for version in VERSIONS:
        made = replace(plan(step("only"), workflow="odd"), version=version)
        definitions.keep(tx, Workflow("odd", "Odd", version), made, "", 0)


async def saved(database: Database, before: Run | None, after: Run) -> Run:
    """The run as it is loaded after this change was saved. What the events say does not matter to the rows."""
    seq = before.seq if before else 0
    gates = [GateOverdue(0, one.place) for one in after.steps.values() if one.gate]
    events = (*gates, ReportIgnored(0, next(iter(after.steps.values())).place, "odd"))
    after = replace(after, seq=seq + len(events))
    await database.write(lambda tx: runs.save(tx, Chain(), before, after, events, START, True))
    loaded = await database.read(lambda tx: runs.load(tx, after.id))
    assert loaded is not None
    assert loaded[0] == after
    return after


@settings(max_examples=40)
@given(chances)
def test_whatever_changes_in_a_run_and_its_steps_is_there_after_loading(chance: Random) -> None:
    async def story(database: Database) -> None:
        odd = OddRows(chance)
        run = await saved(database, None, odd.run())
        for _ in range(3):
            steps = {key: one if odd.flag() else replace(one, **odd.state()) for key, one in run.steps.items()}
            if odd.flag():
                added = odd.step("d", f"k{chance.randint(1, 3)}")
                steps.setdefault(added.key, added)
            fate = odd.fate() if odd.flag() else {}
            run = await saved(database, run, counted(replace(run, steps=steps, **fate)))

    on_a_file(story)


@settings(max_examples=25)
@given(chances)
def test_whatever_changes_at_a_gate_is_there_after_loading(chance: Random) -> None:
    async def story(database: Database) -> None:
        odd = OddRows(chance)
        run = odd.run()
        gated = {key: replace(one, gate=odd.gate()) for key, one in run.steps.items()}
        run = await saved(database, None, counted(replace(run, steps=gated)))
        for _ in range(3):
            steps = {key: replace(one, gate=_moved(odd, one.gate)) for key, one in run.steps.items() if one.gate}
            run = await saved(database, run, counted(replace(run, steps=steps)))
            asked = {(one.id, who) for one in _gates(run) if one.state is GateState.OPEN for who in one.approvers}
            found = await database.read(lambda tx: tx.rows("SELECT gate_id, reference FROM gate_approvers"))
            assert {tuple(row) for row in found} == asked

    on_a_file(story)


def _gates(run: Run) -> list[Gate]:
    return [one.gate for one in run.steps.values() if one.gate]


def _moved(odd: OddRows, gate: Gate) -> Gate:
    """The gate later: another decision, other approvers, an edited content, a state."""
    state = odd.one(GateState.OPEN, *GateState) if gate.state is GateState.OPEN else gate.state
    return replace(
        gate,
        state=state,
        closed_at=None if state is GateState.OPEN else gate.closed_at or odd.moment(),
        shown=odd.content(),
        digest=odd.text(),
        approvers=(*gate.approvers, "U0LATER"),
        overdue=odd.flag(),
        reminded=gate.reminded + 1,
        escalated=odd.flag(),
        decisions=(*gate.decisions, odd.decision()),
    )


@pytest.mark.parametrize("name", [one.name for one in fields(Step) if one.name not in ("name", "item", "gate")])
def test_a_change_of_one_field_of_a_step_is_saved(name: str) -> None:
    async def story(database: Database) -> None:
        odd = OddRows(Random(name))
        for _ in range(999):  # until chance has changed it in a way that a row may hold
            run = odd.run()
            old = run.steps["a"]
            other = replace(old, **{name: odd.state()[name]})
            if getattr(other, name) != getattr(old, name) and _fits(old) and _fits(other):
                break
        else:
            raise AssertionError("no change was found")
        run = await saved(database, None, run)
        await saved(database, run, counted(replace(run, steps=run.steps | {"a": other})))

    on_a_file(story)


def _fits(step: Step) -> bool:
    """Whether a row may hold it: what is ready or waiting has a time."""
    return (step.due_at is not None) == (step.status in ("ready", "waiting"))


@pytest.mark.parametrize("name", sorted({one.name for one in fields(Run)} - IDENTITY - FOLLOWS - {"seq", "steps"}))
def test_a_change_of_one_field_of_a_run_is_saved(name: str) -> None:
    async def story(database: Database) -> None:
        odd = OddRows(Random(name))
        for _ in range(999):
            run = odd.run(duration_ms=5)
            fate = odd.fate() | {"duration_ms": 6}
            other = replace(run, **{name: fate[name]})
            if name == "duration_ms":
                other = replace(other, version=odd.one(*{*VERSIONS} - {run.version}))  # it comes with a version
            if getattr(other, name) != getattr(run, name) and _ends(run) and _ends(other):
                break
        else:
            raise AssertionError("no change was found")
        run = await saved(database, None, run)
        await saved(database, run, other)

    on_a_file(story)


def _ends(run: Run) -> bool:
    return (run.ended_at is not None) == run.status.finished


def test_content_that_is_null_is_not_the_same_as_none() -> None:
    async def story(database: Database) -> None:
        odd = OddRows(Random(1))
        run = odd.run(status=RunStatus.RUNNING, ended_at=None, outputs=Content(None), previous=Content(None))
        await saved(database, None, run)

    on_a_file(story)


@settings(max_examples=40)
@given(chances)
def test_a_run_that_was_driven_by_chance_is_what_its_history_says(chance: Random) -> None:
    async def story(database: Database) -> None:
        told, chain, head = a_story(chance), Chain(), START
        driven, before, seen = Driven(chance, told), None, 0
        for _ in range(25):
            changes: list[tuple[Run | None, Run, Any]] = []
            for _ in range(chance.randint(1, 4)):  # several changes of a run may share a commit
                if len(told.events) > seen:
                    assert told.run is not None
                    changes.append((before, told.run, tuple(told.events[seen:])))
                    before, seen = told.run, len(told.events)
                driven.ask()
            head = await database.write(
                lambda tx, head=head, changes=changes: _kept(tx, chain, told.plan, head, changes)
            )
            await _agrees(database, before)
        found = await database.read(lambda tx: list(audit.verify(tx, chain)))
        assert found == []

    on_a_file(story)


def _kept(tx: Writer, chain: Chain, made: Any, head: bytes, changes: list[tuple[Run | None, Run, Any]]) -> bytes:
    if definitions.plan(tx, made.version) is None:
        definitions.keep(tx, Workflow(made.workflow, "Sample", made.version), made, "", 0)
    for before, after, events in changes:
        head = runs.save(tx, chain, before, after, events, head, True)
    return head


async def _agrees(database: Database, expected: Run | None) -> None:
    assert expected is not None
    loaded = await database.read(lambda tx: runs.load(tx, expected.id))
    entries = await database.read(lambda tx: history.of(tx, expected.id))
    assert loaded is not None
    assert loaded[0] == expected
    assert fold(None, [entry.event for entry in entries if entry.event]) == expected
    assert codec.load(Run, codec.dump(expected)) == expected
