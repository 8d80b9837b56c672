"""Types across every mapping: what is computed must fit what takes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from engine.definitions.calls import Signature
from engine.definitions.outline import Site
from engine.definitions.places import Place
from engine.definitions.problem import Findings, did_you_mean, listing
from engine.definitions.schemas import FILE_SCHEMA
from engine.definitions.scope import ANY, tolerant
from engine.definitions.source import Path
from engine.definitions.step_shapes import PythonDeed
from engine.definitions.words import given
from engine.rules.expressions import (
    Expression,
    Problem,
    Type,
    assignable,
    check,
    kinds,
    object_of,
    spoken,
    without_null,
)
from engine.rules.expressions.types import alternatives, items_of, list_of, united
from store.model import Json

_SCALAR: Type = {"type": ["string", "integer", "number", "boolean"]}
_SCALAR_OR_NULL: Type = {"type": ["string", "integer", "number", "boolean", "null"]}
_SEVERAL: Type = {"anyOf": [_SCALAR_OR_NULL, {"type": "array", "items": _SCALAR_OR_NULL}]}
_PART: Type = {"anyOf": [_SCALAR_OR_NULL, FILE_SCHEMA, {"type": "array", "items": {"anyOf": [_SCALAR, FILE_SCHEMA]}}]}
_NOTHING: Type = {"not": {}}
_TEXT: Type = {"type": "string"}
# What each kind of step takes under `with:`; keys that are not listed take anything.
_TAKES: dict[str, dict[str, Type]] = {
    "approval": {"question": _SCALAR},
    "form": {"question": _SCALAR},
    "message": {"to": _TEXT, "text": _SCALAR},
    "stop": {"reason": _SCALAR},
    "http": {
        "url": _TEXT,
        "headers": {"type": "object", "additionalProperties": _SCALAR_OR_NULL},
        "query": {"type": "object", "additionalProperties": _SEVERAL},
        "form": {"type": "object", "additionalProperties": _PART},
        "save": _SCALAR,
        "body": _SCALAR_OR_NULL,
    },
    "command": {
        "argv": {"type": "array", "items": _SCALAR},
        "save": _SCALAR,
        "env": {"type": "object", "additionalProperties": _SCALAR_OR_NULL},
        "stdin": _SCALAR_OR_NULL,
        "cwd": _TEXT,
    },
    "model": {
        "prompt": _SCALAR,
        "system": _SCALAR,
        "messages": {"type": "array", "items": {"type": "object"}},
        "parameters": {"type": "object"},
    },
    "wait": {"for": _TEXT, "until": _TEXT, "timeout": _TEXT},
}
_FILES_MAY_GO = frozenset({"body", "stdin"})  # a file that is given to a run may be passed on whole
_URL = re.compile(r"https?://[^\s/?#]+\S*")


def expression_types(
    findings: Findings, place: Place, scope: Mapping[str, Type], why: Callable[[Path, int], str] = lambda *_: ""
) -> dict[Path, Type]:
    """The type of each template of a place, after reporting what its expressions get wrong.

    `why` tells of what stands at a character of a text why it may be missing.
    """
    scope = tolerant(scope, place.strange)
    types: dict[Path, Type] = {}
    for path, template in place.templates.items():
        types[path], problems = template.check(scope)
        for placed in problems:
            at, problem = (*path, *placed.path), placed.problem
            hint = _with_reason(problem, why(at, problem.offset))
            findings.error(at, "wrong_expression", problem.message, hint, offset=problem.offset)
    for path, expression in place.conditions.items():
        _condition(findings, path, expression, scope)
    for path, expression in place.values.items():
        types[path], found = check(expression, scope)
        _tell(findings, path, found)
    return types


def _with_reason(problem: Problem, reason: str) -> str:
    return f"{reason}\n{problem.hint}" if reason and problem.message.endswith("may be missing") else problem.hint


def _condition(findings: Findings, path: Path, expression: Expression, scope: Mapping[str, Type]) -> None:
    type_, found = check(expression, scope)
    _tell(findings, path, found)
    possible = kinds(type_)
    if not found and possible is not None and possible != {"boolean"}:
        message = f"`{path[-1]}` needs true or false, and this is {spoken(type_)}"
        code = "when_not_boolean" if path[-1] == "when" else "condition_not_boolean"
        findings.error(path, code, message, "compare it with something: == , > , has(…)")


def _tell(findings: Findings, path: Path, found: Iterable[Problem]) -> None:
    for problem in found:
        findings.error(path, "wrong_expression", problem.message, problem.hint, offset=problem.offset)


def fit(findings: Findings, site: Site, place: Place, types: Mapping[Path, Type], signature: Signature) -> None:
    """Hold what a step is given against what it takes."""
    base: Path = (*site.path, "with")
    if isinstance(site.step, PythonDeed):
        _arguments(findings, base, site.step, types, signature)
    takes = _TAKES.get(site.step.uses, {})
    for path, type_ in types.items():
        if path[:-1] == base and str(path[-1]) in takes:
            if path[-1] in _FILES_MAY_GO:
                type_ = _but_files(type_)
            if path[-1] == "argv" and kinds(type_) == frozenset({"list"}):
                type_ = list_of(_but_files(items_of(type_)))
            if type_ == _NOTHING or type_ == list_of(_NOTHING):
                continue
            if site.step.uses == "wait" and not place.templates[path].expressions:
                continue  # what is written out was looked at as a length of time or a moment
            _hold(findings, path, type_, takes[str(path[-1])])
    url = getattr(getattr(site.step, "with_", None), "url", None)
    if isinstance(url, str):
        _url(findings, (*base, "url"), url)


def _but_files(type_: Type) -> Type:
    """What else a value may be that may be a file, or may say that one is to be made."""
    branches = alternatives(type_)
    rest = [one for one in branches if "x-file" not in one and _fields_of(one) != {"save"}]
    return type_ if len(rest) == len(branches) else united(rest) if rest else _NOTHING


def _fields_of(type_: Type) -> set[str]:
    properties = type_.get("properties")
    return set(properties) if isinstance(properties, dict) else set()


def is_file(type_: Type) -> bool:
    """Whether a value is a file that was given to the run."""
    return "x-file" in without_null(type_)


def fit_list(findings: Findings, path: Path, type_: Type) -> Type:
    """What the elements of a list are, after reporting what is no list."""
    possible = kinds(type_)
    if possible is None:
        return ANY
    if "list" not in possible:
        hint = "give it a list; the fields of an object are no list"
        findings.error(path, "not_a_list", f"`foreach` needs a list, and this is {spoken(type_)}", hint)
        return ANY
    if possible != {"list"}:
        findings.error(
            path, "not_a_list", f"`foreach` needs a list, and this is {spoken(type_)}", "write coalesce(…, [])"
        )
    return items_of(type_)


def fit_key(findings: Findings, path: Path, type_: Type) -> None:
    possible = kinds(type_)
    if possible is not None and not possible <= {"string", "integer"}:
        message = f"`key` names an element, and this is {spoken(type_)}"
        findings.error(path, "bad_key_of_item", message, "give it a text or a whole number, such as item.id")


def fit_inputs(
    findings: Findings,
    path: Path,
    given_types: Mapping[str, Type],
    inputs: Mapping[str, Type],
    optional: Collection[str],
    *,
    complete: bool = True,
    of: str = "this workflow",
) -> None:
    """Hold what a run is started with against the inputs that its workflow has."""
    meant: set[str] = set()
    for name, type_ in given_types.items():
        if name not in inputs:
            near = did_you_mean(name, inputs)
            meant |= {one for one in inputs if f"`{one}`" in near}
            hint = near or (f"it takes {listing(inputs)}" if inputs else "it takes nothing")
            findings.error((*path, name), "unknown_input", f"{of} has no input `{name}`", hint, key=True)
            continue
        reasons = assignable(type_, inputs[name])
        if reasons and not is_file(inputs[name]):
            message = f"`{name}` does not fit the input: {reasons[0]}"
            findings.error((*path, name), "type_mismatch", message, "\n".join(reasons[1:4]))
    missing = [name for name in inputs if name not in {*given_types, *optional, *meant}]
    if missing and complete:
        hint = f"add `{missing[0]}:` under `{path[-1]}:`, or give it a default"
        where = path if path in findings.source.keys else path[:-1]
        findings.error(where, "missing_input", f"{of} also needs {listing(missing)}", hint)


def transformed(site: Site, with_: Json, types: Mapping[Path, Type]) -> Type:
    """What a transform gives: its `with`, filled."""
    base: Path = (*site.path, "with")
    if not isinstance(with_, dict):
        return types.get(base, ANY)
    return object_of({key: types.get((*base, key), ANY) for key in with_})


def fit_output(findings: Findings, site: Site, given_type: Type, declared: Type) -> None:
    """Hold what a transform gives against the `output:` it declares."""
    _hold(findings, (*site.path, "with"), given_type, declared, what="the output")


def _hold(findings: Findings, path: Path, given_type: Type, taken: Type, what: str = "") -> None:
    inner = taken.get("additionalProperties")
    properties = given_type.get("properties")
    if isinstance(inner, Mapping) and isinstance(properties, Mapping):
        for key, type_ in properties.items():
            _hold(findings, (*path, key), type_, inner)
        return
    reasons = assignable(given_type, taken)
    if not reasons:
        return
    name = what or f"`{path[-1]}`"
    if taken in (_SCALAR, _SCALAR_OR_NULL, _TEXT):
        wanted = "a text" if taken is _TEXT else "a text, a number or true or false"
        hint = "string(…) makes text of it" if taken is _TEXT else "toJson(…) writes it as text"
        findings.error(path, "type_mismatch", f"{name} needs {wanted}, and this is {spoken(given_type)}", hint)
        return
    findings.error(path, "type_mismatch", f"{name} does not fit: {reasons[0]}", "\n".join(reasons[1:4]))


def _arguments(
    findings: Findings, base: Path, step: PythonDeed, types: Mapping[Path, Type], signature: Signature
) -> None:
    """The names and types of a function's arguments."""
    function = step.call.rpartition(":")[2]
    for name in step.with_:
        if name not in signature.parameters and not signature.open:
            known = list(signature.parameters)
            hint = did_you_mean(name, known) or (f"it takes {listing(known)}" if known else "it takes nothing")
            findings.error((*base, name), "unknown_argument", f"{function} does not take `{name}`", hint, key=True)
    missing = [name for name in signature.required if name not in step.with_]
    if missing:
        where = base if step.with_ else base[:-1]
        findings.error(
            where, "missing_argument", f"{function} also needs {listing(missing)}", f"add `{missing[0]}:` under `with:`"
        )
    for name, taken in signature.parameters.items():
        given_type = types.get((*base, name))
        if given_type is not None and not is_file(given_type) and isinstance(taken, Mapping) and taken:
            reasons = assignable(given_type, taken)
            if reasons:
                message = f"`{name}` does not fit what {function} takes: {reasons[0]}"
                findings.error((*base, name), "type_mismatch", message, "\n".join(reasons[1:4]))


def _url(findings: Findings, path: Path, url: str) -> None:
    """Addresses that are wrong however their expressions turn out."""
    plain = re.sub(r"\$\{\{.*?\}\}", "x", url)
    if url.startswith("${{") or _URL.fullmatch(plain):
        return
    if re.fullmatch(r"[\w.-]+\.[a-z]{2,}(:\d+)?(/\S*)?", plain):
        hint = f"write https://{url}"
    elif re.search(r"\s", plain):
        hint = "an address holds no spaces; write %20 for one"
    else:
        hint = "write for instance https://example.com/posts"
    findings.error(path, "bad_url", f"this is no web address: {given(url).removeprefix('the text ')}", hint)
