"""A condition: what its answer costs in a small run, and in one with a thousand steps and megabytes of data."""

from __future__ import annotations

from collections.abc import Iterator
from time import process_time

from benchmarks.figures import Figure, figure
from benchmarks.place import Place
from benchmarks.plans import MINA, fan
from engine.rules.commands import Claim, ReportSuccess, StartRun
from engine.rules.computing import holds
from engine.rules.evolution import fold
from engine.rules.lifecycle import handle
from store.model import NO_FACTS, Content, Plan, Run

CONDITION = "${{ steps.part_1.output.score > inputs.least && steps.part_1.output.text != '' }}"
SMALL_STEPS = 2
LARGE_STEPS = 1_000
LARGE_TEXT = "a word and " * 1_000  # in the output of each step of the large run
BATCHES = 50
ANSWERS = 2_000  # in each batch


def measured(place: Place) -> Iterator[Figure]:
    small = _costs(*_lived(SMALL_STEPS, "short"))
    large = _costs(*_lived(LARGE_STEPS, LARGE_TEXT))
    note = f"among {LARGE_STEPS:,} steps of {len(LARGE_TEXT):,} bytes; the limit: among {SMALL_STEPS} short ones"
    yield figure("condition_us", large, small, synchronous=place.synchronous, note=note)


def _lived(steps: int, text: str) -> tuple[Plan, Run]:
    """A run whose steps but the last have succeeded, each with this text."""
    plan = fan(steps)
    start = StartRun("run", "R-7KD", MINA, {}, Content({"least": 3}), "trace")
    run = fold(None, handle(plan, None, start, NO_FACTS, 1).events)
    for n in range(steps):
        run = fold(run, handle(plan, run, Claim(f"part_{n}"), NO_FACTS, 1).events)
        place = run.steps[f"part_{n}"].place
        done = ReportSuccess(place, Content({"score": 5, "text": text}))
        run = fold(run, handle(plan, run, done, NO_FACTS, 1).events)
    return plan, run


def _costs(plan: Plan, run: Run) -> list[float]:
    """Microseconds an answer, of each batch."""
    assert holds(CONDITION, plan, run, NO_FACTS)
    taken = []
    for _ in range(BATCHES):
        began = process_time()
        for _ in range(ANSWERS):
            holds(CONDITION, plan, run, NO_FACTS)
        taken.append((process_time() - began) * 1_000_000 / ANSWERS)
    return taken
