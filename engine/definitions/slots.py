"""What may stand behind a key: templates, schemas, conditions, lists. Each slot says how it is written."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Tag, WithJsonSchema

from engine.definitions.words import given, length_ms, positive_length_ms, refuse, something
from store.model import Choice, Effect, Json

_TEMPLATE: dict[str, Any] = {"description": "A value; its texts may hold ${{ … }}."}
_SCHEMA: dict[str, Any] = {
    "description": "A JSON Schema, a type name, the name of one of `schemas`, or a short form such as {total: number}.",
    "type": ["string", "object", "array"],
}
_LENGTH: dict[str, Any] = {"type": "string", "examples": ["30s", "4h", "2h30m"]}
Template = Annotated[Any, WithJsonSchema(_TEMPLATE)]
TemplateMap = Annotated[dict[str, Any], WithJsonSchema({**_TEMPLATE, "type": "object"})]
SchemaText = Annotated[Any, WithJsonSchema(_SCHEMA)]
_TAG = "\0"  # no key of a file begins with it: in the place of a fault, the tag of a union stands out


class Shape(BaseModel):
    """A map with a fixed set of keys; anything else in it is a mistake."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, serialize_by_alias=True
    )


def tag(name: str) -> Tag:
    """The mark of one member of a union."""
    return Tag(_TAG + name)


def tag_name(name: str | None) -> str | None:
    """What a union's discriminator answers for a member."""
    return None if name is None else _TAG + name


def untagged(part: str | int) -> str | None:
    """The member that a part of a fault's place names; None when the part is a key or an index."""
    return part[len(_TAG) :] if isinstance(part, str) and part.startswith(_TAG) else None


def _condition(value: Json) -> str:
    something(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        refuse(
            "wrong_type",
            f"a condition is needed here, not {given(value)}",
            "write for instance ${{ inputs.count > 3 }}",
        )
    return value


def _expression(value: Json) -> str:
    something(value)
    if not isinstance(value, str):
        hint = "write for instance ${{ inputs.tags }}"
        if isinstance(value, list):
            hint = "put the list under `vars:` and write ${{ vars.NAME }}, or write \"${{ ['a', 'b'] }}\""
        refuse("wrong_type", f"an expression is needed here, not {given(value)}", hint)
    return value


def _text_or_file(value: Json) -> Json:
    fits = isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str)
    if not isinstance(value, str) and not fits:
        hint = "write the text, or {file: prompts/name.md} for a file beside the workflow"
        refuse("wrong_type", f"a text is needed here, not {given(value)}", hint)
    return value


def _models(value: Json) -> Json:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name for name in names):
        hint = "write a name of the models file, or a list of names: the second when the first is down"
        refuse("wrong_type", f"the name of a model is needed here, not {given(value)}", hint)
    return value


def _statuses(value: Json) -> Json:
    listed = value if isinstance(value, list) else [value]
    for status in listed:
        if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
            refuse(
                "wrong_type",
                "`accept` lists the HTTP statuses that count as success",
                "write for instance [200, 201, 409]",
            )
    return listed


def _argv(value: Json) -> Json:
    if isinstance(value, str):
        words = ", ".join(word if word.isidentifier() else f'"{word}"' for word in value.split())
        refuse("wrong_type", "a command is a list of words, because no shell reads it", f"write [{words}]")
    if not isinstance(value, list) or not value:
        hint = "write for instance [git, log, --oneline]"
        refuse("wrong_type", f"a list of words is needed here, not {given(value)}", hint)
    return value


def _tolerated(value: Json) -> tuple[int, bool]:
    """`3` items, or `10%` of them."""
    hint = "write a number of items, or a share of them: 10%"
    something(value)
    share = isinstance(value, str) and value.strip().endswith("%")
    digits = str(value).strip().removesuffix("%").strip()
    if isinstance(value, bool) or not isinstance(value, int | str) or not digits.isascii() or not digits.isdigit():
        refuse("bad_tolerance", f"`tolerate` needs a number of items, not {given(value)}", hint)
    if isinstance(value, str) and not share:
        refuse(
            "bad_tolerance", f"`tolerate` needs a number of items, not {given(value)}", f"write {digits} or {digits}%"
        )
    if share and int(digits) > 100:
        refuse("bad_tolerance", f"{digits}% of the items is more than all of them", "write 100% or less")
    return int(digits), share


def _lengths(value: Json) -> tuple[int, ...]:
    something(value)
    listed = value if isinstance(value, list) else [value]
    if not listed:
        refuse("wrong_type", "there is no length of time in this list", "write for instance [1h], or delete the line")
    return tuple(positive_length_ms(one) for one in listed)


def _choices(value: Json) -> tuple[Choice, ...]:
    """Texts, or {value, label}."""
    hint = "write for instance [refund, replace], or {value: refund, label: Pay it back}"
    something(value)
    if not isinstance(value, list):
        refuse("wrong_type", f"a list of answers is needed here, not {given(value)}", hint)
    choices = tuple(_choice(one, hint) for one in value)
    if len(choices) < 2:
        refuse("too_few_choices", "people need at least two answers to choose from", hint)
    values = [one.value for one in choices]
    twice = next((one for one in values if values.count(one) > 1), None)
    if twice is not None:
        refuse("choice_twice", f'the answer "{twice}" is offered twice', "keep one of the two")
    return choices


def _choice(one: Json, hint: str) -> Choice:
    if isinstance(one, str) and one.strip():
        return Choice(one)
    if isinstance(one, dict) and set(one) <= {"value", "label"} and isinstance(one.get("value"), str) and one["value"]:
        label = one.get("label", "")
        if isinstance(label, str):
            return Choice(one["value"], label)
    refuse("wrong_type", f"an answer is a text, or a map of `value` and `label`, not {given(one)}", hint)


_NOT_EMPTY = BeforeValidator(something)
MaybeWhole = Annotated[int | None, _NOT_EMPTY, WithJsonSchema({"type": "integer"})]
MaybeNumber = Annotated[float | None, _NOT_EMPTY, WithJsonSchema({"type": "number"})]
MaybeList = Annotated[list[Any] | None, _NOT_EMPTY, WithJsonSchema({"type": "array"})]
MaybeMap = Annotated[dict[str, Any] | None, _NOT_EMPTY, WithJsonSchema({**_TEMPLATE, "type": "object"})]
MaybeEffect = Annotated[Effect | None, _NOT_EMPTY, WithJsonSchema({"enum": ["pure", "idempotent", "once"]})]
MaybeLength = Annotated[int | None, BeforeValidator(length_ms), WithJsonSchema({**_LENGTH, "examples": ["0s", "1h"]})]
Lengths = Annotated[
    tuple[int, ...],
    BeforeValidator(_lengths),
    WithJsonSchema({"anyOf": [_LENGTH, {"type": "array", "items": _LENGTH, "minItems": 1}]}),
]
ConditionText: TypeAlias = Annotated[str, BeforeValidator(_condition), WithJsonSchema({"type": ["string", "boolean"]})]
Condition = Annotated[str | None, BeforeValidator(_condition), WithJsonSchema({"type": ["string", "boolean"]})]
ExpressionText = Annotated[
    str | None, BeforeValidator(_expression), WithJsonSchema({"type": "string", "examples": ["${{ inputs.tags }}"]})
]
Tolerance = Annotated[
    tuple[int, bool],
    BeforeValidator(_tolerated),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^\\d+ *%$"}]}),
]
_FILE: dict[str, Any] = {
    "type": "object",
    "properties": {"file": {"type": "string"}},
    "required": ["file"],
    "additionalProperties": False,
}
TextOrFile = Annotated[Any, BeforeValidator(_text_or_file), WithJsonSchema({"anyOf": [{"type": "string"}, _FILE]})]
NAME_OR_NAMES: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_STATUS: dict[str, Any] = {"type": "integer", "minimum": 100, "maximum": 599}
ModelNames = Annotated[Any, BeforeValidator(_models), WithJsonSchema(NAME_OR_NAMES)]
Statuses = Annotated[
    list[int] | None,
    BeforeValidator(_statuses),
    WithJsonSchema({"anyOf": [_STATUS, {"type": "array", "items": _STATUS}]}),
]
Argv = Annotated[list[Any], BeforeValidator(_argv), WithJsonSchema({"type": "array", "minItems": 1})]
_CHOICE: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"value": {"type": "string"}, "label": {"type": "string"}},
            "required": ["value"],
            "additionalProperties": False,
        },
    ]
}
Choices = Annotated[
    tuple[Choice, ...],
    BeforeValidator(_choices),
    WithJsonSchema({"type": "array", "items": _CHOICE, "minItems": 2}),
]
