"""Reopening: a run that has ended goes on.

It takes its place in the queue of its workflow like one that starts. What failed and all that depends on it is done
again; on purpose also one step, what reads an input that was changed, or what another version does in another way.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.rules import graph, redoing
from engine.rules.attempts import closed
from engine.rules.blocks import rows_within
from engine.rules.commands import Answer, Refusal, Retry
from engine.rules.expressions import Reference, condition, parse_template
from engine.rules.redoing import Redone
from engine.rules.winding_up import belongs, undo_key
from store.events import Event, GateClosed, InputsChanged, RunReopened, VersionChanged
from store.model import (
    Content,
    Facts,
    GateState,
    Json,
    Millis,
    Plan,
    Run,
    RunStatus,
    Step,
    StepKey,
    StepPlan,
    StepStatus,
)

_BROKEN = frozenset({StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.UNKNOWN})


def retry(plan: Plan, run: Run, command: Retry, facts: Facts, now: Millis) -> Answer:
    refusal = _refusal(plan, run, command, facts)
    if refusal is not None:
        return Answer(refusal=refusal)
    target = _target(plan, command, facts)
    renewed = redoing.spread(target, run, _on_purpose(plan, target, run, command))
    nothing_broken = _stopped_well(plan, run) and not renewed.whole
    broken = set() if nothing_broken else set(_broken(plan, target, run, facts))
    parts = {key for key in broken if _has_parts(target, run.steps[key])}
    again = redoing.spread(target, run, renewed.whole | (broken - parts), parts)
    if not again.whole and not again.partly and target is plan:
        return Answer(refusal=Refusal.NOTHING_TO_RETRY)
    repeated = () if command.confirmed else redoing.repeated(target, run, again)
    if repeated:
        return Answer(refusal=Refusal.ONCE_WOULD_REPEAT, steps=repeated)
    if facts.full:
        return Answer(refusal=Refusal.TOO_MANY_OPEN)
    events: list[Event] = [RunReopened(now, command.actor, command.reason, facts.queue, facts.queued)]
    if target is not plan:
        main = tuple(spec.name for spec in target.within("") if spec.phase == "main")
        events.append(VersionChanged(now, command.actor, target.version, main, target.duration_ms))
    if command.inputs is not None:
        events.append(InputsChanged(now, command.actor, command.inputs, command.changed))
    events += _asked_anew(run, command, now)
    resumed = {key for key in again.whole - renewed.whole if _goes_on(target, run.steps[key], again)}
    reason = command.reason or "retried"
    events += redoing.back(target, run, again, command.actor, reason, now, resumed=resumed)
    return Answer(tuple(events))


def _target(plan: Plan, command: Retry, facts: Facts) -> Plan:
    """The version by which the run goes on."""
    newest = facts.newest if command.newest else None
    return plan if newest is None or newest.version == plan.version else newest


def _refusal(plan: Plan, run: Run, command: Retry, facts: Facts) -> Refusal | None:
    if not run.status.finished:
        return closed(run)
    if run.erased_at is not None:
        return Refusal.RUN_ERASED
    target, step = _target(plan, command, facts), run.steps.get(command.from_step)
    known = step is not None and target.knows(step.name) and not belongs(target, step)
    if command.from_step and (step is None or not known or graph.is_past(target, run, step)):
        return Refusal.STEP_UNKNOWN_NAME
    if facts.problems:
        return Refusal.CONTENT_INVALID
    if command.newest and (facts.newest is None or _unfit(plan, facts.newest, run, command, facts)):
        return Refusal.VERSION_DOES_NOT_FIT
    return None


def _unfit(plan: Plan, newest: Plan, run: Run, command: Retry, facts: Facts) -> bool:
    """Whether the newest version needs what this run was not given."""
    needed = {name for name, schema in newest.inputs.items() if not schema.get("optional") and "default" not in schema}
    given = _value(command.inputs or run.inputs, facts) or {}
    return newest.workflow != plan.workflow or not needed <= set(given)


def _value(content: Content | None, facts: Facts) -> Json:
    if content is None or content.hash is None:
        return None if content is None else content.value
    return facts.content[content.hash]


# What is done again ----------------------------------------------------------------------------------------------


def _on_purpose(plan: Plan, target: Plan, run: Run, command: Retry) -> set[StepKey]:
    """The steps that are done again although nothing was wrong with them."""
    fresh: set[StepKey] = set()
    if command.from_step:
        step = run.steps[command.from_step]
        rows = rows_within(run, step) if graph.stands_for_item(target, step) else (step,)
        fresh |= {row.key for row in rows if not belongs(target, row)}
    for key, step in run.steps.items():
        if not target.knows(step.name) or belongs(target, step) or graph.stands_for_item(target, step):
            continue
        if graph.is_past(target, run, step):
            continue
        if _reads(target, step, command.changed) or (target is not plan and _differs(plan, target, step)):
            fresh.add(key)
    return {key for key in fresh if run.steps[key].status is not StepStatus.PENDING}


def _reads(plan: Plan, step: Step, inputs: tuple[str, ...]) -> bool:
    return bool(inputs) and any(
        one.path[0] == "inputs" and (len(one.path) < 2 or one.path[1] in inputs)
        for one in references(plan.step(step.name))
    )


def references(spec: StepPlan) -> Iterator[Reference]:
    """Every piece of data that a step's expressions read."""
    texts = [spec.when, *(one.that for one in spec.ensure)]
    if spec.fanout is not None:
        texts += [spec.fanout.each, spec.fanout.key]
    for text in texts:
        if text is not None:
            yield from condition(text).references
    if spec.with_ is not None:
        yield from parse_template(spec.with_).references


def _differs(plan: Plan, target: Plan, step: Step) -> bool:
    """Whether another version might have made something else of this step: how long to try or to wait is no matter."""
    if not plan.knows(step.name):
        return True
    old, new = plan.step(step.name), target.step(step.name)
    more = {spec.name for spec in target.within(step.name)} - {spec.name for spec in plan.within(step.name)}
    if more or _makes(old) != _makes(new):
        return True
    names = {one.path[1:2] for one in references(new) if one.path[0] == "vars"}
    return any(
        plan.vars != target.vars if not name else plan.vars.get(name[0]) != target.vars.get(name[0]) for name in names
    )


def _makes(spec: StepPlan) -> tuple[object, ...]:
    """What decides over a step's result."""
    fanout = spec.fanout and (spec.fanout.each, spec.fanout.as_, spec.fanout.key)
    return (spec.uses, spec.when, spec.with_, spec.spec, spec.output, spec.gate, fanout, spec.ensure, spec.phase)


def _broken(plan: Plan, target: Plan, run: Run, facts: Facts) -> Iterator[StepKey]:
    """What failed or was stopped, what ended the run, and what was taken back."""
    for key, step in run.steps.items():
        if not target.knows(step.name) or not plan.knows(step.name) or belongs(plan, step) or belongs(target, step):
            continue
        if graph.is_past(plan, run, step):
            continue
        undo = run.steps.get(undo_key(step))
        taken_back = undo is not None and undo.status is not StepStatus.SKIPPED
        if step.status in _BROKEN or taken_back or _ended_run(plan.step(step.name), step, facts):
            yield key


def _stopped_well(plan: Plan, run: Run) -> bool:
    """Whether the workflow itself ended the run early, and well: then nothing of it is broken."""
    done = (step.name for step in run.steps.values() if step.status is StepStatus.SUCCEEDED and plan.knows(step.name))
    return run.status is RunStatus.SUCCEEDED and any(plan.step(name).uses == "stop" for name in done)


def _ended_run(spec: StepPlan, step: Step, facts: Facts) -> bool:
    """Whether the step did its work, and by its answer the run ended."""
    if step.status is not StepStatus.SUCCEEDED or (spec.gate is None and spec.uses != "stop"):
        return False
    if spec.gate is None:
        return True
    verdict = _value(step.output, facts)["verdict"]
    if verdict == "expired":
        return spec.gate.on_expiry == "reject"
    return verdict == "rejected" and spec.gate.on_reject == "end"


def _has_parts(plan: Plan, step: Step) -> bool:
    """Whether a block or an item went wrong because of something in it."""
    begun = plan.step(step.name).uses == "block" and step.started_at is not None
    return graph.stands_for_item(plan, step) or (begun and step.status in _BROKEN)


def _goes_on(plan: Plan, step: Step, again: Redone) -> bool:
    """Whether the step takes up what it had begun: then it stays in its round, and its effect keeps its key."""
    if step.status is StepStatus.SUCCEEDED or step.child is not None:
        return False  # a run that it started has ended: it starts another
    if step.started_at is None:
        return True
    needed = (graph.key_at(plan, edge.step, step.item) for edge in plan.step(step.name).needs)
    return not any(key in again.whole or key in again.partly for key in needed)


def _asked_anew(run: Run, command: Retry, now: Millis) -> Iterator[Event]:
    """A gate that is done again on purpose asks again, whatever was answered before."""
    step = run.steps.get(command.from_step)
    if step is not None and step.gate is not None and step.gate.state in (GateState.APPROVED, GateState.ANSWERED):
        yield GateClosed(now, step.place, GateState.SUPERSEDED)
