"""What people give a workflow to start with: read by its schemas, with every fault told at once in plain words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import jsonschema_rs

from engine.json_values import INT_MAX, INT_MIN, NotPlain, parse_json, require_plain
from store.model import LIMITS, Json, Plan

SHOWN_MAX = 40  # characters of a wrong value that a message repeats
_YES = frozenset({"true", "yes", "y", "on", "1", "ja", "oui", "si", "sí"})
_NO = frozenset({"false", "no", "n", "off", "0", "nein", "non"})
_STRAIGHT = str.maketrans("“”„‟‘’‚‛", '""""' + "''''")
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "JSON",
    "null": "nothing",
}
_FORMATS = {
    "date": ("a date", "2026-11-02"),
    "date-time": ("a date and time with its zone", "2026-11-02T09:00:00+01:00"),
    "time": ("a time with its zone", "09:00:00Z"),
    "email": ("an e-mail address", "ada@example.com"),
    "uri": ("a full web address", "https://example.com/page"),
    "uuid": ("a UUID", "123e4567-e89b-12d3-a456-426614174000"),
}


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


class _Unfit(Exception):
    """A value that cannot be read as what the schema asks for."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def read_inputs(plan: Plan, given: Mapping[str, Json], *, typed: bool) -> Inputs:
    """Read what was given for a run. With `typed=False` texts are as people type them: "3", "yes", "a, b"."""
    values: dict[str, Json] = {}
    problems: list[InputProblem] = []
    for name, schema in plan.inputs.items():
        value = given.get(name)
        if _is_absent(value, schema, typed):
            _absent(name, schema, values, problems)
            continue
        try:
            values[name] = _read(value, schema, typed=typed)
        except _Unfit as unfit:
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


def type_in_words(schema: Mapping[str, Json]) -> str:
    """`{type: array, items: {type: string}}` as people say it: a list of texts."""
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return "one of " + ", ".join(_plain(value) for value in schema["enum"])
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]][0]
    kinds = _kinds(schema)
    if kinds == ("array",):
        inner = schema.get("items")
        inner_words = type_in_words(inner) if isinstance(inner, Mapping) and inner else ""
        plural = {"text": "texts", "a whole number": "whole numbers", "a number": "numbers"}
        return f"a list of {plural.get(inner_words, inner_words)}" if inner_words else "a list"
    if not kinds:
        branches = schema.get("anyOf") or schema.get("oneOf")
        return " or ".join(dict.fromkeys(map(type_in_words, branches))) if branches else "anything"
    return " or ".join(_WORDS[kind] for kind in kinds)


def _kinds(schema: Mapping[str, Json]) -> tuple[str, ...]:
    kind = schema.get("type")
    return tuple(kind) if isinstance(kind, list) else (kind,) if isinstance(kind, str) else ()


# Missing and surplus ---------------------------------------------------------------------------------------------


def _is_absent(value: Json, schema: Mapping[str, Json], typed: bool) -> bool:
    if value is None:
        return not typed or "null" not in _kinds(schema)
    # A field left empty in a form is no number, date or choice; of a text it is the text.
    blank = isinstance(value, str) and not value.strip() and not typed
    return blank and (_kinds(schema) != ("string",) or "format" in schema or "enum" in schema)


def _absent(name: str, schema: Mapping[str, Json], values: dict[str, Json], problems: list[InputProblem]) -> None:
    if "default" in schema:
        values[name] = schema["default"]
    elif not schema.get("optional"):
        description = str(schema.get("description", "")).strip()
        hint = f"{description} It is {type_in_words(schema)}." if description else f"It is {type_in_words(schema)}."
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


# Reading one value -----------------------------------------------------------------------------------------------


def _read(value: Json, schema: Mapping[str, Json], *, typed: bool) -> Json:
    secret = bool(schema.get("sensitive"))
    _require_length(value, schema)
    if isinstance(value, str) and not typed:
        value = _from_text(value, schema, secret)
    try:
        require_plain(value, "it")
    except NotPlain as lost:
        raise _Unfit(f"cannot be kept: {lost.path.removeprefix('it').lstrip('.') or 'it'} {lost.reason}") from None
    fault = next(iter(_validator(json.dumps(schema)).iter_errors(value)), None)
    if fault is not None:
        raise _explained(fault, value, schema, secret)
    return value


def _require_length(value: Json, schema: Mapping[str, Json]) -> None:
    if not isinstance(value, str):
        return
    most = schema.get("maxLength", LIMITS.input_text_max)
    if len(value) > most:
        raise _Unfit(
            f"has {len(value):,} characters; {most:,} are allowed", f"Shorten it by {len(value) - most:,} characters."
        )


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    # Offline: a schema must never make the service fetch anything. Masked: messages are our own.
    return jsonschema_rs.validator_for(json.loads(schema), offline=True, mask="the value", validate_formats=True)


def _from_text(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    """A typed text as the value its schema asks for."""
    if "enum" in schema or "const" in schema:
        return _choice(text, schema.get("enum") or [schema["const"]], secret)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return _first_fitting(text, [branch for branch in branches if isinstance(branch, Mapping)], schema, secret)
    kinds = _kinds(schema)
    if len(kinds) > 1:
        return _first_fitting(text, [{**schema, "type": kind} for kind in _strict_first(kinds)], schema, secret)
    reader = _READERS.get(kinds[0]) if kinds else None
    return text if reader is None else reader(text, schema, secret)


def _strict_first(kinds: Sequence[str]) -> list[str]:
    """Text fits everything, so it is tried last."""
    return sorted(kinds, key=lambda kind: kind == "string")


def _first_fitting(text: str, branches: Sequence[Mapping[str, Json]], schema: Mapping[str, Json], secret: bool) -> Json:
    for branch in sorted(branches, key=lambda one: _kinds(one) in ((), ("string",))):
        try:
            value = _from_text(text, branch, secret)
        except _Unfit:
            continue
        if _validator(json.dumps(branch)).is_valid(value):
            return value
    raise _Unfit(f"needs {type_in_words(schema)}{_got(text, secret)}")


def _choice(text: str, values: Sequence[Json], secret: bool) -> Json:
    plain = text.strip()
    for value in values:
        if plain == _plain(value):
            return value
    for value in values:
        if plain.casefold() == _plain(value).casefold():
            return value
    raise _not_one_of(text, values, secret)


def _not_one_of(value: Json, values: Sequence[Json], secret: bool) -> _Unfit:
    listed = ", ".join(_plain(one) for one in values)
    near = get_close_matches(str(value), [_plain(one) for one in values], n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]}?" if near and not secret else ""
    return _Unfit(f"is one of {listed}{_got(value, secret)}", hint)


def _whole_number(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    plain = text.strip()
    if re.fullmatch(r"[-+]?\d{1,30}(\.0+)?", plain, re.ASCII):
        return _bounded(int(plain.split(".")[0]))
    raise _Unfit(f"needs a whole number{_got(text, secret)}", _number_hint(plain, secret, whole=True))


def _number(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    plain = text.strip()
    if re.fullmatch(r"[-+]?\d{1,30}", plain, re.ASCII):
        return _bounded(int(plain))
    if re.fullmatch(r"[-+]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][-+]?\d{1,3})?", plain, re.ASCII):
        value = float(plain)
        if abs(value) != float("inf"):
            return value
    raise _Unfit(f"needs a number{_got(text, secret)}", _number_hint(plain, secret, whole=False))


def _number_hint(plain: str, secret: bool, *, whole: bool) -> str:
    if secret:
        return ""
    if re.fullmatch(r"[-+]?\d{1,3}([,.' _]\d{3})+", plain):
        return f"Write {re.sub(r'[^-+0-9]', '', plain)}."
    if re.fullmatch(r"[-+]?\d{1,20},\d{1,20}", plain) and not whole:
        return f"Write {plain.replace(',', '.')}."
    return "Write it in digits, for instance 3." if whole else "Write it in digits, for instance 2.5."


def _bounded(number: int) -> int:
    if not INT_MIN <= number <= INT_MAX:
        raise _Unfit("is too large for a whole number", "Use a smaller one.")
    return number


def _boolean(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    plain = text.strip().casefold()
    if plain in _YES or plain in _NO:
        return plain in _YES
    raise _Unfit(f"needs yes or no{_got(text, secret)}", "Write yes or no.")


def _list(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    if text.strip().startswith("["):
        return _json(text, "a list", secret)
    items = schema.get("items")
    inner = items if isinstance(items, Mapping) else {}
    if _kinds(inner) in (("object",), ("array",)):
        raise _Unfit(f"needs a list as JSON{_got(text, secret)}", "Write it as [{…}, {…}].")
    parts = [part.strip() for part in re.split(r"[,\n]", text)]
    return [_from_text(part, inner, secret) for part in parts if part]


def _object(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    if text.strip().startswith("{"):
        return _json(text, "JSON", secret)
    raise _Unfit(f"needs JSON{_got(text, secret)}", 'Write it as {"name": "value"}.')


def _json(text: str, what: str, secret: bool) -> Json:
    """JSON as people paste it: some editors make its quotes curly."""
    try:
        return parse_json(text)
    except ValueError as error:
        try:
            return parse_json(text.translate(_STRAIGHT))
        except ValueError:
            pass
        where = f" at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) and not secret else ""
        raise _Unfit(f"needs {what}, and this is no JSON{where}", _json_hint(error)) from None


def _json_hint(error: ValueError) -> str:
    if isinstance(error, NotPlain):
        return str(error).removeprefix("output").lstrip(": .").capitalize() + "."
    return 'Texts and names stand in double quotes: ["a", "b"] or {"name": "value"}.'


def _nothing(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    if text.strip() in ("", "null", "none", "-"):
        return None
    raise _Unfit(f"must be left empty{_got(text, secret)}")


_READERS: dict[str, Callable[[str, Mapping[str, Json], bool], Json]] = {
    "string": lambda text, schema, secret: text.strip() if "format" in schema else text,
    "integer": _whole_number,
    "number": _number,
    "boolean": _boolean,
    "array": _list,
    "object": _object,
    "null": _nothing,
}


# Faults in plain words -------------------------------------------------------------------------------------------


def _explained(fault: Any, value: Json, schema: Mapping[str, Json], secret: bool) -> _Unfit:
    """A schema's complaint as a person would say it, with the place inside of lists and objects."""
    part: Any = value
    for step in fault.instance_path:
        part = part[step]
    rule: Any = schema
    for step in fault.schema_path:
        rule = rule[step] if isinstance(rule, Mapping | list) else None
    keyword = str(fault.schema_path[-1]) if fault.schema_path else ""
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault.instance_path)
    unfit = _worded(keyword, rule, part, secret)
    return _Unfit(f"at {place.lstrip('.')} {unfit.message}", unfit.hint) if place else unfit


def _worded(keyword: str, rule: Json, part: Json, secret: bool) -> _Unfit:
    match keyword:
        case "type":
            kinds = rule if isinstance(rule, list) else [rule]
            return _Unfit(
                f"needs {' or '.join(_WORDS.get(str(kind), str(kind)) for kind in kinds)}{_got(part, secret)}"
            )
        case "enum":
            return _not_one_of(part, rule, secret)
        case "format" if rule in _FORMATS:
            words, example = _FORMATS[rule]
            return _Unfit(f"needs {words}{_got(part, secret)}", f"Write it like {example}.")
        case "required":
            missing = [str(name) for name in rule if name not in part]
            return _Unfit(f"lacks {', '.join(missing)}")
        case "additionalProperties":
            return _Unfit("has a field that is not known there")
        case "uniqueItems":
            return _Unfit("has an item twice")
        case "pattern":
            return _Unfit(f"does not have the form that is asked for{_got(part, secret)}", f"The form is: {rule}")
    if keyword in _BOUNDS:
        return _Unfit(next(_bound(keyword, rule, part, secret)))
    return _Unfit(f"does not fit its schema ({keyword})")


_BOUNDS = {
    "minLength": "needs at least {} characters",
    "maxLength": "has more than {} characters",
    "minItems": "needs at least {} items",
    "maxItems": "has more than {} items",
    "minProperties": "needs at least {} fields",
    "maxProperties": "has more than {} fields",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
}


def _bound(keyword: str, rule: Json, part: Json, secret: bool) -> Iterator[str]:
    text = _BOUNDS[keyword].format(rule)
    if rule == 1:
        text = text.replace("characters", "character").replace("items", "item").replace("fields", "field")
    number = isinstance(part, int | float) and not isinstance(part, bool)
    yield text + (_got(part, secret) if number else "")


def _plain(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _got(value: Json, secret: bool) -> str:
    """What was given, where it may be repeated."""
    if secret:
        return ""
    match value:
        case str():
            shown = value if len(value) <= SHOWN_MAX else value[: SHOWN_MAX - 1] + "…"
            return f', got "{shown}"'
        case bool():
            return f", got {str(value).lower()}"
        case int() | float():
            return f", got {value}"
        case None:
            return ", got nothing"
        case list():
            return ", got a list"
    return ", got an object"
