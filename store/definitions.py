"""Definitions: every version of every workflow that was ever loaded, and which one is current."""

from __future__ import annotations

from collections.abc import Mapping

from store import codec
from store.database import Reader, Writer
from store.model import Millis, Plan, Workflow


def keep(tx: Writer, workflow: Workflow, plan: Plan, source: str, now: Millis) -> Workflow:
    """Make this the current version of its workflow; gives the workflow with its number."""
    number = tx.value("SELECT number FROM definitions WHERE version = ?", (plan.version,))
    if number is None:
        known = tx.value("SELECT max(number) FROM definitions WHERE workflow = ?", (workflow.name,))
        number = (known or 0) + 1
        tx.execute(
            "INSERT INTO definitions (version, workflow, number, plan, source, first_seen_at) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (plan.version, workflow.name, number, codec.dump(plan).decode(), source, now),
        )
    numbered = codec.load(Workflow, codec.plain(workflow) | {"number": number, "version": plan.version})
    tx.execute(
        "INSERT INTO workflows (name, version, card, loaded_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE "
        "SET version = excluded.version, card = excluded.card, loaded_at = excluded.loaded_at",
        (workflow.name, plan.version, codec.dump(numbered).decode(), now),
    )
    return numbered


def drop_others(tx: Writer, names: Mapping[str, object]) -> None:
    """Forget which version is current for workflows whose file is gone; their runs and versions stay."""
    for row in tx.rows("SELECT name FROM workflows"):
        if row[0] not in names:  # one that is switched off stays so when its file comes back
            tx.execute("DELETE FROM workflows WHERE name = ? AND disabled = ''", (row[0],))


def plan(tx: Reader, version: str) -> Plan | None:
    text = tx.value("SELECT plan FROM definitions WHERE version = ?", (version,))
    return None if text is None else codec.load(Plan, text)


def source(tx: Reader, version: str) -> str:
    """The text of the file that a version was first read from."""
    return tx.value("SELECT source FROM definitions WHERE version = ?", (version,)) or ""


def number(tx: Reader, version: str) -> int:
    return tx.value("SELECT number FROM definitions WHERE version = ?", (version,)) or 0


def workflow(tx: Reader, name: str) -> Workflow | None:
    text = tx.value("SELECT card FROM workflows WHERE name = ?", (name,))
    return None if text is None else codec.load(Workflow, text)


def workflows(tx: Reader) -> list[Workflow]:
    return [codec.load(Workflow, row[0]) for row in tx.rows("SELECT card FROM workflows ORDER BY name")]


def disabled(tx: Reader, name: str) -> str:
    """Who switched a workflow off, and why; empty while it is on."""
    return tx.value("SELECT disabled FROM workflows WHERE name = ?", (name,)) or ""


def reasons_disabled(tx: Reader) -> dict[str, str]:
    """The workflows that are switched off, and who did it, when and why."""
    return {row[0]: row[1] for row in tx.rows("SELECT name, disabled FROM workflows WHERE disabled <> ''")}


def all_disabled(tx: Reader) -> frozenset[str]:
    """The workflows that are switched off."""
    return frozenset(reasons_disabled(tx))


def disable(tx: Writer, name: str, why: str) -> bool:
    """Switch a workflow off, or on again with an empty reason; False when there is none of this name."""
    return tx.execute("UPDATE workflows SET disabled = ? WHERE name = ?", (why, name)).rowcount == 1
