"""What the names in expressions stand for: types of inputs, settings, constants, the run and the outputs of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.definitions.shape import AnyStep, ApprovalStep, CommandStep, HttpStep, ModelStep, WaitStep
from engine.rules.expressions import Type, any_type, enum_of, list_of, map_of, nullable, object_of, united
from store.model import Json, StepStatus

TEXT: Type = {"type": "string"}
WHOLE: Type = {"type": "integer"}
ANY = any_type()
STATUS = enum_of([status.value for status in StepStatus])
ERROR = object_of({"code": TEXT, "message": TEXT})
RUN_FIELDS = ("id", "name", "workflow", "requester", "started_at", "trace_id")
RUN = object_of(dict.fromkeys(RUN_FIELDS, TEXT))
STEP_PARTS = ("output", "status", "error", "receipt")

_HTTP_RECEIPT = object_of(
    {"method": TEXT, "url": TEXT, "endpoint": TEXT, "status": WHOLE, "headers": map_of(TEXT), "bytes": WHOLE},
    open_=True,
)
_COMMAND_RECEIPT = object_of({"program": TEXT, "exit_code": WHOLE, "stderr": TEXT, "duration_ms": WHOLE}, open_=True)
_COMMAND_OUTPUT: dict[str, Type] = {"json": ANY, "lines": list_of(TEXT), "text": TEXT}


@dataclass(slots=True)
class Names:
    """The types behind every name of one file. A name whose definition is broken is known, and may be anything."""

    inputs: dict[str, Type] = field(default_factory=dict)
    optional_inputs: set[str] = field(default_factory=set)
    settings: dict[str, Type] = field(default_factory=dict)
    vars: dict[str, Type] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    outputs: dict[str, Type] = field(default_factory=dict)  # of steps
    receipts: dict[str, Type] = field(default_factory=dict)

    def scope(self, always: frozenset[str], *, strict: bool) -> dict[str, Type]:
        """The scope of one place: steps whose output is there for certain, and the others, which may have none.

        `strict` says that `always` is complete; otherwise every output counts as being there.
        """
        steps = {name: self._step(name, name in always or not strict) for name in self.outputs}
        return {
            "inputs": object_of(self.inputs, optional=self.optional_inputs),
            "settings": object_of(self.settings),
            "vars": object_of(self.vars),
            "run": RUN,
            "secrets": object_of(dict.fromkeys(self.secrets, TEXT)),
            "steps": object_of(steps),
        }

    def _step(self, name: str, certain: bool) -> Type:
        output = self.outputs[name]
        parts = {"output": output, "status": STATUS, "error": ERROR, "receipt": self.receipts.get(name, ANY)}
        return object_of(parts, optional=("error",) if certain else ("error", "output", "receipt"))


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


def output_type(step: AnyStep, declared: Type | None, shown: Type) -> Type:
    """What a step gives when it succeeds; `declared` is its `output:`, `shown` what a gate shows."""
    if isinstance(step, ApprovalStep):
        return _gate_output(step, shown)
    if isinstance(step, WaitStep):
        return object_of({"until": TEXT})
    if declared is not None:
        return declared
    if isinstance(step, CommandStep):
        return _COMMAND_OUTPUT[step.parse]
    return TEXT if isinstance(step, ModelStep) else ANY


def receipt_type(step: AnyStep) -> Type:
    if isinstance(step, HttpStep):
        return _HTTP_RECEIPT
    return _COMMAND_RECEIPT if isinstance(step, CommandStep) else ANY


def _gate_output(step: ApprovalStep, shown: Type) -> Type:
    verdicts = ["approved"]
    verdicts += ["rejected"] if step.with_.on_reject == "continue" else []
    verdicts += ["expired"] if step.with_.on_expiry == "continue" else []
    # What cannot happen is kept as text, so that comparing with it is a matter of taste and no mistake.
    verdict = enum_of(verdicts) if len(verdicts) == 3 else TEXT
    by = TEXT if step.with_.on_expiry not in ("approve", "continue") else nullable(TEXT)
    fields = {"verdict": verdict, "choice": {"type": "null"}, "content": shown, "comment": TEXT, "by": by, "at": TEXT}
    return object_of(fields)
