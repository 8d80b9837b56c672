"""From data to shape: every key in its place.

What is wrong is reported and taken out, and the rest is read again, so that one slip does not hide the others.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from engine.definitions.misfits import FIRST_STEP, NOWHERE, at, located, report
from engine.definitions.problem import Findings, did_you_mean
from engine.definitions.shape import WorkflowFile
from engine.definitions.source import Path
from engine.definitions.stepping import step_in, steps_of
from engine.definitions.words import given, name_fault
from store.model import LIMITS, Json

_SECTIONS = ("inputs", "schemas", "secrets", "settings", "vars", "outputs", "defaults")
_NAMED = {
    "inputs": "an input",
    "secrets": "a secret",
    "settings": "a setting",
    "vars": "a constant",
}
# Without these a step would be another one, and what is said of it would be wrong.
_DECISIVE = (
    "uses",
    "call",
    "parse",
    "output",
    "method",
    "requester_may_decide",
    "expires",
    "card",
    "steps",
    "foreach",
    "as",
    "tolerate",
    "fields",
    "choices",
    "changes",
    "event",
)
_ROUNDS_MAX = 5  # of reading what is left; the second one nearly always succeeds
UNNAMED = "unnamed"  # stands in for the name of a workflow that has none, while the rest is checked


@dataclass(frozen=True, slots=True)
class Reading:
    """A file whose every key is understood, and the places that were left out because they are not."""

    file: WorkflowFile
    data: dict[str, Json]  # as it is written, without what is unclear
    unclear: frozenset[Path]  # nothing that refers to these is judged


def shape(findings: Findings) -> Reading | None:
    """Read the data of a source; None when not even its name and steps can be made out."""
    data = findings.source.data
    if not isinstance(data, dict):
        findings.error(
            (), "wrong_type", f"a workflow is a map of keys, not {given(data)}", "begin with `workflow: name`"
        )
        return None
    data = copy.deepcopy(data)
    unclear: set[Path] = set()
    for path in _bad_names(data, findings):
        unclear.add(path)
    file = _validated(data, findings, unclear)
    return None if file is None else Reading(file, data, frozenset(unclear))


def _validated(data: dict[str, Json], findings: Findings, unclear: set[Path]) -> WorkflowFile | None:
    """Validate, take out what is wrong, and again; each round removes something, so it ends."""
    for _ in range(_ROUNDS_MAX):
        try:
            return WorkflowFile.model_validate(data)
        except ValidationError as error:
            faults = error.errors(include_url=False)
        places = [located(details["loc"]) for details in faults]
        for details, path in zip(faults, places, strict=True):
            if not _told(path, unclear):
                report(details, data, findings)
        for path in [_left_out(details["type"], path) for details, path in zip(faults, places, strict=True)]:
            unclear.add(path)
            _take_out(data, path)
        data.setdefault("workflow", UNNAMED)
        if not isinstance(data.get("steps"), dict):
            data["steps"] = {}
            unclear.add(("steps",))
    return None


def _told(path: Path, unclear: set[Path]) -> bool:
    """Whether a fault only follows from what was taken out before: that is missing now."""
    trigger = path[:1] == ("on",) and any(one[:2] == path[:2] for one in unclear)
    return path in unclear or trigger


def _left_out(kind: str, path: Path) -> Path:
    """What to leave out because of a fault: as little as the rest can be judged without."""
    if kind in ("missing", "union_tag_not_found", "union_tag_invalid"):
        return _container(path)
    while path and isinstance(path[-1], int):
        path = path[:-1]
    step = step_in(path)
    if step and len(path) > len(step):
        slip = did_you_mean(str(path[-1]), _DECISIVE) if kind == "extra_forbidden" else ""
        decisive = slip or any(part in _DECISIVE for part in path[len(step) :])
        return step if decisive else path
    return path


def _container(path: Path) -> Path:
    """The smallest part that can be left out without changing the meaning of the rest."""
    step = step_in(path)
    if step:
        return step
    return path[:2] if path and path[0] in _SECTIONS and len(path) > 1 else path[:1]


def _take_out(data: dict[str, Json], path: Path) -> None:
    node: Json = data
    for part in path[:-1]:
        node = at(node, part)
        if node is NOWHERE:
            return
    if isinstance(node, dict) and path:
        node.pop(path[-1], None)


def _bad_names(data: dict[str, Json], findings: Findings) -> Iterator[Path]:
    for section, what in _NAMED.items():
        names = data.get(section)
        for name in list(names) if isinstance(names, dict) else ():
            fault = name_fault(name, what)
            if fault is not None:
                code, message, hint = fault
                findings.error((section, name), code, message, hint, key=True)
                yield (section, name)
    count, back = 0, 0
    for path, steps in steps_of(data):
        count += len(steps)
        back += sum(isinstance(step, dict) and step.get("undo") is not None for step in steps.values())
        for name in list(steps):
            fault = name_fault(name, "a step")
            if fault is not None:
                code, message, hint = fault
                findings.error((*path, name), code, message, hint, key=True)
                yield (*path, name)
        if not steps and path != ("finally",):
            what = "a workflow" if len(path) == 1 else "a block"
            findings.error(path, "no_steps", f"{what} needs at least one step", FIRST_STEP, key=True)
    if count + back > LIMITS.steps_max:
        more = f" and {back} that take one back" if back else ""
        message = f"{count} steps{more}; a workflow may have {LIMITS.steps_max}"
        findings.error(("steps",), "too_many_steps", message, "split it into two workflows", key=True)
