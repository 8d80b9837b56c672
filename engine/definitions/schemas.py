"""Schemas as authors write them, in short forms and in full, made into plain JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import jsonschema_rs

from engine.definitions.files import NotReadable, read_text
from engine.definitions.problem import Findings, did_you_mean, listing
from engine.definitions.source import Path
from engine.definitions.words import given
from store.model import Json

TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
FILE = "file"  # what people hand in with a run
FILE_SCHEMA: dict[str, Json] = {
    "type": "object",
    "x-file": True,
    "properties": {
        "name": {"type": "string"},
        "media_type": {"type": "string"},
        "size": {"type": "integer"},
        "hash": {"type": "string"},
    },
    "required": ["name", "media_type", "size", "hash"],
    "additionalProperties": False,
}
FORMATS = ("date", "date-time", "time", "email", "uri", "uuid")
_SYNONYMS = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "map": "object",
    "none": "null",
    "date": "string, format: date",
    "datetime": "string, format: date-time",
    "email": "string, format: email",
    "url": "string, format: uri",
    "uri": "string, format: uri",
}
_ANNOTATIONS = frozenset({"title", "description", "default", "examples"})
FIELD_EXTRAS = frozenset({"optional"})
INPUT_EXTRAS = frozenset({"optional", "sensitive"})
# keyword -> the types it says something about, and the JSON type of its own value
_KEYWORDS: dict[str, tuple[tuple[str, ...], str]] = {
    "minLength": (("string",), "count"),
    "maxLength": (("string",), "count"),
    "pattern": (("string",), "pattern"),
    "format": (("string",), "format"),
    "minimum": (("number", "integer"), "number"),
    "maximum": (("number", "integer"), "number"),
    "exclusiveMinimum": (("number", "integer"), "number"),
    "exclusiveMaximum": (("number", "integer"), "number"),
    "multipleOf": (("number", "integer"), "number"),
    "items": (("array",), "schema"),
    "minItems": (("array",), "count"),
    "maxItems": (("array",), "count"),
    "uniqueItems": (("array",), "boolean"),
    "properties": (("object",), "properties"),
    "required": (("object",), "names"),
    "additionalProperties": (("object",), "schema or boolean"),
    "minProperties": (("object",), "count"),
    "maxProperties": (("object",), "count"),
}
_COMBINING = ("anyOf", "oneOf", "allOf")
_ALWAYS = frozenset({"type", "enum", "const", *_COMBINING}) | _ANNOTATIONS
_FULL_FORM = frozenset({"enum", "const", "$ref", *_COMBINING})
_MEANT = {
    **dict.fromkeys((("minLength", "integer"), ("minLength", "number")), "minimum"),
    **dict.fromkeys((("maxLength", "integer"), ("maxLength", "number")), "maximum"),
    **dict.fromkeys((("minLength", "array"), ("minimum", "array")), "minItems"),
    **dict.fromkeys((("maxLength", "array"), ("maximum", "array")), "maxItems"),
    ("minimum", "string"): "minLength",
    ("maximum", "string"): "maxLength",
}
_REQUIRED = "leave it out: what is named here must be given, unless it says optional: true"
_OPTIONAL_SHORT = re.compile(r"[A-Za-z][A-Za-z0-9_]*\?")


class Understood(NamedTuple):
    """One schema as JSON Schema, and whether its value may be left out."""

    schema: dict[str, Json]
    optional: bool = False


class Schemas:
    """Understands the schemas of one file: names, short forms, files."""

    def __init__(self, findings: Findings, named: Mapping[str, Json], folder: FilePath) -> None:
        self.findings = findings
        self.written = named
        self.folder = folder
        self._known: dict[str, dict[str, Json] | None] = {}
        self._opening: list[str] = []

    def read(self, raw: Json, path: Path, extras: frozenset[str] = frozenset()) -> Understood | None:
        """Understand one schema, a proof of its soundness included; None after reporting what is wrong."""
        understood = self._read(raw, path, extras)
        if understood is None or not self._sound(understood.schema, path):
            return None
        return understood

    def named(self, name: str) -> dict[str, Json] | None:
        """A schema of the file's `schemas:` by name; what is wrong with it is reported once."""
        if name not in self._known:
            if name in self._opening:
                chain = " → ".join([*self._opening[self._opening.index(name) :], name])
                self.findings.error(
                    ("schemas", name),
                    "schema_cycle",
                    f"schemas refer to each other in a circle: {chain}",
                    "use `object`",
                )
                return None
            self._opening.append(name)
            understood = self.read(self.written[name], ("schemas", name))
            self._opening.pop()
            self._known[name] = understood.schema if understood else None
        return self._known[name]

    def _read(self, raw: Json, path: Path, extras: frozenset[str]) -> Understood | None:
        match raw:
            case str():
                return self._by_name(raw, path, extras)
            case [one]:
                items = self._read(one, (*path, 0), frozenset())
                return Understood({"type": "array", "items": items.schema}) if items else None
            case list():
                hint = "write [string], or `enum: [a, b]` for one of several values"
                self._wrong(path, "a list of one kind of item has one entry", hint)
                return None
            case dict():
                return self._map(raw, path, extras)
        self._wrong(path, f"a schema is needed here, not {given(raw)}", f"write one of {listing(TYPES)}")
        return None

    def _by_name(self, raw: str, path: Path, extras: frozenset[str]) -> Understood | None:
        name, optional = (raw[:-1], True) if _OPTIONAL_SHORT.fullmatch(raw) and "optional" in extras else (raw, False)
        if name == "any":
            return Understood({}, optional)
        if name in TYPES:
            return Understood({"type": name}, optional)
        if name in self.written:
            schema = self.named(name)
            return None if schema is None else Understood(schema, optional)
        if name == FILE and name not in self.written:
            return self._of_file(path, optional)
        self._unknown_type(name, path)
        return None

    def _of_file(self, path: Path, optional: bool) -> Understood | None:
        if path[0] not in ("inputs", "schemas", "outputs") and not {"fields", "output"} & set(path):
            hint = "for something with a name and content of its own, write {name: string, text: string}"
            self._wrong(path, "a file is an input, a field of a form, or what a step gives", hint)
            return None
        return Understood(dict(FILE_SCHEMA), optional)

    def _unknown_type(self, name: str, path: Path) -> None:
        meant = _SYNONYMS.get(name.lower())
        known = [*TYPES, "any", *self.written]
        hint = f"write {{type: {meant}}}" if meant and "," in meant else f"write {meant}" if meant else ""
        hint = hint or did_you_mean(name, known) or f"types: {listing(known)}"
        self._wrong(path, f"there is no type `{name[:60]}`", hint)

    def _map(self, raw: dict[str, Json], path: Path, extras: frozenset[str]) -> Understood | None:
        if set(raw) == {"file"} and isinstance(raw["file"], str):
            schema = self._file(raw["file"], (*path, "file"))
            return None if schema is None else Understood(schema)
        if self._is_full(raw):
            return self._full(raw, path, extras)
        misplaced = self._forgotten_type(raw)
        if misplaced:
            self._wrong(path, f"`type` is missing beside `{misplaced}`", "write {type: string, …}")
            return None
        fields = self._fields(raw, path)
        return None if fields is None else Understood({"type": "object", **fields})

    def _is_full(self, raw: dict[str, Json]) -> bool:
        """Whether a map is a schema in full, and not the short form of an object with these fields."""
        kind = raw.get("type")
        if isinstance(kind, list):
            return all(isinstance(one, str) for one in kind) and len(kind) != 1
        if not isinstance(kind, str):
            return bool(raw.keys() & _FULL_FORM)
        known = kind in TYPES or kind == FILE or kind in self.written
        return known or raw.keys() <= _ALWAYS | _KEYWORDS.keys() | INPUT_EXTRAS

    def _forgotten_type(self, raw: dict[str, Json]) -> str:
        """A keyword whose value can be no field's type: then `type` was forgotten, and this is no short form."""
        for key, value in raw.items():
            is_keyword = key in _KEYWORDS or key in _ALWAYS or key in INPUT_EXTRAS
            if is_keyword and not self._may_be_type(value):
                return key
        return ""

    def _may_be_type(self, value: Json) -> bool:
        if isinstance(value, str):
            return value.rstrip("?") in (*TYPES, "any", FILE, *self.written)
        return isinstance(value, dict | list)

    # The full form --------------------------------------------------------------------------------------------

    def _full(self, raw: dict[str, Json], path: Path, extras: frozenset[str]) -> Understood | None:
        base = self._type(raw, path)
        if base is None:
            return None
        schema, kinds = dict(base), self._kinds(base)
        good = True
        for key, value in raw.items():
            place = (*path, key)
            if key == "type" or (key in extras and self._flag(key, value, place)):
                continue
            if key in _COMBINING:
                good = self._branches(key, value, place, schema) and good
            elif key in _KEYWORDS:
                good = self._keyword(key, value, place, kinds, schema) and good
            elif key in _ALWAYS:
                schema[key] = value
            elif key in INPUT_EXTRAS:
                self._wrong(place, f"`{key}` is for inputs and fields of objects", "leave it out", key=True)
                good = False
            else:
                self._unknown_keyword(key, place, raw, extras)
                good = False
        return Understood(schema, raw.get("optional") is True) if good else None

    def _type(self, raw: dict[str, Json], path: Path) -> dict[str, Json] | None:
        kind = raw.get("type")
        if kind is None:
            return {}
        if isinstance(kind, str):
            understood = self._by_name(kind, (*path, "type"), frozenset())
            return understood.schema if understood else None
        if len(kind) == 0:
            self._wrong((*path, "type"), "no type is listed", f"write one of {listing(TYPES)}")
            return None
        for index, one in enumerate(kind):
            if one not in TYPES:
                self._unknown_type(one, (*path, "type", index))
                return None
        return {"type": kind}

    def _kinds(self, schema: Mapping[str, Json]) -> tuple[str, ...]:
        kind = schema.get("type")
        return tuple(kind) if isinstance(kind, list) else (kind,) if isinstance(kind, str) else ()

    def _flag(self, key: str, value: Json, path: Path) -> bool:
        if not isinstance(value, bool):
            self._wrong(path, f"`{key}` needs true or false, not {given(value)}", f"write {key}: true")
        return True

    def _branches(self, key: str, value: Json, path: Path, schema: dict[str, Json]) -> bool:
        if not isinstance(value, list) or not value:
            self._wrong(path, f"`{key}` needs a list of schemas, not {given(value)}")
            return False
        read = [self._read(one, (*path, index), frozenset()) for index, one in enumerate(value)]
        schema[key] = [one.schema for one in read if one]
        return all(read)

    def _keyword(self, key: str, value: Json, path: Path, kinds: tuple[str, ...], schema: dict[str, Json]) -> bool:
        types, form = _KEYWORDS[key]
        if kinds and not set(types) & set(kinds):
            meant = _MEANT.get((key, kinds[0]))
            hint = f"did you mean `{meant}`?" if meant else f"it belongs to: {', '.join(types)}"
            hint = _REQUIRED if key == "required" and isinstance(value, bool) else hint
            self._wrong(path, f"`{key}` says nothing about type {' or '.join(kinds)}", hint, key=True)
            return False
        match form:
            case "schema":
                return self._inner(key, value, path, schema)
            case "schema or boolean" if not isinstance(value, bool):
                return self._inner(key, value, path, schema)
            case "properties":
                fields = self._fields(value, path) if isinstance(value, dict) else None
                if not isinstance(value, dict):
                    self._wrong(path, f"`{key}` needs a map of names, not {given(value)}")
                if fields is None:
                    return False
                schema["properties"] = fields["properties"]
                # In the full form a field is required only when `required` lists it, as in JSON Schema.
                return True
        return self._plain_keyword(key, form, value, path, schema)

    def _inner(self, key: str, value: Json, path: Path, schema: dict[str, Json]) -> bool:
        inner = self._read(value, path, frozenset())
        if inner is not None:
            schema[key] = inner.schema
        return inner is not None

    def _plain_keyword(self, key: str, form: str, value: Json, path: Path, schema: dict[str, Json]) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = {
            "count": isinstance(value, int) and number and value >= 0,
            "number": number,
            "boolean": isinstance(value, bool),
            "schema or boolean": isinstance(value, bool),
            "pattern": isinstance(value, str),
            "format": isinstance(value, str),
            "names": isinstance(value, list) and all(isinstance(one, str) for one in value),
        }[form]
        if not fits:
            wanted = {"count": "a whole number from 0", "names": "a list of names", "pattern": "a regular expression"}
            self._wrong(path, f"`{key}` needs {wanted.get(form, 'a ' + form)}, not {given(value)}")
            return False
        if form == "format" and value not in FORMATS:
            self._wrong(path, f"there is no format `{value}`", did_you_mean(value, FORMATS) or listing(FORMATS))
            return False
        if form == "pattern" and schema_fault({"pattern": value}):
            self._wrong(path, "this regular expression cannot be read", "look for brackets that are not closed")
            return False
        schema[key] = value
        return True

    def _unknown_keyword(self, key: str, path: Path, raw: dict[str, Json], extras: frozenset[str]) -> None:
        known = [*_KEYWORDS, *_ALWAYS, *extras]
        hint = did_you_mean(key, known)
        if not hint and isinstance(raw.get(key), str | dict | list):
            hint = "for an object with fields, write {type: object, properties: {…}}"
        self._wrong(
            path, f"unknown keyword `{key}` in a schema", hint or f"keywords: {listing(sorted(known), 30)}", key=True
        )

    # Objects and files ----------------------------------------------------------------------------------------

    def _fields(self, raw: dict[str, Json], path: Path) -> dict[str, Json] | None:
        """The properties of an object, and which of them must be there."""
        properties: dict[str, Json] = {}
        required: list[str] = []
        good = True
        for name, value in raw.items():
            field = self._read(value, (*path, name), FIELD_EXTRAS)
            if field is None:
                good = False
                continue
            properties[name] = field.schema
            if not field.optional:
                required.append(name)
        return {"properties": properties, "required": required} if good else None

    def _file(self, name: str, path: Path) -> dict[str, Json] | None:
        try:
            text = read_text(self.folder, name)
            schema = json.loads(text)
        except NotReadable as error:
            self.findings.error(path, "file_not_found", str(error), error.hint)
            return None
        except (ValueError, RecursionError) as error:
            where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            message = f"{name}{where} is no JSON"
            self.findings.error(path, "bad_schema", message, "a schema file holds one JSON Schema as JSON")
            return None
        if isinstance(schema, bool):
            return {} if schema else {"not": {}}
        if not isinstance(schema, dict):
            self.findings.error(
                path, "bad_schema", f"{name} holds {given(schema)}, not a JSON Schema", 'write {"type": …}'
            )
            return None
        return {key: value for key, value in schema.items() if key not in ("$schema", "$id")}

    def _sound(self, schema: dict[str, Json], path: Path) -> bool:
        fault = schema_fault(schema)
        if fault:
            self._wrong(
                path, f"this is no JSON Schema: {fault}", "correct it; references to other files are not followed"
            )
        return not fault

    def _wrong(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        self.findings.error(path, "bad_schema", message, hint, key=key)


def schema_fault(schema: Json) -> str:
    """Why something is no JSON Schema that stands on its own; empty when it is one."""
    try:
        validator(schema)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        return getattr(error, "message", "") or str(error).splitlines()[0]
    except (ValueError, RecursionError) as error:
        return str(error).splitlines()[0]
    return ""


def validator(schema: Json) -> Any:
    """A validator that never reads a file or the network, and never repeats a value in its messages."""
    return jsonschema_rs.validator_for(schema, offline=True, mask="the value", validate_formats=True)
