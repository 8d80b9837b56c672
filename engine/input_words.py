"""What is asked of an input, and what was given instead, in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from store.model import Json

SHOWN_MAX = 40  # characters of a wrong value that a message repeats

WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "JSON",
    "null": "nothing",
}

FORMATS = {
    "date": ("a date", "2026-11-02"),
    "date-time": ("a date and time with its zone", "2026-11-02T09:00:00+01:00"),
    "time": ("a time with its zone", "09:00:00Z"),
    "email": ("an e-mail address", "ada@example.com"),
    "uri": ("a full web address", "https://example.com/page"),
    "uuid": ("a UUID", "123e4567-e89b-12d3-a456-426614174000"),
}


class Unfit(Exception):
    """A value that cannot be read as what the schema asks for."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def type_in_words(schema: Mapping[str, Json]) -> str:
    """`{type: array, items: {type: string}}` as people say it: a list of texts."""
    if schema.get("x-file"):
        return "a file"
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return "one of " + ", ".join(as_typed(value) for value in schema["enum"])
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]][0]
    kinds = kinds_of(schema)
    if kinds == ("array",):
        inner = schema.get("items")
        inner_words = type_in_words(inner) if isinstance(inner, Mapping) and inner else ""
        plural = {"text": "texts", "a whole number": "whole numbers", "a number": "numbers"}
        return f"a list of {plural.get(inner_words, inner_words)}" if inner_words else "a list"
    if not kinds:
        branches = schema.get("anyOf") or schema.get("oneOf")
        return " or ".join(dict.fromkeys(map(type_in_words, branches))) if branches else "anything"
    return " or ".join(WORDS[kind] for kind in kinds)


def kinds_of(schema: Mapping[str, Json]) -> tuple[str, ...]:
    kind = schema.get("type")
    return tuple(kind) if isinstance(kind, list) else (kind,) if isinstance(kind, str) else ()


def explained(fault: Any, value: Json, schema: Mapping[str, Json], secret: bool) -> Unfit:
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
    return Unfit(f"at {place.lstrip('.')} {unfit.message}", unfit.hint) if place else unfit


def _worded(keyword: str, rule: Json, part: Json, secret: bool) -> Unfit:
    match keyword:
        case "type":
            kinds = rule if isinstance(rule, list) else [rule]
            return Unfit(f"needs {' or '.join(WORDS.get(str(kind), str(kind)) for kind in kinds)}{got(part, secret)}")
        case "enum":
            return not_one_of(part, rule, secret)
        case "format" if rule in FORMATS:
            words, example = FORMATS[rule]
            return Unfit(f"needs {words}{got(part, secret)}", f"Write it like {example}.")
        case "required":
            missing = [str(name) for name in rule if name not in part]
            return Unfit(f"lacks {', '.join(missing)}")
        case "additionalProperties":
            return Unfit("has a field that is not known there")
        case "uniqueItems":
            return Unfit("has an item twice")
        case "pattern":
            return Unfit(f"does not have the form that is asked for{got(part, secret)}", f"The form is: {rule}")
    if keyword in _BOUNDS:
        return Unfit(next(_bound(keyword, rule, part, secret)))
    return Unfit(f"does not fit its schema ({keyword})")


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
    yield text + (got(part, secret) if number else "")


def not_one_of(value: Json, values: Sequence[Json], secret: bool) -> Unfit:
    listed = ", ".join(as_typed(one) for one in values)
    near = get_close_matches(str(value), [as_typed(one) for one in values], n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]}?" if near and not secret else ""
    return Unfit(f"is one of {listed}{got(value, secret)}", hint)


def as_typed(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def got(value: Json, secret: bool) -> str:
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
