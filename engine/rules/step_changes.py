"""What events do to steps: their attempts, the blocks and items they stand in, and doing them again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.rules.draft import Draft
from store.events import (
    AnswerKept,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    BlockEntered,
    BlockReopened,
    ChildAwaited,
    EventAwaited,
    ItemBegun,
    ItemEnded,
    StepCancelled,
    StepFailed,
    StepHeld,
    StepPolled,
    StepReady,
    StepSkipped,
    StepsReset,
    StepSucceeded,
    StepUnknown,
    StepWaiting,
)
from store.model import (
    Fan,
    Kept,
    Millis,
    Step,
    StepKey,
    StepStatus,
    changed,
)
from store.tally import is_held

# Steps and attempts ----------------------------------------------------------------------------------------------


def ready(draft: Draft, event: StepReady) -> None:
    step = draft.step(event.place.key)
    first = event.at if step.ready_at is None or is_held(step) else step.ready_at
    draft.change(
        step.key, status=StepStatus.READY, round=event.place.round, due_at=event.due_at, ready_at=first, error=None
    )


def held(draft: Draft, event: StepHeld) -> None:
    # What takes a step back waits for its turn, not for room in a list.
    at = event.at if event.place.deed == "do" else None
    draft.change(event.place.key, status=StepStatus.PENDING, ready_at=at, error=None)


def attempt_started(draft: Draft, event: AttemptStarted) -> None:
    place = event.place
    draft.change(
        place.key,
        status=StepStatus.RUNNING,
        attempt=place.attempt,
        due_at=None,
        ready_at=_counts_from(draft.step(place.key), event),
        started_at=event.at,
        seq=draft.values["seq"],
    )


def _counts_from(step: Step, event: AttemptStarted | AttemptFailed | AttemptInterrupted) -> Millis | None:
    """From when its time counts: so much later than before as its clock stood still."""
    return step.ready_at if step.ready_at is None or not event.idle_ms else step.ready_at + event.idle_ms


def answer_kept(draft: Draft, event: AnswerKept) -> None:
    if event.request:
        draft.change(event.place.key, kept=Kept(event.request, event.answer))


def attempt_failed(draft: Draft, event: AttemptFailed) -> None:
    step = draft.step(event.place.key)
    failures, memo = step.failures + event.counts, None if event.anew else step.memo
    draft.change(
        step.key,
        status=StepStatus.READY,
        due_at=event.due_at,
        ready_at=_counts_from(step, event),
        failures=failures,
        error=event.error,
        memo=memo,
        kept=None,
    )
    _use(draft, event.usage)


def attempt_interrupted(draft: Draft, event: AttemptInterrupted) -> None:
    step = draft.step(event.place.key)
    crashes, ready_at = step.crashes + event.counts, _counts_from(step, event)
    error = event.error or step.error
    draft.change(
        step.key, status=StepStatus.READY, due_at=event.due_at, ready_at=ready_at, crashes=crashes, error=error
    )


def polled(draft: Draft, event: StepPolled) -> None:
    went_well = {"failures": 0, "crashes": 0, "error": None}
    draft.change(event.place.key, **went_well, status=StepStatus.READY, due_at=event.due_at, memo=event.memo)


def succeeded(draft: Draft, event: StepSucceeded) -> None:
    draft.change(
        event.place.key,
        status=StepStatus.SUCCEEDED,
        due_at=None,
        ended_at=event.at,
        seq=draft.values["seq"],
        output=event.output,
        receipt=event.receipt,
        error=None,
        memo=None,
        event="",
        kept=None,
    )
    _use(draft, event.usage)


def failed(draft: Draft, event: StepFailed) -> None:
    step = draft.step(event.place.key)
    draft.change(
        step.key,
        status=StepStatus.FAILED,
        due_at=None,
        ended_at=event.at,
        seq=draft.values["seq"],
        failures=step.failures + 1,
        error=event.error,
        memo=None,
        event="",
        kept=None,
    )
    if event.continued:
        draft.values["warnings"] = True
    _use(draft, event.usage)


def _use(draft: Draft, usage: Any) -> None:
    if usage:
        total = dict(draft.values["usage"])
        for name, amount in usage.items():
            total[name] = total.get(name, 0) + amount
        draft.values["usage"] = total


def skipped(draft: Draft, event: StepSkipped) -> None:
    draft.change(event.place.key, status=StepStatus.SKIPPED, ended_at=event.at, reason=event.reason)


def unknown(draft: Draft, event: StepUnknown) -> None:
    draft.change(event.place.key, status=StepStatus.UNKNOWN, due_at=None, error=event.error, memo=None, kept=None)


def waiting(draft: Draft, event: StepWaiting) -> None:
    draft.change(event.place.key, status=StepStatus.WAITING, due_at=event.until_at)


def child_awaited(draft: Draft, event: ChildAwaited) -> None:
    draft.change(event.place.key, status=StepStatus.WAITING, child=event.child)


def event_awaited(draft: Draft, event: EventAwaited) -> None:
    draft.change(event.place.key, status=StepStatus.WAITING, event=event.event, due_at=event.until_at)


def cancelled(draft: Draft, event: StepCancelled) -> None:
    step = draft.step(event.place.key)
    draft.change(
        step.key,
        status=StepStatus.CANCELLED,
        due_at=None,
        ended_at=event.at,
        seq=draft.values["seq"],
        error=event.error or step.error,
        reason=event.reason,
        event="",
        kept=None,
    )


# Blocks and their items ------------------------------------------------------------------------------------------


def block_entered(draft: Draft, event: BlockEntered) -> None:
    place = event.place
    fan = None if event.list is None else Fan(event.list, event.count)
    draft.change(place.key, status=StepStatus.RUNNING, started_at=event.at, ready_at=event.at, error=None, fan=fan)
    for name in event.steps:
        draft.add(name, place.item, place.round)


def item_begun(draft: Draft, event: ItemBegun) -> None:
    place = event.place
    block = draft.step(_block_key(place.step, place.item))
    assert block.fan is not None
    draft.put(changed(block, fan=replace(block.fan, begun=block.fan.begun + 1)))
    draft.add(place.step, place.item, place.round)
    index = block.fan.begun
    draft.change(place.key, status=StepStatus.RUNNING, started_at=event.at, ready_at=event.at, memo=index)
    for name in event.steps:
        draft.add(name, place.item, place.round)


def item_ended(draft: Draft, event: ItemEnded) -> None:
    place, failed = event.place, event.status is StepStatus.FAILED
    draft.change(place.key, status=event.status, ended_at=event.at, output=event.output, error=event.error)
    block = draft.step(_block_key(place.step, place.item))
    assert block.fan is not None
    fan = replace(block.fan, ended=block.fan.ended + 1, failed=block.fan.failed + failed)
    draft.put(changed(block, fan=fan))


def block_reopened(draft: Draft, event: BlockReopened) -> None:
    block, again = draft.step(event.place.key), {"status": StepStatus.RUNNING, "error": None, "ended_at": None}
    items = [draft.step(f"{block.name}[{item}]") for item in event.items]
    fan = block.fan
    if fan is not None:
        ended = sum(one.status in (StepStatus.FAILED, StepStatus.SUCCEEDED) for one in items)
        failed = sum(one.status is StepStatus.FAILED for one in items)
        fan = replace(fan, ended=fan.ended - ended, failed=fan.failed - failed)
    draft.change(block.key, **again, reason="", fan=fan)
    for one in items:
        draft.change(one.key, **again, reason="", output=None)


def _block_key(name: str, item: str | None) -> StepKey:
    """The block's own row, from the name of one of its items."""
    above = (item or "").rpartition("/")[0]
    return f"{name}[{above}]" if above else name


# Doing again -----------------------------------------------------------------------------------------------------


def reset(draft: Draft, event: StepsReset) -> None:
    for key in event.dropped:
        round_ = draft.step(key).round + 1
        draft.change(
            key, **_AFRESH | {"reason": event.reason}, status=StepStatus.SKIPPED, round=round_, ended_at=event.at
        )
    for key in (*event.steps, *event.resumed):
        step = draft.step(key)
        review = event.review if event.review is not None else step.review
        round_ = step.round if key in event.resumed else step.round + 1
        draft.change(key, **_AFRESH, status=StepStatus.PENDING, round=round_, ended_at=None, review=review)


_AFRESH: dict[str, Any] = {
    "failures": 0,
    "crashes": 0,
    "due_at": None,
    "ready_at": None,
    "started_at": None,
    "seq": 0,
    "output": None,
    "receipt": None,
    "error": None,
    "reason": "",
    "memo": None,
    "child": None,
    "event": "",
    "fan": None,
    "kept": None,
}
