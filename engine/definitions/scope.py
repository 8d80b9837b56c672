"""What the names in expressions stand for: types of inputs, settings, constants, the run and the outputs of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.rules.expressions import (
    Type,
    any_type,
    enum_of,
    list_of,
    map_of,
    nullable,
    object_of,
    united,
)
from store.model import NO_USAGE, Json, RunStatus, StepStatus

TEXT: Type = {"type": "string"}
WHOLE: Type = {"type": "integer"}
NULL: Type = {"type": "null"}
ANY = any_type()
STATUS = enum_of([status.value for status in StepStatus])
ERROR = object_of({"code": TEXT, "message": TEXT})
USAGE = object_of(dict.fromkeys(NO_USAGE, WHOLE))
_OF_RUN: dict[str, Type] = {
    **dict.fromkeys(("id", "name", "workflow", "requester", "started_at", "trace_id"), TEXT),
    "slot": nullable(TEXT),
    "usage": USAGE,
}
RUN_FIELDS = tuple(_OF_RUN)
OUTCOME = enum_of([status.value for status in RunStatus if status.finished])
STEP_PARTS = ("output", "status", "error", "receipt")
ITEM_PARTS = "items"
REVIEW_PARTS = ("round", "comment", "previous")
RESPONSE = object_of({"status": WHOLE, "headers": map_of(TEXT), "body": ANY})


@dataclass(slots=True)
class Names:
    """The types behind every name of one file. A name whose definition is broken is known, and may be anything."""

    inputs: dict[str, Type] = field(default_factory=dict)
    optional_inputs: set[str] = field(default_factory=set)  # may be missing in a run
    defaulted_inputs: set[str] = field(default_factory=set)  # need not be given, and are there all the same
    settings: dict[str, Type] = field(default_factory=dict)
    vars: dict[str, Type] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    outputs: dict[str, Type] = field(default_factory=dict)  # of steps, by their names in the plan
    receipts: dict[str, Type] = field(default_factory=dict)
    items: dict[str, Type] = field(default_factory=dict)  # of lists: what one element amounts to
    elements: dict[str, Type] = field(default_factory=dict)  # of lists: what one element is

    def scope(self, steps: Mapping[str, str], always: frozenset[str], *, over: bool = False) -> dict[str, Type]:
        """The scope of one place.

        `steps` maps short names to names in the plan; `always` are those whose output is there for certain; `over`
        where the run's outcome is known.
        """
        seen = {short: self._step(name, name in always) for short, name in steps.items()}
        return {
            "inputs": object_of(self.inputs, optional=self.optional_inputs),
            "settings": object_of(self.settings),
            "vars": object_of(self.vars),
            "run": object_of({**_OF_RUN, "outcome": OUTCOME} if over else _OF_RUN),
            "secrets": object_of(dict.fromkeys(self.secrets, TEXT)),
            "steps": object_of(seen),
            "previous": object_of({"outputs": ANY}),
            "review": review_type(ANY),
        }

    def _step(self, name: str, certain: bool) -> Type:
        output = self.outputs.get(name, ANY)
        parts = {"output": output, "status": STATUS, "error": ERROR, "receipt": self.receipts.get(name, ANY)}
        if name in self.items:
            parts[ITEM_PARTS] = list_of(item_type(self.items[name]))
        return object_of(parts, optional=("error",) if certain else ("error", "output", "receipt"))


def item_type(output: Type) -> Type:
    """What `items` tells of each element."""
    parts = {"key": TEXT, "status": STATUS, "output": output, "error": ERROR, "receipt": ANY}
    return object_of(parts, optional=("output", "error", "receipt"))


def review_type(previous: Type) -> Type:
    """What a step knows of the review that it is done again for; in the first round there was none before."""
    return object_of({"round": WHOLE, "comment": TEXT, "previous": nullable(previous)})


def block_type(children: Mapping[str, Type], optional: Iterable[str]) -> Type:
    """What a block without an `output:` amounts to."""
    return object_of(children, optional=tuple(optional))


def tolerant(scope: Mapping[str, Type], strange: set[tuple[str, ...]]) -> dict[str, Type]:
    """A scope in which names that were reported already are anything, so that one mistake is told once."""
    lenient = dict(scope)
    for path in strange:
        lenient[path[0]] = _with_any(lenient.get(path[0], ANY), path[1:])
    return lenient


def _with_any(type_: Type, path: tuple[str, ...]) -> Type:
    """The type with a field at a path that may be anything."""
    properties, required = type_.get("properties"), type_.get("required")
    if not path or not isinstance(properties, Mapping):
        return ANY
    known = dict(properties)
    listed = list(required) if isinstance(required, list) else []
    inner = _with_any(known.get(path[0], ANY), path[1:])
    return {**type_, "properties": {**known, path[0]: inner}, "required": [*listed, path[0]]}


def constant_type(value: Json) -> Type:
    """The type of a constant: of what kind it is, not which value."""
    match value:
        case None:
            return {"type": "null"}
        case bool():
            return {"type": "boolean"}
        case int():
            return WHOLE
        case float():
            return {"type": "number"}
        case str():
            return TEXT
        case list():
            return list_of(united([constant_type(item) for item in value])) if value else {"type": "array"}
    return object_of({key: constant_type(item) for key, item in value.items()})
