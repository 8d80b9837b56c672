"""What a trigger gives a run to start with: templates over `event`, filled from what happened outside."""

from __future__ import annotations

from collections.abc import Mapping

from engine.inputs import InputProblem, Inputs, read_inputs
from engine.rules.expressions import ExpressionError, parse_template
from store.model import Json, Plan

HINT = "Compare what is sent with `on:` in the workflow file."


def computed(templates: Json, event: Mapping[str, Json]) -> Inputs:
    """What the templates of a trigger amount to, and a problem for each that this event does not bear out."""
    given: dict[str, Json] = {}
    problems: list[InputProblem] = []
    for name, template in (templates or {}).items():
        try:
            given[name] = parse_template(template).fill({"event": dict(event)})
        except ExpressionError as error:
            problems.append(InputProblem(name, f"`{name}` could not be computed: {error}", HINT))
    return Inputs(given, tuple(problems))


def inputs_from(plan: Plan, templates: Json, event: Mapping[str, Json]) -> Inputs:
    """The inputs of a run that nobody is asked about: computed, and read by their schemas, with all that is wrong."""
    found = computed(templates, event)
    failed = {one.name for one in found.problems}
    read = read_inputs(plan, found.values, typed=True)
    return Inputs(read.values, (*found.problems, *(one for one in read.problems if one.name not in failed)))
