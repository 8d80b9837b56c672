"""From data to shape: every key in its place.

What is wrong is reported and taken out, and the rest is read again, so that one slip does not hide the others.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from engine.definitions import later
from engine.definitions.misfits import FIRST_STEP, NOWHERE, at, located, report
from engine.definitions.problem import Findings, did_you_mean
from engine.definitions.shape import WorkflowFile
from engine.definitions.source import Path
from engine.definitions.words import given, name_fault
from store.model import LIMITS, Json

_SECTIONS = ("inputs", "schemas", "secrets", "settings", "vars", "outputs", "steps")
_NAMED = {
    "inputs": "an input",
    "secrets": "a secret",
    "settings": "a setting",
    "vars": "a constant",
    "steps": "a step",
}
# Without these a step would be another one, and what is said of it would be wrong.
_DECISIVE = ("uses", "call", "parse", "output", "method", "requester_may_decide", "expires", "card")
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
    for path in _not_yet(data, findings):
        unclear.add(path)
        _take_out(data, path)
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
        places = [located(details["loc"], data) for details in faults]
        for details, path in zip(faults, places, strict=True):
            if path not in unclear:  # what was taken out is missing now, and that was told already
                report(details, data, findings)
        for path in [_left_out(details["type"], path) for details, path in zip(faults, places, strict=True)]:
            unclear.add(path)
            _take_out(data, path)
        data.setdefault("workflow", UNNAMED)
        if not isinstance(data.get("steps"), dict):
            data["steps"] = {}
            unclear.add(("steps",))
    return None


def _left_out(kind: str, path: Path) -> Path:
    """What to leave out because of a fault: as little as the rest can be judged without."""
    if kind in ("missing", "union_tag_not_found", "union_tag_invalid"):
        return _container(path)
    while path and isinstance(path[-1], int):
        path = path[:-1]
    if path[:1] == ("steps",) and len(path) > 2:
        key = str(path[-1])
        return path[:2] if key in _DECISIVE or did_you_mean(key, _DECISIVE) else path
    return path


def _container(path: Path) -> Path:
    """The smallest part that can be left out without changing the meaning of the rest."""
    if path[:1] == ("steps",) or (path and path[0] in _SECTIONS and len(path) > 1):
        return path[:2]
    return path[:1] if path else ()


def _take_out(data: dict[str, Json], path: Path) -> None:
    node: Json = data
    for part in path[:-1]:
        node = at(node, part)
        if node is NOWHERE:
            return
    if isinstance(node, dict) and path:
        node.pop(path[-1], None)


def _not_yet(data: dict[str, Json], findings: Findings) -> Iterator[Path]:
    """Keys of the language that this version does not know how to carry out."""
    yield from _refused(data, (), later.FILE_KEYS, findings)
    yield from _refused(data.get("limits"), ("limits",), later.LIMITS_KEYS, findings)
    steps = data.get("steps")
    for name, step in list(steps.items()) if isinstance(steps, dict) else ():
        if not isinstance(step, dict):
            continue
        path = ("steps", name)
        uses = step.get("uses")
        if isinstance(uses, str) and uses in later.KINDS:
            findings.error((*path, "uses"), later.CODE, f"`uses: {uses}` is not supported yet", later.KINDS[uses])
            yield path
            continue
        refused = list(_refused(step, path, later.STEP_KEYS, findings))
        if isinstance(uses, str):
            refused += _refused(step.get("with"), (*path, "with"), later.WITH_KEYS.get(uses, {}), findings)
        refused += _approvers_from(step, path, findings)
        # Without what was refused there may be nothing left to judge.
        yield from ([path] if refused and uses in (None, "wait") else refused)


def _refused(node: Json, path: Path, table: Mapping[str, str], findings: Findings) -> Iterator[Path]:
    if not isinstance(node, dict):
        return
    for key in table.keys() & node.keys():
        findings.error((*path, key), later.CODE, later.said(key), table[key], key=True)
        yield (*path, key)


def _approvers_from(step: dict[str, Json], path: Path, findings: Findings) -> Iterator[Path]:
    with_ = step.get("with")
    approvers = with_.get("approvers") if step.get("uses") == "approval" and isinstance(with_, dict) else None
    computed = isinstance(approvers, dict) or "${{" in str(approvers)
    if computed:
        place = (*path, "with", "approvers")
        findings.error(place, later.CODE, "computed approvers are not supported yet", later.APPROVERS_FROM, key=True)
        yield path


def _bad_names(data: dict[str, Json], findings: Findings) -> Iterator[Path]:
    for section, what in _NAMED.items():
        names = data.get(section)
        for name in list(names) if isinstance(names, dict) else ():
            fault = name_fault(name, what)
            if fault is not None:
                code, message, hint = fault
                findings.error((section, name), code, message, hint, key=True)
                yield (section, name)
    steps = data.get("steps")
    if isinstance(steps, dict) and len(steps) > LIMITS.steps_max:
        message = f"{len(steps)} steps; a workflow may have {LIMITS.steps_max}"
        findings.error(("steps",), "too_many_steps", message, "split it into two workflows", key=True)
    if isinstance(steps, dict) and not steps:
        findings.error(("steps",), "no_steps", "a workflow needs at least one step", FIRST_STEP, key=True)
