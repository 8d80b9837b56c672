"""What was expected, against what was found. Maps are compared by the keys that are expected, all else exactly."""

from __future__ import annotations

from collections.abc import Iterator

from engine.cases.shape import LEFT_OUT, ErrorExpected, Expected, StepExpected
from engine.cases.verdict import Miss
from engine.definitions.problem import did_you_mean
from engine.definitions.source import Path
from engine.rehearsal import Rehearsal
from engine.rehearsal.story import glimpse, length
from store.model import Failure, Json, Step


def compare(expected: Expected, found: Rehearsal) -> Iterator[Miss]:
    """Everything that is not as expected, in the order of the keys."""
    run = found.run
    if expected.status is not None:
        yield from _same(expected.status, run.status.value, ("expect", "status"))
    if expected.outputs is not None:
        yield from differences(expected.outputs, found.outputs, ("expect", "outputs"))
    for name, step in expected.steps.items():
        yield from _step(step, name, found, ("expect", "steps", name))
    if expected.error is not None:
        yield from _error(expected.error, run.error, ("expect", "error"))
    if expected.reason and expected.reason not in run.reason:
        yield _miss(("expect", "reason"), expected.reason, run.reason)
    if expected.messages is not None:
        yield from differences(expected.messages, [dict(one) for one in found.messages], ("expect", "messages"))
    if expected.took is not None and expected.took != found.took_ms:
        message = f"expected {length(expected.took)}, found {length(found.took_ms)}"
        yield Miss(("expect", "took"), message)
    if expected.warnings is not None:
        yield from _same(expected.warnings, run.warnings, ("expect", "warnings"))


def differences(expected: Json, found: Json, path: Path) -> Iterator[Miss]:
    """Where two values differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key in found:
                yield from differences(value, found[key], (*path, key))
            else:
                near = did_you_mean(key, found)
                yield Miss((*path, key), f"expected {glimpse(value)}, and there is no `{key}`", near)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, (*path, index))
    else:
        yield from _same(expected, found, path)


def _same(expected: Json, found: Json, path: Path) -> Iterator[Miss]:
    if expected != found or isinstance(expected, bool) != isinstance(found, bool):
        yield _miss(path, expected, found)


def _miss(path: Path, expected: Json, found: Json) -> Miss:
    return Miss(path, f"expected {glimpse(expected)}, found {glimpse(found)}")


def _error(expected: ErrorExpected, found: Failure | None, path: Path) -> Iterator[Miss]:
    """The code exactly; of message and hint a part is enough."""
    if found is None:
        yield Miss(path, f"expected {expected.code or 'an error'}, and there was none")
        return
    if expected.code and expected.code != found.code:
        yield Miss(path, f"expected {expected.code}, found {found.code}: {found.message}")
    for name, wanted, said in (("message", expected.message, found.message), ("hint", expected.hint, found.hint)):
        if wanted not in said:
            yield _miss((*path, name), wanted, said)


def _step(expected: StepExpected, name: str, found: Rehearsal, path: Path) -> Iterator[Miss]:
    step = _row(name, found)
    if step is None:
        waits = StepExpected(status="pending")
        if expected != waits:
            yield Miss(path, f"`{name}` never came about: the block that it stands in was not entered")
        return
    plain = {"status": step.status.value, "attempts": step.attempt, "round": step.round}
    for key, value in plain.items():
        wanted = getattr(expected, key)
        if wanted is not None and wanted != value:
            place = (*path, key)
            why = f" ({step.error.code}: {step.error.message})" if key == "status" and step.error else ""
            why = f" ({step.reason})" if key == "status" and step.reason else why
            yield Miss(place, f"expected {wanted}, found {value}{why}")
    if expected.output is not LEFT_OUT:
        yield from differences(expected.output, found.value(step.output), (*path, "output"))
    if expected.error is not None:
        yield from _error(expected.error, step.error, (*path, "error"))
    if expected.reason and expected.reason not in step.reason:
        yield _miss((*path, "reason"), expected.reason, step.reason)
    if expected.gate is not None:
        yield from _same(expected.gate, step.gate.state.value if step.gate else None, (*path, "gate"))
    if expected.given is not LEFT_OUT:
        yield from _given(expected.given, step, found, (*path, "given"))


def _row(name: str, found: Rehearsal) -> Step | None:
    """The row of a step; `checks.verify[c1]` is that of an element."""
    steps = found.run.steps
    front, bracket, item = name.partition("[")
    return steps.get(name) or steps.get(f"{front}.each{bracket}{item}")


def _given(expected: Json, step: Step, found: Rehearsal, path: Path) -> Iterator[Miss]:
    names = (step.name, f"{step.name}.each")
    calls = [one.given for one in found.calls if one.given.step in names]
    calls = [one for one in calls if step.item is None or one.item == step.item]
    if not calls:
        yield Miss(path, "nothing is known of what it was given: the step is not faked, or was never tried")
        return
    yield from differences(expected, dict(calls[-1].input), path)
