"""A JSON Schema as the fields of a form, and what was filled in as JSON again, each problem under its field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.attached import Attached, Wanted, attached, shown_name, stand_ins, takes_file, takes_files, too_large
from bot.views import blocks
from bot.views.blocks import Block, Element
from bot.views.markup import clip, one_line, width
from bot.wording import listed, titled
from engine.inputs import InputProblem, read_inputs
from store.model import Json, Plan

FIELDS_MAX = 20  # more than that nobody fills in at one sitting
OPTIONS_MAX = 100
TEXT_MAX = 3_000  # Slack takes no longer text in a field
LINE_MAX = 150  # a longer text gets a field of several lines
FILES_MAX = 10  # Slack takes no more in one field
PREFIX = "field:"
VALUE = "value"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what is asked, and what stands in it at first."""

    name: str
    schema: Mapping[str, Any]
    required: bool = True
    initial: Json = None


@dataclass(frozen=True, slots=True)
class Filled:
    """What was filled in: the values by name, and by block id what is wrong with the others."""

    values: dict[str, Json] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def fields_of(form: Json) -> list[Field]:
    """The fields of an object's schema, in its order."""
    schema = form if isinstance(form, dict) else {}
    required = schema.get("required") or ()
    found = schema.get("properties") or {}
    return [
        Field(name, part if isinstance(part, dict) else {}, name in required, _default(part))
        for name, part in found.items()
    ]


def fields_to_edit(value: Mapping[str, Json], names: Sequence[str]) -> list[Field]:
    """The parts of a value that may be edited, each of the type that it has."""
    return [Field(name, _schema_of(value[name]), _needed(value[name]), value[name]) for name in names if name in value]


def unfit(fields: Sequence[Field], *, files: bool = False) -> str:
    """Why these cannot be asked in a form; empty when they can. `files`: whether they may be asked for."""
    if len(fields) > FIELDS_MAX:
        return f"it has {len(fields)} fields, and a form here holds {FIELDS_MAX}"
    needed = [titled(one.name) for one in fields if is_file(one.schema)]
    if needed and not files:
        return f"{listed(needed)} is a file, and this app may not read files here (`files:read`)"
    wide = [titled(one.name) for one in fields if len(one.schema.get("enum") or ()) > OPTIONS_MAX]
    if wide:
        return f"{listed(wide)} has more than {OPTIONS_MAX} choices"
    long = [titled(one.name) for one in fields if width(_typed(one)) > TEXT_MAX]
    return f"{listed(long)} is longer than {TEXT_MAX:,} characters" if long else ""


def inputs(fields: Sequence[Field]) -> list[Block]:
    """An input block for each field."""
    return [
        blocks.input(
            titled(one.name),
            _element(one, focus=n == 0),
            block_id=f"{PREFIX}{n}",
            hint=_hint(one),
            optional=not one.required,
        )
        for n, one in enumerate(fields)
    ]


def read(fields: Sequence[Field], given: Mapping[str, Json]) -> Filled:
    """What was filled in, by block id, as the schemas ask for it."""
    ids = {one.name: f"{PREFIX}{n}" for n, one in enumerate(fields)}
    schemas = {one.name: {**one.schema, **({} if one.required else {"optional": True})} for one in fields}
    for schema in schemas.values():
        schema.pop("default", None)  # a field that was emptied is empty
    answers = {one.name: _given(one, given[ids[one.name]]) for one in fields if ids[one.name] in given}
    found = read_inputs(Plan("form", schemas, ()), answers, typed=False)
    errors = {ids[name]: why for name, why in _too_large(files_given(fields, given)).items()}
    return Filled(found.values, errors | {ids[one.name]: _said(one) for one in found.problems if one.name in ids})


def files_given(fields: Sequence[Field], given: Mapping[str, Json]) -> dict[str, Attached | tuple[Attached, ...]]:
    """The files that were put into a form, by the name of their field."""
    found: dict[str, Attached | tuple[Attached, ...]] = {}
    for n, one in enumerate(fields):
        files = attached(given.get(f"{PREFIX}{n}")) if is_file(one.schema) else ()
        if files:
            found[one.name] = files if takes_files(one.schema) else files[0]
    return found


def _too_large(wanted: Wanted) -> dict[str, str]:
    said = {}
    for name, taken in wanted.items():
        for one in taken if isinstance(taken, tuple) else (taken,):
            found = too_large(one)
            if found is not None:
                said[name] = f"“{shown_name(one.name)}” cannot be taken: {found.why}. {found.cure}"
    return said


def is_file(schema: Json) -> bool:
    """Whether one file, or several, are asked for."""
    return takes_file(schema) or takes_files(schema)


def _said(problem: InputProblem) -> str:
    text = problem.message.removeprefix(f"`{problem.name}` ")
    text = "Please fill this in." if text == "is missing" else f"{text[:1].upper()}{text[1:]}."
    return f"{text} {problem.hint}".strip()


# What kind of field suits a schema. -----------------------------------------------------------------------------------


def _default(schema: Json) -> Json:
    return schema.get("default") if isinstance(schema, dict) else None


def _needed(value: Json) -> bool:
    """Whether the field may be emptied: not one with a number, a date or a yes or no in it."""
    return isinstance(value, bool | int | float) or (isinstance(value, str) and bool(value.strip()))


def _schema_of(value: Json) -> Mapping[str, Any]:
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", **_items(value)}
        case dict():
            return {"type": "object"}
        case _:
            return {}


def _items(value: list[Json]) -> Mapping[str, Any]:
    kinds = {json.dumps(_schema_of(one)) for one in value}
    return {"items": json.loads(kinds.pop())} if len(kinds) == 1 else {}


def _options(schema: Mapping[str, Any]) -> Sequence[Json]:
    if schema.get("enum"):
        return list(schema["enum"])
    return [True, False] if schema.get("type") == "boolean" else []


def _choices_of_many(schema: Mapping[str, Any]) -> Sequence[Json]:
    items = schema.get("items")
    return list(items["enum"]) if schema.get("type") == "array" and isinstance(items, dict) and "enum" in items else []


def _is_lines(schema: Mapping[str, Any]) -> bool:
    """A list of plain values is written one a line."""
    items = schema.get("items")
    plain = ("string", "integer", "number", "boolean")
    return schema.get("type") == "array" and isinstance(items, dict) and items.get("type") in plain


def _is_json(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in ("array", "object") and not _is_lines(schema)


def _element(one: Field, *, focus: bool) -> Element:
    schema = one.schema
    if is_file(one.schema):
        return blocks.file_input(VALUE, FILES_MAX if takes_files(schema) else 1)
    if _options(schema):
        return blocks.select(VALUE, [_label(option) for option in _options(schema)], _place(one), focus=focus)
    if _choices_of_many(schema):
        choices = _choices_of_many(schema)
        chosen = one.initial if isinstance(one.initial, list) else []
        places = [choices.index(value) for value in chosen if value in choices]
        return blocks.multi_select(VALUE, [_label(choice) for choice in choices], places, focus=focus)
    if schema.get("type") in ("integer", "number"):
        return blocks.number_input(VALUE, decimal=schema["type"] == "number", initial=_typed(one), focus=focus)
    if schema.get("format") == "date":
        return blocks.date_input(VALUE, initial=_typed(one), focus=focus)
    most = min(int(schema.get("maxLength", TEXT_MAX)), TEXT_MAX)
    return blocks.text_input(VALUE, multiline=_is_long(one), initial=_typed(one), max_length=most, focus=focus)


def _is_long(one: Field) -> bool:
    schema = one.schema
    if _is_lines(schema) or _is_json(schema) or not schema.get("type"):
        return True
    if "\n" in _typed(one) or width(_typed(one)) > LINE_MAX:
        return True
    return "format" not in schema and one.initial is None and int(schema.get("maxLength", TEXT_MAX)) > LINE_MAX


def _place(one: Field) -> int | None:
    options = _options(one.schema)
    return options.index(one.initial) if one.initial in options and one.initial is not None else None


def _typed(one: Field) -> str:
    """What stands in the field at first, as people type it."""
    value = one.initial
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and _is_lines(one.schema):
        return "\n".join(part if isinstance(part, str) else json.dumps(part) for part in value)
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) else None)


def _hint(one: Field) -> str:
    about = one_line(str(one.schema.get("description") or ""))
    how = "One a line." if _is_lines(one.schema) and not _choices_of_many(one.schema) else ""
    json_needed = not is_file(one.schema) and (_is_json(one.schema) or not _known(one.schema))
    how = how or ("Write it as JSON." if json_needed else "")
    return clip(" ".join(part for part in (about, how) if part), 300)


def _known(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("type") or schema.get("enum"))


def _label(value: Json) -> str:
    match value:
        case bool():
            return "Yes" if value else "No"
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


# What was given, as it is read. ---------------------------------------------------------------------------------------


def _given(one: Field, value: Json) -> Json:
    """Options by their places, lists by their lines; everything else as it was typed."""
    schema = one.schema
    if is_file(one.schema):
        return next(iter(stand_ins(files_given([one], {f"{PREFIX}0": value})).values()), None)
    options: Sequence[Json] = _options(schema)
    if options:
        return _at(options, value)
    choices = _choices_of_many(schema)
    if choices:
        return [_at(choices, place) for place in value] if isinstance(value, list) else value
    if _is_lines(schema) and isinstance(value, str):
        return [line.strip() for line in value.split("\n") if line.strip()]
    if not _known(schema) and isinstance(value, str):
        return _loose(value)
    return value


def _at(options: Sequence[Json], place: Json) -> Json:
    n = int(place) if isinstance(place, str) and place.isdigit() else -1
    return options[n] if 0 <= n < len(options) else place


def _loose(text: str) -> Json:
    """JSON where it is any, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
