"""What is counted of a run's steps: kept up to date with every change, and counted anew when a run is read."""

from __future__ import annotations

from store.model import Run, Step, StepKey, StepStatus, changed


def counts_active(step: Step) -> bool:
    # A block and an item are under way for as long as something in them is: they have no attempts of their own.
    return step.status is StepStatus.READY or (step.status is StepStatus.RUNNING and step.attempt > 0)


def count_busy(busy: dict[StepKey, int], step: Step, by: int) -> None:
    """Count what is under way in each of the items and blocks that the step stands in."""
    item, name = step.item or "", step.name
    while block := name.rpartition(".")[0]:
        above = item
        while above:
            key = f"{block}[{above}]"
            busy[key] = busy.get(key, 0) + by
            if not busy[key]:
                del busy[key]
            above = above.rpartition("/")[0]
        name = block


def is_held(step: Step) -> bool:
    """Whether all that the step needs was there, but as many items were busy as may be."""
    return step.status is StepStatus.PENDING and step.ready_at is not None


def holds_large(step: Step) -> bool:
    """Whether the step holds a value that is kept outside the rows."""
    held = (step.output, step.gate.shown if step.gate else None, step.fan.list if step.fan else None)
    return any(content is not None and content.hash is not None for content in held)


def counted(run: Run) -> Run:
    """The run with what is counted of its steps: for one that was read from its rows."""
    busy: dict[StepKey, int] = {}
    steps = run.steps.values()
    for step in steps:
        if step.item is not None and counts_active(step):
            count_busy(busy, step, 1)
    held = {step.key: step.n for step in steps if step.item is not None and is_held(step)}  # in a list
    return changed(run, active=sum(map(counts_active, steps)), large=sum(map(holds_large, steps)), busy=busy, held=held)
