"""The audit: does the record hold together, and do the rows say what the record says?

The history proves itself by its hashes. Everything else that is kept of a run follows from its history, so it is
computed again from there and compared: a decision that was changed in its row shows, although no event was touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from engine.rules.evolution import fold
from store import history, runs
from store.database import Reader
from store.events import Event, GateOpened
from store.history import Break, Chain
from store.model import Gate, Run, RunId, Step, StepKey

NO_COLUMN = "No item with that key"


def verify(tx: Reader, chain: Chain, run_id: RunId | None = None) -> Iterator[Break]:
    """Every place where the record, or what follows from it, was changed by something else than this program."""
    try:
        yield from _verified(tx, chain, run_id)
    except IndexError as error:  # what SQLite's rows raise for a column that is not there
        if str(error) != NO_COLUMN:
            raise
        yield Break(run_id or "", 0, "a table has other columns than this program made")


def _verified(tx: Reader, chain: Chain, run_id: RunId | None) -> Iterator[Break]:
    broken = list(history.verify(tx, chain, run_id))
    yield from broken
    for run in [run_id] if run_id else runs.ids(tx):
        if not any(one.run_id == run for one in broken):
            yield from _rows(tx, run)


def _rows(tx: Reader, run_id: RunId) -> Iterator[Break]:
    entries = history.of(tx, run_id)
    events = [entry.event for entry in entries if entry.event is not None]
    try:
        loaded, kept = runs.load(tx, run_id), runs.gates(tx, run_id)
    except (ValueError, KeyError, TypeError) as error:
        yield Break(run_id, len(entries), f"the rows cannot be read: {error}")
        return
    if loaded is None or len(events) != len(entries):
        return  # content that was erased by policy cannot be told again; its hashes have been checked
    stands = loaded[0]
    told, gates = _told(events)
    if told != stands:
        yield Break(run_id, stands.seq, f"the rows do not say what the history says: {_difference(told, stands)}")
    elif gates != kept:
        odd = next(key for key in gates.keys() | kept.keys() if gates.get(key) != kept.get(key))
        yield Break(run_id, stands.seq, f"the rows do not say what the history says: the earlier gate {odd}")


def _told(events: list[Event]) -> tuple[Run, dict[str, Gate]]:
    """The run as its history tells it, and every gate that was ever open in it, as it stood last."""
    run: Run | None = None
    gates: dict[str, Gate] = {}
    asked: set[StepKey] = set()
    since: list[Event] = []
    for event in events:
        if isinstance(event, GateOpened):
            if event.place.key in asked:  # another takes the place of the one that stands there
                run, since = fold(run, since), []
                earlier = run.steps[event.place.key].gate
                gates |= {earlier.id: earlier} if earlier else {}
            asked.add(event.place.key)
        since.append(event)
    run = fold(run, since)
    return run, gates | _standing(run)


def _standing(run: Run) -> dict[str, Gate]:
    return {step.gate.id: step.gate for step in run.steps.values() if step.gate}


def _difference(told: Run, stands: Run) -> str:
    for key in told.steps.keys() | stands.steps.keys():
        if told.steps.get(key) != stands.steps.get(key):
            return f"step {key}, {_fields(told.steps.get(key), stands.steps.get(key))}"
    return _fields(told, stands)


def _fields(told: Run | Step | None, stands: Run | Step | None) -> str:
    if told is None or stands is None:
        return "which is missing on one side"
    names = [one.name for one in fields(told) if getattr(told, one.name) != getattr(stands, one.name)]
    return f"its {', '.join(names)}"
