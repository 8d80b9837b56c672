"""What does not fit the shape of a test file, in plain words at its place."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic_core import ErrorDetails

from engine.cases.shape import CasesFile
from engine.definitions.misfits import is_misspelt
from engine.definitions.problem import Findings, did_you_mean, listing
from engine.definitions.slots import Shape
from engine.definitions.source import Path
from engine.definitions.words import given
from store.model import Json

_WORDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}
_MISSING = {
    "expect": "say what is expected: `expect: {status: succeeded}`",
    "cases": "name at least one case:\ncases:\n  all goes well:\n    expect: {status: succeeded}",
    "workflow": "name the workflow that is tested: `workflow: publish_post`",
}


def report(details: ErrorDetails, findings: Findings) -> None:
    """Add one of pydantic's complaints as a problem."""
    path = _in_file(details["loc"], findings.source.data)
    kind, context = details["type"], details.get("ctx", {})
    value = _value(findings.source.data, path)
    match kind:
        case "missing":
            if is_misspelt(path, findings):
                return  # said at the misspelt key
            hint = _MISSING.get(str(path[-1]), f"add `{path[-1]}:`")
            findings.error(path[:-1], "missing_key", f"`{path[-1]}` is missing", hint, key=True)
        case "extra_forbidden":
            known = keys(path[:-1])
            hint = did_you_mean(str(path[-1]), known) or f"keys here: {listing(known, 20)}"
            findings.error(path, "unknown_key", f"unknown key `{path[-1]}`", hint, key=True)
        case "pointsman":
            findings.error(path, context["code"], context["said"], context["hint"])
        case "literal_error":
            allowed = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
            hint = did_you_mean(str(value), allowed) or f"write one of {', '.join(allowed)}"
            findings.error(path, "wrong_value", f"there is no status {given(value)} here", hint)
        case _ if kind in _WORDS:
            hint = "put `key: value` lines below it, indented" if "map" in _WORDS[kind] else ""
            findings.error(path, "wrong_type", f"`{path[-1]}` needs {_WORDS[kind]}, not {given(value)}", hint)
        case _:
            findings.error(path, "wrong_value", f"`{path[-1] if path else 'file'}`: {details['msg']}")


def keys(path: Path) -> list[str]:
    """The keys that may stand at a place of a test file."""
    model: Any = CasesFile
    for part in path:
        model = _inner(model, part)
    if get_origin(model) is list:  # one outcome without its list
        model = _plain(get_args(model)[0])
    fields = model.model_fields if isinstance(model, type) and issubclass(model, Shape) else {}
    return [field.alias or name for name, field in fields.items()]


def _inner(model: Any, part: str | int) -> Any:
    if isinstance(model, type) and issubclass(model, Shape):
        return _plain(next((f.annotation for name, f in model.model_fields.items() if name == part), None))
    if get_origin(model) is list and not isinstance(part, int):
        return _inner(_plain(get_args(model)[0]), part)
    return _plain(get_args(model)[-1]) if get_origin(model) in (dict, list) else None


def _plain(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    members = [_plain(one) for one in get_args(annotation)]
    return next((one for one in members if one is not type(None)), None)


def _in_file(loc: tuple[str | int, ...], data: Json) -> Path:
    """The place in the file: one outcome stands there without a list, one word without a map."""
    path: list[str | int] = []
    for part in loc:
        if isinstance(part, int) and isinstance(data, dict):
            continue
        if not isinstance(data, dict | list):
            break
        path.append(part)
        data = _value(data, (part,))
    return tuple(path)


def _value(data: Json, path: Path) -> Json:
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data
