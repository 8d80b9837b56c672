"""Retrying a run on request, whoever asks for it: what it is given anew, and what is done again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.inputs import Inputs, read_inputs
from store.events import BlockReopened, Event, StepsReset
from store.model import Json, Plan, Run, StepKey


def changed_inputs(
    plan: Plan, current: Mapping[str, Json], given: Mapping[str, Json], *, typed: bool, newer: bool
) -> Inputs:
    """All inputs with those that are given anew, and what is wrong with them.

    `plan` is the version by which the run goes on; a newer one may have no use for some that it was given before.
    """
    fresh = read_inputs(plan, given, typed=typed)
    wrong = tuple(one for one in fresh.problems if one.name in given)
    anew = {name: value for name, value in fresh.values.items() if name in given}  # the others stay as they are
    kept = {name: value for name, value in current.items() if name not in given}
    whole = read_inputs(plan, kept | anew, typed=True)
    missing = tuple(one for one in whole.problems if not newer or one.name in plan.inputs)
    return Inputs(whole.values, wrong or missing)


def redone(events: Iterable[Event], run: Run) -> list[StepKey]:
    """The steps that are done again, in the order of the run."""
    keys: dict[StepKey, None] = {}
    for event in events:
        if isinstance(event, StepsReset):
            keys |= dict.fromkeys((*event.steps, *event.resumed))
        elif isinstance(event, BlockReopened):
            keys |= dict.fromkeys([event.place.key])
    places = {key: index for index, key in enumerate(run.steps)}
    return sorted(keys, key=lambda key: places.get(key, len(places)))
