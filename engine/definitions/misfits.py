"""What does not fit the shape of a workflow file, in plain words at its place."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic_core import ErrorDetails

from engine.definitions.problem import Findings, did_you_mean, listing, suggestion
from engine.definitions.shape import WorkflowFile
from engine.definitions.slots import Shape, untagged
from engine.definitions.source import Path
from engine.definitions.step_shapes import KINDS, UNDO_KINDS, BlockStep, StepShape
from engine.definitions.stepping import HOMES, step_in
from engine.definitions.trigger_shapes import TRIGGERS
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
    path = located(details["loc"])
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
            _unknown_kind((*path, "uses"), untagged(str(context["tag"])) or "", findings)
        case _ if kind in _WORDS:
            _wrong_type(path, kind, value, findings)
        case "string_too_short":
            findings.error(path, "no_value", f"`{path[-1]}` is empty", "write a text")
        case "greater_than_equal" | "less_than_equal" | "greater_than":
            bound = context.get("ge", context.get("le", context.get("gt")))
            word = {"greater_than_equal": "at least", "greater_than": "more than"}.get(kind, "at most")
            message = f"`{path[-1]}` is {value}, and it must be {word} {bound:g}"
            findings.error(path, "out_of_range", message, f"write a number of {word} {bound:g}")
        case _:
            findings.error(path, "wrong_value", f"`{path[-1] if path else 'file'}`: {details['msg']}")


def located(loc: tuple[str | int, ...]) -> Path:
    """The place in the file that a place in the models stands for: tags of unions are no keys."""
    return tuple(part for part in loc if untagged(part) is None)


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
    hint = hints.get(path) or _MISSING.get(str(key)) or f"add `{key}:`"
    if key == "uses":
        hint = f"say what kind of step it is: {listing(KINDS)}; or give it `steps:`"
    if is_misspelt(path, findings):
        return  # said at the misspelt key
    step = step_in(path[:-1])
    where = f" in step `{said(step)}`" if step else ""
    findings.error(path[:-1], "missing_key", f"`{key}` is missing{where}", hint)


_MISSING = {
    "among": 'say who may come into question at most: among: ["@editors"]',
    "rerun": "name the step that is done again: rerun: draft",
}


def said(step: Path) -> str:
    """A step as messages call it."""
    return f"{step[-2]}: undo" if step[-1] == "undo" else str(step[-1])


def _no_kind(path: Path, step: Json, findings: Findings) -> None:
    if path[:1] == ("on",):
        _no_trigger(path, step, findings)
        return
    if not isinstance(step, dict):
        _wrong_type(path, "dict_type", step, findings)
        return
    for key in step:
        for meant in ("uses", "steps"):
            if f"`{meant}`" in did_you_mean(key, [meant]):
                findings.error(
                    (*path, key), "unknown_key", f"unknown key `{key}`", f"did you mean `{meant}`?", key=True
                )
                return
    _missing((*path, "uses"), findings)


def _no_trigger(path: Path, trigger: Json, findings: Findings) -> None:
    hint = f"say what starts a run: {listing(TRIGGERS)}"
    if not isinstance(trigger, dict):
        findings.error(path, "wrong_type", f"item {int(path[-1]) + 1} of `on` needs a map, not {given(trigger)}", hint)
        return
    known = [*TRIGGERS, "cron"]
    near = {key: did_you_mean(key, known) for key in trigger if key not in ("inputs",)}
    key = next((key for key in trigger if near.get(key)), None)
    if key == "cron":
        hint = "give the schedule a name: {schedule: weekly, cron: …}"
        findings.error(path, "missing_key", "`schedule` is missing", hint)
    elif key is not None:
        findings.error((*path, key), "unknown_key", f"unknown key `{key}`", near[key], key=True)
    else:
        findings.error(path, "unknown_trigger", "nothing here says what starts a run", hint)


def is_misspelt(path: Path, findings: Findings) -> bool:
    """Whether the missing key stands there under a similar name."""
    around = _value(findings.source.data, path[:-1])
    written = list(around) if isinstance(around, dict) else []
    return any(f"`{path[-1]}`" in did_you_mean(key, [str(path[-1])]) for key in written)


def _unknown_key(path: Path, data: Json, findings: Findings) -> None:
    key = str(path[-1])
    shape = _shape_at(path[:-1], data)
    known = _keys(shape) if shape else []
    hint = did_you_mean(key, known)
    message = f"unknown key `{key}`"
    step = step_in(path[:-1])
    if step and step == path[:-1]:
        message, hint = _unknown_in_step(step, key, data, message, hint)
    elif step and path[:-1] == (*step, "with"):
        uses = _value(data, (*step, "uses"))
        if not hint and key in _keys(KINDS.get(str(uses))):
            hint = "it belongs to the step: move it out of `with:`"
        hint = hint or _INSIDE.get((str(uses), key), "")
    elif len(path) == 1 and key in _keys(StepAny):
        hint = hint or "it belongs to a step: indent it below the step's name"
    hint = hint or (_MEANT[key] if key in _MEANT and _MEANT[key].split("`")[1] in known else "")
    if not hint and known:
        hint = f"keys here: {listing(known, 40)}"
    findings.error(path, "unknown_key", message, hint, key=True)


def _unknown_in_step(step: Path, key: str, data: Json, message: str, hint: str) -> tuple[str, str]:
    uses = _value(data, (*step, "uses"))
    if "steps" in _value(data, step):
        if key in ("uses", "with"):
            return f"a block has no `{key}`", "the steps in it have; a step of its own stands beside the block"
        return message, hint
    if step[-1] == "undo":
        if key in _keys(StepAny):
            return f"`{key}` does not belong to an `undo`", _UNDO.get(key, "leave it out")
        return message, hint
    owners = [kind for kind, model in KINDS.items() if key in _keys(model)]
    inside = isinstance(uses, str) and key in _keys(_with_of(KINDS.get(uses)))
    if owners:
        message = f"`{key}` does not belong to a step that uses {uses}"
        hint = _INSTEAD.get((str(uses), key)) or f"it belongs to: {listing(owners)}"
    elif inside:
        hint = "it belongs under `with:`, indented below it"
    return message, hint


StepAny = KINDS["http"]
_UNDO = {
    "when": "a step is taken back only when it was done; put the condition into the function that takes it back",
    "needs": "steps are taken back in the reverse order of their completion",
    "after": "steps are taken back in the reverse order of their completion",
    "on_failure": "what cannot be taken back is reported, and the rest goes on",
    "foreach": "each element's step is taken back by itself",
    "undo": "what takes a step back is not taken back itself",
}
_INSIDE = {
    ("approval", "rounds"): "it belongs to `changes:`: write changes: {rerun: STEP, rounds: 3}",
    ("approval", "rerun"): "it belongs to `changes:`: write changes: {rerun: STEP, rounds: 3}",
    ("approval", "among"): "it belongs to `approvers:`: write approvers: {from: …, among: […]}",
    ("http", "until"): "it belongs to `poll:`: write poll: {every: 10s, until: …}",
    ("http", "every"): "it belongs to `poll:`: write poll: {every: 10s, until: …}",
    ("form", "quorum"): "one answer is enough; ask in an approval when several must agree",
}
_MEANT = {
    "otherwise": "did you mean `else`?",
    "message": "did you mean `else`?",
    "if": "did you mean `when`?",
    "for_each": "did you mean `foreach`?",
    "loop": "did you mean `foreach`?",
    "depends_on": "did you mean `needs`?",
    "name": "did you mean `title`?",
}
_ONE_ANSWER = "a gate has clocks of its own: `due:` and `expires:` under `with:`"
_INSTEAD = {
    ("approval", "timeout"): _ONE_ANSWER,
    ("approval", "attempt_timeout"): _ONE_ANSWER,
    ("form", "timeout"): _ONE_ANSWER,
    ("form", "attempt_timeout"): _ONE_ANSWER,
    ("approval", "retry"): "people are not retried; see `on_expiry:` and `on_reject:` under `with:`",
    ("form", "retry"): "people are not retried; see `on_expiry:` under `with:`",
    ("approval", "output"): "the output of a gate is fixed: verdict, choice, content, comment, by, at",
    ("form", "output"): "what people fill in is said by `fields:` under `with:`",
    ("wait", "timeout"): "a wait ends by itself; see `for:` under `with:`",
    ("wait", "output"): "the output of a wait is fixed: until",
    ("workflow", "output"): "its output is what the other workflow's `outputs:` say",
    ("transform", "retry"): "a transform gives the same result every time",
    ("transform", "undo"): "a transform changes nothing, so there is nothing to take back",
    ("model", "undo"): "a question changes nothing, so there is nothing to take back",
    ("approval", "undo"): "a decision is not taken back",
    ("wait", "undo"): "there is nothing to take back",
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
    if path[-2] == "undo" and tag in KINDS:
        message = f"a step is not taken back by one that uses {tag}"
        findings.error(path, "unknown_kind", message, f"use one of {listing(UNDO_KINDS)}")
        return
    hint = f"write {_SYNONYMS[tag]}" if tag in _SYNONYMS else suggestion(tag, KINDS, what="kinds of step")
    findings.error(path, "unknown_kind", f"there is no kind of step `{tag}`", hint)


def _wrong_type(path: Path, kind: str, value: Json, findings: Findings) -> None:
    key = f"`{path[-1]}`" if path else "the file"
    if isinstance(path[-1], int) if path else False:
        key = f"item {int(path[-1]) + 1} of `{path[-2]}`"
    if value is None:
        findings.error(path, "no_value", f"{key} has no value", _value_hint(path))
        return
    wanted = _WORDS[kind]
    findings.error(path, "wrong_type", f"{key} needs {wanted}, not {given(value)}", _type_hint(path, kind, value))


def _value_hint(path: Path) -> str:
    if path == ("steps",):
        return FIRST_STEP
    if step_in(path) == path:
        return "say below it what kind of step it is, indented:\nuses: transform\nwith: {text: Hello}"
    return "write one, or delete the line"


def _type_hint(path: Path, kind: str, value: Json) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        shown = "true" if value is True else "false" if value is False else value
        return f'put it in quotes: "{shown}"'
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _BOOLEANS:
        return f"write {_BOOLEANS[value.lower()]}"
    if kind in ("int_type", "float_type") and isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return f"write {value}, without quotes"
    if path[-1:] == ("ensure",):
        return 'write [{that: "${{ output.n > 3 }}", else: At least four}]'
    if path == ("on",) and not isinstance(value, dict):
        return 'write what starts runs, or delete the line: [{schedule: daily, cron: "0 9 * * *"}]'
    if kind in ("list_type", "tuple_type") and isinstance(value, dict):
        return "begin each of them with `- `, on a line of its own below the key"
    if kind in ("list_type", "tuple_type") and isinstance(value, str | int | float):
        return f"write [{_written(value)}]"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        key = str(path[-1]) if path else ""
        if key in _SHORT and isinstance(value, str | int):
            return f"write {{{_SHORT[key]}: {_written(value)}}}"
        if path[-1:] == ("steps",) or path in {(home,) for home in HOMES}:
            return "every step has a name: write `name:` in place of the dash, and indent the rest below it"
        if isinstance(value, str) and ":" in value:
            return "after a colon YAML wants a space"
        return "put `key: value` lines below it, indented"
    return ""


_SHORT = {
    "retry": "attempts",
    "alerts": "failed",
    "slack": "show",
    "limits": "duration",
    "access": "start",
    "concurrency": "max",
    "budget": "usd",
    "keep": "content",
    "changes": "rerun",
}
_SYNONYMS = {
    **dict.fromkeys(("shell", "bash", "sh", "exec", "script", "run", "cmd"), "command"),
    **dict.fromkeys(("llm", "ai", "prompt", "gpt", "openai", "chat", "agent"), "model"),
    **dict.fromkeys(("request", "api", "webhook", "rest", "fetch", "curl"), "http"),
    **dict.fromkeys(("gate", "approve", "human", "manual", "review", "decision"), "approval"),
    **dict.fromkeys(("sleep", "delay", "pause", "timer"), "wait"),
    **dict.fromkeys(("function", "code", "py", "call"), "python"),
    **dict.fromkeys(("map", "mapping", "set", "compute"), "transform"),
    **dict.fromkeys(("slack", "say", "notify", "post", "dm"), "message"),
    **dict.fromkeys(("input", "ask", "modal"), "form"),
    **dict.fromkeys(("subworkflow", "child", "flow"), "workflow"),
    **dict.fromkeys(("end", "exit", "fail", "abort"), "stop"),
}


def _written(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) and not value.isalnum() else str(value)


def _shape_at(path: Path, data: Json) -> type[Shape] | None:
    """The shape of the map at a path."""
    model: Any = WorkflowFile
    for index, part in enumerate(path):
        here = path[: index + 1]
        if step_in(here) == here:
            model = _kind_at(here, data)
        elif here[:1] == ("on",) and index == 1:
            trigger = _value(data, here)
            model = next((TRIGGERS[kind] for kind in TRIGGERS if isinstance(trigger, dict) and kind in trigger), None)
        else:
            model = _inner(model, part)
    return model if isinstance(model, type) and issubclass(model, Shape) else None


def _kind_at(step: Path, data: Json) -> type[Shape] | None:
    raw = _value(data, step)
    if isinstance(raw, dict) and "steps" in raw:
        return BlockStep
    uses = raw.get("uses") if isinstance(raw, dict) else None
    kinds: Mapping[str, type[Shape]] = UNDO_KINDS if step[-1] == "undo" else KINDS
    return kinds.get(uses) if isinstance(uses, str) else None


def _inner(model: Any, part: str | int) -> Any:
    """What stands under a key of a shape, or in a map or list of shapes."""
    if isinstance(model, type) and issubclass(model, Shape):
        found = next((f.annotation for name, f in model.model_fields.items() if (f.alias or name) == part), None)
        return _plain(found)
    return _plain(get_args(model)[-1]) if get_origin(model) in (dict, list) else None


def _plain(annotation: Any) -> Any:
    """An annotation without its marks; of several, the one that is a shape."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    members = [_plain(one) for one in get_args(annotation)]
    return next((one for one in members if isinstance(one, type) and issubclass(one, Shape)), None)


def _keys(model: type[Shape] | None) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _with_of(model: type[StepShape] | None) -> type[Shape] | None:
    found = _inner(model, "with") if model else None
    return found if isinstance(found, type) and issubclass(found, Shape) else None
