"""The JSON that scripts rely on: runs, histories and workflows, with times in RFC 3339 and every value in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from bot import closed
from bot.undecidable import Absent, nobody
from engine.rules.gates import rfc3339
from store.endpoints import Endpoint
from store.model import Actor, Content, Decision, Failure, Gate, Json, Millis, Run, Step, StepStatus, Workflow
from store.unshown import Unshown

Resolve = Callable[[Content | None], Json]
Shape = dict[str, Any]
NOBODY_ABSENT: Absent = {}


def moment(at: Millis | None) -> str | None:
    """A moment as RFC 3339 in UTC."""
    return None if at is None else rfc3339(at)


def actor(who: Actor) -> Shape:
    return {"kind": who.kind, "id": who.id, "name": who.name}


def failure(error: Failure | None) -> Shape | None:
    return None if error is None else {"code": error.code, "message": error.message, "hint": error.hint}


def run(state: Run, resolve: Resolve, *, number: int | None = None) -> Shape:
    """A run without its steps. `number` is its version as people count it."""
    return {
        "run": state.id,
        "name": state.name,
        "workflow": state.workflow,
        "version": state.version,
        "version_number": number,
        "status": state.status.value,
        "requester": actor(state.requester),
        "origin": origin(state.origin),
        "started_at": moment(state.created_at),
        "ended_at": moment(state.ended_at),
        "trace_id": state.trace_id,
        "inputs": resolve(state.inputs),
        "outputs": resolve(state.outputs),
        "error": failure(state.error),
        "reason": state.reason,
        "warnings": state.warnings,
        "erased_at": moment(state.erased_at),
    }


def status(
    state: Run,
    resolve: Resolve,
    *,
    number: int | None = None,
    unshown: Sequence[Unshown] = (),
    absent: Absent = NOBODY_ABSENT,
    off: str = "",
) -> Shape:
    """A run with everything that is known of its steps, of where it is not shown, and of who is not there.

    `off` tells who switched its workflow off, and why.
    """
    steps = {key: step(one, resolve, absent) for key, one in state.steps.items()}
    stands = {
        "standing": standing(state, held=bool(off)),
        "waiting_for": waiting_for(state),
        "unsettled": unsettled(state),
        "held": off if off and not state.status.finished else None,
    }
    return run(state, resolve, number=number) | stands | {"shown": shown(unshown), "steps": steps}


def shown(unshown: Sequence[Unshown]) -> Shape | None:
    """Why a run does not stand where it should in Slack; None when nothing is in its way."""
    if not unshown:
        return None
    first = unshown[0]
    return {"channel": first.name or None, "problem": closed.problem(first), "hint": closed.hint(first)}


def step(state: Step, resolve: Resolve, absent: Absent = NOBODY_ABSENT) -> Shape:
    return {
        "status": state.status.value,
        "attempts": state.attempt,
        "round": state.round,
        "started_at": moment(state.started_at),
        "ended_at": moment(state.ended_at),
        "due_at": moment(state.due_at),
        "output": resolve(state.output),
        "error": failure(state.error),
        "reason": state.reason,
        "gate": None if state.gate is None else gate(state.gate) | {"nobody": nobody(state.gate, absent) or None},
    }


def gate(state: Gate) -> Shape:
    return {
        "id": state.id,
        "name": state.name,
        "version": state.version,
        "state": state.state.value,
        "question": state.question,
        "approvers": list(state.approvers),
        "quorum": state.quorum,
        "opened_at": moment(state.opened_at),
        "due_at": moment(state.due_at),
        "expires_at": moment(state.expires_at),
        "closed_at": moment(state.closed_at),
        "digest": state.digest,
        "decisions": [decision(one) for one in state.decisions],
    }


def decision(made: Decision) -> Shape:
    return {
        "actor": actor(made.actor),
        "verdict": made.verdict,
        "comment": made.comment,
        "at": moment(made.at),
        "digest": made.digest,
        "surface": made.surface,
        "override": made.override,
    }


def origin(known: Mapping[str, Json]) -> Shape:
    """What started a run, as far as it is anybody's business: the command line, Slack, a schedule and its slot …"""
    keys = ("surface", "schedule", "slot", "local", "zone_rules", "webhook", "message")
    return {key: known[key] for key in keys if key in known}


def endpoint(one: Endpoint, runs: int) -> Shape:
    """An endpoint that is down, and how many runs wait for it."""
    return {
        "endpoint": one.name,
        "down_since": moment(one.held_since),
        "tried_again_at": moment(one.held_until),
        "tried": one.holds,
        "runs_waiting": runs,
        "code": one.code,
        "message": one.message,
    }


def workflow(known: Workflow, inputs: Mapping[str, Json], disabled: str | None = None) -> Shape:
    """A workflow that can be run. `disabled` tells who switched it off, and why."""
    return {
        "name": known.name,
        "title": known.title,
        "description": known.description,
        "version": known.version,
        "number": known.number or None,  # nobody has counted a version that was never loaded by a service or a run
        "owner": known.owner,
        "channel": known.channel,
        "file": known.file,
        "commit": known.commit or None,
        "disabled": disabled,
        "inputs": dict(inputs),
    }


Standing = Literal["finished", "resting", "timed", "moving"]


def standing(state: Run, *, held: bool = False) -> Standing:
    """Whether anything will happen by itself: soon (moving), at a moment in time (timed), or only through people.

    While its workflow is switched off the run is `held`: what is under way is finished, and nothing else begins.
    """
    if state.status.finished:
        return "finished"
    if state.status.value == "paused":
        return "resting"
    statuses = {one.status for one in state.steps.values()}
    if held and StepStatus.READY in statuses and not _attempts(state):
        return "resting"
    # A block runs for as long as anything in it is open: by itself it says nothing.
    if StepStatus.READY in statuses or _attempts(state) or state.status.value in ("ending", "queued"):
        return "moving"
    waits = [one for one in state.steps.values() if one.status is StepStatus.WAITING]
    if any(one.gate is None for one in waits):
        return "timed"
    return "resting" if waits or StepStatus.UNKNOWN in statuses else "moving"


def _attempts(state: Run) -> bool:
    """Whether an attempt is under way; a block has none of its own."""
    return any(one.status is StepStatus.RUNNING and one.attempt > 0 for one in state.steps.values())


def waiting_for(state: Run) -> list[str]:
    """The steps at which only people can bring the run on; none once it is finished."""
    if state.status.finished:
        return []
    return [
        key
        for key, one in state.steps.items()
        if one.status is StepStatus.UNKNOWN or (one.status is StepStatus.WAITING and one.gate is not None)
    ]


def unsettled(state: Run) -> list[str]:
    """The steps of which nobody can say whether they happened."""
    return [key for key, one in state.steps.items() if one.status is StepStatus.UNKNOWN]
