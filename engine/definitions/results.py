"""What each kind of step gives when it succeeds, and what its receipt tells."""

from __future__ import annotations

from collections.abc import Iterable

from engine.definitions.gate_shapes import ApprovalWith, FormWith
from engine.definitions.schemas import FILE_SCHEMA
from engine.definitions.scope import ANY, NULL, TEXT, WHOLE
from engine.definitions.step_shapes import (
    AnyStep,
    ApprovalStep,
    CommandDeed,
    FormStep,
    HttpDeed,
    MessageDeed,
    ModelStep,
    StopStep,
    UndoStep,
    WaitStep,
    WaitWith,
)
from engine.rules.expressions import Type, enum_of, list_of, map_of, nullable, object_of, united

_HTTP_RECEIPT = object_of(
    {"method": TEXT, "url": TEXT, "endpoint": TEXT, "status": WHOLE, "headers": map_of(TEXT), "bytes": WHOLE},
    open_=True,
)
_COMMAND_RECEIPT = object_of({"program": TEXT, "exit_code": WHOLE, "stderr": TEXT, "duration_ms": WHOLE}, open_=True)
_COMMAND_OUTPUT: dict[str, Type] = {"json": ANY, "lines": list_of(TEXT), "text": TEXT}
_STOPPED = object_of({"outcome": TEXT, "reason": TEXT})
_SAID = object_of({"to": TEXT, "text": TEXT})


def output_type(step: AnyStep | UndoStep, declared: Type | None, shown: Type, form: Type | None) -> Type:
    """What a step gives; `declared` is its `output:`, `shown` what a gate shows, `form` what people fill in."""
    match step:
        case ApprovalStep() | FormStep():
            return _answer(step.with_, shown, form)
        case WaitStep():
            return _waited(step.with_)
        case StopStep():
            return _STOPPED
        case MessageDeed():
            return _SAID
    if declared is not None:
        return declared
    if isinstance(step, HttpDeed) and step.with_.save is not None:
        return FILE_SCHEMA
    if isinstance(step, CommandDeed) and step.with_.makes_file:
        return FILE_SCHEMA
    if isinstance(step, CommandDeed):
        return _COMMAND_OUTPUT[step.parse]
    return TEXT if isinstance(step, ModelStep) else ANY


def receipt_type(step: AnyStep | UndoStep) -> Type:
    if isinstance(step, HttpDeed):
        return _HTTP_RECEIPT
    return _COMMAND_RECEIPT if isinstance(step, CommandDeed) else ANY


def editable(shown: Type, names: Iterable[str]) -> Type:
    """What is shown, once people may change these fields: that a step always gives the same text binds nobody then."""
    fields = shown.get("properties")
    if not isinstance(fields, dict):
        return shown
    freed = {name: _unbound(fields[name]) for name in names if isinstance(fields.get(name), dict)}
    return {**shown, "properties": {**fields, **freed}}


def _unbound(field: Type) -> Type:
    values = field.get("enum")
    if not isinstance(values, list) or len(values) != 1:
        return field
    return {key: value for key, value in field.items() if key != "enum"}


def _answer(said: ApprovalWith | FormWith, shown: Type, form: Type | None) -> Type:
    """What a gate gives. Which words `verdict` may have follows from what people are offered."""
    by_itself = said.on_expiry in ("approve", "continue")
    choices = said.choices if isinstance(said, ApprovalWith) else ()
    choice: Type = enum_of([one.value for one in choices]) if choices else NULL
    content = shown
    if isinstance(said, FormWith):
        verdicts, content = ["answered", "expired"], form or ANY
        content = united([content, shown]) if by_itself else content
    elif choices:
        verdicts, choice = ["chosen", "expired"], nullable(choice) if by_itself else choice
    else:
        verdicts = ["approved", "rejected", "expired"]
    verdicts += ["approved"] if said.on_expiry == "approve" and "approved" not in verdicts else []
    fields = {
        "verdict": enum_of(verdicts),
        "choice": choice,
        "content": content,
        "comment": TEXT,
        "by": nullable(TEXT) if by_itself else TEXT,
        "at": TEXT,
    }
    return object_of(fields)


def _waited(said: WaitWith) -> Type:
    if said.event is None:
        return object_of({"until": TEXT})
    return object_of({"event": TEXT, "data": ANY, "by": nullable(TEXT), "at": TEXT, "timed_out": {"type": "boolean"}})
