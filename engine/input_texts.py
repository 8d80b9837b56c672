"""Inputs as people type them: "3", "yes", "a, b", pasted JSON. The schema says what a text stands for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import jsonschema_rs

from engine.input_words import Unfit, as_typed, got, kinds_of, not_one_of, type_in_words
from engine.json_values import INT_MAX, INT_MIN, NotPlain, parse_json
from store.model import Json

_YES = frozenset({"true", "yes", "y", "on", "1", "ja", "oui", "si", "sí"})

_NO = frozenset({"false", "no", "n", "off", "0", "nein", "non"})

_STRAIGHT = str.maketrans("“”„‟‘’‚‛", '""""' + "''''")


def from_typing(value: Json, schema: Mapping[str, Json], secret: bool) -> Json:
    """Texts as people type them, a list of them included: `tags=a tags+=b` comes as two texts."""
    if isinstance(value, str):
        return from_text(value, schema, secret)
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        return [from_text(one, items, secret) if isinstance(one, str) else one for one in value]
    return value


def from_text(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    """A typed text as the value its schema asks for."""
    if "enum" in schema or "const" in schema:
        return _choice(text, schema.get("enum") or [schema["const"]], secret)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return _first_fitting(text, [branch for branch in branches if isinstance(branch, Mapping)], schema, secret)
    kinds = kinds_of(schema)
    if len(kinds) > 1:
        return _first_fitting(text, [{**schema, "type": kind} for kind in _strict_first(kinds)], schema, secret)
    reader = _READERS.get(kinds[0]) if kinds else None
    return text if reader is None else reader(text, schema, secret)


def _strict_first(kinds: Sequence[str]) -> list[str]:
    """Text fits everything, so it is tried last."""
    return sorted(kinds, key=lambda kind: kind == "string")


def _first_fitting(text: str, branches: Sequence[Mapping[str, Json]], schema: Mapping[str, Json], secret: bool) -> Json:
    for branch in sorted(branches, key=lambda one: kinds_of(one) in ((), ("string",))):
        try:
            value = from_text(text, branch, secret)
        except Unfit:
            continue
        if validator(json.dumps(branch)).is_valid(value):
            return value
    raise Unfit(f"needs {type_in_words(schema)}{got(text, secret)}")


def _choice(text: str, values: Sequence[Json], secret: bool) -> Json:
    plain = text.strip()
    for value in values:
        if plain == as_typed(value):
            return value
    for value in values:
        if plain.casefold() == as_typed(value).casefold():
            return value
    raise not_one_of(text, values, secret)


def _whole_number(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    plain = text.strip()
    if re.fullmatch(r"[-+]?\d{1,30}(\.0+)?", plain, re.ASCII):
        return _bounded(int(plain.split(".")[0]))
    raise Unfit(f"needs a whole number{got(text, secret)}", _number_hint(plain, secret, whole=True))


def _number(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    plain = text.strip()
    if re.fullmatch(r"[-+]?\d{1,30}", plain, re.ASCII):
        return _bounded(int(plain))
    if re.fullmatch(r"[-+]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][-+]?\d{1,3})?", plain, re.ASCII):
        value = float(plain)
        if abs(value) != float("inf"):
            return value
    raise Unfit(f"needs a number{got(text, secret)}", _number_hint(plain, secret, whole=False))


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
        raise Unfit("is too large for a whole number", "Use a smaller one.")
    return number


def _boolean(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    plain = text.strip().casefold()
    if plain in _YES or plain in _NO:
        return plain in _YES
    raise Unfit(f"needs yes or no{got(text, secret)}", "Write yes or no.")


def _list(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    if text.strip().startswith("["):
        return _json(text, "a list", secret)
    items = schema.get("items")
    inner = items if isinstance(items, Mapping) else {}
    if kinds_of(inner) in (("object",), ("array",)):
        raise Unfit(f"needs a list as JSON{got(text, secret)}", "Write it as [{…}, {…}].")
    parts = [part.strip() for part in re.split(r"[,\n]", text)]
    return [from_text(part, inner, secret) for part in parts if part]


def _object(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    if text.strip().startswith("{"):
        return _json(text, "JSON", secret)
    if schema.get("x-file"):
        raise Unfit(f"needs a file{got(text, secret)}", "At the command line, write @ and its path.")
    raise Unfit(f"needs JSON{got(text, secret)}", 'Write it as {"name": "value"}.')


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
        raise Unfit(f"needs {what}, and this is no JSON{where}", _json_hint(error)) from None


def _json_hint(error: ValueError) -> str:
    if isinstance(error, NotPlain):
        return str(error).removeprefix("output").lstrip(": .").capitalize() + "."
    return 'Texts and names stand in double quotes: ["a", "b"] or {"name": "value"}.'


def _nothing(text: str, schema: Mapping[str, Json], secret: bool) -> Json:
    if text.strip() in ("", "null", "none", "-"):
        return None
    raise Unfit(f"must be left empty{got(text, secret)}")


_READERS: dict[str, Callable[[str, Mapping[str, Json], bool], Json]] = {
    "string": lambda text, schema, secret: text.strip() if "format" in schema else text,
    "integer": _whole_number,
    "number": _number,
    "boolean": _boolean,
    "array": _list,
    "object": _object,
    "null": _nothing,
}


@lru_cache(maxsize=512)
def validator(schema: str) -> Any:
    # Offline: a schema must never make the service fetch anything. Masked: messages are our own.
    return jsonschema_rs.validator_for(json.loads(schema), offline=True, mask="the value", validate_formats=True)
