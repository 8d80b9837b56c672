"""Attempts: taking a step that is due, and what follows from the report of its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from engine.rules import retry
from engine.rules.commands import (
    Answer,
    Claim,
    KeepAnswer,
    Refusal,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportStop,
    ReportSuccess,
    Settle,
)
from engine.rules.consequences import ending
from engine.rules.evolution import fold
from engine.rules.room import Room
from engine.rules.winding_up import belongs
from store.events import (
    AnswerKept,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    Event,
    ReportIgnored,
    RunPaused,
    StepCancelled,
    StepFailed,
    StepHeld,
    StepPolled,
    StepReady,
    StepSettled,
    StepSucceeded,
    StepUnknown,
)
from store.model import (
    ENGINE,
    Content,
    Coordinates,
    Facts,
    Failure,
    Millis,
    Plan,
    Run,
    RunStatus,
    Step,
    StepPlan,
    StepStatus,
)


def claim(plan: Plan, run: Run, command: Claim, facts: Facts, now: Millis) -> Answer:
    step = run.steps[command.step]
    if not may_work(plan, run, step):
        return Answer(refusal=closed(run))
    if step.status is not StepStatus.READY or step.due_at is None or step.due_at > now:
        return Answer(refusal=Refusal.STEP_NOT_READY)
    place = Coordinates(step.name, step.item, step.round, step.attempt + 1, deed(step))
    return Answer((AttemptStarted(now, place, idle_ms=now - step.due_at),))


def may_work(plan: Plan, run: Run, step: Step) -> bool:
    """Whether attempts of this step may begin: while the run runs, or as part of winding it up."""
    return run.status is RunStatus.RUNNING or (run.status is RunStatus.ENDING and belongs(plan, step))


def deed(step: Step) -> Literal["do", "undo"]:
    return "undo" if ":" in step.name else "do"


def success(plan: Plan, run: Run, command: ReportSuccess, facts: Facts, now: Millis) -> Answer:
    if stale(run, command.place):
        return Answer((ReportIgnored(now, command.place, "success"),), Refusal.ATTEMPT_STALE)
    return Answer((StepSucceeded(now, command.place, command.output, command.receipt, command.usage),))


def failure(plan: Plan, run: Run, command: ReportFailure, facts: Facts, now: Millis) -> Answer:
    place, error = command.place, command.error
    if stale(run, place):
        return Answer((ReportIgnored(now, place, "failure", error),), Refusal.ATTEMPT_STALE)
    step, spec = run.steps[place.key], plan.step(place.step)
    given_away = step.memo is not None and not command.anew  # only asking for it failed: it goes on elsewhere
    if error.maybe_happened and spec.effect == "once" and not given_away:
        return Answer((StepUnknown(now, place, error),))
    error = _not_forgetting(step, spec, error)
    if not may_go_on(plan, run, step):
        return Answer((StepCancelled(now, place, error.message, error),))
    due_at = retry.next_try_at(run, spec, step, error, now, counts=command.counts, waited_ms=command.waited_ms)
    if due_at is not None:
        idle_ms = command.waited_ms + (0 if command.counts else due_at - now)
        said = (command.usage, command.receipt, command.anew, command.counts, idle_ms)
        return Answer((AttemptFailed(now, place, error, due_at, *said),))
    if given_away and spec.effect == "once":
        return Answer((StepUnknown(now, place, replace(error, maybe_happened=True)),))
    if given_away and spec.effect == "idempotent":
        error = replace(error, maybe_happened=True)
    return Answer((StepFailed(now, place, error, goes_on(plan, spec), command.usage, command.receipt),))


def _not_forgetting(step: Step, spec: StepPlan, error: Failure) -> Failure:
    """What an earlier attempt may have done is not undone by the failure of a later one."""
    earlier = spec.effect == "idempotent" and step.error is not None and step.error.maybe_happened
    return replace(error, maybe_happened=True) if earlier else error


def may_go_on(plan: Plan, run: Run, step: Step) -> bool:
    return run.status is not RunStatus.ENDING or belongs(plan, step)


def goes_on(plan: Plan, spec: StepPlan) -> bool:
    """Whether the run goes on when this step has failed."""
    return spec.on_failure == "continue" or spec.phase == "finally" or ":" in spec.name


def interrupted(plan: Plan, run: Run, command: ReportInterrupted, facts: Facts, now: Millis) -> Answer:
    place = command.place
    if stale(run, place):
        return Answer((ReportIgnored(now, place, "interrupted"),), Refusal.ATTEMPT_STALE)
    step, spec = run.steps[place.key], plan.step(place.step)
    if spec.effect == "once" and step.memo is None:
        return Answer((StepUnknown(now, place, _unclear(command.reason)),))
    cut_off = _cut_off(command.reason) if spec.effect == "idempotent" else None
    if not may_go_on(plan, run, step):
        return Answer((StepCancelled(now, place, command.reason, cut_off),))
    idle_ms = max(0, now - (step.started_at or now))  # what it did is lost, through no fault of its own
    if not command.counts:
        again = AttemptInterrupted(now, place, command.reason, now, counts=False, idle_ms=idle_ms, error=cut_off)
        return Answer((again,))
    crashes = step.crashes + 1
    wait_ms = 0 if crashes == 1 else min(spec.retry.backoff_max_ms, 1_000 * 2 ** min(crashes - 2, 16))
    again = AttemptInterrupted(now, place, command.reason, now + wait_ms, idle_ms=idle_ms, error=cut_off)
    if crashes < spec.retry.crashes or run.status is RunStatus.PAUSED:
        return Answer((again,))
    reason = f"{step.key} was interrupted {crashes} times, the last time because {command.reason}"
    if run.status is RunStatus.ENDING:
        error = Failure("interrupted", f"{reason}.", hint="See the log of the service.")
        return Answer((StepFailed(now, place, error, continued=True),))
    return Answer((again, RunPaused(now, ENGINE, reason)))


def _cut_off(reason: str) -> Failure:
    return Failure("interrupted", f"The step was cut off: {reason}.", maybe_happened=True)


def _unclear(reason: str) -> Failure:
    return Failure(
        "interrupted",
        f"The step was cut off: {reason}. Its effect may have happened.",
        hint="Look whether it happened, then settle the step.",
        maybe_happened=True,
    )


def keep(plan: Plan, run: Run, command: KeepAnswer, facts: Facts, now: Millis) -> Answer:
    if stale(run, command.place):
        return Answer(refusal=Refusal.ATTEMPT_STALE)
    return Answer((AnswerKept(now, command.place, command.label, command.answer, command.request),))


def polling(plan: Plan, run: Run, command: ReportPolling, facts: Facts, now: Millis) -> Answer:
    place = command.place
    if stale(run, place):
        return Answer((ReportIgnored(now, place, "polling"),), Refusal.ATTEMPT_STALE)
    step, spec = run.steps[place.key], plan.step(place.step)
    polled = StepPolled(now, place, command.memo, command.due_at)
    if not may_go_on(plan, run, step):
        return Answer((polled, StepCancelled(now, place, "the run is ending")))
    if spec.timeout_ms is None or command.due_at < retry.started_trying_at(step, now) + spec.timeout_ms:
        return Answer((polled,))
    once = spec.effect == "once"
    said = "The work goes on elsewhere and took longer than the step may."
    error = Failure("timeout", said, maybe_happened=spec.effect != "pure")
    if once:
        return Answer((polled, StepUnknown(now, place, error)))
    return Answer((polled, StepFailed(now, place, error, goes_on(plan, spec))))


def stop(plan: Plan, run: Run, command: ReportStop, facts: Facts, now: Millis) -> Answer:
    place = command.place
    if stale(run, place):
        return Answer((ReportIgnored(now, place, "stop"),), Refusal.ATTEMPT_STALE)
    if run.status is RunStatus.ENDING:
        return Answer((StepCancelled(now, place, "the run is ending"),))
    done = StepSucceeded(now, place, Content({"outcome": command.outcome.value, "reason": command.reason}))
    error = None
    if command.outcome is RunStatus.FAILED:
        error = Failure("stopped", command.reason or f"The workflow stopped the run at {place.key}.")
    after = fold(run, (done,))
    return Answer((done, *ending(after, command.outcome, now, error=error, reason=command.reason)))


def stale(run: Run, place: Coordinates) -> bool:
    step = run.steps.get(place.key)
    return step is None or step.status is not StepStatus.RUNNING or step.attempt != place.attempt


def settle(plan: Plan, run: Run, command: Settle, facts: Facts, now: Millis) -> Answer:
    step = run.steps.get(command.step)
    if step is None:
        return Answer(refusal=Refusal.STEP_UNKNOWN_NAME)
    if run.status.finished:
        return Answer(refusal=Refusal.RUN_FINISHED)
    if step.status is not StepStatus.UNKNOWN:
        return Answer(refusal=Refusal.STEP_NOT_UNKNOWN)
    if command.answer == "again" and not plan.knows(step.name):  # a newer version has it no more
        return Answer(refusal=Refusal.STEP_UNKNOWN_NAME)
    if command.answer == "again" and not may_go_on(plan, run, step):
        return Answer(refusal=closed(run))
    settled = StepSettled(now, step.place, command.actor, command.answer, command.reason)
    return Answer((settled, _settled(plan, run, step, command, now)))


def _settled(plan: Plan, run: Run, step: Step, command: Settle, now: Millis) -> Event:
    match command.answer:
        case "happened":
            return StepSucceeded(now, step.place, command.output or Content())
        case "again":
            return StepReady(now, step.place, now) if _has_room(plan, run, step) else StepHeld(now, step.place)
        case "fail":
            error = step.error or Failure("unknown_effect", "Nobody could say whether the step's effect happened.")
            continued = not plan.knows(step.name) or goes_on(plan, plan.step(step.name))
            return StepFailed(now, step.place, error, continued)


def _has_room(plan: Plan, run: Run, step: Step) -> bool:
    if run.status is RunStatus.ENDING:
        return deed(step) == "do"  # steps are taken back one after the other
    return Room(plan, run).take(step)


def closed(run: Run) -> Refusal:
    match run.status:
        case RunStatus.ENDING:
            return Refusal.RUN_ENDING
        case RunStatus.PAUSED:
            return Refusal.RUN_PAUSED
        case RunStatus.QUEUED:
            return Refusal.RUN_QUEUED
        case RunStatus.RUNNING:
            return Refusal.RUN_NOT_FINISHED
        case _:
            return Refusal.RUN_FINISHED
