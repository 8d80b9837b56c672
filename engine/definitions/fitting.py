"""Types across every mapping: what is computed must fit what takes it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.definitions.calls import Signature
from engine.definitions.problem import Findings, did_you_mean, listing
from engine.definitions.references import Place
from engine.definitions.scope import ANY, tolerant
from engine.definitions.shape import AnyStep, PythonStep
from engine.definitions.source import Path
from engine.definitions.words import given
from engine.rules.expressions import Type, assignable, check, kinds, object_of, spoken
from store.model import Json

_SCALAR: Type = {"type": ["string", "integer", "number", "boolean"]}
_SCALAR_OR_NULL: Type = {"type": ["string", "integer", "number", "boolean", "null"]}
_SEVERAL: Type = {"anyOf": [_SCALAR_OR_NULL, {"type": "array", "items": _SCALAR_OR_NULL}]}
_TEXT: Type = {"type": "string"}
# What each kind of step takes under `with:`; keys that are not listed take anything.
_TAKES: dict[str, dict[str, Type]] = {
    "approval": {"question": _SCALAR},
    "http": {
        "url": _TEXT,
        "headers": {"type": "object", "additionalProperties": _SCALAR_OR_NULL},
        "query": {"type": "object", "additionalProperties": _SEVERAL},
        "form": {"type": "object", "additionalProperties": _SEVERAL},
        "body": _SCALAR_OR_NULL,
    },
    "command": {
        "argv": {"type": "array", "items": _SCALAR},
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
    "wait": {"for": _TEXT, "until": _TEXT},
}
_URL = re.compile(r"https?://[^\s/?#]+\S*")


def expression_types(findings: Findings, place: Place, scope: Mapping[str, Type]) -> dict[Path, Type]:
    """The type of each template of a place, after reporting what its expressions get wrong."""
    scope = tolerant(scope, place.strange)
    types: dict[Path, Type] = {}
    for path, template in place.templates.items():
        types[path], problems = template.check(scope)
        for placed in problems:
            at, problem = (*path, *placed.path), placed.problem
            findings.error(at, "wrong_expression", problem.message, problem.hint, offset=problem.offset)
    if place.when is not None:
        type_, found = check(place.when, scope)
        for problem in found:
            findings.error(place.when_path, "wrong_expression", problem.message, problem.hint, offset=problem.offset)
        possible = kinds(type_)
        if not found and possible is not None and possible != {"boolean"}:
            message = f"`when` needs true or false, and this is {spoken(type_)}"
            hint = "compare it with something: == , > , has(…)"
            findings.error(place.when_path, "when_not_boolean", message, hint)
    return types


def fit(findings: Findings, name: str, step: AnyStep, types: Mapping[Path, Type], signature: Signature) -> None:
    """Hold what a step is given against what it takes."""
    base: Path = ("steps", name, "with")
    if isinstance(step, PythonStep):
        _arguments(findings, base, step, types, signature)
    takes = _TAKES.get(step.uses, {})
    for path, type_ in types.items():
        if len(path) == 4 and str(path[3]) in takes:
            _hold(findings, path, type_, takes[str(path[3])])
    url = getattr(step.with_, "url", None)
    if isinstance(url, str):
        _url(findings, (*base, "url"), url)


def transformed(name: str, with_: Json, types: Mapping[Path, Type]) -> Type:
    """What a transform gives: its `with`, filled."""
    base: Path = ("steps", name, "with")
    if not isinstance(with_, dict):
        return types.get(base, ANY)
    return object_of({key: types.get((*base, key), ANY) for key in with_})


def fit_output(findings: Findings, name: str, given_type: Type, declared: Type) -> None:
    """Hold what a transform gives against the `output:` it declares."""
    _hold(findings, ("steps", name, "with"), given_type, declared, what="the output")


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
    findings: Findings, base: Path, step: PythonStep, types: Mapping[Path, Type], signature: Signature
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
        if given_type is not None and isinstance(taken, Mapping) and taken:
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
