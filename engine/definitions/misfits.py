"""What does not fit the shape of a workflow file, in plain words at its place."""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from engine.definitions.problem import Findings, did_you_mean, listing, suggestion
from engine.definitions.shape import KINDS, Shape, StepShape, WorkflowFile
from engine.definitions.source import Path
from engine.definitions.words import given
from store.model import Json

NOWHERE = object()
_WORDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
}
_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def at(node: Json, part: str | int) -> Json:
    if isinstance(node, dict):
        return node.get(part, NOWHERE)
    if isinstance(node, list) and isinstance(part, int) and part < len(node):
        return node[part]
    return NOWHERE


FIRST_STEP = "for instance:\nsteps:\n  hello:\n    uses: transform\n    with: {text: Hello}"


def report(details: ErrorDetails, data: Json, findings: Findings) -> None:
    path = located(details["loc"], data)
    kind = details["type"]
    context = details.get("ctx", {})
    value = _value(data, path)
    match kind:
        case "missing":
            _missing(path, findings)
        case "extra_forbidden":
            _unknown_key(path, data, findings)
        case "pointsman":
            findings.error(path, context["code"], context["said"], context["hint"])
        case "literal_error":
            _not_one_of(path, value, context["expected"], findings)
        case "union_tag_not_found":
            _no_kind(path, value, findings)
        case "union_tag_invalid":
            _unknown_kind((*path, "uses"), str(context["tag"]), findings)
        case _ if kind in _WORDS:
            _wrong_type(path, kind, value, findings)
        case "greater_than_equal" | "less_than_equal":
            bound = context.get("ge", context.get("le"))
            word = "at least" if kind == "greater_than_equal" else "at most"
            message = f"`{path[-1]}` is {value}, and it must be {word} {bound}"
            findings.error(path, "out_of_range", message, f"write a number of {word} {bound}")
        case _:
            findings.error(path, "wrong_value", f"`{path[-1] if path else 'file'}`: {details['msg']}")


def located(loc: tuple[str | int, ...], data: Json) -> Path:
    """The place in the file that a place in the models stands for: tags of unions are no keys."""
    path: list[str | int] = []
    node = data
    for index, part in enumerate(loc):
        if index == 2 and loc[0] == "steps" and isinstance(node, dict) and part == node.get("uses"):
            continue
        path.append(part)
        node = at(node, part)
    return tuple(path)


def _value(data: Json, path: Path) -> Json:
    for part in path:
        data = at(data, part)
        if data is NOWHERE:
            return None
    return data


def _missing(path: Path, findings: Findings) -> None:
    key = path[-1]
    hints: dict[Path, str] = {
        ("workflow",): "write `workflow: name`, for instance `workflow: publish_post`",
        ("steps",): FIRST_STEP,
    }
    hint = hints.get(path) or f"add `{key}:`"
    if key == "uses":
        hint = f"say what kind of step it is: {listing(KINDS)}"
    if _is_misspelt(path, findings):
        return  # said at the misspelt key
    where = f" in step `{path[1]}`" if path[0] == "steps" and len(path) > 2 else ""
    findings.error(path[:-1], "missing_key", f"`{key}` is missing{where}", hint)


def _no_kind(path: Path, step: Json, findings: Findings) -> None:
    for key in step if isinstance(step, dict) else ():
        if "`uses`" in did_you_mean(key, ["uses"]):
            findings.error((*path, key), "unknown_key", f"unknown key `{key}`", "did you mean `uses`?", key=True)
            return
    _missing((*path, "uses"), findings)


def _is_misspelt(path: Path, findings: Findings) -> bool:
    """Whether the missing key stands there under a similar name."""
    around = _value(findings.source.data, path[:-1])
    written = [key for key in around if isinstance(around, dict)] if isinstance(around, dict) else []
    return any(f"`{path[-1]}`" in did_you_mean(key, [str(path[-1])]) for key in written)


def _unknown_key(path: Path, data: Json, findings: Findings) -> None:
    key = str(path[-1])
    shape = _shape_at(path[:-1], data)
    known = _keys(shape) if shape else []
    hint = did_you_mean(key, known)
    message = f"unknown key `{key}`"
    if len(path) == 3 and path[0] == "steps":
        uses = _value(data, (*path[:2], "uses"))
        owners = [kind for kind, model in KINDS.items() if key in _keys(model)]
        inside = [kind for kind, model in KINDS.items() if key in _keys(_with_of(model)) and kind == uses]
        if owners:
            message = f"`{key}` does not belong to a step that uses {uses}"
            hint = _INSTEAD.get((str(uses), key)) or f"it belongs to: {listing(owners)}"
        elif inside:
            hint = "it belongs under `with:`, indented below it"
    elif len(path) == 4 and path[0] == "steps" and path[2] == "with" and not hint:
        uses = _value(data, (*path[:2], "uses"))
        if key in _keys(KINDS.get(str(uses))):
            hint = "it belongs to the step: move it out of `with:`"
    elif len(path) == 1 and key in _keys(StepAny):
        hint = hint or "it belongs to a step: indent it below the step's name"
    if not hint and known:
        hint = f"keys here: {listing(known, 30)}"
    findings.error(path, "unknown_key", message, hint, key=True)


StepAny = KINDS["http"]
_INSTEAD = {
    ("approval", "timeout"): "a gate has clocks of its own: `due:` and `expires:` under `with:`",
    ("approval", "attempt_timeout"): "a gate has clocks of its own: `due:` and `expires:` under `with:`",
    ("approval", "retry"): "people are not retried; see `on_expiry:` and `on_reject:` under `with:`",
    ("approval", "output"): "the output of a gate is fixed: verdict, content, comment, by, at",
    ("wait", "timeout"): "a wait ends by itself; see `for:` under `with:`",
    ("wait", "output"): "the output of a wait is fixed: until",
    ("transform", "retry"): "a transform gives the same result every time",
}


def _not_one_of(path: Path, value: Json, expected: str, findings: Findings) -> None:
    allowed = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
    key = path[-1]
    hint = did_you_mean(str(value), allowed) if isinstance(value, str) else ""
    upper = str(value).upper()
    if upper in allowed:
        hint = f"write {upper}"
    message = f"`{key}` is one of {', '.join(allowed)}, not {given(value)}"
    findings.error(path, "wrong_value", message, hint or f"write one of {', '.join(allowed)}")


def _unknown_kind(path: Path, tag: str, findings: Findings) -> None:
    hint = f"write {_SYNONYMS[tag]}" if tag in _SYNONYMS else suggestion(tag, KINDS, what="kinds of step")
    findings.error(path, "unknown_kind", f"there is no kind of step `{tag}`", hint)


def _wrong_type(path: Path, kind: str, value: Json, findings: Findings) -> None:
    key = f"`{path[-1]}`" if path else "the file"
    if isinstance(path[-1], int) if path else False:
        key = f"item {int(path[-1]) + 1} of `{path[-2]}`"
    if value is None:
        findings.error(path, "no_value", f"{key} has no value", "write one, or delete the line")
        return
    wanted = _WORDS[kind]
    findings.error(path, "wrong_type", f"{key} needs {wanted}, not {given(value)}", _type_hint(path, kind, value))


def _type_hint(path: Path, kind: str, value: Json) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        shown = "true" if value is True else "false" if value is False else value
        return f'put it in quotes: "{shown}"'
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _BOOLEANS:
        return f"write {_BOOLEANS[value.lower()]}"
    if kind in ("int_type", "float_type") and isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return f"write {value}, without quotes"
    if kind in ("list_type", "tuple_type") and isinstance(value, str | int | float):
        return f"write [{value}]"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        key = str(path[-1]) if path else ""
        if key in _SHORT and isinstance(value, str | int):
            return f"write {{{_SHORT[key]}: {_written(value)}}}"
        if path == ("steps",):
            return "every step has a name: write `name:` in place of the dash, and indent the rest below it"
        if isinstance(value, str) and ":" in value:
            return "after a colon YAML wants a space"
        return "put `key: value` lines below it, indented"
    return ""


_SHORT = {"retry": "attempts", "alerts": "failed", "slack": "show", "limits": "duration", "access": "start"}
_SYNONYMS = {
    **dict.fromkeys(("shell", "bash", "sh", "exec", "script", "run", "cmd"), "command"),
    **dict.fromkeys(("llm", "ai", "prompt", "gpt", "openai", "chat", "agent"), "model"),
    **dict.fromkeys(("request", "api", "webhook", "rest", "fetch", "curl"), "http"),
    **dict.fromkeys(("gate", "approve", "human", "manual", "review", "decision"), "approval"),
    **dict.fromkeys(("sleep", "delay", "pause", "timer"), "wait"),
    **dict.fromkeys(("function", "code", "py", "call"), "python"),
    **dict.fromkeys(("map", "mapping", "set", "compute"), "transform"),
}


def _written(value: str | int) -> str:
    return f'"{value}"' if isinstance(value, str) and not value.isalnum() else str(value)


def _shape_at(path: Path, data: Json) -> type[BaseModel] | None:
    model: Any = WorkflowFile
    for index, part in enumerate(path):
        if index == 1 and path[0] == "steps":
            uses = _value(data, (*path[:2], "uses"))
            model = KINDS.get(uses) if isinstance(uses, str) else None
        elif isinstance(model, type) and issubclass(model, BaseModel):
            model = _plain(_annotation(model, str(part)))
        elif get_origin(model) is dict:
            model = _plain(get_args(model)[1])
        else:
            return None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _annotation(model: type[BaseModel], key: str) -> Any:
    for name, field in model.model_fields.items():
        if (field.alias or name) == key:
            return field.annotation
    return None


def _plain(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _with_of(model: type[StepShape]) -> type[Shape] | None:
    annotation = _annotation(model, "with")
    is_shape = isinstance(annotation, type) and not isinstance(annotation, GenericAlias)
    return cast("type[Shape]", annotation) if is_shape and issubclass(annotation, Shape) else None
