"""Starting: under which key and in which queue a run starts, and whether it may begin, waits, or is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.rules.expressions import ExpressionError, Reference, condition, evaluate, parse_template
from engine.rules.gates import rfc3339
from store import draft, lookups
from store.database import Writer
from store.model import Content, Json, Millis, Plan, RunStatus
from store.values import RunId

_PERIODS = {1_000: "second", 60_000: "minute", 3_600_000: "hour", 86_400_000: "day"}
PLANS_MAX = 4_096
_looks_back: dict[str, bool] = {}  # by version: whether an expression reads what the last run gave


class NotStarted(Exception):
    """A run was not started, for a reason that people can do something about."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Berth:
    """Where a new run finds its place among the open ones."""

    queue: str = ""
    queued: bool = False
    makes_way: tuple[RunId, ...] = ()  # the runs that are cancelled for it


def dedupe_key(plan: Plan, inputs: Mapping[str, Json]) -> str | None:
    """The key that the workflow gives its runs by their inputs; None when it gives none."""
    return None if plan.dedupe is None else _text(plan.dedupe, inputs, "dedupe")


def berth(tx: Writer, plan: Plan, inputs: Mapping[str, Json]) -> Berth:
    """Counts the open runs. Raises NotStarted when there are as many as may be and the workflow refuses more."""
    return berth_in(tx, plan, queue_of(plan, inputs))


def queue_of(plan: Plan, inputs: Mapping[str, Json]) -> str:
    """With which of the workflow's runs one of these inputs is counted. Raises NotStarted when it cannot be told."""
    limit = plan.concurrency
    return "" if limit is None or limit.per is None else _text(limit.per, inputs, "limits.concurrency.per")


def berth_in(tx: Writer, plan: Plan, queue: str) -> Berth:
    """The place in this queue of a run that is not open yet. Raises NotStarted when there is none."""
    limit = plan.concurrency
    if limit is None:
        return Berth()
    open_ = open_runs(tx, plan.workflow, queue)
    match limit.when_full:
        case "queue":
            # Those that wait count as well: one of them may be about to take the place that is free.
            return Berth(queue, queued=len(open_) >= limit.max)
        case "cancel_oldest":
            return Berth(queue, makes_way=makes_way(tx, plan, queue))
        case "refuse":
            if len(open_) < limit.max:
                return Berth(queue)
            of = f" for {queue}" if queue else ""
            raise NotStarted(
                f"{limit.max} runs of {plan.workflow} are open{of}, and no more are allowed at once.",
                f"Wait for one to end, or cancel one: {', '.join(run.name for run in open_[:5])}.",
            )


def makes_way(tx: Writer, plan: Plan, queue: str, comer: RunId = "") -> tuple[RunId, ...]:
    """The oldest runs of a queue, as many as have to be cancelled for the one that comes, by the wish of the author."""
    limit = plan.concurrency
    if limit is None or limit.when_full != "cancel_oldest":
        return ()
    open_ = (run for run in open_runs(tx, plan.workflow, queue) if run.id != comer)
    stay = [run.id for run in open_ if run.status is not RunStatus.ENDING]  # the others make way already
    return tuple(stay[: max(0, len(stay) - limit.max + 1)])


def berth_anew(tx: Writer, plan: Plan, stood_in: str, inputs: Mapping[str, Json]) -> Berth | None:
    """The place of a run that had ended and goes on; None when there is none."""
    try:
        queue = queue_of(plan, inputs)
    except NotStarted:  # the newest version reads an input that this run was never given
        queue = stood_in
    try:
        return berth_in(tx, plan, queue)
    except NotStarted:
        return None


def within_rate(tx: Writer, plan: Plan, now: Millis) -> None:
    """Raise NotStarted when as many runs have started lately as the workflow allows."""
    rate = plan.rate
    if rate is None:
        return
    since = now - rate.period_ms
    lately = lookups.started_since(tx, plan.workflow, since, rate.count)
    lately |= {
        run.id: run.created_at
        for run in draft.changed_in(tx).values()
        if run.workflow == plan.workflow and run.created_at > since
    }
    if len(lately) >= rate.count:
        frees_at = sorted(lately.values())[-rate.count] + rate.period_ms
        raise NotStarted(
            f"{rate.count} runs of {plan.workflow} have started in the last {_period(rate.period_ms)}, "
            "and no more may.",
            f"Start it again after {rfc3339(frees_at)}.",
        )


def _period(ms: Millis) -> str:
    return _PERIODS.get(ms) or f"{ms / 1000:g} s"


@dataclass(frozen=True, slots=True)
class OpenRun:
    """What counts of a run that has not ended."""

    id: RunId
    name: str
    status: RunStatus
    since: Millis


def open_runs(tx: Writer, workflow: str, queue: str) -> list[OpenRun]:
    """The unfinished runs that stand in one queue, as they are in this batch, the longest there first."""
    changed = draft.changed_in(tx)
    found = [OpenRun(*row) for row in lookups.open_in_queue(tx, workflow, queue) if row[0] not in changed]
    found += [
        OpenRun(run.id, run.name, run.status, run.stands_since)
        for run in changed.values()
        if (run.workflow, run.queue) == (workflow, queue) and not run.status.finished
    ]
    return sorted(found, key=lambda run: (run.since, run.id))


def next_in_line(tx: Writer, plan: Plan, queue: str) -> list[RunId]:
    """The runs of a queue that may begin by the limit of this plan, which is the newest of their workflow."""
    waiting = open_runs(tx, plan.workflow, queue)
    queued = [run.id for run in waiting if run.status is RunStatus.QUEUED]
    if plan.concurrency is None:
        return queued
    begun = len(waiting) - len(queued)
    return queued[: max(0, plan.concurrency.max - begun)]


def previous_outputs(tx: Writer, plan: Plan) -> Content | None:
    """What the last run that went well gave, for workflows that look at it."""
    if plan.version not in _looks_back:
        if len(_looks_back) >= PLANS_MAX:
            _looks_back.clear()
        _looks_back[plan.version] = any(one.path[0] == "previous" for one in _references(plan))
    return lookups.last_outputs(tx, plan.workflow) if _looks_back[plan.version] else None


def _references(plan: Plan) -> Iterator[Reference]:
    """Every piece of data that the expressions of a plan read."""
    for spec in (*plan.steps, *plan.undo):
        texts = [spec.when, *(one.that for one in spec.ensure)]
        texts += [spec.fanout.each, spec.fanout.key] if spec.fanout else []
        for text in texts:
            if text is not None:
                yield from condition(text).references
    for template in (*(spec.with_ for spec in (*plan.steps, *plan.undo)), plan.outputs):
        if template is not None:
            yield from parse_template(template).references


def _text(expression: str, inputs: Mapping[str, Json], where: str) -> str:
    try:
        value = evaluate(condition(expression), {"inputs": dict(inputs)})
    except ExpressionError as error:
        raise NotStarted(f"`{where}` could not be computed: {error}", "Mend it in the workflow file.") from None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise NotStarted(f"`{where}` gave neither a text nor a whole number.", "Mend it in the workflow file.")
    return str(value)
