"""Facts: what the rules need to know of the world before they are asked about a command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.activities.outputs import validate_output
from engine.rules.commands import AwaitChild, Command, Decide, OpenGate, Retry
from engine.starting import berth_anew
from store import draft, names, runs
from store.database import Writer
from store.model import Facts, Person, Plan, Run

if TYPE_CHECKING:
    from engine.api import Engine  # which gathers them


def facts_for(engine: Engine, tx: Writer, plan: Plan, run: Run, command: Command, person: Person | None) -> Facts:
    facts = Facts(content=engine.content.values, settings=engine.settings_of(plan), person=person)
    if isinstance(command, OpenGate):
        gate = run.steps[command.place.key].gate
        number = gate.number if gate else names.counted(tx, "gate")
        return replace(facts, gate_id=names.gate_id(), gate_number=number)
    if isinstance(command, Decide):
        card = engine.workflow_of(run.workflow)
        return replace(
            facts, override_allowed=card is None or card.access.override, problems=_answer_problems(run, command)
        )
    if isinstance(command, AwaitChild):
        child = draft.standing(tx, command.child) or runs.load(tx, command.child)
        return replace(facts, child=child[0] if child else None)
    if isinstance(command, Retry):
        return _of_retry(engine, tx, facts, run, command)
    return facts


def _of_retry(engine: Engine, tx: Writer, facts: Facts, run: Run, command: Retry) -> Facts:
    definition = engine.definitions.get(run.workflow)
    if command.newest:
        facts = replace(facts, newest=definition.plan if definition else None)
    if not run.status.finished or run.erased_at is not None:
        return facts
    inputs = engine.content.value(command.inputs or run.inputs)
    place = berth_anew(tx, engine.newest(tx, run), run.queue, inputs)
    return replace(facts, full=True) if place is None else replace(facts, queue=place.queue, queued=place.queued)


def _answer_problems(run: Run, command: Decide) -> tuple[str, ...]:
    """What is wrong with the data of an answer, by the schema of the gate's form or of what is edited."""
    step = run.steps.get(command.step)
    if step is None or step.gate is None or command.content is None:
        return ()
    terms = step.gate.terms
    if terms.form is not None:
        return tuple(validate_output(terms.form, command.content.value, "answer"))
    return tuple(validate_output(terms.shown, command.content.value, "content")) if command.edits is not None else ()
