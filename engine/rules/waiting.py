"""Waiting: for a moment, for another run, for something to happen outside."""

from __future__ import annotations

from engine.rules.attempts import goes_on, may_go_on, stale
from engine.rules.commands import Answer, AwaitChild, AwaitEvent, Refusal, ReportChild, SignalRun, StartWait
from engine.rules.gates import rfc3339
from store.events import (
    ChildAwaited,
    Event,
    EventAwaited,
    SignalReceived,
    SignalTaken,
    StepCancelled,
    StepFailed,
    StepSucceeded,
    StepWaiting,
)
from store.model import (
    LIMITS,
    Content,
    Coordinates,
    Facts,
    Failure,
    Json,
    Millis,
    Plan,
    Run,
    RunStatus,
    Signal,
    Step,
    StepStatus,
)


def wait(plan: Plan, run: Run, command: StartWait, facts: Facts, now: Millis) -> Answer:
    return _begun(plan, run, command.place, now) or Answer((StepWaiting(now, command.place, command.until_at),))


def _begun(plan: Plan, run: Run, place: Coordinates, now: Millis) -> Answer | None:
    """Why no wait begins here; None when it does."""
    if stale(run, place):
        return Answer(refusal=Refusal.ATTEMPT_STALE)
    if not may_go_on(plan, run, run.steps[place.key]):
        return Answer((StepCancelled(now, place, "the run is ending"),))
    return None


# Other runs ------------------------------------------------------------------------------------------------------


def await_child(plan: Plan, run: Run, command: AwaitChild, facts: Facts, now: Millis) -> Answer:
    no = _begun(plan, run, command.place, now)
    if no is not None:
        return no
    awaited = ChildAwaited(now, command.place, command.child)
    child = facts.child
    if child is None or not child.status.finished:
        return Answer((awaited,))
    report = ReportChild(command.place.key, child.id, child.status, child.outputs, child.error, child.name)
    return Answer((awaited, _child_ended(plan, run.steps[command.place.key], report, now)))


def report_child(plan: Plan, run: Run, command: ReportChild, facts: Facts, now: Millis) -> Answer:
    """News of a child that nobody waits for changes nothing: who waits later asks for its state first."""
    step = run.steps.get(command.step)
    if step is None or step.status is not StepStatus.WAITING or step.child != command.child:
        return Answer(refusal=Refusal.ATTEMPT_STALE)
    return Answer((_child_ended(plan, step, command, now),))


def _child_ended(plan: Plan, step: Step, report: ReportChild, now: Millis) -> Event:
    if report.status is RunStatus.SUCCEEDED:
        return StepSucceeded(now, step.place, report.outputs or Content({}), {"run": report.child, "name": report.name})
    words = {RunStatus.REJECTED: "was rejected", RunStatus.CANCELLED: "was cancelled"}
    why = f": {report.error.message}" if report.error else ""
    error = Failure(
        f"child_{report.status.value}",
        f"{report.name or report.child} {words.get(report.status, 'failed')}{why}",
        hint=report.error.hint if report.error else "",
        detail={"run": report.child},
    )
    return StepFailed(now, step.place, error, goes_on(plan, plan.step(step.name)))


# Things that happen outside --------------------------------------------------------------------------------------


def await_event(plan: Plan, run: Run, command: AwaitEvent, facts: Facts, now: Millis) -> Answer:
    no = _begun(plan, run, command.place, now)
    if no is not None:
        return no
    awaited = EventAwaited(now, command.place, command.event, command.until_at)
    early = next((one for one in run.signals if one.event == command.event), None)
    if early is None:
        return Answer((awaited,))
    return Answer((awaited, SignalTaken(now, command.place, early.seq), _happened(command.place, early, facts, now)))


def signal(plan: Plan, run: Run, command: SignalRun, facts: Facts, now: Millis) -> Answer:
    """Given to the first step that waits for it; one that comes early is kept for its step."""
    if run.status.finished:
        return Answer(refusal=Refusal.RUN_FINISHED)
    if command.event not in events_of(plan):
        return Answer(refusal=Refusal.SIGNAL_NOT_EXPECTED)
    received = SignalReceived(now, command.actor, command.event, command.data)
    waits = (one for one in run.steps.values() if one.status is StepStatus.WAITING and one.event == command.event)
    step = min((one for one in waits if command.step in ("", one.key)), key=lambda one: one.n, default=None)
    if step is None and command.step:
        return Answer(refusal=Refusal.SIGNAL_NOT_EXPECTED)
    if step is None and run.status is RunStatus.ENDING:
        return Answer(refusal=Refusal.RUN_ENDING)
    if step is None and len(run.signals) >= LIMITS.signals_max:
        return Answer(refusal=Refusal.TOO_MANY_SIGNALS)
    if step is None:
        return Answer((received,))
    taken = Signal(run.seq + 1, command.event, command.data, now, command.actor)
    return Answer((received, SignalTaken(now, step.place, taken.seq), _happened(step.place, taken, facts, now)))


def _happened(place: Coordinates, taken: Signal, facts: Facts, now: Millis) -> Event:
    data: Json = taken.data.value if taken.data.hash is None else facts.content[taken.data.hash]
    output = {"event": taken.event, "data": data, "by": taken.actor.id, "at": rfc3339(taken.at), "timed_out": False}
    return StepSucceeded(now, place, Content(output))


def events_of(plan: Plan) -> frozenset[str]:
    """The events that steps of this plan wait for."""
    return frozenset(str(step.spec["event"]) for step in plan.steps if step.uses == "wait" and "event" in step.spec)


def time_is_up(plan: Plan, step: Step, now: Millis) -> Event:
    """The moment has come that the step waited for, or until which it waited for something else."""
    if not step.event:
        return StepSucceeded(now, step.place, Content({"until": rfc3339(step.due_at or now)}))
    spec = plan.step(step.name)
    if spec.spec.get("on_timeout") == "continue":
        output = {"event": step.event, "data": None, "by": None, "at": rfc3339(now), "timed_out": True}
        return StepSucceeded(now, step.place, Content(output))
    error = Failure("event_timeout", f"{step.event} did not happen in time.", hint="Retry the run to wait again.")
    return StepFailed(now, step.place, error, goes_on(plan, spec))
