"""What people give a workflow to start with: read by its schemas, with every fault told at once in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from engine.input_texts import from_typing, validator
from engine.input_words import SHOWN_MAX, Unfit, explained, kinds_of, type_in_words
from engine.json_values import NotPlain, require_plain
from store.model import LIMITS, Json, Plan


@dataclass(frozen=True, slots=True)
class InputProblem:
    """What is wrong with one input, and what to give instead. A sensitive value is never repeated."""

    name: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The good values, defaults filled in, and a problem for each of the others."""

    values: dict[str, Json]
    problems: tuple[InputProblem, ...]


@dataclass(frozen=True, slots=True)
class InputRow:
    """One input as help texts describe it."""

    name: str
    type: str
    required: bool
    default: Json = None
    description: str = ""
    enum: tuple[Json, ...] = ()
    sensitive: bool = False


def read_inputs(plan: Plan, given: Mapping[str, Json], *, typed: bool) -> Inputs:
    """Read what was given for a run. With `typed=False` texts are as people type them: "3", "yes", "a, b"."""
    values: dict[str, Json] = {}
    problems: list[InputProblem] = []
    for name, schema in plan.inputs.items():
        value = given.get(name)
        if name not in given or _is_absent(value, schema, typed):
            _absent(name, schema, values, problems)
            continue
        try:
            values[name] = _read(value, schema, typed=typed)
        except Unfit as unfit:
            problems.append(InputProblem(name, f"`{name}` {unfit.message}", unfit.hint))
    problems += [_surplus(name, plan) for name in given if name not in plan.inputs]
    return Inputs(values, tuple(problems))


def describe_inputs(plan: Plan) -> tuple[InputRow, ...]:
    """The inputs of a workflow, in the order of its file."""
    return tuple(
        InputRow(
            name=name,
            type=type_in_words(schema),
            required="default" not in schema and not schema.get("optional"),
            default=None if schema.get("sensitive") else schema.get("default"),
            description=str(schema.get("description", "")).strip(),
            enum=tuple(schema.get("enum", ())),
            sensitive=bool(schema.get("sensitive")),
        )
        for name, schema in plan.inputs.items()
    )


def _is_absent(value: Json, schema: Mapping[str, Json], typed: bool) -> bool:
    if value is None:
        return not typed or "null" not in kinds_of(schema)
    # A field left empty in a form is no number, date or choice; of a text it is the text.
    blank = isinstance(value, str) and not value.strip() and not typed
    return blank and (kinds_of(schema) != ("string",) or "format" in schema or "enum" in schema)


def _absent(name: str, schema: Mapping[str, Json], values: dict[str, Json], problems: list[InputProblem]) -> None:
    if "default" in schema:
        values[name] = schema["default"]
    elif not schema.get("optional"):
        description = str(schema.get("description", "")).strip()
        ends = "" if not description or description[-1] in ".?!…:" else "."
        hint = f"{description}{ends} It is {type_in_words(schema)}.".lstrip()
        problems.append(InputProblem(name, f"`{name}` is missing", hint))


def _surplus(name: str, plan: Plan) -> InputProblem:
    plain = name.lower().replace("-", "_").replace(" ", "_")
    near = [plain] if plain in plan.inputs else get_close_matches(plain, plan.inputs, n=1, cutoff=0.6)
    if near:
        hint = f"Did you mean `{near[0]}`?"
    elif plan.inputs:
        hint = "It takes " + ", ".join(f"`{one}`" for one in plan.inputs) + "."
    else:
        hint = "It takes no inputs."
    return InputProblem(name, f"`{name[:SHOWN_MAX]}` is no input of {plan.workflow}", hint)


def _read(value: Json, schema: Mapping[str, Json], *, typed: bool) -> Json:
    secret = bool(schema.get("sensitive"))
    _require_length(value, schema)
    if not typed:
        value = from_typing(value, schema, secret)
    try:
        require_plain(value, "it")
    except NotPlain as lost:
        raise Unfit(f"cannot be kept: {lost.path.removeprefix('it').lstrip('.') or 'it'} {lost.reason}") from None
    fault = next(iter(validator(json.dumps(schema)).iter_errors(value)), None)
    if fault is not None:
        raise explained(fault, value, schema, secret)
    return value


def _require_length(value: Json, schema: Mapping[str, Json]) -> None:
    if not isinstance(value, str):
        return
    most = schema.get("maxLength", LIMITS.input_text_max)
    if len(value) > most:
        raise Unfit(
            f"has {len(value):,} characters; {most:,} are allowed", f"Shorten it by {len(value) - most:,} characters."
        )
