"""What a function says it takes and gives: its annotations, read by pydantic.

pydantic is imported when the first annotated function comes along, so that a worker without one starts faster.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from store.model import Json

# Annotations that promise nothing beyond "JSON": the result is then held to plain JSON itself.
_LOOSE = (Any, object, dict, list, inspect.Parameter.empty)


class WrongArguments(ValueError):
    """The step gives what the function does not take."""


class WrongResult(ValueError):
    """The function gave what its annotation does not say."""


def bind(function: Callable[..., Any], given: Mapping[str, Json]) -> dict[str, Any]:
    """The keyword arguments, each turned into the type its annotation asks for: a model, a date, an enum …"""
    parameters = inspect.signature(function).parameters
    _require_names(function, parameters, given)
    hints = _hints(function)
    problems: list[str] = []
    arguments: dict[str, Any] = {}
    for name, value in given.items():
        hint = hints.get(name, Any)
        if hint in _LOOSE[:2] or name not in parameters:
            arguments[name] = value
            continue
        if _is_path(hint) and isinstance(value, Mapping) and "path" in value:
            value = value["path"]  # a file that was handed in
        try:
            # Strict, and as JSON: "5" is no number, but "2026-11-22" may be a date.
            arguments[name] = _adapter(hint).validate_json(orjson.dumps(value), strict=True)
        except ValueError as error:
            problems += _sentences(name, error)
    if problems:
        raise WrongArguments("; ".join(problems))
    return arguments


def unwrap(function: Callable[..., Any], result: Any) -> Json:
    """The result as JSON, by its annotation where that says more than JSON itself."""
    hint = _hints(function).get("return", Any)
    if hint in _LOOSE or hint is type(None):
        return result
    from pydantic_core import PydanticSerializationError

    try:
        return _adapter(hint).dump_python(result, mode="json", warnings="error")
    except (PydanticSerializationError, ValueError) as error:
        raise WrongResult(" ".join(str(error).split())) from None


def describe(function: Callable[..., Any]) -> dict[str, Json]:
    """JSON Schemas of the parameters (as one object) and of the result (None when it says nothing)."""
    from pydantic import TypeAdapter

    hints = _hints(function)
    parameters = inspect.signature(function).parameters
    named = {
        name: part for name, part in parameters.items() if part.kind in (part.POSITIONAL_OR_KEYWORD, part.KEYWORD_ONLY)
    }
    open_ended = any(part.kind is part.VAR_KEYWORD for part in parameters.values())
    inputs: list[Any] = [(name, "validation", _adapter(hints.get(name, Any))) for name in named]
    schemas, extra = TypeAdapter.json_schemas(inputs)
    properties = {name: {**schemas[(name, "validation")], **_default(part)} for name, part in named.items()}
    for name in properties:
        if _is_path(hints.get(name)):
            properties[name] = {"anyOf": [properties[name], {"type": "object", "x-file": True}]}
    takes: dict[str, Json] = {
        "type": "object",
        "properties": properties,
        "required": [name for name, part in named.items() if part.default is part.empty],
        "additionalProperties": open_ended,
        **({"$defs": extra["$defs"]} if "$defs" in extra else {}),
    }
    returned = hints.get("return", Any)
    gives = None if returned in _LOOSE[:2] else _adapter(returned).json_schema(mode="serialization")
    return {
        "parameters": takes,
        "returns": gives,
        "effect": getattr(function, "__pointsman_effect__", None),
        "description": inspect.getdoc(function) or "",
    }


def _require_names(
    function: Callable[..., Any], parameters: Mapping[str, inspect.Parameter], given: Mapping[str, Json]
) -> None:
    kinds = {part.kind for part in parameters.values()}
    named = [name for name, part in parameters.items() if part.kind in (part.POSITIONAL_OR_KEYWORD, part.KEYWORD_ONLY)]
    unknown = [name for name in given if name not in named]
    if unknown and inspect.Parameter.VAR_KEYWORD not in kinds:
        takes = f"it takes {', '.join(named)}" if named else "it takes nothing"
        raise WrongArguments(f"{function.__name__} does not take {', '.join(unknown)}; {takes}")
    missing = [name for name in named if name not in given and parameters[name].default is inspect.Parameter.empty]
    if missing:
        raise WrongArguments(f"{function.__name__} also needs {', '.join(missing)}")


def _is_path(hint: Any) -> bool:
    """Whether a parameter takes a path, be it optional."""
    return hint is Path or Path in typing.get_args(hint)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception as error:  # an annotation may evaluate anything
        raise WrongArguments(f"the annotations of {function.__name__} cannot be read: {error}") from None


@lru_cache(maxsize=512)
def _cached_adapter(hint: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(hint)


def _adapter(hint: Any) -> Any:
    try:
        return _cached_adapter(hint)
    except TypeError:  # an annotation that cannot be hashed, as Literal of a list
        return _cached_adapter.__wrapped__(hint)


def _default(part: inspect.Parameter) -> dict[str, Json]:
    if part.default is part.empty:
        return {}
    try:
        return {"default": orjson.loads(orjson.dumps(part.default))}
    except orjson.JSONEncodeError:
        return {}


def _sentences(name: str, error: ValueError) -> list[str]:
    errors = getattr(error, "errors", None)
    if errors is None:
        return [f"{name}: {error}"]
    found = errors(include_input=False, include_url=False, include_context=False)
    return [f"{'.'.join(map(str, (name, *one['loc'])))}: {one['msg']}" for one in found]
