"""Rows, history, content and names."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import audit
from engine.clock import HandClock
from engine.rules.commands import Decide, SignalRun
from store import anchors, due, endpoints, erasure, history, lookups, outbox, receipts
from store.canon import NotJson, canon, digest
from store.content import ContentFolder, ContentMissing
from store.database import opened
from store.model import Changes, Content
from store.names import run_name
from store.receipts import Receipt
from tests.support.engines import MINA, RAVI, block, ended, gate, person, plan, running, step, waits

pytestmark = pytest.mark.anyio

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(values)
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(value: object) -> None:
    def turned(part: object) -> object:
        if isinstance(part, dict):
            return {key: turned(part[key]) for key in reversed(part)}
        return [turned(item) for item in part] if isinstance(part, list) else part

    assert canon(turned(value)) == canon(value)


@pytest.mark.parametrize("value", [float("nan"), {"a": [float("inf")]}, {1: 2}, 2**70, object(), "\ud800"])
def test_what_is_not_json_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(NotJson):
        canon(value)


def test_integral_floats_are_integers_in_the_canonical_form() -> None:
    assert digest({"a": 1.0}) == digest({"a": 1})
    assert digest({"a": 1.5}) != digest({"a": 1})


def test_small_values_stay_and_large_ones_are_kept_once_by_their_hash(tmp_path: Path) -> None:
    folder = ContentFolder(tmp_path / "a.db")
    assert folder.kept({"a": 1}) == Content({"a": 1})
    large = {"text": "x" * 10_000}
    kept = folder.kept(large)
    assert kept.hash is not None
    assert kept.value is None
    assert folder.kept(large) == kept
    assert folder.value(kept) == large
    assert len([path for path in folder.folder.rglob("*") if path.is_file()]) == 1


def test_a_missing_value_is_a_fault_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ContentMissing, match="abcdef"):
        ContentFolder(tmp_path / "a.db").load("abcdef" * 10)


def test_names_of_runs_are_never_the_same() -> None:
    found = [run_name(number) for number in range(1, 40_000)]
    assert len(set(found)) == len(found)
    assert all(name.startswith("R-") for name in found)


async def test_a_receipt_is_kept_once_and_goes_from_received_to_answered(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        receipt = Receipt("k1", "command", {"text": "list"}, 5)
        assert await database.write(lambda tx: receipts.put(tx, receipt))
        assert not await database.write(lambda tx: receipts.put(tx, receipt))
        assert await database.read(lambda tx: receipts.open(tx, 10)) == [receipt]
        await database.write(lambda tx: receipts.performed(tx, "k1", {"text": "done"}))
        await database.write(lambda tx: receipts.performed(tx, "k1", {"text": "again"}))
        kept = await database.read(lambda tx: receipts.of(tx, "k1"))
        assert kept is not None
        assert (kept.state, kept.answer) == ("performed", {"text": "done"})
        await database.write(lambda tx: receipts.answered(tx, "k1"))
        assert await database.read(lambda tx: receipts.open(tx, 10)) == []


async def test_the_outbox_holds_one_row_a_run_and_a_late_word_changes_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        await database.write(lambda tx: outbox.tell(tx, "r1", 3))
        await database.write(lambda tx: outbox.tell(tx, "r1", 7))
        assert await database.read(lambda tx: outbox.pending(tx, 10)) == [("r1", 7)]
        await database.write(lambda tx: outbox.told(tx, "r1", 3))
        assert await database.read(lambda tx: outbox.pending(tx, 10)) == [("r1", 7)]
        await database.write(lambda tx: outbox.told(tx, "r1", 7))
        await database.write(lambda tx: outbox.told(tx, "r1", 3))
        assert await database.read(lambda tx: outbox.pending(tx, 10)) == []


HOT = {
    "ready": (due.READY, (0, 10)),
    "waiting": (due.WAITING, (0, 10)),
    "deadlines": (due.DEADLINES, (0, 10)),
    "next ready": (due.NEXT_READY, (0,)),
    "next waiting": (due.NEXT_WAITING, (0,)),
    "next deadline": (due.NEXT_DEADLINE, (0,)),
    "running": (due.RUNNING, ()),
    "in line": (endpoints.IN_LINE, ("model writer",)),
    "lines": (endpoints.LINES, ()),
    "waiting in line": (endpoints.WAITING, ("model writer",)),
    "uses": (endpoints.USES, ("model writer", 0)),
    "open uses": (endpoints.OPEN, ("model writer",)),
    "uses of an attempt": (endpoints.USES_OF, ("r", "k", 1)),
    "outbox": ("SELECT run_id, seq FROM outbox WHERE told < seq ORDER BY run_id LIMIT ?", (10,)),
    "receipts": ("SELECT * FROM receipts WHERE state <> 'answered' ORDER BY received_at LIMIT ?", (10,)),
    "history": ("SELECT seq FROM events WHERE run_id = ? ORDER BY seq", ("x",)),
    "anchor": ("SELECT * FROM anchors WHERE channel = ? AND ts = ?", ("C", "1")),
    "runs by workflow": ("SELECT * FROM runs AS r WHERE r.workflow = ? ORDER BY r.created_at DESC LIMIT 5", ("x",)),
    "runs by time": ("SELECT * FROM runs AS r ORDER BY r.created_at DESC, r.id DESC LIMIT 5", ()),
    "gates of somebody": (lookups.GATES_FOR, ("@editors", "U1", "U1", 5)),
}


@pytest.mark.parametrize("name", HOT)
async def test_hot_statements_search_an_index_and_never_walk_a_table(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        sql, parameters = HOT[name]
        steps = await database.read(
            lambda tx: [row["detail"] for row in tx.rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        )
        walks = [step for step in steps if step.startswith("SCAN") and "USING" not in step]
        assert not walks, steps
        assert not [step for step in steps if "TEMP B-TREE" in step], steps


async def test_whatever_is_changed_in_the_record_or_the_rows_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with running(path, plan(gate("review"), step("publish", after=["review"]))) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        await engine.perform(
            run.id, Decide("review", RAVI, "approve"), person=person(RAVI, "@editors", at=engine.clock.now())
        )
        await ended(service, run)
        chain = engine.chain
    whole = path.read_bytes()
    tampering = [
        "UPDATE events SET content = CAST(replace(CAST(content AS TEXT), 'Ravi', 'Mina') AS BLOB)",
        "UPDATE events SET header = CAST(replace(CAST(header AS TEXT), 'U0RAVI', 'U0MINA') AS BLOB)",
        "DELETE FROM events WHERE kind = 'DecisionMade'",
        "DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)",
        "UPDATE events SET hash = zeroblob(32) WHERE seq = 2",
        "UPDATE runs SET seq = seq - 1",
        "DELETE FROM events; DELETE FROM decisions; DELETE FROM gates; DELETE FROM steps; DELETE FROM runs",
        "DELETE FROM heads WHERE n = 1",
        "UPDATE events SET header = CAST('{' AS BLOB) WHERE seq = 2",
        "UPDATE events SET content = CAST('{' AS BLOB) WHERE seq = 2",
        "UPDATE decisions SET verdict = 'reject'",
        "UPDATE decisions SET actor = replace(actor, 'U0RAVI', 'U0MINA')",
        "UPDATE gates SET digest = 'other'",
        "UPDATE steps SET output = '{\"value\": 1}' WHERE key = 'publish'",
        "UPDATE steps SET output = 'no json' WHERE key = 'publish'",
        "UPDATE runs SET requester_id = 'U0RAVI'",
        "ALTER TABLE runs RENAME COLUMN active_since TO active_fince",
    ]
    for statement in tampering:
        path.write_bytes(whole)
        for beside in ("-wal", "-shm"):
            Path(f"{path}{beside}").unlink(missing_ok=True)
        raw = sqlite3.connect(path)
        raw.executescript(statement)
        raw.close()
        async with opened(path, now=0) as database:
            assert await database.read(lambda tx: list(audit.verify(tx, chain))), statement
    path.write_bytes(whole)
    async with opened(path, now=0) as database:
        assert await database.read(lambda tx: list(audit.verify(tx, chain))) == []


async def test_a_change_in_what_the_language_added_is_found_as_well(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", HandClock()
    changes = Changes("draft", 3)
    made = plan(
        block("each", each="['a', 'b']", key="item"),
        step("each.one", with_={"is": "${{ item }}"}),
        step("draft", after=["each"], with_={"round": "${{ review.round }}"}),
        gate("review", ["draft"], changes=changes, with_={"question": "Good?", "show": "${{ steps.draft.output }}"}),
        step("hear", "wait", ["review"], spec={"event": "paid"}, with_={}),
    )
    async with running(path, made, clock=clock) as service:
        engine = service.engine
        run = await waits(service, (await engine.start("sample", {}, actor=MINA)).run)
        await engine.perform(run.id, SignalRun(MINA, "paid", Content(1)))
        await engine.perform(run.id, SignalRun(MINA, "paid", Content(2)))
        facts = person(RAVI, "@editors", at=clock.now())
        await engine.perform(run.id, Decide("review", RAVI, "changes", comment="once more"), person=facts)
        with anyio.fail_after(20):
            await engine.wait_for(run.id, lambda run: run.steps["review"].gate.version == 2)
        chain = engine.chain
    whole = path.read_bytes()
    tampering = [
        "UPDATE gates SET digest = 'other' WHERE version = 1",
        "UPDATE decisions SET comment = 'other'",
        "UPDATE decisions SET matches = '[]'",
        "UPDATE gates SET terms = NULL WHERE version = 2",
        "UPDATE gates SET reminded = 1 WHERE version = 2",
        "UPDATE runs SET signals = NULL",
        "UPDATE runs SET usage = '{\"usd_micros\": 1}'",
        "UPDATE runs SET winding_up = 1",
        "UPDATE runs SET queue = 'other'",
        'UPDATE runs SET parent = \'{"run_id": "x", "place": {"step": "a"}, "depth": 1}\'',
        "UPDATE runs SET previous = '{\"value\": 1}'",
        "UPDATE steps SET more = NULL WHERE key = 'each'",
        "UPDATE steps SET more = NULL WHERE key = 'each[b]'",
        "UPDATE steps SET more = NULL WHERE key = 'draft'",
        "UPDATE steps SET n = n + 1 WHERE key = 'draft'",
        "UPDATE steps SET child_id = 'x' WHERE key = 'draft'",
        "UPDATE steps SET event = 'x' WHERE key = 'draft'",
        "DELETE FROM steps WHERE key = 'each.one[b]'",
    ]
    for statement in ("SELECT 1", *tampering):
        path.write_bytes(whole)
        for beside in ("-wal", "-shm"):
            Path(f"{path}{beside}").unlink(missing_ok=True)
        raw = sqlite3.connect(path)
        raw.executescript(statement)
        raw.close()
        async with opened(path, now=0) as database:
            found = await database.read(lambda tx: list(audit.verify(tx, chain)))
            assert bool(found) == (statement != "SELECT 1"), (statement, found)


async def test_erased_content_leaves_a_chain_that_verifies(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with running(path, plan(step("only"))) as service:
        engine = service.engine
        run = await ended(service, (await engine.start("sample", {}, actor=MINA)).run)
        await engine.database.write(
            lambda tx: erasure.erase(tx, engine.chain, [run.id], engine.clock.now(), MINA, "asked")
        )
        assert await engine.database.read(lambda tx: list(history.verify(tx, engine.chain, run.id))) == []


async def test_a_keyed_chain_cannot_be_rewritten_without_the_key(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with running(path, plan(step("only")), audit_key=b"key") as service:
        await ended(service, (await service.engine.start("sample", {}, actor=MINA)).run)
        database = service.engine.database
        assert await database.read(lambda tx: list(history.verify(tx, history.Chain(b"key")))) == []
        assert await database.read(lambda tx: list(history.verify(tx, history.Chain())))


async def test_an_anchor_is_found_by_its_message(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db", now=0) as database:
        anchor = anchors.Anchor("run:r1", "r1", "C1", None, "17.5", state="posted", shown="h", seq=3)
        await database.write(lambda tx: anchors.keep(tx, anchor))
        assert await database.read(lambda tx: anchors.by_message(tx, "C1", "17.5")) == anchor
        assert await database.read(lambda tx: anchors.of_thread(tx, "C1", "17.5")) == "r1"
        assert await database.read(lambda tx: anchors.of(tx, "run:r2")) is None
